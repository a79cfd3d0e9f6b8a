//! Addresses, and what of them leaves.

use std::fmt;

use zeroize::{Zeroize as _, Zeroizing};

use crate::PasswordHash;

/// Most octets of an address (RFC 5321 §4.5.3.1.3, without the angle brackets).
pub const MAX_ADDRESS: usize = 254;

/// A mail address as the service knows it: without white space around it, in lower case. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Zeroizing<String>);

/// A text that is no address.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an address has 3 to {MAX_ADDRESS} octets, an @ within, and no white space or control characters"
)]
pub struct NotAnAddress;

impl Address {
    /// Takes an address.
    ///
    /// # Errors
    /// [`NotAnAddress`].
    pub fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let lower = Zeroizing::new(text.trim().to_lowercase());
        let is_bad = |c: char| c.is_whitespace() || c.is_control();
        let (local, domain) = lower.rsplit_once('@').ok_or(NotAnAddress)?;
        let empty = local.is_empty() || domain.is_empty();
        match empty || lower.len() > MAX_ADDRESS || lower.contains(is_bad) {
            true => Err(NotAnAddress),
            false => Ok(Self(lower)),
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the last `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// What stands behind the last `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Its SHA-1.
    #[must_use]
    pub fn hash(&self) -> AddressHash {
        // The same function of another text.
        let hash = PasswordHash::sha1(&self.0);
        let mut octets = [0; 20];
        octets
            .iter_mut()
            .zip(hash.octets())
            .for_each(|(to, from)| *to = *from);
        AddressHash(octets)
    }

    /// All that leaves with a query by k-anonymity.
    #[must_use]
    pub fn range(&self) -> AddressRange {
        self.hash().range()
    }
}

/// Without the address.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

/// The SHA-1 of an address. Whoever has it can guess the address: `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct AddressHash([u8; 20]);

impl AddressHash {
    /// The first six hexadecimal characters.
    #[must_use]
    pub fn range(&self) -> AddressRange {
        let [a, b, c, ..] = self.0;
        AddressRange(u32::from_be_bytes([0, a, b, c]))
    }

    /// The other 34.
    pub(super) fn suffix(&self) -> [u8; 17] {
        let [_, _, _, suffix @ ..] = self.0;
        suffix
    }
}

/// Without the hash.
impl fmt::Debug for AddressHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressHash(..)")
    }
}

impl Drop for AddressHash {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// One of the 2^24 ranges of addresses: those whose hashes begin with the same six hexadecimal characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange(u32);

/// Six upper-case hexadecimal characters.
impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06X}", self.0)
    }
}

/// A domain, in lower case and in ASCII (`xn--` where it must be): 1 to 253 octets of letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(Box<str>);

impl Domain {
    /// Takes a domain; nothing if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        // Where it stands in a path, a part of dots alone would mean another path.
        let fits = (1..=253).contains(&lower.len())
            && lower.bytes().all(legal)
            && lower.split('.').all(|label| !label.is_empty());
        fits.then(|| Self(lower.into()))
    }

    /// The domain.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_in_lower_case() {
        let address = Address::parse(" Alice@Example.ORG\n").unwrap();
        assert_eq!(address.as_str(), "alice@example.org");
        assert_eq!(
            (address.local(), address.domain()),
            ("alice", "example.org")
        );
        let quoted = Address::parse("\"a@b\"@example.org").unwrap();
        assert_eq!(
            (quoted.local(), quoted.domain()),
            ("\"a@b\"", "example.org")
        );
        // FIPS 180-4's function, of these octets.
        assert_eq!(
            address.range().to_string(),
            address.hash().0[..3]
                .iter()
                .map(|b| format!("{b:02X}"))
                .collect::<String>()
        );
        assert_eq!(
            format!("{address:?} {:?}", address.hash()),
            "Address(..) AddressHash(..)"
        );
    }

    #[test]
    fn what_is_none_is_refused() {
        let long = format!("a@{}", "b".repeat(MAX_ADDRESS));
        for bad in [
            "",
            "alice",
            "@example.org",
            "alice@",
            "a b@c",
            "a\0@b",
            &long,
        ] {
            assert_eq!(Address::parse(bad), Err(NotAnAddress), "{bad}");
        }
        for bad in ["", ".", "..", "a..b", "a/b", "ä.de", "a.", &"a".repeat(254)] {
            assert_eq!(Domain::parse(bad), None, "{bad}");
        }
        assert_eq!(
            Domain::parse(" Example.ORG").unwrap().as_str(),
            "example.org"
        );
    }
}
