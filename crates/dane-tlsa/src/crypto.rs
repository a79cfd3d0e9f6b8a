//! Digests and signatures, from whoever is given. The one file that names the providers.

use crate::cert::{Certificate, PublicKey};
use rustls_pki_types::SignatureVerificationAlgorithm;
use std::fmt;

/// The primitives: two digests, and the signatures that certificates may have.
///
/// A constructor for each provider is a feature of that name; [`new`](Self::new) takes any other.
#[derive(Clone, Copy)]
pub struct Crypto {
    sha256: fn(&[u8]) -> [u8; 32],
    sha512: fn(&[u8]) -> [u8; 64],
    signatures: &'static [&'static dyn SignatureVerificationAlgorithm],
}

impl Crypto {
    /// Primitives of another provider: SHA-256, SHA-512 (FIPS 180-4), and signatures on certificates.
    pub fn new(
        sha256: fn(&[u8]) -> [u8; 32],
        sha512: fn(&[u8]) -> [u8; 64],
        signatures: &'static [&'static dyn SignatureVerificationAlgorithm],
    ) -> Self {
        Self {
            sha256,
            sha512,
            signatures,
        }
    }

    /// Those of AWS-LC.
    #[cfg(feature = "aws-lc-rs")]
    pub fn aws_lc_rs() -> Self {
        Self::new(aws_lc::sha256, aws_lc::sha512, aws_lc::SIGNATURES)
    }

    /// Those of ring.
    #[cfg(feature = "ring")]
    pub fn ring() -> Self {
        Self::new(of_ring::sha256, of_ring::sha512, of_ring::SIGNATURES)
    }

    #[inline]
    pub(crate) fn sha256(&self, octets: &[u8]) -> [u8; 32] {
        (self.sha256)(octets)
    }

    #[inline]
    pub(crate) fn sha512(&self, octets: &[u8]) -> [u8; 64] {
        (self.sha512)(octets)
    }

    pub(crate) fn signatures(&self) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
        self.signatures
    }

    /// Whether this key has signed that certificate.
    pub(crate) fn has_signed(&self, key: &PublicKey<'_>, certificate: &Certificate<'_>) -> bool {
        let fitting = self.signatures.iter().filter(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == key.algorithm
                && algorithm.signature_alg_id().as_ref() == certificate.signature_algorithm
        });
        fitting
            .map(|a| a.verify_signature(key.key, certificate.tbs, certificate.signature))
            .any(|result| result.is_ok())
    }
}

impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto").finish_non_exhaustive()
    }
}

#[cfg(feature = "aws-lc-rs")]
mod aws_lc {
    use aws_lc_rs::digest::{Algorithm, SHA256, SHA512, digest};
    use rustls_pki_types::SignatureVerificationAlgorithm;
    use webpki::aws_lc_rs as webpki_algs;

    pub(super) const SIGNATURES: &[&dyn SignatureVerificationAlgorithm] = &[
        webpki_algs::ECDSA_P256_SHA256,
        webpki_algs::ECDSA_P256_SHA384,
        webpki_algs::ECDSA_P256_SHA512,
        webpki_algs::ECDSA_P384_SHA256,
        webpki_algs::ECDSA_P384_SHA384,
        webpki_algs::ECDSA_P384_SHA512,
        webpki_algs::ECDSA_P521_SHA256,
        webpki_algs::ECDSA_P521_SHA384,
        webpki_algs::ECDSA_P521_SHA512,
        webpki_algs::ED25519,
        webpki_algs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        webpki_algs::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        webpki_algs::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        webpki_algs::RSA_PKCS1_2048_8192_SHA256,
        webpki_algs::RSA_PKCS1_2048_8192_SHA384,
        webpki_algs::RSA_PKCS1_2048_8192_SHA512,
        webpki_algs::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
        webpki_algs::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
        webpki_algs::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
        webpki_algs::ML_DSA_44,
        webpki_algs::ML_DSA_65,
        webpki_algs::ML_DSA_87,
    ];

    pub(super) fn sha256(octets: &[u8]) -> [u8; 32] {
        sized(&SHA256, octets)
    }

    pub(super) fn sha512(octets: &[u8]) -> [u8; 64] {
        sized(&SHA512, octets)
    }

    fn sized<const N: usize>(algorithm: &'static Algorithm, octets: &[u8]) -> [u8; N] {
        let mut sized = [0; N];
        // The lengths are the same.
        if let Some(digest) = digest(algorithm, octets).as_ref().first_chunk() {
            sized = *digest;
        }
        sized
    }
}

#[cfg(feature = "ring")]
mod of_ring {
    use ring::digest::{Algorithm, SHA256, SHA512, digest};
    use rustls_pki_types::SignatureVerificationAlgorithm;
    use webpki::ring as webpki_algs;

    pub(super) const SIGNATURES: &[&dyn SignatureVerificationAlgorithm] = &[
        webpki_algs::ECDSA_P256_SHA256,
        webpki_algs::ECDSA_P256_SHA384,
        webpki_algs::ECDSA_P384_SHA256,
        webpki_algs::ECDSA_P384_SHA384,
        webpki_algs::ED25519,
        webpki_algs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        webpki_algs::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        webpki_algs::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        webpki_algs::RSA_PKCS1_2048_8192_SHA256,
        webpki_algs::RSA_PKCS1_2048_8192_SHA384,
        webpki_algs::RSA_PKCS1_2048_8192_SHA512,
        webpki_algs::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
        webpki_algs::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
        webpki_algs::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    ];

    pub(super) fn sha256(octets: &[u8]) -> [u8; 32] {
        sized(&SHA256, octets)
    }

    pub(super) fn sha512(octets: &[u8]) -> [u8; 64] {
        sized(&SHA512, octets)
    }

    fn sized<const N: usize>(algorithm: &'static Algorithm, octets: &[u8]) -> [u8; N] {
        let mut sized = [0; N];
        // The lengths are the same.
        if let Some(digest) = digest(algorithm, octets).as_ref().first_chunk() {
            sized = *digest;
        }
        sized
    }
}
