//! The files in `tests/vectors`: each case names the section of the RFC that it proves.
#![allow(missing_docs, clippy::unwrap_used)]

use mail_dns::{Failure, Record, Txt, Zone};
use msg_validate::{AuthResults, Context, Evaluation, Limits, Severity, Stamp, Verdict};
use serde::Deserialize;
use std::{net::IpAddr, time::UNIX_EPOCH};

#[derive(Deserialize)]
struct Suite<C> {
    case: Vec<C>,
}

fn cases<C: for<'de> Deserialize<'de>>(file: &str) -> Vec<C> {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let suite: Suite<C> = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!suite.case.is_empty(), "no case in {file}");
    suite.case
}

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn judge(message: &[u8], context: &Context, zone: &Zone) -> Verdict {
    let mut evaluation = Evaluation::new(message, context, Limits::default());
    while !evaluation.need().is_empty() {
        for query in evaluation.need().to_vec() {
            evaluation.answer(&query, zone.answer(&query), context.now());
        }
    }
    evaluation.finish().unwrap()
}

#[derive(Deserialize)]
struct DmarcCase {
    name: String,
    rfc: String,
    from: String,
    spf_pass: Option<String>,
    #[serde(default)]
    zone: Vec<(String, String)>,
    result: String,
    policy: Option<String>,
    at: Option<String>,
}

#[test]
fn dmarc() {
    for case in cases::<DmarcCase>("dmarc.toml") {
        let mut zone = Zone::new();
        for (name, text) in &case.zone {
            let name: mail_dns::Name = name.parse().unwrap();
            match &**text {
                "" => zone.insert_name(name),
                "TIMEOUT" => zone.fail(name, Failure::Timeout),
                text => zone.insert(
                    name,
                    Record::Txt(Txt::new(text.split('|').map(str::as_bytes))),
                ),
            }
        }
        let mail_from = case.spf_pass.as_deref().unwrap_or("nobody@invalid");
        if let Some((_, domain)) = case.spf_pass.as_deref().and_then(|p| p.split_once('@')) {
            zone = zone.txt(domain, "v=spf1 ip4:192.0.2.1 -all").unwrap();
        }
        let context =
            Context::smtp(CLIENT, "mx.invalid", mail_from, UNIX_EPOCH).internationalized();
        let message = format!("From: {}\r\n\r\nHi\r\n", case.from);
        let verdict = judge(message.as_bytes(), &context, &zone);
        let dmarc = verdict.dmarc().unwrap();
        let at = format!("{} (RFC {}): {verdict:?}", case.name, case.rfc);
        assert_eq!(dmarc.result().to_string(), case.result, "{at}");
        let policy = dmarc.policy().map(|policy| policy.to_string());
        assert_eq!(policy, case.policy, "{at}");
        if case.at.is_some() {
            let found = dmarc.policy_domain().map(ToString::to_string);
            assert_eq!(found, case.at, "{at}");
        }
    }
}

#[derive(Deserialize)]
struct HygieneCase {
    name: String,
    rfc: String,
    message: String,
    smtputf8: Option<bool>,
    #[serde(default)]
    codes: Vec<String>,
}

#[test]
fn hygiene() {
    for case in cases::<HygieneCase>("hygiene.toml") {
        let stamp = Stamp::new("mx.example.net").unwrap();
        let mut context = Context::smtp(CLIENT, "", "", UNIX_EPOCH).judged_by(stamp);
        if case.smtputf8 == Some(true) {
            context = context.internationalized();
        }
        let verdict = judge(&octets(&case.message), &context, &Zone::new());
        let of_protocols = |code: &str| {
            ["spf.", "dkim.", "dmarc."]
                .iter()
                .any(|p| code.starts_with(p))
        };
        let mut codes: Vec<_> = verdict.reasons().iter().map(|r| r.code()).collect();
        codes.retain(|code| !of_protocols(code));
        codes.sort_unstable();
        let mut wanted = case.codes.clone();
        wanted.sort_unstable();
        assert_eq!(codes, wanted, "{} (RFC {})", case.name, case.rfc);
        let alarms = verdict
            .reasons()
            .iter()
            .any(|r| r.severity() == Severity::Alarm);
        assert!(
            !alarms || verdict.grade() <= msg_validate::Grade::Suspicious,
            "{}",
            case.name
        );
    }
}

/// `\xNN` stands for an octet that no text can hold.
fn octets(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut octets = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        octets.push(u8::from_str_radix(hex, 16).unwrap());
        octets.extend_from_slice(rest.as_bytes());
    }
    octets
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StampCase {
    name: String,
    rfc: String,
    id: Option<String>,
    message: String,
    left: Option<String>,
}

#[test]
fn stamp() {
    for case in cases::<StampCase>("stamp.toml") {
        let at = format!("{} (RFC {})", case.name, case.rfc);
        let stamp = Stamp::new(case.id.as_deref().unwrap_or("mx.example.net")).unwrap();
        let message = case.message.as_bytes();
        let verdict = judge(message, &Context::bare(UNIX_EPOCH), &Zone::new());
        let stamped = verdict.stamp(message, &stamp);
        let left = case.left.as_ref().unwrap_or(&case.message);
        let whole = String::from_utf8(stamped.to_vec()).unwrap();
        assert_eq!(whole, format!("{}{left}", stamped.field()), "{at}");
        assert_eq!(stamped.removed() == 0, case.left.is_none(), "{at}");
    }
}

#[derive(Deserialize)]
struct AuthResultsCase {
    name: String,
    rfc: String,
    value: String,
    printed: Option<String>,
}

#[test]
fn auth_results() {
    for case in cases::<AuthResultsCase>("auth-results.toml") {
        let at = format!("{} (RFC {})", case.name, case.rfc);
        let parsed = AuthResults::parse(case.value.as_bytes());
        match case.printed {
            None => assert!(parsed.is_err(), "{at}: {parsed:?}"),
            Some(printed) => {
                let parsed = parsed.unwrap_or_else(|why| panic!("{at}: {why}"));
                assert_eq!(parsed.to_string(), printed, "{at}");
                let field = parsed.to_field();
                let value = field.strip_prefix("Authentication-Results:").unwrap();
                assert_eq!(
                    AuthResults::parse(value.as_bytes()).as_ref(),
                    Ok(&parsed),
                    "{at}"
                );
            }
        }
    }
}
