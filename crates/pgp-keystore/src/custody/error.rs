use super::KekError;

/// Why secrets stay closed. No message holds a name or a secret.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustodyError {
    /// The passphrase or recovery key is wrong, or what is stored was changed or belongs elsewhere: of these nobody can tell
    /// one from another.
    #[error("it does not open: the secret is wrong, or what is stored is not what it was")]
    DoesNotOpen,
    /// The session is over: unlock again.
    #[error("the session is over")]
    SessionOver,
    /// The session was opened by the server, and these secrets are the user's to open.
    #[error("only the user can open this")]
    UsersOnly,
    /// A session lasts for [`MAX_SESSION`](super::MAX_SESSION) at most.
    #[error("a session cannot last so long")]
    TooLong,
    /// There is no such way in: no passphrase was set, or the server was given nothing.
    #[error("this account cannot be opened by {way}")]
    NoSuchWay {
        /// `a passphrase` or `the server`.
        way: &'static str,
    },
    /// The octets, or the text, are not what they should be.
    #[error("not {wanted}")]
    Malformed {
        /// What was expected.
        wanted: &'static str,
    },
    /// A later release wrote this; upgrade this program.
    #[error("format {found} is newer than {known}, the newest that this release reads")]
    Format {
        /// What is stored.
        found: u8,
        /// The newest that this release reads.
        known: u8,
    },
    /// A passphrase, a cost or a number of secrets is outside of its limits.
    #[error("outside of the limits of {what}")]
    Limit {
        /// Of what.
        what: &'static str,
    },
    /// The server's key-encryption key was not to be had, or did not fit.
    #[error(transparent)]
    Kek(#[from] KekError),
    /// The operating system has no randomness, or not the memory that Argon2 wants.
    #[error("no {what} is to be had")]
    Exhausted {
        /// `randomness` or `memory`.
        what: &'static str,
    },
}

impl CustodyError {
    /// Whether a later try may help, without a change by the caller.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Kek(error) => error.is_temporary(),
            Self::Exhausted { .. } => true,
            _ => false,
        }
    }
}
