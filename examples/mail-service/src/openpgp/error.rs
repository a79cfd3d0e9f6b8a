use crate::AccountError;
use pgp_keystore::{
    custody::{CustodyError, KekError},
    mime::MimeError,
    store::StoreError,
};
use std::path::PathBuf;

/// Why something about keys was not done. Nothing was changed then.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration names no file.
    #[error(
        "openpgp.kek names no file: the server can use no key of its users; name one, and make it with `key kek`"
    )]
    NoKek,
    /// The file cannot be used.
    #[error("cannot use {}", .0.display())]
    Kek(PathBuf, #[source] KekError),
    /// The file would be copied with the store.
    #[error(
        "{} lies in the folder of what it opens: a copy of both opens every key", .0.display()
    )]
    KekInside(PathBuf),
    /// No such account, or it cannot be read.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The keys could not be read or changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store failed.
    #[error("the store failed")]
    Records(#[from] record_store::Error),
    /// The account has no keys yet.
    #[error("{0} has no keys yet")]
    NotSetUp(String),
    /// The account's keys were set up when the server could open none.
    #[error("the server cannot open keys of {0}; `key serve` lets it, with the passphrase")]
    NotServed(String),
    /// The account's keys were set up without a passphrase.
    #[error("{0} has no passphrase for its keys; `key passphrase --recovery` gives it one")]
    NoPassphrase(String),
    /// A passphrase is needed to set up the account.
    #[error("a passphrase is needed")]
    PassphraseWanted,
    /// What the account would be told to do has no key that does it.
    #[error("{account} has no key that {does}")]
    NoKey {
        /// Whose.
        account: String,
        /// What.
        does: &'static str,
    },
    /// A name that would be read as something else.
    #[error("a name has no angle brackets, at signs or control characters")]
    Name,
    /// It can be neither read nor written as mail.
    #[error(transparent)]
    Mime(#[from] MimeError),
    /// What it names as its sender is not the account, or not only.
    #[error("the field From must have the address {0}, and no other")]
    NotYours(String),
    /// No random numbers.
    #[error("no random numbers")]
    Random,
    /// The work was given up, as the service ends.
    #[error("the work was given up")]
    GivenUp,
    /// The record of settings cannot be read.
    #[error("the settings of an account cannot be read")]
    Damaged,
    /// Somebody else was faster, again and again.
    #[error("the account was changed by somebody else")]
    Raced,
}

impl Error {
    /// Whether a later try may help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::Records(error) => error.is_temporary(),
            Self::Account(AccountError::Store(error)) => error.is_temporary(),
            Self::Account(AccountError::Raced) | Self::Raced => true,
            _ => false,
        }
    }
}

impl From<CustodyError> for Error {
    fn from(error: CustodyError) -> Self {
        Self::Store(error.into())
    }
}

impl From<pgp_keystore::Error> for Error {
    fn from(error: pgp_keystore::Error) -> Self {
        Self::Store(error.into())
    }
}
