use super::Roa;
use crate::audit::{Date, Dnssec, Published, Seen};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What the DNS, and the policy host, say of a mail domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DomainFacts {
    /// The domain's zone.
    pub dnssec: Seen<Dnssec>,
    /// The MX set.
    pub mx: Seen<Mx>,
    /// Whether the MX set, or the proof that there is none, is signed; of all aliases on the way, too.
    pub mx_dnssec: Seen<Dnssec>,
    /// Whether mail is sent from this domain.
    pub sends: Seen<bool>,
    /// Its name servers.
    pub name_servers: Seen<Vec<NameServer>>,
    /// The TXT records of `_mta-sts.<domain>`, as they are; empty if there is none.
    pub sts_record: Seen<Vec<String>>,
    /// What the policy host has to say (RFC 8461 §3.3).
    pub sts_policy: Seen<PolicyBody>,
    /// Whether the policy host's certificate holds for it only by a wildcard.
    pub sts_wildcard: Seen<bool>,
    /// The TXT records of `_smtp._tls.<domain>`, as they are; empty if there is none.
    pub tlsrpt_record: Seen<Vec<String>>,
    /// Whether a host that takes the mailed reports can be forced to TLS, by TLSA or MTA-STS of its domain.
    pub tlsrpt_mailbox_forced: Seen<bool>,
    /// The SPF record, includes and redirects followed.
    pub spf: Seen<Published<SpfFacts>>,
    /// Whether `_domainkey.<domain>` answers NOERROR.
    pub dkim_node: Seen<bool>,
    /// The keys of the selectors that the auditor knows, such as from a message. Not all that there are.
    pub dkim_keys: Seen<Vec<DkimKey>>,
    /// The DMARC record at `_dmarc.<domain>`.
    pub dmarc: Seen<Published<DmarcFacts>>,
    /// The SRV records of `_submissions`, `_imaps` and `_pop3s`, each at `._tcp.<domain>` (RFC 6186, RFC 8314 §5.1).
    pub srv: Seen<Vec<Srv>>,
    /// Whether an autoconfig file of the domain is served over HTTPS.
    pub autoconfig: Seen<bool>,
    /// Whether an Autodiscover answer of the domain is served over HTTPS.
    pub autodiscover: Seen<bool>,
}

/// An MX set (RFC 5321 §5.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums)] // Complete by RFC 5321 §5.1 and RFC 7505.
pub enum Mx {
    /// No MX record and no address: no mail.
    None,
    /// "Null MX": no mail, and it says so (RFC 7505).
    Null,
    /// No MX record: the domain itself is the host.
    Implicit,
    /// These hosts.
    Hosts(Vec<MxName>),
}

/// An MX record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MxName {
    /// Less is better.
    pub preference: u16,
    /// An A-label without the final dot.
    pub host: String,
}

impl MxName {
    /// From both.
    pub fn new(preference: u16, host: impl Into<String>) -> Self {
        let host = host.into();
        Self { preference, host }
    }
}

/// A name server of the domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct NameServer {
    /// Its name.
    pub name: String,
    /// Its addresses of both families.
    pub addresses: Seen<Vec<IpAddr>>,
    /// Whether it answers over IPv6.
    pub answers_ipv6: Seen<bool>,
    /// Whether the routes of its addresses are authorised.
    pub roa: Seen<Roa>,
}

impl NameServer {
    /// Of which nothing is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// What a policy host answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums)] // A text or none.
pub enum PolicyBody {
    /// A body with status 200, which the audit reads.
    Text(String),
    /// Something that is no policy whatever the body: status, type, size, certificate. With the reason.
    Refused(String),
}

/// What an SPF record comes to (RFC 7208).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SpfFacts {
    /// How it ends.
    pub all: SpfAll,
    /// DNS look-ups that it takes (RFC 7208 §4.6.4).
    pub lookups: u16,
    /// Whether mechanisms come after `all`.
    #[serde(default)]
    pub after_all: bool,
    /// Whether it names no sender at all: `v=spf1 -all`.
    #[serde(default)]
    pub nobody: bool,
}

impl SpfFacts {
    /// With this end, after so many look-ups.
    pub fn new(all: SpfAll, lookups: u16) -> Self {
        let (after_all, nobody) = (false, false);
        Self {
            all,
            lookups,
            after_all,
            nobody,
        }
    }
}

/// How an SPF record ends, redirects followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums)] // Complete by RFC 7208 §4.6.2.
pub enum SpfAll {
    /// `-all`
    Fail,
    /// `~all`
    SoftFail,
    /// `?all`
    Neutral,
    /// `+all`
    Pass,
    /// There is no `all`.
    Missing,
}

/// A DKIM key record (RFC 6376 §3.6.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DkimKey {
    /// The selector.
    pub selector: String,
    /// What kind of key.
    pub kind: DkimKind,
    /// Since when it is in use, if somebody knows.
    #[serde(default)]
    pub since: Seen<Date>,
}

impl DkimKey {
    /// Of unknown age.
    pub fn new(selector: impl Into<String>, kind: DkimKind) -> Self {
        Self {
            selector: selector.into(),
            kind,
            since: Seen::default(),
        }
    }
}

/// The kind of a DKIM key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DkimKind {
    /// RSA with so many bits.
    Rsa(u32),
    /// Ed25519 (RFC 8463).
    Ed25519,
    /// Withdrawn: an empty `p`.
    Revoked,
    /// Something else.
    Other,
}

/// What a DMARC record says (RFC 9989 §4.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DmarcFacts {
    /// `p`
    pub policy: DmarcPolicy,
    /// `sp`, if it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdomains: Option<DmarcPolicy>,
    /// `t=y`: the next weaker policy is to be applied.
    #[serde(default)]
    pub testing: bool,
    /// `aspf=s`
    #[serde(default)]
    pub strict_spf: bool,
    /// `adkim=s`
    #[serde(default)]
    pub strict_dkim: bool,
    /// URIs of `rua`.
    #[serde(default)]
    pub rua: Vec<String>,
    /// URIs of `ruf`.
    #[serde(default)]
    pub ruf: Vec<String>,
    /// Whether every domain elsewhere that is to get reports agrees to it; true if there is none.
    #[serde(default)]
    pub external_agrees: Seen<bool>,
}

impl DmarcFacts {
    /// With `p` and nothing else.
    pub fn new(policy: DmarcPolicy) -> Self {
        Self {
            policy,
            subdomains: None,
            testing: false,
            strict_spf: false,
            strict_dkim: false,
            rua: Vec::new(),
            ruf: Vec::new(),
            external_agrees: Seen::default(),
        }
    }
}

/// A DMARC policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums)] // Complete by RFC 9989 §4.8.
pub enum DmarcPolicy {
    /// `none`
    None,
    /// `quarantine`
    Quarantine,
    /// `reject`
    Reject,
}

/// An SRV record of a mail service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Srv {
    /// `_submissions`, `_imaps` or `_pop3s`, and what else there is.
    pub service: String,
    /// The host; `.` says that there is no such service.
    pub target: String,
    /// The port.
    pub port: u16,
}

impl Srv {
    /// From all three.
    pub fn new(service: impl Into<String>, target: impl Into<String>, port: u16) -> Self {
        let (service, target) = (service.into(), target.into());
        Self {
            service,
            target,
            port,
        }
    }
}
