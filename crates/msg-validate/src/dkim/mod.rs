//! DKIM (RFC 6376, RFC 8301, RFC 8463, RFC 8616): what domains sign of a message.
//!
//! Part of every verdict of this crate. Alone it is good for signing, and for a check of
//! signatures without a verdict:
//!
//! ```
//! use mail_dns::Zone;
//! use msg_validate::{Limits, dkim::{self, DkimResult, Signer, SigningKey}};
//! # use std::time::{Duration, SystemTime};
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
//! let key = SigningKey::generate_ed25519()?;
//! let zone = Zone::new().txt("s1._domainkey.example.org", &key.record().to_string())?;
//!
//! let message = "From: a@example.org\r\nSubject: Hi\r\n\r\nHello\r\n";
//! let field = Signer::new("example.org", "s1", key)?.sign(message.as_bytes(), now)?;
//! let signed = format!("{field}{message}");
//!
//! let reports = dkim::verify(signed.as_bytes(), now, &Limits::default(), |q| zone.answer(q));
//! assert_eq!(reports[0].result(), DkimResult::Pass);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod body;
mod crypto;
mod header;
mod key;
mod keys;
mod names;
mod outcome;
mod sign;
mod signature;
mod tags;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

use crate::{Limits, facts::checked, message::Message};
use mail_dns::{Answer, Failure, Name, Query, RecordType};
use std::time::SystemTime;

pub use key::{KeyError, KeyRecord, KeyType};
pub use keys::Keys;
pub use outcome::{Algorithm, Coverage, Dkim, DkimReason, DkimResult};
pub use sign::{SignError, Signer, SigningKey};
pub(crate) use verify::Signatures;

/// How a message is brought into the form that is hashed (RFC 6376 §3.4).
#[allow(clippy::exhaustive_enums)] // complete by RFC 6376 §3.4
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Canonicalization {
    /// Nearly no change is tolerated.
    Simple,
    /// White space may change, as relays do.
    Relaxed,
}

/// Verifies the signatures of a message with answers that are at hand, such as those of a
/// [`Zone`](mail_dns::Zone). One report for each signature, in no case more than
/// [`Limits::signatures`] and one for the rest; none if the message is not signed.
pub fn verify(
    message: &[u8],
    now: SystemTime,
    limits: &Limits,
    answer: impl FnMut(&Query) -> Answer,
) -> Vec<Dkim> {
    verify_with(message, now, limits, &Keys::new(), answer)
}

/// As [`verify`], with keys that were read before: for those who verify many messages.
pub fn verify_with(
    message: &[u8],
    now: SystemTime,
    limits: &Limits,
    keys: &Keys,
    mut answer: impl FnMut(&Query) -> Answer,
) -> Vec<Dkim> {
    let mut signatures = Signatures::parse(&Message::parse(message, limits), limits, None);
    let mut known: Vec<(Query, Answer)> = Vec::new();
    let look_up = |name: &Name| {
        if let Some((_, answer)) = known.iter().find(|(query, _)| query.name == *name) {
            return Some(answer.clone());
        }
        if known.len() >= limits.dns_queries {
            return Some(Answer::failure(Failure::Refused));
        }
        let query = Query::new(name.clone(), RecordType::Txt);
        let answer = checked(&query, answer(&query));
        known.push((query, answer.clone()));
        Some(answer)
    };
    // Nothing is missing where every question has its answer.
    (signatures.verify(look_up, keys, now)).unwrap_or_default()
}

/// The SHA-256 hash of a canonical body: what belongs into `bh=` of a signature without `l=`.
pub fn body_hash(canonicalization: Canonicalization, body: &[u8]) -> [u8; 32] {
    body::hash(canonicalization, body).octets()
}
