//! Signatures: one case for each known difference of DKIM, and cases without one.

use super::{Difference, SecondOpinion};
use crate::{Context, Evaluation, Limits, Verdict, dkim::tests::Case};
use mail_dns::Zone;
use serde::Deserialize;
use std::time::SystemTime;

#[derive(Deserialize)]
struct Suite {
    dkim: Vec<Signed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    /// The code of the difference; none where both agree.
    known: Option<String>,
    /// What the DNS says beside the keys.
    #[serde(default)]
    dns: Vec<[String; 2]>,
    /// What DMARC says, if that is asked.
    dmarc: Option<String>,
    case: Case,
}

fn both(case: &Signed) -> (Verdict, Vec<Difference>) {
    let mut zone = case.case.zone();
    for [name, text] in &case.dns {
        zone = zone.txt(name, text).unwrap();
    }
    judge(&case.case.signed(), case.case.now(), &zone)
}

fn judge(message: &[u8], now: SystemTime, zone: &Zone) -> (Verdict, Vec<Difference>) {
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

#[test]
fn every_signature_agrees_or_is_known() {
    let suite = include_str!("../../tests/vectors/second-opinion.toml");
    let suite: Suite = toml::from_str(suite).unwrap();
    for case in &suite.dkim {
        case.case.check();
        let (verdict, differences) = both(case);
        let at = format!("{}: {differences:?}", case.case.name());
        let found: Vec<_> = differences
            .iter()
            .map(|d| d.known().map(|known| known.code()))
            .collect();
        match &case.known {
            Some(code) => assert_eq!(found, [Some(code.as_str())], "{at}"),
            None => assert!(found.is_empty(), "{at}"),
        }
        if let Some(dmarc) = &case.dmarc {
            assert_eq!(
                verdict.dmarc().unwrap().result().to_string(),
                *dmarc,
                "{at}"
            );
        }
    }
}

#[test]
fn every_known_difference_has_a_case() {
    let suite = include_str!("../../tests/vectors/second-opinion.toml");
    for known in SecondOpinion::known() {
        let line = format!("known = \"{}\"\n", known.code());
        assert!(suite.contains(&line), "{}", known.code());
    }
}
