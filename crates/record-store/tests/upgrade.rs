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
        let mut names = db
            .prepare("SELECT name FROM sqlite_schema ORDER BY name")
            .unwrap();
        let names: Result<Vec<String>, _> =
            names.query_map([], |row| row.get(0)).unwrap().collect();
        (
            names.unwrap(),
            db.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0))
                .unwrap(),
        )
    };
    drop(file(folder.path(), &[RELEASE_0_1]).unwrap());
    let new = folder.path().join("new.db");
    drop(Sqlite::open(&new).unwrap());
    assert_eq!(tables(&folder.path().join("store.db")), tables(&new));
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
