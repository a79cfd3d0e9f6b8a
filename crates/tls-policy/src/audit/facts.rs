//! What the rules judge: facts about a domain, its MX hosts, its services, and our own software.

mod domain;
mod host;
mod own;
#[cfg(feature = "rustls-0_23")]
mod profile;
mod service;

pub use domain::{
    DkimKey, DkimKind, DmarcFacts, DmarcPolicy, DomainFacts, Mx, MxName, NameServer, PolicyBody,
    SpfAll, SpfFacts, Srv,
};
pub use host::{Caa, HostFacts, Roa, Tlsa};
pub use own::{ClientFacts, OwnFacts};
pub use service::{Chain, Der, Order, Protocol, ServiceFacts, TlsFacts};

use super::Date;
use serde::{Deserialize, Serialize};

/// All that is known of whom the rules are held against. Read from JSON and written as such, so that
/// what was seen once can be judged again by another edition of the rules.
///
/// ```
/// use tls_policy::audit::{Cause, Facts, Seen, ServiceFacts, Protocol, Subject};
///
/// let mut facts = Facts::of_domain(Subject::Remote, "example.org");
/// let mut smtp = ServiceFacts::new("mx.example.org", Protocol::Smtp);
/// smtp.reachable = Seen::known(true);
/// smtp.tls.tls13 = Seen::unknown(Cause::TimeOut);
/// facts.services.push(smtp);
/// let json = serde_json::to_string(&facts)?;
/// assert_eq!(serde_json::from_str::<Facts>(&json)?, facts);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Facts {
    /// Whose they are.
    pub subject: Subject,
    /// The name that was audited, of a domain or of a host, as an A-label without the final dot.
    pub name: String,
    /// The mail domain, if one is audited. If not, the rules for domains do not apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainFacts>,
    /// The MX hosts. One that the MX set names and that is not here was not examined.
    #[serde(default)]
    pub hosts: Vec<HostFacts>,
    /// The services, those of the MX hosts included; a protocol that is not here was not examined.
    #[serde(default)]
    pub services: Vec<ServiceFacts>,
    /// How our own software is configured and what it does; only of [`Subject::Own`].
    #[serde(default)]
    pub own: OwnFacts,
    /// What somebody stands for that no program can see.
    #[serde(default)]
    pub attestations: Vec<Attestation>,
}

/// Whose facts these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums)] // Ours or not.
pub enum Subject {
    /// Our own service: configuration and behaviour can be seen, people can attest.
    Own,
    /// Anybody else's, as seen from the network.
    Remote,
}

/// Somebody's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Attestation {
    /// For what.
    pub topic: Topic,
    /// Whose word.
    pub by: String,
    /// When it was given.
    pub on: Date,
    /// The last day on which it holds, if it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

impl Attestation {
    /// Without an end.
    pub fn new(topic: Topic, by: impl Into<String>, on: Date) -> Self {
        let (by, until) = (by.into(), None);
        Self {
            topic,
            by,
            on,
            until,
        }
    }
}

/// What only a person can attest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Topic {
    /// A security concept exists and is kept up to date.
    SecurityConcept,
    /// Personal data are protected as the law says, and where they are is listed.
    DataProtection,
    /// Customers are told of incidents.
    IncidentNotice,
    /// Customers are told how their mail is secured, and with whom.
    Transparency,
    /// The services that users connect to run on the operator's own premises.
    OnPremises,
    /// Documentation tells users how to connect with TLS.
    UserDocumentation,
    /// Reports of others are read and acted on.
    ReportsEvaluated,
    /// Certificates come from an authority that fulfils the guideline.
    CertificateAuthority,
    /// Deviations from the sender's DMARC policy are justified and documented.
    DmarcDeviations,
}

impl Facts {
    /// About a mail domain; nothing is known yet.
    pub fn of_domain(subject: Subject, name: impl Into<String>) -> Self {
        let name = name.into();
        let domain = Some(DomainFacts::default());
        Self {
            domain,
            ..Self::of_host(subject, name)
        }
    }

    /// About a host and its services, without any domain; nothing is known yet.
    pub fn of_host(subject: Subject, name: impl Into<String>) -> Self {
        Self {
            subject,
            name: name.into(),
            domain: None,
            hosts: Vec::new(),
            services: Vec::new(),
            own: OwnFacts::default(),
            attestations: Vec::new(),
        }
    }
}
