//! A year of one domain's policy in the cache: refreshes, outages and attacks, with a clock that is
//! moved by hand; and the same year with caches that forget what they must not.
#![allow(missing_docs, clippy::unwrap_used)]

use http::Response;
use mail_dns::{Failure, Name, Zone};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tls_policy::sts::{
    Cache, Cached, DISUSED_AFTER, FetchFailure, Found, Learned, Need, Policy, RETRY_AFTER,
};
use tls_policy::{Connection, DaneFact, Facts, Floor, Memory, MemoryFact, MxFact, StsFact, decide};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const A: &str = "example.org";
const MX: &str = "mx.example.org";

/// What the domain, or somebody in between, does at some time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum World {
    /// All is well; the policy has this identity and mode.
    Well(&'static str, &'static str),
    /// The record is not there, or was taken away.
    NoRecord,
    /// The DNS does not answer.
    NoDns,
    /// The policy host is down, or blocked.
    NoPolicyHost(&'static str),
    /// An attacker shows a record of his own; he has no certificate for the policy host.
    Forged,
}

struct Sender {
    cache: Cache,
    memory: Memory,
    fetches: usize,
    random: u64,
}

impl Sender {
    fn new() -> Self {
        Self {
            cache: Cache::new(10),
            memory: Memory::new(10),
            fetches: 0,
            random: 7,
        }
    }

    fn look(&mut self, world: World, now: SystemTime) -> (Found, Learned) {
        let name: Name = A.parse().unwrap();
        let mut discovery = self.cache.discovery(&name, now).unwrap();
        let (record, policy) = match world {
            World::Well(id, mode) => (Some(id), Ok(policy(mode))),
            World::NoRecord => (None, Err(FetchFailure::Network)),
            World::NoDns => (None, Err(FetchFailure::Network)),
            World::NoPolicyHost(id) => (Some(id), Err(FetchFailure::Timeout)),
            World::Forged => (Some("forged"), Err(FetchFailure::Certificate)),
        };
        loop {
            match discovery.need() {
                Need::Dns(query) => {
                    let mut zone = Zone::new();
                    if let Some(id) = record {
                        let text = format!("v=STSv1; id={id};");
                        zone = zone.txt("_mta-sts.example.org", &text).unwrap();
                    }
                    if world == World::NoDns {
                        zone.fail(query.name.clone(), Failure::Timeout);
                    }
                    let answer = zone.answer(query);
                    discovery.dns(&answer);
                }
                Need::Http(_) => {
                    self.fetches += 1;
                    let response = policy.clone().map(|text| {
                        let response = Response::builder().header("content-type", "text/plain");
                        response.body(text).unwrap()
                    });
                    discovery.http(response.as_ref().map_err(|why| *why));
                }
                Need::Nothing => break,
            }
        }
        let found = discovery.finish();
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let learned = self.cache.learn(A, &found, now, self.random);
        (found, learned)
    }

    /// What a message would be allowed to go over.
    fn sends(&mut self, world: World, mx: &str, now: SystemTime) -> (StsFact, bool) {
        let (found, _) = self.look(world, now);
        self.memory.attempted(A, now);
        if found.withdraws() {
            self.memory.sts_withdrawn(A);
        }
        let sts = self.cache.fact(A, mx, &found, now);
        let facts = Facts::new(A, mx, MxFact::Insecure)
            .dane(DaneFact::Insecure)
            .sts(sts)
            .memory(self.memory.fact(A, now));
        let decision = decide(&facts, Floor::Opportunistic);
        if let Some(proof) = decision.proves() {
            self.memory.proved(A, proof, now);
        }
        (sts, decision.allows(Connection::Plain))
    }
}

fn policy(mode: &str) -> String {
    format!("version: STSv1\nmode: {mode}\nmx: {MX}\nmax_age: 2592000\n")
}

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

const WELL: World = World::Well("1", "enforce");

/// A year in hours: mostly well, with an outage or an attack of up to three weeks each month.
fn world(hour: u32) -> World {
    let (month, day) = (hour / 720, (hour / 24) % 30);
    match (month, day) {
        (0, _) | (_, 0..=5) => WELL,
        (1, ..=25) => World::NoRecord,
        (2, ..=25) => World::NoDns,
        (3, ..=25) => World::NoPolicyHost("1"),
        (4, ..=25) => World::NoPolicyHost("new"),
        (5, ..=25) => World::Forged,
        (6, ..=25) if day % 2 == 0 => World::NoDns,
        (6, ..=25) => World::NoRecord,
        _ => WELL,
    }
}

#[test]
fn no_outage_of_less_than_max_age_lets_a_message_go_unprotected() {
    let mut sender = Sender::new();
    for hour in 0..8760 {
        let now = start() + hour * HOUR;
        let (sts, plain) = sender.sends(world(hour), MX, now);
        assert_eq!(
            (sts, plain),
            (StsFact::Enforce, false),
            "hour {hour}, {:?}",
            world(hour)
        );
        let stray = sender
            .cache
            .fact(A, "mx.attacker.example", &Found::Unchanged, now);
        assert_eq!(stray, StsFact::EnforceMismatch, "hour {hour}");
        assert_eq!(sender.cache.sweep(now), 0);
    }
    // About one fetch a day, and the pauses between failures keep the rest few.
    assert!((300..600).contains(&sender.fetches), "{}", sender.fetches);
}

/// The same year, with a cache that each fault of the domain empties: what the test above would say.
#[test]
fn a_cache_that_forgets_is_found() {
    let mut leaks = 0;
    for hour in 0..8760 {
        let mut forgetful = Sender::new();
        let now = start() + hour * HOUR;
        let (_, plain) = forgetful.sends(world(hour), MX, now);
        leaks += usize::from(plain);
    }
    assert!(leaks > 2000, "{leaks}");
}

#[test]
fn an_attack_that_outlasts_max_age_meets_the_memory() {
    let mut sender = Sender::new();
    for hour in 0..72 {
        sender.sends(WELL, MX, start() + hour * HOUR);
    }
    let attack = start() + 72 * HOUR;
    for day in 0..300 {
        let now = attack + day * DAY;
        let (sts, plain) = sender.sends(World::NoRecord, MX, now);
        assert!(!plain, "day {day}: {sts:?}");
    }
    assert_eq!(
        sender.memory.fact(A, attack + 300 * DAY),
        MemoryFact::Verified
    );
    // Without the memory it would have gone out after max_age.
    sender.memory = Memory::new(10);
    let (sts, plain) = sender.sends(World::NoRecord, MX, attack + 300 * DAY);
    assert_eq!((sts, plain), (StsFact::None, true));
}

#[test]
fn a_domain_takes_its_policy_back() {
    let mut sender = Sender::new();
    for hour in 0..72 {
        sender.sends(WELL, MX, start() + hour * HOUR);
    }
    let now = start() + 72 * HOUR;
    // A forged record and no policy host: nothing is taken back.
    assert_eq!(
        sender.sends(World::NoPolicyHost("2"), MX, now),
        (StsFact::Enforce, false)
    );
    let later = now + HOUR;
    let (sts, plain) = sender.sends(World::Well("3", "none"), MX, later);
    assert_eq!((sts, plain), (StsFact::Withdrawn, true));
    assert_eq!(sender.memory.fact(A, later), MemoryFact::Nothing);
    let even_later = later + HOUR;
    assert_eq!(
        sender.sends(World::NoRecord, MX, even_later),
        (StsFact::Withdrawn, true)
    );
}

#[test]
fn testing_requires_and_remembers_nothing() {
    let mut sender = Sender::new();
    for hour in 0..200 {
        let now = start() + hour * HOUR;
        let sent = sender.sends(World::Well("1", "testing"), "mx.attacker.example", now);
        assert_eq!(sent, (StsFact::Testing, true));
    }
    assert!(sender.memory.is_empty());
}

#[test]
fn pauses_double_for_the_same_policy_and_end_with_another() {
    let mut sender = Sender::new();
    let mut now = start();
    let mut tried = Vec::new();
    while now < start() + 3 * DAY {
        let before = sender.fetches;
        let (_, learned) = sender.look(World::NoPolicyHost("1"), now);
        assert_eq!(learned, Learned::Failed);
        if sender.fetches > before {
            tried.push(now);
        }
        now += Duration::from_secs(60);
    }
    let waits: Vec<_> = tried
        .windows(2)
        .map(|w| w[1].duration_since(w[0]).unwrap())
        .collect();
    assert_eq!(waits[0], RETRY_AFTER);
    for pair in waits.windows(2) {
        assert_eq!(pair[1], (pair[0] * 2).min(DAY));
    }
    let before = sender.fetches;
    let (_, learned) = sender.look(World::Well("2", "enforce"), now);
    assert_eq!((learned, sender.fetches), (Learned::Kept, before + 1));
}

#[test]
fn refreshes_are_spread_and_come_before_the_end() {
    let mut hours = std::collections::BTreeSet::new();
    for random in 0..2000_u64 {
        let mut cache = Cache::new(1);
        let policy: Policy = policy("enforce").parse().unwrap();
        let found = Found::Policy {
            id: "1".into(),
            policy,
        };
        cache.learn(A, &found, start(), random * 6_700_417);
        let due = (0..25).find(|hour| cache.due(start() + *hour * HOUR).next().is_some());
        hours.insert(due.expect("within a day"));
    }
    assert_eq!(hours.into_iter().collect::<Vec<_>>(), [22, 23, 24]);
    // A policy for an hour is refreshed after half of it.
    let mut cache = Cache::new(1);
    let short = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 3600\n";
    let policy: Policy = short.parse().unwrap();
    let found = Found::Policy {
        id: "1".into(),
        policy,
    };
    cache.learn(A, &found, start(), 0);
    assert!(cache.due(start() + HOUR / 2).next().is_some());
    assert!(
        cache.due(start() + HOUR).next().is_none(),
        "what is over is not refreshed"
    );
    assert_eq!(cache.sweep(start() + HOUR), 1);
}

#[test]
fn what_is_disused_is_not_refreshed_for_ever() {
    let mut cache = Cache::new(1);
    let year = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 31557600\n";
    let policy: Policy = year.parse().unwrap();
    cache.restore(A, Cached::new("1", policy, start()));
    let second = Duration::from_secs(1);
    assert_eq!(cache.due(start() + DISUSED_AFTER - second).count(), 1);
    assert_eq!(cache.due(start() + DISUSED_AFTER).count(), 0);
    assert_eq!(
        (cache.sweep(start() + DISUSED_AFTER - second), cache.len()),
        (0, 1)
    );
    assert_eq!((cache.sweep(start() + DISUSED_AFTER), cache.len()), (1, 0));
}

#[test]
fn a_full_cache_takes_nobody_and_drops_nobody() {
    let mut sender = Sender::new();
    sender.cache = Cache::new(1);
    sender.look(WELL, start());
    let policy: Policy = policy("enforce").parse().unwrap();
    let found = Found::Policy {
        id: "1".into(),
        policy,
    };
    let stranger = "attacker.example";
    assert_eq!(
        sender.cache.learn(stranger, &found, start(), 0),
        Learned::Full
    );
    // For this one message it counts.
    assert_eq!(
        sender.cache.fact(stranger, MX, &found, start()),
        StsFact::Enforce
    );
    assert_eq!(
        sender.sends(World::NoDns, MX, start() + DAY),
        (StsFact::Enforce, false)
    );
    let (domain, cached) = sender.cache.entries().next().unwrap();
    assert_eq!((domain, cached.id(), cached.fetched()), (A, "1", start()));
}

#[test]
fn a_policy_for_no_time_counts_once() {
    let mut cache = Cache::new(1);
    let now = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 0\n";
    let policy: Policy = now.parse().unwrap();
    let found = Found::Policy {
        id: "1".into(),
        policy,
    };
    assert_eq!(cache.learn(A, &found, start(), 0), Learned::Nothing);
    assert_eq!(cache.fact(A, MX, &found, start()), StsFact::Enforce);
    assert_eq!(
        cache.fact(A, MX, &Found::NoRecord(None), start()),
        StsFact::None
    );
}
