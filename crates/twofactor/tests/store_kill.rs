//! `kill -9` between any two writes, and in the middle of them: what was told holds, and nothing is half there.
//!
//! The test starts itself as a child process, which logs in, enrols, uses codes, tokens and passkeys of all kinds, renews, mints
//! and revokes on SQLite, and tells each thing before it does it and when it is done. It is killed before and after each of its commits in
//! turn, or at some moment; then the parent looks at the file and tries everything that was told.
#![cfg(all(unix, feature = "passkey", feature = "store"))]
#![allow(missing_docs, clippy::unwrap_used)]

mod kill;
mod soft;

use std::sync::atomic::{AtomicUsize, Ordering};

use kill::{Manner, child, damage, kill_at, kill_in_storm, ledger::remove_one};

/// Of one round of the child's work.
const COMMITS: usize = 50;
const STORMS: usize = 100;
/// At the same time.
const TASKS: usize = 4;

#[test]
fn a_kill_before_or_after_any_commit_breaks_nothing_that_was_told() {
    let (next, killed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let run = || {
        while let number @ ..COMMITS = next.fetch_add(1, Ordering::SeqCst) {
            for after in [false, true] {
                let it = kill_at(number, after, Manner::Right).expect("a commit");
                killed.fetch_add(1, Ordering::SeqCst);
                let damage = damage(&it);
                assert!(damage.is_empty(), "{number} {after}: {damage:?}");
            }
        }
    };
    std::thread::scope(|scope| {
        (0..TASKS).for_each(|_| drop(scope.spawn(run)));
    });
    // At each of its commits, and there are no more.
    assert_eq!(killed.into_inner(), COMMITS * 2);
    assert!(kill_at(COMMITS, false, Manner::Right).is_none());
}

#[test]
fn interop_kill_at_any_moment_breaks_nothing_that_was_told() {
    for storm in 0..STORMS {
        let damage = damage(&kill_in_storm(Manner::Right));
        assert!(damage.is_empty(), "storm {storm}: {damage:?}");
    }
}

#[test]
fn mutation_a_commit_that_is_told_before_it_is_written_is_found_out() {
    // Of the kinds of damage, each is found somewhere.
    let mut all = Vec::new();
    for number in 0..COMMITS {
        all.extend(kill_at(number, false, Manner::Lazy).iter().flat_map(damage));
    }
    for kind in [
        "password: 0 failures",
        "otp: 0 failures",
        "recovery: 0 failures",
        "lost: an app (",
        "lost: an app that was begun",
        "lost: an app password",
        "lost: a recovery code",
        "opens: a revoked app password",
        "remembered device",
        "a code again",
        "a recovery code again",
        "token: 0 failures",
        "lost: a token",
        "lost: a token that was begun",
        "a token's code again",
        "lost: a passkey (",
        "lost: a passkey that was begun",
        "opens: a removed passkey",
        "a passkey's answer again",
    ] {
        assert!(all.iter().any(|one| one.contains(kind)), "{kind}: {all:#?}");
    }
}

#[test]
fn mutation_a_record_that_is_missing_is_found_out() {
    for namespace in [
        "2fa-state",
        "2fa-otp",
        "2fa-recovery",
        "2fa-passkey",
        "2fa-app",
        "2fa-device",
        "2fa-event",
    ] {
        let killed = kill_at(COMMITS - 1, true, Manner::Right).unwrap();
        remove_one(&killed.path, namespace);
        assert!(!damage(&killed).is_empty(), "{namespace}");
    }
}

/// Not a test of its own: the process that is killed.
#[test]
fn child_works() {
    if let Ok(order) = std::env::var("TWOFACTOR_KILL") {
        child::work(&order);
    }
}
