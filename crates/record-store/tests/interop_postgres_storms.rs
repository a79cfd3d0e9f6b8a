//! `pg_ctl stop -m immediate` in the middle of commits: nothing acknowledged is lost, nothing is half there, and what was
//! unknown is what a read then says.
#![cfg(all(target_os = "linux", feature = "postgres"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::postgres::Postgres as Server;
use pollster::block_on;
use record_store::{
    Commit, Error, Expect, Key, Large, Outcome, Postgres, PostgresOptions, Prefix, Records,
};

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// Deadlines that are short, but not too short for a busy machine.
fn options() -> PostgresOptions {
    let mut options = PostgresOptions::default();
    options.call_timeout = Duration::from_secs(4);
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
const CLIENTS: usize = 8;

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
    /// How many attempts of each client have ended.
    ended: [AtomicUsize; CLIENTS],
}

/// A server that fails again and again while clients commit; what is wrong afterwards, and how many outcomes were
/// unknown.
fn storm(manner: &str, rounds: usize) -> (Vec<String>, usize) {
    let mut server = Server::start();
    let store = Postgres::open_with(&server.url(), &options()).unwrap();
    let weather = Weather::default();
    let learned: Vec<Learned> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS as u64)
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
        for round in 0..rounds {
            let more = 20 + RandomState::new().hash_one(0) as usize % 100;
            wait(
                &weather.committed,
                weather.committed.load(Ordering::Relaxed) + more,
            );
            server.stop_immediately();
            // Every second time the server is back before the deadlines, and what was hit is resolved within the call.
            // Otherwise all wait for theirs.
            if round % 2 == 0 {
                let ended = weather
                    .ended
                    .each_ref()
                    .map(|ended| ended.load(Ordering::Relaxed));
                for (counter, ended) in weather.ended.iter().zip(ended) {
                    wait(counter, ended + 1);
                }
            }
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
        let outcome = attempt(store, client, number, manner).await;
        weather.ended[client as usize].fetch_add(1, Ordering::Relaxed);
        match outcome {
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
                match store_says(store, &half(client, number, "left")) {
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

fn store_says(store: &Postgres, key: &Key) -> bool {
    loop {
        match block_on(store.get(key, now())) {
            Ok(found) => return found.is_some(),
            Err(_) => thread::yield_now(),
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
