//! Messages verified and decrypted.

use std::time::SystemTime;

use zeroize::Zeroizing;

use super::address::only;
use super::content_type::ContentType;
use super::entity::{Budget, Entity};
use super::field::Field;
use super::kind::{Class, Found, classify, sealed, signature, size, walk};
use super::lines::canonical;
use super::protect::{Layers, is_trace, read, structure, without_protection};
use super::result::{Coverage, Decrypted, Protected, Scheme, Sender, SignedPart, Verified};
use super::rewrite::trimmed;
use super::{MimeError, inline, legacy};
use crate::{
    Certificate, Error, Limits, Named, Reason, SignatureCheck, Unlocked, Verification,
    verify_detached,
};

/// Most signed parts of a message that are looked at.
const MAX_SIGNED: usize = 16;

/// Verifies the signatures of a message, at `now` and under the policy of that date: PGP/MIME (RFC 3156 §5), over the very
/// octets; and inline. What is not signed as a whole never reads as signed: see [`Coverage`] and
/// [`Verdict`](super::Verdict).
///
/// Lines end with CRLF, or all of them with LF. A message without any signature gives [`Coverage::Nothing`], as does one that is
/// encrypted, or S/MIME.
///
/// # Errors
///
/// [`MimeError::Malformed`] if the structure can be read in more than one way; [`MimeError::Limit`];
/// [`MimeError::OpenPgp`] with [`Error::Limit`].
pub fn verify(
    message: &[u8],
    certificates: &[&Certificate],
    now: SystemTime,
    limits: &Limits,
) -> Result<Verified, MimeError> {
    size(message, limits)?;
    let message = canonical(message)?;
    let entity = Entity::parse(&message, limits)?;
    let context = Context {
        certificates,
        now,
        limits,
    };
    match classify(&entity, &mut Budget::new(limits))? {
        Class::Signed(content, part) => {
            let verification = context.detached(content, &signature(part, limits)?)?;
            let payload = Entity::parse(content, limits)?;
            let headers = read(&entity.fields, &payload, Layers::Signed)?;
            Ok(Verified {
                coverage: Coverage::Whole,
                sender: context.sender(&entity.fields, &headers, &verification),
                parts: vec![SignedPart {
                    path: Vec::new(),
                    content: content.to_vec(),
                    verification,
                }],
                headers,
            })
        }
        Class::Encrypted | Class::Smime => Ok(context.partly(&entity, Coverage::Nothing, vec![])),
        Class::Other => {
            let mut parts = Vec::new();
            walk(&entity, limits, &mut |path, found| {
                let Found::Class(Class::Signed(content, part)) = found else {
                    return Ok(());
                };
                if parts.len() < MAX_SIGNED {
                    parts.push(SignedPart {
                        path: path.to_vec(),
                        content: content.to_vec(),
                        verification: context.detached(content, &signature(part, limits)?)?,
                    });
                }
                Ok(())
            })?;
            if parts.is_empty() {
                let (coverage, parts) = inline::parts(&entity, certificates, now, limits)?;
                return Ok(context.partly(&entity, coverage, parts));
            }
            Ok(context.partly(&entity, Coverage::Part, parts))
        }
    }
}

/// Decrypts a message that is encrypted as a whole (RFC 3156 §4) with any of `keys`, and verifies what is signed inside, by
/// either of the two ways (§6.1, §6.2). The content is given out when it is complete and its integrity proven.
///
/// A message of which only parts are encrypted is not opened: what is around them could be made to send their content
/// away.
///
/// # Errors
///
/// [`MimeError::NotEncrypted`], [`MimeError::PartlyEncrypted`], [`MimeError::Malformed`], [`MimeError::Limit`];
/// [`MimeError::OpenPgp`] with those of [`decrypt`](crate::decrypt).
pub fn decrypt(
    message: &[u8],
    keys: &[&Unlocked],
    certificates: &[&Certificate],
    now: SystemTime,
    limits: &Limits,
) -> Result<Decrypted, MimeError> {
    size(message, limits)?;
    let message = canonical(message)?;
    let entity = Entity::parse(&message, limits)?;
    if !matches!(
        classify(&entity, &mut Budget::new(limits))?,
        Class::Encrypted
    ) {
        let mut error = MimeError::NotEncrypted;
        walk(&entity, limits, &mut |_, found| {
            if matches!(found, Found::Class(Class::Encrypted)) {
                error = MimeError::PartlyEncrypted;
            }
            Ok(())
        })?;
        return Err(error);
    }
    let sealed = sealed(&entity, limits)?;
    let opened = crate::decrypt(&sealed, keys, certificates, now, limits)?;
    let content = Zeroizing::new(canonical(&opened.content)?.into_owned());
    let context = Context {
        certificates,
        now,
        limits,
    };

    let inner = Entity::parse(&content, limits)?;
    let mut verification = opened.verification;
    let mut payload = inner.clone();
    // RFC 3156 §6.1: signed first, as a message of its own.
    let class = classify(&inner, &mut Budget::new(limits))?;
    if let Class::Signed(signed, part) = class
        && verification.signatures.is_empty()
    {
        verification = context.detached(signed, &signature(part, limits)?)?;
        payload = Entity::parse(signed, limits)?;
    }
    let headers = read(&entity.fields, &payload, Layers::Encrypted)?;
    let sender = context.sender(&entity.fields, &headers, &verification);
    let message = shown(&entity.fields, &headers, &payload, limits)?;
    drop(inner);
    Ok(Decrypted {
        verification,
        container: opened.container,
        by: opened.by,
        headers,
        sender,
        message,
        content,
    })
}

#[derive(Clone, Copy)]
struct Context<'a> {
    certificates: &'a [&'a Certificate],
    now: SystemTime,
    limits: &'a Limits,
}

impl Context<'_> {
    /// A signature that cannot be read is one that is not valid.
    fn detached(&self, content: &[u8], signature: &[u8]) -> Result<Verification, MimeError> {
        let Self {
            certificates,
            now,
            limits,
        } = *self;
        match verify_detached(content, signature, certificates, now, limits) {
            Ok(verification) if !verification.signatures.is_empty() => Ok(verification),
            Ok(_) | Err(Error::Malformed { .. }) => Ok(Verification {
                signatures: vec![SignatureCheck {
                    reason: Reason::Malformed,
                    signer: None,
                    key: None,
                    claimed: None,
                    created: None,
                    signed: None,
                    signer_now: None,
                }],
                at: now,
            }),
            Err(error) => Err(error.into()),
        }
    }

    fn partly(&self, entity: &Entity<'_>, coverage: Coverage, parts: Vec<SignedPart>) -> Verified {
        let headers = Protected {
            unprotected: names(&entity.fields),
            ..Protected::nothing()
        };
        let valid = parts
            .iter()
            .find(|p| p.verification.valid().next().is_some());
        let sender = match valid {
            Some(part) => self.sender(&entity.fields, &headers, &part.verification),
            None => Sender::Nobody,
        };
        Verified {
            coverage,
            parts,
            headers,
            sender,
        }
    }

    /// RFC 9788 §4.4: the address outside, the one that is protected, and the signer's must be one.
    fn sender(
        &self,
        outer: &[Field<'_>],
        headers: &Protected,
        verification: &Verification,
    ) -> Sender {
        let mut signers = verification
            .valid()
            .filter_map(|check| check.signer)
            .peekable();
        let Some(&first) = signers.peek() else {
            return Sender::Nobody;
        };
        let Some(from) = the_sender(outer, headers) else {
            return Sender::Unclear;
        };
        for signer in signers {
            let mut fitting = self
                .certificates
                .iter()
                .filter(|c| c.fingerprint() == signer);
            if fitting.any(|c| c.names(&from, self.now) == Named::ByUserId) {
                return Sender::Named(signer);
            }
        }
        Sender::Other(first)
    }
}

/// The one address that the message says that it is from.
fn the_sender(outer: &[Field<'_>], headers: &Protected) -> Option<String> {
    let mut outside = outer.iter().filter(|field| field.is("From"));
    let (Some(from), None) = (outside.next(), outside.next()) else {
        return None;
    };
    let from = only(from.value)?;
    let mut protected = headers.named("From");
    match (protected.next(), protected.next()) {
        (None, None) if matches!(headers.scheme, None | Some(Scheme::Draft)) => Some(from),
        (Some(inside), None) => {
            let inside = only(inside.value.as_bytes())?;
            inside.eq_ignore_ascii_case(&from).then_some(from)
        }
        // A payload that protects a header and has no sender in it says nothing about the one outside.
        _ => None,
    }
}

fn names(fields: &[Field<'_>]) -> Vec<String> {
    let own = fields.iter().filter(|f| !f.is_structural() && !is_trace(f));
    own.map(|field| field.name.to_owned()).collect()
}

/// RFC 9788 §4.5: the message that readers are to see.
fn shown(
    outer: &[Field<'_>],
    headers: &Protected,
    payload: &Entity<'_>,
    limits: &Limits,
) -> Result<Zeroizing<Vec<u8>>, MimeError> {
    let mut out = Zeroizing::new(Vec::with_capacity(payload.octets.len()));
    if matches!(headers.scheme, None | Some(Scheme::Draft)) {
        let own = outer.iter().filter(|f| !f.is_structural() && !is_trace(f));
        let unprotected = own.filter(|f| headers.named(f.name).next().is_none());
        unprotected.for_each(|field| trimmed(field.raw, &mut out));
    }
    for field in &headers.fields {
        out.extend_from_slice(&field.raw);
    }
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    let plain = match headers.scheme {
        Some(_) => legacy::remove(payload.octets, limits),
        None => Ok(payload.octets.to_vec()),
    };
    // What cannot be taken apart is shown as it is.
    let plain = Zeroizing::new(match plain {
        Err(MimeError::Malformed(_) | MimeError::Limit { .. }) => payload.octets.to_vec(),
        other => other?,
    });
    let body = Entity::parse(&plain, limits)?;
    if body.field("Content-Type")?.is_some() {
        out.extend(without_protection(ContentType::clone(&body.content_type)).field());
    }
    structure(&body, &mut out);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body.body);
    Ok(out)
}
