//! The secret that both sides share, and its base32 (RFC 4648 §6).

use std::fmt;

use data_encoding::BASE32_NOPAD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A shared secret, overwritten when it is dropped.
///
/// ```
/// use twofactor::otp::Secret;
/// let typed = Secret::from_base32("jbsw y3dp-ehpk 3pxp")?;
/// assert_eq!(*typed.manual_key(), "JBSW Y3DP EHPK 3PXP");
/// assert_eq!(format!("{typed:?}"), "Secret(..)");
/// # Ok::<(), twofactor::otp::SecretError>(())
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// Why a secret is refused.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Fewer octets than [`Secret::MIN_OCTETS`].
    #[error("the secret has fewer than 10 octets")]
    Short,
    /// More octets than [`Secret::MAX_OCTETS`].
    #[error("the secret has more than 64 octets")]
    Long,
    /// A character that is not of base32.
    #[error("the secret has a character that is not of base32")]
    Character,
    /// A number of characters that no whole octets have: one was lost, or is too much (RFC 4648 §6).
    #[error("the secret has a character too few or too many")]
    Incomplete,
}

impl SecretError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Short => "otp.secret.short",
            Self::Long => "otp.secret.long",
            Self::Character => "otp.secret.character",
            Self::Incomplete => "otp.secret.incomplete",
        }
    }
}

impl Secret {
    /// Octets of the shortest secret that is taken: 80 bits, as old servers gave out. RFC 4226 §4 wants 128, and none
    /// that is generated here has fewer than 160.
    pub const MIN_OCTETS: usize = 10;
    /// Octets of the longest secret that is taken.
    pub const MAX_OCTETS: usize = 64;

    /// A secret that another program made.
    ///
    /// # Errors
    /// [`SecretError::Short`], [`SecretError::Long`].
    pub fn new(octets: &[u8]) -> Result<Self, SecretError> {
        match octets.len() {
            ..Self::MIN_OCTETS => Err(SecretError::Short),
            Self::MIN_OCTETS..=Self::MAX_OCTETS => Ok(Self(Zeroizing::new(octets.to_vec()))),
            _ => Err(SecretError::Long),
        }
    }

    /// Reads base32 as people and programs write it: in either case, with spaces and dashes, with and without padding,
    /// and with the digits `0`, `1` and `8`, which base32 has not, for `O`, `L` and `B`. Bits that are left over at the
    /// end are ignored, as authenticator apps do.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn from_base32(text: &str) -> Result<Self, SecretError> {
        let mut octets = Zeroizing::new(Vec::with_capacity(Self::MAX_OCTETS));
        let (mut held, mut bits, mut characters, mut padded) = (0u32, 0u32, 0usize, false);
        for character in text.chars() {
            if super::code::is_between(character) {
                continue;
            }
            if character == '=' {
                padded = true;
                continue;
            }
            let value = value(character).filter(|_| !padded);
            held = (held << 5 | value.ok_or(SecretError::Character)?) & 0xfff;
            bits += 5;
            characters += 1;
            if bits >= 8 {
                bits -= 8;
                if octets.len() == Self::MAX_OCTETS {
                    return Err(SecretError::Long);
                }
                octets.push((held >> bits & 0xff) as u8);
            }
        }
        // RFC 4648 §6: eight characters make five octets; the last group has 2, 4, 5 or 7 characters, if not 8.
        if matches!(characters % 8, 1 | 3 | 6) {
            return Err(SecretError::Incomplete);
        }
        match octets.len() {
            ..Self::MIN_OCTETS => Err(SecretError::Short),
            _ => Ok(Self(octets)),
        }
    }

    /// In base32, capital letters without padding, as it stands in an `otpauth://` URI.
    #[must_use]
    pub fn to_base32(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(BASE32_NOPAD.encode_len(self.0.len())));
        BASE32_NOPAD.encode_append(&self.0, &mut text);
        text
    }

    /// [`to_base32`](Self::to_base32) in groups of four, for those who type it into their app.
    #[must_use]
    pub fn manual_key(&self) -> Zeroizing<String> {
        let text = self.to_base32();
        let mut grouped = Zeroizing::new(String::with_capacity(text.len() + text.len() / 4));
        for (at, character) in text.chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                grouped.push(' ');
            }
            grouped.push(character);
        }
        grouped
    }

    /// The octets, as HMAC takes them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn random(octets: usize) -> Result<Self, crate::Error> {
        let mut secret = Zeroizing::new(vec![0; octets]);
        crate::crypto::fill(&mut secret)?;
        Ok(Self(secret))
    }
}

/// The five bits of a character.
fn value(character: char) -> Option<u32> {
    let character = match character.to_ascii_uppercase() {
        '0' => 'O',
        '1' => 'L',
        '8' => 'B',
        other => other,
    };
    match character {
        'A'..='Z' => Some(u32::from(character) - u32::from('A')),
        '2'..='7' => Some(u32::from(character) - u32::from('2') + 26),
        _ => None,
    }
}

/// In a time that does not tell where they differ.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

/// Without its octets, and without their number.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_read_as_it_is_written_down() {
        let secret = Secret::new(b"Hello!\xde\xad\xbe\xef").unwrap();
        for text in [
            "JBSWY3DPEHPK3PXP",
            "jbswy3dpehpk3pxp",
            "JBSW Y3DP EHPK 3PXP",
            "JBSW-Y3DP-EHPK-3PXP",
            " jbsw\u{a0}y3dp\tehpk\u{2011}3pxp\n",
            "JBSWY3DPEHPK3PXP======",
            "J8SWY3DPEHPK3PXP",
        ] {
            assert_eq!(Secret::from_base32(text), Ok(secret.clone()), "{text}");
        }
        assert_eq!(*secret.to_base32(), "JBSWY3DPEHPK3PXP");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for (text, why) in [
            ("", SecretError::Short),
            ("JBSWY3DPEHPK3PX", SecretError::Short),
            ("JBSWY3DPEHPK3P", SecretError::Incomplete),
            ("JBSWY3DPEHPK3PXPA", SecretError::Incomplete),
            ("JBSWY3DPEHPK3PX9", SecretError::Character),
            ("JBSWY3DP=EHPK3PXP", SecretError::Character),
            ("JBSWY3DPEHPK3PXП", SecretError::Character),
            (&"A".repeat(105), SecretError::Long),
            (&"A".repeat(100_000), SecretError::Long),
        ] {
            assert_eq!(Secret::from_base32(text), Err(why), "{}", text.len());
        }
        assert_eq!(Secret::from_base32(&"A".repeat(103)).unwrap().0.len(), 64);
        assert_eq!(Secret::new(&[1; 9]), Err(SecretError::Short));
        assert_eq!(Secret::new(&[1; 65]), Err(SecretError::Long));
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new(b"12345678901234567890").unwrap();
        let shown = format!("{secret:?}");
        assert_eq!(shown, "Secret(..)");
        let again = Secret::new(b"12345678901234567890").unwrap();
        assert_eq!(secret, again);
        assert_ne!(secret, Secret::new(b"12345678901234567891").unwrap());
    }
}
