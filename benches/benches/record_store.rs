//! Durable commits of 5 KiB: the stores, one file and one sync each, and plain SQLite with one transaction each.
//!
//! After the measurements by criterion come the tables of `docs/performance.md`: rates, and how many syncs a commit
//! costs, counted by running this program again under strace. More than 0.25 at ten clients of SQLite are an error.
//! PostgreSQL takes part if its server is installed; its syncs are not counted, but what else its commits cost.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../../crates/record-store/tests/common/mod.rs"]
mod common;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};
use std::{env, thread};

use common::postgres::{Postgres as Server, program};
use common::proxy::Proxy;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use pollster::block_on;
use record_store::{Commit, Expect, Key, Outcome, Postgres, Records, Sqlite};

const VALUE: [u8; 5 * 1024] = [7; 5 * 1024];
const CLIENTS: [u64; 3] = [1, 10, 100];
const MOST_SYNCS: f64 = 0.25;

/// A way to make a value durable.
enum Way {
    Sqlite(Sqlite),
    /// Whose server ends with this.
    Postgres(Postgres, Server),
    Files(PathBuf),
    Plain(Mutex<rusqlite::Connection>),
}

const SQLITE: &str = "record-store, SQLite";
const POSTGRES: &str = "record-store, PostgreSQL";
const FILES: &str = "file and sync";
const PLAIN: &str = "plain rusqlite";

/// The ways that this machine has.
fn ways() -> Vec<&'static str> {
    let mut ways = vec![SQLITE, POSTGRES, FILES, PLAIN];
    ways.retain(|&way| way != POSTGRES || program("initdb").is_file());
    ways
}

impl Way {
    fn new(name: &str, folder: &Path) -> Self {
        match name {
            SQLITE => Self::Sqlite(Sqlite::open(folder.join("store.db")).unwrap()),
            POSTGRES => {
                let server = Server::start();
                let way = Self::Postgres(Postgres::open(&server.url()).unwrap(), server);
                way.race(8, 20); // makes the connections
                way
            }
            FILES => Self::Files(folder.into()),
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
            Self::Sqlite(store) => in_store(store, number),
            Self::Postgres(store, _) => in_store(store, number),
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
        race(clients, each, |number| self.commit(number))
    }
}

fn in_store(store: &impl Records, number: u64) {
    let commit = Commit::new().put(&Key::new("bench", number).unwrap(), VALUE, Expect::Absent);
    let outcome = block_on(store.commit(commit, UNIX_EPOCH));
    assert!(matches!(outcome, Ok(Outcome::Committed(_))));
}

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

fn commits(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let mut group = c.benchmark_group("record_store/commit");
    group.sample_size(10);
    let named = |name| (name, Way::new(name, folder.path()));
    let ways: Vec<_> = ways().into_iter().map(named).collect();
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
        if ways().contains(&POSTGRES) {
            costs();
        }
    }
}

fn table() {
    println!("| clients | made durable by | commits/s | syncs per commit |\n|-:|-|-:|-:|");
    for clients in CLIENTS {
        for way in ways() {
            let mut rates: Vec<f64> = (0..5).map(|_| rate(way, clients)).collect();
            rates.sort_by(f64::total_cmp);
            let syncs = (way != POSTGRES).then(|| syncs(way, clients));
            let shown = match syncs {
                Some(Some(syncs)) => format!("{syncs:.2}"),
                Some(None) => "strace is missing".into(),
                None => "the server's".into(),
            };
            println!(
                "| {clients} | {way} | {:.0} | {shown} |",
                rates[rates.len() / 2]
            );
            let too_many = syncs.flatten().is_some_and(|syncs| syncs > MOST_SYNCS);
            let judged = way == SQLITE && clients == 10;
            assert!(
                !(judged && too_many),
                "more than {MOST_SYNCS} syncs per commit"
            );
        }
    }
}

/// How many commits each client makes for the table: 1000 in all, and no less than 50.
fn each(clients: u64) -> u64 {
    (1000 / clients).max(50)
}

/// Commits each second of one round, in a folder of its own.
fn rate(way: &str, clients: u64) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let way = Way::new(way, folder.path());
    (clients * each(clients)) as f64 / way.race(clients, each(clients)).as_secs_f64()
}

/// Syncs for each commit, those of opening, of checkpoints and of folders included.
fn syncs(way: &str, clients: u64) -> Option<f64> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("strace");
    let status = Command::new("strace")
        .args(["-f", "-e", "trace=fsync,fdatasync", "-o"])
        .arg(&output)
        .arg(env::current_exe().unwrap())
        .env("RECORD_STORE_BENCH", format!("{clients} {way}"))
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
    let (clients, way) = order.split_once(' ').unwrap();
    rate(way, clients.parse().unwrap());
}

/// What else a commit in PostgreSQL costs: processor time and round trips.
fn costs() {
    const COMMITS: u64 = 3000;
    println!(
        "| clients | commits/s | CPU µs/commit, server | CPU µs/commit, client |\n|-:|-:|-:|-:|"
    );
    let way = Way::new(POSTGRES, Path::new(""));
    let Way::Postgres(_, server) = &way else {
        return;
    };
    for clients in CLIENTS {
        way.race(clients, 20);
        let (before, own) = (server.cpu(), cpu());
        let time = way.race(clients, COMMITS / clients);
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
    let commit = |number| in_store(&store, number);
    race(8, 20, commit); // makes the connections
    let before = proxy.round_trips();
    race(8, 100, commit);
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
