//! `kill -9` in the middle of commits: nothing acknowledged is lost, nothing is half there.
//!
//! The test starts itself as a child process that commits and reports; the parent kills it after a random number of
//! reports and looks at the file.
#![cfg(all(unix, feature = "sqlite"))]
#![allow(clippy::unwrap_used)]

use std::collections::hash_map::RandomState;
use std::env;
use std::fmt::Write as _;
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pollster::block_on;
use record_store::{Commit, Expect, Key, Large, Outcome, Prefix, Records, Sqlite};
use rusqlite::Connection;

const STORMS: u64 = 200;
const CLIENTS: u64 = 8;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

#[test]
fn two_hundred_kills_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for storm in 0..STORMS {
        let damage = kill_in_storm(folder.path(), storm, "right");
        assert!(damage.is_empty(), "storm {storm}: {damage:?}");
    }
    let path = folder.path().join("store.db");
    assert_eq!(chunks_without_one_owner(&path), 0);
    let store = Sqlite::open(&path).unwrap();
    sweep(&store, now() + DAY);
    assert_eq!(marks(&path), 0, "the sweep left an upload that was killed");
    assert_eq!(chunks_without_one_owner(&path), 0);
}

#[test]
fn a_kill_in_the_middle_of_a_large_value_leaves_only_what_the_sweep_takes() {
    for written in [1, 200, 400] {
        let folder = tempfile::tempdir().unwrap();
        let path = kill_in_upload(folder.path(), written);
        let store = Sqlite::open(&path).unwrap();
        assert!(block_on(store.get(&huge(), now())).unwrap().is_none());
        assert!(chunks(&path) >= written);
        assert_eq!(chunks_without_one_owner(&path), 0);
        sweep(&store, now() + DAY - Duration::from_millis(1));
        assert!(chunks(&path) >= written, "an upload may take a day");
        sweep(&store, now() + DAY);
        assert_eq!(chunks(&path), 0);
    }
}

#[test]
fn mutation_chunks_that_nobody_marked_are_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = kill_in_upload(folder.path(), 1);
    let marks = "DELETE FROM record WHERE substr(key, 1, 7) = CAST(x'0001' || 'loose' AS BLOB)";
    assert_eq!(
        Connection::open(&path).unwrap().execute(marks, []).unwrap(),
        1
    );
    assert!(chunks_without_one_owner(&path) > 0);
}

/// Kills a child that stores a value of 512 chunks as soon as so many of them are written.
fn kill_in_upload(folder: &Path, written: i64) -> PathBuf {
    let path = folder.join("store.db");
    drop(Sqlite::open(&path).unwrap());
    let mut child = spawn(&path, 0, "one huge value");
    while chunks(&path) < written {
        thread::yield_now();
    }
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    path
}

fn sweep(store: &Sqlite, now: SystemTime) {
    while block_on(store.sweep(now, 1000)).unwrap().more {}
}

/// Chunks of large values, which only SQL shows.
fn chunks(path: &Path) -> i64 {
    ask(path, &format!("SELECT count(*) FROM ({CHUNKS})"))
}

/// A chunk belongs to one manifest or to the mark of an upload under way, never to both and never to none.
fn chunks_without_one_owner(path: &Path) -> i64 {
    let owners = "SELECT substr(value, 3, 16) AS id FROM record
                  WHERE key >= x'01' AND substr(value, 1, 2) = x'0101'
                  UNION ALL SELECT substr(key, 10, 16) FROM record
                  WHERE substr(key, 1, 9) = CAST(x'0001' || 'loose' || x'0001' AS BLOB)";
    ask(
        path,
        &format!(
            "WITH owner AS ({owners}) SELECT count(*) FROM ({CHUNKS}) AS chunk
             WHERE (SELECT count(*) FROM owner WHERE owner.id = chunk.id) <> 1"
        ),
    )
}

const CHUNKS: &str = "SELECT substr(key, 10, 16) AS id FROM record
    WHERE substr(key, 1, 9) = CAST(x'0001' || 'chunk' || x'0001' AS BLOB)";

/// Uploads under way.
fn marks(path: &Path) -> i64 {
    ask(
        path,
        "SELECT count(*) FROM record WHERE substr(key, 1, 7) = CAST(x'0001' || 'loose' AS BLOB)",
    )
}

fn ask(path: &Path, sql: &str) -> i64 {
    let db = Connection::open(path).unwrap();
    db.busy_timeout(Duration::from_secs(60)).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn mutation_a_report_before_the_commit_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let found = (0..50).any(|storm| {
        let damage = kill_in_storm(folder.path(), storm, "report early");
        damage.iter().any(|damage| damage.starts_with("lost"))
    });
    assert!(found, "the check is blind for lost commits");
}

#[test]
fn mutation_two_commits_instead_of_one_are_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let found = (0..50).any(|storm| {
        let damage = kill_in_storm(folder.path(), storm, "two commits");
        damage.iter().any(|damage| damage.starts_with("half"))
    });
    assert!(found, "the check is blind for half commits");
}

/// Kills a child in the middle of its storm; what is wrong with the file afterwards.
fn kill_in_storm(folder: &Path, storm: u64, manner: &str) -> Vec<String> {
    let path = folder.join("store.db");
    let mut child = spawn(&path, storm, manner);
    let mut reports = Vec::new();
    let (wanted, spins) = (random() % 60, random() % 3000);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut report = |line: String| {
        // libtest's own words may stand before the first report of a line.
        let (_, report) = line.split_once("done ")?;
        reports.push(
            report
                .split_once('/')
                .map(|(c, n)| (c.parse().unwrap(), n.parse().unwrap()))
                .unwrap(),
        );
        Some(reports.len() as u64)
    };
    let mut count = 0;
    while count < wanted {
        let line = lines
            .next()
            .expect("a storm does not end by itself")
            .unwrap();
        count = report(line).unwrap_or(count);
    }
    for _ in 0..spins {
        std::hint::spin_loop();
    }
    child.kill().unwrap(); // SIGKILL
    for line in lines.map_while(Result::ok) {
        report(line);
    }
    child.wait().unwrap();
    damage(&path, storm, &reports)
}

fn spawn(path: &Path, storm: u64, manner: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(
            "RECORD_STORE_STORM",
            format!("{storm}|{manner}|{}", path.display()),
        )
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// Compares the file with the reports `(client, number)`.
fn damage(path: &Path, storm: u64, reports: &[(u64, u64)]) -> Vec<String> {
    let store = Sqlite::open(path).unwrap();
    let mut damage = Vec::new();
    for &(client, number) in reports {
        if block_on(store.get(&half(storm, client, number, "left"), now()))
            .unwrap()
            .is_none()
        {
            damage.push(format!("lost: {client}/{number}"));
        }
    }
    let (prefix, mut after) = (Prefix::new("storm", storm).unwrap(), None);
    loop {
        let page = block_on(store.scan(&prefix, after.as_ref(), 1000, now())).unwrap();
        for (key, record) in &page.entries {
            let parts: Vec<_> = key.parts().collect();
            let (client, number) = (parts[1].number().unwrap(), parts[2].number().unwrap());
            let other = match parts[3].text() {
                Some("left") => "right",
                _ => "left",
            };
            let other = block_on(store.get(&half(storm, client, number, other), now())).unwrap();
            if other.is_none_or(|other| other.version() != record.version()) {
                damage.push(format!("half: {key:?}"));
            }
            let value = block_on(Large::load(&store, record, now()));
            if value.is_err() {
                damage.push(format!("half: {key:?}: {value:?}"));
            }
        }
        after = page.next;
        if after.is_none() {
            return damage;
        }
    }
}

fn huge() -> Key {
    Key::new("huge", ()).unwrap()
}

fn half(storm: u64, client: u64, number: u64, side: &str) -> Key {
    Key::new("storm", (storm, client, number, side)).unwrap()
}

/// Not a test of its own: the process that is killed.
#[test]
fn child() {
    let Ok(order) = env::var("RECORD_STORE_STORM") else {
        return;
    };
    let mut order = order.splitn(3, '|');
    let storm = order.next().unwrap().parse().unwrap();
    let manner = order.next().unwrap();
    let store = Sqlite::open(order.next().unwrap()).unwrap();
    if manner == "one huge value" {
        // Ready to be published, which a kill that comes late must not see.
        let _staged = block_on(Large::stage(&store, &vec![7; 32 << 20], now())).unwrap();
        loop {
            thread::park();
        }
    }
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let store = &store;
            scope.spawn(move || block_on(rage(store, storm, client, manner)));
        }
    });
}

/// Commits until it is killed. Every commit has two halves; those of the first client are large.
async fn rage(store: &Sqlite, storm: u64, client: u64, manner: &str) {
    for number in 0.. {
        let (left, right) = (
            half(storm, client, number, "left"),
            half(storm, client, number, "right"),
        );
        let size = if client == 0 { 1_200_000 } else { 5 * 1024 };
        let value = Large::stage(store, &vec![7; size], now()).await.unwrap();
        if manner == "report early" {
            report(client, number);
        }
        let mut commit = Commit::new().put_large(&left, &value, Expect::Absent);
        if manner == "two commits" {
            assert!(matches!(
                store.commit(commit, now()).await,
                Ok(Outcome::Committed(_))
            ));
            commit = Commit::new();
        }
        let commit = commit.put(&right, *b"right", Expect::Absent);
        assert!(matches!(
            store.commit(commit, now()).await,
            Ok(Outcome::Committed(_))
        ));
        if manner != "report early" {
            report(client, number);
        }
    }
}

/// One line in one system call, so that a kill cannot tear it from the commit that it reports.
fn report(client: u64, number: u64) {
    let mut line = String::new();
    writeln!(line, "done {client}/{number}").unwrap();
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}
