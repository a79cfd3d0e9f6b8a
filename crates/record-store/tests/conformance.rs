//! The public suite on both stores.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::{AnyStore, Memory, conformance};

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
    let store = record_store::Sqlite::open(folder.path().join("store.db")).unwrap();
    conformance::run(&store, now()).unwrap();
}

#[test]
fn any_store_behind_an_arc() {
    let store = Arc::new(AnyStore::open("memory:").unwrap());
    conformance::run(&store, now()).unwrap();
}
