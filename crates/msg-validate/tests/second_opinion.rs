//! Both opinions of the same messages: they agree, or the difference is on the list.
#![cfg(feature = "second-opinion")]
#![allow(missing_docs, clippy::unwrap_used)]

use mail_dns::Zone;
use msg_validate::{
    Context, Evaluation, Limits, SecondOpinion, Verdict,
    dkim::{Canonicalization, DkimResult, Signer, SigningKey},
    second_opinion::Difference,
};
use proptest::prelude::*;
use serde::Deserialize;
use std::time::SystemTime;

#[derive(Deserialize)]
struct Suite {
    spf: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    /// The code of the difference.
    known: Option<String>,
    /// The code of the reason, for a difference that is not on the list.
    reason: Option<String>,
    /// Of other names.
    #[serde(default)]
    more: Vec<[String; 2]>,
    rfc: String,
    records: Vec<String>,
    result: String,
}

fn both(zone: &Zone, message: &[u8]) -> (Verdict, Vec<Difference>) {
    let now = SystemTime::UNIX_EPOCH;
    let client = [192, 0, 2, 1].into();
    let context = Context::smtp(client, "mx.example.org", "joe@example.org", now);
    let mut evaluation = Evaluation::new(message, &context, Limits::default());
    while !evaluation.need().is_empty() {
        for query in evaluation.need().to_vec() {
            evaluation.answer(&query, zone.answer(&query), now);
        }
    }
    evaluation
        .finish_with(&SecondOpinion::new().unwrap())
        .unwrap()
}

fn zone(records: &[String]) -> Zone {
    let zone = Zone::new()
        .address("example.org", [198, 51, 100, 1])
        .unwrap();
    let add = |zone: Zone, record: &String| zone.txt("example.org", record).unwrap();
    records.iter().fold(zone, add)
}

#[test]
fn every_case_agrees_or_is_known() {
    let suite: Suite = toml::from_str(include_str!("vectors/second-opinion.toml")).unwrap();
    for case in &suite.spf {
        let zone = case
            .more
            .iter()
            .fold(zone(&case.records), |zone, [name, text]| {
                zone.txt(name, text).unwrap()
            });
        let (verdict, differences) = both(&zone, b"From: joe@example.org\r\n\r\nHi\r\n");
        let spf = verdict.spf().unwrap().mail_from().unwrap();
        let at = format!("{} {:?}: {differences:?}", case.rfc, case.records);
        assert_eq!(spf.result().to_string(), case.result, "{at}");
        let known: Vec<_> = differences
            .iter()
            .map(|d| d.known().map(|k| k.code()))
            .collect();
        match (&case.known, &case.reason) {
            (Some(code), _) => assert_eq!(known, [Some(code.as_str())], "{at}"),
            (None, Some(_)) => assert_eq!(known, [None], "{at}"),
            (None, None) => assert!(known.is_empty(), "{at}"),
        }
        let reasons = verdict.reasons().iter().map(|reason| reason.code());
        let second = reasons.filter(|code| code.starts_with("second-opinion"));
        assert_eq!(
            second.collect::<Vec<_>>(),
            Vec::from_iter(&case.reason),
            "{at}"
        );
    }
}

/// mail-auth has no limits: it is not asked what would cost too much.
#[test]
fn nobody_is_asked_about_what_is_beyond_the_limits() {
    const MESSAGE: &str = "From: joe@example.org\r\n\r\nHi\r\n";
    const SIGNATURE: &str =
        "DKIM-Signature: v=1; a=ed25519-sha256; d=example.org; s=s; h=from; bh=AAAA; b=AAAA\r\n";
    let policies = |zone: Zone| {
        zone.txt("_dmarc.example.org", "v=DMARC1; p=none")?
            .txt("_dmarc.example.org", "v=DMARC1; p=reject")
    };
    let zone = policies(zone(&["v=spf1 ip4:192.0.2.1 -all".to_owned()])).unwrap();
    let (_, differences) = both(&zone, MESSAGE.as_bytes());
    assert_eq!(differences.len(), 1, "two policies");
    for above in [
        "X: y\r\n".repeat(1001),
        SIGNATURE.repeat(11),
        format!("X: {}\r\n", "y".repeat(300_000)),
        "no field\r\n".to_owned(),
        "X: a\nb\r\n".to_owned(),
        "X: a\rb\r\n".to_owned(),
    ] {
        let (_, differences) = both(&zone, (above + MESSAGE).as_bytes());
        assert_eq!(differences, []);
    }
}

#[test]
fn what_is_known_says_why() {
    for known in SecondOpinion::known() {
        assert!(
            known.rfc().starts_with("RFC ") && known.rfc().contains(" §"),
            "{}",
            known.code()
        );
        assert!(known.quote().len() > 20, "{}", known.code());
    }
}

fn term() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&["a.example", "b.example", "c.example"][..]);
    let qualifier = prop::sample::select(&["", "-", "~", "?"][..]);
    let body = prop_oneof![
        name.clone().prop_map(|n| format!("include:{n}")),
        name.clone().prop_map(|n| format!("a:{n}")),
        name.prop_map(|n| format!("mx:{n}")),
        (0..33u8).prop_map(|l| format!("ip4:192.0.2.0/{l}")),
        Just("all".to_owned()),
    ];
    // mail-auth takes the result of a qualified include inside an include for the whole record's
    // (RFC 7208 §5.2 says: only a pass matches). That is a reason in the verdict, not on the list.
    (qualifier, body).prop_map(|(q, b)| match b.starts_with("include:") {
        true => b,
        false => format!("{q}{b}"),
    })
}

fn record() -> impl Strategy<Value = String> {
    prop::collection::vec(term(), 1..5).prop_map(|terms| format!("v=spf1 {}", terms.join(" ")))
}

/// Pieces of header fields and bodies, white space above all.
fn text(most: usize) -> impl Strategy<Value = String> {
    let piece =
        prop::sample::select(&["a", "B c", " ", "\t", "  \t ", "\r\n", ".", "=20", "\u{fc}"][..]);
    prop::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

/// A message, how it is signed, and what is changed after that.
fn signed() -> impl Strategy<Value = (String, Canonicalization, Canonicalization, String, String)> {
    let canon = || prop::sample::select(&[Canonicalization::Relaxed, Canonicalization::Simple][..]);
    let message = (text(6), text(30)).prop_map(|(subject, body)| {
        // Every line of a value but the first continues it, and none is empty.
        let subject: Vec<_> = subject
            .split("\r\n")
            .map(|line| format!(" x{}", line.replace('\u{fc}', "u")))
            .collect();
        let subject = subject.join("\r\n");
        format!(
            "Subject:{subject}\r\nFrom: joe@example.org\r\nTo:  suzie@example.net\r\n\r\n{body}\r\n"
        )
    });
    let from = prop::sample::select(&["a", "B c", " ", "\t", "x", "\r\n\r\n", "Subject:", "="][..]);
    let to = prop::sample::select(&["a", "b c", "  ", "\t", " ", "\r\n \r\n", "SUBJECT :", ""][..]);
    (
        message,
        canon(),
        canon(),
        from.prop_map(str::to_owned),
        to.prop_map(str::to_owned),
    )
}

proptest! {
    #[test]
    fn opinions_of_signatures_differ_only_as_known((message, header, body, from, to) in signed()) {
        let key = SigningKey::from_ed25519_seed(&[7; 32]).unwrap();
        let zone = Zone::new()
            .txt("s._domainkey.example.org", &key.record().to_string())
            .and_then(|zone| zone.txt("_dmarc.example.org", "v=DMARC1; p=reject"))
            .unwrap();
        let signer = Signer::new("example.org", "s", key).unwrap().canonicalized(header, body);
        let field = signer.sign(message.as_bytes(), SystemTime::UNIX_EPOCH).unwrap();
        let signed = format!("{field}{message}");
        let (verdict, differences) = both(&zone, signed.as_bytes());
        prop_assert_eq!(verdict.dkim()[0].result(), DkimResult::Pass);
        let unknown = differences.iter().find(|d| d.known().is_none());
        prop_assert_eq!(unknown, None);

        let changed = field + &message.replacen(&from, &to, 1);
        let (_, differences) = both(&zone, changed.as_bytes());
        let unknown = differences.iter().find(|d| d.known().is_none());
        prop_assert_eq!(unknown, None, "{:?}", changed);
    }

    #[test]
    fn opinions_differ_only_as_known(
        records in prop::collection::vec(record(), 4),
        addresses in prop::collection::vec(0..3u8, 3),
    ) {
        let mut zone = zone(&records[..1]);
        for ((name, record), octet) in ["a", "b", "c"].iter().zip(&records[1..]).zip(addresses) {
            let name = format!("{name}.example");
            zone = zone.txt(&name, record).unwrap();
            zone = zone.address(&name, [192, 0, 2, octet]).unwrap();
            zone = zone.mx(&name, 10, &name).unwrap();
        }
        let (_, differences) = both(&zone, b"From: joe@example.org\r\n\r\nHi\r\n");
        let unknown = differences.iter().find(|d| d.known().is_none());
        prop_assert_eq!(unknown, None);
    }
}
