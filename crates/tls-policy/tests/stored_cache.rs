//! The MTA-STS cache in a store: the rules of the cache in memory where a store can break them, with
//! stores that fail, lose the answer, and let others write in between.
#![cfg(feature = "store")]
#![allow(missing_docs, clippy::unwrap_used)]

use pollster::block_on;
use proptest::prelude::*;
use record_store::faults::{Fault, Faulty};
use record_store::{Commit, Expect, Key, Memory as Store, Outcome, Prefix, Records};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tls_policy::sts::{
    Cache, Cached, DISUSED_AFTER, FetchFailure, Found, Learned, MAX_POLICY, Policy, StoredCache,
    Trouble,
};
use tls_policy::{StoreError, StsFact};

const A: &str = "example.org";
const MX: &str = "mx.example.org";
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn policy(id: &str, mode: &str, max_age: u64) -> Found {
    let text = format!("version: STSv1\nmode: {mode}\nmx: {MX}\nmax_age: {max_age}\n");
    let policy = text.parse().unwrap();
    Found::Policy {
        id: id.into(),
        policy,
    }
}

fn week() -> Found {
    policy("1", "enforce", 604_800)
}

fn trouble() -> Found {
    let trouble = Trouble::Fetch(FetchFailure::Network);
    Found::Trouble {
        id: Some("2".into()),
        trouble,
    }
}

/// Another node fetches the same domain's policy first, a little later by its clock.
fn rival() -> Fault<Store> {
    Fault::rival(|store: &Store, now| {
        let newer = policy("rival", "testing", 604_800);
        let later = now + Duration::from_secs(1);
        block_on(StoredCache::new(store, 1000).learn(A, &newer, later, 0)).unwrap();
    })
}

/// Another node adds a domain first.
fn neighbour() -> Fault<Store> {
    Fault::rival(|store: &Store, now| {
        let other = StoredCache::new(store, 1000);
        block_on(other.learn("b.example", &week(), now, 0)).unwrap();
    })
}

/// How many entries there are, counted.
async fn counted(store: &impl Records, now: SystemTime) -> u64 {
    let all = Prefix::new("tls-policy-sts", ()).unwrap();
    let page = store.scan(&all, None, 1000, now).await.unwrap();
    page.entries.len() as u64
}

#[test]
fn faults_and_others_lose_no_policy_and_no_count() {
    // The newer policy stays.
    let cases = [
        (vec![], "1"),
        (vec![Fault::Lost], "1"),
        (vec![Fault::NotWritten], "1"),
        (vec![rival()], "rival"),
        (vec![neighbour()], "1"),
        (vec![neighbour(), Fault::NotWritten, Fault::Lost], "1"),
    ];
    for (faults, id) in cases {
        block_on(async {
            let store = Faulty::new(Store::new());
            let cache = StoredCache::new(&store, 1000);
            store.next(faults.clone());
            let learned = cache.learn(A, &week(), start(), 0).await.unwrap();
            assert_eq!(learned, Learned::Kept, "{faults:?}");
            let kept = cache.get("EXAMPLE.org.", start()).await.unwrap().unwrap();
            assert_eq!(kept.id(), id, "{faults:?}");
            let size = cache.len(start()).await.unwrap();
            assert_eq!(size, counted(&store, start()).await, "{faults:?}");
            // A policy that is not to be kept takes it away.
            if id == "1" {
                store.next(faults.clone());
            }
            let gone = policy("3", "none", 0);
            let learned = cache.learn(A, &gone, start() + DAY, 0).await.unwrap();
            assert_eq!(learned, Learned::Nothing, "{faults:?}");
            assert_eq!(
                cache.get(A, start() + DAY).await.unwrap(),
                None,
                "{faults:?}"
            );
            let size = cache.len(start()).await.unwrap();
            assert_eq!(size, counted(&store, start()).await, "{faults:?}");
        });
    }
}

#[test]
fn a_store_that_fails_says_so_and_never_that_there_is_nothing() {
    block_on(async {
        let store = Faulty::new(Store::new());
        let cache = StoredCache::new(&store, 10);
        store.next([Fault::Busy]);
        let failed = cache.learn(A, &week(), start(), 0).await.unwrap_err();
        assert!(matches!(failed, StoreError::Store(_)) && failed.is_temporary());
        store.fail_reads(true);
        let none = Found::NoRecord(None);
        for found in [&none, &Found::Unchanged, &trouble()] {
            assert_eq!(cache.fact(A, MX, found, start()).await, StsFact::Unreadable);
        }
        assert_eq!(cache.fact(A, MX, &week(), start()).await, StsFact::Enforce);
        assert!(cache.learn(A, &trouble(), start(), 0).await.is_err());
        let domain = mail_dns::Name::from_octets(A.as_bytes()).unwrap();
        assert!(cache.discovery(&domain, start()).await.is_ok());
        store.fail_reads(false);
        store.next(vec![Fault::NotWritten; 100]);
        // Mutation: with a store that reads, the same is no policy.
        assert_eq!(cache.fact(A, MX, &none, start()).await, StsFact::None);
        let contended = cache.learn(A, &week(), start(), 0).await.unwrap_err();
        assert!(matches!(contended, StoreError::Contended) && contended.is_temporary());
    });
}

#[test]
fn what_is_blocked_at_one_node_is_known_from_another() {
    block_on(async {
        let store = Store::new();
        let (one, two) = (StoredCache::new(&store, 10), StoredCache::new(&store, 10));
        one.learn(A, &week(), start(), 0).await.unwrap();
        let later = start() + HOUR;
        let learned = two
            .learn(A, &Found::NoRecord(None), later, 0)
            .await
            .unwrap();
        assert_eq!(learned, Learned::Unconfirmed);
        let fact = two.fact(A, "mx.attacker.example", &trouble(), later).await;
        assert_eq!(fact, StsFact::EnforceMismatch);
        // Until it is over.
        let over = start() + 7 * DAY;
        assert_eq!(two.fact(A, MX, &trouble(), over).await, StsFact::Failed);
    });
}

#[test]
fn a_damaged_entry_is_unreadable_until_a_fetch_or_somebody_heals_it() {
    block_on(async {
        let store = Store::new();
        let cache = StoredCache::new(&store, 10);
        let key = Key::new("tls-policy-sts", A).unwrap();
        let damage = async || {
            cache.learn(A, &week(), start(), 0).await.unwrap();
            let damage = Commit::new().put(&key, *b"another format", Expect::Anything);
            let outcome = store.commit(damage, start()).await.unwrap();
            assert!(matches!(outcome, Outcome::Committed(_)));
        };
        damage().await;
        let fact = async |found: &Found| cache.fact(A, MX, found, start()).await;
        assert_eq!(fact(&Found::NoRecord(None)).await, StsFact::Unreadable);
        let failed = cache.learn(A, &trouble(), start(), 0).await.unwrap_err();
        assert!(matches!(failed, StoreError::Damaged) && !failed.is_temporary());
        assert_eq!(cache.due(start()).await.unwrap(), [A]);
        assert_eq!(cache.sweep(start() + 2 * DISUSED_AFTER).await.unwrap(), 0);
        cache.learn(A, &week(), start(), 0).await.unwrap();
        assert_eq!(fact(&trouble()).await, StsFact::Enforce);
        assert_eq!(cache.len(start()).await.unwrap(), 1);
        damage().await;
        cache.remove(A, start()).await.unwrap();
        assert_eq!(fact(&Found::NoRecord(None)).await, StsFact::None);
        assert_eq!(cache.len(start()).await.unwrap(), 0);
    });
}

#[test]
fn a_full_store_takes_nobody_and_drops_nobody() {
    block_on(async {
        let cache = StoredCache::new(Store::new(), 2);
        for (domain, learned) in [
            (A, Learned::Kept),
            ("b.example", Learned::Kept),
            ("c.example", Learned::Full),
            (A, Learned::Kept),
            ("", Learned::Nothing),
        ] {
            assert_eq!(
                cache.learn(domain, &week(), start(), 0).await.unwrap(),
                learned,
                "{domain}"
            );
        }
        let over = start() + 7 * DAY;
        assert_eq!(cache.sweep(over - HOUR).await.unwrap(), 0);
        assert_eq!(cache.sweep(over).await.unwrap(), 2);
        assert_eq!(cache.len(over).await.unwrap(), 0);
        let learned = cache.learn("c.example", &week(), over, 0).await.unwrap();
        assert_eq!(learned, Learned::Kept);
    });
}

#[test]
fn a_busy_domain_costs_one_write_a_day() {
    block_on(async {
        let store = Store::new();
        let cache = StoredCache::new(&store, 10);
        cache
            .learn(A, &policy("1", "enforce", 31_557_600), start(), 0)
            .await
            .unwrap();
        let key = Key::new("tls-policy-sts", A).unwrap();
        let mut versions = BTreeSet::new();
        for minutes in 1..=2000 {
            let now = start() + Duration::from_secs(minutes * 60);
            cache.learn(A, &Found::Unchanged, now, 0).await.unwrap();
            versions.insert(store.get(&key, now).await.unwrap().unwrap().version());
        }
        assert_eq!(versions.len(), 2);
    });
}

#[test]
fn entries_are_read_back_and_others_refused() {
    let long = [
        "a".repeat(63),
        "b".repeat(63),
        "c".repeat(63),
        "d".repeat(61),
    ]
    .join(".");
    let mut text = String::from("version: STSv1\nmode: testing\nmax_age: 31557600\n");
    while text.len() + long.len() + 4 < MAX_POLICY {
        text = format!("{text}mx:{long}\n");
    }
    let policies = ["version: STSv1\nmode: none\nmax_age: 0\n", &text];
    for text in policies {
        let policy: Policy = text.parse().unwrap();
        let cached = Cached::new(&"z".repeat(32), policy, start());
        let bytes = cached.to_bytes();
        assert!(bytes.len() <= 64 * 1024, "{}", bytes.len());
        assert_eq!(Cached::from_bytes(&bytes).as_ref(), Some(&cached));
    }
    let Found::Policy { policy, .. } = week() else {
        unreachable!()
    };
    let bytes = Cached::new("1", policy.clone(), start()).to_bytes();
    for length in 0..bytes.len() - MX.len() {
        assert_eq!(Cached::from_bytes(&bytes[..length]), None, "{length}");
    }
    let with = |at: usize, octet: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = octet;
        Cached::from_bytes(&bytes)
    };
    // Format, time, max_age, mode, identity, host.
    for (at, octet) in [
        (0, 2),
        (1, 0xFF),
        (25, 0xFF),
        (29, b'x'),
        (30, b'-'),
        (32, 0xFF),
    ] {
        assert_eq!(with(at, octet), None, "{at}");
    }
    assert!(with(30, b'2').is_some());
    let more = [&*bytes, b"\n"].concat();
    assert_eq!(Cached::from_bytes(&more), None);
    let strange = Cached::new("no id", policy, start()).to_bytes();
    assert_eq!(Cached::from_bytes(&strange), None);
}

proptest! {
    /// The same as in memory, whatever happens.
    #[test]
    fn a_store_and_the_cache_agree(
        events in prop::collection::vec((0..8_u8, 0..3_usize, 0..30_u32, any::<u64>()), 1..40)
    ) {
        block_on(async {
            let domains = ["a.example", "b.example", "c.example"];
            let (mut plain, stored) = (Cache::new(2), StoredCache::new(Store::new(), 2));
            let mut now = start();
            for (event, domain, hours, random) in events {
                now += hours * HOUR;
                let found = match event {
                    0 => week(),
                    1 => policy("2", "testing", 86_400),
                    2 => policy("3", "none", 0),
                    3 => Found::Unchanged,
                    4 => Found::NoRecord(None),
                    5 => trouble(),
                    6 => Found::Trouble { id: None, trouble: Trouble::Unfinished },
                    _ => Found::Trouble { id: None, trouble: Trouble::Pause },
                };
                let domain = domains[domain];
                let learned = stored.learn(domain, &found, now, random).await.unwrap();
                assert_eq!(learned, plain.learn(domain, &found, now, random));
                for domain in domains {
                    let fact = stored.fact(domain, MX, &found, now).await;
                    assert_eq!(fact, plain.fact(domain, MX, &found, now));
                    let name = mail_dns::Name::from_octets(domain.as_bytes()).unwrap();
                    let discovery = stored.discovery(&name, now).await.unwrap();
                    let expected = plain.discovery(&name, now).unwrap();
                    assert_eq!(format!("{discovery:?}"), format!("{expected:?}"));
                }
                let due: BTreeSet<_> = stored.due(now).await.unwrap().into_iter().collect();
                assert_eq!(due, plain.due(now).map(String::from).collect());
                assert_eq!(stored.len(now).await.unwrap(), plain.len() as u64);
            }
        });
    }

    #[test]
    fn any_octets_are_read_without_a_panic(octets: Vec<u8>) {
        if let Some(cached) = Cached::from_bytes(&octets) {
            prop_assert_eq!(cached.to_bytes(), octets);
        }
    }
}
