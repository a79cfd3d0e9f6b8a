//! Commits that the server rolls back because of others: tried again, and for no longer than a call may take.
#![cfg(all(target_os = "linux", feature = "postgres"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::postgres::Postgres as Server;
use pollster::block_on;
use record_store::{
    Commit, Error, Expect, Key, Outcome, Postgres, PostgresOptions, Records, Version,
};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn key(number: u64) -> Key {
    Key::new("test", number).unwrap()
}

fn put(number: u64) -> Commit {
    Commit::new().put(&key(number), [7; 9], Expect::Absent)
}

fn open(server: &Server) -> Postgres {
    let mut options = PostgresOptions::default();
    options.call_timeout = Duration::from_secs(4);
    Postgres::open_with(&server.url(), &options).unwrap()
}

/// Lets every commit of a new record fail, as long as the trigger is there; how often that happened.
fn fail(server: &Server, code: &str) {
    server.sql(&format!(
        "CREATE SEQUENCE IF NOT EXISTS failures;
         CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('failures') > 0 THEN RAISE EXCEPTION 'as ordered' USING ERRCODE = '{code}'; END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER fail BEFORE INSERT ON record_store.record FOR EACH ROW EXECUTE FUNCTION fail()"
    ));
}

/// How often a commit failed, which rolling back does not undo; and from now on none does.
fn failures(server: &Server) -> u64 {
    let failures = server.sql("SELECT last_value FROM failures");
    server.sql("DROP TRIGGER fail ON record_store.record; DROP SEQUENCE failures");
    failures.parse().unwrap()
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_commit_that_never_gets_through_is_busy_in_time() {
    let server = Server::start();
    let store = open(&server);
    for code in ["40001", "40P01"] {
        fail(&server, code);
        // That it returns is what is shown: nobody else ends this.
        let outcome = block_on(store.commit(put(1), now()));
        assert!(matches!(outcome, Err(Error::Busy)), "{outcome:?}");
        assert!(outcome.unwrap_err().is_temporary());
        assert!(failures(&server) > 5, "it was tried again and again");
        assert!(block_on(store.get(&key(1), now())).unwrap().is_none());
    }
    // The same connection goes on.
    let outcome = block_on(store.commit(put(1), now()));
    assert!(matches!(outcome, Ok(Outcome::Committed(_))), "{outcome:?}");
    assert_eq!(
        server.sql("SELECT count(*) FROM record_store.session"),
        "1",
        "no connection was made for a commit that was only rolled back"
    );
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_mutation_what_another_try_cannot_help_is_tried_once() {
    let server = Server::start();
    let store = open(&server);
    fail(&server, "P0001");
    let outcome = block_on(store.commit(put(1), now()));
    assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    assert_eq!(failures(&server), 1, "so the count above counts tries");
}

const WIDTH: u64 = 256;
const CLIENTS: u64 = 8;
const COMMITS: u64 = 15;

/// Each commit expects what is at many keys, far more than SERIALIZABLE locks one by one, while others write beside
/// them: the widest that the mail service makes.
#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_wide_commits_side_by_side_get_through_or_are_busy() {
    let server = Server::start();
    let store = open(&server);
    let at = |client: u64, number: u64| Key::new("wide", (client, number)).unwrap();
    let fill = |client: u64| -> Version {
        let fill = |commit: Commit, number| commit.put(&at(client, number), *b"x", Expect::Absent);
        match block_on(store.commit((0..WIDTH).fold(Commit::new(), fill), now())) {
            Ok(Outcome::Committed(version)) => version,
            other => panic!("{other:?}"),
        }
    };
    let versions: Vec<Version> = (0..CLIENTS).map(fill).collect();
    let (committed, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let client = |client: u64, version: Version| {
        for number in 0..COMMITS {
            let (new, old) = (
                Key::new("new", (client, number)).unwrap(),
                at(client, number),
            );
            // Of its own records those that stay; one that goes; and one that is new.
            let guards = (COMMITS..WIDTH).fold(Commit::new(), |commit, number| {
                commit.guard(&at(client, number), Expect::Version(version))
            });
            let commit =
                guards
                    .delete(&old, Expect::Version(version))
                    .put(&new, *b"x", Expect::Absent);
            let outcome = block_on(store.commit(commit, now()));
            let there = block_on(store.get(&new, now())).unwrap().is_some();
            match outcome {
                Ok(Outcome::Committed(_)) => {
                    committed.fetch_add(1, Ordering::Relaxed);
                    assert!(there);
                }
                Err(Error::Busy) => {
                    busy.fetch_add(1, Ordering::Relaxed);
                    assert!(!there, "nothing was written");
                }
                other => panic!("{other:?}"),
            }
        }
    };
    thread::scope(|scope| {
        for (number, version) in versions.iter().enumerate() {
            let client = &client;
            scope.spawn(move || client(number as u64, *version));
        }
    });
    drop(store);
    let (committed, busy) = (committed.into_inner(), busy.into_inner());
    println!(
        "{committed} wide commits, {busy} busy, {} rolled back and tried again",
        rolled_back(&server)
    );
    assert_eq!(committed + busy, (CLIENTS * COMMITS) as usize);
    assert!(committed > 0, "nobody got through");
}

/// How many transactions were rolled back until now, when the store is closed: then all is reported.
fn rolled_back(server: &Server) -> u64 {
    let left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'record-store'";
    while server.sql(left) != "0" {}
    let sql = "SELECT xact_rollback FROM pg_stat_database WHERE datname = 'postgres'";
    server.sql(sql).parse().unwrap()
}
