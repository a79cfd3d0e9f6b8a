//! Records of a certificate or a key, and the lines of a zone file.

use crate::{
    CertificateUsage, Crypto, MatchingType, RecordError, Selector, Tlsa,
    cert::{self, PublicKey},
};
use mail_dns::{Name, NameError};
use rustls_pki_types::CertificateDer;
use std::{fmt, str::FromStr};

/// Usage, selector and matching type: what RFC 7671 §8 calls the parameters of a record.
#[allow(clippy::exhaustive_structs)] // complete by RFC 6698 §2.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Parameters {
    /// What a record says about a certificate chain.
    pub usage: CertificateUsage,
    /// Which part of a certificate is compared.
    pub selector: Selector,
    /// How the part is compared.
    pub matching: MatchingType,
}

impl Parameters {
    /// `3 1 1`: the server's own key. What RFC 7671 §5.1 and RFC 7672 §3.1.1 recommend.
    pub const DANE_EE: Self = Self {
        usage: CertificateUsage::DaneEe,
        selector: Selector::Spki,
        matching: MatchingType::Sha256,
    };

    /// `2 1 1`: the key of an authority that the server sends in its chain (RFC 7672 §3.1.2).
    pub const DANE_TA: Self = Self {
        usage: CertificateUsage::DaneTa,
        selector: Selector::Spki,
        matching: MatchingType::Sha256,
    };

    /// Whether records with them name the server's own certificate or key, not an authority.
    pub fn is_end_entity(&self) -> bool {
        matches!(
            self.usage,
            CertificateUsage::DaneEe | CertificateUsage::PkixEe
        )
    }
}

impl From<&Tlsa> for Parameters {
    fn from(record: &Tlsa) -> Self {
        Self {
            usage: record.usage(),
            selector: record.selector(),
            matching: record.matching(),
        }
    }
}

/// As in a record: `3 1 1`.
impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.usage, self.selector, self.matching)
    }
}

/// Reads three numbers or acronyms (RFC 7218 §2).
impl FromStr for Parameters {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        let mut words = text.split_ascii_whitespace();
        let mut word = || words.next().ok_or(RecordError::Field);
        let parameters = Self {
            usage: word()?.parse()?,
            selector: word()?.parse()?,
            matching: word()?.parse()?,
        };
        match words.next() {
            None => Ok(parameters),
            Some(_) => Err(RecordError::Field),
        }
    }
}

/// Why there is no record to publish.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The octets have not the form of a certificate.
    #[error("no certificate")]
    NotACertificate,
    /// The octets have not the form of a SubjectPublicKeyInfo.
    #[error("no public key")]
    NotAKey,
    /// Selector 0 is about a whole certificate, and there is only a key.
    #[error("selector 0 wants a certificate, not a key")]
    SelectorWantsCertificate,
    /// Usages 0 and 2 are about an authority, and the chain has only the server's own certificate.
    #[error("usages 0 and 2 want the certificate of an authority")]
    UsageWantsAuthority,
    /// A usage, selector or matching type without a meaning.
    #[error("parameters without a meaning")]
    Unassigned,
    /// More octets than a record can hold.
    #[error("too large for a record")]
    TooLarge,
}

impl Tlsa {
    /// The record of a certificate, in DER: of the server's own one for usages 1 and 3, of an
    /// authority's for 0 and 2. Whether it fits the usage is for `lint` to say.
    ///
    /// # Errors
    /// [`PublishError::NotACertificate`], [`PublishError::Unassigned`], [`PublishError::TooLarge`].
    pub fn for_certificate(
        parameters: Parameters,
        certificate: &CertificateDer<'_>,
        crypto: &Crypto,
    ) -> Result<Self, PublishError> {
        let spki = cert::spki(certificate).ok_or(PublishError::NotACertificate)?;
        match parameters.selector {
            Selector::Cert => Self::of_part(parameters, certificate, crypto),
            Selector::Spki => Self::of_part(parameters, spki, crypto),
            Selector::Unassigned(_) => Err(PublishError::Unassigned),
        }
    }

    /// The record of a public key, as the DER of its SubjectPublicKeyInfo: before there is a
    /// certificate of it, or where there will be none (RFC 7250).
    ///
    /// # Errors
    /// [`PublishError::NotAKey`], [`PublishError::SelectorWantsCertificate`],
    /// [`PublishError::Unassigned`], [`PublishError::TooLarge`].
    pub fn for_key(
        parameters: Parameters,
        spki: &[u8],
        crypto: &Crypto,
    ) -> Result<Self, PublishError> {
        PublicKey::parse(spki).ok_or(PublishError::NotAKey)?;
        match parameters.selector {
            Selector::Spki => Self::of_part(parameters, spki, crypto),
            Selector::Cert => Err(PublishError::SelectorWantsCertificate),
            Selector::Unassigned(_) => Err(PublishError::Unassigned),
        }
    }

    fn of_part(parameters: Parameters, part: &[u8], crypto: &Crypto) -> Result<Self, PublishError> {
        let Parameters {
            usage,
            selector,
            matching,
        } = parameters;
        if matches!(usage, CertificateUsage::Unassigned(_)) {
            return Err(PublishError::Unassigned);
        }
        let record = match matching {
            MatchingType::Full => Self::new(usage, selector, matching, part),
            MatchingType::Sha256 => Self::new(usage, selector, matching, &crypto.sha256(part)[..]),
            MatchingType::Sha512 => Self::new(usage, selector, matching, &crypto.sha512(part)[..]),
            MatchingType::Unassigned(_) => return Err(PublishError::Unassigned),
        };
        record.map_err(|_| PublishError::TooLarge)
    }
}

/// Where the records of a service stand: `_25._tcp.mx.example.org` (RFC 6698 §3). Of SMTP it is the
/// host of the MX record, not the domain of an address (RFC 7672 §3.2.2).
///
/// # Errors
/// [`NameError`] where the name would be too long.
pub fn owner(port: u16, host: &Name) -> Result<Name, NameError> {
    host.prefixed(&format!("_{port}._tcp"))
}

/// A record as a line of a zone file: owner, TTL, class, type and data (RFC 1035 §5.1).
///
/// ```
/// use dane_tlsa::{ZoneLine, owner};
/// let owner = owner(25, &"mx.example.org".parse()?)?;
/// let record = "3 1 1 0f0e0d0c0b0a09080706050403020100 0f0e0d0c0b0a09080706050403020100".parse()?;
/// assert_eq!(
///     ZoneLine::new(&owner, &record).ttl(3600).to_string(),
///     "_25._tcp.mx.example.org. 3600 IN TLSA 3 1 1 0f0e0d0c0b0a090807060504030201000f0e0d0c0b0a09080706050403020100",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ZoneLine<'a> {
    owner: &'a Name,
    ttl: Option<u32>,
    record: &'a Tlsa,
}

impl<'a> ZoneLine<'a> {
    /// Without a TTL: the zone's default counts.
    pub fn new(owner: &'a Name, record: &'a Tlsa) -> Self {
        Self {
            owner,
            ttl: None,
            record,
        }
    }

    /// With a TTL, in seconds.
    #[must_use]
    pub fn ttl(self, seconds: u32) -> Self {
        let ttl = Some(seconds);
        Self { ttl, ..self }
    }
}

impl fmt::Display for ZoneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.owner.to_string();
        for character in owner.chars() {
            // What a zone file takes for something else than a part of a name.
            if matches!(character, '"' | ';' | '(' | ')' | '@' | '$') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        if !self.owner.is_root() {
            f.write_str(".")?;
        }
        if let Some(ttl) = self.ttl {
            write!(f, " {ttl}")?;
        }
        write!(f, " IN TLSA {}", self.record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_read_and_print() {
        for (text, parameters) in [
            ("3 1 1", Parameters::DANE_EE),
            ("DANE-TA spki sha2-256", Parameters::DANE_TA),
        ] {
            assert_eq!(text.parse(), Ok(parameters));
            assert_eq!(parameters.to_string().parse(), Ok(parameters));
        }
        for bad in ["", "3 1", "3 1 1 1", "3 1 x", "3 1 256"] {
            assert!(bad.parse::<Parameters>().is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_in_a_name_is_taken_for_something_else() {
        let record: Tlsa = "3 1 1 ab".parse().unwrap();
        let host = Name::from_labels(["a;b $(c)", "org"]).unwrap();
        let owner = owner(25, &host).unwrap();
        assert_eq!(
            ZoneLine::new(&owner, &record).to_string(),
            "_25._tcp.a\\;b\\032\\$\\(c\\).org. IN TLSA 3 1 1 ab"
        );
        let long = [
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(60),
        ];
        let long = Name::from_labels(long).unwrap();
        assert!(super::owner(25, &long).is_err());
    }
}
