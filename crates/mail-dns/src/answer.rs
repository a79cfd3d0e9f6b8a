use crate::{Name, RecordType};
use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

/// What the DNS said to a [`Query`](crate::Query).
///
/// Records, no data, NXDOMAIN and failure are four different things, and so are secure, insecure
/// and not known: mail security is lost where they are collapsed. Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    outcome: Outcome,
    security: Security,
    ttl: Duration,
}

/// What became of a question.
#[allow(clippy::exhaustive_enums)] // complete by RFC 2308 §2 and §7
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// At least one record of the type asked for, aliases followed.
    Records(Arc<[Record]>),
    /// The name exists, or an ancestor of something does, without such a record (RFC 2308 §2.2).
    NoData,
    /// The name does not exist, nor anything below it (RFC 2308 §2.1, RFC 8020).
    NxDomain,
    /// No answer that could be trusted: not the same as an empty one.
    Failure(Failure),
}

/// Why there is no answer. A later try may help with every one of them.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    /// Nobody answered before the deadline.
    #[error("time-out")]
    Timeout,
    /// SERVFAIL, which is also what a validating resolver says of bogus data (RFC 4035 §5.5).
    #[error("server failure")]
    ServerFailure,
    /// The server refused, or does not do what was asked.
    #[error("refused by the server")]
    Refused,
    /// The answer could not be understood.
    #[error("malformed answer")]
    Malformed,
    /// The network could not be used.
    #[error("network failure")]
    Network,
}

/// DNSSEC status of an answer (RFC 4035 §4.3). "Bogus" is a [`Failure`], never an answer.
#[allow(clippy::exhaustive_enums)] // complete by RFC 4035 §4.3
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// Validated up to a trust anchor.
    Secure,
    /// Proved to be unsigned.
    Insecure,
    /// Nobody checked.
    Unknown,
}

/// One record, as its type.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Record {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A mail exchange.
    Mx(Mx),
    /// Text.
    Txt(Txt),
    /// The name of an address.
    Ptr(Name),
    /// An alias.
    Cname(Name),
    /// The data of a TLSA record as it is on the wire (RFC 6698 §2.1): usage, selector, matching
    /// type, and the rest. Whoever uses it parses it.
    Tlsa(Box<[u8]>),
}

/// A mail exchange (RFC 1035 §3.3.9). The root as exchange takes no mail (RFC 7505 §3).
#[allow(clippy::exhaustive_structs)] // complete by RFC 1035 §3.3.9
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mx {
    /// Lower ones come first.
    pub preference: u16,
    /// The host that takes the mail.
    pub exchange: Name,
}

/// The character-strings of one TXT record (RFC 1035 §3.3.14): octets, each string at most 255.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Txt {
    chunks: Box<[Box<[u8]>]>,
}

impl Txt {
    /// Octets of one string (RFC 1035 §3.3).
    const MAX_CHUNK: usize = 255;

    /// From the strings as they stand in the record. None at all is legal here; one that is too
    /// long for the wire becomes several.
    pub fn new<C: Into<Box<[u8]>>>(chunks: impl IntoIterator<Item = C>) -> Self {
        let mut all = Vec::with_capacity(1);
        for chunk in chunks {
            let chunk = chunk.into();
            if chunk.len() <= Self::MAX_CHUNK {
                all.push(chunk);
            } else {
                all.extend(chunk.chunks(Self::MAX_CHUNK).map(Into::into));
            }
        }
        Self { chunks: all.into() }
    }

    /// From one text, cut into strings of at most 255 octets.
    pub fn from_text(text: &str) -> Self {
        Self::new(text.as_bytes().chunks(Self::MAX_CHUNK))
    }

    /// The strings, in order.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.chunks.iter().map(|chunk| &**chunk)
    }

    /// The strings put together without a space between them, as SPF, DKIM and DMARC read them
    /// (RFC 7208 §3.3, RFC 6376 §3.6.2.2).
    pub fn joined(&self) -> Cow<'_, [u8]> {
        match &*self.chunks {
            [one] => Cow::Borrowed(one),
            several => Cow::Owned(several.concat()),
        }
    }
}

impl From<IpAddr> for Record {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::A(v4),
            IpAddr::V6(v6) => Self::Aaaa(v6),
        }
    }
}

impl Security {
    /// The status of what rests on two answers: secure only if both are.
    #[must_use]
    pub fn weaker(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Insecure, _) | (_, Self::Insecure) => Self::Insecure,
            (Self::Secure, Self::Secure) => Self::Secure,
        }
    }
}

impl Record {
    /// The type of this record.
    pub fn record_type(&self) -> RecordType {
        match self {
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::Aaaa,
            Self::Mx(_) => RecordType::Mx,
            Self::Txt(_) => RecordType::Txt,
            Self::Ptr(_) => RecordType::Ptr,
            Self::Cname(_) => RecordType::Cname,
            Self::Tlsa(_) => RecordType::Tlsa,
        }
    }
}

impl Answer {
    /// Records; an empty list is [`Outcome::NoData`].
    pub fn records(records: impl Into<Arc<[Record]>>, security: Security, ttl: Duration) -> Self {
        let records = records.into();
        let outcome = if records.is_empty() {
            Outcome::NoData
        } else {
            Outcome::Records(records)
        };
        Self {
            outcome,
            security,
            ttl,
        }
    }

    /// The name exists without such records.
    pub fn no_data(security: Security, ttl: Duration) -> Self {
        Self {
            outcome: Outcome::NoData,
            security,
            ttl,
        }
    }

    /// The name does not exist.
    pub fn nx_domain(security: Security, ttl: Duration) -> Self {
        Self {
            outcome: Outcome::NxDomain,
            security,
            ttl,
        }
    }

    /// No answer. It has no TTL and no security.
    pub fn failure(failure: Failure) -> Self {
        Self {
            outcome: Outcome::Failure(failure),
            security: Security::Unknown,
            ttl: Duration::ZERO,
        }
    }

    /// What became of the question.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// DNSSEC status: of the weakest link, where aliases were followed.
    pub fn security(&self) -> Security {
        self.security
    }

    /// How long the answer may be kept: the smallest TTL on the way to it; for a negative answer
    /// what RFC 2308 §5 says. Zero for a failure.
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The same answer, to be kept for another time.
    #[must_use]
    pub fn with_ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// The records, or none whatever the reason: look at [`outcome`](Self::outcome) for that.
    pub fn iter(&self) -> std::slice::Iter<'_, Record> {
        match &self.outcome {
            Outcome::Records(records) => records.iter(),
            _ => [].iter(),
        }
    }
}

impl<'a> IntoIterator for &'a Answer {
    type Item = &'a Record;
    type IntoIter = std::slice::Iter<'a, Record>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
