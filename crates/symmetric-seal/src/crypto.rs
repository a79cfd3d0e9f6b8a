//! The primitives, all of *ring*: the only module that names it.
//!
//! It encrypts with the vector AES of AVX2 (VAES) where AWS-LC needs AVX-512 for that (docs/decisions/0019).

use std::hint::black_box;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Octets of a session key, a key-encryption key and Argon2's output.
pub(crate) const KEY: usize = 32;
/// Octets of an authentication tag, in every mode.
pub(crate) const TAG: usize = 16;

pub(crate) type Key = Zeroizing<[u8; KEY]>;

/// A primitive did not work. For opening that means that something is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

impl From<ring::error::Unspecified> for Failed {
    fn from(_: ring::error::Unspecified) -> Self {
        Self
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF with SHA-256 (RFC 5869 §2); an empty salt is none.
pub(crate) fn hkdf(salt: &[u8], secret: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), Failed> {
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    let info = [info];
    let expanded = extracted.expand(&info, Length(out.len()))?;
    Ok(expanded.fill(out)?)
}

pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    // Both are of 32 octets.
    for (to, from) in out.iter_mut().zip(digest(&SHA256, octets).as_ref()) {
        *to = *from;
    }
    out
}

/// Whether both are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Random octets of the operating system.
pub(crate) fn random(out: &mut [u8]) -> Result<(), Failed> {
    Ok(SystemRandom::new().fill(out)?)
}

/// AES-256 in GCM. Whoever calls sees to it that no nonce is used twice.
///
/// ring does not overwrite its keys, so that this one is on the heap, where it is not moved, and overwritten here.
pub(crate) struct Gcm(Box<LessSafeKey>);

impl Drop for Gcm {
    fn drop(&mut self) {
        if let Ok(other) = unbound(&[0; KEY]) {
            *self.0 = other;
            // Somebody might look: so it is written before the memory is given back.
            black_box(&self.0);
        }
    }
}

fn unbound(key: &[u8; KEY]) -> Result<LessSafeKey, Failed> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key)?))
}

impl Gcm {
    /// Octets of a nonce.
    pub(crate) const NONCE: usize = 12;

    pub(crate) fn new(key: &[u8; KEY]) -> Result<Self, Failed> {
        Ok(Self(Box::new(unbound(key)?)))
    }

    pub(crate) fn seal(
        &self,
        nonce: [u8; Self::NONCE],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; TAG], Failed> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(aad), in_out)?;
        tag.as_ref().try_into().map_err(|_| Failed)
    }

    pub(crate) fn open(
        &self,
        nonce: [u8; Self::NONCE],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8],
    ) -> Result<(), Failed> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = tag.try_into().map_err(|_| Failed)?;
        self.0
            .open_in_place_separate_tag(nonce, Aad::from(aad), tag, in_out, 0..)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_is_that_of_rfc_5869() {
        // RFC 5869 appendix A.1 and A.3.
        let info: Vec<u8> = (0xf0..0xfa).collect();
        let salt: Vec<u8> = (0..13).collect();
        let mut out = [0; 42];
        hkdf(&salt, &[0x0b; 22], &info, &mut out).unwrap();
        assert_eq!(out[..4], [0x3c, 0xb2, 0x5f, 0x25]);
        assert_eq!(
            out[38..],
            [0x34, 0x00, 0x72, 0x08, 0xd5, 0xb8, 0x87, 0x18, 0x58, 0x65][6..]
        );
        hkdf(&[], &[0x0b; 22], &[], &mut out).unwrap();
        assert_eq!(out[..4], [0x8d, 0xa4, 0xe7, 0x75]);
        assert_eq!(
            out[38..],
            [0x9d, 0x20, 0x13, 0x95, 0xfa, 0xa4, 0xb6, 0x1a, 0x96, 0xc8][6..]
        );
    }

    #[test]
    fn what_is_sealed_opens_with_its_tag_alone() {
        let key = Gcm::new(&[7; KEY]).unwrap();
        let mut text = *b"attack at dawn";
        let tag = key.seal([1; 12], b"aad", &mut text).unwrap();
        let sealed = text;
        assert!(key.open([1; 12], b"bad", &mut text, &tag).is_err());
        text = sealed;
        assert!(key.open([1; 12], b"aad", &mut text, &tag[1..]).is_err());
        text = sealed;
        key.open([1; 12], b"aad", &mut text, &tag).unwrap();
        assert_eq!(text, *b"attack at dawn");
    }

    #[test]
    fn random_octets_differ() {
        let (mut one, mut other) = ([0; 32], [0; 32]);
        random(&mut one).unwrap();
        random(&mut other).unwrap();
        assert!(!same(&one, &other) && same(&one, &one.clone()));
    }
}
