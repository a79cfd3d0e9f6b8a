//! From octets of strangers to what is taken of them.

use std::time::SystemTime;

use super::{MAX_ANSWER, Said, Source};
use crate::{Address, Certificate, Error, Fingerprint, Limits, Reason, Use, import};

/// Most certificates of one answer: a new one and those that it follows.
pub const MAX_FOUND: usize = 8;

/// A certificate that a source gave for an address.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// With the user IDs of the address and no other.
    pub certificate: Certificate,
    /// Where it comes from.
    pub source: Source,
    /// Whether it counts and has a key to encrypt to: what directories give may be revoked or expired.
    pub reason: Reason,
    /// How many user IDs were in it that are not of the address.
    pub dropped_user_ids: usize,
}

/// A certificate that a source gave and that was not taken.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Whose it is, where that can be read.
    pub fingerprint: Option<Fingerprint>,
    /// Why.
    pub why: Said,
}

/// All certificates of an answer, keys without their secrets, and what is too much or malformed.
pub(super) fn certificates(
    octets: &[u8],
    limits: &Limits,
) -> Result<(Vec<Certificate>, Vec<LeftOut>), Said> {
    if octets.len() > MAX_ANSWER {
        return Err(Said::TooLarge);
    }
    let mut limits = limits.clone();
    limits.max_import = limits.max_import.min(MAX_ANSWER);
    limits.max_certificates = limits.max_certificates.min(MAX_FOUND);
    let imported = import(octets, &limits).map_err(|error| match error {
        Error::Limit { .. } => Said::TooLarge,
        _ => Said::NotOpenPgp,
    })?;
    let keys = imported.keys.iter().map(crate::Key::certificate);
    let all: Vec<Certificate> = keys.chain(imported.certificates).collect();
    let left = imported.refused.iter().map(|refused| LeftOut {
        fingerprint: refused.fingerprint,
        why: match refused.error {
            Error::Limit { .. } => Said::TooLarge,
            _ => Said::Malformed,
        },
    });
    let left: Vec<LeftOut> = left.collect();
    // What is not even the beginning of one says nothing about the address.
    let unknown = |left: &LeftOut| left.fingerprint.is_none() && left.why == Said::Malformed;
    match all.is_empty() && left.iter().all(unknown) {
        true => Err(Said::NotOpenPgp),
        false => Ok((all, left)),
    }
}

/// What is taken for an address, and what is not. If nothing is taken, the first reason tells why.
pub(super) fn of_address(
    octets: &[u8],
    address: &Address,
    source: &Source,
    limits: &Limits,
    now: SystemTime,
) -> Result<(Vec<Found>, Vec<LeftOut>), Said> {
    let (all, mut left) = certificates(octets, limits)?;
    let mut found = Vec::new();
    for certificate in all {
        let Some(own) = certificate.for_address(address) else {
            left.push(LeftOut {
                fingerprint: Some(certificate.fingerprint()),
                why: Said::OtherAddress,
            });
            continue;
        };
        found.push(Found {
            reason: usable(&own, now),
            dropped_user_ids: certificate.user_ids().saturating_sub(own.user_ids()),
            certificate: own,
            source: source.clone(),
        });
    }
    // What can be used comes first, and of it the newest.
    found.sort_by_key(|found| {
        let created = found.certificate.at(now).created;
        std::cmp::Reverse((found.reason == Reason::Valid, created))
    });
    Ok((found, left))
}

/// Whether somebody can write to it.
fn usable(certificate: &Certificate, now: SystemTime) -> Reason {
    let view = certificate.at(now);
    if view.reason != Reason::Valid {
        return view.reason;
    }
    let user_id = view.user_ids.iter().map(|user_id| user_id.reason);
    let user_id = user_id.max_by_key(|reason| reason.state());
    match user_id {
        None | Some(Reason::Valid) => {}
        Some(why) => return why,
    }
    match view.keys_for(Use::Encrypt).next() {
        Some(_) => Reason::Valid,
        None => Reason::WrongUse,
    }
}
