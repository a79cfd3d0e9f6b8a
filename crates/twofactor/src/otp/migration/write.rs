//! An export is written.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::super::uri::escape;
use super::super::{Algorithm, Issuer, Label, Moving, Otp};
use super::fields::*;
use super::wire::{push_number, push_octets};
use crate::{Error, crypto::random};

/// Accounts of a batch, as Google Authenticator makes them.
const BATCH: usize = 10;

/// Octets of a batch's URI before the numbers of its row, so that the QR code can be scanned from a screen: with them,
/// of at most a hundred octets, it has 121 modules a side.
const BATCH_URI: usize = 1267;

const PREFIX: &str = "otpauth-migration://offline?data=";

/// What is exported.
#[expect(
    clippy::exhaustive_structs,
    reason = "to be written as it stands; the format has no more"
)]
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The secret, and how codes are made of it.
    pub otp: &'a Otp,
    /// Who gave it out.
    pub issuer: Option<&'a Issuer>,
    /// Whose it is.
    pub label: &'a Label,
    /// The next counter; without a meaning where time moves the codes.
    pub counter: u64,
}

/// Why there is no export.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The format has no codes of seven digits, no steps other than 30 seconds, and no counter above 2⁶³ - 1.
    #[error("the export cannot express the account at {at}")]
    Account {
        /// Which of the accounts, from 0.
        at: usize,
    },
    /// No number for the row.
    #[error(transparent)]
    Random(#[from] Error),
}

impl WriteError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Account { .. } => "otp.migration.account",
            Self::Random(_) => "otp.random",
        }
    }
}

/// Writes an export: URIs for a row of QR codes, each with ten accounts at most and small enough to be scanned.
///
/// # Errors
/// [`WriteError`].
pub fn write(accounts: &[Account<'_>]) -> Result<Vec<Zeroizing<String>>, WriteError> {
    // A positive number, of the 32 bits that apps read.
    let id = u64::from(u32::from_be_bytes(random()?) >> 1);
    let mut batches: Vec<Zeroizing<Vec<u8>>> = Vec::new();
    let mut held = 0;
    for (at, account) in accounts.iter().enumerate() {
        let message = message(account).ok_or(WriteError::Account { at })?;
        if let Some(batch) = batches.last_mut().filter(|_| held < BATCH) {
            let before = batch.len();
            push_octets(batch, ACCOUNT, &message);
            if uri(batch).len() <= BATCH_URI {
                held += 1;
                continue;
            }
            batch.truncate(before);
        }
        // With room for all that it will hold, so that no part is left behind in memory.
        let mut batch = Zeroizing::new(Vec::with_capacity(2 * BATCH_URI));
        push_octets(&mut batch, ACCOUNT, &message);
        batches.push(batch);
        held = 1;
    }
    let size = batches.len() as u64;
    let whole = batches.into_iter().zip(0..).map(|(mut batch, index)| {
        push_number(&mut batch, VERSION, 1);
        push_number(&mut batch, SIZE, size);
        push_number(&mut batch, INDEX, index);
        push_number(&mut batch, ID, id);
        uri(&batch)
    });
    Ok(whole.collect())
}

fn uri(message: &[u8]) -> Zeroizing<String> {
    let length = BASE64.encode_len(message.len());
    let mut base64 = Zeroizing::new(String::with_capacity(length));
    BASE64.encode_append(message, &mut base64);
    let mut uri = Zeroizing::new(String::with_capacity(PREFIX.len() + 3 * length));
    uri.push_str(PREFIX);
    escape::push(&mut uri, &base64);
    uri
}

/// The account's own message; `None` if the format cannot express it.
fn message(account: &Account<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let parameters = account.otp.parameters();
    let kind = match parameters.moving() {
        Moving::Time { period: 30 } => TOTP,
        Moving::Time { .. } => return None,
        Moving::Counter => HOTP,
    };
    let digits = match parameters.digits() {
        6 => SIX,
        8 => EIGHT,
        _ => return None,
    };
    let algorithm = match parameters.algorithm() {
        Algorithm::Sha1 => 1,
        Algorithm::Sha256 => 2,
        Algorithm::Sha512 => 3,
    };
    let secret = account.otp.secret().expose();
    let (label, issuer) = (account.label.as_str(), account.issuer.map(Issuer::as_str));
    let names = label.len() + issuer.map_or(0, str::len);
    let mut out = Zeroizing::new(Vec::with_capacity(64 + secret.len() + names));
    push_octets(&mut out, SECRET, secret);
    push_octets(&mut out, NAME, label.as_bytes());
    if let Some(issuer) = issuer {
        push_octets(&mut out, ISSUER, issuer.as_bytes());
    }
    push_number(&mut out, ALGORITHM, algorithm);
    push_number(&mut out, DIGITS, digits);
    push_number(&mut out, KIND, kind);
    if kind == HOTP {
        let counter = i64::try_from(account.counter).ok()?;
        push_number(&mut out, COUNTER, counter.unsigned_abs());
    }
    Some(out)
}
