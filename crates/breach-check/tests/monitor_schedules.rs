//! Servers whose reads, commits and requests interleave as a schedule says, on a store that fails as it says, and that may
//! die at any of these moments: nobody is told twice, and nobody is not told.
#![cfg(feature = "store")]
#![allow(clippy::unwrap_used)]

mod v3;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use breach_check::addresses::Client;
use breach_check::monitor::{Monitor, MonitorKey, Ownership, Settings, Step, UserId};
use breach_check::{Answer, Http, HttpFault};
use proptest::prelude::*;
use record_store::faults::{Fault, Faulty};
use record_store::{
    Commit, Error as StoreError, Expect, Key, Memory, Outcome, Page, Prefix, Records, Swept,
    Versioned,
};
use v3::{Fake, World, address, at, service};

const USERS: [&str; 3] = ["ann", "bob", "eve"];
const NAMES: [&str; 3] = ["Adobe", "Linked", "Secret"];

async fn give_way() {
    let mut waited = false;
    poll_fn(|_| match std::mem::replace(&mut waited, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

/// How the store is, or what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Right,
    /// Mutation: of the alerts of a commit, one is not kept.
    Loses,
    /// Mutation: once an alert is gone, whoever it was for is as before it was told.
    Forgets,
}

/// Gives way before each read and each commit.
struct Stepped {
    store: Arc<Faulty<Memory>>,
    manner: Manner,
}

fn records(store: &Faulty<Memory>, namespace: &str) -> Vec<(Key, Versioned)> {
    let prefix = Prefix::new(namespace, ()).unwrap();
    let memory = pollster::block_on(store.scan(&prefix, None, 1000, at(0)));
    memory.unwrap().entries
}

impl Records for Stepped {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, StoreError> {
        give_way().await;
        self.store.get(key, now).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, StoreError> {
        give_way().await;
        self.store.scan(prefix, after, limit, now).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, StoreError> {
        give_way().await;
        let before = records(&self.store, "breach-alert").len();
        let users = records(&self.store, "breach-user");
        let outcome = self.store.commit(commit, now).await?;
        match (self.manner, &outcome) {
            (Manner::Loses, _) if records(&self.store, "breach-alert").len() > before => {
                let (key, _) = records(&self.store, "breach-alert").pop().unwrap();
                let delete = Commit::new().delete(&key, Expect::Anything);
                let _ = self.store.commit(delete, now).await?;
                Ok(outcome)
            }
            (Manner::Forgets, _) if records(&self.store, "breach-alert").len() > before => {
                for (key, found) in users {
                    let put = Commit::new().put(&key, found.value()?, Expect::Anything);
                    let _ = self.store.commit(put, now).await?;
                }
                Ok(outcome)
            }
            _ => Ok(outcome),
        }
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, StoreError> {
        self.store.sweep(now, budget).await
    }
}

/// Gives way before it asks, and before it hears.
struct Slow(Fake);

impl Http for Slow {
    async fn send(&self, request: http::Request<()>, limit: usize) -> Result<Answer, HttpFault> {
        give_way().await;
        let answer = self.0.send(request, limit).await;
        give_way().await;
        answer
    }
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Goes(usize),
    /// It dies, and another one starts in its place.
    Dies(usize),
    Busy,
    Lost,
    NotWritten,
    /// An address turns up in a breach, and a newer breach with it.
    Breach(usize, usize),
    /// So many seconds go by.
    Later(u16),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        60 => (0..2_usize).prop_map(Move::Goes),
        1 => (0..2_usize).prop_map(Move::Dies),
        1 => Just(Move::Busy),
        1 => Just(Move::Lost),
        1 => Just(Move::NotWritten),
        1 => (0..USERS.len(), 0..NAMES.len()).prop_map(|(user, name)| Move::Breach(user, name)),
        2 => (1..2000_u16).prop_map(Move::Later),
    ];
    prop::collection::vec(one, 0..600)
}

/// What was told, by whom it is for and of what.
#[derive(Default)]
struct Log {
    clock: Cell<u64>,
    /// Keys of alerts, and how often each was told.
    told: RefCell<BTreeMap<(String, String), Vec<String>>>,
    acknowledged: RefCell<BTreeSet<(String, String)>>,
    wrong: RefCell<Vec<String>>,
}

impl Log {
    fn now(&self) -> SystemTime {
        at(self.clock.get())
    }
}

type Server = Monitor<Stepped, Slow>;

/// Looks what is to be told, tells it, and acknowledges.
async fn tell(server: &Server, log: &Log) {
    // What was acknowledged before the look must not be seen by it.
    let before = log.acknowledged.borrow().clone();
    let Ok(alerts) = server.next_alerts(None, None, log.now()).await else {
        return;
    };
    for alert in alerts {
        let pair = (alert.user.as_str().to_owned(), alert.breach.to_string());
        if before.contains(&pair) {
            log.wrong.borrow_mut().push(format!("{pair:?} again"));
        }
        let when = format!("{:?}", alert.found);
        log.told
            .borrow_mut()
            .entry(pair.clone())
            .or_default()
            .push(when);
        if server.acknowledge(&alert.key, log.now()).await.is_ok() {
            log.acknowledged.borrow_mut().insert(pair);
        }
    }
}

async fn serve(server: &Server, log: &Log) {
    loop {
        let _ = server.step(log.now()).await;
        tell(server, log).await;
        log.clock.set(log.clock.get() + 1);
    }
}

fn run(manner: Manner, moves: &[Move]) -> Vec<String> {
    let store = Arc::new(Faulty::new(Memory::new()));
    let mut world = World::new().with("Linked", "2016-05-21T21:35:40Z", None);
    world.add("Secret", "2017-01-01T00:00:00Z", Some("IsSensitive"));
    world.put("ann@example.org", &["Adobe"]);
    world.put("bob@example.org", &["Adobe", "Linked"]);
    let fake = Fake::new(world);
    let server = || {
        let store = Stepped {
            store: store.clone(),
            manner,
        };
        let client = Client::new(
            Slow(fake.clone()),
            service("https://breaches.example/api/v3"),
        );
        Monitor::new(store, client, MonitorKey::new([7; 32]), Settings::default()).unwrap()
    };
    let (servers, log) = ([server(), server()], Log::default());
    for id in USERS {
        let (user, address) = (
            UserId::new(id).unwrap(),
            address(&format!("{id}@example.org")),
        );
        now(servers[0].watch(&user, &address, Ownership::Proven, at(0))).unwrap();
    }
    let begin =
        |n: usize| -> Pin<Box<dyn Future<Output = ()> + '_>> { Box::pin(serve(&servers[n], &log)) };
    let mut tasks = [begin(0), begin(1)];
    let mut newest = 0;
    for one in moves {
        match *one {
            Move::Goes(n) => {
                let mut context = Context::from_waker(Waker::noop());
                assert!(tasks[n].as_mut().poll(&mut context).is_pending());
            }
            Move::Dies(n) => tasks[n] = begin(n),
            Move::Busy => store.next([Fault::Busy]),
            Move::Lost => store.next([Fault::Lost]),
            Move::NotWritten => store.next([Fault::NotWritten]),
            Move::Breach(user, name) => {
                newest += 1;
                let mut world = fake.0.lock().unwrap();
                let address = format!("{}@example.org", USERS[user]);
                let names = world.accounts.entry(address).or_default();
                if !names.iter().any(|one| one == NAMES[name]) {
                    names.push(NAMES[name].to_owned());
                }
                world.add(
                    &format!("N{newest}"),
                    &format!("2027-01-01T00:00:{newest:03}Z"),
                    None,
                );
            }
            Move::Later(seconds) => log.clock.set(log.clock.get() + u64::from(seconds)),
        }
    }
    drop(tasks);
    // In the end one of them goes on alone, and the store does not fail. Two days are enough for a look at the newest
    // breach, and a month for a full pass.
    // Faults that are left befall these commits.
    for _ in 0..64 {
        let _ = now(store.commit(Commit::new(), at(0)));
    }
    let mut idle = 0;
    let mut time = log.now();
    for _ in 0..5000 {
        match now(servers[0].step(time)) {
            Ok(Step::Waited(until)) => time = time.max(until),
            Ok(Step::Idle(_)) => {
                idle += 1;
                time += Duration::from_secs(24 * 60 * 60);
            }
            _ => {}
        }
        if idle == 35 {
            break;
        }
    }
    log.clock.set(time.duration_since(at(0)).unwrap().as_secs());
    now(tell(&servers[0], &log));
    judge(&fake, &log)
}

/// What is wrong with what was told.
fn judge(fake: &Fake, log: &Log) -> Vec<String> {
    let mut wrong = log.wrong.borrow().clone();
    let mut expected = BTreeSet::new();
    for (address, names) in &fake.0.lock().unwrap().accounts {
        let user = address.split('@').next().unwrap();
        expected.extend(names.iter().map(|name| (user.to_owned(), name.clone())));
    }
    let told = log.told.borrow();
    for pair in &expected {
        if !told.contains_key(pair) {
            wrong.push(format!("{pair:?} never"));
        }
    }
    for (pair, found) in told.iter() {
        if !expected.contains(pair) {
            wrong.push(format!("{pair:?} out of nothing"));
        }
        if found.iter().any(|when| *when != found[0]) {
            wrong.push(format!("{pair:?} found twice"));
        }
    }
    wrong
}

/// Alone on its server.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    loop {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
}

/// All by turns, with time going by.
fn turns() -> Vec<Move> {
    let mut moves: Vec<_> = (0..1500).map(|n| Move::Goes(n % 2)).collect();
    for at in [900, 600, 300] {
        moves.insert(at, Move::Later(7));
    }
    moves.insert(1000, Move::Breach(2, 2));
    moves.insert(1001, Move::Later(30_000));
    moves
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_schedule_tells_twice_or_not_at_all(moves in moves()) {
        let wrong = run(Manner::Right, &moves);
        prop_assert!(wrong.is_empty(), "{wrong:?}");
    }
}

#[test]
fn by_turns_all_is_told_once() {
    assert!(run(Manner::Right, &turns()).is_empty());
}

/// Mutations of the store, on schedules that a right one bears.
#[test]
fn mutation_a_store_that_forgets_what_was_told_is_found_out() {
    let wrong = run(Manner::Forgets, &turns());
    let twice = |one: &String| one.contains("again") || one.contains("twice");
    assert!(wrong.iter().any(twice), "{wrong:?}");
}

#[test]
fn mutation_a_store_that_loses_an_alert_is_found_out() {
    let wrong = run(Manner::Loses, &turns());
    assert!(wrong.iter().any(|one| one.contains("never")), "{wrong:?}");
}
