//! Certificates, and handshakes in memory.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SignatureAlgorithm,
    date_time_ymd,
};
use rustls::{
    ClientConfig, ClientConnection, Error, HandshakeKind, NamedGroup, RootCertStore, ServerConfig,
    ServerConnection, SupportedCipherSuite,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{
        CryptoProvider, SupportedKxGroup,
        aws_lc_rs::{ALL_CIPHER_SUITES, ALL_KX_GROUPS, default_provider},
    },
    pki_types::{CertificateDer, ServerName},
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tls_policy::rustls::Source;

pub(crate) const HOST: &str = "mx.example.org";

/// A day of 2027. Certificates are valid from 2020 to 2040.
pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// An authority that issues with an intermediate of its own for each certificate, so that no
/// certificate can be verified with the rest of another chain.
pub(crate) struct Ca {
    root: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

pub(crate) struct Made {
    pub(crate) chain: String,
    pub(crate) key: String,
    pub(crate) leaf: CertificateDer<'static>,
}

impl Made {
    pub(crate) fn source(&self) -> Source<'_> {
        Source::new(self.chain.as_bytes(), self.key.as_bytes())
    }
}

fn params(names: &[&str], subject: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, subject);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

fn authority(subject: &str) -> CertificateParams {
    let mut params = params(&[], subject);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl Ca {
    pub(crate) fn new() -> Self {
        let (params, key) = (authority("Root"), KeyPair::generate().unwrap());
        let root = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        Self { root, issuer }
    }

    /// A leaf for these names, P-256.
    pub(crate) fn issue(&self, names: &[&str]) -> Made {
        self.issue_with(names, &rcgen::PKCS_ECDSA_P256_SHA256, |_| {})
    }

    pub(crate) fn issue_with(
        &self,
        names: &[&str],
        algorithm: &'static SignatureAlgorithm,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Made {
        let int_key = KeyPair::generate().unwrap();
        let int = authority(&format!("Intermediate {:?}", int_key.public_key_raw()));
        let int_pem = int.signed_by(&int_key, &self.issuer).unwrap().pem();
        let int = Issuer::new(int, int_key);
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = params(names, "Leaf");
        change(&mut params);
        let leaf = params.signed_by(&key, &int).unwrap();
        Made {
            chain: leaf.pem() + &int_pem,
            key: key.serialize_pem(),
            leaf: leaf.der().clone(),
        }
    }

    /// The root alone.
    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        Arc::new(roots)
    }

    pub(crate) fn verifier(&self) -> Arc<dyn ServerCertVerifier> {
        self.verifier_with(everything())
    }

    pub(crate) fn verifier_with(&self, provider: CryptoProvider) -> Arc<dyn ServerCertVerifier> {
        WebPkiServerVerifier::builder_with_provider(self.roots(), Arc::new(provider))
            .build()
            .unwrap()
    }
}

/// All that aws-lc-rs has for rustls.
pub(crate) fn everything() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: ALL_CIPHER_SUITES.to_vec(),
        kx_groups: ALL_KX_GROUPS.to_vec(),
        ..default_provider()
    }
}

/// One suite and one group.
pub(crate) fn only(
    suite: SupportedCipherSuite,
    group: &'static dyn SupportedKxGroup,
) -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![suite],
        kx_groups: vec![group],
        ..default_provider()
    }
}

/// A client that is none of ours.
pub(crate) fn plain_client(ca: &Ca, provider: CryptoProvider) -> ClientConfig {
    plain_client_of(ca.verifier(), provider)
}

pub(crate) fn plain_client_of(
    verifier: Arc<dyn ServerCertVerifier>,
    provider: CryptoProvider,
) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth()
}

pub(crate) struct Shaken {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
}

impl Shaken {
    pub(crate) fn group(&self) -> NamedGroup {
        self.client.negotiated_key_exchange_group().unwrap().name()
    }

    pub(crate) fn leaf(&self) -> &CertificateDer<'static> {
        &self.client.peer_certificates().unwrap()[0]
    }

    pub(crate) fn resumed(&self) -> bool {
        self.client.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// Carries what both have to send until neither has anything.
    pub(crate) fn carry(&mut self) -> Result<(), Error> {
        loop {
            let mut octets = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut octets).unwrap();
            }
            let mut quiet = octets.is_empty();
            let mut rest = &octets[..];
            while !rest.is_empty() {
                self.server.read_tls(&mut rest).unwrap();
                self.server.process_new_packets()?;
            }
            octets.clear();
            while self.server.wants_write() {
                self.server.write_tls(&mut octets).unwrap();
            }
            quiet &= octets.is_empty();
            let mut rest = &octets[..];
            while !rest.is_empty() {
                self.client.read_tls(&mut rest).unwrap();
                self.client.process_new_packets()?;
            }
            if quiet {
                return Ok(());
            }
        }
    }
}

pub(crate) fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<Shaken, Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut shaken = Shaken {
        client: ClientConnection::new(Arc::clone(client), name)?,
        server: ServerConnection::new(Arc::clone(server))?,
    };
    shaken.carry()?;
    assert!(!shaken.client.is_handshaking() && !shaken.server.is_handshaking());
    Ok(shaken)
}
