//! Durable commits of 5 KiB: the stores, one file and one sync each, and plain SQLite with one transaction each.
//!
//! PostgreSQL is measured if its server is installed; what its commits cost besides time is printed at the end.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../../crates/record-store/tests/common/mod.rs"]
mod common;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use common::postgres::{Postgres as Server, program};
use common::proxy::Proxy;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pollster::block_on;
use record_store::{Commit, Expect, Key, Outcome, Postgres, Records, Sqlite};

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

fn in_store(store: &impl Records, number: u64) {
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
    let server = program("initdb").is_file().then(Server::start);
    let postgres = server.as_ref().map(|s| Postgres::open(&s.url()).unwrap());
    let mut group = c.benchmark_group("record_store/commit");
    group.sample_size(10);
    for clients in [1, 10, 100] {
        group.throughput(Throughput::Elements(clients));
        let mut measure = |name: &str, commit: &(dyn Fn(u64) + Sync)| {
            let id = BenchmarkId::new(name, clients);
            group.bench_function(id, |b| b.iter_custom(|each| race(clients, each, commit)));
        };
        measure("record-store, SQLite", &|number| in_store(&store, number));
        if let Some(postgres) = &postgres {
            measure("record-store, PostgreSQL", &|number| {
                in_store(postgres, number)
            });
        }
        measure("file and sync", &|number| in_file(folder.path(), number));
        measure("plain rusqlite", &|number| in_transaction(&db, number));
    }
    group.finish();
    if let Some(server) = &server {
        costs(server);
    }
}

/// Commits, processor time and round trips, as a table for docs/performance.md.
fn costs(server: &Server) {
    const COMMITS: u64 = 3000;
    let store = Postgres::open(&server.url()).unwrap();
    println!("| clients | commits/s | CPU µs/commit, server | CPU µs/commit, client |");
    println!("|-:|-:|-:|-:|");
    for clients in [1, 10, 100] {
        race(clients, 20, |number| in_store(&store, number));
        let (before, own) = (server.cpu(), cpu());
        let time = race(clients, COMMITS / clients, |number| {
            in_store(&store, number)
        });
        let each = |seconds: f64| seconds * 1e6 / COMMITS as f64;
        println!(
            "| {clients} | {:.0} | {:.0} | {:.0} |",
            COMMITS as f64 / time.as_secs_f64(),
            each(server.cpu() - before),
            each(cpu() - own)
        );
    }
    let proxy = Proxy::before(server.port());
    let store = Postgres::open(&server.url_at(proxy.port())).unwrap();
    race(8, 20, |number| in_store(&store, number)); // makes the connections
    let before = proxy.round_trips();
    race(8, 100, |number| in_store(&store, number));
    let trips = (proxy.round_trips() - before) as f64 / 800.0;
    println!("round trips per commit, 8 clients: {trips:.3}");
}

/// The CPU time of this process until now, in seconds.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0 // USER_HZ
}

criterion_group!(benches, commits);
criterion_main!(benches);
