//! What several test programs need. Each uses a part of it.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub(crate) mod slow;
pub(crate) mod zoo;

use dane_tlsa::{MatchingType, Selector, Tlsa};
use rustls_pki_types::CertificateDer;
use std::time::{Duration, SystemTime};
use zoo::Zoo;

pub(crate) const HOST: &str = "mx.example.org";

/// 2026-06-01, when everything in the zoo is valid that should be.
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_272_000)
}

/// A record about something in the zoo: `3 1 1 leaf`; `3 1 1 leaf~` has one bit turned, `3 1 1 leaf-`
/// has lost its last octet. Anything else is a record as it stands.
pub(crate) fn record(zoo: &Zoo, text: &str) -> Tlsa {
    let words: Vec<&str> = text.split(' ').collect();
    let &[usage, selector, matching, name] = &words[..] else {
        return text.parse().unwrap();
    };
    let Some(der) = zoo.get(name.trim_end_matches(['~', '-'])) else {
        return text.parse().unwrap();
    };
    let (selector, matching) = (selector.parse().unwrap(), matching.parse().unwrap());
    let mut data = data(der, selector, matching);
    if name.ends_with('~') {
        *data.last_mut().unwrap() ^= 1;
    }
    if name.ends_with('-') {
        data.pop();
    }
    Tlsa::new(usage.parse().unwrap(), selector, matching, data).unwrap()
}

/// What a record holds, made by other code than the crate's.
pub(crate) fn data(
    der: &CertificateDer<'_>,
    selector: Selector,
    matching: MatchingType,
) -> Vec<u8> {
    use aws_lc_rs::digest::{SHA256, SHA512, digest};
    let (_, parsed) = x509_parser::parse_x509_certificate(der).unwrap();
    let part = match selector {
        Selector::Cert => der.to_vec(),
        Selector::Spki => parsed.tbs_certificate.subject_pki.raw.to_vec(),
        other => panic!("{other:?}"),
    };
    match matching {
        MatchingType::Full => part,
        MatchingType::Sha256 => digest(&SHA256, &part).as_ref().to_vec(),
        MatchingType::Sha512 => digest(&SHA512, &part).as_ref().to_vec(),
        other => panic!("{other:?}"),
    }
}
