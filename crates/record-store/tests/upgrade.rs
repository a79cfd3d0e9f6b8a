//! What earlier releases wrote can be read, and what later ones may write is not misread.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pollster::block_on;
use record_store::{Commit, Error, Expect, Key, Large, Outcome, Records, Sqlite};
use rusqlite::Connection;

const RELEASE_0_1: &str = include_str!("fixtures/release-0.1.sql");

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// A file with these statements run on it.
fn file(folder: &Path, statements: &[&str]) -> Result<Sqlite, Error> {
    let path = folder.join("store.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch(&statements.join("\n")).unwrap();
    drop(db);
    Sqlite::open(&path)
}

#[test]
fn release_0_1_is_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = file(folder.path(), &[RELEASE_0_1]).unwrap();
    let key = Key::new("mail", ("alice", 7_u64)).unwrap();
    let record = block_on(store.get(&key, now())).unwrap().unwrap();
    assert_eq!(
        (record.value().unwrap(), record.version().to_u64()),
        (&b"hello"[..], 3)
    );

    let session = Key::new("session", "token").unwrap();
    let until = now() + Duration::from_secs(60);
    let record = block_on(store.get(&session, now())).unwrap().unwrap();
    assert_eq!(
        (record.value().unwrap(), record.expires()),
        (&b"yes"[..], Some(until))
    );
    assert!(block_on(store.get(&session, until)).unwrap().is_none());

    let large = Key::new("mail", ("alice", 8_u64)).unwrap();
    let record = block_on(store.get(&large, now())).unwrap().unwrap();
    let value = block_on(Large::load(&store, &record, now())).unwrap();
    assert!(
        value.len() == 65_537
            && value[..65_536].iter().all(|&b| b == 0x77)
            && value[65_536] == 0x78
    );

    let swept = block_on(store.sweep(now(), 100)).unwrap();
    assert_eq!(
        (swept.removed, swept.more),
        (2, false),
        "the loose chunk and its mark"
    );
    let write = Commit::new().put(&key, *b"new", Expect::Version(record.version()));
    assert!(matches!(
        block_on(store.commit(write, now())),
        Ok(Outcome::Conflict(_))
    ));
    let write = Commit::new().put(&key, *b"new", Expect::Anything);
    let Ok(Outcome::Committed(version)) = block_on(store.commit(write, now())) else {
        panic!("not committed");
    };
    assert_eq!(
        version.to_u64(),
        42,
        "versions go on where that release stopped"
    );
}

#[test]
fn a_new_file_has_the_tables_of_the_fixture() {
    let folder = tempfile::tempdir().unwrap();
    let tables = |path: &Path| {
        let db = Connection::open(path).unwrap();
        let mut tables = db
            .prepare("SELECT name, ifnull(sql, '') FROM sqlite_schema ORDER BY name")
            .unwrap();
        let tables = tables.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
        let tables: Vec<(String, String)> = tables
            .unwrap()
            .map(|table| {
                let (name, sql) = table.unwrap();
                let words = sql.lines().flat_map(|line| {
                    let (code, _comment) = line.split_once("--").unwrap_or((line, ""));
                    code.split_whitespace()
                });
                (name, words.collect::<Vec<_>>().join(" "))
            })
            .collect();
        let pragma = |name| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
        (
            tables,
            pragma("user_version").unwrap(),
            pragma("application_id").unwrap(),
        )
    };
    drop(file(folder.path(), &[RELEASE_0_1]).unwrap());
    let new = folder.path().join("new.db");
    drop(Sqlite::open(&new).unwrap());
    assert_eq!(tables(&folder.path().join("store.db")), tables(&new));
}

/// The fixture is written by hand: it is worth something only if it is what this release writes.
#[test]
fn the_fixture_holds_the_octets_that_are_written() {
    let folder = tempfile::tempdir().unwrap();
    drop(file(folder.path(), &[RELEASE_0_1]).unwrap());
    let new = folder.path().join("new.db");
    let store = Sqlite::open(&new).unwrap();
    let mut value = vec![0x77; 65_536];
    value.push(0x78);
    let large = block_on(Large::stage(&store, &value, now())).unwrap();
    let until = now() + Duration::from_secs(60);
    let mail = |number: u64| Key::new("mail", ("alice", number)).unwrap();
    let session = Key::new("session", "token").unwrap();
    let commit = Commit::new()
        .put(&mail(7), *b"hello", Expect::Absent)
        .put_until(&session, *b"yes", Expect::Absent, until)
        .put_large(&mail(8), &large, Expect::Absent);
    assert!(matches!(
        block_on(store.commit(commit, now())),
        Ok(Outcome::Committed(_))
    ));
    drop(store);
    let written = rows(&new);
    let (.., manifest) = written
        .iter()
        .find(|(.., value)| value.len() == 26)
        .unwrap();
    let id = manifest[2..18].to_vec();
    let named = |bytes: Vec<u8>| match bytes.windows(16).position(|some| some == id) {
        Some(at) => [&bytes[..at], &[0x11; 16], &bytes[at + 16..]].concat(),
        None => bytes,
    };
    let written = written
        .into_iter()
        .map(|(key, expires, value)| (named(key), expires, named(value)));
    // All but what is of the upload that nobody published.
    let fixture = rows(&folder.path().join("store.db"))
        .into_iter()
        .filter(|(key, ..)| !key.windows(16).any(|some| some == [0x22; 16]));
    assert_eq!(written.collect::<Vec<_>>(), fixture.collect::<Vec<_>>());
}

/// Key, expiry and value of each row.
fn rows(path: &Path) -> Vec<(Vec<u8>, Option<i64>, Vec<u8>)> {
    let db = Connection::open(path).unwrap();
    let mut rows = db
        .prepare("SELECT key, expires, value FROM record ORDER BY key")
        .unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_later_file_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let later = file(folder.path(), &[RELEASE_0_1, "PRAGMA user_version = 99;"]);
    assert!(matches!(later, Err(Error::Format { found: 99, .. })));
}

#[test]
fn a_later_record_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let later = "UPDATE record SET value = x'FE0012' WHERE version = 3;";
    let store = file(folder.path(), &[RELEASE_0_1, later]).unwrap();
    let key = Key::new("mail", ("alice", 7_u64)).unwrap();
    let is_format = |error| matches!(error, Error::Format { found: 0xFE, .. });
    assert!(block_on(store.get(&key, now())).is_err_and(is_format));
    let write = Commit::new().put(&key, *b"x", Expect::Anything);
    assert!(block_on(store.commit(write, now())).is_err_and(is_format));
    assert!(
        block_on(store.get(&key, now())).is_err_and(is_format),
        "it is still there"
    );
}

#[test]
fn a_damaged_record_is_an_error() {
    for damage in ["x''", "x'00'", "x'0107'", "x'010111'"] {
        let folder = tempfile::tempdir().unwrap();
        let damage = format!("UPDATE record SET value = {damage} WHERE version = 3;");
        let store = file(folder.path(), &[RELEASE_0_1, &damage]).unwrap();
        let key = Key::new("mail", ("alice", 7_u64)).unwrap();
        assert!(matches!(
            block_on(store.get(&key, now())),
            Err(Error::Corrupt { .. })
        ));
    }
}

#[test]
fn missing_chunks_are_an_error() {
    for damage in [
        "DELETE FROM record WHERE value = x'010078';",
        "UPDATE record SET value = x'01007878' WHERE value = x'010078';",
        "DELETE FROM record WHERE length(value) = 65538;",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = file(folder.path(), &[RELEASE_0_1, damage]).unwrap();
        let key = Key::new("mail", ("alice", 8_u64)).unwrap();
        let record = block_on(store.get(&key, now())).unwrap().unwrap();
        assert!(matches!(
            block_on(Large::load(&store, &record, now())),
            Err(Error::Corrupt { .. })
        ));
    }
}
