//! Servers whose reads and commits interleave as a schedule says, on a store that fails as it says: the real front, where
//! `model.rs` has a model of it.
#![cfg(feature = "store")]
#![allow(clippy::unwrap_used)]

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use record_store::faults::{Fault, Faulty};
use record_store::{
    Commit, Error as StoreError, Expect, Key, Memory, Outcome, Page, Prefix, Records, Swept,
    Versioned,
};
use twofactor::otp::{Label, Otp, Parameters, parse_uri};
use twofactor::{
    Checked, Client, Confirmed, Cost, First, Keyring, Pending, Refusal, Second, Subject, TwoFactor,
    UserId,
};

const FIRST: u64 = 60_000_000;
const FREE: usize = 5;

fn at(step: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs((FIRST + step) * 30)
}

/// Gives way once before each read and each commit, so that a schedule says who comes next.
struct Stepped {
    store: Arc<Faulty<Memory>>,
    /// Mutation: a conflict is called a success.
    swallows: bool,
}

async fn give_way() {
    let mut waited = false;
    poll_fn(|_| match std::mem::replace(&mut waited, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
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
        match self.store.commit(commit, now).await? {
            Outcome::Conflict(_) if self.swallows => {
                let key = Key::new("swallowed", ())?;
                let other = Commit::new().put(&key, *b"1", Expect::Anything);
                self.store.commit(other, now).await
            }
            outcome => Ok(outcome),
        }
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, StoreError> {
        self.store.sweep(now, budget).await
    }
}

/// What a server does next, or what befalls it.
#[derive(Clone, Copy, Debug)]
enum Move {
    Goes(usize),
    Stops(usize),
    Busy,
    Lost,
    NotWritten,
}

fn moves(tasks: usize) -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        40 => (0..tasks).prop_map(Move::Goes),
        1 => (0..tasks).prop_map(Move::Stops),
        1 => Just(Move::Busy),
        1 => Just(Move::Lost),
        1 => Just(Move::NotWritten),
    ];
    prop::collection::vec(one, 0..200)
}

type Task<'a, T> = Option<Pin<Box<dyn Future<Output = T> + 'a>>>;

/// Runs them as the schedule says, and then one after the other. Who stops has no result.
fn run<T>(mut tasks: Vec<Task<'_, T>>, moves: &[Move], store: &Faulty<Memory>) -> Vec<Option<T>> {
    let mut done: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    let mut go = |tasks: &mut Vec<Task<'_, T>>, n: usize| {
        let Some(task) = &mut tasks[n] else {
            return false;
        };
        if let Poll::Ready(result) = task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            (done[n], tasks[n]) = (Some(result), None);
        }
        true
    };
    for one in moves {
        match *one {
            Move::Goes(n) => drop(go(&mut tasks, n)),
            Move::Stops(n) => tasks[n] = None,
            Move::Busy => store.next([Fault::Busy]),
            Move::Lost => store.next([Fault::Lost]),
            Move::NotWritten => store.next([Fault::NotWritten]),
        }
    }
    for n in 0..tasks.len() {
        while go(&mut tasks, n) {}
    }
    done
}

struct World {
    store: Arc<Faulty<Memory>>,
    servers: [TwoFactor<Stepped>; 2],
    otp: Otp,
    ann: UserId,
}

impl World {
    fn new(swallows: bool) -> Self {
        let store = Arc::new(Faulty::new(Memory::new()));
        let server = || {
            let store = store.clone();
            let server = TwoFactor::builder(Stepped { store, swallows });
            let server = server.keys(Keyring::new(1, [7; 32]));
            let server = server.recovery_cost(Cost::DANGER_FOR_TESTS);
            server.issuer("Example Mail").build().unwrap()
        };
        let (servers, ann) = ([server(), server()], UserId::new("ann").unwrap());
        let before = at(0) - Duration::from_secs(3600);
        let label = Label::new("ann").unwrap();
        let begun = now(servers[0].enrol(&ann, &label, Parameters::default(), before)).unwrap();
        let otp = parse_uri(&begun.uri()).unwrap().otp;
        let code = otp.code_at(otp.step_at(before));
        let id = begun.id();
        let confirmed = servers[0].confirm(&ann, &id, code.expose(), None, before);
        assert!(matches!(now(confirmed).unwrap(), Confirmed::On(_)));
        Self {
            store,
            servers,
            otp,
            ann,
        }
    }

    fn pending(&self) -> Pending {
        let (subject, client) = (Subject::Known(&self.ann), client());
        let right = async || Checked::Right;
        match now(self.servers[0].first_factor(&subject, &client, at(0), right)).unwrap() {
            First::Second(pending, _) => pending,
            other => panic!("{other:?}"),
        }
    }

    /// Codes of these steps, each given in on one server or the other: how often each of the four has opened.
    fn codes(&self, tries: &[(u64, bool)], moves: &[Move]) -> [usize; 4] {
        let (pending, client) = (self.pending(), client());
        let code = |step: u64| self.otp.code_at(FIRST + step).expose().to_owned();
        let codes: Vec<_> = tries.iter().map(|(step, _)| code(*step)).collect();
        let tasks = tries.iter().zip(&codes).map(|((step, other), code)| {
            let server = &self.servers[usize::from(*other)];
            // Now, or a step later: the code is right all the same.
            let at = at(step + u64::from(*other));
            let task: Pin<Box<dyn Future<Output = _>>> =
                Box::pin(server.code(&pending, &client, code, at));
            Some(task)
        });
        let done = run(tasks.collect(), moves, &self.store);
        let mut opened = [0; 4];
        for ((step, _), done) in tries.iter().zip(done) {
            if let Some(Ok(Second::Passed(_))) = done {
                opened[usize::try_from(*step).unwrap()] += 1;
            }
        }
        opened
    }

    /// Wrong passwords on both servers: how many were looked at.
    fn passwords(&self, tries: usize, moves: &[Move]) -> usize {
        let looked = AtomicUsize::new(0);
        let (subject, client) = (Subject::Known(&self.ann), client());
        let tasks = (0..tries).map(|n| {
            let verify = async || {
                looked.fetch_add(1, Ordering::SeqCst);
                Checked::Wrong
            };
            let first = self.servers[n % 2].first_factor(&subject, &client, at(0), verify);
            let task: Pin<Box<dyn Future<Output = _>>> = Box::pin(first);
            Some(task)
        });
        let done = run(tasks.collect(), moves, &self.store);
        let told = done.iter().flatten();
        let wrong = told.filter(|done| matches!(done, Ok(First::Refused(Refusal::Wrong))));
        // Whoever is told that it is wrong had it looked at.
        assert!(wrong.count() <= looked.load(Ordering::SeqCst));
        looked.into_inner()
    }
}

fn client() -> Client<'static> {
    Client::web("192.0.2.1".parse().unwrap(), None)
}

/// Alone on its server.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(result) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return result;
        }
    }
}

/// All by turns.
fn turns(tasks: usize) -> Vec<Move> {
    (0..100 * tasks).map(|n| Move::Goes(n % tasks)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_schedule_opens_with_one_code_twice(
        tries in prop::collection::vec((0_u64..4, any::<bool>()), 1..6), moves in moves(6)
    ) {
        let world = World::new(false);
        let moves: Vec<_> = moves.into_iter().filter(|one| one.is_of(tries.len())).collect();
        for opened in world.codes(&tries, &moves) {
            prop_assert!(opened <= 1);
        }
    }

    #[test]
    fn no_schedule_looks_at_more_passwords_than_may_be(tries in 1_usize..12, moves in moves(12)) {
        let world = World::new(false);
        let moves: Vec<_> = moves.into_iter().filter(|one| one.is_of(tries)).collect();
        prop_assert!(world.passwords(tries, &moves) <= FREE);
    }
}

impl Move {
    fn is_of(self, tasks: usize) -> bool {
        match self {
            Self::Goes(n) | Self::Stops(n) => n < tasks,
            Self::Busy | Self::Lost | Self::NotWritten => true,
        }
    }
}

#[test]
fn without_a_fault_each_code_opens_once_and_five_passwords_are_looked_at() {
    let world = World::new(false);
    let twice: Vec<_> = (0..4)
        .flat_map(|step| [(step, false), (step, true)])
        .collect();
    assert_eq!(world.codes(&twice, &turns(8)), [1; 4]);
    assert_eq!(World::new(false).passwords(12, &turns(12)), FREE);
}

/// Mutation: a store that calls a conflict a success. The same schedule finds it.
#[test]
fn the_schedules_find_a_store_that_swallows_conflicts() {
    let world = World::new(true);
    assert_eq!(
        world.codes(&[(0, false), (0, true)], &turns(2)),
        [2, 0, 0, 0]
    );
    assert_eq!(World::new(true).passwords(12, &turns(12)), 12);
}
