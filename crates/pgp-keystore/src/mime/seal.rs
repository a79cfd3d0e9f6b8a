//! Messages signed and encrypted.

use std::time::SystemTime;

use super::entity::Entity;
use super::kind::size;
use super::lines::canonical;
use super::protect::{Composed, HeaderPolicy, Intent, compose};
use super::rewrite::{boundary, sturdy};
use super::{MimeError, legacy};
use crate::{Form, Limits, Plan, Unlocked, sign_detached};

/// RFC 3156 §5: "the micalg parameter MUST contain exactly one hash-symbol of the format `pgp-<hash-identifier>`". It is that
/// of [`sign_detached`].
const MICALG: &str = "pgp-sha512";

/// Signs a message (RFC 5322): PGP/MIME (RFC 3156 §5) with its header protected (RFC 9788, `hp="clear"`).
///
/// Lines end with CRLF, or all of them with LF. What relays might change is encoded before it is signed: 8-bit text, long
/// lines, blanks at the ends of lines, lines that begin with `From `. Header fields stay as they are, in UTF-8, too. What servers have added stays outside and unsigned;
/// `Bcc` is left out.
///
/// # Errors
///
/// [`MimeError::Malformed`] if the message can be read in more than one way; [`MimeError::NotSevenBit`];
/// [`MimeError::Limit`]; [`MimeError::OpenPgp`] with those of [`sign_detached`].
pub fn sign(message: &[u8], key: &Unlocked, now: SystemTime) -> Result<Vec<u8>, MimeError> {
    let limits = Limits::default();
    size(message, &limits)?;
    let message = sturdy(&canonical(message)?, &limits)?;
    let Composed { outside, payload } = compose(&Entity::parse(&message, &limits)?, Intent::Clear);
    readable(&payload, &limits)?;
    let signature = crlf(&sign_detached(key, &payload, now, Form::Armored)?);

    let boundary = boundary(&payload);
    let mut out = outside;
    out.extend_from_slice(
        format!(
            "Content-Type: multipart/signed; micalg=\"{MICALG}\";\r\n \
             protocol=\"application/pgp-signature\";\r\n boundary=\"{boundary}\"\r\n\r\n\
             --{boundary}\r\n"
        )
        .as_bytes(),
    );
    out.extend_from_slice(&payload);
    out.extend_from_slice(
        format!(
            "\r\n--{boundary}\r\n\
             Content-Type: application/pgp-signature; name=\"signature.asc\"\r\n\
             Content-Description: OpenPGP digital signature\r\n\
             Content-Disposition: attachment; filename=\"signature.asc\"\r\n\r\n"
        )
        .as_bytes(),
    );
    out.extend_from_slice(&signature);
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    readable(&out, &limits)?;
    Ok(out)
}

/// Encrypts a message (RFC 5322) to all of a plan, and signs inside if a signer is given (RFC 3156 §4 and §6.2). The whole
/// header is protected (RFC 9788, `hp="cipher"`); what of it stands outside is the policy's to say. If that hides something
/// that people are shown, it is written into the text, too, for readers who know no protected headers (§5.2.2).
///
/// `Bcc` stands neither inside nor outside: who is to stay unseen wants a message, and a plan, of their own. Fields
/// `Autocrypt-Gossip` stand inside only.
///
/// # Errors
///
/// [`MimeError::Malformed`] if the message can be read in more than one way; [`MimeError::Limit`];
/// [`MimeError::OpenPgp`] with those of [`Plan::encrypt`], such as that the plan leaves somebody out.
pub fn encrypt(
    message: &[u8],
    plan: &Plan,
    signer: Option<&Unlocked>,
    headers: HeaderPolicy,
    now: SystemTime,
) -> Result<Vec<u8>, MimeError> {
    let limits = Limits::default();
    size(message, &limits)?;
    let message = canonical(message)?.into_owned();
    let message = zeroize::Zeroizing::new(legacy::add(message, headers, &limits)?);
    let composed = compose(&Entity::parse(&message, &limits)?, Intent::Cipher(headers));
    let payload = zeroize::Zeroizing::new(composed.payload);
    readable(&payload, &limits)?;
    let sealed = crlf(&plan.encrypt(&payload, signer, now, Form::Armored)?);

    let boundary = boundary(&sealed);
    let mut out = composed.outside;
    out.extend_from_slice(
        format!(
            "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n \
             boundary=\"{boundary}\"\r\n\r\n\
             --{boundary}\r\n\
             Content-Type: application/pgp-encrypted\r\n\
             Content-Description: PGP/MIME version identification\r\n\r\n\
             Version: 1\r\n\
             \r\n--{boundary}\r\n\
             Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n\
             Content-Description: OpenPGP encrypted message\r\n\
             Content-Disposition: inline; filename=\"encrypted.asc\"\r\n\r\n"
        )
        .as_bytes(),
    );
    out.extend_from_slice(&sealed);
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    readable(&out, &limits)?;
    Ok(out)
}

/// What was written must fit into the limits of those who read it: protection writes most fields twice.
fn readable(octets: &[u8], limits: &Limits) -> Result<(), MimeError> {
    size(octets, limits)?;
    Entity::parse(octets, limits).map(drop)
}

/// Armor, with the line ends of mail.
fn crlf(armor: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(armor.len() + armor.len() / 32);
    for line in armor.split(|&octet| octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    // What follows the last line end is no line.
    if armor.ends_with(b"\n") {
        out.truncate(out.len().saturating_sub(2));
    }
    out
}
