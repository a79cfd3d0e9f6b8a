//! The public suite on both stores, and on whatever stands for one of them.
#![allow(clippy::unwrap_used)]

#[path = "common/two.rs"]
mod two;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::{AnyStore, Memory, conformance};
use two::Two;

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
