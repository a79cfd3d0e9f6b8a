//! No failure ever lets a message go where success would not have, and nothing temporary leads into
//! the clear once something better is remembered. Over all facts there are, each with the mutations
//! that break it.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{DOMAIN, HOSTS, all};
use proptest::prelude::*;
use tls_policy::{
    Action, Attempt, Connection, DaneFact, Decision, Facts, Floor, MemoryFact, MxFact, Next, Proof,
    Reason, Refusal, Rule, StsFact, Wish, decide,
};

type Decide = fn(&Facts<'static>, Floor) -> Decision<'static>;

const STATES: [Connection<'static>; 6] = [
    Connection::Plain,
    Connection::Encrypted,
    Connection::WebPki(HOSTS[0]),
    Connection::WebPki(HOSTS[1]),
    Connection::WebPki(DOMAIN),
    Connection::Dane,
];

/// The facts with one of them in its failed form.
fn failed(facts: Facts<'static>) -> [Facts<'static>; 5] {
    let mut mx = facts;
    mx.mx_set = MxFact::Failed;
    [
        mx,
        facts.dane(DaneFact::Failed),
        facts.sts(StsFact::Failed),
        facts.sts(StsFact::Unreadable),
        facts.memory(MemoryFact::Unreadable),
    ]
}

/// RFC 8461 §3.3: a policy that could not be had, with readable stores, nothing cached or remembered,
/// and nobody who wants more.
fn excepted(failed: &Facts<'_>, floor: Floor) -> bool {
    failed.sts == StsFact::Failed
        && failed.memory == MemoryFact::Nothing
        && floor == Floor::Opportunistic
        && failed.wish != Wish::RequireTls
}

/// Facts and floor for which a failure lets through what success would not.
fn gains(decide: Decide) -> Vec<(Facts<'static>, Floor)> {
    let gains = |&(facts, floor): &(Facts<'static>, Floor)| {
        let before = decide(&facts, floor);
        failed(facts).into_iter().any(|failed| {
            let after = decide(&failed, floor);
            let more = |state| after.allows(state) && !before.allows(state);
            !excepted(&failed, floor) && STATES.into_iter().any(more)
        })
    };
    all().filter(gains).collect()
}

#[test]
fn a_failure_never_lets_more_through() {
    assert_eq!(gains(decide).first(), None);
}

/// Each is a downgrade that software has had.
#[test]
fn a_failure_that_is_taken_for_absence_is_found() {
    let mutations: [Decide; 5] = [
        |facts, floor| {
            let mut facts = *facts;
            if facts.mx_set == MxFact::Failed {
                facts.mx_set = MxFact::Insecure;
            }
            decide(&facts, floor)
        },
        |facts, floor| match facts.dane {
            DaneFact::Failed => decide(&facts.dane(DaneFact::Insecure), floor),
            _ => decide(facts, floor),
        },
        |facts, floor| match facts.sts {
            StsFact::Failed => decide(&facts.sts(StsFact::None), floor),
            _ => decide(facts, floor),
        },
        |facts, floor| match facts.sts {
            StsFact::Unreadable => decide(&facts.sts(StsFact::None), floor),
            _ => decide(facts, floor),
        },
        |facts, floor| match facts.memory {
            MemoryFact::Unreadable => decide(&facts.memory(MemoryFact::Nothing), floor),
            _ => decide(facts, floor),
        },
    ];
    for (at, mutation) in mutations.into_iter().enumerate() {
        assert!(!gains(mutation).is_empty(), "mutation {at} goes unseen");
    }
}

#[test]
fn the_exception_is_needed_and_no_wider_than_it_says() {
    let mut seen = 0;
    for (facts, floor) in all().filter(|(facts, _)| facts.sts == StsFact::Enforce) {
        let failed = facts.sts(StsFact::Failed);
        let plain = |facts| decide(&facts, floor).allows(Connection::Plain);
        if plain(failed) && !plain(facts) {
            assert!(excepted(&failed, floor), "{facts:?}");
            assert_eq!(decide(&failed, floor).reason(), Reason::StsFailedOpen);
            seen += 1;
        }
    }
    assert!(seen > 0, "RFC 8461 §3.3 delivers");
}

#[test]
fn a_failed_look_up_always_skips_the_host_or_waits() {
    for (facts, floor) in all() {
        let action = decide(&facts, floor).action();
        if facts.mx_set == MxFact::Failed {
            assert!(
                matches!(action, Action::Refuse(Refusal::Defer(_))),
                "{facts:?}"
            );
        } else if facts.dane == DaneFact::Failed {
            let skipped = matches!(
                action,
                Action::NextMx {
                    last: Refusal::Defer(_)
                }
            );
            assert!(skipped, "{facts:?}");
        }
    }
}

/// A policy never makes good what DANE refuses.
#[test]
fn dane_is_never_overridden_by_mta_sts() {
    // These rules say that policies do not count.
    let fixed = [
        Rule::None,
        Rule::May,
        Rule::Encrypt,
        Rule::Verify,
        Rule::Dane,
    ];
    let asked = |facts: &Facts<'_>| {
        facts.dane == DaneFact::Usable
            && facts.sts == StsFact::Enforce
            && facts.wish != Wish::TlsRequiredNo
            && facts.rule.is_none_or(|rule| !fixed.contains(&rule))
    };
    for (facts, floor) in all().filter(|(facts, _)| asked(facts)) {
        let decision = decide(&facts, floor);
        let webpki = HOSTS.map(|host| decision.allows(Connection::WebPki(host)));
        assert_eq!(webpki, [false, false], "{facts:?}");
    }
}

#[test]
fn the_floor_holds_whatever_else_is_said() {
    for (facts, floor) in all() {
        let decision = decide(&facts, floor);
        let at = format!("{facts:?} {floor:?}: {decision}");
        if floor > Floor::Opportunistic || facts.wish == Wish::RequireTls {
            assert!(!decision.allows(Connection::Plain), "{at}");
        }
        if floor == Floor::Verified || facts.wish == Wish::RequireTls {
            assert!(!decision.allows(Connection::Encrypted), "{at}");
        }
        // A host that only an unsigned MX record names proves nothing by its own name.
        let unproved = facts.mx_set == MxFact::Insecure && facts.sts != StsFact::Enforce;
        if floor == Floor::Verified && unproved && facts.mx == HOSTS[1] {
            assert!(!decision.allows(Connection::WebPki(HOSTS[1])), "{at}");
            assert!(!decision.allows(Connection::Dane), "{at}");
        }
    }
}

#[test]
fn what_follows_a_failure_is_never_more_than_the_decision_allows() {
    for (facts, floor) in all() {
        let decision = decide(&facts, floor);
        for attempt in Attempt::ALL {
            let follows = decision.after(attempt);
            let state = match (attempt, follows) {
                (_, Next::NextMx { .. }) => continue,
                (Attempt::NoStartTls, Next::GoOn) | (_, Next::ClearAnew) => Connection::Plain,
                (Attempt::HandshakeFailed, Next::GoOn) => {
                    assert_eq!(decision.action(), Action::Clear);
                    Connection::Plain
                }
                (Attempt::NotAuthenticated, Next::GoOn) => {
                    if decision.action() == Action::Clear {
                        continue;
                    }
                    Connection::Encrypted
                }
                (Attempt::NoRequireTls, Next::GoOn) => {
                    assert_ne!(facts.wish, Wish::RequireTls);
                    continue;
                }
            };
            assert!(decision.allows(state), "{facts:?} {floor:?} {attempt:?}");
        }
    }
}

/// Nobody else than the signed zone and the policy host can plant something that binds later; and a
/// connection that proves something is never one in the clear.
#[test]
fn only_the_domain_itself_proves_something() {
    let mut seen = [0; 3];
    for (facts, floor) in all() {
        let decision = decide(&facts, floor);
        let secure = facts.mx_set == MxFact::Secure;
        let legal = match decision.proves() {
            None => continue,
            Some(Proof::Dane) => secure && facts.dane == DaneFact::Usable,
            Some(Proof::Sts) => facts.sts == StsFact::Enforce,
            Some(Proof::UnusableTlsa) => secure && facts.dane == DaneFact::Unusable,
        };
        assert!(legal, "{facts:?}: {decision}");
        assert!(!decision.allows(Connection::Plain), "{facts:?}: {decision}");
        let verified = decision.proves() != Some(Proof::UnusableTlsa);
        assert!(
            !verified || !decision.allows(Connection::Encrypted),
            "{facts:?}: {decision}"
        );
        seen[decision.proves().map_or(0, |proof| proof as usize)] += 1;
    }
    assert!(seen.into_iter().all(|seen| seen > 0), "{seen:?}");
}

#[test]
fn a_stripped_starttls_of_a_remembered_peer_is_told() {
    let facts = Facts::new(DOMAIN, HOSTS[0], MxFact::Secure)
        .dane(DaneFact::Usable)
        .sts(StsFact::None);
    let known = decide(&facts.memory(MemoryFact::Verified), Floor::Opportunistic);
    assert!(known.alarms_after(Attempt::NoStartTls) && !known.alarms());
    let unknown = decide(&facts.memory(MemoryFact::Nothing), Floor::Opportunistic);
    assert!(!unknown.alarms_after(Attempt::NoStartTls));
    let dropped = facts
        .dane(DaneFact::SecureDenial)
        .memory(MemoryFact::Verified);
    assert!(decide(&dropped, Floor::Opportunistic).alarms());
}

#[test]
fn a_message_waits_as_long_as_one_host_may_do_better() {
    let of = |attempt| match decide(&secure(), Floor::Encrypted).after(attempt) {
        Next::NextMx { last } => last,
        other => panic!("{other:?}"),
    };
    let (none, broken) = (of(Attempt::NoStartTls), of(Attempt::HandshakeFailed));
    assert_eq!(
        (none.to_string(), broken.to_string()),
        ("bounce 5.7.10".into(), "defer 4.7.5".into())
    );
    assert_eq!(
        (none.or(broken), broken.or(none), none.or(none)),
        (broken, broken, none)
    );
}

fn secure() -> Facts<'static> {
    Facts::new(DOMAIN, HOSTS[0], MxFact::Secure)
        .dane(DaneFact::SecureDenial)
        .sts(StsFact::None)
        .memory(MemoryFact::Nothing)
}

/// One step of what can go wrong for a while, and pass.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Mx,
    Dane,
    Sts,
    StsUnreadable,
    MemoryUnreadable,
    /// The domain seems to have no DANE and no policy: a resolver that does not validate.
    Unsigned,
    Nothing,
}

fn troubled(trouble: Trouble, memory: MemoryFact) -> Facts<'static> {
    let mut facts = secure().dane(DaneFact::Usable).memory(memory);
    match trouble {
        Trouble::Mx => facts.mx_set = MxFact::Failed,
        Trouble::Dane => facts.dane = DaneFact::Failed,
        Trouble::Sts => facts = facts.dane(DaneFact::SecureDenial).sts(StsFact::Failed),
        Trouble::StsUnreadable => facts.sts = StsFact::Unreadable,
        Trouble::MemoryUnreadable => facts.memory = MemoryFact::Unreadable,
        Trouble::Unsigned => {
            facts.mx_set = MxFact::Insecure;
            facts.dane = DaneFact::Insecure;
        }
        Trouble::Nothing => {}
    }
    facts
}

/// Whether a message goes out in the clear somewhere in this sequence.
fn leaks(decide: Decide, steps: &[(Trouble, Attempt, Floor, MemoryFact)]) -> bool {
    steps.iter().any(|&(trouble, attempt, floor, memory)| {
        let decision = decide(&troubled(trouble, memory), floor);
        let after = decision.after(attempt);
        let clear = matches!(after, Next::ClearAnew)
            || (attempt == Attempt::NoStartTls && after == Next::GoOn);
        clear || decision.allows(Connection::Plain)
    })
}

fn step() -> impl Strategy<Value = (Trouble, Attempt, Floor, MemoryFact)> {
    (
        prop::sample::select(vec![
            Trouble::Mx,
            Trouble::Dane,
            Trouble::Sts,
            Trouble::StsUnreadable,
            Trouble::MemoryUnreadable,
            Trouble::Unsigned,
            Trouble::Nothing,
        ]),
        prop::sample::select(Attempt::ALL.to_vec()),
        prop::sample::select(common::FLOOR.to_vec()),
        prop::sample::select(vec![MemoryFact::Encrypted, MemoryFact::Verified]),
    )
}

proptest! {
    #[test]
    fn nothing_temporary_leads_into_the_clear(steps in prop::collection::vec(step(), 1..40)) {
        prop_assert!(!leaks(decide, &steps));
    }
}

#[test]
fn a_memory_that_is_not_asked_leaks() {
    let forgetful: Decide = |facts, floor| decide(&facts.memory(MemoryFact::Nothing), floor);
    let steps = [(
        Trouble::Unsigned,
        Attempt::NoStartTls,
        Floor::Opportunistic,
        MemoryFact::Verified,
    )];
    assert!(leaks(forgetful, &steps) && !leaks(decide, &steps));
}

/// The same, over all facts and not only those of a sequence: apart from a local rule and a wish of
/// the sender, which are no failures, what is remembered keeps a message out of the clear.
#[test]
fn what_is_remembered_never_goes_in_the_clear() {
    let mut seen = 0;
    for (facts, floor) in all() {
        let remembered = facts.memory != MemoryFact::Nothing;
        let replaced = matches!(facts.rule, Some(Rule::None | Rule::May));
        if remembered && !replaced && facts.wish != Wish::TlsRequiredNo {
            let decision = decide(&facts, floor);
            assert!(!decision.allows(Connection::Plain), "{facts:?}: {decision}");
            seen += 1;
        }
    }
    assert!(seen > 1000);
}
