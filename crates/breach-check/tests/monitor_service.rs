//! The monitor, against a service in this process: who is told what, and what is asked for it.
#![cfg(feature = "store")]
#![allow(clippy::unwrap_used)]

mod v3;

use std::time::SystemTime;

use breach_check::Http;
use breach_check::addresses::Client;
use breach_check::monitor::{Age, Monitor, Ownership, Settings, Telling, Watching};
use pollster::block_on;
use record_store::{Memory, Prefix, Records};
use v3::run::{ANN, DAY, Run, key, run, user, world};
use v3::{Fake, World, address, at, client, service, sha1};

#[test]
fn a_new_user_is_told_of_older_breaches_once_and_of_new_ones_as_news() {
    let fake = Fake::new(world());
    let mut run = run(&fake);
    assert_eq!(run.watch("ann", ANN, Ownership::Proven), Watching::New);
    assert_eq!(run.watch("ann", ANN, Ownership::Proven), Watching::Same);
    run.until_idle();
    let alerts = run.alerts();
    // In the order in which the service got them.
    let names: Vec<_> = alerts.iter().map(|alert| alert.breach.as_str()).collect();
    assert_eq!(names, ["Adobe", "Linked"]);
    assert!(
        alerts
            .iter()
            .all(|alert| alert.age == Age::Before && alert.user == user("ann"))
    );
    let facts = alerts[0].facts.as_ref().unwrap();
    assert_eq!(
        (&*facts.title, facts.accounts, facts.is_verified),
        ("Adobe & Sons", 17, true)
    );
    assert_eq!(facts.data_classes, ["Email addresses", "Passwords"]);
    // They wait until they are acknowledged, one by one.
    assert_eq!(run.alerts(), alerts);
    block_on(run.monitor.acknowledge(&alerts[0].key, run.now)).unwrap();
    assert_eq!(run.alerts(), alerts[1..]);
    assert_eq!(run.told(), ["Linked"]);
    {
        let mut world = fake.0.lock().unwrap();
        world.add("Newer", "2027-01-16T00:00:00Z", None);
        world.put(ANN, &["Newer"]);
    }
    run.after(DAY);
    let alerts = run.alerts();
    assert_eq!((alerts.len(), alerts[0].age), (1, Age::Since));
    assert_eq!(run.told(), ["Newer"]);
    for _ in 0..100 {
        run.after(DAY);
    }
    assert!(run.told().is_empty());
}

#[test]
fn while_there_is_no_new_breach_nobody_is_asked_about_but_from_time_to_time() {
    let fake = Fake::new(world());
    let mut run = run(&fake);
    run.watch("ann", ANN, Ownership::Proven);
    run.until_idle();
    let range = format!("/api/v3/breachedaccount/range/{}", &sha1(ANN)[..6]);
    let first: Vec<_> = fake.asked();
    let paths = [
        "subscription/status",
        "subscribeddomains",
        "latestbreach",
        "breaches",
    ];
    let mut expected: Vec<_> = paths.iter().map(|path| format!("/api/v3/{path}")).collect();
    expected.push(range.clone());
    assert_eq!(first, expected);
    for _ in 0..20 {
        run.after(DAY);
    }
    let asked = fake.asked();
    assert!(
        asked.iter().all(
            |path| ["subscription/status", "subscribeddomains", "latestbreach"]
                .contains(&path.trim_start_matches("/api/v3/"))
        ),
        "{asked:?}"
    );
    assert!(
        asked
            .iter()
            .filter(|path| path.ends_with("latestbreach"))
            .count()
            >= 20
    );
    // An address is added to a breach that is known already: the full pass finds it.
    assert_eq!(run.told().len(), 2);
    fake.0
        .lock()
        .unwrap()
        .add("Old", "2011-01-01T00:00:00Z", None);
    fake.0.lock().unwrap().put(ANN, &["Old"]);
    for _ in 0..12 {
        run.after(DAY);
    }
    assert_eq!(
        fake.asked().iter().filter(|path| **path == range).count(),
        1
    );
    assert_eq!(run.told(), ["Old"]);
}

#[test]
fn sensitive_breaches_wait_for_proof_and_belong_to_the_address() {
    let world = world().with("Secret", "2015-08-18T20:49:59Z", Some("IsSensitive"));
    let fake = Fake::new(
        world
            .in_breaches(ANN, &["Secret"])
            .in_breaches("m@evil.example", &[]),
    );
    let mut run = run(&fake);
    run.watch("ann", ANN, Ownership::Claimed);
    run.until_idle();
    assert_eq!(run.told(), ["Adobe", "Linked"]);
    run.after(40 * DAY);
    assert!(run.told().is_empty());
    // Whoever proves another address learns nothing of this one.
    run.watch("mallory", ANN, Ownership::Claimed);
    run.until_idle();
    assert_eq!(run.told(), ["Adobe", "Linked"]);
    assert_eq!(
        run.watch("mallory", "m@evil.example", Ownership::Proven),
        Watching::Moved
    );
    run.after(40 * DAY);
    assert!(run.told().is_empty());
    // The owner does, once.
    let released = Watching::Owner { released: 1 };
    assert_eq!(run.watch("ann", ANN, Ownership::Proven), released);
    let alerts = run.alerts();
    assert!(alerts[0].is_sensitive() && alerts[0].facts.is_some() && alerts[0].age == Age::Before);
    // Not while it is in doubt again.
    run.watch("ann", ANN, Ownership::Claimed);
    assert!(run.alerts().is_empty());
    assert_eq!(
        run.watch("ann", ANN, Ownership::Proven),
        Watching::Owner { released: 0 }
    );
    assert_eq!(run.alerts(), alerts);
    // And not by whom the address has gone to since.
    run.watch("ann", "m@evil.example", Ownership::Proven);
    assert!(run.alerts().is_empty());
    run.watch("ann", ANN, Ownership::Proven);
    run.until_idle();
    assert_eq!(run.told(), ["Secret"]);
    run.after(40 * DAY);
    assert!(run.told().is_empty());
}

#[test]
fn of_a_breach_that_nobody_knows_it_is_not_known_whether_it_is_sensitive() {
    let fake = Fake::new(World::new().in_breaches(ANN, &["Unheard"]));
    let mut run = run(&fake);
    run.watch("ann", ANN, Ownership::Claimed);
    run.until_idle();
    assert!(run.told().is_empty());
    run.watch("ann", ANN, Ownership::Proven);
    assert!(run.alerts()[0].facts.is_none());
    assert_eq!(run.told(), ["Unheard"]);
}

#[test]
fn kinds_are_told_as_they_are_or_left_out() {
    let world = World::new()
        .with("Rumour", "2015-01-01T00:00:00Z", Some("IsVerified"))
        .with("Invented", "2015-01-02T00:00:00Z", Some("IsFabricated"))
        .with("Spam", "2015-01-03T00:00:00Z", Some("IsSpamList"))
        .in_breaches(ANN, &["Rumour", "Invented", "Spam"]);
    let fake = Fake::new(world);
    let store = Memory::new();
    let mut first = Run::new(&store, client(&fake), Settings::default());
    first.watch("ann", ANN, Ownership::Proven);
    first.until_idle();
    let alerts = first.alerts();
    assert!(!alerts[0].facts.as_ref().unwrap().is_verified);
    assert_eq!(first.told(), ["Rumour"]);
    // What was left out is told once it is wanted.
    let mut settings = Settings::default();
    (settings.fabricated, settings.spam_lists) = (Telling::Told, Telling::Told);
    let mut second = Run::new(&store, client(&fake), settings);
    second.now = first.now;
    second.after(40 * DAY);
    let facts: Vec<_> = second
        .alerts()
        .into_iter()
        .map(|alert| alert.facts.unwrap())
        .collect();
    assert!(facts[0].is_fabricated && facts[1].is_spam_list);
    assert_eq!(second.told(), ["Invented", "Spam"]);
}

#[test]
fn another_address_is_asked_about_and_what_was_told_is_not_told_again() {
    let fake = Fake::new(world().in_breaches("ann@new.example", &["Adobe", "Linked", "Third"]));
    fake.0
        .lock()
        .unwrap()
        .add("Third", "2010-01-01T00:00:00Z", None);
    let mut run = run(&fake);
    run.watch("ann", ANN, Ownership::Proven);
    run.until_idle();
    assert_eq!(run.told(), ["Adobe", "Linked"]);
    assert_eq!(
        run.watch("ann", "ann@new.example", Ownership::Proven),
        Watching::Moved
    );
    run.until_idle();
    let alerts = run.alerts();
    assert_eq!(
        (alerts[0].address.as_str(), alerts[0].age),
        ("ann@new.example", Age::Before)
    );
    assert_eq!(run.told(), ["Third"]);
    fake.asked();
    run.after(40 * DAY);
    let old = format!("/api/v3/breachedaccount/range/{}", &sha1(ANN)[..6]);
    assert!(!fake.asked().contains(&old));
}

#[test]
fn what_came_for_an_address_that_the_user_has_no_more_is_dropped() {
    // While the service is asked about one address, the user gets another one.
    struct Moves {
        fake: Fake,
        store: std::sync::Arc<Memory>,
        done: std::sync::atomic::AtomicBool,
    }
    impl Http for Moves {
        async fn send(
            &self,
            request: http::Request<()>,
            limit: usize,
        ) -> Result<breach_check::Answer, breach_check::HttpFault> {
            if request.uri().path().contains("/range/")
                && !self.done.swap(true, std::sync::atomic::Ordering::SeqCst)
            {
                let other =
                    Monitor::new(&*self.store, client(&self.fake), key(), Settings::default());
                let clean = address("clean@example.org");
                let moved = other.unwrap();
                moved
                    .watch(&user("ann"), &clean, Ownership::Proven, at(1))
                    .await
                    .unwrap();
            }
            self.fake.send(request, limit).await
        }
    }
    let store = std::sync::Arc::new(Memory::new());
    let fake = Fake::new(world());
    let moves = Moves {
        fake: fake.clone(),
        store: store.clone(),
        done: false.into(),
    };
    let base = "https://breaches.example/api/v3";
    let mut run = Run::new(
        store,
        Client::new(moves, service(base)),
        Settings::default(),
    );
    run.watch("ann", ANN, Ownership::Proven);
    run.until_idle();
    assert!(run.told().is_empty());
    let asked = fake.asked();
    let new = format!(
        "/api/v3/breachedaccount/range/{}",
        &sha1("clean@example.org")[..6]
    );
    assert!(asked.contains(&new), "{asked:?}");
}

fn records(store: &impl Records, now: SystemTime) -> Vec<(String, Vec<u8>)> {
    let page = block_on(store.scan(&Prefix::all(), None, 1000, now)).unwrap();
    let one = |(key, found): (record_store::Key, record_store::Versioned)| {
        (
            key.namespace().to_owned(),
            [key.as_bytes(), found.value().unwrap()].concat(),
        )
    };
    page.entries.into_iter().map(one).collect()
}

#[test]
fn who_is_removed_leaves_nothing_and_is_new_when_added_again() {
    let fake = Fake::new(world());
    let mut run = run(&fake);
    run.watch("ann", ANN, Ownership::Proven);
    run.watch("bob", "bob@example.org", Ownership::Proven);
    run.until_idle();
    assert_eq!(run.alerts().len(), 2);
    block_on(run.monitor.remove(&user("ann"), run.now)).unwrap();
    block_on(run.monitor.remove(&user("ann"), run.now)).unwrap();
    assert!(run.alerts().is_empty());
    run.after(40 * DAY);
    assert!(run.alerts().is_empty());
    block_on(run.monitor.remove(&user("bob"), run.now)).unwrap();
    run.watch("ann", ANN, Ownership::Proven);
    run.until_idle();
    assert_eq!(run.told(), ["Adobe", "Linked"]);
}

#[test]
fn no_address_stands_in_a_key_and_a_removed_user_is_nowhere() {
    let store = Memory::new();
    let fake = Fake::new(world());
    let mut run = Run::new(&store, client(&fake), Settings::default());
    run.watch("ann@id.example", ANN, Ownership::Proven);
    run.until_idle();
    let page = block_on(store.scan(&Prefix::all(), None, 1000, run.now)).unwrap();
    let of_user = ["breach-user", "breach-alert", "breach-at"];
    for namespace in of_user {
        assert!(
            page.entries
                .iter()
                .any(|(key, _)| key.namespace() == namespace),
            "{namespace}"
        );
    }
    for (key, _) in &page.entries {
        let shown = key.as_bytes().escape_ascii().to_string();
        for secret in ["ann", "example", "org"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    block_on(run.monitor.remove(&user("ann@id.example"), run.now)).unwrap();
    for (namespace, octets) in records(&store, run.now) {
        assert!(!of_user.contains(&&*namespace), "{namespace}");
        assert!(!octets.windows(3).any(|some| some == b"ann"), "{namespace}");
    }
}
