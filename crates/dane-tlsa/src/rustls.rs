//! A verifier for rustls 0.23: feature `rustls-0_23`.

use crate::{Matcher, Verdict, cert};
use ::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, PeerMisbehaved,
    SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls13_signature_with_raw_key},
};
use rustls_pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};
use webpki::RawPublicKeyEntity;

/// Verifies servers by TLSA records, in the handshake of rustls 0.23.
///
/// A server that does not pass fails the handshake; [`DaneFailure::of`] finds the verdict in the
/// error. The name that rustls was given does not count: the [`References`](crate::References) of
/// the [`Matcher`] do.
#[derive(Clone)]
pub struct DaneVerifier {
    matcher: Matcher,
    provider: Arc<CryptoProvider>,
}

/// What a failed handshake has for a reason, where the reason is DANE's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{verdict}")]
pub struct DaneFailure {
    verdict: Verdict,
}

impl DaneVerifier {
    /// Judges by a matcher. The provider verifies the signature of the handshake; it need not be
    /// the one whose [`Crypto`](crate::Crypto) the matcher uses.
    pub fn new(matcher: Matcher, provider: Arc<CryptoProvider>) -> Self {
        Self { matcher, provider }
    }

    /// The name for SNI: the TLSA base domain (RFC 7672 §8.1), which is the first of the references.
    pub fn sni(&self) -> ServerName<'static> {
        self.matcher.references().base_domain().clone()
    }

    /// A configuration for connections to this server, and no other: TLS 1.2 and 1.3, no client
    /// certificate, and no resumption, because a resumed session shows no certificate, and what was
    /// verified once would pass for as long as the ticket lives.
    ///
    /// Give [`sni`](Self::sni) to the connection.
    ///
    /// # Errors
    /// The provider supports neither TLS 1.2 nor TLS 1.3.
    pub fn client_config(&self) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider));
        let mut config = builder
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(self.clone()))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

impl DaneFailure {
    /// Finds it in an error of rustls.
    pub fn of(error: &Error) -> Option<&Self> {
        match error {
            Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
                other.downcast_ref()
            }
            _ => None,
        }
    }

    /// What DANE says.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }
}

impl fmt::Debug for DaneVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let matcher = &self.matcher;
        f.debug_struct("DaneVerifier")
            .field("matcher", matcher)
            .finish_non_exhaustive()
    }
}

impl ServerCertVerifier for DaneVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let now = UNIX_EPOCH.checked_add(Duration::from_secs(now.as_secs()));
        let now = now.ok_or(Error::FailedToGetCurrentTime)?;
        let verdict = self.matcher.check(end_entity, intermediates, now);
        if verdict.is_match() {
            return Ok(ServerCertVerified::assertion());
        }
        let failure = OtherError(Arc::new(DaneFailure { verdict }));
        Err(CertificateError::Other(failure).into())
    }

    // Both signatures are verified with the key that the records were compared with, as this crate
    // reads it: with webpki's reading there would be no way for certificates that only usage 3 can
    // be about, such as those of version 1, and for others two readings instead of one.

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = key(cert)?;
        let key = RawPublicKeyEntity::try_from(&key).map_err(|_| bad_encoding())?;
        let mapping = self.provider.signature_verification_algorithms.mapping;
        let offered = mapping.iter().find(|(scheme, _)| *scheme == dss.scheme);
        let Some((_, algorithms)) = offered else {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        };
        for algorithm in *algorithms {
            match key.verify_signature(*algorithm, message, dss.signature()) {
                Ok(()) => return Ok(HandshakeSignatureValid::assertion()),
                // TLS 1.2 does not tie a scheme to one curve.
                Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
                Err(_) => return Err(CertificateError::BadSignature.into()),
            }
        }
        Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key(cert)?, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

fn key<'a>(certificate: &'a CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'a>, Error> {
    let spki = cert::spki(certificate).ok_or_else(bad_encoding)?;
    Ok(spki.into())
}

fn bad_encoding() -> Error {
    CertificateError::BadEncoding.into()
}
