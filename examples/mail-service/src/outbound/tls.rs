//! The client's side of TLS, as a decision wants it.

use dane_tlsa::{Crypto, DaneFailure, DaneVerifier, HostLookup, Lookup, Matcher, References};
use rustls::{
    CertificateError, ClientConfig, Error, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    time_provider::TimeProvider,
};
use std::{
    net::IpAddr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tls_policy::{
    Action, Attempt,
    rustls::{ClientConfigs, Lacking, Profile},
    tlsrpt::ResultType,
};

/// How servers are verified.
#[derive(Debug)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    configs: ClientConfigs,
    authorities: Arc<WebPkiServerVerifier>,
}

/// What one handshake needs.
pub(super) struct Handshake {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

impl Trust {
    /// Always the normal profile: a stricter one would make less encryption of more, as what cannot
    /// be agreed on is sent in the clear where nobody asks for TLS.
    pub(super) const PROFILE: Profile = Profile::Normal;

    pub(super) fn new(
        provider: Arc<CryptoProvider>,
        authorities: Arc<RootCertStore>,
    ) -> Result<Self, Lacking> {
        let builder = WebPkiServerVerifier::builder_with_provider(
            Arc::clone(&authorities),
            Arc::clone(&provider),
        );
        Ok(Self {
            configs: ClientConfigs::new(Self::PROFILE, Arc::clone(&provider), authorities)?,
            authorities: builder.build().map_err(|_| Lacking::Roots)?,
            provider,
        })
    }

    /// None: nobody can be verified as the action wants.
    pub(super) fn handshake(
        &self,
        action: Action<'_>,
        host: &HostLookup,
        address: IpAddr,
        now: SystemTime,
    ) -> Option<Handshake> {
        let (config, name) = match action {
            Action::Dane => {
                let Lookup::Secure(records) = &host.lookup else {
                    return None;
                };
                let names = References::from_names(&host.names).ok()?;
                let matcher = Matcher::new(records.usable_for_smtp()?, names, Crypto::aws_lc_rs());
                let verifier = DaneVerifier::new(matcher, Arc::clone(&self.provider));
                let name = verifier.sni();
                (self.configs.dane(Arc::new(verifier)).ok()?, name)
            }
            _ => {
                // RFC 7672 §8.1: where there are TLSA records, the name that they are at.
                let base = host.base.as_ref().unwrap_or(&host.host).to_string();
                let name = match action {
                    Action::WebPki { names } => names.server_name().to_owned(),
                    _ => base,
                };
                let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
                // Without a name that TLS could send, none is sent.
                let name = ServerName::try_from(name);
                let name = name.unwrap_or_else(|_| ServerName::from(address));
                (self.configs.config(action).ok()?, name)
            }
        };
        let mut config = ClientConfig::clone(&config);
        config.time_provider = Arc::new(At(now));
        Some(Handshake {
            config: Arc::new(config),
            name,
        })
    }

    /// What WebPKI says of a chain for a name, for a report about it.
    pub(super) fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        name: &str,
        now: SystemTime,
    ) -> Result<(), ResultType> {
        let (first, rest) = chain.split_first().ok_or(ResultType::ValidationFailure)?;
        let name = ServerName::try_from(name).map_err(|_| ResultType::ValidationFailure)?;
        let now = At(now)
            .current_time()
            .ok_or(ResultType::ValidationFailure)?;
        let verified = self
            .authorities
            .verify_server_cert(first, rest, &name, &[], now);
        verified.map(drop).map_err(|error| result_type(&error))
    }
}

/// How a handshake fell short.
pub(super) fn attempt(error: &Error) -> Attempt {
    match error {
        Error::InvalidCertificate(_) => Attempt::NotAuthenticated,
        _ => Attempt::HandshakeFailed,
    }
}

/// For people, and for DANE with its code.
pub(super) fn describe(error: &Error) -> String {
    match DaneFailure::of(error) {
        Some(failure) => {
            let reason = failure.verdict().reason();
            format!("{reason} ({})", reason.code())
        }
        None => error.to_string(),
    }
}

/// What a report calls it (RFC 8460 §4.3).
pub(super) fn result_type(error: &Error) -> ResultType {
    if let Some(failure) = DaneFailure::of(error) {
        let known = failure.verdict().reason().tls_rpt();
        let same = |known: dane_tlsa::TlsRptResult| {
            ResultType::ALL
                .into_iter()
                .find(|r| r.code() == known.as_str())
        };
        return known
            .and_then(same)
            .unwrap_or(ResultType::ValidationFailure);
    }
    match error {
        Error::InvalidCertificate(why) => match why {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => ResultType::CertificateExpired,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                ResultType::CertificateHostMismatch
            }
            _ => ResultType::CertificateNotTrusted,
        },
        _ => ResultType::ValidationFailure,
    }
}

/// The time that certificates are judged by is the service's.
#[derive(Debug)]
struct At(SystemTime);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        let since = self.0.duration_since(UNIX_EPOCH).ok()?;
        Some(UnixTime::since_unix_epoch(since))
    }
}
