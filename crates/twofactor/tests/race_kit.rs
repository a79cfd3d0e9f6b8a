//! The race kit: our own store passes it, and what products do does not.
#![cfg(feature = "store")]
#![allow(clippy::unwrap_used)]

#[cfg(target_os = "linux")]
#[path = "../../record-store/tests/common/postgres.rs"]
mod postgres;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pollster::block_on;
use record_store::{Memory, Records, Sqlite};
use twofactor::otp::{Label, Otp, Parameters, parse_uri};
use twofactor::race_kit::{one_code_one_success, reserve_before_verify};
use twofactor::{
    Checked, Client, Confirmed, Cost, First, Keyring, Pending, Second, Subject, TwoFactor, UserId,
};

const TASKS: usize = 8;
const STEPS: u64 = 60;
const GUESSES: usize = 24;
const LIMIT: usize = 5;
const FIRST: u64 = 60_000_000;

fn at(step: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs((FIRST + step) * 30)
}

fn ann() -> UserId {
    UserId::new("ann").unwrap()
}

fn client() -> Client<'static> {
    Client::web("192.0.2.1".parse().unwrap(), None)
}

fn service<R: Records>(store: R) -> TwoFactor<R> {
    let service = TwoFactor::builder(store).keys(Keyring::new(1, [7; 32]));
    let service = service.recovery_cost(Cost::DANGER_FOR_TESTS);
    service.issuer("Example Mail").build().unwrap()
}

/// Ann has an app.
fn enrol(tf: &TwoFactor<impl Records>) -> Otp {
    let (ann, label, before) = (
        ann(),
        Label::new("ann").unwrap(),
        at(0) - Duration::from_secs(3600),
    );
    let begun = block_on(tf.enrol(&ann, &label, Parameters::default(), before)).unwrap();
    let otp = parse_uri(&begun.uri()).unwrap().otp;
    let code = otp.code_at(otp.step_at(before));
    let confirmed = block_on(tf.confirm(&ann, &begun.id(), code.expose(), None, before)).unwrap();
    assert!(matches!(confirmed, Confirmed::On(_)), "{confirmed:?}");
    otp
}

/// The races, where each task is a node with a connection of its own.
fn race<R: Records>(node: impl Fn() -> R) {
    let otp = enrol(&service(node()));
    let nodes: Vec<_> = (0..GUESSES).map(|_| service(node())).collect();
    let pending: Vec<OnceLock<Pending>> = (0..STEPS).map(|_| OnceLock::new()).collect();
    let client = client();
    let passed = |step: u64| {
        let (ann, first) = (ann(), async || Checked::Right);
        let subject = Subject::Known(&ann);
        let first = nodes[0].first_factor(&subject, &client, at(step), first);
        match block_on(first).unwrap() {
            First::Second(pending, _) => pending,
            other => panic!("{other:?}"),
        }
    };
    let codes = one_code_one_success(TASKS, STEPS, |task, step| {
        let pending = pending[usize::try_from(step).unwrap()].get_or_init(|| passed(step));
        let code = otp.code_at(FIRST + step);
        let second = nodes[task].code(pending, &client, code.expose(), at(step));
        matches!(block_on(second).unwrap(), Second::Passed(_))
    });
    assert!(codes.is_exact(), "{codes}: {codes:?}");

    // Wrong passwords: so many are computed.
    let computed = AtomicUsize::new(0);
    let guesses = reserve_before_verify(GUESSES, LIMIT, |task| {
        let (ann, before) = (ann(), AtomicUsize::new(0));
        let subject = Subject::Known(&ann);
        let verify = async || {
            before.fetch_add(1, Ordering::SeqCst);
            computed.fetch_add(1, Ordering::SeqCst);
            Checked::Wrong
        };
        let first = nodes[task].first_factor(&subject, &client, at(STEPS), verify);
        assert!(matches!(block_on(first).unwrap(), First::Refused(_)));
        before.load(Ordering::SeqCst) == 1
    });
    assert!(guesses.is_exact(), "{guesses}");
    assert_eq!(computed.load(Ordering::SeqCst), LIMIT);
}

#[test]
fn sixty_codes_open_sixty_times_and_five_guesses_are_looked_at_in_memory() {
    let store = std::sync::Arc::new(Memory::new());
    race(|| store.clone());
}

#[test]
fn sixty_codes_open_sixty_times_and_five_guesses_are_looked_at_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = std::sync::Arc::new(Sqlite::open(folder.path().join("store")).unwrap());
    race(|| store.clone());
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_sixty_codes_open_sixty_times_and_five_guesses_are_looked_at() {
    let server = postgres::Postgres::start();
    let nodes: Vec<_> = (0..TASKS)
        .map(|_| std::sync::Arc::new(record_store::Postgres::open(&server.url()).unwrap()))
        .collect();
    let next = AtomicUsize::new(0);
    race(|| nodes[next.fetch_add(1, Ordering::SeqCst) % TASKS].clone());
}

/// Mutation: the code is looked for, then noted. All look before any notes, as servers under load do.
#[test]
fn the_kit_finds_a_store_that_reads_checks_and_writes() {
    let (used, all) = (Mutex::new(HashSet::new()), Barrier::new(TASKS));
    let codes = one_code_one_success(TASKS, 3, |_, step| {
        let fresh = !used.lock().unwrap().contains(&step);
        all.wait();
        used.lock().unwrap().insert(step);
        fresh
    });
    assert!(!codes.holds(), "{codes}");
    assert_eq!(
        (codes.successes, codes.replayed),
        (3 * TASKS, vec![0, 1, 2])
    );
}

/// Mutation: the guess is looked at, then counted.
#[test]
fn the_kit_finds_a_store_that_verifies_and_then_counts() {
    let (counted, all) = (AtomicUsize::new(0), Barrier::new(GUESSES));
    let guesses = reserve_before_verify(GUESSES, LIMIT, |_| {
        let open = counted.load(Ordering::SeqCst) < LIMIT;
        all.wait();
        counted.fetch_add(1, Ordering::SeqCst);
        open
    });
    assert!(!guesses.holds());
    assert_eq!(guesses.looked_at, GUESSES);
}

/// Mutation: a store that lets nobody in replays nothing, and is found all the same.
#[test]
fn the_kit_finds_a_store_that_loses_codes() {
    let codes = one_code_one_success(TASKS, 3, |_, _| false);
    assert!(codes.holds() && !codes.is_exact());
    assert_eq!(codes.lost, [0, 1, 2]);
    let guesses = reserve_before_verify(GUESSES, LIMIT, |_| false);
    assert!(guesses.holds() && !guesses.is_exact());
}
