//! Who a server has to be: one of several names, or nobody in particular.

use super::x509::View;
use ::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerMisbehaved,
    SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
};
use std::{fmt, sync::Arc};
use webpki::RawPublicKeyEntity;

/// Accepts **any** certificate, from whomever, for whatever name: for connections that are better
/// encrypted than not, with a peer that nothing authenticates ([`Action::Encrypt`] and
/// [`Action::Opportunistic`]). Whoever is in between can be that peer.
///
/// The peer still has to sign the handshake with the key of the certificate that it shows
/// (RFC 8446 §4.4.3), so that what is logged of it is its own, and a certificate that only looks odd,
/// such as one of version 1, drives nobody back to clear text.
///
/// [`Action::Encrypt`]: crate::Action::Encrypt
/// [`Action::Opportunistic`]: crate::Action::Opportunistic
#[derive(Clone)]
pub struct UnauthenticatedPeer {
    provider: Arc<CryptoProvider>,
}

impl UnauthenticatedPeer {
    /// The provider verifies the signature of the handshake.
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider }
    }
}

impl fmt::Debug for UnauthenticatedPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnauthenticatedPeer")
    }
}

impl ServerCertVerifier for UnauthenticatedPeer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

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

/// The key, as the certificate has it; with webpki's reading there would be none of odd ones.
fn key(certificate: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
    let view = View::read(certificate).ok_or_else(bad_encoding)?;
    Ok(SubjectPublicKeyInfoDer::from(view.key().to_vec()))
}

fn bad_encoding() -> Error {
    CertificateError::BadEncoding.into()
}

/// A certificate that another verifier accepts for one of these names, whichever.
#[derive(Debug)]
pub(super) struct OneOf {
    pub(super) verifier: Arc<dyn ServerCertVerifier>,
    /// The first is the one that is sent.
    pub(super) first: ServerName<'static>,
    pub(super) others: Vec<ServerName<'static>>,
}

impl ServerCertVerifier for OneOf {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // A connection to somebody else, which the configuration was not made for.
        if *server_name != self.first {
            return Err(CertificateError::NotValidForName.into());
        }
        let verify = |name| {
            let verifier = &self.verifier;
            verifier.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
        };
        let mut verified = verify(&self.first);
        for name in &self.others {
            match verified {
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )) => verified = verify(name),
                _ => break,
            }
        }
        verified
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.verifier.root_hint_subjects()
    }
}
