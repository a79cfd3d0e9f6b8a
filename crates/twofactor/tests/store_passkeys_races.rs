//! Passkeys in a store when servers are asked at the same time, or end while they write.
#![cfg(all(feature = "passkey", feature = "store"))]
#![allow(missing_docs, clippy::unwrap_used)]

#[cfg(target_os = "linux")]
#[path = "../../record-store/tests/common/postgres.rs"]
mod postgres;
mod soft;

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::SystemTime;

use pollster::block_on;
use record_store::faults::{Fault, Faulty};
use record_store::{
    Commit, Expect, Key, Memory, Outcome, Page, Prefix, Records, Sqlite, Swept, Versioned,
};
use soft::Device;
use soft::service::*;
use twofactor::passkey::Unusable;
use twofactor::{
    Error, Event, First, Kind, PasskeyConfirmed, PasskeyLogin, Refusal, Second, TwoFactor,
};

const TASKS: usize = 8;

/// A store in which the first commits wait until all tasks have read, and which may call a conflict a success.
struct Together<R> {
    store: R,
    barrier: Barrier,
    waiting: AtomicUsize,
    swallows: bool,
}

impl<R: Records> Records for Together<R> {
    fn get(
        &self,
        key: &Key,
        now: SystemTime,
    ) -> impl Future<Output = Result<Option<Versioned>, record_store::Error>> + Send {
        self.store.get(key, now)
    }

    fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> impl Future<Output = Result<Page, record_store::Error>> + Send {
        self.store.scan(prefix, after, limit, now)
    }

    async fn commit(
        &self,
        commit: Commit,
        now: SystemTime,
    ) -> Result<Outcome, record_store::Error> {
        let left = |n: usize| n.checked_sub(1);
        let waits = self
            .waiting
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left);
        if waits.is_ok() {
            self.barrier.wait();
        }
        match self.store.commit(commit, now).await? {
            Outcome::Conflict(_) if self.swallows => self.store.commit(Commit::new(), now).await,
            outcome => Ok(outcome),
        }
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, record_store::Error> {
        self.store.sweep(now, budget).await
    }
}

fn together<R>(store: R, swallows: bool) -> Together<R> {
    Together {
        store,
        barrier: Barrier::new(TASKS),
        waiting: AtomicUsize::new(0),
        swallows,
    }
}

/// How many of eight servers let in whoever shows the same answer to all of them at once.
fn ins<R: Records>(store: &Together<R>, counts: bool) -> usize {
    let (tf, ann) = (service(store), ann());
    let mut device = Device::p256(b"one");
    register(&tf, &ann, &device);
    device.counter = u32::from(counts);
    let pending = pending(&tf, &ann);
    let asked = ask(&tf, &pending);
    let got = device.get(&asked.options);
    store.waiting.store(TASKS, Ordering::SeqCst);
    let seconds: Vec<_> = std::thread::scope(|scope| {
        let task = || scope.spawn(|| answer(&service(store), &pending, &asked.id, &got));
        let tasks: Vec<_> = (0..TASKS).map(|_| task()).collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    let mut ins = 0;
    for second in seconds {
        match second.unwrap() {
            Second::Passed(_) => ins += 1,
            Second::Refused(why) => assert_eq!(why, Refusal::Answer(Unusable::Gone)),
        }
    }
    ins
}

#[test]
fn one_of_eight_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    for counts in [false, true] {
        for _ in 0..10 {
            assert_eq!(ins(&together(Memory::new(), false), counts), 1);
        }
        let file = folder.path().join(format!("{counts}.db"));
        let store = Sqlite::open(file).unwrap();
        assert_eq!(ins(&together(store, false), counts), 1);
    }
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_one_of_eight_is_let_in() {
    let server = postgres::Postgres::start();
    let node = || record_store::Postgres::open(&server.url()).unwrap();
    assert_eq!(ins(&together(node(), false), true), 1);
    assert_eq!(count(&node(), "2fa-challenge"), 0);
}

/// The mutation: whoever looks whether the challenge is there, and does not take it, lets in everybody.
#[test]
fn mutation_a_challenge_that_is_looked_at_and_not_taken_is_found_out() {
    assert_eq!(ins(&together(Memory::new(), true), false), TASKS);
    assert_eq!(ins(&together(Memory::new(), true), true), TASKS);
}

/// How many of eight servers register the same answer.
fn registrations<R: Records>(store: &Together<R>) -> usize {
    let (tf, ann) = (service(store), ann());
    let asked = begin(&tf, &ann);
    let created = Device::p256(b"one").create(&asked.options);
    store.waiting.store(TASKS, Ordering::SeqCst);
    let confirmed: Vec<_> = std::thread::scope(|scope| {
        let task = || scope.spawn(|| confirm(&service(store), &user("ann"), &asked.id, &created));
        let tasks: Vec<_> = (0..TASKS).map(|_| task()).collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    let on = |one: &Result<_, _>| matches!(one, Ok(PasskeyConfirmed::On(_)));
    confirmed.iter().filter(|one| on(one)).count()
}

#[test]
fn one_of_eight_registers() {
    for _ in 0..10 {
        let store = together(Memory::new(), false);
        assert_eq!(registrations(&store), 1);
        assert_eq!(count(&store.store, "2fa-passkey"), 1);
        let told = events(&service(&store), &ann());
        let enrolled = |event: &&Event| **event == Event::Enrolled(Kind::Passkey);
        assert_eq!(told.iter().filter(enrolled).count(), 1);
    }
    assert_eq!(registrations(&together(Memory::new(), true)), TASKS);
}

#[test]
fn two_registrations_at_once_are_both_there() {
    let store = together(Memory::new(), false);
    let (tf, ann) = (service(&store), ann());
    let asked: Vec<_> = (0..TASKS).map(|_| begin(&tf, &ann)).collect();
    store.waiting.store(TASKS, Ordering::SeqCst);
    std::thread::scope(|scope| {
        for (n, asked) in asked.iter().enumerate() {
            let (tf, ann) = (&tf, &ann);
            scope.spawn(move || {
                let device = Device::p256(format!("device {n}").as_bytes());
                let created = device.create(&asked.options);
                let confirmed = confirm(tf, ann, &asked.id, &created).unwrap();
                assert!(matches!(confirmed, PasskeyConfirmed::On(_)));
            });
        }
    });
    assert_eq!(block_on(tf.passkeys(&ann, now())).unwrap().len(), TASKS);
    match password(&tf, &ann) {
        First::Second(_, methods) => assert_eq!(usize::from(methods.passkeys), TASKS),
        other => panic!("{other:?}"),
    }
}

type Faults = TwoFactor<Arc<Faulty<Memory>>>;

fn faults() -> (Arc<Faulty<Memory>>, Faults) {
    let store = Arc::new(Faulty::new(Memory::new()));
    (Arc::clone(&store), service(store))
}

/// What a commit comes to, and whether it was written.
fn ends() -> [(Fault<Memory>, bool); 3] {
    [
        (Fault::Busy, false),
        (Fault::NotWritten, false),
        (Fault::Lost, true),
    ]
}

#[test]
fn a_node_that_ends_at_the_commit_of_a_login_lets_nobody_in_twice() {
    for (end, written) in ends() {
        let (store, tf) = faults();
        let (ann, mut device) = (ann(), Device::p256(b"one"));
        register(&tf, &ann, &device);
        let pending = pending(&tf, &ann);
        let asked = ask(&tf, &pending);
        device.counter = 1;
        let got = device.get(&asked.options);
        store.next([end.clone()]);
        let failed = answer(&tf, &pending, &asked.id, &got);
        assert!(failed.is_err_and(|why| why.is_temporary()), "{end:?}");
        // All of it was written, or nothing.
        let used = block_on(tf.passkeys(&ann, now())).unwrap()[0].last_used();
        assert_eq!(used.is_some(), written, "{end:?}");
        assert_eq!(count(&store, "2fa-challenge") == 0, written, "{end:?}");
        assert_eq!(
            passed(answer(&tf, &pending, &asked.id, &got)),
            !written,
            "{end:?}"
        );
        // And the way in is open as before.
        device.counter = 2;
        let asked = ask(&tf, &pending);
        assert!(passed(answer(
            &tf,
            &pending,
            &asked.id,
            &device.get(&asked.options)
        )));
    }
}

#[test]
fn a_node_that_ends_at_the_commit_of_a_change_leaves_all_or_nothing() {
    for (end, written) in ends() {
        let (store, tf) = faults();
        let (ann, device) = (ann(), Device::p256(b"one"));
        // The challenge.
        store.next([end.clone()]);
        assert!(block_on(tf.passkey_registration(&ann, "ann", now())).is_err());
        assert_eq!(count(&store, "2fa-challenge") == 1, written);
        // The registration.
        let asked = begin(&tf, &ann);
        let created = device.create(&asked.options);
        store.next([end.clone()]);
        assert!(confirm(&tf, &ann, &asked.id, &created).is_err());
        let is_on = matches!(password(&tf, &ann), First::Second(..));
        assert_eq!(
            (is_on, count(&store, "2fa-passkey") == 1),
            (written, written)
        );
        assert_eq!(
            events(&tf, &ann).contains(&Event::Enrolled(Kind::Passkey)),
            written
        );
        assert_eq!(count(&store, "2fa-recovery") == 10, written);
        let again = confirm(&tf, &ann, &asked.id, &created).unwrap();
        assert_eq!(matches!(again, PasskeyConfirmed::On(_)), !written);
        assert_eq!(count(&store, "2fa-passkey"), 1);
        // The removal.
        let id = block_on(tf.passkeys(&ann, now())).unwrap()[0].id();
        store.next([end.clone()]);
        assert!(block_on(tf.remove_passkey(&ann, id, now())).is_err());
        let is_on = matches!(password(&tf, &ann), First::Second(..));
        assert_eq!(
            (is_on, count(&store, "2fa-passkey") == 1),
            (!written, !written)
        );
    }
}

#[test]
fn somebody_who_was_faster_is_noticed() {
    // Between reading and writing, the passkey is removed on another node.
    let (store, tf) = faults();
    let (ann, device) = (ann(), Device::p256(b"one"));
    register(&tf, &ann, &device);
    let pending = pending(&tf, &ann);
    let asked = ask(&tf, &pending);
    let id = block_on(tf.passkeys(&ann, now())).unwrap()[0].id();
    store.next([Fault::rival(move |memory: &Memory, now| {
        block_on(service(memory).remove_passkey(&user("ann"), id, now)).unwrap();
    })]);
    let got = device.get(&asked.options);
    assert_eq!(
        refused(answer(&tf, &pending, &asked.id, &got)),
        Refusal::Stale
    );
}

/// What a server spawns must be `Send`.
#[test]
fn futures_can_be_spawned() {
    fn send<T: Send>(it: T) -> T {
        it
    }
    let (tf, ann) = (service(Memory::new()), ann());
    let asked = block_on(send(tf.passkey_registration(&ann, "ann", now()))).unwrap();
    let client = client();
    let confirmed = send(tf.confirm_passkey(&ann, &asked.id, "", "Pocket", None, now()));
    assert!(block_on(confirmed).is_ok());
    register(&tf, &ann, &Device::p256(b"one"));
    let pending = pending(&tf, &ann);
    let begun = block_on(send(tf.passkey_challenge(&pending, now()))).unwrap();
    assert!(matches!(begun, PasskeyLogin::Ask(_)));
    let second = send(tf.passkey(&pending, &client, &asked.id, "", now()));
    assert!(matches!(block_on(second), Ok(Second::Refused(_))));
}

#[test]
fn a_new_name_undoes_nothing_that_happens_in_the_same_moment() {
    let (store, ann) = (Faulty::new(Memory::new()), ann());
    let tf = service(&store);
    let mut device = Device::p256(b"one");
    device.counter = 1;
    register(&tf, &ann, &device);
    let id = block_on(tf.passkeys(&ann, now())).unwrap()[0].id();
    // A login, whose counter is noted.
    device.counter = 2;
    let pending = pending(&tf, &ann);
    let asked = ask(&tf, &pending);
    let got = device.get(&asked.options);
    store.next([Fault::rival(move |memory: &Memory, _| {
        assert!(passed(answer(&service(memory), &pending, &asked.id, &got)));
    })]);
    block_on(tf.rename_passkey(&ann, id, "blue key", now())).unwrap();
    let passkeys = block_on(tf.passkeys(&ann, now())).unwrap();
    assert_eq!(passkeys[0].name().as_str(), "blue key");
    let pending = self::pending(&tf, &ann);
    let asked = ask(&tf, &pending);
    let copied = refused(answer(
        &tf,
        &pending,
        &asked.id,
        &device.get(&asked.options),
    ));
    assert_eq!(copied, Refusal::Answer(Unusable::Copied));
    assert!(matches!(
        block_on(tf.rename_passkey(&ann, id, "", now())),
        Err(Error::Name { most: 64 })
    ));
    // Its removal.
    store.next([Fault::rival(move |memory: &Memory, now| {
        block_on(service(memory).remove_passkey(&user("ann"), id, now)).unwrap();
    })]);
    let gone = block_on(tf.rename_passkey(&ann, id, "red key", now()));
    assert!(matches!(gone, Err(Error::NoSuch { .. })), "{gone:?}");
    assert_eq!(count(&store, "2fa-passkey"), 0);
    // The mutation: a write that expects nothing brings it back.
    let key = Key::new("2fa-passkey", ("ann", id.octets())).unwrap();
    let put = Commit::new().put(&key, passkeys[0].to_octets(), Expect::Anything);
    assert!(matches!(
        block_on(store.commit(put, now())),
        Ok(Outcome::Committed(_))
    ));
    assert_eq!(count(&store, "2fa-passkey"), 1);
}
