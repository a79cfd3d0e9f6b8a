//! From a domain to its policy, with a cache.

use crate::{
    server::{HOST, POLICY, Server, far, fetcher, ok, says, zone},
    support::{Ca, now},
};
use mail_dns::{Answer, Query, Resolver, Zone};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};
use tls_policy::{
    StsFact,
    fetch::FetchError,
    sts::{Cache, Found, Learned, RETRY_AFTER, Trouble},
};

const MX: &str = "mx.example.org";
const OTHER: &str = "mx.attacker.example";

/// A zone that changes.
#[derive(Clone)]
struct Changing(Arc<Mutex<Zone>>);

impl Resolver for Changing {
    async fn resolve(&self, query: &Query, _: SystemTime, _: Instant) -> Answer {
        self.0.lock().unwrap().answer(query)
    }
}

fn with_id(id: &str) -> Zone {
    let zone = Zone::new().address(HOST, [127, 0, 0, 1]).unwrap();
    zone.txt("_mta-sts.example.org", &format!("v=STSv1; id={id};"))
        .unwrap()
}

#[tokio::test]
async fn a_policy_is_fetched_once_kept_and_missed_when_the_host_fails() {
    let ca = Ca::new();
    let down = Arc::new(AtomicBool::new(false));
    let server = Server::start(&ca.issue(&[HOST]), {
        let down = Arc::clone(&down);
        move |stream| match down.load(Ordering::Relaxed) {
            true => {
                says("HTTP/1.1 302 Found\r\nlocation: https://attacker.example/\r\n\r\n")(stream)
            }
            false => says(ok("", POLICY))(stream),
        }
    })
    .await;
    let zone = Changing(Arc::new(Mutex::new(zone())));
    let fetcher = fetcher(&ca, zone.clone(), server.port);
    let cache = Mutex::new(Cache::new(10));
    let domain = crate::server::DOMAIN.parse().unwrap();
    let look = async |now: SystemTime| {
        fetcher
            .find(&cache, &domain, now, far(), 4711)
            .await
            .unwrap()
    };
    let fact = |found: &Found, mx, now| cache.lock().unwrap().fact("example.org", mx, found, now);

    let first = look(now()).await;
    assert_eq!((first.learned, first.error), (Learned::Kept, None));
    assert_eq!(fact(&first.found, MX, now()), StsFact::Enforce);
    assert_eq!(fact(&first.found, OTHER, now()), StsFact::EnforceMismatch);
    assert_eq!(server.connections(), 1);

    // The record is asked for, and says that nothing has changed.
    let minute = now() + Duration::from_secs(60);
    let second = look(minute).await;
    assert_eq!(
        (&second.found, second.learned),
        (&Found::Unchanged, Learned::Nothing)
    );
    assert_eq!(server.connections(), 1);

    // Another policy, which cannot be had: the one that is known counts, and the host is spared.
    *zone.0.lock().unwrap() = with_id("2");
    down.store(true, Ordering::Relaxed);
    let third = look(minute).await;
    let redirected = Found::Trouble {
        id: Some("2".into()),
        trouble: Trouble::Status(302),
    };
    assert_eq!(
        (&third.found, third.learned),
        (&redirected, Learned::Unconfirmed)
    );
    assert_eq!(fact(&third.found, OTHER, minute), StsFact::EnforceMismatch);
    assert_eq!(server.connections(), 2);
    let spared = look(minute).await;
    assert_eq!(
        (spared.learned, server.connections()),
        (Learned::Unconfirmed, 2)
    );
    // Mutation: with no cache the same is a fact that delivers.
    assert_eq!(third.found.fact(OTHER), StsFact::Failed);

    // After the pause it is there again.
    down.store(false, Ordering::Relaxed);
    let later = look(minute + RETRY_AFTER).await;
    assert_eq!((later.learned, server.connections()), (Learned::Kept, 3));
}

#[tokio::test]
async fn what_went_wrong_is_told() {
    let ca = Ca::new();
    let server = Server::start(&Ca::new().issue(&[HOST]), says(ok("", POLICY))).await;
    let fetcher = fetcher(&ca, zone(), server.port);
    let cache = Mutex::new(Cache::new(10));
    let domain = crate::server::DOMAIN.parse().unwrap();
    let found = fetcher
        .find(&cache, &domain, now(), far(), 0)
        .await
        .unwrap();
    assert_eq!(found.learned, Learned::Failed);
    assert!(
        matches!(found.error, Some(FetchError::Certificate(_))),
        "{found:?}"
    );
    assert!(found.error.is_some_and(|why| why.result_type().is_some()));
    let nobody = "a b.example".parse().unwrap();
    assert!(
        fetcher
            .find(&cache, &nobody, now(), far(), 0)
            .await
            .is_err()
    );
}

#[cfg(feature = "store")]
#[tokio::test]
async fn a_stored_cache_is_asked_and_told_likewise() {
    use record_store::Memory;
    use tls_policy::sts::StoredCache;
    let ca = Ca::new();
    let server = Server::start(&ca.issue(&[HOST]), says(ok("", POLICY))).await;
    let fetcher = fetcher(&ca, zone(), server.port);
    let cache = StoredCache::new(Memory::new(), 10);
    let domain = crate::server::DOMAIN.parse().unwrap();
    for (learned, connections) in [(Learned::Kept, 1), (Learned::Nothing, 1)] {
        let found = fetcher
            .find_stored(&cache, &domain, now(), far(), 4711)
            .await
            .unwrap();
        assert_eq!(
            (found.learned.unwrap(), server.connections()),
            (learned, connections)
        );
        let fact = cache.fact("example.org", MX, &found.found, now()).await;
        assert_eq!(fact, StsFact::Enforce);
    }
}
