//! Durable commits of 5 KiB: the store, one file and one sync each, and plain SQLite with one transaction each.
//!
//! After the measurements by criterion comes the table of `docs/performance.md`: rates, and how many syncs a commit
//! costs, counted by running this program again under strace. More than 0.25 at ten clients of the store are an error.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};
use std::{env, thread};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use pollster::block_on;
use record_store::{Commit, Expect, Key, Outcome, Records, Sqlite};

const VALUE: [u8; 5 * 1024] = [7; 5 * 1024];
const CLIENTS: [u64; 3] = [1, 10, 100];
const MOST_SYNCS: f64 = 0.25;

/// A way to make a value durable.
enum Way {
    Store(Sqlite),
    Files(PathBuf),
    Plain(Mutex<rusqlite::Connection>),
}

const WAYS: [&str; 3] = ["record-store", "file and sync", "plain rusqlite"];

impl Way {
    fn new(name: &str, folder: &Path) -> Self {
        match name {
            "record-store" => Self::Store(Sqlite::open(folder.join("store.db")).unwrap()),
            "file and sync" => Self::Files(folder.into()),
            _ => {
                let db = rusqlite::Connection::open(folder.join("plain.db")).unwrap();
                db.execute_batch(
                    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                     CREATE TABLE record (key BLOB NOT NULL UNIQUE, value BLOB NOT NULL);",
                )
                .unwrap();
                Self::Plain(Mutex::new(db))
            }
        }
    }

    fn commit(&self, number: u64) {
        match self {
            Self::Store(store) => {
                let key = Key::new("bench", number).unwrap();
                let commit = Commit::new().put(&key, VALUE, Expect::Absent);
                let outcome = block_on(store.commit(commit, UNIX_EPOCH));
                assert!(matches!(outcome, Ok(Outcome::Committed(_))));
            }
            Self::Files(folder) => {
                let mut file = File::create_new(folder.join(number.to_string())).unwrap();
                file.write_all(&VALUE).unwrap();
                file.sync_all().unwrap();
                File::open(folder).unwrap().sync_all().unwrap();
            }
            Self::Plain(db) => {
                let db = db.lock().unwrap();
                let mut insert = db
                    .prepare_cached("INSERT INTO record VALUES (?1, ?2)")
                    .unwrap();
                insert
                    .execute(rusqlite::params![number.to_be_bytes(), VALUE])
                    .unwrap();
            }
        }
    }

    /// All clients make so many commits each, at the same time.
    fn race(&self, clients: u64, each: u64) -> Duration {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let commit = || self.commit(NEXT.fetch_add(1, Ordering::Relaxed));
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..clients {
                scope.spawn(|| (0..each).for_each(|_| commit()));
            }
        });
        start.elapsed()
    }
}

fn commits(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut group = c.benchmark_group("record_store/commit");
    group.sample_size(10);
    let ways = WAYS.map(|name| (name, Way::new(name, folder.path())));
    for clients in CLIENTS {
        group.throughput(Throughput::Elements(clients));
        for (name, way) in &ways {
            let id = BenchmarkId::new(*name, clients);
            group.bench_function(id, |b| b.iter_custom(|each| way.race(clients, each)));
        }
    }
    group.finish();
}

criterion_group!(benches, commits);

fn main() {
    if let Ok(order) = env::var("RECORD_STORE_BENCH") {
        return child(&order);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
    // `cargo test --benches` and filters want no table.
    if env::args().skip(1).all(|arg| arg == "--bench") {
        table();
    }
}

fn table() {
    println!("| clients | made durable by | commits/s | syncs per commit |\n|-:|-|-:|-:|");
    for clients in CLIENTS {
        for (way, name) in WAYS.iter().enumerate() {
            let mut rates: Vec<f64> = (0..5).map(|_| rate(way, clients)).collect();
            rates.sort_by(f64::total_cmp);
            let syncs = syncs(way, clients);
            let shown = match syncs {
                Some(syncs) => format!("{syncs:.2}"),
                None => "strace is missing".into(),
            };
            println!(
                "| {clients} | {name} | {:.0} | {shown} |",
                rates[rates.len() / 2]
            );
            let too_many = way == 0 && clients == 10 && syncs.is_some_and(|s| s > MOST_SYNCS);
            assert!(!too_many, "more than {MOST_SYNCS} syncs per commit");
        }
    }
}

/// How many commits each client makes for the table: 1000 in all, and no less than 50.
fn each(clients: u64) -> u64 {
    (1000 / clients).max(50)
}

/// Commits each second of one round, in a folder of its own.
fn rate(way: usize, clients: u64) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let way = Way::new(WAYS[way], folder.path());
    (clients * each(clients)) as f64 / way.race(clients, each(clients)).as_secs_f64()
}

/// Syncs for each commit, those of opening, of checkpoints and of folders included.
fn syncs(way: usize, clients: u64) -> Option<f64> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("strace");
    let status = Command::new("strace")
        .args(["-f", "-e", "trace=fsync,fdatasync", "-o"])
        .arg(&output)
        .arg(env::current_exe().unwrap())
        .env("RECORD_STORE_BENCH", format!("{way} {clients}"))
        .status()
        .ok()?;
    assert!(status.success());
    let trace = fs::read_to_string(output).unwrap();
    // One line for a call, or a second one where another thread came between.
    let calls = trace.lines().filter(|line| line.contains("sync("));
    Some(calls.count() as f64 / (clients * each(clients)) as f64)
}

/// The process under strace.
fn child(order: &str) {
    let (way, clients) = order.split_once(' ').unwrap();
    rate(way.parse().unwrap(), clients.parse().unwrap());
}
