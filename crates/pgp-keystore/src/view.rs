//! What can be seen of a certificate at a time.

use std::fmt;
use std::time::SystemTime;

use crate::{Algorithm, Fingerprint, Reason};

/// What a key is for (RFC 9580 §5.2.3.29).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// To bind user IDs and subkeys, and to certify others.
    Certify,
    /// To sign messages.
    Sign,
    /// To encrypt messages, in transport or storage.
    Encrypt,
    /// To log in elsewhere, such as with SSH.
    Authenticate,
}

/// A certificate as it is at one time, under the policy of that date.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateView {
    /// Of the primary key.
    pub fingerprint: Fingerprint,
    /// When the primary key was made.
    pub created: SystemTime,
    /// When the certificate ends; `None` is never, or that nothing binding says.
    pub expires: Option<SystemTime>,
    /// Whether the whole certificate counts.
    pub reason: Reason,
    /// What it is called. None of it is proven by being here: anybody can put any name into a certificate.
    pub user_ids: Vec<UserIdView>,
    /// The primary key first.
    pub keys: Vec<KeyView>,
    /// For which time all this was judged.
    pub at: SystemTime,
}

impl CertificateView {
    /// The addresses of its valid user IDs, normalised; the primary one first.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let valid = self.user_ids.iter().filter(|u| u.reason == Reason::Valid);
        valid.filter_map(|user_id| user_id.address.as_deref())
    }

    /// The keys that count for a use.
    pub fn keys_for(&self, purpose: Use) -> impl Iterator<Item = &KeyView> {
        let usable =
            move |key: &&KeyView| key.reason == Reason::Valid && key.uses.contains(&purpose);
        let all = self.keys.iter().filter(usable);
        all.filter(|_| self.reason == Reason::Valid)
    }
}

/// A user ID.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct UserIdView {
    /// As it stands there; what is no UTF-8 is replaced.
    pub text: String,
    /// The address in it, normalised: in lower case, the domain in A-labels.
    pub address: Option<String>,
    /// Whether it counts.
    pub reason: Reason,
    /// Whether it is the one to show.
    pub rank: Rank,
}

impl fmt::Debug for UserIdView {
    /// Without the user ID: logs hold no names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserIdView")
            .field("reason", &self.reason)
            .field("rank", &self.rank)
            .finish_non_exhaustive()
    }
}

/// Which of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a user ID is primary or is not")]
pub enum Rank {
    /// The one to show.
    Primary,
    /// Another one.
    Other,
}

/// A primary key or a subkey.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyView {
    /// Its own, which of a subkey is not the certificate's.
    pub fingerprint: Fingerprint,
    /// With what it works.
    pub algorithm: Algorithm,
    /// Its size in bits, where the algorithm has several.
    pub bits: Option<usize>,
    /// When it was made.
    pub created: SystemTime,
    /// When it ends; `None` is never. A certificate that ends earlier takes it along.
    pub expires: Option<SystemTime>,
    /// What it is for.
    pub uses: Vec<Use>,
    /// Whether it counts.
    pub reason: Reason,
    /// Whether its secret is here, and how it is protected.
    pub secret: Secret,
}

/// Where the secret of a key is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Secret {
    /// Not here.
    Absent,
    /// GnuPG's stub: the secret was left out of the export.
    Stub,
    /// GnuPG's stub: the secret is on a smartcard.
    Card,
    /// Here, and readable by whoever has it.
    Unprotected,
    /// Here, protected by a passphrase.
    Protected(Kdf),
}

/// What makes a key of a passphrase (RFC 9580 §3.7.1).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kdf {
    /// Argon2id.
    Argon2,
    /// A hash, iterated and salted.
    Iterated,
    /// As above with SHA-1 or MD5, or without salt or iteration: better protected anew.
    Weak,
    /// One that this crate cannot undo.
    Unknown,
}
