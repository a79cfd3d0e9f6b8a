//! Certificates that are replaced while handshakes go on.

use crate::support::{Ca, HOST, Made, Shaken, everything, now, plain_client, shake};
use rcgen::{PKCS_ECDSA_P256_SHA256, date_time_ymd};
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use tls_policy::rustls::{
    Certificates, Files, FilesError, IdentityError, Profile, Replaced, SourceError, Tickets,
};

fn certificates(made: &Made) -> Arc<Certificates> {
    let provider = Arc::new(everything());
    let sources = [made.source()];
    Arc::new(Certificates::new(Profile::Normal, provider, &sources, now()).unwrap())
}

fn config(certificates: &Arc<Certificates>) -> Arc<ServerConfig> {
    Arc::new(certificates.server_config(Tickets::None).unwrap())
}

fn talk(shaken: &mut Shaken) {
    shaken.client.writer().write_all(b"NOOP").unwrap();
    shaken.carry().unwrap();
    let mut heard = [0; 4];
    shaken.server.reader().read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"NOOP");
}

#[test]
fn eight_threads_shake_hands_while_certificates_are_swapped_200_times() {
    let ca = Ca::new();
    let made: Vec<Made> = (0..8).map(|_| ca.issue(&[HOST])).collect();
    let known: BTreeSet<&[u8]> = made.iter().map(|m| m.leaf.as_ref()).collect();
    let certificates = certificates(&made[0]);
    let (server, client) = (
        config(&certificates),
        Arc::new(plain_client(&ca, everything())),
    );
    let (done, shaken, seen) = (
        AtomicBool::new(false),
        AtomicUsize::new(0),
        Mutex::new(BTreeSet::new()),
    );
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let last = done.load(Ordering::Acquire);
                        // The client verifies chain and signature: any pair that is torn fails.
                        let got = shake(&client, &server, HOST).unwrap();
                        assert!(known.contains(got.leaf().as_ref()));
                        seen.lock().unwrap().insert(got.leaf().to_vec());
                        shaken.fetch_add(1, Ordering::AcqRel);
                        if last {
                            break;
                        }
                    }
                })
            })
            .collect();
        for swap in 1..=200 {
            let next = &made[swap % made.len()];
            let replaced = certificates.replace(&[next.source()], now());
            assert_eq!(replaced, Ok(Replaced::Changed));
            // A handshake that begins now sees it.
            let got = shake(&client, &server, HOST).unwrap();
            assert_eq!(*got.leaf(), next.leaf, "swap {swap}");
        }
        // Not before all of them had certificates of more than one swap.
        while shaken.load(Ordering::Acquire) < 64 && threads.iter().all(|t| !t.is_finished()) {
            let at = shaken.load(Ordering::Acquire);
            let next = &made[at % made.len()];
            certificates.replace(&[next.source()], now()).unwrap();
        }
        done.store(true, Ordering::Release);
    });
    assert!(shaken.into_inner() >= 64);
    assert!(seen.into_inner().unwrap().len() > 1);
}

/// What a resolver does that changes chain and key one after the other, between the two.
#[derive(Debug)]
struct Torn(Arc<CertifiedKey>);

impl ResolvesServerCert for Torn {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Mutation: a new chain with the old key is seen by the client of the test above.
#[test]
fn mutation_a_torn_pair_is_found() {
    let ca = Ca::new();
    let (old, new) = (ca.issue(&[HOST]), ca.issue(&[HOST]));
    let provider = everything();
    let with = |provider: CryptoProvider, chain: &Made, key: &Made| {
        let chain = CertificateDer::pem_slice_iter(chain.chain.as_bytes());
        let chain = chain.collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.key.as_bytes()).unwrap();
        let key = provider.key_provider.load_private_key(key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Torn(Arc::new(CertifiedKey::new(chain, key)))));
        shake(
            &Arc::new(plain_client(&ca, everything())),
            &Arc::new(config),
            HOST,
        )
    };
    assert!(with(provider.clone(), &new, &new).is_ok());
    assert!(with(provider, &new, &old).is_err());
}

#[test]
fn connections_that_are_there_go_on() {
    let ca = Ca::new();
    let (old, new) = (ca.issue(&[HOST]), ca.issue(&[HOST]));
    let certificates = certificates(&old);
    let (server, client) = (
        config(&certificates),
        Arc::new(plain_client(&ca, everything())),
    );
    let mut before = shake(&client, &server, HOST).unwrap();
    certificates.replace(&[new.source()], now()).unwrap();
    let mut after = shake(&client, &server, HOST).unwrap();
    talk(&mut before);
    talk(&mut after);
    assert_eq!((before.leaf(), after.leaf()), (&old.leaf, &new.leaf));
}

#[test]
fn what_is_refused_changes_nothing() {
    let ca = Ca::new();
    let (old, new) = (ca.issue(&[HOST]), ca.issue(&["b.example.org"]));
    let expired = ca.issue_with(&[HOST], &PKCS_ECDSA_P256_SHA256, |params| {
        params.not_after = date_time_ymd(2026, 1, 1);
    });
    let certificates = certificates(&old);
    let (server, client) = (
        config(&certificates),
        Arc::new(plain_client(&ca, everything())),
    );
    let same = certificates.replace(&[old.source()], now());
    assert_eq!(same, Ok(Replaced::Unchanged));
    // The good one before it is not taken either.
    let refused = certificates.replace(&[new.source(), expired.source()], now());
    let Err(SourceError::Identity { at: 1, error }) = refused else {
        panic!("{refused:?}");
    };
    assert!(matches!(error, IdentityError::Expired { .. }), "{error}");
    assert_eq!(*shake(&client, &server, HOST).unwrap().leaf(), old.leaf);
    assert!(shake(&client, &server, "b.example.org").is_err());
    // All of it, or nothing: this is all of it.
    let both = certificates.replace(&[new.source(), old.source()], now());
    assert_eq!(both, Ok(Replaced::Changed));
    let shaken = shake(&client, &server, "b.example.org").unwrap();
    assert_eq!(*shaken.leaf(), new.leaf);
}

#[test]
fn files_are_read_again_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (
        folder.path().join("chain.pem"),
        folder.path().join("key.pem"),
    );
    let ca = Ca::new();
    let (old, new, other) = (
        ca.issue(&[HOST]),
        ca.issue(&[HOST]),
        ca.issue(&["example.net"]),
    );
    fs::write(&chain, &old.chain).unwrap();
    fs::write(&key, &old.key).unwrap();
    let files = Files::new().and(&chain, &key, &[HOST]);
    let provider = Arc::new(everything());
    let certificates = files.load(Profile::Bsi, Arc::clone(&provider), now());
    let certificates = Arc::new(certificates.unwrap());
    let (server, client) = (
        config(&certificates),
        Arc::new(plain_client(&ca, everything())),
    );
    let shown = || shake(&client, &server, HOST).unwrap().leaf().clone();
    let reload = || files.reload(&certificates, now());
    let error = || match reload() {
        Err(FilesError::Source(SourceError::Identity { at: 0, error })) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(reload().unwrap(), Replaced::Unchanged);

    // A renewal between its two files; then with both.
    fs::write(&chain, &new.chain).unwrap();
    assert_eq!(error(), IdentityError::WrongKey);
    assert_eq!(shown(), old.leaf);
    fs::write(&key, &new.key).unwrap();
    assert_eq!(reload().unwrap(), Replaced::Changed);
    assert_eq!(shown(), new.leaf);
    assert_eq!(reload().unwrap(), Replaced::Unchanged);

    // Bad ones keep it: for another name, cut off, too long, away.
    fs::write(&chain, &other.chain).unwrap();
    fs::write(&key, &other.key).unwrap();
    assert_eq!(error(), IdentityError::NotFor(HOST.to_owned()));
    fs::write(&chain, &new.chain[..300]).unwrap();
    assert_eq!(error(), IdentityError::ChainNotPem);
    fs::write(&chain, " ".repeat(tls_policy::rustls::MAX_PEM + 1)).unwrap();
    assert_eq!(error(), IdentityError::TooLong);
    fs::remove_file(&chain).unwrap();
    let Err(FilesError::Read { path, error }) = reload() else {
        panic!("a file that is away was read");
    };
    assert_eq!((path, error.kind()), (chain, std::io::ErrorKind::NotFound));
    assert_eq!(shown(), new.leaf);
}
