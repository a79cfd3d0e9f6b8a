//! Durability by the order of system calls, and a disk that is really full. `cargo xtask interop` runs these.
#![cfg(all(target_os = "linux", feature = "sqlite"))]
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};

use pollster::block_on;
use record_store::{Commit, Error, Expect, Key, Outcome, Prefix, Records, Sqlite};
use rusqlite::Connection;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

#[test]
#[ignore = "interop: needs strace"]
fn interop_strace_the_sync_returns_before_the_acknowledgement() {
    assert_eq!(acknowledged_unsynced(&trace(1, 50, "")), (50, 0));
}

#[test]
#[ignore = "interop: needs strace"]
fn interop_strace_mutation_without_sync_the_trace_shows_it() {
    assert_eq!(
        acknowledged_unsynced(&trace(1, 50, "PRAGMA synchronous = OFF")),
        (50, 50)
    );
}

#[test]
#[ignore = "interop: needs strace"]
fn interop_strace_ten_clients_share_their_syncs() {
    let (clients, commits) = (10, 100);
    let syncs = trace(clients, commits, "")
        .iter()
        .filter(|call| matches!(call, Call::Sync(_)))
        .count();
    let share = syncs as f64 / (clients * commits) as f64;
    println!("{syncs} syncs, {share:.3} per commit");
    assert!(share <= 0.25, "{share:.3} syncs per commit");
}

/// What may still be seen of a commit whose sync failed, by whom and when.
#[test]
#[ignore = "interop: needs strace"]
fn interop_strace_a_commit_whose_sync_failed_is_refused_for_good() {
    let outcomes = fail_syncs("10", "failing_child").unwrap();
    let refused = outcomes.iter().filter(|outcome| **outcome == "refused");
    assert_eq!((refused.count(), outcomes.len()), (1, 30), "{outcomes:?}");
    assert!(!outcomes.contains(&"unknown".into()));
    assert_eq!(outcomes.last().unwrap(), "committed", "the store goes on");
}

#[test]
#[ignore = "interop: needs strace"]
fn interop_strace_a_commit_on_a_disk_that_stays_broken_is_unknown() {
    let outcomes = fail_syncs("10+", "failing_child").unwrap();
    let (good, bad) = outcomes.split_at(outcomes.iter().position(|o| o != "committed").unwrap());
    assert!(good.len() > 5 && bad.len() > 5, "{outcomes:?}");
    assert!(
        bad.iter().all(|outcome| outcome == "unknown"),
        "{outcomes:?}"
    );
}

/// SQLite alone: a commit that failed is there after a crash.
#[test]
#[ignore = "interop: needs strace"]
fn interop_strace_mutation_without_more_a_refused_commit_comes_back() {
    assert!(fail_syncs("10", "failing_plain_child").is_none());
}

/// Commits under strace, which lets these syncs of a thread fail; the outcomes. The child looks at the file after each
/// commit, as a machine that had lost its power would find it; if that is not what it was told, there are none.
fn fail_syncs(which: &str, child: &str) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let inject = format!("inject=fsync,fdatasync:error=EIO:when={which}");
    let status = Command::new("strace")
        .args([
            "-f",
            "-o",
            "/dev/null",
            "-e",
            "trace=fsync,fdatasync",
            "-e",
            &inject,
        ])
        .arg(env::current_exe().unwrap())
        .args(["--exact", child, "--nocapture"])
        .env("RECORD_STORE_FAILING", folder.path())
        .status()
        .expect("strace is not installed");
    let outcomes = fs::read_to_string(folder.path().join("outcomes"));
    assert_eq!(outcomes.is_ok(), status.success());
    Some(outcomes.ok()?.lines().map(Into::into).collect())
}

/// Not a test of its own: the process whose syncs fail.
#[test]
fn failing_child() {
    let Some(folder) = env::var_os("RECORD_STORE_FAILING") else {
        return;
    };
    let folder = Path::new(&folder);
    let store = Sqlite::open(folder.join("store.db")).unwrap();
    let key = |number: usize, half: &str| Key::new("failing", (number as u64, half)).unwrap();
    let mut outcomes: Vec<&str> = Vec::new();
    for number in 0..30 {
        let commit = Commit::new()
            .put(&key(number, "left"), vec![7; 5 * 1024], Expect::Absent)
            .put(&key(number, "right"), [7], Expect::Absent);
        outcomes.push(match block_on(store.commit(commit, now())) {
            Ok(Outcome::Committed(_)) => "committed",
            Ok(Outcome::Unknown) => "unknown",
            Err(error) if error.is_temporary() => "refused",
            other => panic!("{other:?}"),
        });
        let found = Sqlite::open(as_after_a_crash(folder, &folder.join(number.to_string())));
        // Where no file can be synced, none can be opened that must be recovered; then there is nothing to see.
        let Ok(found) = found else { continue };
        for (number, outcome) in outcomes.iter().enumerate() {
            let [left, right] = ["left", "right"].map(|half| {
                block_on(found.get(&key(number, half), now()))
                    .unwrap()
                    .map(|record| record.version())
            });
            assert_eq!(left, right, "{number}: half a commit");
            match *outcome {
                "committed" => assert!(left.is_some(), "{number}: lost"),
                "refused" => assert!(left.is_none(), "{number}: it came back"),
                _ => {}
            }
        }
    }
    fs::write(folder.join("outcomes"), outcomes.join("\n")).unwrap();
}

/// Not a test of its own: what `failing_child` does, with SQLite and nothing else.
#[test]
fn failing_plain_child() {
    let Some(folder) = env::var_os("RECORD_STORE_FAILING") else {
        return;
    };
    let folder = Path::new(&folder);
    let db = Connection::open(folder.join("store.db")).unwrap();
    let tables = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (x)";
    db.execute_batch(tables).unwrap();
    for number in 0..30 {
        if db.execute("INSERT INTO t VALUES (?1)", [number]).is_ok() {
            continue;
        }
        let copy = as_after_a_crash(folder, &folder.join("crashed"));
        let found = "SELECT count(*) FROM t WHERE x = ?1";
        let found = Connection::open(copy)
            .unwrap()
            .query_row(found, [number], |row| row.get(0));
        assert_eq!(found, Ok(0), "it came back");
        fs::write(folder.join("outcomes"), "refused").unwrap();
    }
}

/// A copy of the store without its shared memory: the log is read from its start, as after a crash.
fn as_after_a_crash(from: &Path, to: &Path) -> PathBuf {
    fs::create_dir(to).unwrap();
    for file in ["store.db", "store.db-wal"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
    to.join("store.db")
}

#[test]
#[ignore = "interop: needs tmpfs"]
fn interop_tmpfs_full_disk_says_so_loses_nothing_and_recovers() {
    let disk = SmallDisk::mount("4m");
    let balloon = disk.path().join("balloon");
    fs::write(&balloon, vec![0; 2 << 20]).unwrap();
    let path = disk.path().join("store.db");
    let store = Sqlite::open(&path).unwrap();
    let (committed, errors) = fill(&store, 0);
    assert!(
        errors
            .iter()
            .all(|error| matches!(error, Error::Full) && error.is_temporary()),
        "{errors:?}"
    );
    let there = |store: &Sqlite| {
        let page = block_on(store.scan(&Prefix::all(), None, 1000, now())).unwrap();
        page.entries
            .into_iter()
            .map(|(key, _)| key)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        there(&store),
        committed,
        "what was committed is there, what was refused is not"
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let crashed = as_after_a_crash(disk.path(), &elsewhere.path().join("crashed"));
    assert_eq!(
        there(&Sqlite::open(crashed).unwrap()),
        committed,
        "nor does what was refused come back"
    );

    fs::remove_file(balloon).unwrap();
    let (more, _) = fill(&store, 1);
    assert!(!more.is_empty(), "there is room again");
    drop(store);
    let all: Vec<_> = committed.into_iter().chain(more).collect();
    assert_eq!(
        there(&Sqlite::open(&path).unwrap()),
        all,
        "and after a new start"
    );
}

/// Ten clients commit until each was refused: the keys that were committed, in order, and the errors.
fn fill(store: &Sqlite, round: u64) -> (Vec<Key>, Vec<Error>) {
    let client = |client: u64| {
        let mut committed = Vec::new();
        for number in 0_u64.. {
            let key = Key::new("disk", (round, client, number)).unwrap();
            match block_on(store.commit(
                Commit::new().put(&key, vec![7; 5 * 1024], Expect::Absent),
                now(),
            )) {
                Ok(Outcome::Committed(_)) => committed.push(key),
                Ok(other) => panic!("{other:?}"),
                Err(error) => return (committed, error),
            }
        }
        unreachable!("a disk without end")
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..10)
            .map(|number| scope.spawn(move || client(number)))
            .collect();
        let (keys, errors): (Vec<_>, _) = clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .unzip();
        (keys.concat(), errors)
    })
}

/// A file system in memory that is gone when this is dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "letterlock"])
            .arg(folder.path())
            .status();
        assert!(
            mounted.is_ok_and(|status| status.success()),
            "cannot mount a tmpfs: needs root"
        );
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.0.path())
            .status();
    }
}

/// What counts for durability, in the order in which it ended.
#[derive(Debug, PartialEq)]
enum Call {
    /// To the write-ahead log.
    Write,
    /// Of the write-ahead log, or of another file.
    Sync(Synced),
    Acknowledge,
}

#[derive(Debug, PartialEq)]
enum Synced {
    Log,
    Other,
}

/// How many acknowledgements there were, and how many while something in the log was not synced.
fn acknowledged_unsynced(calls: &[Call]) -> (usize, usize) {
    let (mut all, mut early, mut written, mut synced) = (0, 0, false, false);
    for call in calls {
        match call {
            Call::Write => (written, synced) = (true, false),
            Call::Sync(Synced::Log) => synced = true,
            Call::Sync(Synced::Other) => {}
            Call::Acknowledge => {
                all += 1;
                early += usize::from(!(written && synced));
                written = false;
            }
        }
    }
    (all, early)
}

/// Runs clients under strace; what they called.
fn trace(clients: usize, commits: usize, pragmas: &str) -> Vec<Call> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("strace");
    let status = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-e",
            "trace=write,pwrite64,pwritev,fsync,fdatasync",
            "-o",
        ])
        .arg(&output)
        .arg(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(
            "RECORD_STORE_TRACED",
            format!("{clients}|{commits}|{pragmas}|{}", folder.path().display()),
        )
        .status()
        .expect("strace is not installed");
    assert!(status.success());
    calls(&fs::read_to_string(output).unwrap())
}

/// Reads the output of `strace -f -y`: a call counts when it has returned.
fn calls(text: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished = HashMap::new();
    for line in text.lines() {
        let (process, line) = line.split_once(' ').unwrap();
        let line = line.trim_start();
        let start = match line.strip_prefix("<... ") {
            Some(_) => unfinished.remove(process).unwrap_or_default(),
            None if line.ends_with("<unfinished ...>") => {
                unfinished.insert(process, line);
                continue;
            }
            None => line,
        };
        let failed = line
            .rsplit_once(" = ")
            .is_none_or(|(_, result)| result.starts_with('-'));
        let (name, rest) = start.split_once('(').unwrap_or_default();
        let file = rest
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'))
            .unwrap_or_default()
            .0;
        match name {
            _ if failed => {}
            "fsync" | "fdatasync" if file.ends_with("-wal") => calls.push(Call::Sync(Synced::Log)),
            "fsync" | "fdatasync" => calls.push(Call::Sync(Synced::Other)),
            _ if file.ends_with("-wal") => calls.push(Call::Write),
            _ if file.ends_with("acknowledged") => calls.push(Call::Acknowledge),
            _ => {}
        }
    }
    calls
}

#[test]
fn a_trace_is_read_rightly() {
    let text = r#"7  pwrite64(5</t/store.db-wal>, "x"..., 24, 32) = 24
8  fsync(5</t/store.db-wal> <unfinished ...>
7  write(6</t/acknowledged>, "x", 1) = 1
8  <... fsync resumed>) = 0
7  write(6</t/acknowledged>, "x", 1) = 1
8  fsync(5</t/store.db-wal>) = -1 EIO (Input/output error)
7  fdatasync(4</t/store.db>) = 0
7  +++ exited with 0 +++"#;
    let calls = calls(text);
    use Call::{Acknowledge, Sync, Write};
    assert_eq!(
        calls,
        [
            Write,
            Acknowledge,
            Sync(Synced::Log),
            Acknowledge,
            Sync(Synced::Other)
        ]
    );
    assert_eq!(acknowledged_unsynced(&calls), (2, 2));
    assert_eq!(
        acknowledged_unsynced(&[Write, Sync(Synced::Log), Acknowledge]),
        (1, 0)
    );
}

/// Not a test of its own: the process that is traced.
#[test]
fn child() {
    let Ok(order) = env::var("RECORD_STORE_TRACED") else {
        return;
    };
    let order: Vec<_> = order.splitn(4, '|').collect();
    let (clients, commits): (u64, u64) = (order[0].parse().unwrap(), order[1].parse().unwrap());
    let folder = Path::new(order[3]);
    let store = Sqlite::open_with_pragmas(folder.join("store.db"), order[2]).unwrap();
    let acknowledged = fs::File::create(folder.join("acknowledged")).unwrap();
    thread::scope(|scope| {
        for client in 0..clients {
            let (store, mut acknowledged) = (&store, &acknowledged);
            scope.spawn(move || {
                for number in 0..commits {
                    let key = Key::new("traced", (client, number)).unwrap();
                    let commit = Commit::new().put(&key, vec![7; 5 * 1024], Expect::Absent);
                    assert!(matches!(
                        block_on(store.commit(commit, now())),
                        Ok(Outcome::Committed(_))
                    ));
                    acknowledged.write_all(b"x").unwrap();
                }
            });
        }
    });
}
