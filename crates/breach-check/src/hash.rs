//! Hashes of passwords, by which breached ones are known.

use std::fmt;

use md4::{Digest as _, Md4};
use zeroize::Zeroize as _;

use crate::crypto;

pub(crate) const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Which hash a corpus or a range holds.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKind {
    /// SHA-1 (RFC 3174) of the password in UTF-8: 20 octets.
    Sha1,
    /// What Windows keeps: MD4 (RFC 1320) of the password in UTF-16, little-endian: 16 octets.
    Ntlm,
}

impl HashKind {
    /// How many hexadecimal characters a hash has.
    #[must_use]
    pub fn hex_len(self) -> usize {
        2 * self.len()
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Ntlm => 16,
        }
    }
}

/// The hash of a password. Whoever has it can guess the password, so `Debug` shows nothing of it, and it is overwritten
/// when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    kind: HashKind,
    /// As many octets as the kind has; those behind are zero.
    octets: [u8; 20],
}

impl PasswordHash {
    /// The SHA-1 of a password, of exactly its octets: normalise first if your logins do.
    #[must_use]
    pub fn sha1(password: &str) -> Self {
        let octets = crypto::sha1(password.as_bytes());
        let kind = HashKind::Sha1;
        Self { kind, octets }
    }

    /// The NTLM hash of a password.
    #[must_use]
    pub fn ntlm(password: &str) -> Self {
        let mut hash = Md4::new();
        for unit in password.encode_utf16() {
            hash.update(unit.to_le_bytes());
        }
        let mut octets = [0; 20];
        octets[..16].copy_from_slice(&hash.finalize());
        let kind = HashKind::Ntlm;
        Self { kind, octets }
    }

    /// The hash of this kind.
    #[must_use]
    pub fn of(kind: HashKind, password: &str) -> Self {
        match kind {
            HashKind::Sha1 => Self::sha1(password),
            HashKind::Ntlm => Self::ntlm(password),
        }
    }

    /// A hash that is known already; `None` if the kind has another number of octets.
    #[must_use]
    pub fn from_octets(kind: HashKind, hash: &[u8]) -> Option<Self> {
        if hash.len() != kind.len() {
            return None;
        }
        let mut octets = [0; 20];
        octets
            .iter_mut()
            .zip(hash)
            .for_each(|(to, from)| *to = *from);
        Some(Self { kind, octets })
    }

    /// A hash in hexadecimal, upper or lower case.
    #[must_use]
    pub fn from_hex(kind: HashKind, hex: &str) -> Option<Self> {
        if hex.len() != kind.hex_len() {
            return None;
        }
        let mut octets = [0; 20];
        for (octet, pair) in octets.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let &[high, low] = pair else { return None };
            *octet = digit(high)? << 4 | digit(low)?;
        }
        Some(Self { kind, octets })
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> HashKind {
        self.kind
    }

    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..self.kind.len()).unwrap_or_default()
    }

    /// In upper-case hexadecimal.
    #[must_use]
    pub fn hex(&self) -> zeroize::Zeroizing<String> {
        let mut hex = zeroize::Zeroizing::new(String::with_capacity(self.kind.hex_len()));
        for octet in self.octets() {
            hex.extend([octet >> 4, octet & 15].map(|d| char::from(DIGITS[usize::from(d)])));
        }
        hex
    }

    /// The first eight octets, big-endian: what a corpus keeps its order by.
    pub(crate) fn prefix(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.octets;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// The first five hexadecimal characters: all that leaves with a query of the range API.
    #[must_use]
    pub fn range(&self) -> Range {
        Range(u32::try_from(self.prefix() >> 44).unwrap_or_default())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Drop for PasswordHash {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

/// One of the 2^20 ranges of hashes: those that begin with the same five hexadecimal characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range(u32);

impl Range {
    /// How many there are.
    pub const COUNT: u32 = 1 << 20;

    /// The range of this number, 0 to 1,048,575.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// All of them, in order.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// Five hexadecimal characters, upper or lower case.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let digits = <[u8; 5]>::try_from(hex.as_bytes()).ok()?;
        let mut number = 0;
        for d in digits {
            number = number << 4 | u32::from(digit(d)?);
        }
        Some(Self(number))
    }
}

/// Five upper-case hexadecimal characters.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:05X}", self.0)
    }
}

/// The value of a hexadecimal digit.
pub(crate) fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'A'..=b'F' => Some(character - b'A' + 10),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_are_those_of_everybody() {
        // FIPS 180-4 and RFC 3174 of "password"; MD4 of the same in UTF-16.
        let sha1 = PasswordHash::sha1("password");
        assert_eq!(*sha1.hex(), "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
        assert_eq!(sha1.range().to_string(), "5BAA6");
        let ntlm = PasswordHash::ntlm("password");
        assert_eq!(*ntlm.hex(), "8846F7EAEE8FB117AD06BDD830B7586C");
        assert_eq!(
            PasswordHash::from_hex(HashKind::Ntlm, &ntlm.hex()),
            Some(ntlm)
        );
        assert_eq!(
            PasswordHash::from_hex(HashKind::Sha1, &sha1.hex().to_lowercase()),
            Some(sha1)
        );
    }

    #[test]
    fn what_is_no_hash_is_none() {
        for hex in [
            "",
            "5BAA6",
            "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FDG",
            "ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ",
        ] {
            assert_eq!(PasswordHash::from_hex(HashKind::Sha1, hex), None);
        }
        assert_eq!(PasswordHash::from_octets(HashKind::Ntlm, &[0; 20]), None);
        assert_eq!(Range::new(Range::COUNT), None);
        assert_eq!(Range::from_hex("5BAA"), None);
        assert_eq!(
            Range::from_hex("fffff").map(Range::number),
            Some(Range::COUNT - 1)
        );
    }

    #[test]
    fn nothing_of_a_hash_is_shown() {
        assert_eq!(
            format!("{:?}", PasswordHash::sha1("x")),
            "PasswordHash { kind: Sha1, .. }"
        );
    }
}
