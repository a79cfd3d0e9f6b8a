//! Twenty years of keys, week by week: real keys, changed as the plan says.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, SystemTime};

use common::{DAY, now};
use pgp_keystore::{
    Action, Generate, Hands, KeyState, Profile, Reason, RevocationReason, Rules, Unlocked, Use,
    lifecycle_plan,
};

const WEEK: Duration = Duration::from_secs(7 * 86_400);
const YEARS: u32 = 20;

/// What a life was like.
#[derive(Debug, Default)]
struct Life {
    /// The weeks in which something that is needed did not count.
    lapses: Vec<u32>,
    actions: Vec<(u32, Action)>,
}

impl Life {
    fn count(&self, wanted: impl Fn(&Action) -> bool) -> usize {
        self.actions
            .iter()
            .filter(|(_, action)| wanted(action))
            .count()
    }
}

fn new(ends: Option<SystemTime>) -> Unlocked {
    let new = Generate::new(Profile::Modern, now()).user_id("Ann <ann@example.org>");
    let new = match ends {
        Some(ends) => new.expires(ends),
        None => new,
    };
    new.create().unwrap().key
}

/// Lives a life. `owner` is what an owner does when reminded.
fn live(
    mut key: Unlocked,
    hands: Hands,
    rules: &Rules,
    owner: impl Fn(&mut Unlocked, SystemTime),
) -> Life {
    let mut life = Life::default();
    let (mut changed, mut published) = (now(), now());
    let (mut reminded, mut retired) = (None, None);
    for week in 0..YEARS * 52 {
        let at = now() + week * WEEK;
        let view = key.at(at);
        let needed = [Use::Sign, Use::Encrypt];
        if retired.is_none() && needed.iter().any(|u| view.keys_for(*u).next().is_none()) {
            life.lapses.push(week);
        }
        let mut state = KeyState::new(&view, hands);
        (state.changed, state.published) = (changed, Some(published));
        (state.reminded, state.retired) = (reminded, retired);
        for action in lifecycle_plan(&state, rules, at) {
            life.actions.push((week, action));
            match action {
                Action::Extend { to } => {
                    key.set_expiry(Some(to), at).unwrap();
                    changed = at;
                }
                Action::Rotate { purpose } => {
                    let ends = key.at(at).expires;
                    key.rotate_subkey(purpose, Profile::Modern, ends, at)
                        .unwrap();
                    changed = at;
                }
                Action::Remind { .. } => {
                    reminded = Some(at);
                    owner(&mut key, at);
                }
                Action::Republish => published = at,
                Action::Retire { .. } => retired = Some(at),
                _ => panic!("{action}"),
            }
        }
        // What was done is not due again in the same moment.
        let view = key.at(at);
        let mut state = KeyState::new(&view, hands);
        (state.changed, state.published) = (changed, Some(published.max(changed)));
        (state.reminded, state.retired) = (reminded, retired);
        let again = lifecycle_plan(&state, rules, at);
        assert!(again.is_empty(), "week {week}: {again:?}");
    }
    life
}

#[test]
fn a_key_in_the_services_hands_never_lapses_in_twenty_years() {
    let ends = now() + 730 * DAY;
    let life = live(
        new(Some(ends)),
        Hands::Service,
        &Rules::default(),
        |_, _| (),
    );
    assert!(life.lapses.is_empty(), "{:?}", life.lapses);
    let extended = life.count(|action| matches!(action, Action::Extend { .. }));
    let rotated = life.count(|action| matches!(action, Action::Rotate { .. }));
    let published = life.count(|action| matches!(action, Action::Republish));
    // Each 640 days, each three years; published after each change, and twice a year.
    assert!((11..=13).contains(&extended), "{extended}");
    assert!((5..=7).contains(&rotated), "{rotated}");
    assert!((40..=60).contains(&published), "{published}");
    assert_eq!(
        life.count(|a| matches!(a, Action::Remind { .. } | Action::Retire { .. })),
        0
    );
}

#[test]
fn mutation_an_extension_that_comes_late_lapses() {
    let mut rules = Rules::default();
    rules.extend_before = Duration::ZERO;
    let ends = now() + 730 * DAY;
    let life = live(new(Some(ends)), Hands::Service, &rules, |_, _| ());
    assert!(
        !life.lapses.is_empty(),
        "the simulation is blind for a lapse"
    );
}

#[test]
fn an_owner_is_reminded_and_who_extends_keeps_the_key() {
    let ends = now() + 365 * DAY;
    let extend = |key: &mut Unlocked, at: SystemTime| {
        key.set_expiry(Some(at + 365 * DAY), at).unwrap();
    };
    let life = live(new(Some(ends)), Hands::Owner, &Rules::default(), extend);
    assert!(life.lapses.is_empty());
    // One reminder in each period is enough for this one.
    let reminded = life.count(|action| matches!(action, Action::Remind { .. }));
    assert!((20..=25).contains(&reminded), "{reminded}");
    // Who does nothing hears of it four times (the last of them a day before its end falls between two weeks, and is heard
    // with the one before), and then the key is retired, once.
    let life = live(new(Some(ends)), Hands::Owner, &Rules::default(), |_, _| ());
    let reminded = life.count(|action| matches!(action, Action::Remind { .. }));
    assert!((3..=4).contains(&reminded), "{:?}", life.actions);
    assert_eq!(
        life.count(|a| *a
            == Action::Retire {
                reason: Reason::Expired
            }),
        1
    );
    assert_eq!(life.lapses.len(), 1);
}

#[test]
fn what_never_ends_is_left_alone_and_what_is_revoked_is_retired() {
    let mut rules = Rules::default();
    rules.rotate_after = None;
    let life = live(new(None), Hands::Service, &rules, |_, _| ());
    assert_eq!(life.count(|action| !matches!(action, Action::Republish)), 0);
    let mut key = new(None);
    key.revoke(RevocationReason::Superseded, "", now()).unwrap();
    let life = live(key, Hands::Service, &rules, |_, _| ());
    assert_eq!(
        life.actions,
        [(
            0,
            Action::Retire {
                reason: Reason::Superseded
            }
        )]
    );
}

#[test]
fn a_subkey_that_others_forgot_to_extend_is_found() {
    let mut key = new(None);
    let at = now() + 100 * DAY;
    let short = now() + 150 * DAY;
    key.rotate_subkey(Use::Encrypt, Profile::Modern, Some(short), now() + DAY)
        .unwrap();
    let view = key.at(at);
    assert_eq!(view.expires, None);
    let due = lifecycle_plan(&KeyState::new(&view, Hands::Service), &Rules::default(), at);
    assert_eq!(due, [Action::Extend { to: at + 730 * DAY }]);
    let due = lifecycle_plan(&KeyState::new(&view, Hands::Owner), &Rules::default(), at);
    assert_eq!(due, [Action::Remind { ends: short }]);
}
