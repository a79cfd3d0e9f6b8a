//! Each profile offers and accepts what it lists and nothing else: every suite with every group that
//! aws-lc-rs has, one by one, on the other side.

use crate::support::{Ca, HOST, Made, everything, now, only, plain_client, shake};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, Error, NamedGroup, ServerConfig, SignatureScheme,
    crypto::{
        CryptoProvider,
        aws_lc_rs::{ALL_CIPHER_SUITES, ALL_KX_GROUPS, default_provider},
    },
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::Acceptor,
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::{collections::BTreeSet, sync::Arc};
use tls_policy::{
    Action,
    rustls::{Certificates, Lacking, Profile, Tickets, client_config},
};

const TLS13: [&str; 3] = [
    "TLS13_AES_256_GCM_SHA384",
    "TLS13_AES_128_GCM_SHA256",
    "TLS13_CHACHA20_POLY1305_SHA256",
];

/// What may come of it, as written in the documentation, by hand and not from the code.
fn expected(profile: Profile, suite: CipherSuite, group: NamedGroup) -> bool {
    let suite = format!("{suite:?}");
    let tls13 = suite.starts_with("TLS13_");
    let (suites, groups): (&[&str], &[&str]) = match profile {
        Profile::Bsi => (
            &[
                TLS13[0],
                TLS13[1],
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            ],
            &["secp256r1MLKEM768", "secp256r1", "secp384r1"],
        ),
        _ => (
            &[
                TLS13[0],
                TLS13[1],
                TLS13[2],
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            ],
            &[
                "X25519MLKEM768",
                "secp256r1MLKEM768",
                "X25519",
                "secp256r1",
                "secp384r1",
            ],
        ),
    };
    let group = format!("{group:?}");
    // TLS 1.2 has no ML-KEM.
    suites.contains(&&*suite) && groups.contains(&&*group) && (tls13 || !group.contains("MLKEM"))
}

/// Two leaves: ECDSA, and RSA where the profile has it.
fn leaves(ca: &Ca) -> [Made; 2] {
    [
        ca.issue(&[HOST]),
        ca.issue_with(&[HOST], &PKCS_RSA_SHA256, |_| {}),
    ]
}

fn server(profile: Profile, leaves: &[Made; 2]) -> Arc<ServerConfig> {
    let sources = [leaves[0].source(), leaves[1].source()];
    let sources = &sources[..if profile == Profile::Bsi { 1 } else { 2 }];
    let provider = Arc::new(everything());
    let certificates = Certificates::new(profile, provider, sources, now()).unwrap();
    Arc::new(Arc::new(certificates).server_config(Tickets::None).unwrap())
}

/// A server that is none of ours, with one leaf.
fn plain_server(provider: CryptoProvider, leaf: &Made) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(leaf.chain.as_bytes());
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let key = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(key));
    Arc::new(config)
}

fn ours(profile: Profile, ca: &Ca) -> Arc<ClientConfig> {
    let verifier = ca.verifier();
    let config = client_config(profile, &everything(), verifier, Action::Dane);
    Arc::new(config.unwrap())
}

/// Where a handshake with one suite and one group is not as expected.
fn surprises(
    profile: Profile,
    shake: impl Fn(CryptoProvider, bool) -> Option<(CipherSuite, NamedGroup)>,
) -> Vec<String> {
    let mut surprises = Vec::new();
    for suite in ALL_CIPHER_SUITES {
        for group in ALL_KX_GROUPS {
            let (name, kx) = (suite.suite(), group.name());
            let rsa = format!("{name:?}").contains("ECDHE_RSA");
            let got = shake(only(*suite, *group), rsa);
            let wanted = expected(profile, name, kx).then_some((name, kx));
            if got != wanted {
                surprises.push(format!("{name:?} {kx:?}: {got:?}"));
            }
        }
    }
    assert_eq!(ALL_CIPHER_SUITES.len() * ALL_KX_GROUPS.len(), 63);
    surprises
}

fn of_server(ca: &Ca, profile: Profile, server: &Arc<ServerConfig>) -> Vec<String> {
    surprises(profile, |provider, _| {
        let client = Arc::new(plain_client(ca, provider));
        let shaken = shake(&client, server, HOST).ok()?;
        let suite = shaken.client.negotiated_cipher_suite().unwrap().suite();
        Some((suite, shaken.group()))
    })
}

fn of_client(leaves: &[Made; 2], profile: Profile, client: &Arc<ClientConfig>) -> Vec<String> {
    surprises(profile, |provider, rsa| {
        let server = plain_server(provider, &leaves[usize::from(rsa)]);
        let shaken = shake(client, &server, HOST).ok()?;
        let suite = shaken.client.negotiated_cipher_suite().unwrap().suite();
        Some((suite, shaken.group()))
    })
}

const PROFILES: [Profile; 2] = [Profile::Normal, Profile::Bsi];

#[test]
fn servers_accept_what_the_profile_lists_and_refuse_the_rest() {
    let ca = Ca::new();
    let leaves = leaves(&ca);
    for profile in PROFILES {
        let server = server(profile, &leaves);
        assert_eq!(of_server(&ca, profile, &server), [""; 0], "{profile:?}");
    }
}

#[test]
fn clients_accept_what_the_profile_lists_and_refuse_the_rest() {
    let ca = Ca::new();
    let leaves = leaves(&ca);
    for profile in PROFILES {
        let client = ours(profile, &ca);
        assert_eq!(of_client(&leaves, profile, &client), [""; 0], "{profile:?}");
    }
}

/// Mutation: what a configuration without the filter accepts is found, on both sides.
#[test]
fn mutation_no_filter_is_found() {
    let ca = Ca::new();
    let leaves = leaves(&ca);
    let server = plain_server(everything(), &leaves[0]);
    let client = Arc::new(plain_client(&ca, everything()));
    for profile in PROFILES {
        assert!(!of_server(&ca, profile, &server).is_empty());
        assert!(!of_client(&leaves, profile, &client).is_empty());
    }
    // And the other profile is not this one.
    let normal = self::server(Profile::Normal, &leaves);
    assert!(!of_server(&ca, Profile::Bsi, &normal).is_empty());
    assert!(!of_client(&leaves, Profile::Bsi, &ours(Profile::Normal, &ca)).is_empty());
}

/// What a client says of itself.
fn offer(config: &Arc<ClientConfig>) -> (Vec<CipherSuite>, Vec<NamedGroup>, BTreeSet<u16>) {
    let name = ServerName::try_from(HOST).unwrap();
    let mut client = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut octets = Vec::new();
    client.write_tls(&mut octets).unwrap();
    let mut acceptor = Acceptor::default();
    acceptor.read_tls(&mut &octets[..]).unwrap();
    let accepted = acceptor.accept().unwrap().unwrap();
    let hello = accepted.client_hello();
    let schemes = hello.signature_schemes().iter();
    (
        hello.cipher_suites().to_vec(),
        hello.named_groups().unwrap().to_vec(),
        schemes.map(|&scheme| u16::from(scheme)).collect(),
    )
}

#[test]
fn clients_offer_the_best_first() {
    let ca = Ca::new();
    let signalling = CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV;
    for profile in PROFILES {
        let (suites, groups, schemes) = offer(&ours(profile, &ca));
        let suites: Vec<_> = suites.into_iter().filter(|s| *s != signalling).collect();
        assert_eq!(suites, profile.suites());
        assert_eq!(groups, profile.groups());
        let ecdsa = [
            u16::from(SignatureScheme::ECDSA_NISTP256_SHA256),
            u16::from(SignatureScheme::ECDSA_NISTP384_SHA384),
        ];
        assert_eq!(schemes == BTreeSet::from(ecdsa), profile == Profile::Bsi);
    }
    assert_eq!(Profile::Normal.groups()[0], NamedGroup::X25519MLKEM768);
    assert_eq!(Profile::Bsi.groups()[0], NamedGroup::secp256r1MLKEM768);
}

#[test]
fn two_of_us_take_the_best() {
    let ca = Ca::new();
    let leaves = leaves(&ca);
    for (profile, best) in [
        (Profile::Normal, NamedGroup::X25519MLKEM768),
        (Profile::Bsi, NamedGroup::secp256r1MLKEM768),
    ] {
        let shaken = shake(&ours(profile, &ca), &server(profile, &leaves), HOST).unwrap();
        assert_eq!(shaken.group(), best);
        let version = shaken.client.protocol_version().unwrap();
        assert_eq!(version, rustls::ProtocolVersion::TLSv1_3);
    }
    // The two profiles find each other, too.
    let normal = server(Profile::Normal, &leaves);
    let shaken = shake(&ours(Profile::Bsi, &ca), &normal, HOST).unwrap();
    assert_eq!(shaken.group(), NamedGroup::secp256r1MLKEM768);
}

#[test]
fn clients_of_the_bsi_profile_refuse_other_keys() {
    let ca = Ca::new();
    let client = ours(Profile::Bsi, &ca);
    for (algorithm, good) in [
        (&PKCS_ECDSA_P256_SHA256, true),
        (&PKCS_ECDSA_P384_SHA384, true),
        (&PKCS_ED25519, false),
        (&PKCS_RSA_SHA256, false),
    ] {
        let leaf = ca.issue_with(&[HOST], algorithm, |_| {});
        let server = plain_server(everything(), &leaf);
        assert_eq!(shake(&client, &server, HOST).is_ok(), good, "{algorithm:?}");
        let normal = ours(Profile::Normal, &ca);
        assert!(shake(&normal, &server, HOST).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn a_provider_that_lacks_everything_is_refused() {
    let without = |change: fn(&mut CryptoProvider)| {
        let mut provider = default_provider();
        change(&mut provider);
        let found = PROFILES.map(|profile| profile.provider(&provider).err());
        assert_eq!(found[0], found[1]);
        found[0]
    };
    assert_eq!(without(|_| {}), None);
    assert_eq!(without(|p| p.kx_groups.clear()), Some(Lacking::Group));
    let no_13 = without(|p| p.cipher_suites.retain(|s| s.tls13().is_none()));
    assert_eq!(no_13, Some(Lacking::Suite));
    // Without TLS 1.2 it works, and is TLS 1.3 only.
    assert_eq!(
        without(|p| p.cipher_suites.retain(|s| s.tls13().is_some())),
        None
    );
}

#[test]
fn a_verifier_that_knows_no_scheme_of_the_profile_is_refused() {
    let ca = Ca::new();
    let algorithms = default_provider().signature_verification_algorithms;
    let ed25519 = |(scheme, _): &(SignatureScheme, _)| *scheme == SignatureScheme::ED25519;
    let at = algorithms.mapping.iter().position(ed25519).unwrap();
    for (mapping, refused) in [
        (algorithms.mapping, [false, false]),
        (&algorithms.mapping[at..=at], [false, true]),
        (&[], [true, true]),
    ] {
        let mut provider = everything();
        provider.signature_verification_algorithms.mapping = mapping;
        let found = PROFILES.map(|profile| {
            let verifier = ca.verifier_with(provider.clone());
            let config = client_config(profile, &everything(), verifier, Action::Encrypt);
            config.err() == Some(Lacking::Scheme)
        });
        assert_eq!(found, refused);
    }
}

#[test]
fn the_default_provider_has_no_secp256r1mlkem768() {
    let ca = Ca::new();
    let config = client_config(
        Profile::Bsi,
        &default_provider(),
        ca.verifier(),
        Action::Dane,
    );
    let (_, groups, _) = offer(&Arc::new(config.unwrap()));
    assert_eq!(groups, [NamedGroup::secp256r1, NamedGroup::secp384r1]);
}

#[test]
fn a_server_refuses_with_the_reason() {
    let ca = Ca::new();
    let server = server(Profile::Bsi, &leaves(&ca));
    let x25519 = ALL_KX_GROUPS
        .iter()
        .find(|group| group.name() == NamedGroup::X25519);
    let client = plain_client(&ca, only(ALL_CIPHER_SUITES[0], *x25519.unwrap()));
    let Err(error) = shake(&Arc::new(client), &server, HOST) else {
        panic!("X25519 was accepted");
    };
    let Error::PeerIncompatible(reason) = error else {
        panic!("{error:?}");
    };
    assert_eq!(reason, rustls::PeerIncompatible::NoKxGroupsInCommon);
}
