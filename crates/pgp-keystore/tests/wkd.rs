//! The Web Key Directory by its draft: hashes, URLs, requests and answers. Needs no backend.
#![cfg(feature = "discovery")]
#![allow(clippy::unwrap_used)]

use pgp_keystore::Address;
use pgp_keystore::discovery::{Need, Source, Sources, questions, questions_of};
use pgp_keystore::wkd::{
    Lookup, MAX_TARGET, Method, Request, Response, Variant, Wants, hash, parse, respond, url,
};
use proptest::prelude::*;
use toml::Table;

const JOE: &str = "/.well-known/openpgpkey/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe";

fn cases(kind: &str) -> Vec<Table> {
    let data: Table = include_str!("vectors/wkd.toml").parse().unwrap();
    let cases = data[kind].as_array().unwrap();
    assert!(!cases.is_empty());
    let cases = cases.iter().map(|case| case.as_table().unwrap().clone());
    cases.collect()
}

fn text<'a>(case: &'a Table, name: &str) -> &'a str {
    case[name].as_str().unwrap()
}

fn said(wants: &Wants) -> String {
    match wants {
        Wants::Key { domain, hash } => format!("key {domain} {hash}"),
        Wants::Policy { domain } => format!("policy {domain}"),
        Wants::SubmissionAddress { domain } => format!("submission-address {domain}"),
        Wants::Nothing => "nothing".to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn hashes_are_those_of_the_draft() {
    for case in cases("hash") {
        assert_eq!(hash(text(&case, "local")), text(&case, "hash"), "{case:?}");
    }
    // The mutation: with all letters folded, KELVIN SIGN would have the hash of somebody else.
    assert_ne!(hash("\u{212a}evin"), hash("kevin"));
    assert_eq!(hash(&"\u{212a}evin".to_lowercase()), hash("kevin"));
}

#[test]
fn urls_are_those_of_the_draft_and_are_read_by_the_server() {
    for case in cases("url") {
        let address: Address = text(&case, "address").parse().unwrap();
        for (variant, name) in [(Variant::Advanced, "advanced"), (Variant::Direct, "direct")] {
            let url = url(&address, variant);
            assert_eq!(url, text(&case, name));
            let (host, path) = url["https://".len()..].split_once('/').unwrap();
            let request = parse("GET", host, &format!("/{path}")).unwrap();
            let wanted = format!("key {} {}", address.domain(), hash(address.local_part()));
            assert_eq!(said(&request.wants), wanted);
        }
    }
}

#[test]
fn requests_are_read_as_written_down() {
    for case in cases("request") {
        let read = parse("GET", text(&case, "host"), text(&case, "path"));
        let read = read.map_or_else(|_| "not wkd".to_owned(), |request| said(&request.wants));
        assert_eq!(read, text(&case, "wants"), "{}", text(&case, "name"));
    }
}

/// What is asked of whom, without any backend.
#[test]
fn questions_come_in_the_order_of_their_strength() {
    let sources = Sources::new().hkp("b.example".parse().unwrap()).dane();
    let sources = sources.vks("a.example".parse().unwrap()).wkd();
    let address: Address = "Joe.Doe@example.org".parse().unwrap();
    let asked: Vec<(Source, Need)> = questions(&address, &sources).collect();
    let hosts: Vec<&str> = asked
        .iter()
        .map(|(_, need)| match need {
            Need::Https(get) => get.host(),
            _ => "dns",
        })
        .collect();
    let order = [
        "openpgpkey.example.org",
        "example.org",
        "dns",
        "a.example",
        "b.example",
    ];
    assert_eq!(hosts, order);
    let strength = asked.iter().map(|(source, _)| source.authority());
    assert!(strength.is_sorted_by(|a, b| a >= b));
    match &asked[0].1 {
        Need::Https(get) => assert_eq!(get.url(), url(&address, Variant::Advanced)),
        other => panic!("{other:?}"),
    }
    let of = "0123456789ABCDEF0123456789ABCDEF01234567".parse().unwrap();
    let servers: Vec<Source> = questions_of(of, &sources)
        .map(|(source, _)| source)
        .collect();
    assert_eq!(servers.len(), 2);
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let found = response.headers.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.as_str())
}

#[test]
fn answers_are_right_for_each_method() {
    let request = |method: &str| parse(method, "example.org", JOE).unwrap();
    let found = || Lookup::Found(b"octets".to_vec());
    let got = respond(&request("GET"), found());
    assert_eq!((got.status, got.body.as_slice()), (200, &b"octets"[..]));
    assert_eq!(
        header(&got, "content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(header(&got, "access-control-allow-origin"), Some("*"));
    // HEAD is GET without the octets.
    let head = respond(&request("HEAD"), found());
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.headers, got.headers);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "get", ""] {
        let refused = respond(&request(method), found());
        assert_eq!((refused.status, refused.body.len()), (405, 0), "{method}");
        assert_eq!(header(&refused, "allow"), Some("GET, HEAD"));
    }
    // That a store failed is not that there is nothing.
    let failed = respond(&request("GET"), Lookup::Unavailable);
    assert_eq!(
        (failed.status, header(&failed, "retry-after")),
        (503, Some("60"))
    );
    let policy = parse("GET", "example.org", "/.well-known/openpgpkey/policy").unwrap();
    let policy = respond(&policy, Lookup::Found(Vec::new()));
    assert_eq!((policy.status, policy.body.len()), (200, 0));
    assert_eq!(header(&policy, "content-length"), Some("0"));
}

#[test]
fn what_is_not_there_looks_the_same_wherever_it_is_not() {
    let answers: Vec<Response> = [
        ("example.org", JOE),
        ("elsewhere.example", JOE),
        ("example.org", "/.well-known/openpgpkey/hu/"),
        ("example.org", "/.well-known/openpgpkey/policy"),
        ("example.org", "/.well-known/openpgpkey/submission-address"),
        ("127.0.0.1", JOE),
    ]
    .into_iter()
    .map(|(host, path)| respond(&parse("GET", host, path).unwrap(), Lookup::Absent))
    .collect();
    assert!(answers.iter().all(|answer| answer == &answers[0]));
    assert_eq!(answers[0].status, 404);
    // Where nothing can be, a caller who found something anyway does not show it.
    let nowhere = parse("GET", "example.org", "/.well-known/openpgpkey/hu/").unwrap();
    assert_eq!(respond(&nowhere, Lookup::Found(vec![1])), answers[0]);
}

#[test]
fn a_path_without_end_is_nothing() {
    let long = format!("{JOE}{}", "x".repeat(MAX_TARGET));
    let request = parse("GET", "example.org", &long).unwrap();
    assert_eq!(request.wants, Wants::Nothing);
    // The mutation: below the limit it is read.
    let short = format!("{JOE}{}", "x".repeat(MAX_TARGET - JOE.len()));
    assert_ne!(
        parse("GET", "example.org", &short).unwrap().wants,
        Wants::Nothing
    );
    let host = "a.".repeat(1 << 16);
    assert_eq!(parse("GET", &host, JOE).unwrap().wants, Wants::Nothing);
}

fn sound(request: &Request, response: &Response) {
    assert!([200, 404, 405, 503].contains(&response.status));
    for (_, value) in &response.headers {
        assert!(value.bytes().all(|c| (0x20..0x7f).contains(&c)));
    }
    assert!(request.method == Method::Get || response.body.is_empty());
}

proptest! {
    #[test]
    fn each_address_is_found_where_its_url_points(
        local in "[a-zA-Z0-9.+_äöüß/=?&%-]{1,30}",
        domain in "([a-z][a-z0-9]{0,8}\\.){1,3}[a-zé]{2,6}",
    ) {
        let address: Address = format!("{local}@{domain}").parse().unwrap();
        for variant in [Variant::Advanced, Variant::Direct] {
            let url = url(&address, variant);
            prop_assert!(url.bytes().all(|c| c.is_ascii_graphic()));
            let (host, path) = url["https://".len()..].split_once('/').unwrap();
            let request = parse("GET", host, &format!("/{path}")).unwrap();
            let wanted = format!("key {} {}", address.domain(), hash(&local));
            prop_assert_eq!(said(&request.wants), wanted);
        }
    }

    #[test]
    fn any_request_has_a_sound_answer(
        method in "GET|HEAD|POST|\\PC{0,5}",
        host in "(openpgpkey\\.)?[a-z]{1,5}\\.example(:[0-9]{1,5})?|\\PC{0,20}",
        below in "(hu|policy|submission-address|[a-z]{1,5}\\.example|/|\\.|%2f|[a-z0-9]{32}|\\?l=|\\PC){0,8}",
        octets in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let request = parse(&method, &host, &format!("/.well-known/openpgpkey/{below}")).unwrap();
        for lookup in [Lookup::Found(octets), Lookup::Absent, Lookup::Unavailable] {
            sound(&request, &respond(&request, lookup));
        }
        if let Wants::Key { domain, hash } = &request.wants {
            prop_assert!(hash.len() == 32 && !domain.is_empty() && host.to_lowercase().contains(domain.as_str()));
        }
    }
}
