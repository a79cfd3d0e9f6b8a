//! Signatures over content: detached for mail, inline, and in clear text.

use std::io::Write;
use std::time::SystemTime;

use super::openpgp;
use openpgp::crypto::KeyPair;
use openpgp::serialize::stream::{Armorer, LiteralWriter, Message, Signer};
use openpgp::types::{HashAlgorithm, PublicKeyAlgorithm};

use super::export::Part;
use super::guard;
use super::key::keypair;
use super::{Unlocked, algorithm_of, fingerprint_of, policy, refused, views, whole_seconds};
use crate::{Error, Form, Reason};

pub(super) const DOING: &str = "signing";

/// Signs octets: the signature alone, as PGP/MIME has it.
///
/// The newest signing key of `key` that counts makes it, a post-quantum one before others, with SHA-512.
///
/// # Errors
///
/// [`Error::NoSecret`] if no such key has its secret here; [`Error::Unusable`] if the certificate does not count;
/// [`Error::Unsupported`], such as for RSA on `crypto-rust`; [`Error::Time`].
pub fn sign_detached(
    key: &Unlocked,
    content: &[u8],
    now: SystemTime,
    form: Form,
) -> Result<Vec<u8>, Error> {
    let signer = signing_key(key, now)?;
    let at = whole_seconds(now)?;
    let mut out = Vec::new();
    write(&mut out, Part::Signature, form, DOING, |message| {
        let signer = Signer::new(message, signer)?.hash_algo(HashAlgorithm::SHA512)?;
        let mut signer = signer.creation_time(at).detached().build()?;
        signer.write_all(content)?;
        signer.finalize()
    })?;
    Ok(out)
}

/// Signs octets: a message that holds both.
///
/// # Errors
///
/// As [`sign_detached`].
pub fn sign_inline(
    key: &Unlocked,
    content: &[u8],
    now: SystemTime,
    form: Form,
) -> Result<Vec<u8>, Error> {
    let signer = signing_key(key, now)?;
    let at = whole_seconds(now)?;
    let mut out = Vec::new();
    write(&mut out, Part::Message, form, DOING, |message| {
        let signer = Signer::new(message, signer)?.hash_algo(HashAlgorithm::SHA512)?;
        let message = signer.creation_time(at).build()?;
        let mut literal = LiteralWriter::new(message).build()?;
        literal.write_all(content)?;
        literal.finalize()
    })?;
    Ok(out)
}

/// Signs text that stays readable (RFC 9580 §7). White space at the ends of lines is not signed; mail is better signed
/// detached.
///
/// # Errors
///
/// As [`sign_detached`].
pub fn sign_cleartext(key: &Unlocked, text: &str, now: SystemTime) -> Result<Vec<u8>, Error> {
    let signer = signing_key(key, now)?;
    let at = whole_seconds(now)?;
    let mut out = Vec::new();
    write(&mut out, Part::Message, Form::Binary, DOING, |message| {
        let signer = Signer::new(message, signer)?.hash_algo(HashAlgorithm::SHA512)?;
        let mut signer = signer.creation_time(at).cleartext().build()?;
        signer.write_all(text.as_bytes())?;
        signer.finalize()
    })?;
    Ok(out)
}

pub(super) fn write<'a>(
    out: &'a mut Vec<u8>,
    part: Part,
    form: Form,
    doing: &'static str,
    content: impl FnOnce(Message<'a>) -> openpgp::Result<()>,
) -> Result<(), Error> {
    let message = Message::new(out);
    let message = match form {
        Form::Armored => Armorer::new(message)
            .kind(part.kind())
            .build()
            .map_err(refused(doing))?,
        Form::Binary => message,
    };
    guard::doing(doing, || content(message).map_err(refused(doing)))
}

pub(super) fn signing_key(key: &Unlocked, now: SystemTime) -> Result<KeyPair, Error> {
    guard::doing(DOING, || newest_signing_key(key, now))
}

fn newest_signing_key(key: &Unlocked, now: SystemTime) -> Result<KeyPair, Error> {
    let policy = policy(now);
    let fingerprint = fingerprint_of(key.cert.primary_key().key());
    let unusable = |why| Error::Unusable { fingerprint, why };
    match views::validity(&key.cert, &policy, now) {
        Reason::Valid => {}
        why => return Err(unusable(why)),
    }
    let live = views::live_keys(&key.cert, &policy, now, PublicKeyAlgorithm::for_signing);
    let mut keys: Vec<_> = live.filter(|key| key.for_signing()).collect();
    keys.sort_by_key(|key| {
        (
            algorithm_of(key.key()).is_post_quantum(),
            key.key().creation_time(),
        )
    });
    let mut why = Error::NoSecret { operation: DOING };
    for key in keys.iter().rev() {
        match keypair(key.key(), DOING) {
            Ok(pair) => return Ok(pair),
            // That this build may not use one says more than that another is not here.
            Err(error @ Error::Unsupported(_)) => why = error,
            Err(_) => {}
        }
    }
    Err(why)
}
