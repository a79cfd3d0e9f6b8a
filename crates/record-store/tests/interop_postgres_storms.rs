//! Servers that fail in the middle of commits, go away, stop, or are reached late.
#![cfg(all(target_os = "linux", feature = "postgres"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::postgres::Postgres as Server;
use common::proxy::Proxy;
use pollster::block_on;
use record_store::{
    Commit, Error, Expect, Key, Large, Outcome, Postgres, PostgresOptions, Prefix, Records,
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

const ROUNDS: usize = 5;
const CLIENTS: u64 = 8;

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_servers_that_fail_in_mid_storm_lose_nothing() {
    let (damage, unknown) = storm("right", ROUNDS);
    println!("{unknown} outcomes were unknown");
    assert!(damage.is_empty(), "{damage:?}");
    assert!(unknown > 0, "no commit was hit, so nothing was shown");
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_mutation_a_report_before_the_commit_is_found_out() {
    let (damage, _) = storm("report early", ROUNDS);
    let found = damage.iter().any(|damage| damage.starts_with("lost"));
    assert!(found, "the check is blind for lost commits: {damage:?}");
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_mutation_two_commits_instead_of_one_are_found_out() {
    let (damage, _) = storm("two commits", ROUNDS);
    let found = damage.iter().any(|damage| damage.starts_with("half"));
    assert!(found, "the check is blind for half commits: {damage:?}");
}

/// What clients learn in a storm.
#[derive(Default)]
struct Learned {
    /// Commits that were acknowledged, or that a read found after an unknown outcome.
    there: Vec<(u64, u64)>,
    /// The last commit of a client, if he was told that nothing of it was written.
    absent: Vec<(u64, u64)>,
    damage: Vec<String>,
}

#[derive(Default)]
struct Weather {
    over: AtomicBool,
    committed: AtomicUsize,
    unknown: AtomicUsize,
    errors: AtomicUsize,
}

/// A server that fails again and again while clients commit; what is wrong afterwards, and how many outcomes were
/// unknown.
fn storm(manner: &str, rounds: usize) -> (Vec<String>, usize) {
    let mut server = Server::start();
    let store = Postgres::open_with(&server.url(), &options(8, "")).unwrap();
    let weather = Weather::default();
    let learned: Vec<Learned> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (store, weather) = (&store, &weather);
                scope.spawn(move || block_on(rage(store, client, manner, weather)))
            })
            .collect();
        let wait = |counter: &AtomicUsize, until: usize| {
            while counter.load(Ordering::Relaxed) < until {
                thread::yield_now();
            }
        };
        for _ in 0..rounds {
            let more = 20 + RandomState::new().hash_one(0) as usize % 100;
            wait(
                &weather.committed,
                weather.committed.load(Ordering::Relaxed) + more,
            );
            let errors = weather.errors.load(Ordering::Relaxed);
            server.stop_immediately();
            // Everybody has noticed, in one way or the other.
            wait(&weather.errors, errors + 2 * CLIENTS as usize);
            server.restart();
        }
        wait(
            &weather.committed,
            weather.committed.load(Ordering::Relaxed) + 20,
        );
        weather.over.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    drop(store);
    let store = Postgres::open(&server.url()).unwrap();
    (damage(&store, learned), weather.unknown.into_inner())
}

fn damage(store: &Postgres, learned: Vec<Learned>) -> Vec<String> {
    let mut damage = Vec::new();
    for learned in learned {
        damage.extend(learned.damage);
        for (client, number) in learned.there {
            if !is_there(store, &half(client, number, "left")) {
                damage.push(format!("lost: {client}/{number}"));
            }
        }
        for (client, number) in learned.absent {
            if is_there(store, &half(client, number, "left")) {
                damage.push(format!("late: {client}/{number}"));
            }
        }
    }
    let (prefix, mut after) = (Prefix::new("storm", ()).unwrap(), None);
    loop {
        let page = block_on(store.scan(&prefix, after.as_ref(), 1000, now())).unwrap();
        for (key, record) in &page.entries {
            let parts: Vec<_> = key.parts().collect();
            let (client, number) = (parts[0].number().unwrap(), parts[1].number().unwrap());
            let other = match parts[2].text() {
                Some("left") => "right",
                _ => "left",
            };
            let other = block_on(store.get(&half(client, number, other), now())).unwrap();
            if other.is_none_or(|other| other.version() != record.version()) {
                damage.push(format!("half: {key:?}"));
            }
            let value = block_on(Large::load(store, record, now()));
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

fn half(client: u64, number: u64, side: &str) -> Key {
    Key::new("storm", (client, number, side)).unwrap()
}

/// Commits until the storm is over. Every commit has two halves; those of the first client are large.
async fn rage(store: &Postgres, client: u64, manner: &str, weather: &Weather) -> Learned {
    let mut learned = Learned::default();
    let mut number = 0;
    let mut nothing_there = false;
    while !weather.over.load(Ordering::Relaxed) {
        let this = (client, number);
        if manner == "report early" && learned.there.last() != Some(&this) {
            learned.there.push(this);
        }
        match attempt(store, client, number, manner).await {
            Ok(Outcome::Committed(_)) => {
                weather.committed.fetch_add(1, Ordering::Relaxed);
                (number, nothing_there) = (number + 1, false);
                if manner != "report early" {
                    learned.there.push(this);
                }
            }
            // With one commit, a conflict means that something was written after all.
            Ok(Outcome::Conflict(_)) => {
                if nothing_there {
                    learned.damage.push(format!("late: {client}/{number}"));
                }
                (number, nothing_there) = (number + 1, false);
            }
            Ok(Outcome::Unknown) => {
                weather.unknown.fetch_add(1, Ordering::Relaxed);
                weather.errors.fetch_add(1, Ordering::Relaxed);
                match store_says(store, &half(client, number, "left"), weather) {
                    true => {
                        learned.there.push(this);
                        (number, nothing_there) = (number + 1, false);
                    }
                    false => {
                        nothing_there = true;
                        // Who reports early does not look back.
                        number += u64::from(manner == "report early");
                    }
                }
            }
            Err(error) => {
                weather.errors.fetch_add(1, Ordering::Relaxed);
                if !error.is_temporary() {
                    learned.damage.push(format!("{error:?}"));
                }
                nothing_there = true;
                number += u64::from(manner == "report early");
                thread::yield_now();
            }
        }
    }
    if nothing_there && manner == "right" {
        learned.absent.push((client, number));
    }
    learned
}

fn store_says(store: &Postgres, key: &Key, weather: &Weather) -> bool {
    loop {
        match block_on(store.get(key, now())) {
            Ok(found) => return found.is_some(),
            Err(_) => {
                weather.errors.fetch_add(1, Ordering::Relaxed);
                thread::yield_now();
            }
        }
    }
}

async fn attempt(
    store: &Postgres,
    client: u64,
    number: u64,
    manner: &str,
) -> Result<Outcome, Error> {
    let (left, right) = (half(client, number, "left"), half(client, number, "right"));
    let size = if client == 0 { 1_200_000 } else { 5 * 1024 };
    let value = Large::stage(store, &vec![7; size], now()).await?;
    let mut commit = Commit::new().put_large(&left, &value, Expect::Absent);
    if manner == "two commits" {
        match store.commit(commit, now()).await? {
            Outcome::Committed(_) => {}
            other => return Ok(other),
        }
        commit = Commit::new();
    }
    store
        .commit(commit.put(&right, *b"right", Expect::Absent), now())
        .await
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
