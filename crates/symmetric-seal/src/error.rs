use std::io;

use crate::crypto::Failed;
use crate::kdf::NoMemory;
use crate::refusal::Refusal;

/// Why a message could not be sealed.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The password has fewer than [`Passphrase::MIN_OCTETS`](crate::Passphrase::MIN_OCTETS) octets.
    #[error("password is shorter than 8 octets")]
    ShortPassphrase,
    /// The password is of [`Passphrase::for_opening`](crate::Passphrase::for_opening), which maps and checks nothing.
    /// Those of [`Passphrase::for_sealing`](crate::Passphrase::for_sealing) seal.
    #[error("password was made to open with, and is not checked")]
    UncheckedPassphrase,
    /// There is no randomness. Nothing is sealed without.
    #[error("no random numbers")]
    NoRandomness,
    /// There is no memory for Argon2, or for the message.
    #[error("not enough memory")]
    NoMemory,
    /// The announced length was another one than what came, or the sum of lengths has no number.
    #[error("content is not as long as announced")]
    Length,
    /// Encryption failed, as no healthy machine lets it.
    #[error("encryption failed")]
    Broken,
    /// What was to be sealed could not be read, or the result could not be written.
    #[error("input or output failed")]
    Io(#[source] io::Error),
}

impl SealError {
    /// Whether a later try may help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::NoRandomness | Self::NoMemory | Self::Io(_))
    }
}

impl From<io::Error> for SealError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => Self::Io(error),
        }
    }
}

impl From<NoMemory> for SealError {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

impl From<Failed> for SealError {
    fn from(_: Failed) -> Self {
        Self::Broken
    }
}

impl From<SealError> for io::Error {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Io(error) => error,
            other => Self::other(other),
        }
    }
}

/// Why a message was not opened.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The password is another one, or the message was damaged: nobody can tell which.
    #[error("wrong password or damaged message")]
    PasswordOrDamage,
    /// It is not opened with any password.
    #[error("message is refused")]
    Refused(#[source] Refusal),
    /// There is no memory for Argon2.
    #[error("not enough memory")]
    NoMemory,
    /// The message could not be read.
    #[error("message could not be read")]
    Io(#[source] io::Error),
}

impl OpenError {
    /// Whether a later try, of the same password and message, may help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::NoMemory | Self::Io(_))
    }

    /// The reason, if the message is refused.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused(why) => Some(*why),
            _ => None,
        }
    }
}

impl From<Refusal> for OpenError {
    fn from(why: Refusal) -> Self {
        Self::Refused(why)
    }
}

impl From<Failed> for OpenError {
    fn from(_: Failed) -> Self {
        Self::PasswordOrDamage
    }
}

impl From<NoMemory> for OpenError {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

/// What an adapter of this crate put into an `io::Error` comes out again.
impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) => Self::Io(error),
        }
    }
}

/// As the readers of this crate give it: of kind `InvalidData`, with the [`OpenError`] inside.
impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Io(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}
