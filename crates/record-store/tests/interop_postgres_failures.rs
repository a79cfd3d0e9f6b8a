//! Servers that go away, stand still, are slow, or are reached late.
#![cfg(all(target_os = "linux", feature = "postgres"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::postgres::Postgres as Server;
use common::proxy::Proxy;
use pollster::block_on;
use record_store::{
    Commit, Error, Expect, Key, Outcome, Postgres, PostgresOptions, Prefix, Records,
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

/// Deadlines that are short, but not too short for a busy machine.
fn options(connections: usize, mutation: &'static str) -> PostgresOptions {
    let mut options = PostgresOptions::default();
    options.connections = connections;
    options.call_timeout = Duration::from_secs(4);
    options.mutation = mutation;
    options
}

fn is_there(store: &Postgres, key: &Key) -> bool {
    // A server that has just come back may need another moment.
    loop {
        match block_on(store.get(key, now())) {
            Ok(found) => return found.is_some(),
            Err(error) => assert!(error.is_temporary(), "{error:?}"),
        }
    }
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_server_that_is_away_is_a_temporary_error() {
    let mut server = Server::start();
    let store = Postgres::open_with(&server.url(), &options(2, "")).unwrap();
    assert!(matches!(
        block_on(store.commit(put(1), now())),
        Ok(Outcome::Committed(_))
    ));
    server.stop("fast");
    let away = |error: Error| matches!(error, Error::Unavailable(_)) && error.is_temporary();
    for _ in 0..3 {
        assert!(block_on(store.commit(put(2), now())).is_err_and(away));
        assert!(block_on(store.get(&key(1), now())).is_err_and(away));
        assert!(block_on(store.scan(&Prefix::all(), None, 9, now())).is_err_and(away));
        assert!(block_on(store.sweep(now(), 9)).is_err_and(away));
    }
    assert!(Postgres::open(&server.url()).is_err_and(away));
    server.restart();
    assert!(is_there(&store, &key(1)) && !is_there(&store, &key(2)));
    assert!(matches!(
        block_on(store.commit(put(2), now())),
        Ok(Outcome::Committed(_))
    ));
}

/// Half a minute of real time, longer than any deadline of the store, with its defaults. Each second is looked at.
#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_server_away_for_30_seconds_is_a_temporary_error_all_the_while() {
    let mut server = Server::start();
    let store = Postgres::open(&server.url()).unwrap();
    assert!(matches!(
        block_on(store.commit(put(1), now())),
        Ok(Outcome::Committed(_))
    ));
    assert!(is_there(&store, &key(1)));
    server.stop("fast");
    let away = |error: Error| matches!(error, Error::Unavailable(_)) && error.is_temporary();
    for second in 0..30 {
        let outcome = block_on(store.commit(put(2), now()));
        match outcome {
            Err(error) => assert!(away(error)),
            // It was sent before the connection's end was noticed.
            Ok(Outcome::Unknown) if second == 0 => {}
            other => panic!("after {second} s: {other:?}"),
        }
        assert!(block_on(store.get(&key(1), now())).is_err_and(away));
        assert!(block_on(store.scan(&Prefix::all(), None, 9, now())).is_err_and(away));
        assert!(block_on(store.sweep(now(), 9)).is_err_and(away));
        thread::sleep(Duration::from_secs(1));
    }
    server.restart();
    // The first call of each kind, of the same store.
    assert!(block_on(store.get(&key(2), now())).unwrap().is_none());
    assert!(block_on(store.get(&key(1), now())).unwrap().is_some());
    assert!(matches!(
        block_on(store.commit(put(2), now())),
        Ok(Outcome::Committed(_))
    ));
    assert!(block_on(store.sweep(now(), 9)).is_ok());
}

/// A replica lags, so none is used: neither of several hosts nor alone.
#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_server_that_cannot_be_written_to_is_not_read_from() {
    let (primary, replica) = (Server::start(), Server::start());
    for server in [&primary, &replica] {
        drop(Postgres::open(&server.url()).unwrap());
    }
    // As a replica says of itself.
    replica.sql("ALTER DATABASE postgres SET default_transaction_read_only = on");
    let refused = Postgres::open(&replica.url()).unwrap_err();
    assert!(refused.is_temporary(), "{refused:?}");
    assert!(format!("{refused:?}").contains("does not allow writes"));
    let ports = [replica.port(), primary.port()].map(|port| format!("127.0.0.1:{port}"));
    let url = format!(
        "postgres://postgres@{}/postgres?sslmode=disable&target_session_attrs=any",
        ports.join(",")
    );
    let store = Postgres::open(&url).unwrap();
    assert!(matches!(
        block_on(store.commit(put(1), now())),
        Ok(Outcome::Committed(_))
    ));
    assert!(block_on(store.get(&key(1), now())).unwrap().is_some());
    assert_eq!(primary.sql("SELECT count(*) FROM record_store.record"), "1");
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_deadlines_hold_while_the_server_stands_still() {
    let server = Server::start();
    let store = Postgres::open_with(&server.url(), &options(2, "")).unwrap();
    assert!(matches!(
        block_on(store.commit(put(1), now())),
        Ok(Outcome::Committed(_))
    ));
    assert!(is_there(&store, &key(1)));
    server.signal("STOP");
    // That these return at all is what is shown.
    let outcome = block_on(store.commit(put(2), now()));
    assert!(matches!(outcome, Ok(Outcome::Unknown)), "{outcome:?}");
    assert!(block_on(store.get(&key(1), now())).is_err_and(|error| error.is_temporary()));
    assert!(block_on(store.scan(&Prefix::all(), None, 9, now())).is_err_and(|e| e.is_temporary()));
    // A commit that cannot know is not made before the first one is settled.
    let outcome = block_on(store.commit(put(3), now()));
    assert!(outcome.is_err_and(|error| error.is_temporary()));
    assert!(
        Postgres::open_with(&server.url(), &{
            let mut options = options(2, "");
            options.connect_timeout = Duration::from_millis(100);
            options
        })
        .is_err_and(|error| error.is_temporary())
    );
    server.signal("CONT");
    let found = is_there(&store, &key(2));
    assert!(is_there(&store, &key(1)) && !is_there(&store, &key(3)));
    let again = loop {
        match block_on(store.commit(put(2), now())) {
            Ok(outcome) => break outcome,
            Err(error) => assert!(error.is_temporary()),
        }
    };
    assert_eq!(
        matches!(again, Outcome::Conflict(_)),
        found,
        "the read after the unknown outcome was right"
    );
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_deadlines_hold_while_another_client_locks() {
    let server = Server::start();
    let store = Postgres::open_with(&server.url(), &options(2, "")).unwrap();
    assert!(matches!(
        block_on(store.commit(put(1), now())),
        Ok(Outcome::Committed(_))
    ));
    let mut psql = server
        .psql("postgres")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = psql.stdin.take().unwrap();
    let mut output = BufReader::new(psql.stdout.take().unwrap()).lines();
    writeln!(
        input,
        "BEGIN; UPDATE record_store.record SET version = version; SELECT 'locked';"
    )
    .unwrap();
    assert_eq!(output.next().unwrap().unwrap(), "locked");
    let write = || Commit::new().put(&key(1), *b"x", Expect::Anything);
    let outcome = block_on(store.commit(write(), now()));
    assert!(matches!(outcome, Err(Error::Busy)), "{outcome:?}");
    assert!(is_there(&store, &key(1)), "readers do not wait");
    writeln!(input, "ROLLBACK;").unwrap();
    drop(input);
    assert!(psql.wait().unwrap().success());
    assert!(matches!(
        block_on(store.commit(write(), now())),
        Ok(Outcome::Committed(_))
    ));
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_an_answer_that_is_lost_is_asked_for_again() {
    let server = Server::start();
    let proxy = Proxy::before(server.port());
    let store = Postgres::open_with(&server.url_at(proxy.port()), &options(1, "")).unwrap();
    let Ok(Outcome::Committed(before)) = block_on(store.commit(put(1), now())) else {
        panic!("not committed");
    };
    proxy.hold_answers();
    let outcome = block_on(store.commit(put(2), now()));
    let Ok(Outcome::Committed(version)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(version > before);
    let record = block_on(store.get(&key(2), now())).unwrap().unwrap();
    assert_eq!(record.version(), version, "and it is the right version");
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_what_arrives_late_is_not_written() {
    assert_eq!(late(""), (false, false));
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_mutation_without_fences_the_late_commit_is_found_out() {
    assert_eq!(late("unfenced"), (false, true));
}

/// A commit whose request is held back on its way. Whether it is there after the unknown outcome, and once the request
/// has arrived after all.
fn late(mutation: &'static str) -> (bool, bool) {
    let server = Server::start();
    let proxy = Proxy::before(server.port());
    let url = server.url_at(proxy.port());
    let store = Postgres::open_with(&url, &options(1, mutation)).unwrap();
    assert!(matches!(
        block_on(store.commit(put(1), now())),
        Ok(Outcome::Committed(_))
    ));
    assert!(is_there(&store, &key(1)));

    proxy.hold_requests();
    let outcome = block_on(store.commit(put(2), now()));
    assert!(matches!(outcome, Ok(Outcome::Unknown)), "{outcome:?}");
    proxy.let_new_through();
    let before = is_there(&store, &key(2));
    assert!(proxy.held() > 0, "the request is still on its way");

    // The server is done with what was late once those connections have ended.
    proxy.release();
    let others = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'record-store'";
    while server.sql(others) != "1" {}
    assert_eq!(proxy.held(), 0);
    (before, is_there(&store, &key(2)))
}
