//! Signatures: one case for each known difference of DKIM, and cases without one.

use super::{Difference, SecondOpinion};
use crate::{
    Context, Evaluation, Grade, Limits, Verdict,
    dkim::{DkimResult, tests::Case},
    facts::Facts,
};
use mail_dns::{Name, Query, RecordType, Zone};
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

/// The mutation takes the first of mail-auth's outputs for both of ours.
#[test]
fn signatures_that_cannot_be_told_apart_are_not_compared() {
    let tags =
        "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=ed; h=from:to:subject:date;";
    let [good, bad] = ["{bh}", "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv9="]
        .map(|bh| format!("{tags} bh={bh}; b={{b}}"));
    for tags in [[&good, &bad], [&bad, &good]] {
        let case = format!(
            "case = {{ name = \"\", rfc = \"\", reasons = [], results = [], tags = {tags:?} }}"
        );
        let (verdict, differences) = both(&toml::from_str(&case).unwrap());
        let passed = verdict
            .dkim()
            .iter()
            .filter(|d| d.result() == DkimResult::Pass);
        assert_eq!((passed.count(), verdict.dkim().len()), (1, 2));
        assert_eq!(differences, []);
    }
}

/// What mail-auth wants to know and the first opinion has not asked. The mutations hear it all the
/// same: then a time-out would stand against a pass.
#[test]
fn an_opinion_from_answers_that_are_not_there_is_not_heard() {
    let case: Signed = toml::from_str(
        "case = { name = \"\", rfc = \"\", reasons = [], results = [] }\n\
         dns = [[\"example.org\", \"v=spf1 ip4:192.0.2.1 -all\"], [\"_dmarc.example.org\", \"v=DMARC1; p=reject\"]]",
    )
    .unwrap();
    let (message, now) = (case.case.signed(), case.case.now());
    let (verdict, differences) = both(&case);
    assert_eq!(differences, []);
    assert_eq!(verdict.grade(), Grade::Verified);

    let context = Context::smtp(
        [192, 0, 2, 1].into(),
        "mx.example.org",
        "joe@example.org",
        now,
    );
    let spf = Zone::new()
        .txt("example.org", "v=spf1 ip4:192.0.2.1 -all")
        .unwrap();
    for known in [&[][..], &["mx.example.org", "example.org"]] {
        let mut facts = Facts::new(10);
        for name in known {
            let name: Name = name.parse().unwrap();
            facts.look_up(&name, RecordType::Txt);
            let query = Query::new(name, RecordType::Txt);
            facts.answer(&query, spf.answer(&query));
        }
        let second = SecondOpinion::new().unwrap();
        let differences = second.compare(Some(&message), &context, &facts, &verdict);
        assert_eq!(differences, [], "{known:?}");
    }
}

/// The mutation leaves the grade as it was.
#[test]
fn what_nobody_expected_takes_the_best_grade() {
    let case: Signed = toml::from_str(
        "case = { name = \"\", rfc = \"\", reasons = [], results = [] }\n\
         dns = [[\"_dmarc.example.org\", \"v=DMARC1; p=reject\"]]",
    )
    .unwrap();
    let (verdict, _) = both(&case);
    for (known, grade, reasons) in [
        (None, Grade::Plausible, 1),
        (SecondOpinion::known().first(), Grade::Verified, 0),
    ] {
        let difference = Difference {
            code: "second-opinion.spf",
            text: "pass, not fail".to_owned(),
            known,
        };
        let mut changed = verdict.clone();
        changed.add(&[difference]);
        assert_eq!(changed.grade(), grade);
        let found = changed.reasons().iter();
        assert_eq!(
            found.filter(|r| r.code() == "second-opinion.spf").count(),
            reasons
        );
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
