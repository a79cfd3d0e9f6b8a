//! The decision record: every try, every change, every refusal, and the mutations that each rule finds.
#![allow(clippy::unwrap_used)]

#[path = "step/mutations.rs"]
mod mutations;
mod step;

use std::time::Duration;

use mutations::*;
use step::{DEVICE, STRANGER, Stepper, User, at, mail, outside, real, right, totp, wrong};
use twofactor::decision::{
    Attempt, Change, FactorId, MAX_OTP, MAX_PASSKEYS, Progress, Share, Throttle, Verdict,
};
use twofactor::{Event, Kind, Refusal};

/// The rule holds, and every mutation breaks it.
fn rule(holds: fn(Stepper) -> bool, mutations: &[(&str, Stepper)]) {
    assert!(holds(real), "the rule is broken");
    for (name, mutation) in mutations {
        assert!(!holds(*mutation), "not found: {name}");
    }
}

#[test]
fn strangers_have_ninety_tries_and_known_devices_their_ten_and_what_is_left() {
    rule(
        |step| {
            let mut user = User::new(step);
            let strangers = user.looked_at(STRANGER);
            let known = user.looked_at(DEVICE);
            let after = user.reserve(DEVICE) == Verdict::Refused(Refusal::Disabled);
            (strangers, known, after) == (90, 10, true)
        },
        &[
            ("forgets", forgets),
            ("one more", one_more),
            ("no shares", no_shares),
        ],
    );
    // A known device is no worse off than a stranger.
    let mut user = User::new(real);
    assert_eq!(user.looked_at(DEVICE), 100);
    // Had it no share of theirs, the owner would be out after ten while anybody else has ninety.
    let mut user = User::new(real);
    for _ in 0..10 {
        user.seconds += 3600;
        assert_eq!(user.reserve(DEVICE), Verdict::Look(Share::Known));
    }
    assert_eq!(user.reserve(DEVICE), Verdict::Look(Share::Strangers));
    assert_eq!(user.right(Share::Strangers, DEVICE), Verdict::Pass);
    let (strangers, known) = user.state.password();
    assert_eq!((strangers.failures(), known.failures()), (0, 0));
}

#[test]
fn success_clears_only_its_own_share() {
    rule(
        |step| {
            let mut user = User::new(step);
            for _ in 0..5 {
                let _ = user.reserve(STRANGER);
            }
            let share = user.reserve(DEVICE);
            let passed = user.right(Share::Known, DEVICE);
            let (strangers, known) = user.state.password();
            (share, passed) == (Verdict::Look(Share::Known), Verdict::Pass)
                && (strangers.failures(), known.failures()) == (5, 0)
        },
        &[("clears all", clears_all), ("no shares", no_shares)],
    );
}

#[test]
fn what_has_to_wait_changes_nothing() {
    rule(
        |step| {
            let mut user = User::with(step, &[totp()]);
            let found = [wrong(user.factor(0), 1000)];
            for _ in 0..5 {
                let _ = (user.reserve(STRANGER), user.code(&found));
            }
            let before = user.state.clone();
            let wait = Verdict::Refused(Refusal::Wait { until: at(30) });
            let waits = user.reserve(STRANGER) == wait && user.code(&found) == wait;
            let right = [right(user.factor(0), 1000, &[1000])];
            waits && user.code(&right) == wait && user.state == before
        },
        &[("writes waits", writes_waits), ("forgets", forgets)],
    );
}

#[test]
fn an_app_has_a_hundred_tries_and_no_more() {
    rule(
        |step| {
            let mut user = User::with(step, &[totp()]);
            let found = [wrong(user.factor(0), 1000)];
            let mut wrong = 0;
            while wrong < 200 {
                match user.code(&found) {
                    Verdict::Refused(Refusal::Wrong) => wrong += 1,
                    Verdict::Refused(Refusal::Wait { until }) => user.wait(until),
                    Verdict::Refused(Refusal::Disabled) => break,
                    other => panic!("{other:?}"),
                }
            }
            let told = user.told.iter().map(|event| match event {
                Event::ManyFailures {
                    with: Kind::Otp,
                    failures,
                } => *failures,
                other => panic!("{other:?}"),
            });
            wrong == 100 && told.eq([10, 30, 60, 100])
        },
        &[("one more", one_more), ("forgets", forgets)],
    );
}

#[test]
fn a_code_opens_once_for_all_that_it_is_right_for() {
    rule(
        |step| {
            let mut user = User::with(step, &[totp()]);
            let app = user.factor(0);
            let replayed = Verdict::Refused(Refusal::Replayed);
            user.code(&[right(app, 1000, &[999, 1001])]) == Verdict::Pass
                && user.code(&[right(app, 1000, &[1001])]) == replayed
                && user.code(&[right(app, 1000, &[999, 1001])]) == replayed
                && user.code(&[right(app, 1000, &[999])]) == replayed
                // It was not 1000.
                && user.code(&[right(app, 1001, &[1000])]) == Verdict::Pass
        },
        &[("burns nothing", burns_nothing), ("burns one", burns_one)],
    );
}

#[test]
fn a_secret_that_is_in_two_apps_has_one_code() {
    rule(
        |step| {
            let mut user = User::with(step, &[totp(), totp()]);
            let (one, two) = (user.factor(0), user.factor(1));
            let both = [right(one, 1000, &[1000]), right(two, 1000, &[1000])];
            user.code(&both) == Verdict::Pass
                && user.code(&both) == Verdict::Refused(Refusal::Replayed)
        },
        &[("one app", one_app), ("burns nothing", burns_nothing)],
    );
    // Also when one of them has to wait.
    let mut user = User::with(real, &[totp(), totp()]);
    let (one, two) = (user.factor(0), user.factor(1));
    for _ in 0..5 {
        assert_eq!(
            user.code(&[wrong(one, 1000)]),
            Verdict::Refused(Refusal::Wrong)
        );
    }
    let both = [right(one, 1000, &[1000]), right(two, 1000, &[1000])];
    assert_eq!(user.code(&both), Verdict::Pass);
    assert_eq!(
        user.state.otps()[0].counter().failures(),
        5,
        "it was not looked at"
    );
    user.seconds += 31;
    assert_eq!(user.code(&both), Verdict::Refused(Refusal::Replayed));
}

#[test]
fn a_duplicate_is_told_of_once_for_each_code_and_not_in_turns() {
    rule(
        |step| {
            let mut user = User::with(step, &[totp()]);
            let app = user.factor(0);
            let codes = [[right(app, 1000, &[999])], [right(app, 1000, &[1000])]];
            for code in &codes {
                let _ = user.code(code);
            }
            for _ in 0..5 {
                for code in &codes {
                    if user.code(code) != Verdict::Refused(Refusal::Replayed) {
                        return false;
                    }
                }
            }
            user.told == [Event::DuplicateCode, Event::DuplicateCode]
        },
        &[("tells all", tells_all), ("burns nothing", burns_nothing)],
    );
}

#[test]
fn a_code_of_another_time_fails_and_burns_its_step_alone() {
    rule(
        |step| {
            let mut user = User::with(step, &[totp()]);
            let app = user.factor(0);
            let ahead = user.code(&[outside(app, 1000, 1005)]);
            let counted = user.state.otps()[0].counter().failures() == 1;
            ahead == Verdict::Refused(Refusal::Drifted { seconds: 150 })
                && counted
                && user.code(&[right(app, 1005, &[1005])]) == Verdict::Refused(Refusal::Replayed)
                && user.code(&[right(app, 1005, &[1004])]) == Verdict::Pass
        },
        &[("burns nothing", burns_nothing), ("forgets", forgets)],
    );
    // A code that opened, shown again minutes later, is a duplicate, not a clock that is off; it counts.
    let mut user = User::with(real, &[totp()]);
    let app = user.factor(0);
    assert_eq!(user.code(&[right(app, 1000, &[1000])]), Verdict::Pass);
    let late = [outside(app, 1010, 1000)];
    assert_eq!(user.code(&late), Verdict::Refused(Refusal::Replayed));
    assert_eq!(user.state.otps()[0].counter().failures(), 1);
    assert_eq!(user.told, [Event::DuplicateCode]);
}

#[test]
fn what_could_not_be_remembered_opens_nothing() {
    let mut user = User::with(real, &[totp(), Progress::Counter { next: u64::MAX - 1 }]);
    let (app, token) = (user.factor(0), user.factor(1));
    let replayed = Verdict::Refused(Refusal::Replayed);
    assert_eq!(user.code(&[right(app, 1000, &[1100])]), replayed);
    assert_eq!(user.code(&[right(token, 0, &[u64::MAX])]), replayed);
    assert_eq!(
        user.code(&[right(token, 0, &[u64::MAX - 1])]),
        Verdict::Pass
    );
    let generation = user.state.generation();
    let last = Attempt::Resync {
        generation,
        factor: token,
        counter: Some(u64::MAX),
    };
    assert_eq!(user.take(last), Verdict::Refused(Refusal::Wrong));
}

#[test]
fn a_token_that_counts_goes_on_after_the_last_of_what_the_code_is_right_for() {
    rule(
        |step| {
            let mut user = User::with(step, &[Progress::Counter { next: 5 }]);
            let token = user.factor(0);
            user.code(&[right(token, 0, &[5, 9])]) == Verdict::Pass
                && user.state.otps()[0].progress() == Progress::Counter { next: 10 }
                && user.code(&[right(token, 0, &[9])]) == Verdict::Refused(Refusal::Replayed)
        },
        &[("burns nothing", burns_nothing)],
    );
}

#[test]
fn two_codes_bring_a_token_back_and_wrong_ones_count() {
    let mut user = User::with(real, &[Progress::Counter { next: 5 }, totp()]);
    let (token, app) = (user.factor(0), user.factor(1));
    let generation = user.state.generation();
    let resync = |factor, counter| Attempt::Resync {
        generation,
        factor,
        counter,
    };
    assert_eq!(
        user.take(resync(token, None)),
        Verdict::Refused(Refusal::Wrong)
    );
    assert_eq!(
        user.take(resync(token, Some(4))),
        Verdict::Refused(Refusal::Wrong)
    );
    assert_eq!(user.state.otps()[0].counter().failures(), 2);
    assert_eq!(
        user.take(resync(app, Some(50))),
        Verdict::Refused(Refusal::NoFactor)
    );
    let nobody = FactorId::from_number(9);
    assert_eq!(
        user.take(resync(nobody, Some(50))),
        Verdict::Refused(Refusal::NoFactor)
    );
    assert_eq!(user.take(resync(token, Some(50))), Verdict::Pass);
    assert_eq!(
        user.state.otps()[0].progress(),
        Progress::Counter { next: 51 }
    );
    assert_eq!(user.state.otps()[0].counter().failures(), 0);
    for _ in 0..5 {
        let _ = user.take(resync(token, None));
    }
    let wait = Verdict::Refused(Refusal::Wait { until: at(30) });
    assert_eq!(user.take(resync(token, Some(60))), wait);
}

#[test]
fn what_began_before_the_factors_changed_is_over() {
    rule(
        |step| {
            let mut user = User::with(step, &[totp()]);
            let _ = user.change(Change::AddPasskey);
            let _ = user.change(Change::Recovery(10));
            let (app, generation) = (user.factor(0), user.state.generation());
            let _ = user.reserve(STRANGER);
            let reserved = user.state.clone();
            let found = [right(app, 1000, &[1000])];
            let tries = [
                Attempt::Right {
                    generation,
                    share: Share::Strangers,
                    origin: STRANGER,
                    remembered: true,
                },
                Attempt::Code {
                    generation,
                    found: &found,
                },
                Attempt::Resync {
                    generation,
                    factor: app,
                    counter: Some(9),
                },
                Attempt::ReserveRecovery { generation },
                Attempt::RightRecovery { generation },
                Attempt::Passkey {
                    generation,
                    right: true,
                },
            ];
            let changes = [
                Change::AddOtp(totp()),
                Change::Recovery(10),
                Change::AddPasskey,
                Change::RemovePasskey,
                Change::Add(Kind::AppPassword),
                Change::Remove(Kind::Device),
                Change::Rebind,
            ];
            let stale = Verdict::Refused(Refusal::Stale);
            changes.iter().all(|change| {
                user.state = reserved.clone();
                let changed = user.change(*change) == Verdict::Changed;
                let before = user.state.clone();
                changed
                    && tries
                        .iter()
                        .all(|attempt| user.take(*attempt) == stale && user.state == before)
            })
        },
        &[
            ("any generation", any_generation),
            ("writes waits", writes_waits),
        ],
    );
}

#[test]
fn a_try_is_given_back_only_where_it_was_counted() {
    rule(
        |step| {
            let mut user = User::new(step);
            let round = user.state.round();
            let _ = user.reserve(STRANGER);
            let _ = user.take(Attempt::GiveBack {
                share: Share::Strangers,
                round,
            });
            let given = user.state.password().0.failures() == 0;
            let _ = user.reserve(STRANGER);
            // The owner gets in, and then others fail: these stay.
            let _ = user.right(Share::Strangers, STRANGER);
            let _ = user.reserve(STRANGER);
            let _ = user.take(Attempt::GiveBack {
                share: Share::Strangers,
                round,
            });
            given && user.state.password().0.failures() == 1
        },
        &[("any round", any_round)],
    );
}

#[test]
fn recovery_codes_are_counted_first_and_told_of() {
    let mut user = User::with(real, &[totp()]);
    let reserve = |user: &mut User| {
        let generation = user.state.generation();
        user.take(Attempt::ReserveRecovery { generation })
    };
    assert_eq!(reserve(&mut user), Verdict::Refused(Refusal::NoFactor));
    let _ = user.change(Change::Recovery(2));
    let round = user.state.round();
    assert_eq!(reserve(&mut user), Verdict::Look(Share::Strangers));
    assert_eq!(user.state.recovery().failures(), 1);
    let _ = user.take(Attempt::GiveBackRecovery { round });
    assert_eq!(user.state.recovery().failures(), 0);
    let mut looked = 0;
    loop {
        match reserve(&mut user) {
            Verdict::Look(_) => looked += 1,
            Verdict::Refused(Refusal::Wait { until }) => user.wait(until),
            other => break assert_eq!(other, Verdict::Refused(Refusal::Disabled)),
        }
    }
    assert_eq!(looked, 100);
    user.told.clear();
    let generation = user.state.generation();
    for left in [1, 0] {
        assert_eq!(
            user.take(Attempt::RightRecovery { generation }),
            Verdict::Pass
        );
        assert_eq!(user.told.pop(), Some(Event::RecoveryUsed { left }));
        assert_eq!(user.state.recovery().failures(), 0);
    }
    let none = Verdict::Refused(Refusal::NoFactor);
    assert_eq!(user.take(Attempt::RightRecovery { generation }), none);
}

#[test]
fn recovery_codes_do_not_outlive_what_they_stand_in_for() {
    let mut user = User::with(real, &[totp()]);
    let _ = user.change(Change::Recovery(10));
    let _ = user.change(Change::AddPasskey);
    let _ = user.change(Change::RemoveOtp(user.factor(0)));
    assert_eq!(user.state.methods().recovery_codes, 10);
    let _ = user.change(Change::RemovePasskey);
    assert_eq!(user.state.methods().recovery_codes, 0);
    let _ = user.change(Change::AddOtp(totp()));
    let generation = user.state.generation();
    let none = Verdict::Refused(Refusal::NoFactor);
    assert_eq!(user.take(Attempt::ReserveRecovery { generation }), none);
}

#[test]
fn passkeys_pass_or_not_and_count_nothing() {
    let mut user = User::new(real);
    let answer = |user: &mut User, right| {
        let generation = user.state.generation();
        user.take(Attempt::Passkey { generation, right })
    };
    assert_eq!(answer(&mut user, true), Verdict::Refused(Refusal::NoFactor));
    let _ = user.change(Change::AddPasskey);
    let before = user.state.clone();
    assert_eq!(answer(&mut user, false), Verdict::Refused(Refusal::Passkey));
    assert_eq!(answer(&mut user, true), Verdict::Pass);
    assert_eq!(user.state, before);
}

#[test]
fn there_are_limits_and_no_number_is_given_twice() {
    let mut user = User::with(real, &[totp(); MAX_OTP]);
    let none = Verdict::Refused(Refusal::NoFactor);
    let before = user.state.clone();
    assert_eq!(user.change(Change::AddOtp(totp())), none);
    assert_eq!(user.change(Change::RemovePasskey), none);
    assert_eq!(
        user.change(Change::RemoveOtp(FactorId::from_number(99))),
        none
    );
    assert_eq!(user.state, before);
    let last = user.factor(3);
    assert_eq!(user.change(Change::RemoveOtp(last)), Verdict::Changed);
    assert_eq!(user.change(Change::AddOtp(totp())), Verdict::Changed);
    assert!(user.factor(3) > last);
    for _ in 0..MAX_PASSKEYS {
        assert_eq!(user.change(Change::AddPasskey), Verdict::Changed);
    }
    assert_eq!(user.change(Change::AddPasskey), none);
}

#[test]
fn a_second_factor_is_asked_for_except_on_a_remembered_device() {
    let mut user = User::with(real, &[totp()]);
    assert_eq!(user.reserve(DEVICE), Verdict::Look(Share::Known));
    assert_eq!(
        user.right(Share::Known, DEVICE),
        Verdict::Second,
        "known skips no factor"
    );
    let generation = user.state.generation();
    let remembered = Attempt::Right {
        generation,
        share: Share::Known,
        origin: DEVICE,
        remembered: true,
    };
    assert_eq!(user.take(remembered), Verdict::Pass);
    assert_eq!(user.code(&[]), Verdict::Refused(Refusal::NoFactor));
}

#[test]
fn a_new_password_clears_its_own_failures_alone() {
    let mut user = User::with(real, &[totp()]);
    let app = user.factor(0);
    for _ in 0..5 {
        let _ = (
            user.reserve(STRANGER),
            user.reserve(DEVICE),
            user.code(&[wrong(app, 1000)]),
        );
    }
    assert_eq!(user.change(Change::Rebind), Verdict::Changed);
    let (strangers, known) = user.state.password();
    assert_eq!((strangers.failures(), known.failures()), (0, 0));
    assert_eq!(
        user.state.otps()[0].counter().failures(),
        5,
        "a reset never bypasses"
    );
    assert!(user.state.methods().is_enrolled());
    assert_eq!(user.told, [Event::PasswordChanged]);
}

#[test]
fn a_network_is_known_for_thirty_days_whatever_the_clock_did() {
    const DAY: u64 = 24 * 60 * 60;
    let mut user = User::new(real);
    user.seconds = 100 * DAY;
    assert_eq!(user.reserve(mail(1)), Verdict::Look(Share::Strangers));
    assert_eq!(user.right(Share::Strangers, mail(1)), Verdict::Pass);
    for (days, share) in [
        (100, Share::Known),
        (130, Share::Known),
        (131, Share::Strangers),
        // The clock had been ahead by months when it was noted.
        (69, Share::Strangers),
    ] {
        let mut then = User::new(real);
        (then.state, then.seconds) = (user.state.clone(), days * DAY);
        assert_eq!(then.reserve(mail(1)), Verdict::Look(share), "day {days}");
        assert_eq!(then.reserve(mail(2)), Verdict::Look(Share::Strangers));
    }
    // The one seen longest ago makes room.
    for network in 2..=17 {
        let _ = user.right(Share::Strangers, mail(network));
    }
    assert_eq!(user.reserve(mail(1)), Verdict::Look(Share::Strangers));
    assert_eq!(user.reserve(mail(2)), Verdict::Look(Share::Known));
}

#[test]
fn a_clock_that_was_ahead_locks_nobody_out_and_one_that_is_behind_shortens_no_wait() {
    let year = 365 * 24 * 3600;
    let mut user = User::new(real);
    user.seconds = year;
    for _ in 0..5 {
        assert_eq!(user.reserve(STRANGER), Verdict::Look(Share::Strangers));
    }
    user.seconds = 0;
    assert_eq!(
        user.reserve(STRANGER),
        Verdict::Look(Share::Strangers),
        "not in a year"
    );
    let wait = |until| Verdict::Refused(Refusal::Wait { until });
    assert_eq!(
        user.reserve(STRANGER),
        wait(at(60)),
        "six have failed, by this clock"
    );
    let mut behind = User::new(real);
    (behind.state, behind.seconds) = (user.state.clone(), 0);
    behind.throttle = Throttle::nist();
    behind.seconds = 70;
    assert_eq!(behind.reserve(STRANGER), Verdict::Look(Share::Strangers));
    behind.seconds = 60;
    assert_eq!(
        behind.reserve(STRANGER),
        wait(at(70) + Duration::from_secs(120))
    );
}

#[test]
fn the_user_is_told_of_many_failures_before_the_last_try_at_the_latest() {
    let told = |origin| {
        let mut user = User::new(real);
        let _ = user.looked_at(origin);
        user.told
    };
    let many = |failures| Event::ManyFailures {
        with: Kind::Password,
        failures,
    };
    assert_eq!(told(STRANGER), [10, 30, 60, 89].map(many));
}
