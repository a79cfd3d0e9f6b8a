//! dane-tlsa and webpki: verification alone, and whole handshakes of rustls in memory.

use crate::chain::{Chain, HOST};
use dane_tlsa::{Crypto, DaneVerifier, Matcher, Parameters, References, RrSet, Tlsa, Usable};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
    client::{Resumption, WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::TLS13,
};
use std::{
    hint::black_box,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// What authenticates the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// webpki, with the root in its store.
    Pkix,
    /// `3 1 1`.
    DaneEe,
    /// `2 1 1` of the root, which the server sends.
    DaneTa,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Pkix, Self::DaneEe, Self::DaneTa];

    /// As in the names of what is counted, and as the harness calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pkix => "pkix",
            Self::DaneEe => "dane-ee",
            Self::DaneTa => "dane-ta",
        }
    }

    fn sent(self, chain: &Chain) -> Vec<CertificateDer<'static>> {
        let mut sent = vec![chain.leaf.clone(), chain.intermediate.clone()];
        if self == Self::DaneTa {
            sent.push(chain.root.clone());
        }
        sent
    }

    fn usable(self, chain: &Chain) -> Usable {
        let (parameters, named) = match self {
            Self::DaneTa => (Parameters::DANE_TA, &chain.root),
            _ => (Parameters::DANE_EE, &chain.leaf),
        };
        let record = Tlsa::for_certificate(parameters, named, &Crypto::aws_lc_rs()).unwrap();
        let records = RrSet::new([record]).assume_secure();
        records.usable_for_smtp().unwrap()
    }
}

fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    Arc::new(provider)
}

fn webpki(chain: &Chain) -> Arc<WebPkiServerVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add(chain.root.clone()).unwrap();
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .unwrap()
}

/// Verification alone.
pub(crate) fn verify(way: Way, chain: &Chain, now: SystemTime) -> Box<dyn FnMut()> {
    let sent = way.sent(chain);
    if way == Way::Pkix {
        let verifier = webpki(chain);
        let now = UnixTime::since_unix_epoch(now.duration_since(UNIX_EPOCH).unwrap());
        let name = ServerName::try_from(HOST).unwrap();
        return Box::new(move || {
            let (own, others) = black_box(&sent).split_first().unwrap();
            let verified = verifier.verify_server_cert(own, others, &name, &[], now);
            assert!(verified.is_ok());
        });
    }
    let names = References::new([HOST]).unwrap();
    let matcher = Matcher::new(way.usable(chain), names, Crypto::aws_lc_rs());
    Box::new(move || {
        let (own, others) = black_box(&sent).split_first().unwrap();
        assert!(matcher.check(own, others, now).is_match());
    })
}

/// A whole handshake, both ends.
pub(crate) fn handshake(way: Way, chain: &Chain) -> Box<dyn FnMut()> {
    let mut server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(way.sent(chain), chain.key())
        .unwrap();
    server.send_tls13_tickets = 0;
    let verifier: Arc<dyn ServerCertVerifier> = match way {
        Way::Pkix => webpki(chain),
        _ => {
            let names = References::new([HOST]).unwrap();
            let matcher = Matcher::new(way.usable(chain), names, Crypto::aws_lc_rs());
            Arc::new(DaneVerifier::new(matcher, provider()))
        }
    };
    let mut client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    client.resumption = Resumption::disabled();
    let (client, server) = (Arc::new(client), Arc::new(server));
    Box::new(move || {
        let name = ServerName::try_from(HOST).unwrap();
        let mut near = ClientConnection::new(Arc::clone(&client), name).unwrap();
        let mut far = ServerConnection::new(Arc::clone(&server)).unwrap();
        let mut wire = Vec::with_capacity(1 << 14);
        while near.is_handshaking() || far.is_handshaking() {
            while near.wants_write() {
                near.write_tls(&mut wire).unwrap();
            }
            far.read_tls(&mut &*wire).unwrap();
            far.process_new_packets().unwrap();
            wire.clear();
            while far.wants_write() {
                far.write_tls(&mut wire).unwrap();
            }
            let mut rest = &*wire;
            while !rest.is_empty() {
                near.read_tls(&mut rest).unwrap();
                near.process_new_packets().unwrap();
            }
            wire.clear();
        }
        black_box((near, far));
    })
}
