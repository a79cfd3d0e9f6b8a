use super::{Expiring, IdentityError, Lacking, Profile, identity::Identity, profile::VERSIONS};
use ::rustls::{
    ServerConfig, SignatureScheme,
    crypto::CryptoProvider,
    server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::SystemTime,
};

/// Most sources of one [`Certificates`].
pub const MAX_SOURCES: usize = 10_000;

/// The certificates of a server, which can be replaced while it serves.
///
/// A client gets the first one that has the name that it sends (RFC 6066 §3) and a key that it can
/// verify; without a name, or with one that nobody has, the first of all. A wildcard stands for one
/// label (RFC 9525 §6.3).
///
/// [`replace`](Self::replace) and [`Files::reload`](super::Files::reload) look at everything before
/// they change anything, and then change it at once: a handshake sees the old set or the new one.
/// Connections that are there go on.
pub struct Certificates {
    profile: Profile,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<Set>>,
}

/// A chain with its key, in PEM.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub(super) chain: &'a [u8],
    pub(super) key: &'a [u8],
    pub(super) names: &'a [&'a str],
}

/// A source that is refused, and why. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// No source, or more than [`MAX_SOURCES`].
    #[error("no certificate, or too many")]
    Number,
    /// The provider lacks what the profile wants.
    #[error(transparent)]
    Provider(#[from] Lacking),
    /// One of them cannot be used.
    #[error("source {at}: {error}")]
    Identity {
        /// Counted from 0.
        at: usize,
        /// Why not.
        error: IdentityError,
    },
}

/// Whether anything is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // there is no third
pub enum Replaced {
    /// The same certificates in the same order: nothing was done.
    Unchanged,
    /// New handshakes get the new ones.
    Changed,
}

/// Whether clients may resume sessions.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // there is no third without state on the server
pub enum Tickets {
    /// No tickets: every connection has its own handshake and forward secrecy.
    None,
    /// Tickets of this ticketer. Whoever gets its key can read what was sent in TLS 1.2 under its
    /// tickets, and can pose as the server to clients that resume: take one that changes keys, such
    /// as `rustls::crypto::aws_lc_rs::Ticketer` (every six hours, kept for twelve), one for each
    /// configuration.
    Rotating(Arc<dyn ProducesTickets>),
}

#[derive(Debug)]
struct Set {
    all: Vec<Identity>,
    /// By name; those with a wildcard by what follows `*`, beginning with the dot.
    named: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

impl Certificates {
    /// The certificates to begin with.
    ///
    /// # Errors
    /// One of the sources cannot be used, or the provider lacks what the profile wants.
    pub fn new(
        profile: Profile,
        provider: Arc<CryptoProvider>,
        sources: &[Source<'_>],
        now: SystemTime,
    ) -> Result<Self, SourceError> {
        let provider = Arc::new(profile.provider(&provider)?);
        let set = Set::new(sources, profile, &provider, now)?;
        Ok(Self {
            profile,
            provider,
            current: RwLock::new(Arc::new(set)),
        })
    }

    /// Puts these in the place of all that is there, at once.
    ///
    /// # Errors
    /// One of them cannot be used; then all stays as it was.
    pub fn replace(
        &self,
        sources: &[Source<'_>],
        now: SystemTime,
    ) -> Result<Replaced, SourceError> {
        let new = Set::new(sources, self.profile, &self.provider, now)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // A key that fits the same certificate is the same key.
        if new.chains().eq(current.chains()) {
            return Ok(Replaced::Unchanged);
        }
        *current = Arc::new(new);
        Ok(Replaced::Changed)
    }

    /// Those in use that near their end, in their order.
    pub fn expiring(&self, now: SystemTime) -> Vec<Expiring> {
        let current = self.current();
        let all = current.all.iter();
        all.filter_map(|identity| Expiring::of(identity, now))
            .collect()
    }

    /// What may be used.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// A configuration for listeners: what the profile allows, these certificates as they are at
    /// each handshake, no client certificates, the server's order of suites.
    ///
    /// # Errors
    /// rustls refuses the provider.
    pub fn server_config(self: &Arc<Self>, tickets: Tickets) -> Result<ServerConfig, Lacking> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider));
        let mut config = builder
            .with_protocol_versions(VERSIONS)
            .map_err(|_| Lacking::Refused)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Self>::clone(self));
        config.ignore_client_order = true;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        match tickets {
            Tickets::None => config.send_tls13_tickets = 0,
            Tickets::Rotating(ticketer) => config.ticketer = ticketer,
        }
        Ok(config)
    }

    fn current(&self) -> Arc<Set> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current();
        current.choose(hello.server_name(), hello.signature_schemes())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.current();
        let names: Vec<_> = current.all.iter().map(|i| &i.names).collect();
        f.debug_struct("Certificates")
            .field("profile", &self.profile)
            .field("names", &names)
            .finish_non_exhaustive()
    }
}

impl<'a> Source<'a> {
    /// A chain, the server's own certificate first, and its private key (PKCS#8, PKCS#1 or SEC1).
    pub fn new(chain: &'a [u8], key: &'a [u8]) -> Self {
        let names = &[];
        Self { chain, key, names }
    }

    /// The names that the certificate has to have, as A-labels; it may have more.
    #[must_use]
    pub fn named(self, names: &'a [&'a str]) -> Self {
        Self { names, ..self }
    }
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Set {
    fn new(
        sources: &[Source<'_>],
        profile: Profile,
        provider: &CryptoProvider,
        now: SystemTime,
    ) -> Result<Self, SourceError> {
        if sources.is_empty() || sources.len() > MAX_SOURCES {
            return Err(SourceError::Number);
        }
        let mut set = Self {
            all: Vec::with_capacity(sources.len()),
            named: HashMap::new(),
        };
        for (at, source) in sources.iter().enumerate() {
            let identity = Identity::new(source, profile, provider, now);
            let identity = identity.map_err(|error| SourceError::Identity { at, error })?;
            for name in &identity.names {
                let name = name.strip_prefix('*').unwrap_or(name).to_owned();
                let keys = set.named.entry(name).or_default();
                keys.push(Arc::clone(&identity.certified));
            }
            set.all.push(identity);
        }
        Ok(set)
    }

    fn chains(&self) -> impl Iterator<Item = &[::rustls::pki_types::CertificateDer<'static>]> {
        self.all.iter().map(|identity| &*identity.certified.cert)
    }

    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let can = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
        let name = name.map(str::to_ascii_lowercase);
        let named = name.as_deref().and_then(|name| {
            let name = name.strip_suffix('.').unwrap_or(name);
            let parent = name.find('.').and_then(|at| name.get(at..));
            let exact = self.named.get(name);
            exact.or_else(|| self.named.get(parent?))
        });
        let named = named.and_then(|keys| keys.iter().find(can));
        let mut all = self.all.iter().map(|identity| &identity.certified);
        named.or_else(|| all.find(can)).cloned()
    }
}
