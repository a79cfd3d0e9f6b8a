//! The memory in a store: the rules of `tests/memory.rs` where a store can break them, with stores
//! that fail, lose the answer, and let others write in between.
#![cfg(feature = "store")]
#![allow(missing_docs, clippy::unwrap_used)]

use pollster::block_on;
use proptest::prelude::*;
use record_store::faults::{Fault, Faulty};
use record_store::{Commit, Expect, Key, Memory as Store, Outcome, Prefix, Records};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tls_policy::{
    BINDING_AFTER, FORGOTTEN_AFTER, Memory, MemoryFact, Noted, Proof, StoreError, StoredMemory,
};

const A: &str = "example.org";
const HOUR: Duration = Duration::from_secs(3600);

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// Another node proves a domain first.
fn rival(domain: &'static str) -> Fault<Store> {
    Fault::rival(move |store: &Store, now| {
        let other = StoredMemory::new(store, 1000);
        block_on(other.proved(domain, Proof::Sts, now)).unwrap();
    })
}

/// How many entries there are, counted.
async fn counted(store: &impl Records, now: SystemTime) -> u64 {
    let all = Prefix::new("tls-policy-memory", ()).unwrap();
    store
        .scan(&all, None, 1000, now)
        .await
        .unwrap()
        .entries
        .len() as u64
}

#[test]
fn faults_and_others_lose_no_proof_and_no_count() {
    use Fault::{Lost, NotWritten};
    let neighbour = || rival("b.example");
    // What happens while it is proved, and while it is removed.
    let cases = [
        (vec![], vec![]),
        (vec![Lost], vec![Lost]),
        (vec![NotWritten], vec![NotWritten]),
        (vec![rival(A)], vec![]),
        (vec![neighbour()], vec![neighbour()]),
        (
            vec![rival(A), NotWritten, Lost, rival(A)],
            vec![neighbour(), NotWritten, Lost],
        ),
    ];
    for (faults, removing) in cases {
        block_on(async {
            let store = Faulty::new(Store::new());
            let memory = StoredMemory::new(&store, 1000);
            let (first, second) = (start(), start() + BINDING_AFTER);
            store.next(faults.clone());
            assert_eq!(
                memory.proved(A, Proof::Dane, first).await.unwrap(),
                Noted::Yes
            );
            assert_eq!(memory.fact(A, first).await, MemoryFact::Nothing);
            store.next(faults.clone());
            memory.proved(A, Proof::Dane, second).await.unwrap();
            assert_eq!(
                memory.fact("EXAMPLE.org.", second).await,
                MemoryFact::Verified,
                "{faults:?}"
            );
            let size = memory.len(second).await.unwrap();
            assert_eq!(size, counted(&store, second).await, "{faults:?}");
            // And away again.
            store.next(removing);
            memory.accept(A, second).await.unwrap();
            assert_eq!(memory.fact(A, second).await, MemoryFact::Nothing);
            let size = memory.len(second).await.unwrap();
            assert_eq!(size, counted(&store, second).await, "{faults:?}");
        });
    }
}

#[test]
fn a_store_that_fails_says_so_and_never_that_there_is_nothing() {
    block_on(async {
        let store = Faulty::new(Store::new());
        let memory = StoredMemory::new(&store, 10);
        store.next([Fault::Busy]);
        let failed = memory.proved(A, Proof::Dane, start()).await.unwrap_err();
        assert!(matches!(failed, StoreError::Store(_)) && failed.is_temporary());
        store.fail_reads(true);
        assert_eq!(memory.fact(A, start()).await, MemoryFact::Unreadable);
        assert!(memory.attempted(A, start()).await.is_err());
        store.fail_reads(false);
        store.next(vec![Fault::NotWritten; 100]);
        let contended = memory.proved(A, Proof::Dane, start()).await.unwrap_err();
        assert!(matches!(contended, StoreError::Contended) && contended.is_temporary());
    });
}

#[test]
fn a_damaged_entry_is_unreadable_until_it_is_accepted() {
    block_on(async {
        let store = Store::new();
        let memory = StoredMemory::new(&store, 10);
        memory.proved(A, Proof::Dane, start()).await.unwrap();
        let key = Key::new("tls-policy-memory", A).unwrap();
        let damage = Commit::new().put(&key, *b"another format", Expect::Anything);
        assert!(matches!(
            store.commit(damage, start()).await.unwrap(),
            Outcome::Committed(_)
        ));
        assert_eq!(memory.fact(A, start()).await, MemoryFact::Unreadable);
        let failed = memory.proved(A, Proof::Dane, start()).await.unwrap_err();
        assert!(matches!(failed, StoreError::Damaged) && !failed.is_temporary());
        assert_eq!(
            memory.sweep(start() + 2 * FORGOTTEN_AFTER).await.unwrap(),
            0
        );
        memory.accept(A, start()).await.unwrap();
        assert_eq!(memory.fact(A, start()).await, MemoryFact::Nothing);
        assert_eq!(memory.len(start()).await.unwrap(), 0);
    });
}

#[test]
fn a_full_store_takes_nobody_and_drops_nobody() {
    block_on(async {
        let memory = StoredMemory::new(Store::new(), 2);
        for (domain, noted) in [
            (A, Noted::Yes),
            ("b.example", Noted::Yes),
            ("c.example", Noted::Full),
            ("", Noted::NoName),
            (A, Noted::Yes),
        ] {
            let now = start() + BINDING_AFTER;
            memory.proved(domain, Proof::Dane, start()).await.unwrap();
            assert_eq!(
                memory.proved(domain, Proof::Dane, now).await.unwrap(),
                noted,
                "{domain}"
            );
        }
        let later = start() + BINDING_AFTER + FORGOTTEN_AFTER;
        assert_eq!(memory.sweep(later - HOUR).await.unwrap(), 0);
        assert_eq!(memory.sweep(later).await.unwrap(), 2);
        assert_eq!(memory.len(later).await.unwrap(), 0);
        assert_eq!(
            memory
                .proved("c.example", Proof::Dane, later)
                .await
                .unwrap(),
            Noted::Yes
        );
    });
}

#[test]
fn a_busy_domain_costs_one_write_an_hour_and_is_never_forgotten_early() {
    block_on(async {
        let store = Store::new();
        let memory = StoredMemory::new(&store, 10);
        memory.proved(A, Proof::Dane, start()).await.unwrap();
        memory
            .proved(A, Proof::Dane, start() + BINDING_AFTER)
            .await
            .unwrap();
        let key = Key::new("tls-policy-memory", A).unwrap();
        let (mut versions, mut last) = (std::collections::BTreeSet::new(), start());
        for minute in 1..=600 {
            last = start() + BINDING_AFTER + Duration::from_secs(minute * 60);
            memory.attempted(A, last).await.unwrap();
            versions.insert(store.get(&key, last).await.unwrap().unwrap().version());
        }
        assert!(versions.len() <= 12, "{}", versions.len());
        let second = Duration::from_secs(1);
        assert_eq!(
            memory.fact(A, last + FORGOTTEN_AFTER - second).await,
            MemoryFact::Verified
        );
        assert_eq!(
            memory.fact(A, last + FORGOTTEN_AFTER + HOUR).await,
            MemoryFact::Nothing
        );
    });
}

proptest! {
    /// The same as in memory, whatever happens; but for the hour by which an attempt is rounded up.
    #[test]
    fn a_store_and_the_memory_agree(
        events in prop::collection::vec((0..6_u8, 0..3_usize, 0..210_u32), 1..40)
    ) {
        block_on(async {
            let domains = ["a.example", "b.example", "c.example"];
            let (mut plain, stored) = (Memory::new(2), StoredMemory::new(Store::new(), 2));
            let mut now = start();
            for (event, domain, hours) in events {
                let domain = domains[domain];
                // Multiples of seven hours, and seconds: never in the hour after the 60 days of 1440.
                now += hours * 7 * HOUR + Duration::from_secs(1);
                let proof = [Proof::Dane, Proof::Sts, Proof::UnusableTlsa].get(usize::from(event));
                match (proof, event) {
                    (Some(proof), _) => {
                        let noted = stored.proved(domain, *proof, now).await.unwrap();
                        assert_eq!(noted, plain.proved(domain, *proof, now));
                    }
                    (None, 3) => {
                        plain.attempted(domain, now);
                        stored.attempted(domain, now).await.unwrap();
                    }
                    (None, 4) => {
                        plain.sts_withdrawn(domain);
                        stored.sts_withdrawn(domain, now).await.unwrap();
                    }
                    _ => {
                        plain.accept(domain);
                        stored.accept(domain, now).await.unwrap();
                    }
                }
                for domain in domains {
                    assert_eq!(stored.fact(domain, now).await, plain.fact(domain, now));
                }
                assert_eq!(stored.len(now).await.unwrap(), plain.len() as u64);
            }
        });
    }
}
