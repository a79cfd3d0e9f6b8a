use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

/// A report (RFC 8460 §4.4).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Who sends it.
    pub organization: String,
    /// The first second that it is about.
    pub start: SystemTime,
    /// The last one.
    pub end: SystemTime,
    /// How to reach the sender; a mail address.
    pub contact: String,
    /// A unique name.
    pub id: String,
    /// What came of each policy.
    pub policies: Vec<PolicyResult>,
}

/// What came of one policy.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyResult {
    /// The policy.
    pub policy: Policy,
    /// Sessions that went as the policy wants.
    pub successes: u64,
    /// Sessions that did not.
    pub failures: u64,
    /// What went wrong, each with a number of sessions. They need not add up to
    /// [`failures`](Self::failures) (RFC 8460 §4.5).
    pub details: Vec<(Failure, u64)>,
}

/// A policy that was applied (RFC 8460 §4.2).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Policy {
    /// Its kind.
    pub kind: PolicyKind,
    /// Its lines: of an MTA-STS policy the file's, of DANE the TLSA records.
    pub lines: Vec<String>,
    /// The domain that it is of.
    pub domain: String,
    /// The hosts that it names: patterns of an MTA-STS policy. An array, by erratum 6241.
    pub mx: Vec<String>,
}

/// The kind of a policy (RFC 8460 §4.2).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyKind {
    /// DANE.
    Tlsa,
    /// MTA-STS.
    Sts,
    /// Neither.
    NoPolicyFound,
    /// Something else that a report said.
    Other(String),
}

/// What went wrong with some sessions (RFC 8460 §4.4).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Failure {
    /// What.
    pub result: ResultType,
    /// The address that the session came from.
    pub sending_ip: Option<IpAddr>,
    /// The MX host.
    pub mx: Option<String>,
    /// What it said in its greeting.
    pub helo: Option<String>,
    /// Its address.
    pub receiving_ip: Option<IpAddr>,
    /// A URI with more.
    pub more: Option<String>,
    /// A code or a text of the sender's own.
    pub reason: Option<String>,
}

/// The kinds of failures (RFC 8460 §4.3).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResultType {
    /// The server does not offer STARTTLS.
    StartTlsNotSupported,
    /// The certificate is for another host.
    CertificateHostMismatch,
    /// The certificate has expired.
    CertificateExpired,
    /// Nobody whom the sender trusts vouches for the certificate.
    CertificateNotTrusted,
    /// Anything else about the handshake.
    ValidationFailure,
    /// A TLSA record that cannot be used, or none that matches.
    TlsaInvalid,
    /// The DNS answer is bogus.
    DnssecInvalid,
    /// The sender requires DANE, and there is none.
    DaneRequired,
    /// The MTA-STS policy could not be fetched.
    StsPolicyFetchError,
    /// The MTA-STS policy is malformed.
    StsPolicyInvalid,
    /// The policy host's certificate is not valid.
    StsWebpkiInvalid,
    /// Something else that a report said.
    Other(String),
}

impl Report {
    /// A report about the time from `start` to `end`.
    pub fn new(
        organization: &str,
        contact: &str,
        id: &str,
        (start, end): (SystemTime, SystemTime),
        policies: Vec<PolicyResult>,
    ) -> Self {
        Self {
            organization: organization.into(),
            start,
            end,
            contact: contact.into(),
            id: id.into(),
            policies,
        }
    }
}

impl Policy {
    /// A policy of a domain; it has no lines and names no host.
    pub fn new(kind: PolicyKind, domain: &str) -> Self {
        Self {
            kind,
            lines: Vec::new(),
            domain: domain.into(),
            mx: Vec::new(),
        }
    }

    /// The MTA-STS policy of a domain.
    pub fn sts(domain: &str, policy: &crate::sts::Policy) -> Self {
        let text = policy.to_string();
        Self {
            kind: PolicyKind::Sts,
            lines: text.lines().map(Into::into).collect(),
            domain: domain.into(),
            mx: policy.mx().iter().map(ToString::to_string).collect(),
        }
    }
}

impl Failure {
    /// A failure about which no more is known.
    pub fn new(result: ResultType) -> Self {
        Self {
            result,
            sending_ip: None,
            mx: None,
            helo: None,
            receiving_ip: None,
            more: None,
            reason: None,
        }
    }
}

impl ResultType {
    /// Those of RFC 8460 §4.3.
    pub const ALL: [Self; 11] = [
        Self::StartTlsNotSupported,
        Self::CertificateHostMismatch,
        Self::CertificateExpired,
        Self::CertificateNotTrusted,
        Self::ValidationFailure,
        Self::TlsaInvalid,
        Self::DnssecInvalid,
        Self::DaneRequired,
        Self::StsPolicyFetchError,
        Self::StsPolicyInvalid,
        Self::StsWebpkiInvalid,
    ];

    /// As it stands in a report.
    pub fn code(&self) -> &str {
        match self {
            Self::StartTlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::DaneRequired => "dane-required",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::StsWebpkiInvalid => "sts-webpki-invalid",
            Self::Other(code) => code,
        }
    }

    pub(super) fn named(code: &str) -> Self {
        let known = Self::ALL.into_iter().find(|known| known.code() == code);
        known.unwrap_or_else(|| Self::Other(code.into()))
    }
}

impl PolicyKind {
    /// As it stands in a report.
    pub fn code(&self) -> &str {
        match self {
            Self::Tlsa => "tlsa",
            Self::Sts => "sts",
            Self::NoPolicyFound => "no-policy-found",
            Self::Other(code) => code,
        }
    }

    pub(super) fn named(code: &str) -> Self {
        match code {
            "tlsa" => Self::Tlsa,
            "sts" => Self::Sts,
            "no-policy-found" => Self::NoPolicyFound,
            other => Self::Other(other.into()),
        }
    }
}

impl fmt::Display for ResultType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
