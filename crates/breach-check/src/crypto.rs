//! Digests and randomness: of the modules of this crate, this one names the provider.

use std::io;

use aws_lc_rs::{digest, rand};

pub(crate) fn sha1(octets: &[u8]) -> [u8; 20] {
    of(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets)
}

pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    of(&digest::SHA256, octets)
}

fn of<const N: usize>(algorithm: &'static digest::Algorithm, octets: &[u8]) -> [u8; N] {
    let mut hash = [0; N];
    hash.copy_from_slice(digest::digest(algorithm, octets).as_ref());
    hash
}

/// SHA-256 of octets that come in parts.
pub(crate) struct Sha256(digest::Context);

impl Sha256 {
    pub(crate) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub(crate) fn update(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.0.finish().as_ref());
        hash
    }
}

/// Random octets of the operating system.
pub(crate) fn random(octets: &mut [u8]) -> io::Result<()> {
    rand::fill(octets).map_err(|_| io::Error::other("no randomness"))
}
