//! `tests/vectors/*.toml`: records and chains, and what becomes of them. Each case names the section
//! of the RFC that it shows.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(feature = "aws-lc-rs")]

mod common;

use common::{HOST, now, record, zoo::zoo};
use dane_tlsa::{
    Class, Crypto, EndEntityNames, Matcher, MatchingType, References, Roots, RrSet, Selector, Tlsa,
    Verdict,
};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
struct Suite {
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    rfc: String,
    /// Of `tests/common/zoo.rs`, the server's first.
    chain: Vec<String>,
    tlsa: Vec<String>,
    /// With it, usages 0 and 1 count.
    roots: Option<Vec<String>>,
    /// Beside the host.
    #[serde(default)]
    references: Vec<String>,
    /// Usage 3 looks at names.
    #[serde(default)]
    names: bool,
    class: String,
    depth: Option<usize>,
    /// Which of the records, counted from 0, if it is not the only one.
    record: Option<usize>,
    reason: Option<String>,
}

impl Case {
    fn records(&self) -> Vec<Tlsa> {
        self.tlsa.iter().map(|text| record(zoo(), text)).collect()
    }

    fn judge(&self, records: Vec<Tlsa>, crypto: Crypto) -> Verdict {
        let records = RrSet::new(records).assume_secure();
        let usable = match &self.roots {
            Some(roots) => records.usable_with_roots(Arc::new(Roots::new(zoo().chain(roots)))),
            None => records.usable_for_smtp(),
        };
        let Some(usable) = usable else {
            return Verdict::unusable();
        };
        let names = match self.names {
            true => EndEntityNames::Checked,
            false => EndEntityNames::Ignored,
        };
        let references = std::iter::once(HOST).chain(self.references.iter().map(|n| &**n));
        let chain = zoo().chain(&self.chain);
        Matcher::new(usable, References::new(references).unwrap(), crypto)
            .with_end_entity_names(names)
            .check(&chain[0], &chain[1..], now())
    }
}

fn cases() -> Vec<Case> {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")).unwrap();
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let suite: Suite = toml::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        suite.case
    };
    let cases: Vec<Case> = folder.flat_map(read).collect();
    assert!(!cases.is_empty(), "no vectors were run");
    cases
}

fn class(name: &str) -> Class {
    match name {
        "match" => Class::Match,
        "name-mismatch" => Class::NameMismatch,
        "expired" => Class::Expired,
        "untrusted" => Class::Untrusted,
        "no-match" => Class::NoMatch,
        "unusable" => Class::Unusable,
        other => panic!("no class: {other}"),
    }
}

fn run(crypto: Crypto) {
    let mut failed = Vec::new();
    for case in cases() {
        let records = case.records();
        let verdict = case.judge(records.clone(), crypto);
        let code = verdict.reason().code();
        let named = case.depth.map(|_| &records[case.record.unwrap_or(0)]);
        let right = verdict.class() == class(&case.class)
            && verdict.depth() == case.depth
            && verdict.record() == named
            && case.reason.as_ref().is_none_or(|reason| reason == code);
        if !right {
            let depth = verdict.depth();
            failed.push(format!(
                "{} (RFC {}): {code} at {depth:?}",
                case.name, case.rfc
            ));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn vectors_with_aws_lc() {
    run(Crypto::aws_lc_rs());
}

#[test]
#[cfg(feature = "ring")]
fn vectors_with_ring() {
    run(Crypto::ring());
}

/// The mutation: the record that matches, alone, with one bit turned (or, whole, of a
/// server, because the signature on an anchor does not count), and nothing matches any more.
#[test]
fn no_vector_matches_by_anything_but_its_record() {
    let mut matches = 0;
    for case in cases().iter().filter(|case| case.class == "match") {
        let record = &case.records()[case.record.unwrap_or(0)];
        let full = (record.selector(), record.matching()) == (Selector::Cert, MatchingType::Full);
        let data = match full {
            true => zoo().get("leaf-of-root").unwrap().to_vec(),
            false => {
                let mut data = record.data().to_vec();
                *data.last_mut().unwrap() ^= 1;
                data
            }
        };
        let turned = Tlsa::new(record.usage(), record.selector(), record.matching(), data);
        let alone = case.judge(vec![record.clone()], Crypto::aws_lc_rs());
        let turned = case.judge(vec![turned.unwrap()], Crypto::aws_lc_rs());
        assert!(!turned.is_match(), "{}", case.name);
        matches += usize::from(alone.is_match());
    }
    assert!(matches > 50, "{matches}");
}
