//! How the monitor asks: by which way, how often, and what it makes of a service that fails; on memory, and on SQLite with a
//! service on loopback.
#![cfg(feature = "store")]
#![allow(clippy::unwrap_used)]

mod v3;

use breach_check::addresses::{self, Client};
use breach_check::monitor::{Age, Error, Monitor, Ownership, Settings, Step, WholeAddresses};
use pollster::block_on;
use record_store::{Memory, Sqlite};
use v3::run::{ANN, DAY, Run, key, run, user, world};
use v3::tcp::{Server, Tcp};
use v3::{Fake, Fault, World, address, at, client, service, sha1};

#[test]
fn own_domains_are_searched_whole_and_others_by_range() {
    let mut known = world().in_breaches("bob@example.org", &["Linked"]);
    known.domains = vec!["example.org".to_owned(), "unused.example".to_owned()];
    known.put("eve@other.example", &["Adobe"]);
    let fake = Fake::new(known);
    let mut run = run(&fake);
    for (id, text) in [
        ("ann", ANN),
        ("bob", "bob@example.org"),
        ("eve", "eve@other.example"),
    ] {
        run.watch(id, text, Ownership::Proven);
    }
    run.until_idle();
    let by_user = |run: &Run<_, _>, id: &str| {
        block_on(Monitor::next_alerts(
            &run.monitor,
            Some(&user(id)),
            None,
            run.now,
        ))
        .unwrap()
        .len()
    };
    assert_eq!(
        (
            by_user(&run, "ann"),
            by_user(&run, "bob"),
            by_user(&run, "eve")
        ),
        (2, 1, 1)
    );
    let eve = format!(
        "/api/v3/breachedaccount/range/{}",
        &sha1("eve@other.example")[..6]
    );
    let about = |asked: Vec<String>| -> Vec<String> {
        let mut about: Vec<_> = asked
            .into_iter()
            .filter(|path| path.contains("breached"))
            .collect();
        about.sort();
        about
    };
    let expected = vec![eve.clone(), "/api/v3/breacheddomain/example.org".to_owned()];
    assert_eq!(about(fake.asked()), expected);
    run.after(40 * DAY);
    assert_eq!(about(fake.asked()), expected);
    // The service lists the domain, and refuses it: then by range, and the operator is told once a day.
    fake.0
        .lock()
        .unwrap()
        .add("Newer", "2027-01-16T00:00:00Z", None);
    let mut faults = vec![None; 4];
    faults.push(Some(Fault::Status(403, None)));
    fake.0.lock().unwrap().faults = faults.into();
    let did = run.after(2 * DAY);
    let asked = fake.asked();
    let ann = format!("/api/v3/breachedaccount/range/{}", &sha1(ANN)[..6]);
    assert!(asked.contains(&ann), "{asked:?}");
    assert!(
        asked
            .iter()
            .any(|path| path.ends_with("breacheddomain/example.org"))
    );
    assert!(
        did.iter()
            .any(|one| matches!(one, Err(Error::Service(addresses::Error::Forbidden))))
    );
}

#[test]
fn without_k_anonymity_nothing_is_sent_and_the_operator_is_told() {
    let mut known = world();
    known.k_anonymity = false;
    let fake = Fake::new(known);
    let store = Memory::new();
    let mut run = Run::new(&store, client(&fake), Settings::default());
    run.watch("ann", ANN, Ownership::Proven);
    run.watch("bob", "bob@example.org", Ownership::Proven);
    let did = run.until_idle();
    assert!(
        did.iter()
            .any(|one| matches!(one, Ok(Step::PlanLacks { users: 2 }))),
        "{did:?}"
    );
    let did = run.after(40 * DAY);
    assert!(
        did.iter()
            .any(|one| matches!(one, Ok(Step::PlanLacks { users: 2 }))),
        "{did:?}"
    );
    let status = block_on(run.monitor.status(run.now)).unwrap();
    assert_eq!(
        (status.lacking, status.k_anonymity, status.rpm),
        (2, false, 60)
    );
    assert!(!fake.asked().iter().any(|path| path.contains("breached")));
    assert!(run.told().is_empty());
    // Who says so by name has whole addresses sent.
    let mut settings = Settings::default();
    settings.whole_addresses = WholeAddresses::Send;
    let mut named = Run::new(&store, client(&fake), settings);
    named.now = run.now;
    named.after(40 * DAY);
    assert!(
        fake.asked()
            .contains(&"/api/v3/breachedaccount/ann%40example%2Eorg".to_owned())
    );
    assert_eq!(named.told(), ["Adobe", "Linked"]);
    // A better plan is found out within a day or so, and who was not asked about is.
    let (store, now) = (Memory::new(), named.now);
    let mut run = Run::new(&store, client(&fake), Settings::default());
    run.now = now;
    run.watch("ann", ANN, Ownership::Proven);
    run.until_idle();
    fake.0.lock().unwrap().k_anonymity = true;
    run.after(2 * DAY);
    assert_eq!(run.told(), ["Adobe", "Linked"]);
}

#[test]
fn requests_keep_the_pace_of_the_plan_on_all_servers_together() {
    let mut known = World::new();
    known.rpm = 30;
    for n in 0..30 {
        known.put(&format!("u{n}@example.org"), &["Adobe"]);
    }
    let fake = Fake::new(known);
    let store = Memory::new();
    let servers: Vec<_> = (0..3)
        .map(|_| Monitor::new(&store, client(&fake), key(), Settings::default()).unwrap())
        .collect();
    for n in 0..30 {
        let (id, text) = (
            user(&format!("u{n}")),
            address(&format!("u{n}@example.org")),
        );
        block_on(servers[0].watch(&id, &text, Ownership::Proven, at(0))).unwrap();
    }
    let (mut when, mut alerts) = (Vec::new(), 0);
    for second in 0..200 {
        for server in &servers {
            match block_on(server.step(at(second))).unwrap() {
                Step::Waited(until) => assert!(until > at(second)),
                Step::Alerted(more) => alerts += more,
                _ => {}
            }
            when.extend(fake.asked().iter().map(|_| second));
        }
    }
    assert_eq!((alerts, when.len()), (30, 34));
    assert!(when.windows(2).all(|two| two[1] - two[0] == 2), "{when:?}");
    // Until the plan is known, ten a minute.
    let fake = Fake::new(World::new());
    let mut one = Run::new(Memory::new(), client(&fake), Settings::default());
    fake.0.lock().unwrap().faults = [Some(Fault::Status(429, Some(1)))].into();
    assert_eq!(one.step().unwrap(), Step::Waited(at(1)));
    one.now = at(1);
    assert_eq!(one.step().unwrap(), Step::Waited(at(6)));
}

#[test]
fn too_many_requests_move_the_next_one_for_all() {
    let fake = Fake::new(world());
    let store = Memory::new();
    let mut one = Run::new(&store, client(&fake), Settings::default());
    let mut other = Run::new(&store, client(&fake), Settings::default());
    one.watch("ann", ANN, Ownership::Proven);
    fake.0.lock().unwrap().faults = [Some(Fault::Status(429, Some(120)))].into();
    assert_eq!(one.step().unwrap(), Step::Waited(at(120)));
    assert_eq!(other.step().unwrap(), Step::Waited(at(120)));
    other.now = at(119);
    assert_eq!(other.step().unwrap(), Step::Waited(at(120)));
    other.now = at(120);
    assert_eq!(other.step().unwrap(), Step::Asked);
    other.until_idle();
    assert_eq!(other.told(), ["Adobe", "Linked"]);
}

#[test]
fn failures_are_told_and_waited_out_and_never_mean_that_nothing_was_found() {
    for fault in [
        Fault::Status(401, None),
        Fault::Status(403, None),
        Fault::Status(404, None),
        Fault::Status(500, None),
        Fault::Status(503, Some(300)),
        Fault::Short,
        Fault::Cut,
        Fault::Slow,
        Fault::Broken,
        Fault::Long,
        Fault::Other,
        Fault::Closed,
    ] {
        // At each of the five requests in turn.
        for number in 0..5 {
            if number == 4 && matches!(fault, Fault::Status(404 | 403, _)) {
                // With 404 the service says that there is none; 403 is another test's.
                continue;
            }
            if number == 1 && matches!(fault, Fault::Status(404, _)) {
                continue;
            }
            let fake = Fake::new(world());
            let mut run = run(&fake);
            run.watch("ann", ANN, Ownership::Proven);
            let mut faults = vec![None; number];
            faults.extend([Some(fault), Some(fault)]);
            fake.0.lock().unwrap().faults = faults.into();
            let did = run.until_idle();
            let failed = did
                .iter()
                .filter(|one| matches!(one, Err(Error::Service(_))))
                .count();
            assert_eq!(failed, 2, "{fault:?} {number} {did:?}");
            assert_eq!(run.told(), ["Adobe", "Linked"], "{fault:?} {number}");
        }
    }
}

#[test]
fn one_user_about_whom_there_is_no_answer_does_not_stop_the_others() {
    let fake = Fake::new(world().in_breaches("bob@example.org", &["Adobe"]));
    let mut run = run(&fake);
    run.watch("ann", ANN, Ownership::Proven);
    run.watch("bob", "bob@example.org", Ownership::Proven);
    run.until_idle();
    run.told();
    {
        let mut world = fake.0.lock().unwrap();
        world.add("Newer", "2027-01-16T00:00:00Z", None);
        world.put(ANN, &["Newer"]);
        world.put("bob@example.org", &["Newer"]);
        // The plan, its domains, the newest breach and the list are sound; the first user's answer never is.
        let mut faults = vec![None; 4];
        faults.extend([Some(Fault::Broken); 4]);
        world.faults = faults.into();
    }
    let did = run.after(2 * DAY);
    assert_eq!(did.iter().filter(|one| one.is_err()).count(), 4, "{did:?}");
    assert_eq!(run.told(), ["Newer"]);
    // The one left out is asked about by the next full pass.
    run.after(40 * DAY);
    assert_eq!(run.told(), ["Newer"]);
}

#[test]
fn on_loopback_and_sqlite_six_characters_are_all_that_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let server = Server::start(world());
    let open = || {
        let store = Sqlite::open(&path).unwrap();
        let client = Client::new(Tcp { adds: "" }, service(&server.base()));
        Run::new(store, client, Settings::default())
    };
    let mut first = open();
    first.watch("ann", ANN, Ownership::Proven);
    first.until_idle();
    let alerts = first.alerts();
    let now = first.now;
    drop(first);
    // The program ends and starts again: what was not acknowledged is still there, and nobody is asked about anew.
    let sent = server.sent();
    let mut second = open();
    second.now = now;
    assert_eq!(second.until_idle().len(), 0);
    assert_eq!(second.alerts(), alerts);
    assert_eq!(server.sent(), "");
    assert_eq!(second.told(), ["Adobe", "Linked"]);
    let hash = sha1(ANN);
    assert!(sent.contains(&format!("/range/{} ", &hash[..6])) && !sent.contains(&hash[..7]));
    for part in ["ann", "example.org", "%40"] {
        assert!(!sent.contains(part), "{part}");
    }
    // Mutation: who sends whole addresses is seen to.
    let mut settings = Settings::default();
    settings.whole_addresses = WholeAddresses::Send;
    server.world.lock().unwrap().k_anonymity = false;
    let client = Client::new(Tcp { adds: "" }, service(&server.base()));
    let mut named = Run::new(Memory::new(), client, settings);
    named.watch("ann", ANN, Ownership::Proven);
    named.until_idle();
    assert!(server.sent().contains("ann%40example%2Eorg"));
}

#[test]
fn many_breaches_of_one_user_come_whole_and_in_order() {
    let mut known = World::new();
    let names: Vec<_> = (0..950).map(|n| format!("B{n:04}")).collect();
    for (n, name) in names.iter().enumerate() {
        known.add(
            name,
            &format!("2014-01-01T00:{:02}:{:02}Z", n / 60, n % 60),
            None,
        );
    }
    known.put(ANN, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let fake = Fake::new(known);
    let mut run = run(&fake);
    run.watch("ann", ANN, Ownership::Proven);
    let did = run.until_idle();
    assert!(
        did.iter().any(|one| matches!(one, Ok(Step::Alerted(950)))),
        "{did:?}"
    );
    let (mut told, mut after) = (Vec::new(), None);
    loop {
        let alerts = block_on(run.monitor.next_alerts(None, after.as_ref(), run.now)).unwrap();
        let Some(last) = alerts.last() else { break };
        after = Some(last.key.clone());
        assert!(alerts.iter().all(|alert| alert.age == Age::Before));
        told.extend(alerts.into_iter().map(|alert| alert.breach.to_string()));
    }
    assert_eq!(told, names);
    block_on(run.monitor.remove(&user("ann"), run.now)).unwrap();
    assert!(run.alerts().is_empty());
}
