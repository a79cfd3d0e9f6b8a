//! What no verifier can do without: the hash of the message and one signature.

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use std::{cell::RefCell, collections::HashMap};

/// A key, and what it signed.
pub(crate) struct Bare {
    pkcs8: Vec<u8>,
    public: ParsedPublicKey,
    pair: Pair,
    /// Signatures by the hash that they are of.
    signed: RefCell<HashMap<Vec<u8>, Vec<u8>>>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Bare {
    pub(crate) fn rsa() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8 = pair.as_der().unwrap().as_ref().to_vec();
        let public = pair.public_key().as_ref();
        let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public).unwrap();
        Self::new(pkcs8, public, Pair::Rsa(pair))
    }

    pub(crate) fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pkcs8 = pkcs8.as_ref().to_vec();
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).unwrap();
        let public = ParsedPublicKey::new(&ED25519, pair.public_key().as_ref()).unwrap();
        Self::new(pkcs8, public, Pair::Ed25519(pair))
    }

    fn new(pkcs8: Vec<u8>, public: ParsedPublicKey, pair: Pair) -> Self {
        let signed = RefCell::default();
        Self {
            pkcs8,
            public,
            pair,
            signed,
        }
    }

    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Hashes both parts, and verifies a signature of the first.
    pub(crate) fn verifies(&self, head: &[u8], body: &[u8]) -> bool {
        std::hint::black_box(digest(&SHA256, body));
        let hash = digest(&SHA256, head);
        let mut signed = self.signed.borrow_mut();
        let signature = signed
            .entry(hash.as_ref().to_vec())
            .or_insert_with(|| match &self.pair {
                Pair::Rsa(pair) => {
                    let mut signature = vec![0; pair.public_modulus_len()];
                    pair.sign_digest(&RSA_PKCS1_SHA256, &hash, &mut signature)
                        .unwrap();
                    signature
                }
                Pair::Ed25519(pair) => pair.sign(hash.as_ref()).as_ref().to_vec(),
            });
        match &self.pair {
            Pair::Rsa(_) => self.public.verify_digest_sig(&hash, signature).is_ok(),
            Pair::Ed25519(_) => self.public.verify_sig(hash.as_ref(), signature).is_ok(),
        }
    }
}
