//! Discovery of a policy, step by step: what RFC 8461 §3 accepts, and the many things that it does not.
#![allow(missing_docs, clippy::unwrap_used)]

use http::Response;
use mail_dns::{Failure, Name, Record as DnsRecord, Txt, Zone};
use tls_policy::StsFact;
use tls_policy::sts::{
    Discovery, FetchFailure, Found, MAX_POLICY, Need, PolicyError, RecordError, Trouble,
};
use tls_policy::tlsrpt::ResultType;

const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 86400\n";

fn domain() -> Name {
    "example.org".parse().unwrap()
}

fn zone(texts: &[&str]) -> Zone {
    texts.iter().fold(Zone::new(), |zone, text| {
        zone.txt("_mta-sts.example.org", text).unwrap()
    })
}

fn response(status: u16, media_type: &str, body: &str) -> Response<Vec<u8>> {
    let response = Response::builder().status(status);
    let response = match media_type {
        "" => response,
        media_type => response.header("Content-Type", media_type),
    };
    response.body(body.into()).unwrap()
}

/// Runs to the end; a machine that wants a third step is broken.
fn run(
    mut discovery: Discovery,
    zone: &Zone,
    response: Result<&Response<Vec<u8>>, FetchFailure>,
) -> (Found, bool) {
    let mut fetched = false;
    for _ in 0..3 {
        match discovery.need() {
            Need::Dns(query) => {
                let answer = zone.answer(query);
                discovery.dns(&answer);
            }
            Need::Http(request) => {
                assert_eq!(request.method(), "GET");
                assert!(!fetched, "fetches twice");
                fetched = true;
                discovery.http(response);
            }
            Need::Nothing => return (discovery.finish(), fetched),
        }
    }
    panic!("comes to no end");
}

fn found(texts: &[&str], response: Result<&Response<Vec<u8>>, FetchFailure>) -> (Found, bool) {
    run(Discovery::new(&domain()).unwrap(), &zone(texts), response)
}

#[test]
fn one_record_and_a_policy() {
    let ok = response(200, "text/plain", POLICY);
    for media_type in ["text/plain", "TEXT/Plain; charset=utf-8", "text/plain ;x=y"] {
        let ok = response(200, media_type, POLICY);
        let (found, _) = found(
            &["v=STSv1; id=1;", "another record", "v=STSv2; id=1"],
            Ok(&ok),
        );
        assert_eq!(found.fact("MX.example.org"), StsFact::Enforce, "{found:?}");
        assert_eq!(found.fact("mx.example.net"), StsFact::EnforceMismatch);
        assert!(!found.withdraws());
    }
    let mut zone = Zone::new();
    let parts = Txt::new([&b"v=STS"[..], b"v1; id", b"=1;"]);
    zone.insert(
        "_mta-sts.example.org".parse().unwrap(),
        DnsRecord::Txt(parts),
    );
    let (found, _) = run(Discovery::new(&domain()).unwrap(), &zone, Ok(&ok));
    assert!(matches!(found, Found::Policy { .. }), "{found:?}");
}

#[test]
fn without_exactly_one_good_record_there_is_no_policy_and_nothing_is_fetched() {
    let ok = response(200, "text/plain", POLICY);
    let cases: [(&[&str], Option<RecordError>); 5] = [
        (&[], None),
        (&["v=spf1 -all"], None),
        (&["v=STSv1; id=1;", "v=STSv1; id=2;"], None),
        (&["v=STSv1; id=1;", "v=STSv1; broken"], None),
        (&["v=STSv1; id=1-2;"], Some(RecordError::Id)),
    ];
    for (texts, why) in cases {
        let (found, fetched) = found(texts, Ok(&ok));
        assert_eq!(found, Found::NoRecord(why), "{texts:?}");
        assert_eq!(
            (found.fact("mx.example.org"), fetched),
            (StsFact::None, false)
        );
    }
}

#[test]
fn a_failed_look_up_is_not_a_missing_record() {
    let ok = response(200, "text/plain", POLICY);
    for failure in [Failure::Timeout, Failure::ServerFailure, Failure::Refused] {
        let mut zone = Zone::new();
        zone.fail("_mta-sts.example.org".parse().unwrap(), failure);
        let (found, fetched) = run(Discovery::new(&domain()).unwrap(), &zone, Ok(&ok));
        assert_eq!(
            (found.fact("mx.example.org"), fetched),
            (StsFact::Failed, false)
        );
    }
}

#[test]
fn what_is_not_the_policy_itself_is_refused() {
    let long = format!("{POLICY}{}", "\n".repeat(MAX_POLICY));
    let cases = [
        (response(301, "text/plain", POLICY), Trouble::Status(301)),
        (response(302, "text/plain", POLICY), Trouble::Status(302)),
        (response(304, "text/plain", POLICY), Trouble::Status(304)),
        (response(206, "text/plain", POLICY), Trouble::Status(206)),
        (response(201, "text/plain", POLICY), Trouble::Status(201)),
        (response(404, "text/plain", POLICY), Trouble::Status(404)),
        (response(500, "text/plain", POLICY), Trouble::Status(500)),
        (response(200, "text/html", POLICY), Trouble::MediaType),
        (response(200, "", POLICY), Trouble::MediaType),
        (response(200, "text/plainer", POLICY), Trouble::MediaType),
        (
            response(200, "application/octet-stream", POLICY),
            Trouble::MediaType,
        ),
        (
            response(200, "text/plain", &long),
            Trouble::Fetch(FetchFailure::TooLong),
        ),
        (
            response(200, "text/plain", "<html>"),
            Trouble::Policy(PolicyError::Line { line: 1 }),
        ),
        (
            response(200, "text/plain", ""),
            Trouble::Policy(PolicyError::Version),
        ),
    ];
    for (response, why) in cases {
        let (found, _) = found(&["v=STSv1; id=1;"], Ok(&response));
        let id = Some("1".into());
        assert_eq!(
            found,
            Found::Trouble {
                id,
                trouble: why.clone()
            }
        );
        assert_eq!(found.fact("mx.example.org"), StsFact::Failed);
        assert!(why.result_type().is_some() && !why.to_string().is_empty());
    }
    for why in [
        FetchFailure::Certificate,
        FetchFailure::Timeout,
        FetchFailure::Network,
    ] {
        let (found, _) = found(&["v=STSv1; id=1;"], Err(why));
        assert_eq!(found.fact("mx.example.org"), StsFact::Failed);
    }
    let invalid = Trouble::Fetch(FetchFailure::Certificate).result_type();
    assert_eq!(invalid, Some(ResultType::StsWebpkiInvalid));
}

#[test]
fn what_is_known_is_not_fetched_and_what_fails_is_spared() {
    let ok = response(200, "text/plain", POLICY);
    let with = |discovery: Discovery| run(discovery, &zone(&["v=STSv1; id=2;"]), Ok(&ok));
    let new = || Discovery::new(&domain()).unwrap();
    assert_eq!(with(new().knowing("2")), (Found::Unchanged, false));
    let (found, fetched) = with(new().sparing("2"));
    assert!(
        matches!(
            found,
            Found::Trouble {
                trouble: Trouble::Pause,
                ..
            }
        ) && !fetched
    );
    // Another policy: fetched, whatever became of the last one.
    let (found, fetched) = with(new().knowing("1").sparing("3"));
    assert!(matches!(found, Found::Policy { .. }) && fetched);
    // Who lost what he knew has no policy to go by.
    assert_eq!(Found::Unchanged.fact("mx.example.org"), StsFact::Unreadable);
}

#[test]
fn answers_out_of_turn_change_nothing() {
    let ok = response(200, "text/plain", POLICY);
    let mut discovery = Discovery::new(&domain()).unwrap();
    discovery.http(Ok(&ok));
    assert!(matches!(discovery.need(), Need::Dns(_)));
    let unfinished = discovery.clone().finish();
    assert_eq!(unfinished.fact("mx.example.org"), StsFact::Failed);
    let zone = zone(&["v=STSv1; id=1;"]);
    let Need::Dns(query) = discovery.need() else {
        unreachable!()
    };
    let answer = zone.answer(query);
    discovery.dns(&answer);
    let unfinished = discovery.clone().finish();
    assert_eq!(unfinished.fact("mx.example.org"), StsFact::Failed);
    discovery.dns(&Zone::new().answer(&mail_dns::Query::new(domain(), mail_dns::RecordType::Txt)));
    discovery.http(Ok(&ok));
    discovery.http(Err::<&Response<Vec<u8>>, _>(FetchFailure::Network));
    assert!(matches!(discovery.finish(), Found::Policy { .. }));
}

#[test]
fn names_that_no_policy_host_can_have() {
    let label = "a".repeat(63);
    let long = [&*label, &*label, &*label, &"a".repeat(55)].join(".");
    for name in [
        "",
        ".",
        "a b.example",
        "a\u{0}.example",
        "a/b.example",
        "a:443",
        "user@example",
        &long,
    ] {
        let name = Name::from_octets(name.as_bytes()).unwrap();
        assert!(Discovery::new(&name).is_err(), "{name}");
    }
    assert!(Discovery::new(&"b\u{fc}cher.example".parse().unwrap()).is_ok());
}
