//! What earlier releases wrote into a database can be read, and what later ones may write is not misread.
#![cfg(all(target_os = "linux", feature = "postgres"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::postgres::{Postgres as Server, program};
use pollster::block_on;
use record_store::{Commit, Error, Expect, Key, Large, Outcome, Postgres, Records};

const SCHEMA: &str = include_str!("fixtures/release-0.1-postgres-schema.sql");
const RELEASE_0_1: &str = include_str!("fixtures/release-0.1-postgres.sql");

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn mail(number: u64) -> Key {
    Key::new("mail", ("alice", number)).unwrap()
}

/// A new database with the fixture and this SQL.
fn database(server: &Server, name: &str, sql: &str) -> Postgres {
    let url = server.database(name);
    for sql in [SCHEMA, RELEASE_0_1, sql] {
        server.sql_in(name, sql);
    }
    Postgres::open(&url).unwrap()
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_release_0_1_is_read_and_written() {
    let server = Server::start();
    let store = database(&server, "fixture", "SELECT 1");
    let record = block_on(store.get(&mail(7), now())).unwrap().unwrap();
    assert_eq!(
        (record.value().unwrap(), record.version().to_u64()),
        (&b"hello"[..], 3)
    );

    let session = Key::new("session", "token").unwrap();
    let until = now() + Duration::from_secs(60);
    let found = block_on(store.get(&session, now())).unwrap().unwrap();
    assert_eq!(
        (found.value().unwrap(), found.expires()),
        (&b"yes"[..], Some(until))
    );
    assert!(block_on(store.get(&session, until)).unwrap().is_none());

    let large = block_on(store.get(&mail(8), now())).unwrap().unwrap();
    let value = block_on(Large::load(&store, &large, now())).unwrap();
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
    let write = Commit::new().put(&mail(7), *b"new", Expect::Anything);
    let Ok(Outcome::Committed(version)) = block_on(store.commit(write, now())) else {
        panic!("not committed");
    };
    assert_eq!(
        version.to_u64(),
        42,
        "versions go on where that release stopped"
    );

    // Its large value becomes loose when it is replaced, and is swept later.
    let write = Commit::new().put(&mail(8), *b"new", Expect::Version(large.version()));
    assert!(matches!(
        block_on(store.commit(write, now())),
        Ok(Outcome::Committed(_))
    ));
    let later = now() + Duration::from_secs(3600);
    let swept = block_on(store.sweep(later, 100)).unwrap();
    assert_eq!(
        swept.removed, 4,
        "two chunks, their mark, and the session that expired"
    );
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_new_database_has_the_tables_of_the_fixture() {
    let server = Server::start();
    drop(database(&server, "fixture", "SELECT 1"));
    drop(Postgres::open(&server.database("fresh")).unwrap());
    let described = ["fixture", "fresh"].map(|name| {
        server.sql_in(
            name,
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
                WHERE table_schema = 'record_store' ORDER BY 1, 2;
             SELECT routine_name, routine_definition FROM information_schema.routines
                WHERE routine_schema = 'record_store' ORDER BY 1;
             SELECT indexdef FROM pg_indexes WHERE schemaname = 'record_store' ORDER BY 1;
             SELECT version FROM record_store.schema",
        )
    });
    assert_eq!(described[0], described[1]);
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_later_record_format_is_refused_and_left_alone() {
    let server = Server::start();
    let later = "UPDATE record_store.record SET value = '\\xFE0012' WHERE version = 3";
    let store = database(&server, "later", later);
    let is_format = |error| matches!(error, Error::Format { found: 0xFE, .. });
    assert!(block_on(store.get(&mail(7), now())).is_err_and(is_format));
    for write in [
        Commit::new().put(&mail(7), *b"x", Expect::Anything),
        Commit::new().delete(&mail(7), Expect::Anything),
    ] {
        assert!(block_on(store.commit(write, now())).is_err_and(is_format));
    }
    assert!(
        block_on(store.get(&mail(7), now())).is_err_and(is_format),
        "it is still there"
    );
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_damage_is_an_error() {
    let server = Server::start();
    for (number, value) in ["\\x", "\\x00", "\\x0107", "\\x010111"].iter().enumerate() {
        let damage = format!("UPDATE record_store.record SET value = '{value}' WHERE version = 3");
        let store = database(&server, &format!("value{number}"), &damage);
        let found = block_on(store.get(&mail(7), now()));
        assert!(
            matches!(found, Err(Error::Corrupt { .. })),
            "{value}: {found:?}"
        );
        let write = Commit::new().put(&mail(7), *b"x", Expect::Anything);
        assert!(matches!(
            block_on(store.commit(write, now())),
            Ok(Outcome::Committed(_))
        ));
    }
    let store = database(
        &server,
        "chunks",
        "DELETE FROM record_store.record WHERE length(value) = 65538",
    );
    let record = block_on(store.get(&mail(8), now())).unwrap().unwrap();
    let loaded = block_on(Large::load(&store, &record, now()));
    assert!(matches!(loaded, Err(Error::Corrupt { .. })));
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_dump_is_a_backup() {
    let server = Server::start();
    let store = database(&server, "original", "SELECT 1");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dump.sql");
    let dumped = Command::new(program("pg_dump"))
        .args(["--dbname", &server.url_of_socket("original"), "--file"])
        .arg(&file)
        .status();
    assert!(dumped.is_ok_and(|status| status.success()));
    // What is written after the dump is not in it, and its version is given again: to another database.
    let write = || Commit::new().put(&mail(9), *b"late", Expect::Absent);
    assert!(matches!(
        block_on(store.commit(write(), now())),
        Ok(Outcome::Committed(_))
    ));

    let url = server.database("restored");
    let mut psql = server.psql("restored");
    let restored = psql.arg("-f").arg(&file).stdout(Stdio::null()).status();
    assert!(restored.is_ok_and(|status| status.success()));
    let restored = Postgres::open(&url).unwrap();
    let large = block_on(restored.get(&mail(8), now())).unwrap().unwrap();
    assert_eq!(
        block_on(Large::load(&restored, &large, now()))
            .unwrap()
            .len(),
        65_537
    );
    let Ok(Outcome::Committed(version)) = block_on(restored.commit(write(), now())) else {
        panic!("it was not in the dump");
    };
    assert_eq!(
        version.to_u64(),
        42,
        "versions go on where the dump was made"
    );
}
