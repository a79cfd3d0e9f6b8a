//! What a server shows only in a whole handshake: chains and signatures of TLS 1.3, tickets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
    WebPkiServerVerifier, verify_server_name,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, NamedGroup, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tls_policy::audit::{Cause, Chain, Der, Seen};

/// Accepts every chain, and keeps what it sees. The signature of the handshake is verified, so that the
/// chain is the server's and nobody else's.
#[derive(Debug)]
pub(crate) struct Witness {
    provider: Arc<CryptoProvider>,
    offered: Vec<SignatureScheme>,
    seen: Mutex<Sight>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) scheme: Option<SignatureScheme>,
    pub(crate) stapled: bool,
    /// The greatest amount of early data that a ticket allows; nothing without a ticket.
    pub(crate) early_data: Option<u32>,
}

impl Witness {
    /// That offers these signature schemes.
    pub(crate) fn new(offered: Vec<SignatureScheme>) -> Arc<Self> {
        Arc::new(Self {
            provider: Arc::new(aws_lc_rs::default_provider()),
            offered,
            seen: Mutex::default(),
        })
    }

    /// All that could be offered.
    pub(crate) fn schemes() -> Vec<SignatureScheme> {
        let provider = aws_lc_rs::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }

    pub(crate) fn sight(&self) -> Sight {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    fn note(&self, note: impl FnOnce(&mut Sight)) {
        note(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// TLS 1.3 and nothing else: what was before shows its chain in the clear.
    pub(crate) fn config(self: &Arc<Self>) -> Result<ClientConfig, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider));
        let mut config = builder
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(self) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth();
        let tickets: Arc<dyn ClientSessionStore> = Arc::new(Tickets(Arc::clone(self)));
        config.resumption = Resumption::store(tickets);
        Ok(config)
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.note(|seen| {
            let all = [end_entity].into_iter().chain(intermediates);
            seen.chain = all.map(|der| der.clone().into_owned()).collect();
            seen.stapled = !ocsp.is_empty();
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.note(|seen| seen.scheme = Some(signed.scheme));
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.offered.clone()
    }
}

/// Keeps no ticket, only what it allows.
#[derive(Debug)]
struct Tickets(Arc<Witness>);

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        let most = ticket.max_early_data_size();
        self.0
            .note(|seen| seen.early_data = Some(seen.early_data.unwrap_or_default().max(most)));
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}

/// Judges chains by public authorities, or by others that are given.
#[derive(Debug)]
pub struct Roots(Option<Arc<WebPkiServerVerifier>>);

impl Roots {
    /// These authorities; what is none is passed over.
    pub fn new(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates);
        let provider = Arc::new(aws_lc_rs::default_provider());
        Self(
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
                .build()
                .ok(),
        )
    }

    /// Those of this machine.
    pub fn native() -> Self {
        Self::new(rustls_native_certs::load_native_certs().certs)
    }

    /// A chain and the verdict on it.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'_>], host: &str, now: SystemTime) -> Chain {
        let der = |der: &CertificateDer<'_>| Der::from(der.as_ref().to_vec());
        let mut judged = Chain::new(chain.iter().map(der).collect());
        let (Some((end_entity, intermediates)), Ok(name)) =
            (chain.split_first(), ServerName::try_from(host))
        else {
            return judged;
        };
        judged.name_matches = match ParsedCertificate::try_from(end_entity) {
            Ok(parsed) => Seen::known(verify_server_name(&parsed, &name).is_ok()),
            Err(why) => Seen::known(false).noting(why.to_string()),
        };
        judged.trusted = match &self.0 {
            None => Seen::unknown(Cause::NotExamined).noting("no authorities are known here"),
            Some(verifier) => trusted(verifier, end_entity, intermediates, &name, now),
        };
        judged
    }
}

fn trusted(
    verifier: &WebPkiServerVerifier,
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    now: SystemTime,
) -> Seen<bool> {
    use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
    let Ok(now) = now.duration_since(SystemTime::UNIX_EPOCH) else {
        return Seen::unknown(Cause::NotExamined).noting("before 1970");
    };
    let now = UnixTime::since_unix_epoch(now);
    match verifier.verify_server_cert(end_entity, intermediates, name, &[], now) {
        // The path is looked at before the name is.
        Ok(_) | Err(Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
            Seen::known(true)
        }
        Err(why) => Seen::known(false).noting(why.to_string()),
    }
}
