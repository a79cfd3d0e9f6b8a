//! The client's side of TLS, as a decision wants it.

use dane_tlsa::{Crypto, DaneFailure, DaneVerifier, HostLookup, Lookup, Matcher, References};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    time_provider::TimeProvider,
};
use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};
use tls_policy::{
    Action, Attempt, Names,
    rustls::{Profile, client_config},
    tlsrpt::ResultType,
};

/// How servers are verified.
#[derive(Debug)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    /// None: this machine trusts no authority, so nobody is verified by one.
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

/// What one handshake needs, and what it proves.
pub(super) struct Handshake {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
    /// The name that the certificate was found to be for.
    pub(super) proved: Arc<OnceLock<String>>,
}

impl Trust {
    pub(super) fn new(provider: CryptoProvider, authorities: RootCertStore) -> Self {
        let provider = Arc::new(provider);
        let builder = WebPkiServerVerifier::builder_with_provider(
            Arc::new(authorities),
            Arc::clone(&provider),
        );
        Self {
            authorities: builder.build().ok(),
            provider,
        }
    }

    /// None: nobody can be verified as the action wants.
    pub(super) fn handshake(
        &self,
        action: Action<'_>,
        host: &HostLookup,
        address: IpAddr,
        now: SystemTime,
    ) -> Option<Handshake> {
        let proved = Arc::new(OnceLock::new());
        // Without a name that TLS could send, none is sent.
        let named = |name: &str| {
            let name = name.strip_suffix('.').unwrap_or(name);
            ServerName::try_from(name.to_owned()).unwrap_or_else(|_| ServerName::from(address))
        };
        let (verifier, name): (Arc<dyn ServerCertVerifier>, _) = match action {
            Action::Dane => {
                let Lookup::Secure(records) = &host.lookup else {
                    return None;
                };
                let names = References::from_names(&host.names).ok()?;
                let matcher = Matcher::new(records.usable_for_smtp()?, names, Crypto::aws_lc_rs());
                let verifier = DaneVerifier::new(matcher, Arc::clone(&self.provider));
                let name = verifier.sni();
                (Arc::new(verifier), name)
            }
            Action::WebPki { names } => {
                let verifier = AnyName {
                    authorities: self.authorities.clone()?,
                    names: server_names(names),
                    proved: Arc::clone(&proved),
                };
                (Arc::new(verifier), named(names.server_name()))
            }
            Action::Encrypt | Action::Opportunistic => {
                let verifier = Anybody(Arc::clone(&self.provider));
                // RFC 7672 §8.1: where there are TLSA records, the name that they are at.
                let base = host.base.as_ref().unwrap_or(&host.host);
                (Arc::new(verifier), named(&base.to_string()))
            }
            Action::Clear | Action::NextMx { .. } | Action::Refuse(_) => return None,
        };
        // Always the normal profile: a stricter one would make less encryption of more, as what
        // cannot be agreed on is sent in the clear where nobody asks for TLS.
        let mut config = client_config(Profile::Normal, &self.provider, verifier, action).ok()?;
        config.time_provider = Arc::new(At(now));
        Some(Handshake {
            config: Arc::new(config),
            name,
            proved,
        })
    }

    /// What WebPKI says of a chain for a name, for a report about it.
    pub(super) fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        name: &str,
        now: SystemTime,
    ) -> Result<(), ResultType> {
        let untrusted = ResultType::CertificateNotTrusted;
        let (first, rest) = chain.split_first().ok_or(ResultType::ValidationFailure)?;
        let authorities = self.authorities.as_ref().ok_or(untrusted)?;
        let name = ServerName::try_from(name).map_err(|_| ResultType::ValidationFailure)?;
        let now = At(now)
            .current_time()
            .ok_or(ResultType::ValidationFailure)?;
        let verified = authorities.verify_server_cert(first, rest, &name, &[], now);
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

fn server_names(names: Names<'_>) -> Vec<(String, ServerName<'static>)> {
    let server_name = |name: &str| {
        let bare = name.strip_suffix('.').unwrap_or(name).to_owned();
        Some((name.to_owned(), ServerName::try_from(bare).ok()?))
    };
    names.iter().filter_map(server_name).collect()
}

/// A certificate from an authority for one of some names.
#[derive(Debug)]
struct AnyName {
    authorities: Arc<WebPkiServerVerifier>,
    names: Vec<(String, ServerName<'static>)>,
    proved: Arc<OnceLock<String>>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut failed = Error::InvalidCertificate(CertificateError::NotValidForName);
        for (name, server) in &self.names {
            let verify = &self.authorities;
            match verify.verify_server_cert(end_entity, intermediates, server, ocsp, now) {
                Ok(verified) => {
                    let _ = self.proved.set(name.clone());
                    return Ok(verified);
                }
                Err(error) => failed = error,
            }
        }
        // Whatever it is called, it is the certificate that is wrong.
        Err(match failed {
            Error::InvalidCertificate(_) => failed,
            other => CertificateError::Other(OtherError(Arc::new(other))).into(),
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.authorities.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.authorities.supported_verify_schemes()
    }
}

/// Whoever it is, as long as he has the key of his certificate.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
