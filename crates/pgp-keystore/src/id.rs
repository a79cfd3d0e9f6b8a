//! What names a key: its fingerprint, or the shorter key ID.

use std::fmt;
use std::str::FromStr;

/// The fingerprint of a certificate or of one of its keys: 20 octets of version 4, 32 of version 6 (RFC 9580 §5.5.4).
///
/// It prints as uppercase hexadecimal digits, and is read from these in either case, with or without spaces.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Octets);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Octets {
    V4([u8; 20]),
    V6([u8; 32]),
}

impl Fingerprint {
    /// Of no key: stands for what cannot be written, which keys that were accepted do not have.
    #[cfg(feature = "_backend")]
    pub(crate) const NONE: Self = Self(Octets::V6([0; 32]));

    /// By its octets: 20 or 32, else [`IdError`].
    ///
    /// # Errors
    ///
    /// Another number of octets.
    pub fn from_bytes(octets: &[u8]) -> Result<Self, IdError> {
        if let Ok(v4) = octets.try_into() {
            return Ok(Self(Octets::V4(v4)));
        }
        let v6 = octets.try_into().map_err(|_| IdError)?;
        Ok(Self(Octets::V6(v6)))
    }

    /// Its octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Octets::V4(octets) => octets,
            Octets::V6(octets) => octets,
        }
    }

    /// The version of the key: 4 or 6.
    #[must_use]
    pub fn version(&self) -> u8 {
        match self.0 {
            Octets::V4(_) => 4,
            Octets::V6(_) => 6,
        }
    }

    /// The key ID: of version 4 the last eight octets, of version 6 the first eight (RFC 9580 §5.5.4).
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        let octets = match &self.0 {
            Octets::V4(octets) => octets.last_chunk(),
            Octets::V6(octets) => octets.first_chunk(),
        };
        KeyId(octets.copied().unwrap_or_default())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(self.as_bytes(), f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::from_bytes(&octets(text)?)
    }
}

/// Eight octets of a fingerprint. Other keys may have the same: a hint where to look, never a proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// By its octets.
    #[must_use]
    pub fn from_bytes(octets: [u8; 8]) -> Self {
        Self(octets)
    }

    /// Its octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let octets = octets(text)?;
        octets.try_into().map(Self).map_err(|_| IdError)
    }
}

/// Neither a fingerprint nor a key ID.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a fingerprint of 40 or 64 digits nor a key ID of 16")]
pub struct IdError;

fn hex(octets: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    octets.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
}

fn octets(text: &str) -> Result<Vec<u8>, IdError> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let mut digits = text.chars().filter(|c| *c != ' ').map(|c| c.to_digit(16));
    let mut octets = Vec::new();
    while let Some(high) = digits.next() {
        let (high, low) = (
            high.ok_or(IdError)?,
            digits.next().flatten().ok_or(IdError)?,
        );
        octets.push(u8::try_from(high << 4 | low).map_err(|_| IdError)?);
        if octets.len() > 32 {
            return Err(IdError);
        }
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        for text in [&"0123456789ABCDEF".repeat(4), &"01234567".repeat(5)] {
            let fingerprint: Fingerprint = text.parse().unwrap();
            assert_eq!(&fingerprint.to_string(), text);
            assert_eq!(text.to_lowercase().parse(), Ok(fingerprint));
        }
        let spaced = "0123 4567 0123 4567 0123  4567 0123 4567 0123 4567";
        let v4: Fingerprint = spaced.parse().unwrap();
        assert_eq!(
            (v4.version(), v4.key_id().to_string().as_str()),
            (4, "0123456701234567")
        );
    }

    #[test]
    fn the_key_id_is_the_end_of_version_4_and_the_start_of_version_6() {
        let mut octets = [0; 32];
        octets[..8].copy_from_slice(b"firstend");
        octets[24..].copy_from_slice(b"lasteigh");
        let v6 = Fingerprint::from_bytes(&octets).unwrap();
        let v4 = Fingerprint::from_bytes(&octets[12..]).unwrap();
        assert_eq!(v6.key_id().as_bytes(), b"firstend");
        assert_eq!(v4.key_id().as_bytes(), b"lasteigh");
    }

    #[test]
    fn other_lengths_and_other_digits_are_refused() {
        for text in [
            "",
            "0",
            "zz",
            &"0".repeat(38),
            &"0".repeat(39),
            &"0".repeat(66),
            "0é",
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(IdError), "{text}");
        }
        assert!("0x0123456789abcdef".parse::<KeyId>().is_ok());
        assert!("0123456789abcde".parse::<KeyId>().is_err());
    }
}
