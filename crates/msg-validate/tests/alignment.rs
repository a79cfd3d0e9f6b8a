//! Which identifiers speak for the author (RFC 9989 §4.4): signatures and envelopes, judged whole.
#![allow(missing_docs, clippy::unwrap_used)]

use mail_dns::{Failure, RecordType, Zone};
use msg_validate::{
    Context, DmarcResult, Evaluation, Limits, Policy, Verdict,
    dkim::{Signer, SigningKey},
};
use std::{net::IpAddr, time::SystemTime};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const MESSAGE: &str = "From: a@news.example.org\r\nTo: b@example.net\r\nSubject: s\r\n\r\nHi\r\n";

fn policy(record: &str) -> Zone {
    Zone::new().txt("_dmarc.example.org", record).unwrap()
}

/// The message with a good signature of each domain, the first one lowest, and their keys.
fn signed(domains: &[&str], mut zone: Zone) -> (String, Zone) {
    let mut message = MESSAGE.to_owned();
    for domain in domains {
        let key = SigningKey::generate_ed25519().unwrap();
        let name = format!("s._domainkey.{domain}");
        zone = zone.txt(&name, &key.record().to_string()).unwrap();
        let signer = Signer::new(domain, "s", key).unwrap();
        let signature = signer.sign(message.as_bytes(), NOW).unwrap().to_string();
        message.insert_str(0, &signature);
    }
    (message, zone)
}

fn judge(message: &str, context: &Context, zone: &Zone) -> Verdict {
    let mut evaluation = Evaluation::new(message.as_bytes(), context, Limits::default());
    while !evaluation.need().is_empty() {
        for query in evaluation.need().to_vec() {
            evaluation.answer(&query, zone.answer(&query), NOW);
        }
    }
    evaluation.finish().unwrap()
}

fn result(message: &str, zone: &Zone) -> DmarcResult {
    let verdict = judge(message, &Context::bare(NOW), zone);
    verdict.dmarc().unwrap().result()
}

#[test]
fn a_signature_aligns_by_the_organization_or_strictly_by_the_name() {
    for (domain, relaxed, strict) in [
        ("news.example.org", DmarcResult::Pass, DmarcResult::Pass),
        ("example.org", DmarcResult::Pass, DmarcResult::Fail),
        ("x.other.example.org", DmarcResult::Pass, DmarcResult::Fail),
        ("badexample.org", DmarcResult::Fail, DmarcResult::Fail),
        ("example.com", DmarcResult::Fail, DmarcResult::Fail),
        (
            "news.example.org.example.com",
            DmarcResult::Fail,
            DmarcResult::Fail,
        ),
    ] {
        let (message, zone) = signed(&[domain], policy("v=DMARC1; p=reject; aspf=s"));
        assert_eq!(result(&message, &zone), relaxed, "{domain}, relaxed");
        let (message, zone) = signed(&[domain], policy("v=DMARC1; p=reject; adkim=s"));
        assert_eq!(result(&message, &zone), strict, "{domain}, strict");
    }
}

#[test]
fn one_signature_that_aligns_is_enough() {
    let domains = ["example.com", "example.org", "example.net"];
    let (message, zone) = signed(&domains, policy("v=DMARC1; p=reject"));
    assert_eq!(result(&message, &zone), DmarcResult::Pass);
    // Mutation: without that one, nobody speaks for the author.
    let (message, zone) = signed(
        &["example.com", "example.net"],
        policy("v=DMARC1; p=reject"),
    );
    assert_eq!(result(&message, &zone), DmarcResult::Fail);
}

#[test]
fn a_key_that_nobody_tells_is_not_known_only_where_it_could_have_aligned() {
    for (domain, wanted) in [
        ("example.org", DmarcResult::TempError),
        ("x.example.org", DmarcResult::TempError),
        ("example.com", DmarcResult::Fail),
    ] {
        let (message, mut zone) = signed(&[domain], policy("v=DMARC1; p=reject"));
        let key = format!("s._domainkey.{domain}").parse().unwrap();
        zone.fail_type(key, RecordType::Txt, Failure::ServerFailure);
        assert_eq!(result(&message, &zone), wanted, "{domain}");
    }
    // Another one that passes makes the missing answer no matter.
    let (message, mut zone) = signed(
        &["x.example.org", "example.org"],
        policy("v=DMARC1; p=reject"),
    );
    let key = "s._domainkey.x.example.org".parse().unwrap();
    zone.fail_type(key, RecordType::Txt, Failure::Timeout);
    assert_eq!(result(&message, &zone), DmarcResult::Pass);
}

/// RFC 9989 §4.4.2: DMARC relies on MAIL FROM; HELO stands for it only with the null reverse-path.
#[test]
fn helo_speaks_for_the_author_only_where_there_is_no_reverse_path() {
    let zone = (policy("v=DMARC1; p=reject").txt("mx.example.org", "v=spf1 ip4:192.0.2.1 -all"))
        .and_then(|zone| zone.txt("example.com", "v=spf1 -all"))
        .unwrap();
    for (mail_from, wanted) in [
        ("", DmarcResult::Pass),
        ("b@example.com", DmarcResult::Fail),
        ("b@none.example.org", DmarcResult::Fail),
    ] {
        let context = Context::smtp(CLIENT, "mx.example.org", mail_from, NOW);
        let verdict = judge(MESSAGE, &context, &zone);
        assert_eq!(verdict.dmarc().unwrap().result(), wanted, "{mail_from:?}");
    }
}

/// RFC 9989 §11.5: every author's domain is looked at, and the worst outcome counts.
#[test]
fn of_several_authors_the_worst_counts() {
    let zone = (policy("v=DMARC1; p=none").txt("_dmarc.example.com", "v=DMARC1; p=reject"))
        .and_then(|zone| zone.txt("bounce.example.org", "v=spf1 +all"))
        .unwrap();
    let context = Context::smtp(CLIENT, "h.example", "b@bounce.example.org", NOW);
    let dmarc = |from: &str| {
        let message = format!("{from}\r\n\r\nHi\r\n");
        let verdict = judge(&message, &context, &zone);
        let dmarc = verdict.dmarc().unwrap();
        (dmarc.result(), dmarc.policy())
    };
    let pass = (DmarcResult::Pass, Some(Policy::None));
    let fail = (DmarcResult::Fail, Some(Policy::Reject));
    assert_eq!(dmarc("From: a@example.org"), pass);
    assert_eq!(dmarc("From: a@example.org, b@news.example.org"), pass);
    for several in [
        "From: a@example.org, b@example.com",
        "From: b@example.com, a@example.org",
        "From: a@example.org\r\nFrom: b@example.com",
        "From: b@example.com\r\nFrom: a@example.org",
    ] {
        assert_eq!(dmarc(several), fail, "{several}");
    }
}
