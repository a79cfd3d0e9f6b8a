//! By what messages name keys.

use std::fmt;

use crate::{Fingerprint, KeyId};

/// How a message names a key: by its fingerprint, or by the shorter key ID. Anybody can write either: it says which
/// certificates are to be looked at, and proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "OpenPGP has no third way")]
pub enum Handle {
    /// Of the key, which need not be the primary one.
    Fingerprint(Fingerprint),
    /// Of the key; several keys may have the same.
    KeyId(KeyId),
}

impl Handle {
    /// The key ID that it comes down to.
    #[must_use]
    pub fn key_id(self) -> KeyId {
        match self {
            Self::Fingerprint(of) => of.key_id(),
            Self::KeyId(id) => id,
        }
    }

    /// Whether it may name this key.
    #[must_use]
    pub fn names(self, key: Fingerprint) -> bool {
        match self {
            Self::Fingerprint(of) => of == key,
            Self::KeyId(id) => id == key.key_id(),
        }
    }
}

impl From<Fingerprint> for Handle {
    fn from(of: Fingerprint) -> Self {
        Self::Fingerprint(of)
    }
}

impl From<KeyId> for Handle {
    fn from(id: KeyId) -> Self {
        Self::KeyId(id)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fingerprint(of) => of.fmt(f),
            Self::KeyId(id) => id.fmt(f),
        }
    }
}

/// Whom an encrypted message is for, by its own words.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    /// The keys that it names, each once, in the order of the message.
    pub keys: Vec<Handle>,
    /// How many recipients it does not name (RFC 9580 §5.1): any key may open those.
    pub hidden: usize,
    /// How many passwords open it, which this crate never tries.
    pub passwords: usize,
}

impl Recipients {
    /// Whether a certificate with these keys may be one of them.
    #[must_use]
    pub fn may_be(&self, keys: impl IntoIterator<Item = Fingerprint>) -> bool {
        let named = |key: Fingerprint| self.keys.iter().any(|handle| handle.names(key));
        self.hidden > 0 || keys.into_iter().any(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_names_what_it_fits_and_nothing_else() {
        let one = Fingerprint::from_bytes(&[1; 20]).unwrap();
        let mut octets = [2; 20];
        octets[12..].copy_from_slice(&[1; 8]);
        // The same key ID, and another fingerprint.
        let other = Fingerprint::from_bytes(&octets).unwrap();
        let id = Handle::from(one.key_id());
        assert!(id.names(one) && id.names(other));
        let exact = Handle::from(one);
        assert!(exact.names(one) && !exact.names(other));
        assert_eq!(exact.key_id(), other.key_id());
        assert_eq!(exact.to_string(), one.to_string());
        let named = Recipients {
            keys: vec![exact],
            ..Recipients::default()
        };
        assert!(named.may_be([other, one]) && !named.may_be([other]));
        let hidden = Recipients {
            hidden: 1,
            ..Recipients::default()
        };
        assert!(hidden.may_be([other]));
        assert!(!Recipients::default().may_be([one]));
    }
}
