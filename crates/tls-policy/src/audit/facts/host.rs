use crate::audit::{Dnssec, Published, Seen};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What the DNS says of an MX host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HostFacts {
    /// An A-label without the final dot.
    pub name: String,
    /// The zone of the host, by its addresses.
    pub dnssec: Seen<Dnssec>,
    /// Its addresses of both families.
    pub addresses: Seen<Vec<IpAddr>>,
    /// Whether it answers on port 25 over IPv6.
    pub answers_ipv6: Seen<bool>,
    /// The records of `_25._tcp.<host>`; empty if it is proved, or answered, that there are none.
    pub tlsa: Seen<Vec<Tlsa>>,
    /// Whether the TLSA records, or the proof that there are none, are signed.
    pub tlsa_dnssec: Seen<Dnssec>,
    /// Whether one of the usable records matches what the host shows on port 25 (RFC 7672 §3). Judged
    /// only if there are records.
    pub tlsa_matches: Seen<bool>,
    /// The TTL of the TLSA records, in seconds.
    pub tlsa_ttl: Seen<u32>,
    /// The CAA records that count for the host (RFC 8659 §3).
    pub caa: Seen<Published<Vec<Caa>>>,
    /// Whether the routes of its addresses are authorised.
    pub roa: Seen<Roa>,
}

impl HostFacts {
    /// Of which nothing is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// The three numbers of a TLSA record (RFC 6698 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tlsa {
    /// Certificate usage: 2 is DANE-TA, 3 is DANE-EE.
    pub usage: u8,
    /// Selector.
    pub selector: u8,
    /// Matching type.
    pub matching: u8,
    /// Whether it can be used (RFC 7671 §5, RFC 7672 §3.1): numbers known, length right.
    pub usable: bool,
}

impl Tlsa {
    /// With these numbers.
    pub fn new(usage: u8, selector: u8, matching: u8, usable: bool) -> Self {
        Self {
            usage,
            selector,
            matching,
            usable,
        }
    }
}

/// A CAA property (RFC 8659 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Caa {
    /// The tag, such as `issue`.
    pub tag: String,
    /// The value.
    pub value: String,
}

impl Caa {
    /// From both.
    pub fn new(tag: impl Into<String>, value: impl Into<String>) -> Self {
        let (tag, value) = (tag.into(), value.into());
        Self { tag, value }
    }
}

/// What the RPKI says of the routes to some addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums)] // The states of a route in the RPKI.
pub enum Roa {
    /// Each is authorised, and announced as such.
    Valid,
    /// At least one has no authorisation, and none contradicts one.
    NotFound,
    /// At least one contradicts its authorisation.
    Invalid,
}
