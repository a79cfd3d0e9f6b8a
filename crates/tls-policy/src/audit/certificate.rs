//! What the rules want to know of a certificate, with x509-parser. It verifies nothing.

use x509_parser::{
    asn1_rs::{Oid, oid},
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
    public_key::PublicKey,
    signature_algorithm::SignatureAlgorithm,
};

/// Octets of a certificate that is read.
pub(crate) const MAX_DER: usize = 64 * 1024;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) subject: String,
    pub(crate) key: Key,
    pub(crate) signature: Signature,
    /// Seconds from its beginning to its end.
    pub(crate) lifetime: i64,
    pub(crate) wildcards: Vec<String>,
    /// It says where a CRL or an OCSP responder is.
    pub(crate) revocation: bool,
    pub(crate) is_ca: bool,
    pub(crate) path_length: bool,
    pub(crate) key_usage: Usage,
    pub(crate) self_issued: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Rsa(u32),
    Ec(Curve),
    Ed25519,
    Ed448,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P224,
    P256,
    P384,
    P521,
    BrainpoolP256,
    BrainpoolP384,
    BrainpoolP512,
    Other,
}

/// How it was signed, and the bits of the hash, if it has one that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    RsaPkcs1(u16),
    RsaPss(u16),
    Ecdsa(u16),
    EdDsa,
    Other,
}

/// The key usage extension (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    Absent,
    NotCritical,
    Critical,
}

impl Certificate {
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        if der.len() > MAX_DER {
            return None;
        }
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let validity = certificate.validity();
        let (from, until) = (validity.not_before, validity.not_after);
        let constraints = certificate.basic_constraints().ok()?;
        let usage = certificate.key_usage().ok()?;
        Some(Self {
            subject: certificate.subject().to_string(),
            key: key(&certificate),
            signature: signature(&certificate),
            lifetime: until.timestamp().checked_sub(from.timestamp())?,
            wildcards: wildcards(&certificate)?,
            revocation: revocation(&certificate),
            is_ca: constraints.as_ref().is_some_and(|c| c.value.ca),
            path_length: constraints.is_some_and(|c| c.value.path_len_constraint.is_some()),
            key_usage: match usage {
                None => Usage::Absent,
                Some(usage) if usage.critical => Usage::Critical,
                Some(_) => Usage::NotCritical,
            },
            self_issued: certificate.issuer().as_raw() == certificate.subject().as_raw(),
        })
    }
}

fn key(certificate: &X509Certificate<'_>) -> Key {
    const ED25519: Oid<'static> = oid!(1.3.101.112);
    const ED448: Oid<'static> = oid!(1.3.101.113);
    let info = certificate.public_key();
    let algorithm = &info.algorithm.algorithm;
    if *algorithm == ED25519 {
        return Key::Ed25519;
    }
    if *algorithm == ED448 {
        return Key::Ed448;
    }
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => Key::Rsa(bits(rsa.modulus)),
        Ok(PublicKey::EC(_)) => {
            let curve = info.algorithm.parameters.as_ref();
            Key::Ec(
                curve
                    .and_then(|p| p.as_oid().ok())
                    .map_or(Curve::Other, curve_of),
            )
        }
        _ => Key::Other,
    }
}

/// Bits of a positive number in octets.
fn bits(number: &[u8]) -> u32 {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    let Some((first, rest)) = number.get(zeros..).and_then(<[u8]>::split_first) else {
        return 0;
    };
    let rest = u32::try_from(rest.len()).unwrap_or(u32::MAX / 16);
    rest.saturating_mul(8) + (8 - first.leading_zeros())
}

fn curve_of(oid: Oid<'_>) -> Curve {
    const CURVES: [(Oid<'static>, Curve); 7] = [
        (oid!(1.3.132.0.33), Curve::P224),
        (oid!(1.2.840.10045.3.1.7), Curve::P256),
        (oid!(1.3.132.0.34), Curve::P384),
        (oid!(1.3.132.0.35), Curve::P521),
        (oid!(1.3.36.3.3.2.8.1.1.7), Curve::BrainpoolP256),
        (oid!(1.3.36.3.3.2.8.1.1.11), Curve::BrainpoolP384),
        (oid!(1.3.36.3.3.2.8.1.1.13), Curve::BrainpoolP512),
    ];
    let found = CURVES.into_iter().find(|(known, _)| *known == oid);
    found.map_or(Curve::Other, |(_, curve)| curve)
}

fn signature(certificate: &X509Certificate<'_>) -> Signature {
    const SIGNATURES: [(Oid<'static>, Signature); 13] = [
        (oid!(1.2.840.113549.1.1.4), Signature::RsaPkcs1(128)),
        (oid!(1.2.840.113549.1.1.5), Signature::RsaPkcs1(160)),
        (oid!(1.2.840.113549.1.1.14), Signature::RsaPkcs1(224)),
        (oid!(1.2.840.113549.1.1.11), Signature::RsaPkcs1(256)),
        (oid!(1.2.840.113549.1.1.12), Signature::RsaPkcs1(384)),
        (oid!(1.2.840.113549.1.1.13), Signature::RsaPkcs1(512)),
        (oid!(1.2.840.10045.4.1), Signature::Ecdsa(160)),
        (oid!(1.2.840.10045.4.3.1), Signature::Ecdsa(224)),
        (oid!(1.2.840.10045.4.3.2), Signature::Ecdsa(256)),
        (oid!(1.2.840.10045.4.3.3), Signature::Ecdsa(384)),
        (oid!(1.2.840.10045.4.3.4), Signature::Ecdsa(512)),
        (oid!(1.3.101.112), Signature::EdDsa),
        (oid!(1.3.101.113), Signature::EdDsa),
    ];
    let algorithm = &certificate.signature_algorithm;
    let mut known = SIGNATURES.into_iter();
    if let Some((_, found)) = known.find(|(oid, _)| *oid == algorithm.algorithm) {
        return found;
    }
    match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => {
            Signature::RsaPss(hash_bits(parameters.hash_algorithm_oid()))
        }
        _ => Signature::Other,
    }
}

/// 0 for one that is not known.
fn hash_bits(oid: &Oid<'_>) -> u16 {
    const HASHES: [(Oid<'static>, u16); 5] = [
        (oid!(1.3.14.3.2.26), 160),
        (oid!(2.16.840.1.101.3.4.2.4), 224),
        (oid!(2.16.840.1.101.3.4.2.1), 256),
        (oid!(2.16.840.1.101.3.4.2.2), 384),
        (oid!(2.16.840.1.101.3.4.2.3), 512),
    ];
    let found = HASHES.into_iter().find(|(known, _)| known == oid);
    found.map_or(0, |(_, bits)| bits)
}

fn wildcards(certificate: &X509Certificate<'_>) -> Option<Vec<String>> {
    let san = certificate.subject_alternative_name().ok()?;
    let names = san.iter().flat_map(|san| &san.value.general_names);
    let names = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    let common = certificate.subject().iter_common_name();
    let common = common.filter_map(|name| name.as_str().ok());
    let stars = names.chain(common).filter(|name| name.contains('*'));
    Some(stars.map(str::to_owned).collect())
}

fn revocation(certificate: &X509Certificate<'_>) -> bool {
    const OCSP: Oid<'static> = oid!(1.3.6.1.5.5.7.48.1);
    certificate
        .iter_extensions()
        .any(|extension| match extension.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => !points.points.is_empty(),
            ParsedExtension::AuthorityInfoAccess(access) => {
                access.iter().any(|access| access.access_method == OCSP)
            }
            _ => false,
        })
}

impl Key {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Rsa(bits) => format!("RSA {bits}"),
            Self::Ec(curve) => format!("ECDSA {curve:?}"),
            other => format!("{other:?}"),
        }
    }
}

impl Signature {
    pub(crate) fn text(self) -> String {
        match self {
            Self::RsaPkcs1(bits) => format!("RSA PKCS#1 v1.5 with a hash of {bits} bits"),
            Self::RsaPss(bits) => format!("RSA-PSS with a hash of {bits} bits"),
            Self::Ecdsa(bits) => format!("ECDSA with a hash of {bits} bits"),
            Self::EdDsa => "EdDSA".into(),
            Self::Other => "an unknown signature".into(),
        }
    }
}
