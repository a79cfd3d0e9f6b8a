//! The primitives: AWS-LC's, and Argon2id, which it has not. The only module that names either.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::{Zeroize, Zeroizing};

use super::{Cost, CustodyError};

/// Octets of every key here.
pub(super) const KEY: usize = 32;
/// Octets of an authentication tag.
pub(super) const TAG: usize = 16;

/// A key, wiped when it is dropped.
pub(super) type Key = Zeroizing<[u8; KEY]>;

pub(super) fn random<const N: usize>() -> Result<[u8; N], CustodyError> {
    let mut octets = [0; N];
    let what = "randomness";
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| CustodyError::Exhausted { what })?;
    Ok(octets)
}

pub(super) fn sha256(label: &[u8], octets: &[u8]) -> [u8; 32] {
    let mut input = Zeroizing::new(label.to_vec());
    input.extend_from_slice(octets);
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest(&SHA256, &input).as_ref()) {
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

/// A key for one wrapping, and what commits to it (RFC 5869 §2, with SHA-256).
pub(super) fn keys_of(key: &Key, salt: &[u8], info: &[u8]) -> Option<(Key, [u8; KEY])> {
    let extracted = Salt::new(HKDF_SHA256, salt).extract(&**key);
    let info = [info];
    let mut okm = Zeroizing::new([0; 2 * KEY]);
    let expanded = extracted.expand(&info, Length(okm.len())).ok()?;
    expanded.fill(&mut *okm).ok()?;
    let (one, other) = okm.split_at_checked(KEY)?;
    Some((Zeroizing::new(one.try_into().ok()?), other.try_into().ok()?))
}

pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

/// AES-256 in GCM. The key is used for one message, so that the nonce may be nothing but zero.
pub(super) fn seal(key: &Key, aad: &[u8], in_out: &mut [u8]) -> Option<[u8; TAG]> {
    let sealed = cipher(key)?.seal_in_place_separate_tag(zero(), Aad::from(aad), in_out);
    sealed.ok()?.as_ref().try_into().ok()
}

/// What is left in `in_out` if it fails is not to be used.
pub(super) fn open(key: &Key, aad: &[u8], in_out: &mut [u8], tag: &[u8]) -> Option<()> {
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

/// Memory that is overwritten before it is given back: the last of it makes the key.
struct Blocks(Vec<Block>);

impl AsMut<[Block]> for Blocks {
    fn as_mut(&mut self) -> &mut [Block] {
        &mut self.0
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Block::zeroize);
    }
}

/// Argon2id (RFC 9106 §3.1).
pub(super) fn stretch(cost: Cost, salt: &[u8], passphrase: &[u8]) -> Result<Key, CustodyError> {
    #[cfg(test)]
    calls::count();
    let memory = |_| CustodyError::Exhausted { what: "memory" };
    let params = Params::new(cost.memory_kib(), cost.passes(), cost.lanes(), Some(KEY));
    let params = params.map_err(memory)?;
    let count = params.block_count();
    let mut blocks = Vec::new();
    blocks
        .try_reserve_exact(count)
        .map_err(|_| CustodyError::Exhausted { what: "memory" })?;
    blocks.resize(count, Block::new());
    let mut key = Zeroizing::new([0; KEY]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase, salt, &mut *key, Blocks(blocks))
        .map_err(memory)?;
    Ok(key)
}

/// How often Argon2 was asked, by the thread of a test.
#[cfg(test)]
pub(super) mod calls {
    use std::cell::Cell;

    thread_local!(static CALLS: Cell<usize> = const { Cell::new(0) });

    pub(super) fn count() {
        CALLS.set(CALLS.get() + 1);
    }

    pub(in crate::custody) fn during<T>(run: impl FnOnce() -> T) -> (T, usize) {
        let before = CALLS.get();
        (run(), CALLS.get() - before)
    }
}
