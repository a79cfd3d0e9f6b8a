//! What is bounded, whatever a server sends and a zone holds.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(feature = "aws-lc-rs")]

mod common;

use common::{HOST, now, record, zoo::zoo};
use dane_tlsa::{Crypto, Matcher, Reason, References, Roots, RrSet, Tlsa, Usable, Verdict};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use std::{
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
};

fn check(usable: Usable, chain: &[CertificateDer<'_>], crypto: Crypto) -> Verdict {
    Matcher::new(usable, References::new([HOST]).unwrap(), crypto).check(
        &chain[0],
        &chain[1..],
        now(),
    )
}

fn smtp(records: impl Into<Arc<[Tlsa]>>) -> Usable {
    let records = RrSet::new(records).assume_secure();
    records.usable_for_smtp().unwrap()
}

#[test]
fn more_certificates_than_are_looked_at_are_a_reason() {
    let mut chain = zoo().chain(&["leaf", "int"]);
    let others = std::iter::repeat_with(|| zoo().get("other-root").unwrap().clone());
    chain.extend(others.take(Matcher::MAX_CERTIFICATES - 1));
    let ta = || smtp([record(zoo(), "2 1 1 int")]);
    assert!(check(ta(), &chain, Crypto::aws_lc_rs()).is_match());
    chain.push(zoo().get("root").unwrap().clone());
    let verdict = check(ta(), &chain, Crypto::aws_lc_rs());
    assert_eq!(verdict.reason(), Reason::Limit);
    // Usage 3 looks at none of them.
    let ee = smtp([record(zoo(), "3 1 1 leaf")]);
    assert!(check(ee, &chain, Crypto::aws_lc_rs()).is_match());
}

/// Signatures that were verified.
static VERIFIED: AtomicUsize = AtomicUsize::new(0);

/// AWS-LC's, counted.
#[derive(Debug)]
struct Counted(&'static dyn SignatureVerificationAlgorithm);

impl SignatureVerificationAlgorithm for Counted {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), rustls_pki_types::InvalidSignature> {
        VERIFIED.fetch_add(1, Ordering::Relaxed);
        self.0.verify_signature(public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> rustls_pki_types::AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> rustls_pki_types::AlgorithmIdentifier {
        self.0.signature_alg_id()
    }
}

fn counted() -> Crypto {
    use aws_lc_rs::digest::{SHA256, SHA512, digest};
    static P256: Counted = Counted(webpki::aws_lc_rs::ECDSA_P256_SHA256);
    static ALL: &[&dyn SignatureVerificationAlgorithm] = &[&P256];
    Crypto::new(
        |octets| digest(&SHA256, octets).as_ref().try_into().unwrap(),
        |octets| digest(&SHA512, octets).as_ref().try_into().unwrap(),
        ALL,
    )
}

/// Authorities of one name, each of which may have issued each, and a server's certificate that
/// none of them has issued; records of many keys besides. Trying everything would take thousands of
/// signatures for each of the records.
#[test]
fn hostile_chains_cost_a_bounded_number_of_signatures() {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Many");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let keys: Vec<_> = (0..20).map(|_| KeyPair::generate().unwrap()).collect();
    let many = keys
        .iter()
        .map(|key| params.self_signed(key).unwrap().der().clone());
    let many: Vec<_> = many.collect();
    let stranger = KeyPair::generate().unwrap();
    let issuer = Issuer::from_params(&params, &stranger);
    let mut server = CertificateParams::new([HOST.to_owned()]).unwrap();
    server.is_ca = IsCa::ExplicitNoCa;
    let server = server
        .signed_by(&KeyPair::generate().unwrap(), &issuer)
        .unwrap();
    let chain = [&[server.der().clone()], &*many].concat();

    let mut records: Vec<Tlsa> = many
        .iter()
        .flat_map(|der| {
            let (_, parsed) = x509_parser::parse_x509_certificate(der).unwrap();
            let key = parsed.tbs_certificate.subject_pki.raw.to_vec();
            [
                Tlsa::new(2.into(), 0.into(), 0.into(), der.to_vec()).unwrap(),
                Tlsa::new(2.into(), 1.into(), 0.into(), key).unwrap(),
            ]
        })
        .collect();
    for _ in 0..200 {
        let key = KeyPair::generate().unwrap();
        let key = rcgen::PublicKeyData::subject_public_key_info(&key);
        records.push(Tlsa::new(2.into(), 1.into(), 0.into(), key).unwrap());
    }
    let before = VERIFIED.load(Ordering::Relaxed);
    let verdict = check(smtp(records.clone()), &chain, counted());
    assert!(!verdict.is_match());
    let roots = Arc::new(Roots::new(many));
    let usable = RrSet::new(records).assume_secure().usable_with_roots(roots);
    assert!(!check(usable.unwrap(), &chain, counted()).is_match());
    let verified = VERIFIED.load(Ordering::Relaxed) - before;
    // Twice, and webpki verifies no more than 100 for a path.
    let most = 2 * (Matcher::MAX_PATHS * 100 + Matcher::MAX_SIGNATURES);
    assert!((1..=most).contains(&verified), "{verified}");
}
