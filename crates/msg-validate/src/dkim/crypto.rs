//! The one place of DKIM that names the cryptographic library.

use super::Algorithm;
use aws_lc_rs::{
    digest::{Context, Digest, SHA256},
    rsa::{KeySize, PublicKeyComponents},
    signature::{
        ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey,
        RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};

/// SHA-256 of what is fed to it.
pub(super) struct Sha256(Context);

/// A finished SHA-256 hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hash(Digest);

impl Sha256 {
    pub(super) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(super) fn update(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    pub(super) fn finish(self) -> Hash {
        Hash(self.0.finish())
    }
}

impl Hash {
    pub(super) fn octets(&self) -> [u8; 32] {
        // SHA-256 always has 32 octets.
        self.as_ref().try_into().unwrap_or_default()
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// A public key, ready to verify with.
#[derive(Debug)]
pub(super) struct PublicKey {
    bits: usize,
    /// `None` for a size that nothing can be verified with.
    parsed: Option<ParsedPublicKey>,
}

impl PublicKey {
    /// RSAPublicKey (RFC 8017 §A.1.1) as RFC 6376 §3.6.1 says, or SubjectPublicKeyInfo as everybody
    /// does (RFC 6376, erratum 3017).
    pub(super) fn rsa(der: &[u8]) -> Option<Self> {
        let (mut inside, rest) = take(der, SEQUENCE)?;
        if !rest.is_empty() {
            return None;
        }
        if let Some((algorithm, rest)) = take(inside, SEQUENCE) {
            // RFC 3279 §2.3.1: rsaEncryption, parameters NULL; some leave them out.
            let (oid, parameters) = take(algorithm, OBJECT_ID)?;
            if oid != RSA_ENCRYPTION || !matches!(parameters, [] | [5, 0]) {
                return None;
            }
            let (bits, rest) = take(rest, BIT_STRING)?;
            // The first octet counts the unused bits at the end.
            let der = bits.strip_prefix(&[0]).filter(|_| rest.is_empty())?;
            (inside, _) = take(der, SEQUENCE).filter(|(_, rest)| rest.is_empty())?;
        }
        let (modulus, rest) = take_positive(inside)?;
        let (exponent, rest) = take_positive(rest)?;
        if !rest.is_empty() {
            return None;
        }
        let unused = modulus.first().map_or(0, |first| first.leading_zeros());
        // From its parts: as DER, the library reads a key in three ways where the first is right.
        let parts = PublicKeyComponents {
            n: modulus,
            e: exponent,
        };
        let parsed = parts.to_parsed_public_key(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY);
        Some(Self {
            bits: modulus.len() * 8 - unused as usize,
            parsed: parsed.ok(),
        })
    }

    /// The 32 octets of RFC 8463 §4.2.
    pub(super) fn ed25519(octets: &[u8]) -> Option<Self> {
        let octets: &[u8; 32] = octets.try_into().ok()?;
        Some(Self {
            bits: 256,
            parsed: ParsedPublicKey::new(&ED25519, octets).ok(),
        })
    }

    pub(super) fn bits(&self) -> usize {
        self.bits
    }

    pub(super) fn verifies(&self, algorithm: Algorithm, hash: &Hash, signature: &[u8]) -> bool {
        let verified = self.parsed.as_ref().map(|key| match algorithm {
            Algorithm::RsaSha256 => key.verify_digest_sig(&hash.0, signature),
            // RFC 8463 §3: "The Ed25519-SHA256 signing algorithm computes a message hash as
            // defined in Section 3 of [RFC6376] using SHA-256 as the hash-alg. It signs the hash
            // with the PureEdDSA variant Ed25519".
            Algorithm::Ed25519Sha256 => key.verify_sig(hash.as_ref(), signature),
        });
        verified.is_some_and(|verified| verified.is_ok())
    }
}

const INTEGER: u8 = 2;
const BIT_STRING: u8 = 3;
const OBJECT_ID: u8 = 6;
const SEQUENCE: u8 = 0x30;
/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];

/// Content of the DER element with this tag at the front, and what follows it.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, der) = der.split_first()?;
    let (&length, der) = der.split_first()?;
    let (length, der) = match length {
        0..=0x7f => (usize::from(length), der),
        // Two octets of length are 65,535: more than any key that is taken here.
        0x81 => {
            let (&length, der) = der.split_first()?;
            (usize::from(length), der)
        }
        0x82 => {
            let (length, der) = der.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), der)
        }
        _ => return None,
    };
    (*first == tag).then(|| der.split_at_checked(length))?
}

/// Octets of the positive INTEGER at the front without leading zeros, and what follows it.
fn take_positive(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (number, rest) = take(der, INTEGER)?;
    // ITU-T X.690 §8.3: two's complement, in as few octets as it takes.
    let octets = match number {
        [0, octets @ ..] => octets.first().is_some_and(|&o| o >= 0x80).then_some(octets),
        [1..0x80, ..] => Some(number),
        _ => None,
    };
    Some((octets?, rest))
}

/// A private key.
pub(super) enum PrivateKey {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    pub(super) fn generate_rsa2048() -> Option<Self> {
        RsaKeyPair::generate(KeySize::Rsa2048).ok().map(Self::Rsa)
    }

    pub(super) fn generate_ed25519() -> Option<Self> {
        Ed25519KeyPair::generate().ok().map(Self::Ed25519)
    }

    /// PKCS #8 of either type, or the PKCS #1 form of RSA.
    pub(super) fn from_der(der: &[u8]) -> Option<Self> {
        let rsa = || RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
        let ed25519 = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
        ed25519
            .map(Self::Ed25519)
            .or_else(|_| rsa().map(Self::Rsa))
            .ok()
    }

    pub(super) fn from_ed25519_seed(seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        Some(Self::Ed25519(pair))
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::RsaSha256,
            Self::Ed25519(_) => Algorithm::Ed25519Sha256,
        }
    }

    pub(super) fn bits(&self) -> usize {
        match self {
            Self::Rsa(pair) => pair.public_modulus_len() * 8,
            Self::Ed25519(_) => 256,
        }
    }

    /// RSAPublicKey, or the 32 octets of RFC 8463 §4.2.
    pub(super) fn public(&self) -> &[u8] {
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref(),
            Self::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    pub(super) fn sign(&self, hash: &Hash) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(&RSA_PKCS1_SHA256, &hash.0, &mut signature)
                    .ok()?;
                Some(signature)
            }
            Self::Ed25519(pair) => Some(pair.try_sign(hash.as_ref()).ok()?.as_ref().to_vec()),
        }
    }
}

/// SubjectPublicKeyInfo around an RSAPublicKey.
pub(super) fn subject_public_key_info(rsa: &[u8]) -> Vec<u8> {
    let algorithm = element(SEQUENCE, &[&element(OBJECT_ID, &[RSA_ENCRYPTION]), &[5, 0]]);
    element(SEQUENCE, &[&algorithm, &element(BIT_STRING, &[&[0], rsa])])
}

fn element(tag: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let length = content.len().to_be_bytes();
    let significant = length.iter().position(|&octet| octet != 0);
    let length = significant.and_then(|at| length.get(at..)).unwrap_or(&[0]);
    let mut der = vec![tag];
    if content.len() >= 0x80 {
        der.push(0x80 | length.len() as u8);
    }
    der.extend_from_slice(length);
    der.extend_from_slice(&content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_key_are_positive_and_written_in_one_way() {
        let read = |number: &[u8]| {
            let der = element(INTEGER, &[number]);
            take_positive(&der).map(|(octets, _)| octets.to_vec())
        };
        assert_eq!(read(&[0x7f, 1]), Some(vec![0x7f, 1]));
        assert_eq!(read(&[0, 0x80]), Some(vec![0x80]));
        for bad in [
            &[][..],
            &[0],
            &[0, 0x7f],
            &[0, 0, 0x80],
            &[0x80],
            &[0xff, 1],
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
