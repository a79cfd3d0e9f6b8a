//! The HTTPS site.

use super::{Config, canonical, must};
use serde::Deserialize;
use std::time::Duration;
use symmetric_seal::link::LinkId;

/// The HTTPS site, and the pages of sealed messages on a host name of their own.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// The host name of the site; none: `hostname`.
    pub host: Option<String>,
    /// The host name of sealed messages, which shares nothing with any other; none: `sealed.` and the site's.
    pub sealed_host: Option<String>,
    /// The port that links name, where others connect to; none: that of the first address in
    /// `listen.https`.
    pub port: Option<u16>,
    /// Seconds for which a browser uses nothing but HTTPS after a visit (RFC 6797).
    pub hsts_seconds: u64,
    /// Most octets of a sealed message, and of a reply to one.
    pub sealed_octets: usize,
    /// Links that do not exist, asked for by one network in a quarter of an hour, after which it must wait, but for links
    /// that it has found before.
    pub unknown_links: u32,
    /// Seconds for which a connection may last, its requests and answers included.
    pub connection_seconds: u64,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            host: None,
            sealed_host: None,
            port: None,
            hsts_seconds: 31_536_000,
            sealed_octets: 32 * 1024 * 1024,
            unknown_links: 60,
            connection_seconds: 900,
        }
    }
}

/// The most that fits into the store.
const MOST_SEALED: usize = 64 * 1024 * 1024;

impl Web {
    /// The first setting that makes no sense, and what it must be.
    pub(super) fn check(&self, config: &Config) -> Result<(), (&'static str, String)> {
        for (key, host) in [
            ("web.host", &self.host),
            ("web.sealed_host", &self.sealed_host),
        ] {
            let name = host.as_deref().unwrap_or("localhost");
            let rule = "must be a domain name in ASCII, in lower case, without a port";
            let is = name.is_ascii() && canonical(name).is_some_and(|c| c == name);
            must(is, key, rule)?;
        }
        must(
            config.site_host() != config.sealed_host(),
            "web.sealed_host",
            "must be another name than web.host",
        )?;
        must(self.port != Some(0), "web.port", "must be at least 1")?;
        must(
            (1024..=MOST_SEALED).contains(&self.sealed_octets),
            "web.sealed_octets",
            "must be from 1024 to 67108864",
        )?;
        must(
            self.connection_seconds > 0,
            "web.connection_seconds",
            "must be at least 1",
        )?;
        must(
            self.unknown_links > 0,
            "web.unknown_links",
            "must be at least 1",
        )
    }

    pub(crate) fn connection(&self) -> Duration {
        Duration::from_secs(self.connection_seconds)
    }
}

impl Config {
    /// The host name of the site.
    pub fn site_host(&self) -> String {
        let host = self.web.host.as_ref().unwrap_or(&self.hostname);
        host.to_ascii_lowercase()
    }

    /// The origin of the site as browsers write it, at the port that links name; none if that port is not known yet.
    pub(crate) fn site_origin(&self) -> Option<String> {
        let first = self.listen.https.first().map(std::net::SocketAddr::port);
        match self.web.port.or(first)? {
            0 => None,
            port => Some(self.origin_at(port)),
        }
    }

    /// The origin of the site at this port.
    pub(crate) fn origin_at(&self, port: u16) -> String {
        match port {
            443 => format!("https://{}", self.site_host()),
            port => format!("https://{}:{port}", self.site_host()),
        }
    }

    /// The host name of sealed messages.
    pub fn sealed_host(&self) -> String {
        let own = || format!("sealed.{}", self.site_host());
        self.web.sealed_host.clone().unwrap_or_else(own)
    }

    /// The host names of the Web Key Directories, by the advanced method: one for each domain.
    pub(crate) fn directory_hosts(&self) -> Vec<String> {
        let domains = self.domains.iter().filter_map(|domain| canonical(domain));
        domains
            .map(|domain| format!("openpgpkey.{domain}"))
            .collect()
    }

    /// Where the page of a link is, at the port that links name.
    pub(crate) fn sealed_url(&self, id: &LinkId, port: u16) -> String {
        let port = match port {
            443 => String::new(),
            port => format!(":{port}"),
        };
        format!("https://{}{port}/s/{}", self.sealed_host(), *id.to_text())
    }
}
