//! The limits of RFC 7208 §4.6.4, each at its edge and one beyond, and what an include makes of
//! the result of another record (RFC 7208 §5.2).
#![allow(missing_docs, clippy::unwrap_used)]

use mail_dns::{Failure, Zone};
use msg_validate::{
    Limits, SpfCause, SpfResult,
    spf::{CheckHost, Identity},
};
use std::{net::IpAddr, time::SystemTime};

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn check_with(client: IpAddr, zone: &Zone, limits: Limits) -> Identity {
    let mut check =
        CheckHost::mail_from(client, "h.example", "a@example.com", SystemTime::UNIX_EPOCH)
            .with_limits(limits);
    loop {
        if let Some(identity) = check.run() {
            return identity;
        }
        for query in check.need().to_vec() {
            check.answer(&query, zone.answer(&query));
        }
    }
}

fn check(zone: &Zone) -> Identity {
    check_with(CLIENT, zone, Limits::default())
}

fn zone(records: &[(&str, &str)]) -> Zone {
    records.iter().fold(Zone::new(), |zone, (name, text)| {
        zone.txt(name, text).unwrap()
    })
}

fn repeated(count: usize, term: impl Fn(usize) -> String) -> String {
    let terms: Vec<_> = (0..count).map(term).collect();
    format!("v=spf1 {} ?all", terms.join(" "))
}

#[test]
fn ten_terms_may_ask_and_those_that_ask_nothing_do_not_count() {
    let judge = |count: usize, term: &str| {
        let record = repeated(count, |_| term.to_owned());
        let zone = zone(&[("example.com", &record), ("b.example", "v=spf1 -all")])
            .address("b.example", [192, 0, 2, 9])
            .and_then(|zone| zone.mx("b.example", 10, "b.example"))
            .and_then(|zone| zone.ptr(CLIENT, "b.example"))
            .unwrap();
        check(&zone).result()
    };
    for term in ["a:b.example", "mx:b.example", "ptr:b.example"] {
        assert_eq!(judge(10, term), SpfResult::Neutral, "{term}");
        assert_eq!(judge(11, term), SpfResult::PermError, "{term}");
    }
    assert_eq!(judge(10, "include:b.example"), SpfResult::Neutral);
    assert_eq!(judge(11, "include:b.example"), SpfResult::PermError);
    assert_eq!(judge(50, "ip4:192.0.2.9"), SpfResult::Neutral);
    assert_eq!(judge(50, "ip6:2001:db8::1"), SpfResult::Neutral);
    // What stands behind a match is not counted.
    let record = format!(
        "v=spf1 +all {}",
        repeated(11, |_| "a".to_owned()).replace("v=spf1", "")
    );
    assert_eq!(
        check(&zone(&[("example.com", &record)])).result(),
        SpfResult::Pass
    );
}

#[test]
fn terms_are_counted_through_includes_and_redirects() {
    let chain = |length: usize, last: &str| {
        let mut records = vec![(
            "example.com".to_owned(),
            "v=spf1 include:c1.example".to_owned(),
        )];
        for i in 1..length {
            let next = format!("v=spf1 redirect=c{}.example", i + 1);
            records.push((format!("c{i}.example"), next));
        }
        records.push((format!("c{length}.example"), last.to_owned()));
        let records: Vec<_> = records.iter().map(|(n, t)| (&**n, &**t)).collect();
        check(&zone(&records)).result()
    };
    assert_eq!(chain(10, "v=spf1 +all"), SpfResult::Pass);
    assert_eq!(chain(11, "v=spf1 +all"), SpfResult::PermError);
}

#[test]
fn a_record_that_includes_itself_ends_whatever_the_limit_is() {
    let mut limits = Limits::default();
    limits.spf_terms = usize::MAX;
    for record in [
        "v=spf1 include:example.com -all",
        "v=spf1 redirect=example.com",
    ] {
        let identity = check_with(CLIENT, &zone(&[("example.com", record)]), limits.clone());
        assert_eq!(identity.result(), SpfResult::PermError, "{record}");
        assert_eq!(identity.cause(), Some(&SpfCause::TermLimit { limit: 100 }));
    }
}

#[test]
fn two_look_ups_may_find_nothing() {
    let judge = |term: &str, count: usize| {
        let record = repeated(count, |i| term.replace('#', &i.to_string()));
        check(&zone(&[("example.com", &record)]))
    };
    for term in [
        "a:gone#.example",
        "mx:gone#.example",
        "exists:gone#.example",
    ] {
        assert_eq!(judge(term, 2).result(), SpfResult::Neutral, "{term}");
        let identity = judge(term, 3);
        assert_eq!(identity.result(), SpfResult::PermError, "{term}");
        assert_eq!(identity.cause(), Some(&SpfCause::VoidLimit { limit: 2 }));
    }
    // Mutation: with another limit the same record is as good as any.
    let mut limits = Limits::default();
    limits.spf_void_lookups = 3;
    let zone = zone(&[(
        "example.com",
        "v=spf1 a:x.example a:y.example a:z.example ?all",
    )]);
    let identity = check_with(CLIENT, &zone, limits);
    assert_eq!(identity.result(), SpfResult::Neutral);
}

#[test]
fn hosts_without_an_address_of_the_clients_family_are_no_mistake_of_the_domain() {
    let mut zone = zone(&[("example.com", "v=spf1 mx -all")]);
    for i in 0..5 {
        let host = format!("mx{i}.example.com");
        zone = (zone.mx("example.com", i, &host))
            .and_then(|zone| zone.address(&host, [192, 0, 2, 9]))
            .unwrap();
    }
    let client = "2001:db8::1".parse().unwrap();
    let identity = check_with(client, &zone, Limits::default());
    assert_eq!(identity.result(), SpfResult::Fail);
}

#[test]
fn ten_mail_exchanges_are_asked_and_an_eleventh_is_an_error() {
    let judge = |count: u16| {
        let mut zone = zone(&[("example.com", "v=spf1 mx -all")]);
        for i in 0..count {
            let host = format!("mx{i}.example.com");
            let last = if i == 9 { 1 } else { 100 + i as u8 };
            zone = (zone.mx("example.com", i, &host))
                .and_then(|zone| zone.address(&host, [192, 0, 2, last]))
                .unwrap();
        }
        check(&zone)
    };
    assert_eq!(judge(10).result(), SpfResult::Pass);
    let identity = judge(11);
    assert_eq!(identity.result(), SpfResult::PermError);
    assert!(matches!(identity.cause(), Some(SpfCause::MxLimit { .. })));
}

#[test]
fn ten_names_of_the_client_are_looked_at_and_no_more() {
    let judge = |before: usize| {
        let mut zone = zone(&[("example.com", "v=spf1 ptr -all")]);
        for i in 0..before {
            zone = zone.ptr(CLIENT, &format!("a{i:02}.example.com")).unwrap();
        }
        let zone = (zone.ptr(CLIENT, "z99.example.com"))
            .and_then(|zone| zone.address("z99.example.com", CLIENT))
            .unwrap();
        check(&zone).result()
    };
    assert_eq!(judge(9), SpfResult::Pass);
    assert_eq!(judge(10), SpfResult::Fail);
}

#[test]
fn an_include_takes_nothing_over_but_pass_and_errors() {
    // RFC 7208 §5.2: the table.
    for (included, wanted) in [
        ("v=spf1 +all", SpfResult::Pass),
        ("v=spf1 -all", SpfResult::SoftFail),
        ("v=spf1 ~all", SpfResult::SoftFail),
        ("v=spf1 ?all", SpfResult::SoftFail),
        ("v=spf1", SpfResult::SoftFail),
        ("v=spf1 -all exp=why.example", SpfResult::SoftFail),
        ("v=spf1 bad", SpfResult::PermError),
        ("no policy", SpfResult::PermError),
        ("v=spf1 redirect=gone.example", SpfResult::PermError),
        ("v=spf1 a:slow.example", SpfResult::TempError),
    ] {
        let zone = zone(&[
            ("example.com", "v=spf1 include:b.example ~all"),
            ("b.example", included),
            ("why.example", "not for you"),
        ])
        .timeout("slow.example")
        .unwrap();
        let identity = check(&zone);
        assert_eq!(identity.result(), wanted, "{included}");
        assert_eq!(identity.explanation(), None);
    }
    let gone = check(&zone(&[(
        "example.com",
        "v=spf1 include:gone.example ~all",
    )]));
    assert_eq!(gone.result(), SpfResult::PermError);
    let mut zone = zone(&[("example.com", "v=spf1 include:b.example ~all")]);
    zone.fail("b.example".parse().unwrap(), Failure::ServerFailure);
    assert_eq!(check(&zone).result(), SpfResult::TempError);
    // What cannot be a name has no record either.
    let long = "x".repeat(64);
    for target in [format!("{long}.example"), "a..example".into()] {
        let record = format!("v=spf1 include:{target} ~all");
        let identity = check(&self::zone(&[("example.com", &record)]));
        assert_eq!(identity.result(), SpfResult::PermError, "{target}");
    }
}

#[test]
fn a_redirect_brings_its_own_explanation_and_counts_only_without_a_match() {
    let judge = |first: &str| {
        check(&zone(&[
            ("example.com", first),
            ("b.example", "v=spf1 -all exp=theirs.example"),
            ("ours.example", "ours"),
            ("theirs.example", "theirs, of %{d}"),
        ]))
    };
    let identity = judge("v=spf1 redirect=b.example exp=ours.example");
    assert_eq!(identity.result(), SpfResult::Fail);
    assert_eq!(identity.explanation(), Some("theirs, of b.example"));
    let identity = judge("v=spf1 redirect=b.example -all exp=ours.example");
    assert_eq!(identity.explanation(), Some("ours"));
    let identity = judge("v=spf1 redirect=b.example ~all");
    assert_eq!(identity.result(), SpfResult::SoftFail);
}
