use super::{IdentityError, Lacking, Profile, profile::VERSIONS, x509::View};
use crate::Action;
use ::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    PeerMisbehaved, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::sync::Arc;

/// Most sessions that a configuration remembers, where it may.
pub(super) const SESSIONS: usize = 256;

/// A configuration for connections that are to be what a [decision](crate::Decision::action) says:
/// what the profile allows, no client certificate, and resumption only where nobody has to be
/// verified ([`Action::Encrypt`] and [`Action::Opportunistic`]), of sessions that this very
/// configuration has begun.
///
/// The verifier is yours, and has to verify what the action wants; [`ClientConfigs`] brings those for
/// all but [`Action::Dane`]. With [`Profile::Bsi`] it is asked only
/// about servers with a key for ECDSA with P-256 or P-384; others fail the handshake with
/// [`IdentityError::NotEcdsa`].
///
/// [`ClientConfigs`]: super::ClientConfigs
///
/// # Errors
/// The provider, or the verifier, lacks what the profile wants.
pub fn client_config(
    profile: Profile,
    provider: &CryptoProvider,
    verifier: Arc<dyn ServerCertVerifier>,
    action: Action<'_>,
) -> Result<ClientConfig, Lacking> {
    let resumption = match action {
        Action::Encrypt | Action::Opportunistic => Resumption::in_memory_sessions(SESSIONS),
        Action::Dane
        | Action::WebPki { .. }
        | Action::Clear
        | Action::NextMx { .. }
        | Action::Refuse(_) => Resumption::disabled(),
    };
    config(profile, provider, verifier, resumption)
}

pub(crate) fn config(
    profile: Profile,
    provider: &CryptoProvider,
    verifier: Arc<dyn ServerCertVerifier>,
    resumption: Resumption,
) -> Result<ClientConfig, Lacking> {
    let provider = profile.provider(provider)?;
    let verifier = match profile.schemes() {
        Some(schemes) => Arc::new(Only { verifier, schemes }),
        None => verifier,
    };
    if verifier.supported_verify_schemes().is_empty() {
        return Err(Lacking::Scheme);
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(VERSIONS)
        .map_err(|_| Lacking::Refused)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = resumption;
    Ok(config)
}

/// A verifier of servers with keys for ECDSA, and with these schemes only.
#[derive(Debug)]
struct Only {
    verifier: Arc<dyn ServerCertVerifier>,
    schemes: &'static [SignatureScheme],
}

impl Only {
    fn allows(&self, dss: &DigitallySignedStruct) -> Result<(), Error> {
        match self.schemes.contains(&dss.scheme) {
            true => Ok(()),
            false => Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into()),
        }
    }
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !View::read(end_entity).is_some_and(|view| view.is_nist_ecdsa()) {
            let error = OtherError(Arc::new(IdentityError::NotEcdsa));
            return Err(CertificateError::Other(error).into());
        }
        let verifier = &self.verifier;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.allows(dss)?;
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.allows(dss)?;
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = self.verifier.supported_verify_schemes();
        let both = |scheme: &SignatureScheme| self.schemes.contains(scheme);
        known.into_iter().filter(both).collect()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.verifier.root_hint_subjects()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Verifies nothing, so that what is refused is refused by [`Only`].
    #[derive(Debug)]
    struct Anybody;

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
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ED25519]
        }
    }

    /// rustls' servers show no certificate that the client has not asked for; others may.
    #[test]
    fn the_kind_of_key_is_looked_at_and_not_only_asked_for() {
        for (algorithm, good) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, true),
            (&rcgen::PKCS_ECDSA_P384_SHA384, true),
            (&rcgen::PKCS_ECDSA_P521_SHA512, false),
            (&rcgen::PKCS_ED25519, false),
        ] {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let params = rcgen::CertificateParams::new(["example.org".to_owned()]).unwrap();
            let certificate = params.self_signed(&key).unwrap();
            let only = Only {
                verifier: Arc::new(Anybody),
                schemes: &[SignatureScheme::ECDSA_NISTP256_SHA256],
            };
            let name = ServerName::try_from("example.org").unwrap();
            let at = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
            let result = only.verify_server_cert(certificate.der(), &[], &name, &[], at);
            assert_eq!(result.is_ok(), good, "{algorithm:?}");
        }
    }
}
