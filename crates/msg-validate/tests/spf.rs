//! SPF: the RFC's own examples, and what must hold for every record and every zone.
#![allow(missing_docs, clippy::unwrap_used)]

use mail_dns::{Answer, Failure, Mx, Name, Query, Record, RecordType, Zone};
use msg_validate::{
    Limits, SpfResult,
    spf::{self, CheckHost, Identity},
};
use proptest::prelude::*;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, SystemTime},
};

#[derive(Deserialize)]
struct Suite {
    zones: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    case: Vec<Case>,
    r#macro: Vec<Macro>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    rfc: String,
    zone: String,
    record: String,
    #[serde(default)]
    pass: Vec<IpAddr>,
    #[serde(default)]
    fail: Vec<IpAddr>,
}

#[derive(Deserialize)]
struct Macro {
    rfc: String,
    client: Option<IpAddr>,
    template: String,
    expands: String,
}

fn suite() -> Suite {
    toml::from_str(include_str!("vectors/spf-rfc7208.toml")).unwrap()
}

fn zone(names: &BTreeMap<String, Vec<String>>) -> Zone {
    let mut zone = Zone::new();
    for (name, records) in names {
        for record in records {
            let words: Vec<_> = record.split(' ').collect();
            let host = || words.last().unwrap().parse::<Name>().unwrap();
            let record = match words[0] {
                "A" | "AAAA" => Record::from(words[1].parse::<IpAddr>().unwrap()),
                "PTR" => Record::Ptr(host()),
                "CNAME" => Record::Cname(host()),
                "MX" => Record::Mx(Mx {
                    preference: words[1].parse().unwrap(),
                    exchange: host(),
                }),
                other => panic!("record type {other}"),
            };
            zone.insert(name.parse().unwrap(), record);
        }
    }
    zone
}

/// Answers every wave, and counts waves and questions.
fn drive(check: &mut CheckHost, mut dns: impl FnMut(&Query) -> Answer) -> (Identity, usize, usize) {
    let (mut waves, mut questions) = (0, 0);
    loop {
        if let Some(identity) = check.run() {
            return (identity, waves, questions);
        }
        let wave = check.need().to_vec();
        assert!(!wave.is_empty(), "no result, and nothing to ask");
        waves += 1;
        questions += wave.len();
        for query in wave {
            check.answer(&query, dns(&query));
        }
    }
}

fn check(client: IpAddr, mail_from: &str, zone: &Zone) -> Identity {
    let mut check =
        CheckHost::mail_from(client, "mx.example.org", mail_from, SystemTime::UNIX_EPOCH);
    drive(&mut check, |query| zone.answer(query)).0
}

#[test]
fn examples_of_appendix_a() {
    let suite = suite();
    let mut ran = 0;
    for case in &suite.case {
        let zone = zone(&suite.zones[&case.zone])
            .txt("example.com", &case.record)
            .unwrap();
        let pass = case.pass.iter().map(|client| (client, SpfResult::Pass));
        let fail = case.fail.iter().map(|client| (client, SpfResult::Fail));
        for (client, wanted) in pass.chain(fail) {
            let identity = check(*client, "joe@example.com", &zone);
            let at = format!("{} ({}), {client}: {identity:?}", case.name, case.rfc);
            assert_eq!(identity.result(), wanted, "{at}");
            ran += 1;
        }
    }
    assert!(ran > 20, "only {ran} vectors were run");
}

#[test]
fn examples_of_macros() {
    let suite = suite();
    assert!(suite.r#macro.len() > 15, "vectors are missing");
    for case in &suite.r#macro {
        let zone = Zone::new()
            .txt("email.example.com", "v=spf1 -all exp=exp.example.com")
            .and_then(|zone| zone.txt("exp.example.com", &case.template))
            .unwrap();
        let client = case.client.unwrap_or_else(|| [192, 0, 2, 3].into());
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let mut check = CheckHost::mail_from(
            client,
            "mx.example.org",
            "strong-bad@email.example.com",
            now,
        )
        .with_receiver("mx.example.net");
        let (identity, ..) = drive(&mut check, |query| zone.answer(query));
        let explanation = identity.explanation().unwrap();
        // The letters of a nibble are a name's, which has no case.
        assert_eq!(
            explanation.to_ascii_lowercase(),
            case.expands,
            "{} ({})",
            case.template,
            case.rfc
        );
    }
}

#[test]
fn names_of_rfc_8616() {
    let zone = Zone::new()
        .txt(
            "xn--bcher-kva.example",
            "v=spf1 exists:%{l}.%{d} exists:%{o}.x.example -all",
        )
        .and_then(|zone| zone.address("j\u{f8}rn.b\u{fc}cher.example", [127, 0, 0, 2]))
        .unwrap();
    let client = [192, 0, 2, 1].into();
    // RFC 8616 §4: what uses `l` matches nothing, whatever the zone has.
    let identity = check(client, "j\u{f8}rn@b\u{fc}cher.example", &zone);
    assert_eq!(identity.result(), SpfResult::Fail);
    assert_eq!(identity.domain(), "xn--bcher-kva.example");
    let zone = zone
        .address("xn--bcher-kva.example.x.example", [127, 0, 0, 2])
        .unwrap();
    let identity = check(client, "j\u{f8}rn@b\u{fc}cher.example", &zone);
    assert_eq!(identity.result(), SpfResult::Pass);
}

#[test]
fn an_explanation_is_printable_and_short_or_none() {
    let zone = |exp: &str| {
        Zone::new()
            .txt("example.com", "v=spf1 -all exp=exp.example.com")
            .and_then(|zone| zone.txt("exp.example.com", exp))
            .unwrap()
    };
    let explained = |sender: &str, exp: &str| {
        let identity = check([192, 0, 2, 1].into(), sender, &zone(exp));
        assert_eq!(identity.result(), SpfResult::Fail);
        identity.explanation().map(str::to_owned)
    };
    assert_eq!(
        explained("a@example.com", "See %{l}."),
        Some("See a.".into())
    );
    assert_eq!(explained("a\r\nX: y@example.com", "See %{l}."), None);
    assert_eq!(explained("\u{fc}@example.com", "See %{l}."), None);
    assert_eq!(
        explained("\u{fc}@example.com", "See %{L}."),
        Some("See %C3%BC.".into())
    );
    assert_eq!(explained("a@example.com", &"%{s}".repeat(200)), None);
    assert_eq!(explained("a@example.com", "tab\there"), None);
}

#[test]
fn five_includes_take_three_round_trips() {
    let mut zone = Zone::new()
        .txt(
            "example.com",
            "v=spf1 mx include:a.example include:b.example include:c.example \
             include:d.example include:e.example -all",
        )
        .and_then(|zone| zone.mx("example.com", 10, "mx.example.com"))
        .and_then(|zone| zone.address("mx.example.com", [192, 0, 2, 1]))
        .unwrap();
    for included in ["a", "b", "c", "d"] {
        let record = format!("v=spf1 a:out.{included}.example -all");
        zone = zone.txt(&format!("{included}.example"), &record).unwrap();
        zone = zone
            .address(&format!("out.{included}.example"), [192, 0, 2, 2])
            .unwrap();
    }
    let zone = zone
        .txt("e.example", "v=spf1 ip4:198.51.100.0/24 -all")
        .unwrap();
    let client: IpAddr = [198, 51, 100, 9].into();
    let mut check =
        CheckHost::mail_from(client, "h.example", "a@example.com", SystemTime::UNIX_EPOCH);
    let (identity, waves, questions) = drive(&mut check, |query| zone.answer(query));
    assert_eq!(identity.result(), SpfResult::Pass);
    assert_eq!((waves, questions), (3, 12));
    // What is known already makes no wave at all.
    let mut check =
        CheckHost::mail_from(client, "h.example", "a@example.com", SystemTime::UNIX_EPOCH);
    assert_eq!(
        check.run_with(|query| Some(zone.answer(query))),
        Some(identity)
    );
    assert!(check.need().is_empty());
}

/// The check that asks one question at a time takes more: the count above is not a matter of course.
#[test]
fn without_prefetch_it_would_be_more() {
    let zone = Zone::new()
        .txt(
            "example.com",
            "v=spf1 include:a.example include:b.example -all",
        )
        .and_then(|zone| zone.txt("a.example", "v=spf1 a:x.example -all"))
        .and_then(|zone| zone.txt("b.example", "v=spf1 a:y.example -all"))
        .and_then(|zone| zone.address("x.example", [192, 0, 2, 1]))
        .and_then(|zone| zone.address("y.example", [192, 0, 2, 2]))
        .unwrap();
    let run = |at_once: usize| {
        let mut check = CheckHost::mail_from(
            [192, 0, 2, 2].into(),
            "h.example",
            "a@example.com",
            SystemTime::UNIX_EPOCH,
        );
        let mut waves = 0;
        while check.run().is_none() {
            waves += 1;
            for query in check
                .need()
                .iter()
                .take(at_once)
                .cloned()
                .collect::<Vec<_>>()
            {
                check.answer(&query, zone.answer(&query));
            }
        }
        waves
    };
    assert_eq!((run(usize::MAX), run(1)), (3, 5));
}

#[test]
fn the_senders_reverse_zone_cannot_use_up_the_void_lookups() {
    let mut zone = Zone::new()
        .txt("example.com", "v=spf1 ptr a:x.example.com -all")
        .and_then(|zone| zone.address("x.example.com", [192, 0, 2, 9]))
        .unwrap();
    for i in 0..8 {
        zone = zone
            .ptr([192, 0, 2, 1], &format!("gone{i}.example.com"))
            .unwrap();
    }
    let identity = check([192, 0, 2, 1].into(), "a@example.com", &zone);
    assert_eq!(identity.result(), SpfResult::Fail);
}

const NAMES: [&str; 5] = [
    "a.example",
    "b.example",
    "c.example",
    "d.example",
    "%{l}.%{d2}",
];

fn term() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&NAMES[..]);
    let qualifier = prop::sample::select(&["", "-", "~", "?"][..]);
    let length = 0..34u8;
    let body = prop_oneof![
        name.clone().prop_map(|n| format!("include:{n}")),
        (name.clone(), length.clone()).prop_map(|(n, l)| format!("a:{n}/{l}")),
        name.clone().prop_map(|n| format!("mx:{n}")),
        name.clone().prop_map(|n| format!("ptr:{n}")),
        name.clone().prop_map(|n| format!("exists:{n}")),
        length.prop_map(|l| format!("ip4:192.0.2.0/{l}")),
        Just("ip6:2001:db8::/32".to_owned()),
        Just("all".to_owned()),
    ];
    prop_oneof![
        8 => (qualifier, body).prop_map(|(q, b)| format!("{q}{b}")),
        1 => name.clone().prop_map(|n| format!("redirect={n}")),
        1 => name.prop_map(|n| format!("exp={n}")),
        1 => "[ -~]{0,12}",
    ]
}

fn record() -> impl Strategy<Value = String> {
    prop::collection::vec(term(), 0..8).prop_map(|terms| format!("v=spf1 {}", terms.join(" ")))
}

/// What each name has: none, a record, and hosts.
fn any_zone() -> impl Strategy<Value = Zone> {
    let node = (
        prop::collection::vec(record(), 0..2),
        prop::collection::vec(0..4u8, 0..3),
        prop::collection::vec(0..4usize, 0..12),
        prop::bool::weighted(0.1),
    );
    prop::collection::vec(node, 4).prop_map(|nodes| {
        let mut zone = Zone::new();
        for (at, (records, addresses, hosts, fails)) in nodes.into_iter().enumerate() {
            let name: Name = NAMES[at].parse().unwrap();
            for record in records {
                zone.insert(name.clone(), Record::Txt(mail_dns::Txt::from_text(&record)));
            }
            for octet in addresses {
                zone.insert(name.clone(), Record::A([192, 0, 2, octet].into()));
            }
            for (preference, host) in hosts.into_iter().enumerate() {
                let exchange: Name = NAMES[host].parse().unwrap();
                zone.insert(
                    Name::reverse([192, 0, 2, 1].into()),
                    Record::Ptr(exchange.clone()),
                );
                let preference = preference as u16 % 3;
                zone.insert(
                    name.clone(),
                    Record::Mx(Mx {
                        preference,
                        exchange,
                    }),
                );
            }
            if fails {
                zone.fail(name, Failure::Timeout);
            }
        }
        zone
    })
}

fn reversed(answer: &Answer) -> Answer {
    let mut records: Vec<_> = answer.iter().cloned().collect();
    if records.is_empty() {
        return answer.clone();
    }
    records.reverse();
    Answer::records(records, answer.security(), answer.ttl())
}

proptest! {
    #[test]
    fn a_record_reads_or_not_but_never_panics(text in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut record = b"v=spf1 ".to_vec();
        record.extend(text);
        let _ = spf::Record::parse(&record);
    }

    #[test]
    fn a_record_prints_as_what_reads_the_same(text in record()) {
        if let Ok(record) = spf::Record::parse(text.as_bytes()) {
            let printed = record.to_string();
            let again = spf::Record::parse(printed.as_bytes());
            prop_assert_eq!(again.as_ref(), Ok(&record));
        }
    }

    #[test]
    fn evaluation_ends_within_the_budget_whatever_the_order(
        zone in any_zone(), budget in 0..70usize, last in 0..3u8,
    ) {
        let mut limits = Limits::default();
        limits.dns_queries = budget;
        let client: IpAddr = [192, 0, 2, last].into();
        let new = || CheckHost::mail_from(client, "a.example", "b@a.example", SystemTime::UNIX_EPOCH);
        let mut check = new().with_limits(limits);
        let (_, _, questions) = drive(&mut check, |query| zone.answer(query));
        prop_assert!(questions <= budget);

        // Enough for everything: neither the order of records nor that of questions matters.
        let mut limits = Limits::default();
        limits.dns_queries = 1000;
        let mut check = new().with_limits(limits.clone());
        let (one, ..) = drive(&mut check, |query| zone.answer(query));
        let mut check = new().with_limits(limits.clone());
        let (other, ..) = drive(&mut check, |query| reversed(&zone.answer(query)));
        prop_assert_eq!(&one, &other);
        let mut check = new().with_limits(limits);
        while check.run().is_none() {
            let query = check.need().last().unwrap().clone();
            check.answer(&query, zone.answer(&query));
        }
        prop_assert_eq!(check.run(), Some(one));
    }

    #[test]
    fn hostile_dialogues_do_no_harm(helo in ".{0,300}", sender in ".{0,300}", zone in any_zone()) {
        let mut check = CheckHost::mail_from([192, 0, 2, 1].into(), helo, sender, SystemTime::UNIX_EPOCH);
        drive(&mut check, |query| zone.answer(query));
        prop_assert!(check.need().iter().all(|query| query.record_type != RecordType::Cname));
    }
}
