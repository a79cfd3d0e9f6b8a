//! Devices that have logged in before, by a token in a cookie.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::Error;
use crate::crypto::{self, random};

const ID: usize = 16;
const SECRET: usize = 32;
/// Characters of a token.
const TEXT: usize = 64;

/// The token of a device: 16 octets that say which it is and a secret of 256 bits, 64 characters in base64url, to be kept in a
/// cookie that scripts cannot read. SHA-256 of it is stored (ASVS 6.5.2).
///
/// It is good for one user only, and for no factor by itself: a *known* device has a share of its own of the password's tries,
/// a *remembered* one needs no second factor.
pub struct DeviceToken {
    id: DeviceId,
    secret: Zeroizing<[u8; SECRET]>,
}

impl DeviceToken {
    /// A new one.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate() -> Result<Self, Error> {
        Ok(Self {
            id: DeviceId(random()?),
            secret: Zeroizing::new(random()?),
        })
    }

    /// A token as the cookie holds it, or nothing if none looks like that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TEXT {
            return None;
        }
        let octets = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        let (id, secret) = octets.split_first_chunk()?;
        Some(Self {
            id: DeviceId(*id),
            secret: Zeroizing::new(secret.try_into().ok()?),
        })
    }

    /// As the cookie holds it.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        let octets = Zeroizing::new([&self.id.0[..], &*self.secret].concat());
        Zeroizing::new(BASE64URL_NOPAD.encode(&octets))
    }

    /// Which device; no secret.
    #[must_use]
    pub fn id(&self) -> DeviceId {
        self.id
    }

    /// What is stored: SHA-256 of the whole.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let label = b"letterlock twofactor device v1";
        crypto::sha256(&[label, &self.id.0, &*self.secret])
    }

    /// Whether [`digest`](Self::digest) gave this: compared in constant time.
    #[must_use]
    pub fn is(&self, digest: &[u8; 32]) -> bool {
        crypto::same(&self.digest(), digest)
    }
}

impl Clone for DeviceToken {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            secret: self.secret.clone(),
        }
    }
}

/// Without the secret.
impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceToken(..)")
    }
}

/// Which device, of one user: 22 characters in base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId([u8; ID]);

/// A text that is no [`DeviceId`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the number of a device")]
pub struct NotADeviceId;

impl DeviceId {
    /// The octets.
    #[must_use]
    pub fn octets(self) -> [u8; ID] {
        self.0
    }

    pub(crate) fn from_octets(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(Self)
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl FromStr for DeviceId {
    type Err = NotADeviceId;

    fn from_str(text: &str) -> Result<Self, NotADeviceId> {
        let octets = match text.len() {
            22 => BASE64URL_NOPAD.decode(text.as_bytes()).ok(),
            _ => None,
        };
        octets
            .and_then(|octets| Self::from_octets(&octets))
            .ok_or(NotADeviceId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_is_read_back_and_is_itself_alone() {
        let (one, other) = (
            DeviceToken::generate().unwrap(),
            DeviceToken::generate().unwrap(),
        );
        let text = one.text();
        assert_eq!(text.len(), TEXT);
        let digest = one.digest();
        assert!(DeviceToken::parse(&text).unwrap().is(&digest) && one.clone().is(&digest));
        assert!(!other.is(&digest));
        let forged = DeviceToken {
            id: one.id,
            secret: other.secret.clone(),
        };
        assert!(!forged.is(&digest));
        let moved = DeviceToken {
            id: other.id,
            secret: one.secret.clone(),
        };
        assert!(!moved.is(&digest));
        assert_eq!(one.id().to_string().parse(), Ok(one.id()));
        assert_eq!(format!("{one:?}"), "DeviceToken(..)");
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let text = DeviceToken::generate().unwrap().text();
        let longer = format!("{}A", *text);
        let foreign = format!("{}+", &text[..TEXT - 1]);
        for text in [
            "",
            &text[1..],
            &longer,
            &foreign,
            &"=".repeat(TEXT),
            &"é".repeat(TEXT / 2),
        ] {
            assert!(DeviceToken::parse(text).is_none(), "{text}");
        }
        // 22 characters hold four bits more than 16 octets: they are zero.
        assert!("AAAAAAAAAAAAAAAAAAAAAA".parse::<DeviceId>().is_ok());
        for text in [
            "",
            "AAAAAAAAAAAAAAAAAAAAAB",
            "AAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(text.parse::<DeviceId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn tokens_have_one_text(id: [u8; ID], secret: [u8; SECRET]) {
            let one = DeviceToken { id: DeviceId(id), secret: Zeroizing::new(secret) };
            let read = DeviceToken::parse(&one.text()).unwrap();
            prop_assert_eq!(read.text(), one.text());
            prop_assert_eq!(read.digest(), one.digest());
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = (DeviceToken::parse(&text), text.parse::<DeviceId>());
        }
    }
}
