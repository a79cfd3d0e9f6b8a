//! The primitives: AWS-LC's. The only module of the core that names it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use zeroize::Zeroizing;

use crate::Error;
use crate::octets::Writer;

/// Octets of every key here.
pub(crate) const KEY: usize = 32;
/// Octets of an authentication tag.
pub(crate) const TAG: usize = 16;

/// A key, wiped when it is dropped.
pub(crate) type Key = Zeroizing<[u8; KEY]>;

/// From the operating system's generator.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut octets = [0; N];
    fill(&mut octets)?;
    Ok(octets)
}

/// The same where the secret is to lie.
pub(crate) fn fill(out: &mut [u8]) -> Result<(), Error> {
    aws_lc_rs::rand::fill(out).map_err(|_| Error::Random)
}

/// SHA-256 of fields, each with its length before it: enough for secrets of 128 bits and more, which nobody guesses.
pub(crate) fn sha256(fields: &[&[u8]]) -> [u8; 32] {
    array(digest(&SHA256, &joined(fields)).as_ref())
}

/// HMAC-SHA-256 of fields, each with its length before it.
pub(crate) fn hmac(key: &Key, fields: &[&[u8]]) -> [u8; 32] {
    let key = hmac::Key::new(HMAC_SHA256, &**key);
    array(hmac::sign(&key, &joined(fields)).as_ref())
}

/// Fields with their lengths, so that no two lists of them are written alike.
pub(crate) fn joined(fields: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let size = fields.iter().map(|field| 4 + field.len()).sum();
    let writer = Writer::with_capacity(size);
    let all = fields.iter().fold(writer, |to, field| to.octets(field));
    Zeroizing::new(all.finish())
}

fn array(octets: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(octets) {
        *to = *from;
    }
    out
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// A key for one sealing, and what commits to it (RFC 5869 §2, with SHA-256).
pub(crate) fn keys_of(key: &Key, salt: &[u8], info: &[u8]) -> Option<(Key, [u8; KEY])> {
    let extracted = Salt::new(HKDF_SHA256, salt).extract(&**key);
    let info = [info];
    let mut okm = Zeroizing::new([0; 2 * KEY]);
    let expanded = extracted.expand(&info, Length(okm.len())).ok()?;
    expanded.fill(&mut *okm).ok()?;
    let (one, other) = okm.split_at_checked(KEY)?;
    Some((Zeroizing::new(one.try_into().ok()?), other.try_into().ok()?))
}

/// In a time that does not depend on where they differ.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

/// AES-256 in GCM. The key is used for one message, so that the nonce may be nothing but zero.
pub(crate) fn seal(key: &Key, aad: &[u8], in_out: &mut [u8]) -> Option<[u8; TAG]> {
    let sealed = cipher(key)?.seal_in_place_separate_tag(zero(), Aad::from(aad), in_out);
    sealed.ok()?.as_ref().try_into().ok()
}

/// What is left in `in_out` if it fails is not to be used.
pub(crate) fn open(key: &Key, aad: &[u8], in_out: &mut [u8], tag: &[u8]) -> Option<()> {
    let opened = cipher(key)?.open_in_place_separate_tag(zero(), Aad::from(aad), tag, in_out);
    opened.ok().map(drop)
}

fn cipher(key: &Key) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, &**key)
        .ok()
        .map(LessSafeKey::new)
}

fn zero() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_not_run_together() {
        let key = Zeroizing::new([7; KEY]);
        assert_ne!(hmac(&key, &[b"ab", b"c"]), hmac(&key, &[b"a", b"bc"]));
        assert_ne!(sha256(&[b"ab", b"c"]), sha256(&[b"a", b"bc"]));
        assert_ne!(sha256(&[b"a", b""]), sha256(&[b"a"]));
        // The mutation: without lengths they are.
        assert_eq!([&b"ab"[..], b"c"].concat(), [&b"a"[..], b"bc"].concat());
    }

    /// FIPS 180's first example.
    #[test]
    fn it_is_sha_256() {
        let plain = digest(&SHA256, b"abc");
        assert_eq!(array(plain.as_ref())[..4], [0xba, 0x78, 0x16, 0xbf]);
        let with_length = digest(&SHA256, b"\0\0\0\x03abc");
        assert_eq!(sha256(&[b"abc"]), array(with_length.as_ref()));
    }
}
