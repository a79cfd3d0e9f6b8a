//! The public suite on both stores, and on whatever stands for one of them.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::{
    AnyStore, Commit, Error, Key, Memory, Outcome, Page, Prefix, Records, Swept, Versioned,
    conformance,
};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_800_000_000_123)
}

#[test]
fn memory() {
    conformance::run(&Memory::new(), now()).unwrap();
}

#[test]
#[cfg(feature = "sqlite")]
fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = AnyStore::open(&format!("sqlite:{}", path.display())).unwrap();
    conformance::run(&store, now()).unwrap();
}

/// As two processes have it: each call goes to the other one.
#[test]
#[cfg(feature = "sqlite")]
fn two_stores_on_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let open = || record_store::Sqlite::open(&path).unwrap();
    conformance::run(&Two::new(open(), open()), now()).unwrap();
}

#[test]
fn any_store_behind_an_arc_and_a_reference() {
    let store = Arc::new(AnyStore::open("memory:").unwrap());
    conformance::run(&&store, now()).unwrap();
}

#[test]
fn a_runtime_of_its_own() {
    conformance::run_on(&Memory::new(), now(), |task| pollster::block_on(task)).unwrap();
}

#[test]
fn mutation_two_stores_that_share_nothing_are_found_out() {
    let two = Two::new(Memory::new(), Memory::new());
    assert!(conformance::run(&two, now()).is_err());
}

/// Two handles on what is said to be one store.
struct Two<R>([R; 2], AtomicBool);

impl<R> Two<R> {
    fn new(one: R, two: R) -> Self {
        Self([one, two], AtomicBool::new(false))
    }

    fn next(&self) -> &R {
        &self.0[usize::from(self.1.fetch_xor(true, Ordering::Relaxed))]
    }
}

impl<R: Records> Records for Two<R> {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        self.next().get(key, now).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        self.next().scan(prefix, after, limit, now).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        self.next().commit(commit, now).await
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.next().sweep(now, budget).await
    }
}
