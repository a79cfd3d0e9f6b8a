use crate::custody::{CustodyError, KekError};

/// Why there is no result. Nothing was changed, but see [`StoreError::Contended`].
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The store gave no outcome.
    #[error("the store failed")]
    Records(#[source] record_store::Error),
    /// Others changed the same account again and again, or nobody knows what became of the change: do it again, which does
    /// no harm where it was done.
    #[error("the store is contended")]
    Contended,
    /// What is stored breaks the store's own rules.
    #[error("what is stored is damaged: {what}")]
    Damaged {
        /// Which record, without any of its content.
        what: &'static str,
    },
    /// The core said no.
    #[error(transparent)]
    Core(crate::Error),
    /// There is no such account, key or certificate.
    #[error("there is no such {what}")]
    NoSuch {
        /// What.
        what: &'static str,
    },
    /// There is one already, which is not overwritten.
    #[error("there is such {what} already")]
    Exists {
        /// What.
        what: &'static str,
    },
    /// More than [`Quotas`](super::Quotas) allows.
    #[error("the account holds no more {what}")]
    Full {
        /// What.
        what: &'static str,
    },
    /// The store was given no key-encryption key.
    #[error("this store has no key-encryption key")]
    NoKek,
    /// The session belongs to another account.
    #[error("the session is of another account")]
    OtherAccount,
    /// The work was given up by whoever runs it, as its runtime ends.
    #[error("the work was given up")]
    GivenUp,
}

impl StoreError {
    /// Whether a later try may help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Records(error) => error.is_temporary(),
            Self::Core(error) => error.is_temporary(),
            Self::Contended => true,
            _ => false,
        }
    }
}

impl From<record_store::Error> for StoreError {
    fn from(error: record_store::Error) -> Self {
        Self::Records(error)
    }
}

impl From<crate::Error> for StoreError {
    fn from(error: crate::Error) -> Self {
        Self::Core(error)
    }
}

impl From<CustodyError> for StoreError {
    fn from(error: CustodyError) -> Self {
        Self::Core(error.into())
    }
}

impl From<KekError> for StoreError {
    fn from(error: KekError) -> Self {
        CustodyError::from(error).into()
    }
}
