//! What is said about the signatures of a message. Never a bool: see [`State`].

use std::time::SystemTime;

use crate::{Fingerprint, KeyId, Reason, State};

/// All signatures of a message, judged for one time under the policy of that date.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// In the order in which the message has them.
    pub signatures: Vec<SignatureCheck>,
    /// For which time they were judged.
    pub at: SystemTime,
}

impl Verification {
    /// The best of all signatures; `None` if there is none. Who it is from is as important: see
    /// [`valid`](Self::valid).
    #[must_use]
    pub fn state(&self) -> Option<State> {
        self.signatures.iter().map(|s| s.reason.state()).max()
    }

    /// The valid ones.
    pub fn valid(&self) -> impl Iterator<Item = &SignatureCheck> {
        self.signatures.iter().filter(|s| s.reason == Reason::Valid)
    }
}

/// One signature.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureCheck {
    /// Whether it counts, and why.
    pub reason: Reason,
    /// The certificate whose key made it, which is known unless nobody's fits.
    pub signer: Option<Fingerprint>,
    /// The key that made it.
    pub key: Option<Fingerprint>,
    /// Whose it says that it is. Anybody can write that.
    pub claimed: Option<KeyId>,
    /// When the signer says that it was made.
    pub created: Option<SystemTime>,
    /// What it is over.
    pub signed: Option<Signed>,
    /// How the certificate of the signer is today, though it was well when the signature was made.
    pub signer_now: Option<Reason>,
}

/// What a signature is over (RFC 9580 §5.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "no other is one of a message")]
pub enum Signed {
    /// Octets, as they are.
    Octets,
    /// Text, whatever its line ends are.
    Text,
}
