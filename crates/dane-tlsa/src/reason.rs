use crate::Tlsa;
use std::fmt;

/// What DANE says of a server's certificates, with the evidence.
///
/// A verdict is not an error: "no match" is what the records say.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    reason: Reason,
    record: Option<Tlsa>,
    depth: Option<usize>,
}

/// How far the record came that came furthest, from nothing to everything.
#[allow(clippy::exhaustive_enums)] // the steps of a verification, and their order
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// There is no usable record: encryption without authentication (RFC 7672 §2.2).
    Unusable,
    /// No record is about these certificates.
    NoMatch,
    /// A record is, but there is no path that can be trusted from the server to what it names.
    Untrusted,
    /// The path would do at another time.
    Expired,
    /// The path will do, for another server.
    NameMismatch,
    /// The server is authenticated.
    Match,
}

/// Why the verdict is what it is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A record is satisfied.
    Match,
    /// None of the reference identifiers is among the names of the certificate (RFC 7672 §3.2.3).
    NameMismatch,
    /// A certificate of the path is no longer valid.
    Expired,
    /// A certificate of the path is not yet valid.
    NotYetValid,
    /// The path does not lead to an authority that is named or trusted.
    UnknownIssuer,
    /// A signature on a certificate is wrong.
    BadSignature,
    /// A signature or a key of an algorithm that is not accepted.
    Algorithm,
    /// An issuer that is no authority (RFC 5280 §4.2.1.9).
    NotACa,
    /// An authority that presents itself as a server.
    CaAsServer,
    /// An issuer that may not sign certificates, or a server whose key may not be used for TLS
    /// (RFC 5280 §4.2.1.3).
    KeyUsage,
    /// More intermediate certificates than an issuer allows (RFC 5280 §4.2.1.9).
    PathLength,
    /// A certificate that is for other purposes than TLS servers (RFC 5280 §4.2.1.12).
    Purpose,
    /// A name that an issuer may not certify (RFC 5280 §4.2.1.10).
    NameConstraint,
    /// An extension that must be understood is not (RFC 5280 §4.2).
    CriticalExtension,
    /// A certificate of the path that is malformed.
    Malformed,
    /// More certificates, or paths, than are looked at.
    Limit,
    /// No record is about any certificate that leads to the server.
    NoMatch,
    /// A server's certificate that is of an old version or malformed: nothing but usage 3 can be
    /// about it.
    UnsupportedCertificate,
    /// None of the records can be used.
    Unusable,
}

/// A result type of a TLS report (RFC 8460 §4.3).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsRptResult {
    /// `certificate-host-mismatch`
    CertificateHostMismatch,
    /// `certificate-expired`
    CertificateExpired,
    /// `certificate-not-trusted`
    CertificateNotTrusted,
    /// `validation-failure`
    ValidationFailure,
    /// `tlsa-invalid`
    TlsaInvalid,
    /// `dnssec-invalid`
    DnssecInvalid,
}

impl Reason {
    /// How far that is.
    pub fn class(self) -> Class {
        match self {
            Self::Match => Class::Match,
            Self::NameMismatch => Class::NameMismatch,
            Self::Expired | Self::NotYetValid => Class::Expired,
            Self::NoMatch | Self::UnsupportedCertificate => Class::NoMatch,
            Self::Unusable => Class::Unusable,
            Self::UnknownIssuer
            | Self::BadSignature
            | Self::Algorithm
            | Self::NotACa
            | Self::CaAsServer
            | Self::KeyUsage
            | Self::PathLength
            | Self::Purpose
            | Self::NameConstraint
            | Self::CriticalExtension
            | Self::Malformed
            | Self::Limit => Class::Untrusted,
        }
    }

    /// A name for logs and programs, which stays: `dane.no-match`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Match => "dane.match",
            Self::NameMismatch => "dane.name-mismatch",
            Self::Expired => "dane.expired",
            Self::NotYetValid => "dane.not-yet-valid",
            Self::UnknownIssuer => "dane.unknown-issuer",
            Self::BadSignature => "dane.bad-signature",
            Self::Algorithm => "dane.algorithm",
            Self::NotACa => "dane.not-a-ca",
            Self::CaAsServer => "dane.ca-as-server",
            Self::KeyUsage => "dane.key-usage",
            Self::PathLength => "dane.path-length",
            Self::Purpose => "dane.purpose",
            Self::NameConstraint => "dane.name-constraint",
            Self::CriticalExtension => "dane.critical-extension",
            Self::Malformed => "dane.malformed-certificate",
            Self::Limit => "dane.limit",
            Self::NoMatch => "dane.no-match",
            Self::UnsupportedCertificate => "dane.unsupported-certificate",
            Self::Unusable => "dane.unusable",
        }
    }

    /// What a TLS report calls it (RFC 8460 §4.3.1, §4.3.2.1); nothing for a match. That no record
    /// matches has no type of its own: it is the "general failure" of §4.3.1.
    pub fn tls_rpt(self) -> Option<TlsRptResult> {
        match self.class() {
            Class::Match => None,
            Class::NameMismatch => Some(TlsRptResult::CertificateHostMismatch),
            Class::Expired => Some(TlsRptResult::CertificateExpired),
            Class::Untrusted => Some(TlsRptResult::CertificateNotTrusted),
            Class::NoMatch => Some(TlsRptResult::ValidationFailure),
            Class::Unusable => Some(TlsRptResult::TlsaInvalid),
        }
    }
}

/// A sentence for a person, without a full stop.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Match => "a TLSA record vouches for the server",
            Self::NameMismatch => "the certificate is for another name",
            Self::Expired => "a certificate has expired",
            Self::NotYetValid => "a certificate is not valid yet",
            Self::UnknownIssuer => "no path leads to an authority that is trusted",
            Self::BadSignature => "a signature on a certificate is wrong",
            Self::Algorithm => "a certificate is signed in a way that is not accepted",
            Self::NotACa => "a certificate is issued by something that is no authority",
            Self::CaAsServer => "an authority presents its own certificate as a server's",
            Self::KeyUsage => "a key is used for something it is not for",
            Self::PathLength => "an authority allows fewer intermediate ones",
            Self::Purpose => "a certificate is not for TLS servers",
            Self::NameConstraint => "an authority may not certify this name",
            Self::CriticalExtension => "a certificate has a critical extension that is not known",
            Self::Malformed => "a certificate is malformed",
            Self::Limit => "more certificates than are looked at",
            Self::NoMatch => "no TLSA record is about the server's certificates",
            Self::UnsupportedCertificate => {
                "no TLSA record of usage 3 is about a certificate that cannot be read"
            }
            Self::Unusable => "no TLSA record can be used",
        })
    }
}

impl TlsRptResult {
    /// The text of a report's `result-type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
        }
    }
}

impl fmt::Display for TlsRptResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Verdict {
    /// What is said where [`RrSet::usable_for_smtp`](crate::RrSet::usable_for_smtp) gives nothing.
    pub fn unusable() -> Self {
        Self::without_record(Reason::Unusable)
    }

    pub(crate) fn new(reason: Reason, record: &Tlsa, depth: usize) -> Self {
        Self {
            reason,
            record: Some(record.clone()),
            depth: Some(depth),
        }
    }

    pub(crate) fn without_record(reason: Reason) -> Self {
        Self {
            reason,
            record: None,
            depth: None,
        }
    }

    /// Whether the server is authenticated.
    pub fn is_match(&self) -> bool {
        self.class() == Class::Match
    }

    /// How far the record came.
    pub fn class(&self) -> Class {
        self.reason.class()
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The record that is about one of the certificates, even if the path or the names then fail.
    pub fn record(&self) -> Option<&Tlsa> {
        self.record.as_ref()
    }

    /// Where on the path the certificate is that the record is about: 0 is the server's own. For a
    /// record that is a bare key (`2 1 0`), which no certificate has, that of what the key signed.
    pub fn depth(&self) -> Option<usize> {
        self.depth
    }
}

/// `no TLSA record is about the server's certificates (dane.no-match)`.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.reason.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_rise_from_unusable_to_match() {
        let order = [
            Class::Unusable,
            Class::NoMatch,
            Class::Untrusted,
            Class::Expired,
            Class::NameMismatch,
            Class::Match,
        ];
        assert!(order.is_sorted());
    }

    #[test]
    fn everything_but_a_match_is_a_failure_in_a_report() {
        for (reason, result) in [
            (Reason::Match, None),
            (Reason::NameMismatch, Some("certificate-host-mismatch")),
            (Reason::Expired, Some("certificate-expired")),
            (Reason::NotYetValid, Some("certificate-expired")),
            (Reason::BadSignature, Some("certificate-not-trusted")),
            (Reason::NoMatch, Some("validation-failure")),
            (Reason::Unusable, Some("tlsa-invalid")),
        ] {
            assert_eq!(reason.tls_rpt().map(TlsRptResult::as_str), result);
        }
    }
}
