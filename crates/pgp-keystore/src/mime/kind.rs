//! What a message is, without any cryptography.

use super::entity::{Budget, Entity, Parts, Reading};
use super::inline::blocks;
use super::lines::canonical;
use super::{Fault, MimeError};
use crate::Limits;

/// What a message, or a part of one, is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Neither signed nor encrypted.
    Plain,
    /// As a whole PGP/MIME, encrypted (RFC 3156 §4). Whether it is signed, too, shows inside.
    Encrypted,
    /// As a whole PGP/MIME, signed (RFC 3156 §5).
    Signed,
    /// S/MIME (RFC 8551), which this crate does not read.
    Smime,
    /// It has OpenPGP blocks in its text, which protect neither its header nor how the text is to be read.
    Inline,
    /// Not as a whole, but something in it is signed or encrypted: see [`Structure::inside`].
    Partly,
    /// It says that it is signed or encrypted, or might, and cannot be read in one way only.
    Malformed(Fault),
}

/// What [`inspect`] found.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    /// What the message is as a whole.
    pub kind: Kind,
    /// What stands inside a message that is not signed or encrypted as a whole.
    pub inside: Vec<Inside>,
}

/// A part that is of interest.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Where: the number of the part from 0, of the part in it, and so on. Empty is the message itself.
    pub path: Vec<usize>,
    /// What it is.
    pub kind: Kind,
}

/// Says what a message is. Lines end with CRLF, or all of them with LF. Forwarded messages are not looked into: what
/// they are says nothing about this one.
///
/// # Errors
///
/// [`MimeError::Limit`]. A structure that cannot be read is [`Kind::Malformed`].
pub fn inspect(message: &[u8], limits: &Limits) -> Result<Structure, MimeError> {
    size(message, limits)?;
    let found = canonical(message).map_err(MimeError::from);
    let found = found.and_then(|message| {
        let entity = Entity::parse(&message, limits)?;
        let mut budget = Budget::new(limits);
        let kind = match classify(&entity, &mut budget)? {
            Class::Encrypted => Kind::Encrypted,
            Class::Signed(..) => Kind::Signed,
            Class::Smime => Kind::Smime,
            Class::Other => {
                let mut inside = Vec::new();
                walk(&entity, limits, &mut |path, part| {
                    let kind = match part {
                        Found::Class(Class::Encrypted) => Kind::Encrypted,
                        Found::Class(Class::Signed(..)) => Kind::Signed,
                        Found::Class(Class::Smime) => Kind::Smime,
                        Found::Class(Class::Other) => return Ok(()),
                        Found::Text(text) if blocks(&text).next().is_none() => return Ok(()),
                        Found::Text(_) => Kind::Inline,
                        Found::Fault(fault) => Kind::Malformed(fault),
                    };
                    let path = path.to_vec();
                    inside.push(Inside { path, kind });
                    Ok(())
                })?;
                let kind = match inside.as_slice() {
                    [] => Kind::Plain,
                    all if all.iter().all(|part| part.kind == Kind::Inline) => Kind::Inline,
                    _ => Kind::Partly,
                };
                return Ok(Structure { kind, inside });
            }
        };
        let inside = Vec::new();
        Ok(Structure { kind, inside })
    });
    match found {
        Err(MimeError::Malformed(fault)) => Ok(Structure {
            kind: Kind::Malformed(fault),
            inside: Vec::new(),
        }),
        found => found,
    }
}

pub(super) fn size(message: &[u8], limits: &Limits) -> Result<(), MimeError> {
    match message.len() > limits.max_message {
        true => Err(MimeError::Limit {
            what: "octets of a message",
            limit: limits.max_message,
        }),
        false => Ok(()),
    }
}

/// What cryptography an entity is about.
#[derive(Clone, Debug)]
pub(super) enum Class<'a> {
    /// See [`sealed`].
    Encrypted,
    /// The octets that are signed, and those of the part that holds the signature.
    Signed(&'a [u8], &'a [u8]),
    Smime,
    Other,
}

pub(super) fn classify<'a>(
    entity: &Entity<'a>,
    budget: &mut Budget,
) -> Result<Class<'a>, MimeError> {
    let protocol = || {
        let protocol = entity.content_type.lower("protocol")?;
        protocol.ok_or(Fault::Protocol)
    };
    match entity.content_type.essence.as_str() {
        "multipart/encrypted" => match protocol()?.as_str() {
            "application/pgp-encrypted" => {
                pair(entity, budget)?;
                Ok(Class::Encrypted)
            }
            _ => Ok(Class::Other),
        },
        "multipart/signed" => match protocol()?.as_str() {
            "application/pgp-signature" => {
                let (first, second) = pair(entity, budget)?;
                Ok(Class::Signed(first, second))
            }
            "application/pkcs7-signature" | "application/x-pkcs7-signature" => Ok(Class::Smime),
            _ => Ok(Class::Other),
        },
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => Ok(Class::Smime),
        _ => Ok(Class::Other),
    }
}

/// RFC 1847 §2.1: "The multipart/signed content type contains exactly two body parts", and so does the encrypted one.
fn pair<'a>(entity: &Entity<'a>, budget: &mut Budget) -> Result<(&'a [u8], &'a [u8]), MimeError> {
    let Parts { parts, .. } = entity.parts(Reading::Strict, budget)?;
    match parts.as_slice() {
        [first, second] => Ok((first, second)),
        _ => Err(Fault::Parts.into()),
    }
}

/// The OpenPGP message in the parts of an encrypted one (RFC 3156 §4).
pub(super) fn sealed(entity: &Entity<'_>, limits: &Limits) -> Result<Vec<u8>, MimeError> {
    let Parts { parts, .. } = entity.parts(Reading::Strict, &mut Budget::new(limits))?;
    let [control, data] = parts.as_slice() else {
        return Err(Fault::Parts.into());
    };
    let control = Entity::parse(control, limits)?;
    if control.content_type.essence != "application/pgp-encrypted" {
        return Err(Fault::Version.into());
    }
    // RFC 3156 §4: it holds the control information, which is this line and no more.
    let content = control.content()?;
    let says = String::from_utf8_lossy(&content).to_ascii_lowercase();
    if !says.split_whitespace().eq(["version:", "1"]) {
        return Err(Fault::Version.into());
    }
    let data = Entity::parse(data, limits)?;
    if data.content_type.essence != "application/octet-stream" {
        return Err(Fault::PartType.into());
    }
    Ok(data.content()?)
}

/// The signature in the second part of a signed one (RFC 3156 §5).
pub(super) fn signature(part: &[u8], limits: &Limits) -> Result<Vec<u8>, MimeError> {
    let part = Entity::parse(part, limits)?;
    match part.content_type.essence.as_str() {
        "application/pgp-signature" => Ok(part.content()?),
        _ => Err(Fault::PartType.into()),
    }
}

/// What [`walk`] comes across.
pub(super) enum Found<'a> {
    Class(Class<'a>),
    /// A text that is no attachment, with its content.
    Text(Vec<u8>),
    /// Something that says that it is signed or encrypted, and is not well-formed.
    Fault(Fault),
}

type Visit<'v> = dyn FnMut(&[usize], Found<'_>) -> Result<(), MimeError> + 'v;

/// Goes through the parts of an entity, but not into what is signed, encrypted, or a message of its own.
pub(super) fn walk(
    entity: &Entity<'_>,
    limits: &Limits,
    visit: &mut Visit<'_>,
) -> Result<(), MimeError> {
    step(
        entity,
        &mut Vec::new(),
        limits,
        &mut Budget::new(limits),
        visit,
    )
}

fn step(
    entity: &Entity<'_>,
    path: &mut Vec<usize>,
    limits: &Limits,
    budget: &mut Budget,
    visit: &mut Visit<'_>,
) -> Result<(), MimeError> {
    budget.depth(path.len())?;
    match classify(entity, budget) {
        Ok(Class::Other) => {}
        Ok(class) => return visit(path, Found::Class(class)),
        Err(MimeError::Malformed(fault)) => return visit(path, Found::Fault(fault)),
        Err(error) => return Err(error),
    }
    if entity.content_type.is_multipart() {
        let parts = match entity.parts(Reading::Lenient, budget) {
            Ok(parts) => parts,
            // Nobody sees parts in it.
            Err(MimeError::Malformed(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        for (number, part) in parts.parts.iter().enumerate() {
            let part = match Entity::parse(part, limits) {
                Ok(part) => part,
                Err(MimeError::Malformed(_)) => continue,
                Err(error) => return Err(error),
            };
            path.push(number);
            step(&part, path, limits, budget, visit)?;
            path.pop();
        }
        return Ok(());
    }
    let text = entity.content_type.essence == "text/plain" && !entity.is_attachment();
    if text && let Ok(content) = entity.content() {
        return visit(path, Found::Text(content));
    }
    Ok(())
}
