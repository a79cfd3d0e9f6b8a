//! The store on a real PostgreSQL server that each test starts for itself. `cargo xtask interop postgres` runs these.
#![cfg(all(target_os = "linux", feature = "postgres"))]
#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/two.rs"]
mod two;

use std::future::Future;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, thread};

use common::postgres::Postgres as Server;
use common::proxy::Proxy;
use pollster::block_on;
use record_store::{
    AnyStore, Commit, Error, Expect, Key, MAX_WAITING, Outcome, Postgres, PostgresOptions, Prefix,
    Records, conformance,
};
use two::Two;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_800_000_000_123)
}

fn key(number: u64) -> Key {
    Key::new("test", number).unwrap()
}

fn put(number: u64) -> Commit {
    Commit::new().put(&key(number), [7; 9], Expect::Absent)
}

fn options(change: impl FnOnce(&mut PostgresOptions)) -> PostgresOptions {
    let mut options = PostgresOptions::default();
    change(&mut options);
    options
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_conformance() {
    let server = Server::start();
    let store = Arc::new(AnyStore::open(&server.url()).unwrap());
    conformance::run(&store, now()).unwrap();
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_notifying_over_a_socket_is_conforming_too() {
    let server = Server::start();
    let url = server.url_of_socket("postgres");
    let notifying = Postgres::open_with(&url, &options(|o| o.notify = true)).unwrap();
    conformance::run(&notifying, now()).unwrap();
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_two_nodes_in_turn_are_one_store() {
    let server = Server::start();
    let node = || Postgres::open(&server.url()).unwrap();
    conformance::run(&Two::new(node(), node()), now()).unwrap();
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_one_round_trip_per_commit() {
    let server = Server::start();
    let proxy = Proxy::before(server.port());
    let one = options(|o| o.connections = 1);
    let store = Postgres::open_with(&server.url_at(proxy.port()), &one).unwrap();
    // The first commit and the first look make their connections.
    assert!(matches!(
        block_on(store.commit(put(0), now())),
        Ok(Outcome::Committed(_))
    ));
    block_on(store.get(&key(0), now())).unwrap();

    let before = proxy.round_trips();
    for number in 1..=100 {
        let commit = put(number)
            .put(&key(number + 1000), vec![7; 60_000], Expect::Absent)
            .put(&key(number + 2000), [], Expect::Anything)
            .guard(&key(0), Expect::Anything);
        assert!(matches!(
            block_on(store.commit(commit, now())),
            Ok(Outcome::Committed(_))
        ));
    }
    assert_eq!(proxy.round_trips() - before, 100);
    for number in 1..=100 {
        assert!(matches!(
            block_on(store.commit(put(number), now())),
            Ok(Outcome::Conflict(_))
        ));
    }
    assert_eq!(proxy.round_trips() - before, 200, "conflicts cost no more");
    for number in 1..=50 {
        block_on(store.get(&key(number), now())).unwrap();
        block_on(store.scan(&Prefix::all(), None, 10, now())).unwrap();
    }
    assert_eq!(
        proxy.round_trips() - before,
        300,
        "the counter counts what is asked"
    );
}

const RACERS: u64 = 8;
const STEPS: u64 = 60;

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_two_processes_race_and_every_step_counts() {
    let server = Server::start();
    let url = server.url();
    drop(Postgres::open(&url).unwrap());
    let damage = race(&url, "");
    assert!(damage.is_empty(), "{damage:?}");
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_mutation_races_without_serializable_are_found_out() {
    let server = Server::start();
    let found = (0..10).any(|round| {
        let url = server.database(&format!("round{round}"));
        drop(Postgres::open(&url).unwrap());
        !race(&url, "read committed").is_empty()
    });
    assert!(found, "the check is blind for lost updates and write skew");
}

/// Two processes with eight connections each; what is wrong afterwards.
fn race(url: &str, mutation: &str) -> Vec<String> {
    let start = |process: u64| {
        Command::new(env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env("RECORD_STORE_RACE", format!("{process}|{mutation}|{url}"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let processes = [start(0), start(1)];
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let store = Postgres::open(url).unwrap();
    let number = |key: Key| {
        let record = block_on(store.get(&key, now())).unwrap();
        record.map_or(0, |r| {
            u64::from_be_bytes(r.value().unwrap().try_into().unwrap())
        })
    };
    let mut damage = Vec::new();
    let counted = number(Key::new("race", "counter").unwrap());
    if counted != 2 * RACERS * STEPS {
        damage.push(format!("lost: {counted} of {} steps", 2 * RACERS * STEPS));
    }
    for pair in 0..RACERS * STEPS {
        let both = [0_u64, 1].map(|side| number(Key::new("skew", (pair, side)).unwrap()));
        if both == [1, 1] {
            damage.push(format!("skewed: both sides of {pair}"));
        }
    }
    damage
}

/// Not a test of its own: one of the processes that race.
#[test]
fn child() {
    let Ok(order) = env::var("RECORD_STORE_RACE") else {
        return;
    };
    let order: Vec<_> = order.splitn(3, '|').collect();
    let side: u64 = order[0].parse().unwrap();
    let mutation = ["", "read committed"].into_iter().find(|m| *m == order[1]);
    let store =
        Postgres::open_with(order[2], &options(|o| o.mutation = mutation.unwrap())).unwrap();
    thread::scope(|scope| {
        for racer in 0..RACERS {
            let store = &store;
            scope.spawn(move || {
                for step in 0..STEPS {
                    block_on(count(store));
                    block_on(skew(store, racer * STEPS + step, side));
                }
            });
        }
    });
}

/// Adds one, as often as it takes.
async fn count(store: &Postgres) {
    let key = Key::new("race", "counter").unwrap();
    loop {
        let (number, expect) = match store.get(&key, now()).await.unwrap() {
            Some(r) => (
                u64::from_be_bytes(r.value().unwrap().try_into().unwrap()),
                Expect::Version(r.version()),
            ),
            None => (0, Expect::Absent),
        };
        let commit = Commit::new().put(&key, (number + 1).to_be_bytes(), expect);
        match store.commit(commit, now()).await.unwrap() {
            Outcome::Committed(_) => return,
            Outcome::Conflict(_) => {}
            Outcome::Unknown => panic!("no connection was lost"),
        }
    }
}

/// Each side writes its own record unless the other's is there: only SERIALIZABLE keeps both from doing it.
async fn skew(store: &Postgres, pair: u64, side: u64) {
    let [own, other] = [side, 1 - side].map(|side| Key::new("skew", (pair, side)).unwrap());
    let commit = Commit::new()
        .put(&own, 1_u64.to_be_bytes(), Expect::Absent)
        .guard(&other, Expect::Absent);
    let outcome = store.commit(commit, now()).await.unwrap();
    assert!(!matches!(outcome, Outcome::Unknown));
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_many_nodes_create_the_schema_at_once() {
    let server = Server::start();
    let url = server.url();
    for options in [options(|_| {}), options(|o| o.notify = true)] {
        thread::scope(|scope| {
            let nodes: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Postgres::open_with(&url, &options)))
                .collect();
            for node in nodes {
                node.join().unwrap().unwrap();
            }
        });
    }
    assert_eq!(server.sql("SELECT version FROM record_store.schema"), "1");
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_schemas_of_others_are_refused() {
    let server = Server::start();
    drop(Postgres::open(&server.url()).unwrap());
    let store = Postgres::open(&server.url()).unwrap();
    server.sql("UPDATE record_store.schema SET version = 99");
    let newer = |error| {
        matches!(
            error,
            Error::Format {
                found: 99,
                known: 1
            }
        )
    };
    assert!(Postgres::open(&server.url()).is_err_and(newer));
    // A node that runs since before the upgrade learns it with its next connection.
    assert!(block_on(store.commit(put(1), now())).is_err_and(newer));
    assert!(block_on(store.get(&key(1), now())).is_err_and(newer));

    for (name, sql) in [
        (
            "other_table",
            "CREATE SCHEMA record_store; CREATE TABLE record_store.schema (x int)",
        ),
        (
            "other_record",
            "CREATE SCHEMA record_store; CREATE TABLE record_store.record (x int)",
        ),
    ] {
        let url = server.database(name);
        server.sql_in(name, sql);
        assert!(
            matches!(Postgres::open(&url), Err(Error::Corrupt { .. })),
            "{name}"
        );
    }
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_user_without_rights_to_create_may_use_what_is_there() {
    let server = Server::start();
    drop(Postgres::open(&server.url()).unwrap());
    server.sql(
        "CREATE USER mail; GRANT USAGE ON SCHEMA record_store TO mail;
         GRANT SELECT ON record_store.schema TO mail;
         GRANT SELECT, INSERT, UPDATE, DELETE ON record_store.record, record_store.session TO mail;
         GRANT SELECT, UPDATE ON SEQUENCE record_store.version TO mail;",
    );
    let store = Postgres::open(&server.url().replace("postgres@", "mail@")).unwrap();
    conformance::run(&store, now()).unwrap();
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_commits_are_durable_whatever_the_servers_default() {
    let server = Server::start_with(&["synchronous_commit=off"]);
    let store = Postgres::open(&server.url()).unwrap();
    server.sql(
        "CREATE TABLE seen (setting text, isolation text);
         CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO seen VALUES (current_setting('synchronous_commit'), current_setting('transaction_isolation'));
             RETURN NULL;
         END $$;
         CREATE TRIGGER see AFTER INSERT ON record_store.record FOR EACH ROW EXECUTE FUNCTION see();",
    );
    assert!(matches!(
        block_on(store.commit(put(1), now())),
        Ok(Outcome::Committed(_))
    ));
    assert_eq!(server.sql("SELECT * FROM seen"), "on|serializable");
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_dropped_future_does_not_cancel_its_commit() {
    let server = Server::start();
    let store = Postgres::open(&server.url()).unwrap();
    let started = pin!(store.commit(put(1), now())).poll(&mut Context::from_waker(Waker::noop()));
    assert!(started.is_pending());
    drop(store.commit(put(2), now())); // never polled: never started
    drop(store); // waits for what was accepted

    // Another runtime is no obstacle, neither to opening nor to dropping.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Postgres::open(&server.url()).unwrap();
        assert!(store.get(&key(1), now()).await.unwrap().is_some());
        assert!(store.get(&key(2), now()).await.unwrap().is_none());
    });
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_pages_end_by_their_octets() {
    let server = Server::start();
    let store = Postgres::open(&server.url()).unwrap();
    for number in 0..90 {
        let commit = Commit::new().put(&key(number), vec![7; 65_536], Expect::Absent);
        assert!(matches!(
            block_on(store.commit(commit, now())),
            Ok(Outcome::Committed(_))
        ));
    }
    let page = block_on(store.scan(&Prefix::all(), None, 1000, now())).unwrap();
    assert_eq!((page.entries.len(), page.next), (64, Some(key(63))));
    let page = block_on(store.scan(&Prefix::all(), Some(&key(63)), 1000, now())).unwrap();
    assert_eq!((page.entries.len(), page.next), (26, None));
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_waiting_commits_have_a_limit() {
    let server = Server::start();
    let store = Postgres::open_with(&server.url(), &options(|o| o.connections = 1)).unwrap();
    let heavy = |number: u64| {
        let fill = |commit: Commit, part| {
            let key = Key::new("heavy", (number, part)).unwrap();
            commit.put(&key, vec![7; 65_536], Expect::Absent)
        };
        (0..60_u64).fold(Commit::new(), fill)
    };
    let mut refused = 0;
    for number in 0..40 {
        let commit = pin!(store.commit(heavy(number), now()));
        match { commit }.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => {}
            Poll::Ready(Err(Error::Busy)) => refused += 1,
            Poll::Ready(other) => panic!("{other:?}"),
        }
    }
    assert!(refused > 0, "158 MB were accepted");
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_waiting_reads_have_a_limit() {
    let server = Server::start();
    let store = Postgres::open(&server.url()).unwrap();
    server.signal("STOP");
    let start = || pin!(store.get(&key(1), now())).poll(&mut Context::from_waker(Waker::noop()));
    for _ in 0..MAX_WAITING {
        assert!(start().is_pending());
    }
    assert!(matches!(start(), Poll::Ready(Err(Error::Busy))));
    let scan = block_on(store.scan(&Prefix::all(), None, 9, now()));
    assert!(matches!(scan, Err(Error::Busy)));
    server.signal("CONT");
    // Commits have places of their own, and those of the reads are free again once they have ended.
    let committed = block_on(store.commit(put(1), now()));
    assert!(matches!(committed, Ok(Outcome::Committed(_))));
    loop {
        match block_on(store.get(&key(1), now())) {
            Ok(found) => break assert!(found.is_some()),
            Err(error) => assert!(error.is_temporary()),
        }
    }
}
