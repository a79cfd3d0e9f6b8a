//! What lint says: vectors with the section of the RFC that each comes from, and that it agrees with the matcher.
#![allow(clippy::unwrap_used)] // a test
#![cfg(all(feature = "aws-lc-rs", feature = "lint"))]

use dane_tlsa::{
    Crypto, LINT_MAX_CHAIN, LINT_MAX_RECORDS, LintCode, LintOptions, Matcher, MatchingType,
    Parameters, References, RrSet, Severity, Tlsa, lint, lint_with,
};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::CertificateDer;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    sync::OnceLock,
    time::{Duration, SystemTime},
};

const HOST: &str = "mx.example.org";

/// The day of the fixture: 0 is 2026-01-01.
fn day(day: i64) -> SystemTime {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    let distance = Duration::from_secs(day.unsigned_abs() * 86_400);
    match day < 0 {
        true => start - distance,
        false => start + distance,
    }
}

/// The certificates that the vectors name.
fn certificates() -> &'static BTreeMap<&'static str, CertificateDer<'static>> {
    static MADE: OnceLock<BTreeMap<&str, CertificateDer<'_>>> = OnceLock::new();
    MADE.get_or_init(|| {
        let key = || KeyPair::generate().unwrap();
        let params = |names: &[&str], common: &str, days: std::ops::Range<i64>| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            let mut params = CertificateParams::new(names).unwrap();
            params.distinguished_name.push(DnType::CommonName, common);
            (params.not_before, params.not_after) = (day(days.start).into(), day(days.end).into());
            params
        };
        let authority = |common: &str, days| {
            let mut params = params(&[], common, days);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params
        };
        let leaf = |days| params(&[HOST], HOST, days);
        let root = CertifiedIssuer::self_signed(authority("Root", 0..3650), key()).unwrap();
        let intermediate = authority("Intermediate", 0..365);
        let intermediate = CertifiedIssuer::signed_by(intermediate, key(), &root).unwrap();
        let plain =
            CertifiedIssuer::self_signed(params(&["plain.example.org"], "Plain", 0..365), key())
                .unwrap();
        // rcgen signs with no SHA-1: the name of the algorithm is changed, which is what is looked at.
        let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        let sha1_ca = authority("SHA-1", 0..365);
        let sha1_ca = CertifiedIssuer::self_signed(sha1_ca, rsa.unwrap()).unwrap();
        let sha1_leaf = leaf(0..90).signed_by(&key(), &sha1_ca).unwrap();
        let mut sha1_leaf = sha1_leaf.der().to_vec();
        let sha256_with_rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
        for at in 0..sha1_leaf.len() - 9 {
            if sha1_leaf[at..at + 9] == sha256_with_rsa {
                sha1_leaf[at + 8] = 5;
            }
        }
        let large: Vec<String> = (0..60)
            .map(|i| format!("a-long-name-{i}.example.org"))
            .collect();
        let large: Vec<&str> = large.iter().map(String::as_str).collect();
        let large = params(&large, "Large", 0..90).self_signed(&key()).unwrap();
        let signed = |by: &CertifiedIssuer<'_, KeyPair>, days| {
            leaf(days).signed_by(&key(), by).unwrap().der().clone()
        };
        BTreeMap::from([
            ("leaf", signed(&intermediate, 0..90)),
            ("renewed", signed(&intermediate, 300..390)),
            ("of-plain", signed(&plain, 0..90)),
            ("sha1-leaf", sha1_leaf.into()),
            (
                "other",
                leaf(0..90).self_signed(&key()).unwrap().der().clone(),
            ),
            ("large", large.der().clone()),
            ("root", root.der().clone()),
            ("intermediate", intermediate.der().clone()),
            ("plain", plain.der().clone()),
            ("sha1-ca", sha1_ca.der().clone()),
            ("broken", CertificateDer::from(vec![0x30, 0x82, 1])),
        ])
    })
}

/// A record out of fields and a name, or data.
fn record(text: &str) -> Tlsa {
    let (fields, named) = text.rsplit_once(' ').unwrap();
    let Some(certificate) = certificates().get(named) else {
        return text.parse().unwrap();
    };
    let wanted: Parameters = fields.parse().unwrap();
    // Numbers without a meaning have the data of the nearest that has one.
    let mut known = wanted;
    known.usage = 3.into();
    if u8::from(wanted.selector) > 1 {
        known.selector = 1.into();
    }
    if u8::from(wanted.matching) > 2 {
        known.matching = MatchingType::Sha256;
    }
    let made = Tlsa::for_certificate(known, certificate, &Crypto::aws_lc_rs()).unwrap();
    Tlsa::new(wanted.usage, wanted.selector, wanted.matching, made.data()).unwrap()
}

fn chain(names: &[String]) -> Vec<CertificateDer<'static>> {
    names
        .iter()
        .map(|name| certificates()[&**name].clone())
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rfc: String,
    records: Vec<String>,
    chain: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default = "ten")]
    day: i64,
    findings: Vec<String>,
}

fn ten() -> i64 {
    10
}

#[derive(Deserialize)]
struct Vectors {
    case: Vec<Case>,
}

#[test]
fn vectors() {
    let vectors: Vectors = toml::from_str(include_str!("data/lint.toml")).unwrap();
    assert!(vectors.case.len() > 30);
    for case in vectors.case {
        let records: Vec<Tlsa> = case.records.iter().map(|text| record(text)).collect();
        let mut options = LintOptions::default();
        options.names = References::new(&case.names).ok();
        let chain = chain(&case.chain);
        let crypto = Crypto::aws_lc_rs();
        let findings = lint_with(&records, &chain, day(case.day), &crypto, &options);
        let mut found: Vec<String> = findings
            .iter()
            .map(|finding| {
                let code = finding.code().as_str().strip_prefix("dane.lint.").unwrap();
                let at = |at: Option<usize>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
                let (record, depth) = (at(finding.record()), at(finding.depth()));
                match (&*record, &*depth) {
                    ("-", "-") => code.to_owned(),
                    _ => format!("{code} {record} {depth}"),
                }
            })
            .collect();
        found.sort();
        let mut expected = case.findings;
        expected.sort();
        assert_eq!(found, expected, "{} (RFC {})", case.name, case.rfc);
        assert!(findings.is_sorted_by_key(|f| f.severity()), "{}", case.name);
    }
}

#[test]
fn every_code_has_a_vector() {
    let vectors: Vectors = toml::from_str(include_str!("data/lint.toml")).unwrap();
    let all = vectors.case.iter().flat_map(|case| &case.findings);
    let all: Vec<&str> = all.map(|f| f.split(' ').next().unwrap()).collect();
    let source = include_str!("../src/lint/finding.rs");
    let codes = source.lines().filter_map(|line| {
        ["Error", "Warning", "Notice"].iter().find_map(|s| {
            let rest = line.split_once(&format!("= {s} \""))?.1;
            rest.split('"').next()
        })
    });
    let codes: Vec<&str> = codes.collect();
    assert!(codes.len() > 25, "{codes:?}");
    for code in codes {
        // These two have tests of their own, below.
        let known = all.contains(&code) || ["too-many", "untrusted"].contains(&code);
        assert!(known, "{code} has no vector");
    }
}

#[test]
fn what_has_no_name_is_a_mismatch_for_an_authority() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, key).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, HOST);
    let leaf = params.signed_by(&KeyPair::generate().unwrap(), &authority);
    let chain = [leaf.unwrap().der().clone(), authority.der().clone()];
    let crypto = Crypto::aws_lc_rs();
    let record = Tlsa::for_certificate(Parameters::DANE_TA, &chain[1], &crypto).unwrap();
    let findings = lint(&[record], &chain, day(10), &crypto);
    assert_eq!(findings[0].code(), LintCode::NameMismatch);
}

#[test]
fn a_path_that_is_not_valid_is_told_with_its_reason() {
    let crypto = Crypto::aws_lc_rs();
    let chain = chain(&["of-plain".into(), "plain".into()]);
    let findings = lint(&[record("2 1 1 plain")], &chain, day(10), &crypto);
    let code = findings[0].code();
    assert!(matches!(code, LintCode::Untrusted(_)), "{findings:?}");
    assert!(
        findings[0]
            .to_string()
            .starts_with("error dane.lint.untrusted, record 1, certificate 1: ")
    );
}

#[test]
fn no_more_than_the_limits_is_looked_at() {
    let crypto = Crypto::aws_lc_rs();
    let good = record("3 1 1 leaf");
    let own = chain(&["leaf".into()]);
    let mut records: Vec<Tlsa> = (0..LINT_MAX_RECORDS)
        .map(|i| {
            Tlsa::new(
                3.into(),
                1.into(),
                1.into(),
                (i as u64).to_be_bytes().repeat(4),
            )
            .unwrap()
        })
        .collect();
    records[0] = good;
    let has = |records: &[Tlsa], chain: &[CertificateDer<'_>]| {
        let findings = lint(records, chain, day(10), &crypto);
        findings.iter().any(|f| f.code() == LintCode::TooMany)
    };
    assert!(!has(&records, &own));
    records.push(records[1].clone());
    assert!(has(&records, &own));
    let long = |length| vec![certificates()["leaf"].clone(); length];
    assert!(!has(&records[..1], &long(LINT_MAX_CHAIN)));
    assert!(has(&records[..1], &long(LINT_MAX_CHAIN + 1)));
}

fn some_record() -> impl Strategy<Value = Tlsa> {
    let names: Vec<&str> = certificates()
        .keys()
        .copied()
        .filter(|n| *n != "broken")
        .collect();
    let named = (0..5_u8, 0..3_u8, 0..4_u8, prop::sample::select(names));
    let named = named.prop_map(|(u, s, m, name)| record(&format!("{u} {s} {m} {name}")));
    let data = (
        0..5_u8,
        0..3_u8,
        0..4_u8,
        prop::collection::vec(any::<u8>(), 1..70),
    );
    let data =
        data.prop_map(|(u, s, m, data)| Tlsa::new(u.into(), s.into(), m.into(), data).unwrap());
    prop_oneof![4 => named, 1 => data]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// An error means exactly that the matcher says something else than a match.
    #[test]
    fn errors_are_what_the_matcher_says(
        records in prop::collection::vec(some_record(), 0..6),
        names in prop::collection::vec(prop::sample::select(certificates().keys().copied().collect::<Vec<_>>()), 0..4),
        at in -5..400_i64,
    ) {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let (chain, crypto) = (chain(&names), Crypto::aws_lc_rs());
        let mut options = LintOptions::default();
        options.names = References::new([HOST]).ok();
        let findings = lint_with(&records, &chain, day(at), &crypto, &options);
        let errors = findings.iter().filter(|f| f.severity() == Severity::Error).count();
        let usable = RrSet::new(records.clone()).assume_secure().usable_for_smtp();
        let matched = usable.zip(chain.split_first()).is_some_and(|(usable, (own, others))| {
            let matcher = Matcher::new(usable, References::new([HOST]).unwrap(), crypto);
            matcher.check(own, others, day(at)).is_match()
        });
        prop_assert_eq!(errors, usize::from(!matched), "{:?}", findings);
        for finding in &findings {
            prop_assert!(finding.record().is_none_or(|at| at < records.len()));
            prop_assert!(finding.depth().is_none_or(|at| at < chain.len()));
        }
        // The order of the records changes nothing but their numbers.
        let mut reversed = records;
        reversed.reverse();
        let mut again = lint_with(&reversed, &chain, day(at), &crypto, &options);
        let mut findings = findings;
        let code = |f: &dane_tlsa::Finding| f.code().as_str();
        findings.retain(|f| f.severity() == Severity::Error);
        again.retain(|f| f.severity() == Severity::Error);
        prop_assert_eq!(findings.iter().map(code).collect::<Vec<_>>(), again.iter().map(code).collect::<Vec<_>>());
    }
}
