//! An export is read.

use data_encoding::BASE64_NOPAD;
use zeroize::Zeroizing;

use super::super::uri::{Imported, UriError, escape, names};
use super::super::{Algorithm, Otp, Parameters, ParametersError, Secret};
use super::fields::*;
use super::wire::{Broken, Reader, Value};
use super::{Batch, MAX_ACCOUNTS, MAX_URI, MigrationError, Skipped};

/// Reads one URI of an export, of at most [`MAX_URI`] octets and [`MAX_ACCOUNTS`] accounts.
///
/// Accounts that cannot be used (MD5, a secret that is too short, a name that could deceive) are skipped and told; an
/// algorithm, a number of digits and a kind that are left open are SHA-1, 6 and TOTP, as the apps take them. Steps are
/// of 30 seconds, as the format cannot say otherwise.
///
/// # Errors
/// [`MigrationError`].
pub fn parse(text: &str) -> Result<Batch, MigrationError> {
    let text = text.trim();
    if text.len() > MAX_URI {
        return Err(MigrationError::Long);
    }
    let rest = escape::after_scheme(text, "otpauth-migration").ok_or(MigrationError::Scheme)?;
    let (host, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !host.trim_end_matches('/').eq_ignore_ascii_case("offline") {
        return Err(MigrationError::Scheme);
    }
    let mut values = query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("data="));
    let (Some(data), None) = (values.next(), values.next()) else {
        return Err(MigrationError::Data);
    };
    let message = base64(data).ok_or(MigrationError::Data)?;
    batch(&message)
}

/// In either alphabet, with and without padding; a blank is a plus that went through a form.
fn base64(escaped: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = escape::decoded(escaped)?;
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    plain.extend(text.trim_end_matches('=').chars().map(|c| match c {
        ' ' | '-' => '+',
        '_' => '/',
        other => other,
    }));
    BASE64_NOPAD
        .decode(plain.as_bytes())
        .ok()
        .map(Zeroizing::new)
}

impl From<Broken> for MigrationError {
    fn from(_: Broken) -> Self {
        Self::Message
    }
}

/// A field that there can be once. Which of two counts, programs would judge differently.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Broken> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Broken),
    }
}

fn batch(message: &[u8]) -> Result<Batch, MigrationError> {
    let (mut accounts, mut skipped) = (Vec::new(), Vec::new());
    let (mut version, mut size, mut index, mut id) = (None, None, None, None);
    let mut fields = Reader::new(message);
    let mut at = 0;
    while let Some((field, value)) = fields.field()? {
        match (field, value) {
            (ACCOUNT, Value::Octets(octets)) => {
                if at == MAX_ACCOUNTS {
                    return Err(MigrationError::Long);
                }
                match account(&Fields::read(octets)?) {
                    Ok(account) => accounts.push(account),
                    Err(why) => skipped.push(Skipped { at, why }),
                }
                at += 1;
            }
            (VERSION, Value::Number(number)) => once(&mut version, number)?,
            (SIZE, Value::Number(number)) => once(&mut size, number)?,
            (INDEX, Value::Number(number)) => once(&mut index, number)?,
            (ID, Value::Number(number)) => once(&mut id, number)?,
            (ACCOUNT..=ID, _) => return Err(MigrationError::Message),
            _ => {}
        }
    }
    if !matches!(version, None | Some(1 | 2)) {
        return Err(MigrationError::Version);
    }
    let number = |number: Option<u64>| u32::try_from(number.unwrap_or(0));
    let (Ok(size), Ok(index)) = (number(size), number(index)) else {
        return Err(MigrationError::Batch);
    };
    let size = size.max(1);
    if index >= size {
        return Err(MigrationError::Batch);
    }
    Ok(Batch {
        accounts,
        skipped,
        index,
        size,
        id: id.unwrap_or(0),
    })
}

/// An account as it stands there.
#[derive(Default)]
struct Fields<'o> {
    secret: Option<&'o [u8]>,
    name: Option<&'o [u8]>,
    issuer: Option<&'o [u8]>,
    algorithm: Option<u64>,
    digits: Option<u64>,
    kind: Option<u64>,
    counter: Option<u64>,
}

impl<'o> Fields<'o> {
    fn read(octets: &'o [u8]) -> Result<Self, Broken> {
        let mut read = Self::default();
        let mut fields = Reader::new(octets);
        while let Some((field, value)) = fields.field()? {
            match (field, value) {
                (SECRET, Value::Octets(octets)) => once(&mut read.secret, octets)?,
                (NAME, Value::Octets(octets)) => once(&mut read.name, octets)?,
                (ISSUER, Value::Octets(octets)) => once(&mut read.issuer, octets)?,
                (ALGORITHM, Value::Number(number)) => once(&mut read.algorithm, number)?,
                (DIGITS, Value::Number(number)) => once(&mut read.digits, number)?,
                (KIND, Value::Number(number)) => once(&mut read.kind, number)?,
                (COUNTER, Value::Number(number)) => once(&mut read.counter, number)?,
                (SECRET..=COUNTER, _) => return Err(Broken),
                _ => {}
            }
        }
        Ok(read)
    }
}

fn account(read: &Fields<'_>) -> Result<Imported, UriError> {
    let secret = read.secret.ok_or(UriError::NoSecret)?;
    let secret = Secret::new(secret).map_err(UriError::Secret)?;
    let algorithm = match read.algorithm.unwrap_or(0) {
        0 | 1 => Algorithm::Sha1,
        2 => Algorithm::Sha256,
        3 => Algorithm::Sha512,
        _ => return Err(UriError::Algorithm),
    };
    let digits = match read.digits.unwrap_or(0) {
        0 | SIX => 6,
        EIGHT => 8,
        _ => return Err(UriError::Parameters(ParametersError::Digits)),
    };
    let (parameters, counter) = match read.kind.unwrap_or(0) {
        0 | TOTP => (Parameters::totp(), None),
        // A number with a sign, which is not negative.
        HOTP => match i64::try_from(read.counter.unwrap_or(0)) {
            Ok(counter) => (Parameters::hotp(), Some(counter.unsigned_abs())),
            Err(_) => return Err(UriError::Counter),
        },
        _ => return Err(UriError::Kind),
    };
    let parameters = parameters
        .with_algorithm(algorithm)
        .with_digits(digits)
        .map_err(UriError::Parameters)?;
    let text = |octets: Option<&'_ [u8]>| {
        let text = std::str::from_utf8(octets.unwrap_or_default());
        text.map(str::to_owned).map_err(|_| UriError::Malformed)
    };
    let (issuer, label) = names(&text(read.name)?, Some(&text(read.issuer)?))?;
    Ok(Imported {
        otp: Otp::new(parameters, secret),
        issuer,
        label,
        counter,
    })
}
