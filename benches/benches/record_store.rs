//! Durable commits of 5 KiB: the store, one file and one sync each, and plain SQLite with one transaction each.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pollster::block_on;
use record_store::{Commit, Expect, Key, Outcome, Records, Sqlite};

const VALUE: [u8; 5 * 1024] = [7; 5 * 1024];

/// All clients make so many commits each, at the same time.
fn race(clients: u64, each: u64, commit: impl Fn(u64) + Sync) -> Duration {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| (0..each).for_each(|_| commit(NEXT.fetch_add(1, Ordering::Relaxed))));
        }
    });
    start.elapsed()
}

fn in_store(store: &Sqlite, number: u64) {
    let commit = Commit::new().put(&Key::new("bench", number).unwrap(), VALUE, Expect::Absent);
    let outcome = block_on(store.commit(commit, UNIX_EPOCH));
    assert!(matches!(outcome, Ok(Outcome::Committed(_))));
}

fn in_file(folder: &Path, number: u64) {
    let mut file = File::create_new(folder.join(number.to_string())).unwrap();
    file.write_all(&VALUE).unwrap();
    file.sync_all().unwrap();
    File::open(folder).unwrap().sync_all().unwrap();
}

fn in_transaction(db: &Mutex<rusqlite::Connection>, number: u64) {
    let db = db.lock().unwrap();
    let mut insert = db
        .prepare_cached("INSERT INTO record VALUES (?1, ?2)")
        .unwrap();
    insert
        .execute(rusqlite::params![number.to_be_bytes(), VALUE])
        .unwrap();
}

fn commits(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("store.db")).unwrap();
    let db = rusqlite::Connection::open(folder.path().join("plain.db")).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE record (key BLOB NOT NULL UNIQUE, value BLOB NOT NULL);",
    )
    .unwrap();
    let db = Mutex::new(db);
    let mut group = c.benchmark_group("record_store/commit");
    group.sample_size(10);
    for clients in [1, 10, 100] {
        group.throughput(Throughput::Elements(clients));
        let mut measure = |name: &str, commit: &(dyn Fn(u64) + Sync)| {
            let id = BenchmarkId::new(name, clients);
            group.bench_function(id, |b| b.iter_custom(|each| race(clients, each, commit)));
        };
        measure("record-store", &|number| in_store(&store, number));
        measure("file and sync", &|number| in_file(folder.path(), number));
        measure("plain rusqlite", &|number| in_transaction(&db, number));
    }
    group.finish();
}

criterion_group!(benches, commits);
criterion_main!(benches);
