use super::{
    Lacking, Profile,
    client::{SESSIONS, config},
    verifiers::{OneOf, UnauthenticatedPeer},
};
use crate::{Action, Names};
use ::rustls::{
    ClientConfig, RootCertStore,
    client::{Resumption, WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::ServerName,
};
use std::sync::Arc;

/// From what [`decide`](crate::decide) says to a configuration: [`config`](Self::config) for all but
/// DANE, whose verifier dane-tlsa has: [`dane`](Self::dane).
///
/// | action | the server has to be | sessions |
/// |---|---|---|
/// | [`Action::WebPki`] | one of the names, by a certificate that the roots vouch for | none resumed |
/// | [`Action::Dane`] | who your verifier wants | none resumed |
/// | [`Action::Encrypt`], [`Action::Opportunistic`] | anybody: [`UnauthenticatedPeer`] | resumed among these two |
///
/// Give the connection the first of the names ([`Names::server_name`]), or else the MX host.
/// To be made once and kept.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use tls_policy::rustls::{ClientConfigs, Profile};
/// use tls_policy::{DaneFact, Facts, Floor, MemoryFact, MxFact, StsFact, decide};
///
/// # let made = rcgen::generate_simple_self_signed(["mx.example.org".to_owned()])?;
/// let mut roots = rustls::RootCertStore::empty(); // those that you trust
/// # roots.add(made.cert.der().clone())?;
/// let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
/// let configs = ClientConfigs::new(Profile::Normal, provider, Arc::new(roots))?;
///
/// let facts = Facts::new("example.org", "mx.example.org", MxFact::Insecure)
///     .dane(DaneFact::Insecure)
///     .sts(StsFact::Enforce)
///     .memory(MemoryFact::Nothing);
/// let decision = decide(&facts, Floor::Opportunistic);
/// let config = configs.config(decision.action())?; // for rustls, tokio-rustls, …
/// # assert!(config.enable_sni);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ClientConfigs {
    profile: Profile,
    provider: Arc<CryptoProvider>,
    webpki: Arc<dyn ServerCertVerifier>,
    anybody: Arc<ClientConfig>,
}

/// Why there is no configuration for an [`Action`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoConfig {
    /// [`Action::Dane`]: the verifier is dane-tlsa's, so ask [`ClientConfigs::dane`].
    #[error("the verifier for DANE is another crate's")]
    Dane,
    /// The action is not to begin TLS.
    #[error("the action is not to begin TLS")]
    NoTls,
    /// A name that no certificate can have.
    #[error("a name that no certificate can have")]
    Name,
    /// The provider, or the verifier, lacks what the profile wants.
    #[error(transparent)]
    Lacking(#[from] Lacking),
}

impl ClientConfigs {
    /// With authorities that you trust. Certificates that were revoked are not looked for: give
    /// [`with_verifier`](Self::with_verifier) one that does.
    ///
    /// # Errors
    /// The provider lacks what the profile wants, or there is no root.
    pub fn new(
        profile: Profile,
        provider: Arc<CryptoProvider>,
        roots: Arc<RootCertStore>,
    ) -> Result<Self, Lacking> {
        let webpki = webpki(Arc::clone(&provider), roots)?;
        Self::with_verifier(profile, provider, webpki)
    }

    /// With a verifier of your own for [`Action::WebPki`], such as a [`WebPkiServerVerifier`] with
    /// revocation lists. It is asked about one name at a time, and about the next one only if it says
    /// that the certificate is not for that name.
    ///
    /// # Errors
    /// The provider, or the verifier, lacks what the profile wants.
    pub fn with_verifier(
        profile: Profile,
        provider: Arc<CryptoProvider>,
        webpki: Arc<dyn ServerCertVerifier>,
    ) -> Result<Self, Lacking> {
        let anybody = Arc::new(UnauthenticatedPeer::new(Arc::clone(&provider)));
        let sessions = Resumption::in_memory_sessions(SESSIONS);
        let anybody = config(profile, &provider, anybody, sessions)?;
        if webpki.supported_verify_schemes().is_empty() {
            return Err(Lacking::Scheme);
        }
        Ok(Self {
            profile,
            provider,
            webpki,
            anybody: Arc::new(anybody),
        })
    }

    /// The configuration for a connection that is to be what a decision says.
    ///
    /// # Errors
    /// As [`NoConfig`]: there is none for [`Action::Dane`], nor where no TLS begins.
    pub fn config(&self, action: Action<'_>) -> Result<Arc<ClientConfig>, NoConfig> {
        match action {
            Action::WebPki { names } => Ok(Arc::new(self.named(names)?)),
            Action::Encrypt | Action::Opportunistic => Ok(Arc::clone(&self.anybody)),
            Action::Dane => Err(NoConfig::Dane),
            Action::Clear | Action::NextMx { .. } | Action::Refuse(_) => Err(NoConfig::NoTls),
        }
    }

    /// The configuration for [`Action::Dane`], with a verifier that authenticates the server by its
    /// TLSA records.
    ///
    /// # Errors
    /// The verifier lacks what the profile wants.
    pub fn dane(
        &self,
        verifier: Arc<dyn ServerCertVerifier>,
    ) -> Result<Arc<ClientConfig>, Lacking> {
        let sessions = Resumption::disabled();
        config(self.profile, &self.provider, verifier, sessions).map(Arc::new)
    }

    fn named(&self, names: Names<'_>) -> Result<ClientConfig, NoConfig> {
        let mut names = names.iter().map(server_name);
        let verifier = OneOf {
            verifier: Arc::clone(&self.webpki),
            first: names.next().ok_or(NoConfig::Name)??,
            others: names.collect::<Result<_, _>>()?,
        };
        let (verifier, sessions) = (Arc::new(verifier), Resumption::disabled());
        Ok(config(self.profile, &self.provider, verifier, sessions)?)
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, NoConfig> {
    let name = name.strip_suffix('.').unwrap_or(name).to_owned();
    match ServerName::try_from(name) {
        Ok(name @ ServerName::DnsName(_)) => Ok(name),
        _ => Err(NoConfig::Name),
    }
}

/// A verifier that trusts these roots.
pub(crate) fn webpki(
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
) -> Result<Arc<WebPkiServerVerifier>, Lacking> {
    let builder = WebPkiServerVerifier::builder_with_provider(roots, provider);
    builder.build().map_err(|_| Lacking::Roots)
}
