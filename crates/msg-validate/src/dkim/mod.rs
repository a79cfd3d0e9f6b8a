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
mod outcome;
mod sign;
mod signature;
mod tags;
#[cfg(test)]
pub(crate) mod tests;
mod verify;

use crate::{Limits, facts::Facts, message::Message};
use mail_dns::{Answer, Query};
use std::time::SystemTime;

pub use key::{KeyError, KeyRecord, KeyType};
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
    mut answer: impl FnMut(&Query) -> Answer,
) -> Vec<Dkim> {
    let signatures = Signatures::parse(&Message::parse(message, limits), limits, None);
    let mut facts = Facts::new(limits.dns_queries);
    loop {
        if let Some(reports) = signatures.verify(&mut facts, now) {
            return reports;
        }
        for query in facts.missing().to_vec() {
            facts.answer(&query, answer(&query));
        }
    }
}

/// The SHA-256 hash of a canonical body: what belongs into `bh=` of a signature without `l=`.
pub fn body_hash(canonicalization: Canonicalization, body: &[u8]) -> [u8; 32] {
    body::hash(canonicalization, body).octets()
}
