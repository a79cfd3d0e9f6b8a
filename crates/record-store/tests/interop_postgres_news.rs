//! Who waits for new work hears of it, if he may; and if not, he looks again soon.
#![cfg(all(target_os = "linux", feature = "postgres"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::postgres::Postgres as Server;
use pollster::block_on;
use record_store::{Commit, Expect, Heard, Key, Outcome, Postgres, PostgresOptions, Records};

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(10);

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn write(store: &Postgres, namespace: &str) {
    let commit = Commit::new().put(&Key::new(namespace, "x").unwrap(), *b"x", Expect::Anything);
    assert!(matches!(
        block_on(store.commit(commit, now())),
        Ok(Outcome::Committed(_))
    ));
}

fn node(server: &Server, notify: bool) -> Postgres {
    let mut options = PostgresOptions::default();
    options.notify = notify;
    Postgres::open_with(&server.url(), &options).unwrap()
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_a_node_hears_of_its_own_commits_and_polls_for_the_rest() {
    let server = Server::start();
    let (one, two) = (node(&server, false), node(&server, false));
    let mut news = one.news("queue");
    assert_eq!(block_on(news.wait(SHORT)), Heard::Nothing);
    write(&one, "queue");
    assert_eq!(block_on(news.wait(LONG)), Heard::Commit);
    write(&one, "other");
    assert_eq!(block_on(news.wait(SHORT)), Heard::Nothing);
    write(&two, "queue");
    assert_eq!(
        block_on(news.wait(SHORT)),
        Heard::Nothing,
        "only polling finds this"
    );
    drop(one);
    assert_eq!(block_on(news.wait(LONG)), Heard::Closed);
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_notifications_reach_other_nodes() {
    let server = Server::start();
    let (one, two) = (node(&server, true), node(&server, true));
    let mut news = one.news("queue");
    assert_eq!(
        block_on(news.wait(LONG)),
        Heard::Commit,
        "it listens from now on"
    );
    write(&two, "other");
    write(&two, "queue");
    assert_eq!(block_on(news.wait(LONG)), Heard::Commit);
    assert_eq!(
        block_on(news.wait(SHORT)),
        Heard::Nothing,
        "of one commit, one message"
    );

    // A conflict tells nobody.
    let absent = Commit::new().put(&Key::new("queue", "x").unwrap(), *b"x", Expect::Absent);
    assert!(matches!(
        block_on(two.commit(absent, now())),
        Ok(Outcome::Conflict(_))
    ));
    assert_eq!(block_on(news.wait(SHORT)), Heard::Nothing);

    // What was missed while the connection was lost, nobody knows: so it says that there may be something.
    let killed = server.sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = 'LISTEN record_store'",
    );
    assert_eq!(killed, "1");
    assert_eq!(block_on(news.wait(LONG)), Heard::Commit);
    write(&two, "queue");
    assert_eq!(block_on(news.wait(LONG)), Heard::Commit, "it listens again");
}
