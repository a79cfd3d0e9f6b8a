//! Web Key Directory: where the certificate of an address lies on the web, and the server's answers. Bytes in, bytes out.
//!
//! By draft-koch-openpgp-webkey-service-21 (November 2025; it expired in May 2026, and no RFC has followed). Hash, paths and
//! methods have been the same since version -06; this page names the version so that a later one is a decision.
//!
//! ```
//! use pgp_keystore::{Address, wkd};
//!
//! let address: Address = "Joe.Doe@Example.ORG".parse()?;
//! assert_eq!(
//!     wkd::url(&address, wkd::Variant::Advanced),
//!     "https://openpgpkey.example.org/.well-known/openpgpkey/\
//!      example.org/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe",
//! );
//!
//! // The server: what the request says, what the store has, what to send.
//! let path = "/.well-known/openpgpkey/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe";
//! let request = wkd::parse("GET", "example.org", path).unwrap(); // an error is not for the directory
//! let lookup = match &request.wants {
//!     wkd::Wants::Key { domain, hash } => {
//!         assert_eq!((domain.as_str(), hash), ("example.org", &wkd::hash("joe.doe")));
//!         wkd::Lookup::Found(b"octets of a certificate".to_vec())
//!     }
//!     _ => wkd::Lookup::Absent,
//! };
//! assert_eq!(wkd::respond(&request, lookup).status, 200);
//! # Ok::<(), pgp_keystore::AddressError>(())
//! ```
//!
//! With the feature `store`, `Store::directory().serve(request, now)` does the look-up and the answer.
//!
//! # What a server has to do
//!
//! - Ask [`parse`] for each request that comes over HTTPS to the host of the domain, or to its sub-domain `openpgpkey`; send
//!   what [`respond`] says, octet by octet. It is right for `GET` and `HEAD`, for what is not there, and for other methods.
//! - For [`Wants::Key`] find the certificate, reduced to the one user ID ([`Certificate::export_minimal`] does that).
//! - For [`Wants::Policy`] say [`Lookup::Found`] with no octets, for a domain that it serves: that there is a policy file, be
//!   it empty, is how clients of the protocol see that there is a directory.
//! - [`Wants::SubmissionAddress`] is [`Lookup::Absent`], unless keys may be submitted by mail, which this crate does not do.
//!
//! [`Certificate::export_minimal`]: crate::Certificate::export_minimal
//!
//! # What others learn
//!
//! Whoever knows an address learns whether it has a certificate here: that is what a directory is for. Nothing else: there
//! are no lists, and a domain that is not served, an address without a certificate, and a path that is none have the same
//! answer, octet by octet. Who has a list of hashes can try them; the hash of a short name is no secret.

mod serve;

use std::fmt::Write;

use crate::Address;
use crate::digests::sha1;

pub use serve::{Lookup, MAX_TARGET, Method, NotWkd, Request, Response, Wants, parse, respond};

/// Where all of a directory lies.
pub const PREFIX: &str = "/.well-known/openpgpkey/";

/// The version of the draft that this follows.
pub const DRAFT: &str = "draft-koch-openpgp-webkey-service-21";

/// Of z-base-32: the human-oriented base-32 of the draft's §3.1.
const ALPHABET: &[u8; 32] = b"ybndrfg8ejkmcpqxot1uwisza345h769";

/// Characters of a hash: 160 bits, five in each.
const HASH: usize = 32;

/// The two places of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the draft has two")]
pub enum Variant {
    /// On the sub-domain `openpgpkey`, which may be somebody else's server.
    Advanced,
    /// On the domain itself: only to be asked if that sub-domain does not exist.
    Direct,
}

/// The name of a local part in a directory: the SHA-1 of its octets, with ASCII letters in lower case and all others as they
/// are, in z-base-32. What is called the Web Key Directory's "hu".
#[must_use]
pub fn hash(local_part: &str) -> String {
    let lower = local_part.to_ascii_lowercase();
    zbase32(&sha1(lower.as_bytes()))
}

/// Where the certificate of an address lies. A `GET` of it gives a certificate, or several, in binary.
#[must_use]
pub fn url(address: &Address, variant: Variant) -> String {
    let (domain, hash) = (address.domain(), hash(address.local_part()));
    let local = percent_encoded(address.local_part());
    match variant {
        Variant::Advanced => {
            format!("https://openpgpkey.{domain}{PREFIX}{domain}/hu/{hash}?l={local}")
        }
        Variant::Direct => format!("https://{domain}{PREFIX}hu/{hash}?l={local}"),
    }
}

/// Whether this could be a hash of the directory.
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() == HASH && text.bytes().all(|c| ALPHABET.contains(&c))
}

fn zbase32(octets: &[u8]) -> String {
    let bit = |at: usize| {
        let octet = octets.get(at / 8).copied().unwrap_or(0);
        usize::from(octet >> (7 - at % 8) & 1)
    };
    let digits = (0..octets.len() * 8).step_by(5).map(|from| {
        let value = (from..from + 5).fold(0, |value, at| value << 1 | bit(at));
        char::from(ALPHABET.get(value).copied().unwrap_or(b'y'))
    });
    digits.collect()
}

/// RFC 3986 §2.3: all but the unreserved characters.
pub(crate) fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, c| {
        match c.is_ascii_alphanumeric() || b"-._~".contains(&c) {
            true => all.push(char::from(c)),
            // Writing to a string cannot fail.
            false => drop(write!(all, "%{c:02X}")),
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_become_digits() {
        // Zeros, ones, and each value once.
        assert_eq!(zbase32(&[0; 5]), "yyyyyyyy");
        assert_eq!(zbase32(&[0xff; 5]), "99999999");
        let each: Vec<u8> = (0..20)
            .map(|at| {
                (0..8).fold(0_u8, |octet, bit| {
                    let at = at * 8 + bit;
                    let set = (at / 5) >> (4 - at % 5) & 1;
                    octet << 1 | u8::try_from(set).unwrap()
                })
            })
            .collect();
        assert_eq!(zbase32(&each).as_bytes(), ALPHABET);
        assert!(is_hash(&hash("x")) && is_hash(&zbase32(&each)));
        assert!(!is_hash(&zbase32(&each)[1..]) && !is_hash(&"l".repeat(32)));
    }

    #[test]
    fn what_is_reserved_is_encoded() {
        assert_eq!(percent_encoded("a+b&c=d%/ü"), "a%2Bb%26c%3Dd%25%2F%C3%BC");
        assert_eq!(percent_encoded("Az09-._~"), "Az09-._~");
    }
}
