//! What only the SQLite store can do, or do wrong.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used)]

use std::env;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::process::Command;
use std::sync::Barrier;
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pollster::block_on;
use record_store::{
    AnyStore, Commit, Error, Expect, Key, Large, MAX_VALUE, MAX_WAITING_BYTES, Outcome, Prefix,
    Records, Sqlite,
};
use rusqlite::Connection;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn key(number: usize) -> Key {
    Key::new("test", number as u64).unwrap()
}

fn put(number: usize, size: usize) -> Commit {
    Commit::new().put(&key(number), vec![7; size], Expect::Absent)
}

/// Starts a commit and no more.
fn poll_once(future: impl Future<Output = Result<Outcome, Error>>) {
    let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
}

/// Keeps the writer waiting until it is dropped.
fn lock(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    db
}

#[test]
fn a_full_store_says_so_loses_nothing_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Sqlite::open_with_pragmas(&path, "PRAGMA max_page_count = 100").unwrap();
    let fill = |number| block_on(store.commit(put(number, 20_000), now()));
    let refused = (0..100).find(|&number| fill(number).is_err()).unwrap();
    let error = fill(refused).unwrap_err();
    assert!(matches!(error, Error::Full) && error.is_temporary());

    let page = block_on(store.scan(&Prefix::all(), None, 100, now())).unwrap();
    assert_eq!(
        page.entries.len(),
        refused,
        "what was committed is there, what was refused is not"
    );
    let delete = Commit::new().delete(&key(0), Expect::Anything);
    assert!(matches!(
        block_on(store.commit(delete, now())),
        Ok(Outcome::Committed(_))
    ));
    assert!(
        matches!(fill(refused), Ok(Outcome::Committed(_))),
        "there is room again"
    );
}

#[test]
fn a_value_that_does_not_fit_leaves_the_room_that_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Sqlite::open_with_pragmas(&path, "PRAGMA max_page_count = 1000").unwrap();
    let staged = block_on(Large::stage(&store, &[7; 2 << 20], now())).unwrap();
    for _ in 0..3 {
        let refused = block_on(Large::stage(&store, &[7; 8 << 20], now()));
        assert!(matches!(refused, Err(Error::Full)));
    }
    // Half of the file: without its leftovers there is room for this, with them there is none.
    let commit = put(0, 9).put_large(&key(1), &staged, Expect::Absent);
    assert!(matches!(
        block_on(store.commit(commit, now())),
        Ok(Outcome::Committed(_))
    ));
    let swept = block_on(store.sweep(now() + Duration::from_secs(30 * 24 * 3600), 1000));
    assert_eq!(swept.unwrap().removed, 0);
}

#[test]
fn a_dropped_future_does_not_cancel_its_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Sqlite::open(&path).unwrap();
    let lock = lock(&path);
    poll_once(store.commit(put(1, 9), now()));
    drop(store.commit(put(2, 9), now())); // never polled: never started
    drop(lock);
    drop(store); // waits for what was accepted

    let store = Sqlite::open(&path).unwrap();
    assert!(block_on(store.get(&key(1), now())).unwrap().is_some());
    assert!(block_on(store.get(&key(2), now())).unwrap().is_none());
}

#[test]
fn waiting_commits_have_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Sqlite::open(&path).unwrap();
    let lock = lock(&path);
    let fits = MAX_WAITING_BYTES / (MAX_VALUE + key(0).as_bytes().len());
    for number in 0..fits {
        poll_once(store.commit(put(number, MAX_VALUE), now()));
    }
    let refused = block_on(store.commit(put(fits, MAX_VALUE), now())).unwrap_err();
    assert!(matches!(refused, Error::Busy) && refused.is_temporary());
    drop(lock);
    // The writer takes the work in order: once this is done, so is all before it.
    assert!(matches!(
        block_on(store.commit(put(fits, 9), now())),
        Ok(Outcome::Committed(_)) | Err(Error::Busy)
    ));
    drop(store);
    let store = Sqlite::open(&path).unwrap();
    assert!(
        block_on(store.get(&key(fits - 1), now()))
            .unwrap()
            .is_some(),
        "what was accepted is done"
    );
}

#[test]
fn two_stores_on_one_file_share_records_and_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let (one, two) = (Sqlite::open(&path).unwrap(), Sqlite::open(&path).unwrap());
    let mut last = None;
    for number in 0..10 {
        for (store, number) in [(&one, 2 * number), (&two, 2 * number + 1)] {
            let Ok(Outcome::Committed(version)) = block_on(store.commit(put(number, 9), now()))
            else {
                panic!("{number} was not committed");
            };
            assert!(last.replace(version).is_none_or(|last| last < version));
        }
    }
    let page = block_on(one.scan(&Prefix::all(), None, 100, now())).unwrap();
    assert_eq!(page.entries.len(), 20);
}

#[test]
fn three_processes_count_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let processes: Vec<_> = (0..3)
        .map(|_| {
            Command::new(env::current_exe().unwrap())
                .args(["--exact", "counting_child"])
                .env("RECORD_STORE_COUNTED", &path)
                .spawn()
                .unwrap()
        })
        .collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let store = Sqlite::open(&path).unwrap();
    let count = block_on(store.get(&key(0), now())).unwrap().unwrap();
    assert_eq!(count.value().unwrap().len(), 3 * 40);
}

/// Not a test of its own: one of the processes that count together.
#[test]
fn counting_child() {
    let Some(path) = env::var_os("RECORD_STORE_COUNTED") else {
        return;
    };
    let store = Sqlite::open(path).unwrap();
    let mut counted = 0;
    while counted < 40 {
        let before = block_on(store.get(&key(0), now())).unwrap();
        let (count, expect) = match &before {
            Some(before) => (
                before.value().unwrap().len(),
                Expect::Version(before.version()),
            ),
            None => (0, Expect::Absent),
        };
        let commit = Commit::new().put(&key(0), vec![7; count + 1], expect);
        match block_on(store.commit(commit, now())).unwrap() {
            Outcome::Committed(_) => counted += 1,
            Outcome::Conflict(conflict) => assert_ne!(conflict.found, before),
            Outcome::Unknown => panic!("the file was lost"),
        }
    }
}

#[test]
fn many_may_open_a_new_file_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for number in 0..4 {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    start.wait();
                    let store = Sqlite::open(path).unwrap();
                    let outcome = block_on(store.commit(put(number, 9), now()));
                    assert!(matches!(outcome, Ok(Outcome::Committed(_))), "{outcome:?}");
                });
            }
        });
    }
}

#[test]
fn a_file_that_another_process_holds_is_busy_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = Sqlite::open_with_pragmas(&path, "PRAGMA busy_timeout = 0").unwrap();
    let lock = lock(&path);
    let refused = block_on(store.commit(put(1, 9), now())).unwrap_err();
    assert!(matches!(refused, Error::Busy) && refused.is_temporary());
    let refused = block_on(store.sweep(now(), 1)).unwrap_err();
    assert!(matches!(refused, Error::Busy));
    assert!(block_on(store.get(&key(1), now())).unwrap().is_none());
    drop(lock);
    let outcome = block_on(store.commit(put(1, 9), now()));
    assert!(matches!(outcome, Ok(Outcome::Committed(_))));
}

#[test]
fn what_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(
        &text,
        "no database, but long enough to be looked at".repeat(99),
    )
    .unwrap();
    assert!(matches!(Sqlite::open(&text), Err(Error::Corrupt { .. })));
    let other = folder.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    assert!(matches!(Sqlite::open(&other), Err(Error::Corrupt { .. })));
    assert!(matches!(
        Sqlite::open(folder.path()),
        Err(Error::Unavailable(_))
    ));
}

#[test]
fn locations() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("sqlite:{}", folder.path().join("store.db").display());
    assert!(matches!(AnyStore::open(&path), Ok(AnyStore::Sqlite(_))));
    assert!(matches!(AnyStore::open("memory:"), Ok(AnyStore::Memory(_))));
    for location in ["", "sqlite:", "memory", "memory:x", "mysql://localhost"] {
        assert!(
            matches!(AnyStore::open(location), Err(Error::UnknownStore)),
            "{location}"
        );
    }
}
