//! A chain as a lint sees it. The one file that names x509-parser.

use crate::{Crypto, MatchingType, Selector, Tlsa, cert};
use rustls_pki_types::CertificateDer;
use std::time::{Duration, SystemTime};
use x509_parser::{
    asn1_rs::oid,
    certificate::X509Certificate,
    extensions::GeneralName,
    oid_registry::{
        OID_PKCS1_MD5WITHRSAENC, OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA, OID_SIG_DSA_WITH_SHA1,
    },
    prelude::FromDer,
    x509::X509Version,
};

/// The certificates, the server's own one first.
pub(super) struct Chain<'a> {
    seen: Vec<Certificate<'a>>,
}

struct Certificate<'a> {
    /// What a record of selector 0 is about, and what one of selector 1.
    parts: Option<[Part<'a>; 2]>,
    view: Option<View<'a>>,
}

/// What a record can be about.
struct Part<'a> {
    whole: &'a [u8],
    sha256: [u8; 32],
    sha512: [u8; 64],
}

/// A certificate that can be read.
pub(super) struct View<'a>(X509Certificate<'a>);

/// Where a moment lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dates {
    Inside,
    /// Inside, but not for long.
    Soon,
    Outside,
}

impl<'a> Chain<'a> {
    pub(super) fn new(chain: &'a [CertificateDer<'_>], crypto: &Crypto) -> Self {
        let seen = chain.iter().map(|der| Certificate {
            parts: cert::spki(der).map(|spki| {
                [&**der, spki].map(|whole| Part {
                    whole,
                    sha256: crypto.sha256(whole),
                    sha512: crypto.sha512(whole),
                })
            }),
            view: match X509Certificate::from_der(der) {
                Ok(([], certificate)) => Some(View(certificate)),
                _ => None,
            },
        });
        Self {
            seen: seen.collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn view(&self, depth: usize) -> Option<&View<'a>> {
        self.seen.get(depth)?.view.as_ref()
    }

    /// The depths at which a certificate is what a record names, whatever its usage.
    pub(super) fn named_by(&self, record: &Tlsa) -> impl Iterator<Item = usize> {
        let is_named = |certificate: &Certificate<'_>| {
            let [whole, spki] = certificate.parts.as_ref()?;
            let part = match record.selector() {
                Selector::Cert => whole,
                Selector::Spki => spki,
                Selector::Unassigned(_) => return None,
            };
            Some(match record.matching() {
                MatchingType::Full => part.whole == record.data(),
                MatchingType::Sha256 => part.sha256 == record.data(),
                MatchingType::Sha512 => part.sha512 == record.data(),
                MatchingType::Unassigned(_) => false,
            })
        };
        let seen = self.seen.iter().enumerate();
        seen.filter_map(move |(depth, seen)| is_named(seen)?.then_some(depth))
    }

    /// A name that the server's own certificate is valid for.
    pub(super) fn own_name(&self) -> Option<String> {
        let san = self.view(0)?.0.subject_alternative_name().ok()??;
        san.value.general_names.iter().find_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.replace('*', "any")),
            _ => None,
        })
    }
}

impl View<'_> {
    pub(super) fn dates(&self, now: SystemTime, soon: Duration) -> Dates {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let now = match now.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => seconds(after),
            Err(before) => -seconds(before.duration()),
        };
        let validity = self.0.validity();
        let (from, to) = (
            validity.not_before.timestamp(),
            validity.not_after.timestamp(),
        );
        // RFC 5280 §4.1.2.5: both moments belong to it.
        if !(from..=to).contains(&now) {
            Dates::Outside
        } else if to.saturating_sub(seconds(soon)) < now {
            Dates::Soon
        } else {
            Dates::Inside
        }
    }

    pub(super) fn weak_signature(&self) -> bool {
        // ecdsa-with-SHA1 (RFC 3279 §2.2.3).
        let ecdsa_sha1 = oid!(1.2.840.10045.4.1);
        let algorithm = &self.0.signature_algorithm.algorithm;
        [
            OID_PKCS1_MD5WITHRSAENC,
            OID_PKCS1_SHA1WITHRSA,
            OID_SHA1_WITH_RSA,
            ecdsa_sha1,
            OID_SIG_DSA_WITH_SHA1,
        ]
        .contains(algorithm)
    }

    /// Whether it is the certificate of an authority (RFC 5280 §4.2.1.9, §4.2.1.3). One of version 1
    /// cannot say that it is one: it is, if it has issued itself.
    pub(super) fn may_issue(&self) -> bool {
        if self.0.version == X509Version::V1 {
            return self.0.subject().as_raw() == self.0.issuer().as_raw();
        }
        let authority = self.0.basic_constraints();
        let authority = authority.ok().flatten().is_some_and(|c| c.value.ca);
        let usage = self.0.key_usage();
        let signs = usage.is_ok_and(|u| u.is_none_or(|u| u.value.key_cert_sign()));
        authority && signs
    }
}
