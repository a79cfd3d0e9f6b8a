//! The calls, against a service on loopback: what is sent, what is understood, and that nothing broken means "in no breach".
#![allow(clippy::unwrap_used)]

mod v3;

use std::time::Duration;

use breach_check::addresses::{Address, BreachName, Client, Domain, Error, Feature, Plan};
use breach_check::{Answer, End, HttpFault};
use pollster::block_on;
use v3::tcp::{Server, Tcp};
use v3::{AGENT, Fault, KEY, World, address, service, sha1};

const ANN: &str = "ann@example.org";

fn world() -> World {
    let world = World::new().with("Linked", "2016-05-21T21:35:40Z", None);
    world.in_breaches(ANN, &["Adobe", "Linked"])
}

fn client(server: &Server) -> Client<Tcp> {
    Client::new(Tcp { adds: "" }, service(&server.base()))
}

fn names(names: &[&str]) -> Vec<BreachName> {
    names
        .iter()
        .map(|name| BreachName::new(name).unwrap())
        .collect()
}

fn plan(client: &Client<Tcp>) -> Plan {
    block_on(client.plan()).unwrap()
}

/// What of an address was sent: as it is, any part of it, or more than six characters of its hash.
fn leak(sent: &str, of: &Address) -> Option<String> {
    let sent = sent.to_lowercase();
    let hash = sha1(of.as_str()).to_lowercase();
    let whole = [of.as_str(), of.local(), of.domain(), "%40", &hash[..7]];
    let found = whole.iter().find(|part| sent.contains(**part));
    // The six characters stand in a path of their own.
    let paths = sent
        .lines()
        .filter_map(|line| line.split(' ').nth(1).filter(|_| line.starts_with("get ")));
    let longer = paths
        .filter_map(|path| path.split_once("/range/"))
        .find(|(_, rest)| rest.len() != 6);
    found
        .map(|part| (*part).to_owned())
        .or_else(|| longer.map(|(_, rest)| rest.to_owned()))
}

#[test]
fn by_k_anonymity_six_characters_leave() {
    let server = Server::start(world());
    let client = client(&server);
    let plan = plan(&client);
    server.sent();
    let of = block_on(client.breaches_of(&plan, &address(" Ann@Example.ORG "))).unwrap();
    assert_eq!(of, names(&["Adobe", "Linked"]));
    let sent = server.sent();
    let prefix = &sha1(ANN)[..6];
    assert!(sent.starts_with(&format!(
        "GET /api/v3/breachedaccount/range/{prefix} HTTP/1.1\r\n"
    )));
    assert!(sent.contains(&format!("hibp-api-key: {KEY}\r\n")) && sent.contains(AGENT));
    assert_eq!(leak(&sent, &address(ANN)), None);
    // The strangers of its range say nothing of whoever is in no breach.
    let none = block_on(client.breaches_of(&plan, &address("bob@example.org"))).unwrap();
    assert!(none.is_empty());
    assert_eq!(leak(&server.sent(), &address("bob@example.org")), None);
}

#[test]
fn mutation_a_client_that_sends_more_is_found_out() {
    let server = Server::start(world());
    let plan = plan(&client(&server));
    server.sent();
    let more = Client::new(Tcp { adds: "7" }, service(&server.base()));
    let _ = block_on(more.breaches_of(&plan, &address(ANN)));
    assert!(leak(&server.sent(), &address(ANN)).is_some());
    let named = client(&server);
    block_on(named.breaches_of_by_name(&address(ANN))).unwrap();
    assert!(leak(&server.sent(), &address(ANN)).is_some());
    block_on(named.domain(&Domain::parse("example.org").unwrap())).unwrap_err();
    assert_eq!(leak(&server.sent(), &address(ANN)).unwrap(), "example.org");
}

#[test]
fn each_call_asks_for_its_path_and_understands_the_answer() {
    let mut known = world();
    known.stealer_logs = true;
    known.domains = vec!["example.org".to_owned()];
    let server = Server::start(known);
    let client = client(&server);
    let (ann, domain) = (address(ANN), Domain::parse("example.org").unwrap());
    let plan = plan(&client);
    assert_eq!(
        (plan.rpm, plan.k_anonymity, plan.stealer_logs),
        (60, true, true)
    );
    assert_eq!((&*plan.name, plan.domains), ("Pro 2", None));
    assert_eq!(
        block_on(client.breaches_of_by_name(&ann)).unwrap(),
        names(&["Adobe", "Linked"])
    );
    assert!(
        block_on(client.breaches_of_by_name(&address("a/..@b.c")))
            .unwrap()
            .is_empty()
    );
    let found = block_on(client.domain(&domain)).unwrap();
    assert_eq!(found.of("ann"), ["Adobe", "Linked"]);
    assert!(found.of("bob").is_empty() && found.iter().count() == 1);
    let all = block_on(client.subscribed_domains()).unwrap();
    assert_eq!((all.len(), &all[0].domain), (1, &domain));
    let logs = block_on(client.stealer_logs_by_name(&plan, &ann)).unwrap();
    assert_eq!(logs, ["of ann@example.org"]);
    let logs = block_on(client.stealer_logs_by_email_domain(&plan, &domain)).unwrap();
    assert_eq!(logs.of("ann"), ["site.example"]);
    let logs = block_on(client.stealer_logs_by_website_domain(&plan, &domain)).unwrap();
    assert_eq!(logs, ["of example.org"]);
    server.sent();
    let latest = block_on(client.latest_breach()).unwrap();
    assert_eq!(
        (latest.name.as_str(), &*latest.title),
        ("Linked", "Linked & Sons")
    );
    assert_eq!(latest.data_classes, ["Email addresses", "Passwords"]);
    assert!(latest.is_verified && !latest.is_sensitive && latest.accounts == 17);
    assert_eq!(block_on(client.breaches()).unwrap().len(), 2);
    assert_eq!(block_on(client.breach(&latest.name)).unwrap(), Some(latest));
    let none = BreachName::new("../x").unwrap();
    assert_eq!(block_on(client.breach(&none)).unwrap(), None);
    // These need no key, and get none.
    assert!(!server.sent().contains(KEY));
    let asked = std::mem::take(&mut server.world.lock().unwrap().asked);
    let expected = [
        "subscription/status",
        "breachedaccount/ann%40example%2Eorg",
        "breachedaccount/a%2F%2E%2E%40b%2Ec",
        "breacheddomain/example.org",
        "subscribeddomains",
        "stealerlogsbyemail/ann%40example%2Eorg",
        "stealerlogsbyemaildomain/example.org",
        "stealerlogsbywebsitedomain/example.org",
        "latestbreach",
        "breaches",
        "breach/Linked",
        "breach/%2E%2E%2Fx",
    ];
    assert_eq!(asked, expected.map(|path| format!("/api/v3/{path}")));
}

#[test]
fn what_the_plan_lacks_is_not_asked_for() {
    let mut known = world();
    known.k_anonymity = false;
    let server = Server::start(known);
    let client = client(&server);
    let plan = plan(&client);
    server.sent();
    let (ann, domain) = (address(ANN), Domain::parse("example.org").unwrap());
    let lacks = |feature| Some(Error::PlanLacks(feature));
    assert_eq!(
        block_on(client.breaches_of(&plan, &ann)).err(),
        lacks(Feature::KAnonymity)
    );
    let logs = lacks(Feature::StealerLogs);
    assert_eq!(
        block_on(client.stealer_logs_by_name(&plan, &ann)).err(),
        logs
    );
    assert_eq!(
        block_on(client.stealer_logs_by_email_domain(&plan, &domain)).err(),
        logs
    );
    assert_eq!(
        block_on(client.stealer_logs_by_website_domain(&plan, &domain)).err(),
        logs
    );
    assert_eq!(server.sent(), "");
    assert!(!Error::PlanLacks(Feature::KAnonymity).is_temporary());
}

#[test]
fn nothing_broken_means_in_no_breach() {
    let server = Server::start(world());
    let client = client(&server);
    let (plan, ann) = (plan(&client), address(ANN));
    let hour = Some(Duration::from_secs(3600));
    let http = Error::Http;
    for (fault, error) in [
        (Fault::Status(401, None), Error::Key),
        (Fault::Status(403, None), Error::Forbidden),
        (
            Fault::Status(429, Some(3600)),
            Error::TooMany { retry_after: hour },
        ),
        (
            Fault::Status(429, None),
            Error::TooMany { retry_after: None },
        ),
        (
            Fault::Status(503, Some(3600)),
            Error::Away {
                status: 503,
                retry_after: hour,
            },
        ),
        (
            Fault::Status(500, None),
            Error::Away {
                status: 500,
                retry_after: None,
            },
        ),
        (Fault::Status(301, None), Error::Status { status: 301 }),
        (Fault::Status(400, None), Error::Status { status: 400 }),
        (Fault::Status(204, None), Error::Status { status: 204 }),
        (Fault::Short, http(HttpFault::Unreachable)),
        (Fault::Slow, http(HttpFault::TimedOut)),
        (
            Fault::Long,
            http(HttpFault::TooLong {
                most: 8 * 1024 * 1024,
            }),
        ),
        (Fault::Cut, Error::Unfinished),
        (Fault::Closed, Error::Unfinished),
        (Fault::Broken, Error::Malformed),
        (Fault::Other, Error::Malformed),
    ] {
        server.world.lock().unwrap().faults.push_back(Some(fault));
        let came = block_on(client.breaches_of(&plan, &ann));
        assert_eq!(came.err(), Some(error), "{fault:?}");
    }
    assert_eq!(block_on(client.breaches_of(&plan, &ann)).unwrap().len(), 2);
    // No server at all.
    let nobody = Client::new(Tcp { adds: "" }, service("http://127.0.0.1:1/api/v3"));
    assert_eq!(
        block_on(nobody.plan()).err(),
        Some(http(HttpFault::Unreachable))
    );
}

fn answer(status: u16, body: &str) -> Answer {
    let response = http::Response::builder().status(status);
    Answer::new(
        response.body(body.as_bytes().to_vec()).unwrap(),
        End::Length,
    )
}

#[test]
fn what_is_not_as_the_service_writes_it_is_malformed() {
    let service = service("https://breaches.example/api/v3");
    let call = service.plan();
    let plan = call
        .read(&answer(200, r#"{"SubscriptionName":"x","Rpm":10}"#))
        .unwrap();
    // What is not said is not had.
    assert!(!plan.k_anonymity && !plan.stealer_logs);
    assert!(
        call.read(&answer(200, r#"{"SubscriptionName":"x"}"#))
            .is_err()
    );
    assert_eq!(
        call.read(&answer(404, "")).err(),
        Some(Error::Status { status: 404 })
    );
    let plan = call.read(&answer(
        200,
        r#"{"SubscriptionName":"x","Rpm":10,"IncludesKAnon":true}"#,
    ));
    let ann = address(ANN);
    let (prefix, suffix) = (ann.range(), sha1(ANN)[6..].to_owned());
    let range = service.range(&plan.unwrap(), prefix).unwrap();
    for bad in [
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
        "[".to_owned(),
        r#"[{"hashSuffix":"00"}]"#.to_owned(),
        r#"[{"hashSuffix":"00","websites":[]}]"#.to_owned(),
        format!(r#"[{{"hashSuffix":"{}Z","websites":["A"]}}]"#, &suffix[1..]),
        format!(r#"[{{"hashSuffix":"{suffix}","websites":[""]}}]"#),
        format!(r#"[{{"hashSuffix":"{suffix}","websites":["a\nb"]}}]"#),
        format!(r#"[{{"hashSuffix":"{suffix}","websites":["A"]}}] x"#),
        "[".repeat(100_000),
    ] {
        assert!(
            matches!(range.read(&answer(200, &bad)), Err(Error::Malformed)),
            "{bad:.80}"
        );
    }
    // One that is there twice is in both; letter case does not matter.
    let lower = suffix.to_lowercase();
    let twice = format!(
        r#"[{{"hashSuffix":"{suffix}","websites":["A"]}},{{"hashSuffix":"{lower}","websites":["B"]}}]"#
    );
    let read = range.read(&answer(200, &twice)).unwrap();
    assert_eq!(read.of(&ann.hash()), Some(&names(&["A", "B"])[..]));
    assert!(range.read(&answer(404, "")).unwrap().is_empty());
    // About another range it says nothing.
    assert_eq!(read.of(&address("x@example.org").hash()), None);
    let domain = service.domain(&Domain::parse("example.org").unwrap());
    let read = domain
        .read(&answer(200, r#"{"Ann":["A"],"ann":["B"]}"#))
        .unwrap();
    assert_eq!(read.of("ann"), ["A", "B"]);
    assert!(
        !format!("{read:?} {domain:?}")
            .to_lowercase()
            .contains("ann")
    );
    // Whether a breach is sensitive must be said.
    let unsaid = r#"{"Name":"A","Title":"A"}"#;
    assert_eq!(
        service.latest_breach().read(&answer(200, unsaid)).err(),
        Some(Error::Malformed)
    );
    let said = r#"{"Name":"A","Title":"a\u0007b","IsSensitive":true}"#;
    let read = service.latest_breach().read(&answer(200, said)).unwrap();
    assert!(read.is_sensitive && read.title == "a b");
    let mut coded = answer(200, said);
    coded
        .response
        .headers_mut()
        .insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(
        service.latest_breach().read(&coded).err(),
        Some(Error::Malformed)
    );
}

#[test]
fn a_key_goes_over_https_or_stays_here() {
    use breach_check::addresses::{ApiKey, NotAService, Service};
    let make = |base: &str, agent: &str| Service::new(base, ApiKey::new(KEY).unwrap(), agent);
    for base in [
        "https://breaches.example/api/v3/",
        "http://127.0.0.1:8080",
        "http://[::1]/api/v3",
    ] {
        assert!(make(base, AGENT).is_ok(), "{base}");
    }
    for base in [
        "http://breaches.example/api/v3",
        "http://127.0.0.1.example/",
        "http://localhost/",
        "ftp://127.0.0.1/",
        "/api/v3",
        "https://a.example/?x",
        "https://ann@a.example/",
        "",
    ] {
        assert_eq!(make(base, AGENT).err(), Some(NotAService::Base), "{base}");
    }
    assert_eq!(
        make("https://a.example", "").err(),
        Some(NotAService::UserAgent)
    );
    assert_eq!(
        make("https://a.example", "a\nb").err(),
        Some(NotAService::UserAgent)
    );
    assert_eq!(ApiKey::new("a b").err(), Some(NotAService::Key));
    let made = make("https://a.example", AGENT).unwrap();
    assert!(!format!("{made:?} {:?}", made.plan()).contains(KEY));
    assert!(made.plan().request().headers()["hibp-api-key"].is_sensitive());
}
