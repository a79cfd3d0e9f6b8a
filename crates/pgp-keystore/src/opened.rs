//! A message that was decrypted.

use std::fmt;

use zeroize::Zeroizing;

use crate::{Aead, Fingerprint, Verification};

/// The container of an encrypted message (RFC 9580 §5.13).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// Version 1: CFB with a modification detection code.
    V1,
    /// Version 2: an authenticated mode.
    V2(Aead),
}

/// The content of an encrypted message: complete, unchanged, and wiped from memory when it is dropped.
#[non_exhaustive]
pub struct Opened {
    /// What was encrypted.
    pub content: Zeroizing<Vec<u8>>,
    /// What its signatures say.
    pub verification: Verification,
    /// In what it was encrypted.
    pub container: Container,
    /// The certificate and the key of the recipient that opened it.
    pub by: (Fingerprint, Fingerprint),
}

impl fmt::Debug for Opened {
    /// Without the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("verification", &self.verification)
            .field("container", &self.container)
            .field("by", &self.by)
            .finish_non_exhaustive()
    }
}

/// Text that mail can carry, or octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third form")]
pub enum Form {
    /// ASCII armor (RFC 9580 §6).
    #[default]
    Armored,
    /// Octets.
    Binary,
}

/// Why a certificate, a subkey or a user ID is revoked (RFC 9580 §5.2.3.31).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// No reason: all that the key ever signed is in doubt.
    Unspecified,
    /// Others have the secret key, or may: all that the key ever signed is in doubt.
    Compromised,
    /// There is another key; old signatures still count.
    Superseded,
    /// It is no longer used; old signatures still count.
    Retired,
}
