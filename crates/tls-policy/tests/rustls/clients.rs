//! From a decision to a configuration.

use crate::support::{Ca, HOST, Made, everything, now, plain_client, plain_client_of, shake};
use rcgen::{PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs::Ticketer,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::{CertifiedKey, Signer, SigningKey},
    time_provider::TimeProvider,
};
use std::{sync::Arc, time::UNIX_EPOCH};
use tls_policy::{
    Action, DaneFact, Decision, Facts, Floor, MemoryFact, MxFact, Rule, StsFact, decide,
    rustls::{ClientConfigs, Lacking, NoConfig, Profile, UnauthenticatedPeer},
};

const OTHER: &str = "example.org";

fn configs(profile: Profile, ca: &Ca) -> ClientConfigs {
    ClientConfigs::new(profile, Arc::new(everything()), ca.roots()).unwrap()
}

fn facts(mx: &str) -> Facts<'_> {
    Facts::new(OTHER, mx, MxFact::Insecure)
        .dane(DaneFact::Insecure)
        .sts(StsFact::None)
        .memory(MemoryFact::Nothing)
}

/// One name, by MTA-STS.
fn one() -> Decision<'static> {
    decide(&facts(HOST).sts(StsFact::Enforce), Floor::Opportunistic)
}

/// Two names: the domain, and the host within it.
fn two() -> Decision<'static> {
    let decision = decide(&facts(HOST), Floor::Verified);
    let Action::WebPki { names } = decision.action() else {
        panic!("{decision}")
    };
    assert_eq!(names.iter().count(), 2, "{decision}");
    decision
}

fn certified(made: &Made) -> CertifiedKey {
    let chain = CertificateDer::pem_slice_iter(made.chain.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap();
    let key = everything().key_provider.load_private_key(key).unwrap();
    CertifiedKey::new(chain.collect::<Result<_, _>>().unwrap(), key)
}

#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn server_with(
    key: CertifiedKey,
    version: &'static rustls::SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(everything()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shows(Arc::new(key))));
    config.ticketer = Ticketer::new().unwrap();
    Arc::new(config)
}

const VERSIONS: [&rustls::SupportedProtocolVersion; 2] =
    [&rustls::version::TLS12, &rustls::version::TLS13];

fn server(made: &Made) -> Arc<ServerConfig> {
    server_with(certified(made), &rustls::version::TLS13)
}

fn self_signed(names: &[&str]) -> Made {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    Made {
        chain: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
        leaf: made.cert.der().clone(),
    }
}

/// A clock that stands still in 2027.
#[derive(Debug)]
struct Still;

impl TimeProvider for Still {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(
            now().duration_since(UNIX_EPOCH).unwrap(),
        ))
    }
}

fn still(config: &ClientConfig) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.time_provider = Arc::new(Still);
    Arc::new(config)
}

#[test]
fn one_of_the_names_is_enough_and_none_is_not() {
    let ca = Ca::new();
    for profile in [Profile::Normal, Profile::Bsi] {
        let configs = configs(profile, &ca);
        for (decision, names, good) in [
            (one(), &[HOST][..], true),
            (one(), &["*.example.org"], true),
            (one(), &[OTHER], false),
            (one(), &["mx.example.net"], false),
            (one(), &["a.mx.example.org"], false),
            (two(), &[HOST], true),
            (two(), &[OTHER], true),
            (two(), &[OTHER, "example.net"], true),
            (two(), &["*.example.org"], true),
            (two(), &["example.net"], false),
            (two(), &["*.org"], false), // webpki wants two labels
            (two(), &["mx.example.net"], false),
        ] {
            let Action::WebPki { names: wanted } = decision.action() else {
                panic!("{decision}")
            };
            let config = still(&configs.config(decision.action()).unwrap());
            let server = server(&ca.issue(names));
            let shaken = shake(&config, &server, wanted.server_name());
            assert_eq!(shaken.is_ok(), good, "{decision}: {names:?}");
            // Mutation: nothing but the verifier refuses.
            let anybody = configs.config(Action::Encrypt).unwrap();
            assert!(shake(&anybody, &server, wanted.server_name()).is_ok());
        }
    }
}

#[test]
fn another_fault_than_the_name_ends_it() {
    let ca = Ca::new();
    let configs = configs(Profile::Normal, &ca);
    let config = still(&configs.config(two().action()).unwrap());
    let Action::WebPki { names } = two().action() else {
        panic!()
    };
    for made in [self_signed(&[HOST, OTHER]), Ca::new().issue(&[HOST, OTHER])] {
        assert!(shake(&config, &server(&made), names.server_name()).is_err());
    }
    let good = server(&ca.issue(&[OTHER]));
    assert!(shake(&config, &good, names.server_name()).is_ok());
    // A connection under another name is not what the configuration is for, whatever it shows.
    for name in ["mx.example.net", HOST, "a.example.org"] {
        let shaken = shake(&config, &server(&ca.issue(&[name, OTHER])), name);
        assert_eq!(shaken.is_ok(), name == names.server_name(), "{name}");
    }
}

/// How often it is asked, and about what.
#[derive(Debug, Default)]
struct Asked(std::sync::Mutex<Vec<String>>);

impl ServerCertVerifier for Asked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.lock().unwrap().push(name.to_str().into_owned());
        Err(rustls::CertificateError::NotValidForName.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        unreachable!()
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        unreachable!()
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

#[test]
fn a_verifier_of_ones_own_is_asked_about_each_name() {
    let ca = Ca::new();
    let asked = Arc::new(Asked::default());
    let verifier = Arc::<Asked>::clone(&asked);
    let configs = ClientConfigs::with_verifier(Profile::Bsi, Arc::new(everything()), verifier);
    let config = configs.unwrap().config(two().action()).unwrap();
    let Action::WebPki { names } = two().action() else {
        panic!()
    };
    assert!(shake(&config, &server(&ca.issue(&[HOST])), names.server_name()).is_err());
    assert_eq!(*asked.0.lock().unwrap(), names.iter().collect::<Vec<_>>());
}

#[test]
fn who_need_not_be_verified_may_be_anybody() {
    let ca = Ca::new();
    let expired = ca.issue_with(&[HOST], &rcgen::PKCS_ECDSA_P256_SHA256, |params| {
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let rsa = ca.issue_with(&["elsewhere.example"], &PKCS_RSA_SHA256, |_| {});
    let ed25519 = ca.issue_with(&[HOST], &PKCS_ED25519, |_| {});
    let p384 = ca.issue_with(&[HOST], &PKCS_ECDSA_P384_SHA384, |_| {});
    let configs = configs(Profile::Normal, &ca);
    let named = still(&configs.config(one().action()).unwrap());
    for made in [
        expired,
        rsa,
        ed25519,
        p384,
        self_signed(&["x.example"]),
        Ca::new().issue(&[HOST]),
    ] {
        for version in VERSIONS {
            let server = server_with(certified(&made), version);
            for action in [Action::Encrypt, Action::Opportunistic] {
                let config = configs.config(action).unwrap();
                let shaken = shake(&config, &server, HOST);
                assert!(shaken.is_ok(), "{action:?} {version:?}: {:?}", shaken.err());
            }
        }
    }
    // Mutation: who has to be verified is.
    assert!(shake(&named, &server(&self_signed(&[HOST])), HOST).is_err());
}

/// The chain of one and the key of another.
#[test]
fn nobody_passes_with_a_certificate_that_is_not_his() {
    let ca = Ca::new();
    let (theirs, own) = (ca.issue(&[HOST]), ca.issue(&[HOST]));
    let anybody: Arc<dyn ServerCertVerifier> =
        Arc::new(UnauthenticatedPeer::new(Arc::new(everything())));
    let plain = Arc::new(plain_client_of(anybody, everything()));
    let ours = configs(Profile::Normal, &ca)
        .config(Action::Encrypt)
        .unwrap();
    for version in VERSIONS {
        let mut stolen = certified(&theirs);
        stolen.key = certified(&own).key;
        let stolen = server_with(stolen, version);
        for client in [&plain, &ours] {
            let error = shake(client, &stolen, HOST).err().unwrap();
            assert!(format!("{error:?}").contains("BadSignature"), "{error:?}");
            // Mutation: with its own key it passes.
            assert!(shake(client, &server_with(certified(&theirs), version), HOST).is_ok());
        }
    }
}

/// Signs with a scheme that the client knows, but not of the key that it shows.
#[derive(Debug)]
struct Lies(Arc<dyn SigningKey>);

impl SigningKey for Lies {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.0.choose_scheme(&[SignatureScheme::ED25519])
    }

    fn algorithm(&self) -> rustls::SignatureAlgorithm {
        rustls::SignatureAlgorithm::ECDSA
    }
}

#[test]
fn a_scheme_that_does_not_fit_the_key_is_refused() {
    let ca = Ca::new();
    let ours = configs(Profile::Normal, &ca)
        .config(Action::Encrypt)
        .unwrap();
    let ed25519 = certified(&ca.issue_with(&[HOST], &PKCS_ED25519, |_| {}));
    for version in VERSIONS {
        let mut lying = certified(&ca.issue(&[HOST]));
        lying.key = Arc::new(Lies(Arc::clone(&ed25519.key)));
        assert!(shake(&ours, &server_with(lying, version), HOST).is_err());
    }
}

#[test]
fn certificates_that_webpki_cannot_read_send_nobody_back_to_clear_text() {
    let ca = Ca::new();
    let made = self_signed(&[HOST]);
    // A certificate of version 1: without extensions, and without the version field that says 3.
    let v1 = version_1(&made.leaf);
    assert!(rustls::server::ParsedCertificate::try_from(&v1).is_err());
    let ours = configs(Profile::Normal, &ca)
        .config(Action::Opportunistic)
        .unwrap();
    for version in VERSIONS {
        let mut key = certified(&made);
        key.cert = vec![v1.clone()];
        assert!(shake(&ours, &server_with(key, version), HOST).is_ok());
        // What is no certificate at all has no key to sign with.
        let mut key = certified(&made);
        key.cert = vec![CertificateDer::from(b"\x30\x03\x02\x01\x00".to_vec())];
        assert!(shake(&ours, &server_with(key, version), HOST).is_err());
    }
}

/// Takes `[0] version` and `[3] extensions` out of the first part of a certificate. The signature is
/// then wrong, which nobody looks at.
fn version_1(der: &CertificateDer<'_>) -> CertificateDer<'static> {
    let parts = |octets: &[u8]| {
        let (mut parts, mut rest) = (Vec::new(), octets.to_vec());
        while !rest.is_empty() {
            let (head, length) = length(&rest);
            let after = rest.split_off(head + length);
            parts.push(std::mem::replace(&mut rest, after));
        }
        parts
    };
    let inner = |element: &[u8]| element[length(element).0..].to_vec();
    let mut outer = parts(&inner(der));
    let mut tbs = parts(&inner(&outer[0]));
    tbs.retain(|part| part[0] != 0xA0 && part[0] != 0xA3);
    outer[0] = sequence(&tbs.concat());
    sequence(&outer.concat()).into()
}

fn length(element: &[u8]) -> (usize, usize) {
    match element[1] {
        0x81 => (3, usize::from(element[2])),
        0x82 => (4, usize::from(u16::from_be_bytes([element[2], element[3]]))),
        short => (2, usize::from(short)),
    }
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[0x30, 0x82], &length[..], content].concat()
}

#[test]
fn sessions_are_resumed_only_where_anybody_will_do() {
    let ca = Ca::new();
    let configs = configs(Profile::Normal, &ca);
    let server = server(&ca.issue(&[HOST]));
    let resumes = |config: &Arc<ClientConfig>| {
        let first = shake(config, &server, HOST).unwrap().resumed();
        (first, shake(config, &server, HOST).unwrap().resumed())
    };
    assert_eq!(
        resumes(&still(&configs.config(one().action()).unwrap())),
        (false, false)
    );
    assert_eq!(
        resumes(&configs.dane(ca.verifier()).unwrap()),
        (false, false)
    );
    assert_eq!(
        resumes(&configs.config(Action::Encrypt).unwrap()),
        (false, true)
    );
    // Of what began with anybody nothing is resumed where somebody is wanted.
    assert_eq!(
        resumes(&still(&configs.config(one().action()).unwrap())),
        (false, false)
    );
    // Mutation: rustls' own configuration resumes.
    assert_eq!(
        resumes(&Arc::new(plain_client(&ca, everything()))),
        (false, true)
    );
}

#[test]
fn actions_that_begin_no_tls_have_no_configuration() {
    let ca = Ca::new();
    let configs = configs(Profile::Normal, &ca);
    assert_eq!(configs.config(Action::Dane).err(), Some(NoConfig::Dane));
    let clear = decide(&facts(HOST).rule(Some(Rule::None)), Floor::Opportunistic);
    assert_eq!(configs.config(clear.action()).err(), Some(NoConfig::NoTls));
    let failed = decide(&facts(HOST).dane(DaneFact::Failed), Floor::Opportunistic);
    assert_eq!(configs.config(failed.action()).err(), Some(NoConfig::NoTls));
    for name in ["a b", "", "127.0.0.1", "::1", "a..b"] {
        let decision = decide(&facts(name).sts(StsFact::Enforce), Floor::Opportunistic);
        let got = configs.config(decision.action()).err();
        assert_eq!(got, Some(NoConfig::Name), "{decision}");
    }
    let none = Arc::new(RootCertStore::empty());
    let none = ClientConfigs::new(Profile::Normal, Arc::new(everything()), none);
    assert_eq!(none.err(), Some(Lacking::Roots));
}
