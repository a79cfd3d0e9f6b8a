//! Verification of signed messages.

use std::io::Read;
use std::time::SystemTime;

use super::openpgp;
use openpgp::packet::Packet;
use openpgp::parse::stream::{
    DetachedVerifierBuilder, MessageStructure, VerificationHelper, VerifierBuilder,
};
use openpgp::parse::{PacketParser, Parse};
use openpgp::{Cert, KeyHandle};

use super::guard::guarded;
use super::judge::Judge;
use super::{Certificate, policy};
use crate::{Error, Limits, Verification};

/// Judges a detached signature over `content`, octet for octet, at `now` and under the policy of that date.
///
/// # Errors
///
/// [`Error::Malformed`] if `signature` holds none, [`Error::Limit`]. Whatever there is to say about a signature that can be
/// read is in the result.
pub fn verify_detached(
    content: &[u8],
    signature: &[u8],
    certificates: &[&Certificate],
    now: SystemTime,
    limits: &Limits,
) -> Result<Verification, Error> {
    let malformed = || Error::Malformed {
        wanted: "a detached signature",
    };
    size(content.len().max(signature.len()), limits)?;
    guarded("a detached signature", || {
        let policy = policy(now);
        let helper = Helper::new(Judge { certificates, now }, limits);
        let verifier = DetachedVerifierBuilder::from_bytes(signature);
        let verifier = verifier.and_then(|builder| builder.with_policy(&policy, now, helper));
        let mut verifier = verifier.map_err(|error| over(&error).unwrap_or_else(malformed))?;
        verifier.verify_bytes(content).map_err(|_| malformed())?;
        verifier.into_helper().result.ok_or_else(malformed)
    })
}

/// Reads a message that is signed, inline or in clear text: its content, and what its signatures are worth. The content of
/// a message without a valid signature is given, too, for mail is shown anyway; the verification says so.
///
/// # Errors
///
/// [`Error::Malformed`] if it is no such message, [`Error::Limit`].
pub fn verify(
    message: &[u8],
    certificates: &[&Certificate],
    now: SystemTime,
    limits: &Limits,
) -> Result<(Vec<u8>, Verification), Error> {
    let malformed = || Error::Malformed {
        wanted: "a signed message",
    };
    size(message.len(), limits)?;
    guarded("a signed message", || {
        let policy = policy(now);
        let helper = Helper::new(Judge { certificates, now }, limits);
        let verifier = VerifierBuilder::from_bytes(message);
        let verifier = verifier.and_then(|builder| builder.with_policy(&policy, now, helper));
        let mut verifier = verifier.map_err(|error| over(&error).unwrap_or_else(malformed))?;
        let content = read(&mut verifier, limits)?.ok_or_else(malformed)?;
        let result = verifier.into_helper().result.ok_or_else(malformed)?;
        Ok((content, result))
    })
}

/// All that is to be read, or nothing if it breaks; never more than the limit.
pub(super) fn read(from: &mut impl Read, limits: &Limits) -> Result<Option<Vec<u8>>, Error> {
    let mut content = Vec::new();
    let bound = u64::try_from(limits.max_plaintext)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    if from.take(bound).read_to_end(&mut content).is_err() {
        return Ok(None);
    }
    match content.len() > limits.max_plaintext {
        true => Err(Error::Limit {
            what: "octets of content",
            limit: limits.max_plaintext,
        }),
        false => Ok(Some(content)),
    }
}

pub(super) fn size(length: usize, limits: &Limits) -> Result<(), Error> {
    match length > limits.max_message {
        true => Err(Error::Limit {
            what: "octets of a message",
            limit: limits.max_message,
        }),
        false => Ok(()),
    }
}

/// Too many signatures, found by the helper inside the library.
#[derive(Debug, thiserror::Error)]
#[error("too many")]
pub(super) struct TooMany(pub(super) Error);

pub(super) fn over(error: &openpgp::anyhow::Error) -> Option<Error> {
    error
        .chain()
        .find_map(|e| e.downcast_ref::<TooMany>())
        .map(|TooMany(error)| error.clone())
}

pub(super) struct Helper<'a> {
    judge: Judge<'a>,
    signatures: usize,
    limit: usize,
    pub(super) result: Option<Verification>,
}

impl<'a> Helper<'a> {
    fn new(judge: Judge<'a>, limits: &Limits) -> Self {
        let limit = limits.max_message_signatures;
        Self {
            judge,
            signatures: 0,
            limit,
            result: None,
        }
    }
}

impl VerificationHelper for Helper<'_> {
    fn inspect(&mut self, parser: &PacketParser<'_>) -> openpgp::Result<()> {
        count(&parser.packet, &mut self.signatures, self.limit)
    }

    fn get_certs(&mut self, _: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        // See `judge`.
        Ok(Vec::new())
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        self.result = Some(self.judge.structure(&structure, None));
        Ok(())
    }
}

pub(super) fn count(packet: &Packet, signatures: &mut usize, limit: usize) -> openpgp::Result<()> {
    if matches!(packet, Packet::Signature(_) | Packet::OnePassSig(_)) {
        *signatures += 1;
    }
    // Each signature may have a packet before the content, too.
    match *signatures > limit.saturating_mul(2) {
        true => Err(TooMany(Error::Limit {
            what: "signatures of a message",
            limit,
        })
        .into()),
        false => Ok(()),
    }
}
