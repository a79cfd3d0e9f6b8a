use crate::{RrSet, Secure, TlsRptResult, Tlsa};
use mail_dns::{Answer, Failure, Name, Outcome, Query, Record, Security};
use std::{net::IpAddr, time::SystemTime};

/// What the DNS says of DANE at one host (RFC 7672 §2.1).
///
/// `Secure` alone has records, and `SecureDenial` and `Insecure` alone leave the connection to other
/// policies. With `Failed` the host gets no mail now, for an attacker can make any look-up fail
/// (RFC 7672 §2.1.2): bogus data, SERVFAIL and silence are all that.
#[allow(clippy::exhaustive_enums)] // complete by RFC 7672 §2.1.1 and §2.1.2; whoever decides must know all of it
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// TLSA records that DNSSEC vouches for. None of them may be usable.
    Secure(RrSet<Secure>),
    /// DNSSEC proves that there are none.
    SecureDenial,
    /// DNSSEC proves that the host, or what would be its records, lies in an unsigned zone; or the
    /// host is an address and cannot have records.
    Insecure,
    /// Nobody knows.
    Failed(LookupFailure),
}

/// Why nobody knows what DANE says of a host.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LookupFailure {
    /// The DNS gave no answer; bogus data is a server failure.
    #[error("{0} in the DNS")]
    Dns(Failure),
    /// Nobody validated the answer: the resolver is not one for DANE.
    #[error("the resolver does not validate")]
    NotValidated,
    /// More aliases in a row than are followed.
    #[error("too many aliases")]
    TooManyAliases,
    /// The host does not exist, or has no address.
    #[error("the host has no address")]
    NoAddress,
    /// More mail exchangers than are looked at: [`Walk::MAX_HOSTS`](crate::Walk::MAX_HOSTS).
    #[error("more mail exchangers than are looked at")]
    TooManyHosts,
}

impl LookupFailure {
    /// A name for logs and programs, which stays: `dane.lookup.timeout`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Dns(Failure::Timeout) => "dane.lookup.timeout",
            Self::Dns(Failure::ServerFailure) => "dane.lookup.server-failure",
            Self::Dns(Failure::Refused) => "dane.lookup.refused",
            Self::Dns(Failure::Malformed) => "dane.lookup.malformed",
            Self::Dns(Failure::Network) => "dane.lookup.network",
            Self::Dns(_) => "dane.lookup.failure",
            Self::NotValidated => "dane.lookup.not-validated",
            Self::TooManyAliases => "dane.lookup.too-many-aliases",
            Self::NoAddress => "dane.lookup.no-address",
            Self::TooManyHosts => "dane.lookup.too-many-hosts",
        }
    }

    /// What a TLS report calls it (RFC 8460 §4.3.2.1); nothing where it is not about DNSSEC.
    pub fn tls_rpt(self) -> Option<TlsRptResult> {
        match self {
            Self::Dns(_) | Self::NotValidated | Self::TooManyAliases => {
                Some(TlsRptResult::DnssecInvalid)
            }
            Self::NoAddress | Self::TooManyHosts => None,
        }
    }
}

impl Lookup {
    /// A name for logs and programs, which stays: `dane.lookup.secure`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Secure(_) => "dane.lookup.secure",
            Self::SecureDenial => "dane.lookup.secure-denial",
            Self::Insecure => "dane.lookup.insecure",
            Self::Failed(why) => why.code(),
        }
    }
}

/// One question on the way, with its answer and so its DNSSEC status.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was asked.
    pub query: Query,
    /// What was said.
    pub answer: Answer,
}

/// What was found out about one host.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct HostLookup {
    /// The host, as the MX record or the caller names it.
    pub host: Name,
    /// What DANE says.
    pub lookup: Lookup,
    /// The TLSA base domain that the records are at, which is the SNI to send (RFC 7672 §8.1).
    /// Only with [`Lookup::Secure`].
    pub base: Option<Name>,
    /// Names of which a certificate must have one, for usage 2, in order (RFC 7672 §3.2.2): the TLSA
    /// base domain, then the domain of the mail and what it is an alias of. Only with
    /// [`Lookup::Secure`].
    pub names: Vec<Name>,
    /// The host's addresses, IPv6 first. Empty where they were not asked for.
    pub addresses: Vec<IpAddr>,
    /// Every question about this host, in the order of the answers.
    pub steps: Vec<Step>,
    /// How long this holds: the shortest TTL on the way. A failure holds for no time.
    pub until: SystemTime,
}

/// What of an answer counts for DANE.
pub(crate) enum Fact {
    /// Records, secure or proved to be unsigned.
    Some(Proved),
    /// None, secure or proved to be unsigned.
    None(Proved),
}

/// Whether DNSSEC vouches for something. "Nobody checked" is no such fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proved {
    Secure,
    Insecure,
}

/// The one place that says what counts as knowledge: no failure gets past it.
pub(crate) fn fact(answer: &Answer) -> Result<Fact, LookupFailure> {
    let proved = match answer.security() {
        Security::Secure => Ok(Proved::Secure),
        Security::Insecure => Ok(Proved::Insecure),
        Security::Unknown => Err(LookupFailure::NotValidated),
    };
    match answer.outcome() {
        Outcome::Failure(failure) => Err(LookupFailure::Dns(*failure)),
        Outcome::Records(_) => Ok(Fact::Some(proved?)),
        Outcome::NoData | Outcome::NxDomain => Ok(Fact::None(proved?)),
    }
}

/// The records of an answer that is secure; what has not the form of one cannot be used, and is
/// passed over.
pub(crate) fn tlsa(answer: &Answer) -> RrSet<Secure> {
    let records = answer.iter().filter_map(|record| match record {
        Record::Tlsa(data) => Tlsa::from_rdata(data).ok(),
        _ => None,
    });
    RrSet::proved(records.collect::<Vec<_>>())
}

/// Until when an answer that came at `now` may be believed.
pub(crate) fn expiry(answer: &Answer, now: SystemTime) -> SystemTime {
    now.checked_add(answer.ttl()).unwrap_or(now)
}
