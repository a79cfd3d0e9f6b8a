//! Settings of outgoing mail.

use serde::Deserialize;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

/// Outgoing mail.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbound {
    /// The port of other servers: 25, but for tests.
    pub port: u16,
    /// Who validates DNSSEC.
    pub dnssec: Dnssec,
    /// Certificates in PEM of the authorities that are trusted. Default: those that the system
    /// trusts.
    pub authorities: Option<PathBuf>,
    /// A file of local rules, a recipient domain and a rule on each line: see
    /// [`Rules`](tls_policy::Rules).
    pub rules: Option<PathBuf>,
    /// Most domains that something is remembered of.
    pub domains: u64,
}

impl Default for Outbound {
    fn default() -> Self {
        Self {
            port: 25,
            dnssec: Dnssec::default(),
            authorities: None,
            rules: None,
            domains: 100_000,
        }
    }
}

/// Who validates DNSSEC. Without validation no mail leaves.
#[allow(clippy::exhaustive_enums)] // a resolver here, or this program
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Dnssec {
    /// A validating resolver on this machine, whose AD bit is believed.
    Ad(SocketAddr),
    /// This program, with answers of these servers.
    Validate {
        /// The servers.
        servers: Vec<SocketAddr>,
        /// A file of DNSKEY records to validate from. Default: the keys of the root.
        #[serde(default)]
        anchors: Option<PathBuf>,
    },
}

impl Default for Dnssec {
    fn default() -> Self {
        Self::Ad(SocketAddr::from((Ipv4Addr::LOCALHOST, 53)))
    }
}

impl Outbound {
    /// Paths are relative to this folder.
    pub(super) fn within(&mut self, folder: &Path) {
        for file in [&mut self.authorities, &mut self.rules] {
            *file = file.take().map(|f| folder.join(f));
        }
        if let Dnssec::Validate { anchors, .. } = &mut self.dnssec {
            *anchors = anchors.take().map(|f| folder.join(f));
        }
    }

    /// The first setting that makes no sense, and what it must be.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let must = |is, key, rule: &str| match is {
            true => Ok(()),
            false => Err((key, rule.to_owned())),
        };
        must(self.port > 0, "outbound.port", "must be at least 1")?;
        must(self.domains > 0, "outbound.domains", "must be at least 1")?;
        match &self.dnssec {
            Dnssec::Ad(address) => must(
                address.ip().is_loopback() && address.port() > 0,
                "outbound.dnssec",
                "must be a resolver on this machine: whoever is between could write the AD bit",
            ),
            Dnssec::Validate { servers, .. } => {
                must(!servers.is_empty(), "outbound.dnssec", "must name a server")
            }
        }
    }
}
