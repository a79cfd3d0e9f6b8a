//! What a message says of keys, before any is at hand: inspect, fetch what is named, and only then process.

use std::time::SystemTime;

use super::openpgp;
use openpgp::packet::Packet;
use openpgp::parse::stream::{
    DetachedVerifierBuilder, MessageStructure, VerificationHelper, VerifierBuilder,
};
use openpgp::parse::{PacketParser, PacketParserBuilder, PacketParserResult, Parse};
use openpgp::{Cert, KeyHandle};

use super::guard::{self, guarded};
use super::verify::{count, over, read, size};
use super::{fingerprint, key_id, policy};
use crate::{Error, Handle, Limits, Recipients};

const SIGNED: &str = "a signature or a signed message";
const ENCRYPTED: &str = "an encrypted message";

/// Who says that they signed, in a detached signature or in a message that is signed inline or in clear text: each name
/// once, at most as many as [`Limits::max_message_signatures`] allows. Nothing is verified, and no key is needed: fetch the certificates that have these keys, and give those to
/// [`verify`](crate::verify) or [`verify_detached`](crate::verify_detached).
///
/// Of an encrypted message the signatures are inside: see [`SignatureCheck::claimed`](crate::SignatureCheck::claimed).
///
/// # Errors
///
/// [`Error::Malformed`] if it is neither, [`Error::Limit`].
pub fn issuers(octets: &[u8], now: SystemTime, limits: &Limits) -> Result<Vec<Handle>, Error> {
    let malformed = || Error::Malformed { wanted: SIGNED };
    size(octets.len(), limits)?;
    let policy = policy(now);
    let detached = guarded(SIGNED, || {
        let builder = DetachedVerifierBuilder::from_bytes(octets);
        let verifier = builder.and_then(|b| b.with_policy(&policy, now, Listing::new(limits)));
        let mut verifier = verifier.map_err(|error| over(&error).unwrap_or_else(malformed))?;
        verifier.verify_bytes(b"").map_err(|_| malformed())?;
        Ok(verifier.into_helper().issuers)
    });
    match detached {
        Err(Error::Malformed { .. }) => {}
        told => return told,
    }
    guarded(SIGNED, || {
        let builder = VerifierBuilder::from_bytes(octets);
        let verifier = builder.and_then(|b| b.with_policy(&policy, now, Listing::new(limits)));
        let mut verifier = verifier.map_err(|error| over(&error).unwrap_or_else(malformed))?;
        read(&mut verifier, limits)?.ok_or_else(malformed)?;
        Ok(verifier.into_helper().issuers)
    })
}

/// Whom an encrypted message is for, by what stands before its container. Nothing is decrypted, and no key is needed: fetch
/// the keys that it names, and give those to [`decrypt`](crate::decrypt). At most [`Limits::max_recipients`] are read.
///
/// # Errors
///
/// [`Error::NotEncrypted`]; [`Error::Malformed`] for what is no message at all; [`Error::Limit`].
pub fn recipients(message: &[u8], limits: &Limits) -> Result<Recipients, Error> {
    let malformed = || Error::Malformed { wanted: ENCRYPTED };
    size(message.len(), limits)?;
    let message = guard::dearmored(message).ok_or_else(malformed)?;
    if guard::is_stump(&message) {
        return Err(malformed());
    }
    guarded(ENCRYPTED, || {
        let parser = PacketParserBuilder::from_bytes(&message).and_then(|builder| builder.build());
        let mut next = parser.map_err(|_| malformed())?;
        let (mut found, mut seen) = (Recipients::default(), 0);
        while let PacketParserResult::Some(parser) = next {
            match &parser.packet {
                Packet::PKESK(to) => match to.recipient().as_ref().map(handle) {
                    Some(Some(named)) => once(&mut found.keys, named),
                    Some(None) => {}
                    None => found.hidden += 1,
                },
                Packet::SKESK(_) => found.passwords += 1,
                Packet::SEIP(_) => return Ok(found),
                Packet::Literal(_) | Packet::CompressedData(_) => return Err(Error::NotEncrypted),
                // Signatures around the encryption, markers, and what others invent.
                _ => {}
            }
            seen += 1;
            if seen > limits.max_recipients {
                return Err(Error::Limit {
                    what: "recipients of a message",
                    limit: limits.max_recipients,
                });
            }
            next = parser.next().map_err(|_| malformed())?.1;
        }
        Err(malformed())
    })
}

fn handle(theirs: &KeyHandle) -> Option<Handle> {
    match theirs {
        KeyHandle::Fingerprint(of) => fingerprint(of).map(Handle::Fingerprint),
        // "Nobody" in clear text signatures, as the library reads them.
        KeyHandle::KeyID(id) if id.is_wildcard() => None,
        KeyHandle::KeyID(id) => key_id(id).map(Handle::KeyId),
    }
}

fn once(list: &mut Vec<Handle>, one: Handle) {
    if !list.contains(&one) {
        list.push(one);
    }
}

/// Looks at the names, and knows nobody.
struct Listing {
    signatures: usize,
    limit: usize,
    issuers: Vec<Handle>,
}

impl Listing {
    fn new(limits: &Limits) -> Self {
        Self {
            signatures: 0,
            limit: limits.max_message_signatures,
            issuers: Vec::new(),
        }
    }
}

impl VerificationHelper for Listing {
    fn inspect(&mut self, parser: &PacketParser<'_>) -> openpgp::Result<()> {
        count(&parser.packet, &mut self.signatures, self.limit)
    }

    fn get_certs(&mut self, issuers: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        let named = issuers.iter().filter_map(handle);
        named.for_each(|one| once(&mut self.issuers, one));
        Ok(Vec::new())
    }

    fn check(&mut self, _: MessageStructure<'_>) -> openpgp::Result<()> {
        Ok(())
    }
}
