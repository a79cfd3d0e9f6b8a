//! What is read of a certificate, with x509-parser. It verifies nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::{
    asn1_rs::{Oid, oid},
    certificate::X509Certificate,
    extensions::GeneralName,
    prelude::{ASN1Time, FromDer},
};

const EC_PUBLIC_KEY: Oid<'static> = oid!(1.2.840.10045.2.1);
const P256: Oid<'static> = oid!(1.2.840.10045.3.1.7);
const P384: Oid<'static> = oid!(1.3.132.0.34);

pub(crate) struct View<'a>(X509Certificate<'a>);

impl<'a> View<'a> {
    pub(crate) fn read(der: &'a [u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        rest.is_empty().then_some(Self(certificate))
    }

    /// The first and the last moment of its validity (RFC 5280 §4.1.2.5).
    pub(super) fn validity(&self) -> Option<(SystemTime, SystemTime)> {
        let validity = self.0.validity();
        Some((time(validity.not_before)?, time(validity.not_after)?))
    }

    pub(super) fn issued_by(&self, issuer: &View<'_>) -> bool {
        self.0.issuer().as_raw() == issuer.0.subject().as_raw()
    }

    /// The DNS names of the SAN, in lower case; nothing of the subject (RFC 9525 §2).
    pub(crate) fn names(&self) -> Option<Vec<String>> {
        let san = self.0.subject_alternative_name().ok()?;
        let names = san.iter().flat_map(|san| &san.value.general_names);
        let dns = names.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        Some(dns.collect())
    }

    /// Its public key, as a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    pub(super) fn key(&self) -> &[u8] {
        self.0.public_key().raw
    }

    /// Whether its key is one for ECDSA with P-256 or P-384 (RFC 5480 §2.1.1).
    pub(super) fn is_nist_ecdsa(&self) -> bool {
        let algorithm = &self.0.public_key().algorithm;
        let curve = algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
        algorithm.algorithm == EC_PUBLIC_KEY && curve.is_some_and(|c| c == P256 || c == P384)
    }
}

fn time(time: ASN1Time) -> Option<SystemTime> {
    let seconds = time.timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    match seconds < 0 {
        true => UNIX_EPOCH.checked_sub(distance),
        false => UNIX_EPOCH.checked_add(distance),
    }
}
