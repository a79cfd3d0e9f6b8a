//! Handshakes of rustls with rustls, in memory, with both providers: what the verifier decides, the
//! handshake does.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(all(feature = "rustls-0_23", feature = "aws-lc-rs"))]

mod common;

use common::{HOST, record, zoo::zoo};
use dane_tlsa::{Class, Crypto, DaneFailure, DaneVerifier, Matcher, References, RrSet};
use rustls::{
    ClientConfig, ClientConnection, Connection, Error, HandshakeKind, ServerConfig,
    ServerConnection, SupportedProtocolVersion,
    client::Resumption,
    crypto::CryptoProvider,
    pki_types::{PrivatePkcs8KeyDer, ServerName},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use std::sync::Arc;

/// Providers with what the matcher takes.
fn providers() -> Vec<(Arc<CryptoProvider>, Crypto)> {
    vec![
        (
            Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            Crypto::aws_lc_rs(),
        ),
        #[cfg(feature = "ring")]
        (
            Arc::new(rustls::crypto::ring::default_provider()),
            Crypto::ring(),
        ),
    ]
}

fn everywhere(test: impl Fn(&Arc<CryptoProvider>, Crypto, &'static SupportedProtocolVersion)) {
    for (provider, crypto) in providers() {
        for version in [&TLS12, &TLS13] {
            test(&provider, crypto, version);
        }
    }
}

fn verifier(tlsa: &[&str], provider: &Arc<CryptoProvider>, crypto: Crypto) -> DaneVerifier {
    let records: Vec<_> = tlsa.iter().map(|text| record(zoo(), text)).collect();
    let usable = RrSet::new(records)
        .assume_secure()
        .usable_for_smtp()
        .unwrap();
    let references = References::new([HOST, "example.org"]).unwrap();
    DaneVerifier::new(
        Matcher::new(usable, references, crypto),
        Arc::clone(provider),
    )
}

/// A server that presents a chain, with the key of its first certificate or of another one.
fn server(
    chain: &[&str],
    key: &str,
    provider: &Arc<CryptoProvider>,
    version: &'static SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let key = PrivatePkcs8KeyDer::from(zoo().key(key).serialize_der());
    let key = provider.key_provider.load_private_key(key.into()).unwrap();
    let key = CertifiedKey::new(zoo().chain(chain), key);
    let config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    Arc::new(config)
}

/// Handshakes to the end; what the client says of it, and its connection.
fn shake(
    config: ClientConfig,
    sni: ServerName<'static>,
    server: &Arc<ServerConfig>,
) -> (Result<(), Error>, ClientConnection) {
    let mut client = ClientConnection::new(Arc::new(config), sni).unwrap();
    let server = ServerConnection::new(Arc::clone(server)).unwrap();
    let mut server = Connection::from(server);
    let result = loop {
        let mut octets = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut octets).unwrap();
        }
        server.read_tls(&mut &octets[..]).unwrap();
        server.process_new_packets().unwrap();
        let mut octets = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut octets).unwrap();
        }
        let mut rest = &octets[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
        }
        if let Err(error) = client.process_new_packets() {
            break Err(error);
        }
        // The tickets of TLS 1.3 come after the handshake: all of them are read.
        if !client.is_handshaking() && !client.wants_write() && octets.is_empty() {
            break Ok(());
        }
    };
    (result, client)
}

fn connect(verifier: &DaneVerifier, server: &Arc<ServerConfig>) -> Result<(), Error> {
    shake(verifier.client_config().unwrap(), verifier.sni(), server).0
}

#[test]
fn servers_that_records_vouch_for_are_connected_to() {
    for (chain, tlsa) in [
        (&["leaf", "int"][..], "3 1 1 leaf"),
        (&["leaf-expired"], "3 1 1 leaf-expired"),
        (&["leaf-other"], "3 0 2 leaf-other"),
        (&["leaf-ca"], "3 1 1 leaf-ca"),
        (&["self"], "3 1 0 self"),
        // Of version 1, and with a critical extension: webpki cannot read them.
        (&["leaf-v1"], "3 1 1 leaf-v1"),
        (&["leaf-critical"], "3 0 1 leaf-critical"),
        (&["leaf", "int"], "2 1 1 int"),
        (&["leaf", "int", "root"], "2 0 1 root"),
        (&["leaf", "int"], "2 0 0 root"),
        (&["leaf", "int"], "2 1 0 root"),
        (&["leaf-domain", "int"], "2 1 1 int"),
    ] {
        everywhere(|provider, crypto, version| {
            let server = server(chain, chain[0], provider, version);
            let result = connect(&verifier(&[tlsa], provider, crypto), &server);
            assert_eq!(result, Ok(()), "{tlsa} {:?}", version.version);
        });
    }
}

#[test]
fn others_are_not_and_the_error_says_why() {
    for (chain, tlsa, class) in [
        (
            &["leaf", "int"][..],
            &["3 1 1 leaf-other"][..],
            Class::NoMatch,
        ),
        (
            &["leaf", "int"],
            &["3 1 1 leaf", "3 1 2 leaf~"],
            Class::NoMatch,
        ),
        (&["leaf-other", "int"], &["2 1 1 int"], Class::NameMismatch),
        (&["leaf-expired", "int"], &["2 1 1 int"], Class::Expired),
        (&["leaf-forged", "int"], &["2 1 1 int"], Class::Untrusted),
        (&["leaf", "int-no-ca"], &["2 1 1 int"], Class::Untrusted),
        (&["self"], &["2 1 1 self"], Class::NoMatch),
    ] {
        everywhere(|provider, crypto, version| {
            let server = server(chain, chain[0], provider, version);
            let error = connect(&verifier(tlsa, provider, crypto), &server).unwrap_err();
            let failure = DaneFailure::of(&error).unwrap();
            assert_eq!(failure.verdict().class(), class, "{tlsa:?}");
            let code = failure.verdict().reason().code();
            assert!(failure.to_string().contains(code), "{failure}");
        });
    }
}

/// A certificate is public: who presents it without its key gets nowhere, whether webpki can read
/// it or not.
#[test]
fn the_certificate_without_its_key_is_worth_nothing() {
    for certificate in ["leaf", "leaf-v1", "leaf-critical"] {
        everywhere(|provider, crypto, version| {
            let record = format!("3 1 1 {certificate}");
            let verifier = verifier(&[&*record], provider, crypto);
            let server = server(&[certificate], "leaf-other", provider, version);
            let error = connect(&verifier, &server).unwrap_err();
            assert_eq!(
                error,
                Error::InvalidCertificate(rustls::CertificateError::BadSignature),
                "{certificate}"
            );
        });
    }
}

/// The mutation: the same configuration with resumption, and the second connection shows no
/// certificate, so that nobody looks at the records any more.
#[test]
fn no_session_is_resumed() {
    everywhere(|provider, crypto, version| {
        let server = server(&["leaf", "int"], "leaf", provider, version);
        let verifier = verifier(&["3 1 1 leaf"], provider, crypto);
        let ours = verifier.client_config().unwrap();
        let mut mutation = ours.clone();
        mutation.resumption = Resumption::in_memory_sessions(8);
        for (config, resumes) in [(ours, false), (mutation, true)] {
            let mut resumed = Vec::new();
            for _ in 0..2 {
                let (result, client) = shake(config.clone(), verifier.sni(), &server);
                result.unwrap();
                resumed.push(client.handshake_kind() == Some(HandshakeKind::Resumed));
            }
            assert_eq!(resumed, [false, resumes]);
        }
    });
}

#[test]
fn sni_is_the_tlsa_base_domain() {
    let (provider, crypto) = providers().remove(0);
    let verifier = verifier(&["3 1 1 leaf"], &provider, crypto);
    assert_eq!(verifier.sni(), ServerName::try_from(HOST).unwrap());
    let server = server(&["leaf"], "leaf", &provider, &TLS13);
    let config = verifier.client_config().unwrap();
    let mut client = ClientConnection::new(Arc::new(config), verifier.sni()).unwrap();
    let mut accepting = ServerConnection::new(server).unwrap();
    let mut octets = Vec::new();
    client.write_tls(&mut octets).unwrap();
    accepting.read_tls(&mut &octets[..]).unwrap();
    accepting.process_new_packets().unwrap();
    assert_eq!(accepting.server_name(), Some(HOST));
}
