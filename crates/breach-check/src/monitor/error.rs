//! Why a call came to nothing.

use crate::addresses;

/// Why a call came to nothing. What was stored before it is still so.
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] record_store::Error),
    /// The service of breaches failed. The monitor waits longer before each further try.
    #[error("the service of breaches failed")]
    Service(#[source] addresses::Error),
    /// The store does not know whether it wrote. The same call again finds out, and does nothing twice.
    #[error("nobody knows whether it was written")]
    InDoubt,
    /// Others were faster, again and again.
    #[error("others were faster too often")]
    Contended,
    /// What is stored is damaged, or of a later release.
    #[error("{what} cannot be read")]
    Damaged {
        /// Which record.
        what: &'static str,
    },
    /// A user was in more breaches than are kept.
    #[error("a user was in more breaches than are kept")]
    TooMany,
    /// The system has no randomness.
    #[error("the system has no randomness")]
    Random,
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::Service(error) => error.is_temporary(),
            Self::InDoubt | Self::Contended | Self::Random => true,
            Self::Damaged { .. } | Self::TooMany => false,
        }
    }
}
