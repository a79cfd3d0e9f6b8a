//! Chains and records of every kind: the matcher says what a slow one says that shares no code with
//! it; and of certificates with turned bits it takes none that the slow one reads, and does not take.
//!
//! The certificates are made anew by each process, with one thing right or wrong each; the input
//! says which.
#![no_main]

#[path = "../../crates/dane-tlsa/tests/common/mod.rs"]
mod common;

use common::{HOST, now, record, slow, zoo::zoo};
use dane_tlsa::{
    CertificateUsage, Crypto, Matcher, MatchingType, References, RrSet, Selector, Tlsa, Verdict,
};
use libfuzzer_sys::fuzz_target;
use rustls_pki_types::CertificateDer;
use std::{sync::OnceLock, time::UNIX_EPOCH};

// One octet says how many certificates and records, then one for each certificate, three for each
// record; what is left turns bits, three octets for each.
fuzz_target!(|data: &[u8]| {
    let mut data = data.iter().copied();
    let mut next = || data.next().unwrap_or(0);
    let counts = next();
    let names = names();
    let pick = |at: u8| names[usize::from(at) % names.len()];
    let chain: Vec<&str> = (0..=counts % 6).map(|_| pick(next())).collect();
    let records: Vec<Tlsa> = (0..=counts / 6 % 5)
        .map(|_| {
            let (fields, what, fault) = (next(), next(), next());
            let (usage, selector, matching) = (fields & 1 | 2, fields >> 1 & 1, fields >> 2 & 3);
            // Mostly about the chain.
            let name = match what {
                0x80.. => pick(what & 0x7f),
                _ => chain[usize::from(what) % chain.len()],
            };
            let fault = ["", "", "", "~", "-"][usize::from(fault) % 5];
            record(
                zoo(),
                &format!("{usage} {selector} {} {name}{fault}", matching % 3),
            )
        })
        .collect();
    let mut certificates = zoo().chain(&chain);
    let now = now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs() as i64;

    let verdict = check(&records, &certificates);
    let slowly = slow::judge(&records, &certificates, &[HOST], now);
    let agrees = slow::agrees(&verdict, slowly, &records, &chain);
    assert!(agrees, "{slowly:?} {chain:?} {verdict:?} {records:?}");

    let turns: Vec<u8> = data.collect();
    for [which, high, low] in turns.as_chunks().0 {
        let which = usize::from(*which) % certificates.len();
        let mut der = certificates[which].to_vec();
        let bit = usize::from(u16::from_be_bytes([*high, *low])) % (der.len() * 8);
        der[bit / 8] ^= 1 << (bit % 8);
        certificates[which] = der.into();
    }
    if !turns.is_empty() {
        let verdict = check(&records, &certificates);
        if verdict.is_match() {
            // The slow one refuses more certificates than usage 3 does, which looks for a key alone;
            // and where one of two reads a certificate, that one may have a bare key's path without.
            let readable = x509_parser::parse_x509_certificate(&certificates[0]).is_ok();
            let fields = verdict
                .record()
                .map(|r| (r.usage(), r.selector(), r.matching()));
            let bare = (CertificateUsage::DaneTa, Selector::Spki, MatchingType::Full);
            let exact = match fields {
                Some((CertificateUsage::DaneEe, ..)) => readable,
                fields => fields != Some(bare),
            };
            if exact {
                let slowly = slow::judge(&records, &certificates, &[HOST], now);
                assert_eq!(
                    slowly.0,
                    verdict.class(),
                    "{chain:?} {verdict:?} {records:?}"
                );
            }
        }
    }
});

fn names() -> &'static [&'static str] {
    static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
    NAMES.get_or_init(|| zoo().names().collect())
}

fn check(records: &[Tlsa], chain: &[CertificateDer<'_>]) -> Verdict {
    let records = RrSet::new(records).assume_secure();
    let (Some(usable), Ok(names)) = (records.usable_for_smtp(), References::new([HOST])) else {
        return Verdict::unusable();
    };
    let matcher = Matcher::new(usable, names, Crypto::aws_lc_rs());
    matcher.check(&chain[0], &chain[1..], now())
}
