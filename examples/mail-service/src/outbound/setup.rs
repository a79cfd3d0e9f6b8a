//! From settings to a sender.

use super::{Outbound, Validating, counts::Counts, sts::Policies, tls::Trust};
use crate::{
    Clock, Config,
    secure::{Secure, SecureError},
};
use mail_dns::Name;
use record_store::AnyStore;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tls_policy::{
    Rules, RulesError, StoredMemory,
    fetch::{Fetcher, LoopbackForTests},
    rustls::Lacking,
};

/// How long servers may take. The defaults are those of RFC 5321 §4.5.3.2, where it has one.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// All look-ups of one letter together. Default: 30 seconds.
    pub dns: Duration,
    /// To connect. Default: 30 seconds.
    pub connect: Duration,
    /// For the greeting. Default: 5 minutes.
    pub greeting: Duration,
    /// For each command. Default: 5 minutes.
    pub command: Duration,
    /// For the handshake of TLS. Default: one minute.
    pub handshake: Duration,
    /// For each block of the message. Default: 3 minutes.
    pub block: Duration,
    /// For the answer to the end of the message. Default: 10 minutes.
    pub end: Duration,
    /// For the goodbye. Default: 5 seconds.
    pub quit: Duration,
    /// For one connection. Default: one hour.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            dns: seconds(30),
            connect: seconds(30),
            greeting: seconds(300),
            command: seconds(300),
            handshake: seconds(60),
            block: seconds(180),
            end: seconds(600),
            quit: seconds(5),
            whole: seconds(3600),
        }
    }
}

/// Why nothing can be sent.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// No resolver that validates.
    #[error("no validating resolver")]
    Dns(#[from] crate::dns::Error),
    /// A file cannot be read.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// The file of rules is none.
    #[error("cannot understand {}", .0.display())]
    Rules(PathBuf, #[source] RulesError),
    /// A file holds no certificate.
    #[error("no certificates in {}", .0.display())]
    Authorities(PathBuf),
    /// The hostname is no name.
    #[error("the hostname makes no sense")]
    Hostname,
    /// No authority is trusted, so that nobody could be verified.
    #[error("no certificate authority is trusted")]
    Trust(#[from] Lacking),
    /// The secure domains make no sense.
    #[error("secure {0}")]
    Secure(#[from] SecureError),
}

impl Outbound {
    /// As the configuration says. The store is that of the service: what domains have shown, and
    /// their MTA-STS policies, are kept there.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub fn new(config: &Config, store: Arc<AnyStore>, clock: Clock) -> Result<Self, OutboundError> {
        Self::build(config, store, clock, Validating::new(config)?, None)
    }

    /// For tests and the demonstration: with this resolver, and with policy hosts that are all on
    /// loopback, at this port.
    ///
    /// # Errors
    /// [`OutboundError`].
    pub fn on_loopback(
        config: &Config,
        store: Arc<AnyStore>,
        clock: Clock,
        resolver: Validating,
        policy_hosts: u16,
    ) -> Result<Self, OutboundError> {
        Self::build(config, store, clock, resolver, Some(policy_hosts))
    }

    fn build(
        config: &Config,
        store: Arc<AnyStore>,
        clock: Clock,
        resolver: Validating,
        policy_hosts: Option<u16>,
    ) -> Result<Self, OutboundError> {
        let settings = &config.outbound;
        let read = |path: &PathBuf| {
            let text = std::fs::read_to_string(path);
            text.map_err(|error| OutboundError::Read(path.clone(), error))
        };
        let rules = match &settings.rules {
            None => Rules::default(),
            Some(path) => {
                let rules = read(path)?.parse();
                rules.map_err(|error| OutboundError::Rules(path.clone(), error))?
            }
        };
        let mut authorities = RootCertStore::empty();
        match &settings.authorities {
            None => {
                let found = rustls_native_certs::load_native_certs().certs;
                authorities.add_parsable_certificates(found);
            }
            Some(path) => {
                let none = || OutboundError::Authorities(path.clone());
                for certificate in CertificateDer::pem_slice_iter(read(path)?.as_bytes()) {
                    let certificate = certificate.map_err(|_| none())?;
                    authorities.add(certificate).map_err(|_| none())?;
                }
                if authorities.is_empty() {
                    return Err(none());
                }
            }
        }
        let own = Name::from_unicode(&config.hostname);
        let (provider, authorities) = (Arc::new(crate::tls::provider()), Arc::new(authorities));
        let mut fetcher = Fetcher::new(
            resolver.clone(),
            Trust::PROFILE,
            Arc::clone(&provider),
            Arc::clone(&authorities),
        )?;
        if let Some(port) = policy_hosts {
            fetcher = fetcher.reaching(LoopbackForTests::new(port));
        }
        Ok(Self {
            hostname: config.hostname.clone(),
            own: own.map_err(|_| OutboundError::Hostname)?,
            port: settings.port,
            resolver,
            trust: Trust::new(provider, authorities)?,
            memory: StoredMemory::new(store.clone(), settings.domains),
            policies: Policies::new(store, settings.domains, fetcher),
            rules,
            secure: Secure::new(&config.secure, &config.domains)?,
            counts: Counts::new(usize::try_from(settings.domains).unwrap_or(usize::MAX)),
            clock,
            timeouts: Timeouts::default(),
        })
    }

    /// With these time-outs.
    #[must_use]
    pub fn with_timeouts(self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self }
    }
}
