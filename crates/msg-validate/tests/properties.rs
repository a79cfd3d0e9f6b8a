//! What is added to a message never makes it look better, and what is stamped loses nothing.
#![allow(missing_docs, clippy::unwrap_used)]

use mail_dns::Zone;
use msg_validate::{Context, Evaluation, Grade, Limits, Stamp, Verdict};
use proptest::prelude::*;
use std::time::UNIX_EPOCH;

/// A message that SPF vouches for.
const MESSAGE: &str = "From: a@example.org\r\nSubject: s\r\n\r\nHi\r\nHo\r\n";

fn judge(message: &[u8]) -> Verdict {
    let zone = Zone::new()
        .txt("example.org", "v=spf1 ip4:192.0.2.1 -all")
        .and_then(|zone| zone.txt("_dmarc.example.org", "v=DMARC1; p=reject"))
        .unwrap();
    let stamp = Stamp::new("mx.example.net").unwrap();
    let client = [192, 0, 2, 1].into();
    let context = Context::smtp(client, "mx.example.org", "a@example.org", UNIX_EPOCH);
    let context = context.judged_by(stamp);
    let mut evaluation = Evaluation::new(message, &context, Limits::default());
    while !evaluation.need().is_empty() {
        for query in evaluation.need().to_vec() {
            evaluation.answer(&query, zone.answer(&query), context.now());
        }
    }
    evaluation.finish().unwrap()
}

fn field() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("From"),
        Just("Subject"),
        Just("Authentication-Results"),
        Just("DKIM-Signature"),
        Just("X"),
    ];
    let value = prop_oneof![
        Just("a@example.com".to_owned()),
        Just(" mx.example.net; dmarc=pass".to_owned()),
        Just(" v=1; a=rsa-sha256; d=example.org; s=s; h=From; bh=AAAA; b=AAAA".to_owned()),
        "[ -~]{0,40}",
    ];
    (name, value).prop_map(|(name, value)| format!("{name}:{value}\r\n"))
}

proptest! {
    #[test]
    fn fields_never_raise_the_grade(fields in proptest::collection::vec(field(), 0..5)) {
        prop_assert_eq!(judge(MESSAGE.as_bytes()).grade(), Grade::Plausible);
        let message = fields.concat() + MESSAGE;
        prop_assert!(judge(message.as_bytes()).grade() <= Grade::Plausible);
    }

    #[test]
    fn octets_never_raise_the_grade(octets: Vec<u8>, at in 0..=MESSAGE.len()) {
        let mut message = MESSAGE.as_bytes().to_vec();
        message.splice(at..at, octets);
        prop_assert!(judge(&message).grade() <= Grade::Plausible);
    }

    #[test]
    fn a_stamp_removes_what_is_forged_and_nothing_else(
        fields in proptest::collection::vec(field(), 0..8),
    ) {
        let message = fields.concat() + MESSAGE;
        let stamp = Stamp::new("mx.example.net").unwrap();
        let stamped = judge(message.as_bytes()).stamp(message.as_bytes(), &stamp);
        let bytes = stamped.to_vec();
        let rest = bytes.strip_prefix(stamped.field().as_bytes()).unwrap();
        let again = judge(rest).stamp(rest, &stamp);
        prop_assert_eq!(again.removed(), 0);
        let kept: Vec<_> = fields
            .iter()
            .filter(|field| !field.starts_with("Authentication-Results"))
            .collect();
        let text = String::from_utf8(rest.to_vec()).unwrap();
        for field in kept {
            prop_assert!(text.contains(field.as_str()));
        }
        prop_assert!(text.ends_with(MESSAGE));
    }
}

/// A message cannot make a verdict longer than itself.
#[test]
fn what_stands_a_thousand_times_is_told_a_few_times() {
    let own = "Authentication-Results: mx.example.net; dmarc=pass\r\n";
    let from = "From: \"a@b.example\" <x@example.com>, x@y@z, g:;\r\n";
    for field in [own, from] {
        let verdict = judge((field.repeat(900) + MESSAGE).as_bytes());
        assert!(verdict.reasons().len() < 40, "{}", verdict.reasons().len());
        assert!(verdict.summary().len() < 10_000);
    }
}

#[test]
fn limits_are_alarms() {
    let many = format!("{}{MESSAGE}", "X: y\r\n".repeat(1001));
    let long = format!("X: {}\r\n{MESSAGE}", "y".repeat(300_000));
    for (message, code) in [(many, "limit.header-fields"), (long, "limit.header-octets")] {
        let verdict = judge(message.as_bytes());
        assert!(verdict.reasons().iter().any(|reason| reason.code() == code));
        assert!(verdict.grade() <= Grade::Suspicious);
    }
}
