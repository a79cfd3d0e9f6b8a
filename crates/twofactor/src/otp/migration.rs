//! `otpauth-migration://`: how accounts leave Google Authenticator and others, and come in.
//!
//! An export is a row of QR codes, of up to ten accounts each. Their format is not published; what is read and written
//! here is what the apps exchange: a message of Protocol Buffers, in base64, in a URI.
//!
//! ```
//! use twofactor::otp::{Label, Otp, Parameters, migration};
//! let account = migration::Account {
//!     otp: &Otp::generate(Parameters::totp())?,
//!     issuer: None,
//!     label: &Label::new("alice@example.org")?,
//!     counter: 0,
//! };
//! let uris = migration::write(&[account])?;
//! let batch = migration::parse(&uris[0])?;
//! assert_eq!(batch.accounts[0].label.as_str(), "alice@example.org");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod read;
mod wire;
mod write;

pub use read::parse;
pub use write::{Account, WriteError, write};

use super::Imported;
use super::uri::UriError;

/// The most octets of a URI that is read: more than a QR code holds.
pub const MAX_URI: usize = 16_384;

/// The most accounts of one URI, whether they can be used or not.
pub const MAX_ACCOUNTS: usize = 100;

/// One QR code of an export.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// What can be used.
    pub accounts: Vec<Imported>,
    /// What cannot: people should be told, before they delete the old app.
    pub skipped: Vec<Skipped>,
    /// Which of the row this is, from 0.
    pub index: u32,
    /// Of how many the row consists: 1 or more.
    pub size: u32,
    /// The same in all of a row.
    pub id: u64,
}

/// An account that cannot be used.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which of the batch, from 0.
    pub at: usize,
    /// Why.
    pub why: UriError,
}

/// Why a URI is refused. Nothing of it stands in the message.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// More octets than [`MAX_URI`], or more accounts than [`MAX_ACCOUNTS`].
    #[error("the export is too long")]
    Long,
    /// Not `otpauth-migration://offline`.
    #[error("the URI is not of otpauth-migration")]
    Scheme,
    /// `data` is missing, stands there twice, or is not base64.
    #[error("the URI has no data, or it is not base64")]
    Data,
    /// The message inside is broken, or has a field twice that there can be once.
    #[error("the message in the export is broken")]
    Message,
    /// A version other than 1 and 2.
    #[error("the export is of a version that is not known")]
    Version,
    /// The index is not below the number of batches, or one of them is no such number.
    #[error("the export is none of its own row")]
    Batch,
}

impl MigrationError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Long => "otp.migration.long",
            Self::Scheme => "otp.migration.scheme",
            Self::Data => "otp.migration.data",
            Self::Message => "otp.migration.message",
            Self::Version => "otp.migration.version",
            Self::Batch => "otp.migration.batch",
        }
    }
}

/// Numbers of fields and values of the message.
mod fields {
    pub(super) const ACCOUNT: u64 = 1;
    pub(super) const VERSION: u64 = 2;
    pub(super) const SIZE: u64 = 3;
    pub(super) const INDEX: u64 = 4;
    pub(super) const ID: u64 = 5;

    pub(super) const SECRET: u64 = 1;
    pub(super) const NAME: u64 = 2;
    pub(super) const ISSUER: u64 = 3;
    pub(super) const ALGORITHM: u64 = 4;
    pub(super) const DIGITS: u64 = 5;
    pub(super) const KIND: u64 = 6;
    pub(super) const COUNTER: u64 = 7;

    pub(super) const SIX: u64 = 1;
    pub(super) const EIGHT: u64 = 2;
    pub(super) const HOTP: u64 = 1;
    pub(super) const TOTP: u64 = 2;
}
