//! From one store to another: complete, resumable, and proved at the end.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pollster::block_on;
use proptest::prelude::*;
use record_store::copy::{self, Ending, Options};
use record_store::{
    Commit, Error, Expect, Key, Large, MAX_VALUE, Memory, Outcome, Page, Prefix, Records, Swept,
    Versioned,
};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn later() -> SystemTime {
    now() + Duration::from_secs(60)
}

fn key(number: u64) -> Key {
    let namespace = ["mail", "quota", "session"][number as usize % 3];
    Key::new(namespace, number).unwrap()
}

fn commit(store: &impl Records, commit: Commit) {
    let outcome = block_on(store.commit(commit, now())).unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)));
}

fn put(store: &impl Records, number: u64, value: &[u8]) {
    let staged = block_on(Large::stage(store, value, now())).unwrap();
    let put = match number % 5 {
        0 => Commit::new().put_large_until(&key(number), &staged, Expect::Anything, later()),
        _ => Commit::new().put_large(&key(number), &staged, Expect::Anything),
    };
    commit(store, put);
}

fn delete(store: &impl Records, number: u64) {
    commit(store, Commit::new().delete(&key(number), Expect::Anything));
}

/// Everything that lives: value and expiry by key.
fn all(store: &impl Records) -> BTreeMap<Key, (Vec<u8>, Option<SystemTime>)> {
    let (mut all, mut after) = (BTreeMap::new(), None);
    loop {
        let page = block_on(store.scan(&Prefix::all(), after.as_ref(), 7, now())).unwrap();
        for (key, record) in page.entries {
            let value = block_on(Large::load(store, &record, now())).unwrap();
            all.insert(key, (value.to_vec(), record.expires()));
        }
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// Records of all sizes; more than a page and several batches.
fn source() -> Memory {
    let store = Memory::new();
    for number in 0..1500 {
        put(&store, number, &number.to_be_bytes());
    }
    for (number, size) in [
        (2000, 0),
        (2001, MAX_VALUE),
        (2002, MAX_VALUE + 1),
        (2003, 1 << 20),
        (2004, 3_000_000),
        (2005, 5_000_000),
    ] {
        put(&store, number, &vec![number as u8; size]);
    }
    let expired = Commit::new().put_until(&key(3000), *b"x", Expect::Absent, now());
    commit(&store, expired);
    store
}

fn run(from: &impl Records, to: &impl Records) -> Result<copy::Done, copy::Error> {
    block_on(copy::run(from, to, &named("a"), now()))
}

fn named(source: &str) -> Options {
    let mut options = Options::default();
    options.source = source.into();
    options
}

/// A store with a fault.
struct Faulty<'a> {
    store: &'a Memory,
    /// Commits until the store is lost.
    commits: AtomicUsize,
    fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It is unavailable.
    Away,
    /// The commit happens, and nobody knows; the next one is lost, and nobody knows.
    Unknown,
    /// It says that it has written, and has not.
    Lies,
    /// The commit happens, and whoever asked for it does not live to hear of it.
    Dies,
}

impl<'a> Faulty<'a> {
    fn after(store: &'a Memory, commits: usize, fault: Fault) -> Self {
        let commits = commits.into();
        Self {
            store,
            commits,
            fault,
        }
    }
}

impl Records for Faulty<'_> {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        self.store.get(key, now).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        self.store.scan(prefix, after, limit, now).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        let left = self.commits.load(Ordering::Relaxed);
        self.commits.store(left.wrapping_sub(1), Ordering::Relaxed);
        match self.fault {
            Fault::Away if left == 0 || left > usize::MAX / 2 => Err(Error::Busy),
            Fault::Unknown if left.is_multiple_of(3) => {
                let _ = self.store.commit(commit, now).await?;
                Ok(Outcome::Unknown)
            }
            Fault::Unknown if left % 3 == 1 => Ok(Outcome::Unknown),
            // Only the progress is written, which is all that the next commit looks at.
            Fault::Lies if left == 0 => {
                let key = Key::new("record-store.copy", ())?;
                let old = self.store.get(&key, now).await?.unwrap();
                let put = Commit::new().put(&key, old.value()?, Expect::Anything);
                self.store.commit(put, now).await
            }
            Fault::Dies if left == 0 => {
                let _ = self.store.commit(commit, now).await?;
                Err(Error::Busy)
            }
            _ => self.store.commit(commit, now).await,
        }
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.store.sweep(now, budget).await
    }
}

#[test]
fn everything_that_lives_is_copied_and_nothing_else() {
    let (from, to) = (source(), Memory::new());
    let done = run(&from, &to).unwrap();
    assert_eq!(all(&from), all(&to));
    assert_eq!((done.records, done.changed), (1506, 1506));
    let octets: usize = all(&to).values().map(|(value, _)| value.len()).sum();
    assert_eq!(done.octets, octets as u64);
    assert!(!block_on(copy::is_unfinished(&to, now())).unwrap());
    assert_eq!(
        block_on(copy::verify(&from, &to, now())).unwrap().records,
        1506
    );
    // Nothing was copied into chunks that nobody owns.
    let swept = block_on(to.sweep(now() + Duration::from_secs(1 << 30), 1000)).unwrap();
    let expiring = all(&from).values().filter(|(_, at)| at.is_some()).count();
    assert_eq!(swept.removed, expiring);
}

#[test]
fn a_target_that_is_no_copy_is_left_alone() {
    let (from, to) = (source(), Memory::new());
    put(&to, 1, b"somebody's");
    let before = all(&to);
    assert!(matches!(run(&from, &to), Err(copy::Error::NotEmpty)));
    assert_eq!(all(&to), before);
    // So is one that was finished, and has been used since.
    let to = Memory::new();
    run(&from, &to).unwrap();
    put(&to, 1, b"somebody's");
    let before = all(&to);
    assert!(matches!(run(&from, &to), Err(copy::Error::NotEmpty)));
    put(&to, 1, &1_u64.to_be_bytes());
    put(&to, 5000, b"new");
    assert!(matches!(run(&from, &to), Err(copy::Error::NotEmpty)));
    delete(&to, 5000);
    delete(&to, 1);
    assert!(matches!(run(&from, &to), Err(copy::Error::NotEmpty)));
    assert_eq!(all(&to).len(), before.len() - 1);
    // What is in it is no copy of nothing, either.
    assert!(matches!(
        run(&Memory::new(), &to),
        Err(copy::Error::NotEmpty)
    ));
}

#[test]
fn a_target_that_is_complete_is_told_to_be() {
    let (from, to) = (source(), Memory::new());
    run(&from, &to).unwrap();
    let done = run(&from, &to).unwrap();
    assert_eq!((done.records, done.changed), (1506, 0));
    // Who wants an unfinished copy does not get a finished one for it.
    let mut first = named("a");
    first.ending = Ending::Unfinished;
    let refused = block_on(copy::run(&from, &to, &first, now()));
    assert!(matches!(refused, Err(copy::Error::NotEmpty)), "{refused:?}");
    assert!(!block_on(copy::is_unfinished(&to, now())).unwrap());
}

/// Interrupted right after each of its commits, the last one too.
#[test]
fn a_copy_that_dies_after_any_commit_is_completed_by_the_next_run() {
    let from = Memory::new();
    (0..700).for_each(|number| put(&from, number, &number.to_be_bytes()));
    put(&from, 2004, &vec![7; 3_000_000]);
    let whole = all(&from);
    let mut finished = 0;
    for commits in 0.. {
        let to = Memory::new();
        let faulty = Faulty::after(&to, commits, Fault::Dies);
        if run(&from, &faulty).is_ok() {
            assert!(commits > 5, "no commit was hit");
            break;
        }
        finished += usize::from(!block_on(copy::is_unfinished(&to, now())).unwrap());
        run(&from, &to).unwrap();
        assert_eq!(all(&to), whole, "after {commits} commits");
    }
    assert_eq!(finished, 1, "the last commit was hit, and only once");
}

#[test]
fn an_interrupted_copy_goes_on_where_it_was() {
    let from = source();
    let whole = all(&from);
    for commits in [0, 1, 2, 3, 5, 7, 9] {
        let to = Memory::new();
        let lost = run(&from, &Faulty::after(&to, commits, Fault::Away));
        assert!(matches!(lost, Err(copy::Error::Target(_))), "{lost:?}");
        let there = all(&to).len();
        assert_eq!(
            block_on(copy::is_unfinished(&to, now())).unwrap(),
            commits > 0
        );
        if commits > 0 {
            let other = block_on(copy::run(&from, &to, &named("b"), now()));
            assert!(matches!(other, Err(copy::Error::OtherSource(name)) if name == "a"));
            // Nor is it a source.
            let from_it = run(&to, &Memory::new());
            assert!(matches!(from_it, Err(copy::Error::Unfinished)));
        }
        let done = run(&from, &to).unwrap();
        assert_eq!(all(&to), whole);
        // What was there was not written again.
        assert_eq!(done.changed as usize, 1506 - there.saturating_sub(1));
    }
}

#[test]
fn what_changed_meanwhile_is_brought_over() {
    let (from, to) = (source(), Memory::new());
    let mut first = named("a");
    first.ending = Ending::Unfinished;
    block_on(copy::run(&from, &to, &first, now())).unwrap();
    assert!(block_on(copy::is_unfinished(&to, now())).unwrap());
    delete(&from, 7); // before and behind others
    delete(&from, 2005);
    put(&from, 8, b"other");
    put(&from, 2003, &vec![9; 1 << 20]); // of the same size
    put(&from, 2004, b"small now");
    put(&from, 4000, &vec![1; 2_000_000]);
    // The same value for another time.
    let put = Commit::new().put_until(&key(9), 9_u64.to_be_bytes(), Expect::Anything, later());
    commit(&from, put);
    assert_eq!(run(&from, &to).unwrap().changed, 7);
    assert_eq!(all(&from), all(&to));
    assert!(!block_on(copy::is_unfinished(&to, now())).unwrap());
}

#[test]
fn an_outcome_that_nobody_knows_is_found_out() {
    for commits in 30..33 {
        let (from, to) = (source(), Memory::new());
        // Staging a large value does not go on after one.
        for number in 2003..2006 {
            delete(&from, number);
        }
        let faulty = Faulty::after(&to, commits, Fault::Unknown);
        let done = (0..20).find_map(|_| run(&from, &faulty).ok());
        assert!(done.is_some());
        assert_eq!(all(&from), all(&to));
    }
}

/// The proof at the end proves something.
#[test]
fn what_a_target_did_not_write_is_found() {
    let (from, to) = (source(), Memory::new());
    let done = run(&from, &Faulty::after(&to, 2, Fault::Lies)).unwrap();
    assert_eq!(all(&from), all(&to));
    assert!(done.changed > 1506, "the second walk has written some");
    // Changes behind the copy's back.
    commit(&to, Commit::new().put(&key(1), *b"other", Expect::Anything));
    delete(&to, 2);
    let differ = block_on(copy::verify(&from, &to, now()));
    assert!(matches!(differ, Err(copy::Error::Differ(2))), "{differ:?}");
}

/// A source that never stands still.
struct Busy<'a>(&'a Memory, AtomicUsize);

impl Records for Busy<'_> {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        self.0.get(key, now).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        let next = 10_000 + self.1.fetch_add(1, Ordering::Relaxed) as u64;
        put(self.0, next, b"new");
        self.0.scan(prefix, after, limit, now).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        self.0.commit(commit, now).await
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.0.sweep(now, budget).await
    }
}

#[test]
fn a_source_in_use_is_told_of() {
    let (from, to) = (source(), Memory::new());
    let busy = run(&Busy(&from, AtomicUsize::new(0)), &to);
    assert!(matches!(busy, Err(copy::Error::SourceChanges)), "{busy:?}");
    assert!(block_on(copy::is_unfinished(&to, now())).unwrap());
    // Once nobody writes, the next run ends it.
    run(&from, &to).unwrap();
    assert_eq!(all(&from), all(&to));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any source over any unfinished copy.
    #[test]
    fn any_difference_is_levelled(
        before in proptest::collection::btree_map(0..40_u64, 0..4_u8, 0..30),
        after in proptest::collection::btree_map(0..40_u64, 0..4_u8, 0..30),
    ) {
        let (from, to) = (Memory::new(), Memory::new());
        before.iter().for_each(|(number, value)| put(&from, *number, &[*value]));
        let mut first = named("a");
        first.ending = Ending::Unfinished;
        block_on(copy::run(&from, &to, &first, now())).unwrap();
        before.keys().filter(|number| !after.contains_key(number)).for_each(|number| delete(&from, *number));
        after.iter().for_each(|(number, value)| put(&from, *number, &[*value]));
        run(&from, &to).unwrap();
        prop_assert_eq!(all(&from), all(&to));
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn to_a_file_and_back() {
    use record_store::Sqlite;
    let folder = tempfile::tempdir().unwrap();
    let file = Sqlite::open(folder.path().join("a.db")).unwrap();
    let (from, back) = (source(), Memory::new());
    run(&from, &file).unwrap();
    run(&file, &back).unwrap();
    assert_eq!(all(&from), all(&back));
    assert_eq!(all(&from), all(&file));
}
