//! What is published is what senders find.
#![allow(missing_docs, clippy::unwrap_used)]

use http::{Method, Request, Response};
use mail_dns::{Name, Zone};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;
use tls_policy::sts::{
    Discovery, Found, MAX_AGE, MAX_MX, Mode, Need, Pattern, Policy, PolicyError, Publication,
    PublicationError, Record,
};

const PATH: &str = "https://mta-sts.example.org/.well-known/mta-sts.txt";
const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

fn policy(mode: Mode, hosts: &[&str], max_age: Duration) -> Policy {
    let hosts = hosts.iter().map(|host| host.parse().unwrap());
    Policy::new(mode, hosts, max_age).unwrap()
}

/// What a sender finds.
fn found(publication: &Publication, domain: &Name) -> Found {
    let name = publication.record_name(domain).unwrap().to_string();
    let zone = Zone::new()
        .txt(&name, &publication.record().to_string())
        .unwrap();
    let mut discovery = Discovery::new(domain).unwrap();
    let Need::Dns(query) = discovery.need() else {
        panic!()
    };
    let answer = zone.answer(query);
    discovery.dns(&answer);
    let Need::Http(request) = discovery.need() else {
        panic!("no record")
    };
    let host = publication.host(domain).unwrap().to_string();
    assert_eq!(request.uri().host(), Some(&*host));
    let response = publication.respond(request);
    discovery.http(Ok(&response));
    discovery.finish()
}

fn label() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9]([a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?"
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let name = prop::collection::vec(label(), 1..5).prop_map(|labels| labels.join("."));
    (any::<bool>(), name).prop_map(|(wildcard, name)| {
        let wildcard = if wildcard { "*." } else { "" };
        format!("{wildcard}{name}").parse().unwrap()
    })
}

prop_compose! {
    fn policies()(
        mode in prop_oneof![Just(Mode::Enforce), Just(Mode::Testing), Just(Mode::None)],
        hosts in prop::collection::vec(pattern(), 1..20),
        max_age in 24 * 3600..40_000_000_u64,
    ) -> Policy {
        Policy::new(mode, hosts, Duration::from_secs(max_age)).unwrap()
    }
}

proptest! {
    #[test]
    fn what_is_published_is_found(policy in policies()) {
        let domain = "example.org".parse().unwrap();
        let publication = Publication::new(policy.clone()).unwrap();
        let Found::Policy { id, policy: got } = found(&publication, &domain) else {
            panic!("{publication:?}")
        };
        prop_assert_eq!(&got, &policy);
        prop_assert_eq!(&*id, publication.record().id());
        prop_assert!(publication.file().ends_with("\r\n"));
        prop_assert_eq!(publication.file().matches('\n').count(), publication.file().matches("\r\n").count());
        // Mutation: a file that somebody has cut is not what was published.
        let at = publication.file().len() - 4;
        prop_assert_ne!(publication.file()[..at].parse::<Policy>().ok(), Some(policy));
    }
}

/// One thing is another: the id tells.
#[test]
fn another_policy_has_another_id_and_the_same_the_same() {
    let hosts: [&[&str]; 4] = [
        &["a.example"],
        &["b.example"],
        &["a.example", "b.example"],
        &["*.example"],
    ];
    let mut seen = HashMap::new();
    for mode in [Mode::Enforce, Mode::Testing, Mode::None] {
        for hosts in hosts {
            for days in 1..40 {
                let policy = policy(mode, hosts, Duration::from_secs(days * 24 * 3600));
                let publication = Publication::new(policy.clone()).unwrap();
                let id = publication.record().id().to_owned();
                assert!(Record::new(&id).is_ok() && id.len() == 32, "{id}");
                assert_eq!(Publication::new(policy.clone()).unwrap(), publication);
                assert_eq!(seen.insert(id, policy), None);
            }
        }
    }
    assert_eq!(seen.len(), 3 * 4 * 39);
    let id = Record::new("20270115").unwrap();
    let given = policy(Mode::Enforce, &["a.example"], WEEK);
    let given = Publication::with_record(given, id.clone()).unwrap();
    assert_eq!(given.record(), &id);
}

#[test]
fn what_senders_would_not_read_or_not_keep_is_not_published() {
    let day = Duration::from_secs(Publication::LEAST_AGE);
    let second = Duration::from_secs(1);
    for (mode, max_age, error) in [
        (Mode::Enforce, Duration::ZERO, Some(PublicationError::Age)),
        (Mode::Enforce, day - second, Some(PublicationError::Age)),
        (Mode::Testing, day - second, Some(PublicationError::Age)),
        (Mode::Enforce, day, None),
        (Mode::None, Duration::ZERO, None),
        (Mode::Enforce, 2 * MAX_AGE, None),
    ] {
        let made = Publication::new(policy(mode, &["mx.example.org"], max_age));
        assert_eq!(made.err(), error, "{mode} {max_age:?}");
    }
    // A thousand hosts with long names are a policy, but no file that anybody reads.
    let long = |at: usize| {
        format!("{at:04}.{}.example", "a".repeat(63))
            .parse::<Pattern>()
            .unwrap()
    };
    let many = |count| Policy::new(Mode::Enforce, (0..count).map(long), WEEK).unwrap();
    let too_long = PublicationError::Policy(PolicyError::TooLong);
    assert_eq!(Publication::new(many(MAX_MX)).err(), Some(too_long));
    // Mutation: of half as many it is one.
    assert!(Publication::new(many(MAX_MX / 2)).is_ok());
    assert_eq!(
        too_long.to_string(),
        "senders would not read it: policy of more than 65536 octets"
    );
}

#[test]
fn only_the_file_is_served_and_never_a_redirect() {
    let publication = Publication::new(policy(Mode::Enforce, &["mx.example.org"], WEEK)).unwrap();
    let ask = |method: Method, uri: &str| -> Response<Vec<u8>> {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        publication.respond(&request)
    };
    let good = ask(Method::GET, PATH);
    assert_eq!(
        (good.status().as_u16(), &good.body()[..]),
        (200, publication.file().as_bytes())
    );
    let head = ask(Method::HEAD, PATH);
    assert_eq!((head.status().as_u16(), head.body().len()), (200, 0));
    assert_eq!(head.headers(), good.headers());
    assert_eq!(
        good.headers()["content-length"],
        good.body().len().to_string()
    );
    // A query is not part of the path.
    assert_eq!(ask(Method::GET, "/.well-known/mta-sts.txt?x").status(), 200);
    for path in [
        "/",
        "/.well-known/",
        "/.well-known/mta-sts.txt/",
        "/.well-known/MTA-STS.txt",
        "//.well-known/mta-sts.txt",
        "/%2ewell-known/mta-sts.txt",
        "/.well-known/../mta-sts.txt",
    ] {
        let answer = ask(Method::GET, path);
        assert_eq!(
            (answer.status().as_u16(), answer.body().len()),
            (404, 0),
            "{path}"
        );
    }
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::CONNECT,
    ] {
        let answer = ask(method, PATH);
        assert_eq!((answer.status().as_u16(), answer.body().len()), (405, 0));
        assert_eq!(answer.headers()["allow"], "GET, HEAD");
    }
}

#[test]
fn names_that_have_no_room() {
    let label = "a".repeat(63);
    let long = [&*label, &*label, &*label, &"a".repeat(55)].join(".");
    let publication = Publication::new(policy(Mode::None, &[], WEEK)).unwrap();
    let long: Name = long.parse().unwrap();
    assert!(publication.record_name(&long).is_err() && publication.host(&long).is_err());
}
