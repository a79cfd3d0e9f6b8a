//! Why there is no result.

use crate::{Algorithm, Fingerprint, Unsupported};

/// Why an operation was not done. A signature that is not valid is no error: see [`Verification`](crate::Verification).
///
/// No message holds a user ID, a passphrase or content.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The octets are not what they should be.
    #[error("not {wanted}")]
    Malformed {
        /// What was expected, such as "a certificate".
        wanted: &'static str,
    },
    /// Something is larger, or is there more often, than [`Limits`](crate::Limits) allows.
    #[error("more than the limit of {limit} {what}")]
    Limit {
        /// What there is too much of, with its unit.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// This backend cannot do it.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// The passphrase fits none of the protected keys, or not all of them.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The secret key for this is not here: only a stub, or nothing.
    #[error("the secret key that {operation} needs is not here")]
    NoSecret {
        /// What was to be done.
        operation: &'static str,
    },
    /// There is no such subkey or user ID in the certificate, or it is revoked already.
    #[error("the certificate has no such {what}")]
    NoSuch {
        /// What was looked for.
        what: &'static str,
    },
    /// The certificate cannot be used: no binding that the policy of this date accepts.
    #[error("{fingerprint} cannot be used: {why}")]
    Unusable {
        /// Whose it is.
        fingerprint: Fingerprint,
        /// Why.
        why: crate::Reason,
    },
    /// The two belong to different primary keys.
    #[error("these are different certificates")]
    Different,
    /// None of the given keys opens the message, or it was changed. Which of the two is not told: a sender who could ask
    /// would learn something about the key.
    #[error("the message cannot be decrypted")]
    Undecryptable,
    /// The message is not encrypted.
    #[error("the message is not encrypted")]
    NotEncrypted,
    /// The plan leaves somebody out: nothing is encrypted.
    #[error("{refused} of the recipients cannot be encrypted to")]
    Incomplete {
        /// How many.
        refused: usize,
    },
    /// A time that OpenPGP cannot write (before 1970 or after 2106), or one that comes before the key's creation.
    #[error("the time cannot be used here")]
    Time,
    /// The secret operation of this algorithm failed, or the operating system has no randomness.
    #[error("the operation with {algorithm} failed")]
    Crypto {
        /// The algorithm of the key.
        algorithm: Algorithm,
    },
    /// The secrets stay closed.
    #[cfg(feature = "custody")]
    #[error(transparent)]
    Custody(#[from] crate::custody::CustodyError),
    /// What the backend said no to, for reasons of its own.
    #[error("refused by the OpenPGP library while {doing}")]
    Refused {
        /// What was to be done.
        doing: &'static str,
    },
}

impl Error {
    /// Whether a later try may help: never, as nothing here waits for others, but for a server's key-encryption key.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            #[cfg(feature = "custody")]
            Self::Custody(error) => error.is_temporary(),
            _ => false,
        }
    }
}
