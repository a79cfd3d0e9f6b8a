//! AES-256 in OCB (RFC 7253), for reading alone: *ring* has no OCB, and browsers are slow with it.

use aes::Aes256;
use ocb3::aead::inout::InOutBuf;
use ocb3::aead::{AeadInOut, KeyInit};
use ocb3::consts::{U15, U16};
use ocb3::{Array, Ocb3};

use crate::crypto::{Failed, KEY};

pub(crate) struct Ocb(Box<Ocb3<Aes256, U15, U16>>);

impl Ocb {
    /// Octets of a nonce.
    pub(crate) const NONCE: usize = 15;

    pub(crate) fn new(key: &[u8; KEY]) -> Self {
        Self(Box::new(Ocb3::new(&Array(*key))))
    }

    pub(crate) fn open(
        &self,
        nonce: [u8; Self::NONCE],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8],
    ) -> Result<(), Failed> {
        let tag = tag.try_into().map_err(|_| Failed)?;
        self.0
            .decrypt_inout_detached(&Array(nonce), aad, InOutBuf::from(in_out), &Array(tag))
            .map_err(|_| Failed)
    }

    /// For messages that tests open.
    #[cfg(test)]
    pub(crate) fn seal(
        &self,
        nonce: [u8; Self::NONCE],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; 16], Failed> {
        let tag = self
            .0
            .encrypt_inout_detached(&Array(nonce), aad, InOutBuf::from(in_out))
            .map_err(|_| Failed)?;
        Ok(tag.into())
    }
}
