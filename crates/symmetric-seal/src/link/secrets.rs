//! What names a link, and what proves a right to it: each of random octets, none of them in `Debug`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::crypto;
use crate::{AccessProof, ProofHash};

/// The text is no such identity, token or proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token of a link")]
#[non_exhaustive]
pub struct NotAToken;

/// Text in base64url without padding (RFC 4648 §5), read strictly: there is one text for each value.
fn read<const N: usize>(text: &str) -> Result<Zeroizing<[u8; N]>, NotAToken> {
    let mut octets = Zeroizing::new([0; N]);
    // The engine refuses padding, white space, and bits beyond the last octet.
    match URL_SAFE_NO_PAD.decode_slice(text, &mut octets[..]) {
        Ok(length) if length == N => Ok(octets),
        _ => Err(NotAToken),
    }
}

macro_rules! secret {
    ($(#[$about:meta])* $name:ident, $octets:literal) => {
        $(#[$about])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<[u8; $octets]>);

        impl $name {
            /// How many octets it has.
            pub const OCTETS: usize = $octets;

            /// From octets that are random.
            #[must_use]
            pub fn from_octets(octets: [u8; $octets]) -> Self {
                Self(Zeroizing::new(octets))
            }

            /// The octets.
            #[must_use]
            pub fn octets(&self) -> &[u8; $octets] {
                &self.0
            }

            /// As it stands in a URL or a request: base64url without padding (RFC 4648 §5).
            #[must_use]
            pub fn to_text(&self) -> Zeroizing<String> {
                Zeroizing::new(URL_SAFE_NO_PAD.encode(&self.0[..]))
            }
        }

        impl FromStr for $name {
            type Err = NotAToken;

            fn from_str(text: &str) -> Result<Self, NotAToken> {
                read(text).map(Self)
            }
        }

        /// Without its octets.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

secret! {
    /// The identity of a link: 128 random bits, the part of the URL that names the message.
    ///
    /// Whoever has it can see the state of the link and try passwords at its pace, so it is not logged; a server keeps
    /// its [`LinkKey`].
    LinkId, 16
}

secret! {
    /// What the sender extends and revokes with, and fetches the reply with.
    SenderToken, 16
}

secret! {
    /// What a reader brings along with the proof, and has from then on: he resumes with it, destroys, and replies.
    ///
    /// Made by the reader, of random octets, for each view anew; sent again when an answer was lost.
    ReaderToken, 16
}

secret! {
    /// 128 random bits of a link that never leave the browsers: the fragment of the URL.
    ///
    /// [`Passphrase::bound_to`](crate::Passphrase::bound_to) makes them a part of the password, so that neither the
    /// password alone nor the server's disk alone is enough to try anything.
    LinkSecret, 16
}

impl LinkId {
    /// What a server stores instead.
    #[must_use]
    pub fn key(&self) -> LinkKey {
        LinkKey(crypto::sha256(&self.0[..]))
    }
}

/// The text of a proof, in a request.
impl AccessProof {
    /// As it stands in a request: base64url without padding (RFC 4648 §5).
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.octets()))
    }
}

impl FromStr for AccessProof {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        read(text).map(|octets| Self::from_octets(*octets))
    }
}

impl ProofHash {
    /// As it stands in an upload: base64url without padding (RFC 4648 §5).
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.octets())
    }
}

impl FromStr for ProofHash {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        read(text).map(|octets| Self::from_octets(*octets))
    }
}

impl SenderToken {
    pub(super) fn hash(&self) -> Hash {
        Hash(crypto::sha256(&self.0[..]))
    }
}

impl ReaderToken {
    pub(super) fn hash(&self) -> Hash {
        Hash(crypto::sha256(&self.0[..]))
    }
}

/// SHA-256 of a [`LinkId`]: the name under which a store keeps the link. It leads to no URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkKey([u8; 32]);

impl LinkKey {
    /// The octets.
    #[must_use]
    pub fn octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// What [`octets`](Self::octets) gave.
    #[must_use]
    pub fn from_octets(octets: [u8; 32]) -> Self {
        Self(octets)
    }
}

/// SHA-256 of a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Hash(pub(super) [u8; 32]);

impl Hash {
    pub(super) fn admits(&self, other: &Self) -> bool {
        crypto::same(&self.0, &other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_text_for_each_value() {
        let id = LinkId::from_octets([0xfb; 16]);
        let text = id.to_text();
        assert_eq!(*text, "-_v7-_v7-_v7-_v7-_v7-w");
        assert_eq!(text.parse::<LinkId>().unwrap().octets(), id.octets());
        for other in [
            "",
            "-_v7-_v7-_v7-_v7-_v7-",
            "-_v7-_v7-_v7-_v7-_v7-x", // the same octets, with bits beyond them
            "-_v7-_v7-_v7-_v7-_v7-w==",
            "+/v7+/v7+/v7+/v7+/v7+w",
            "-_v7-_v7-_v7-_v7-_v7-w\n",
            "-_v7-_v7-_v7-_v7-_v7-wA",
        ] {
            assert!(other.parse::<LinkId>().is_err(), "{other}");
        }
    }

    #[test]
    fn nothing_of_a_secret_is_shown() {
        let octets = [0xAB; 32];
        let shown = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            AccessProof::from_octets(octets),
            ProofHash::from_octets(octets),
            LinkId::from_octets([0xAB; 16]),
            SenderToken::from_octets([0xAB; 16]),
            ReaderToken::from_octets([0xAB; 16]),
            LinkSecret::from_octets([0xAB; 16]),
        );
        for part in ["171", "ab", "AB", "q6"] {
            assert!(!shown.contains(part), "{shown}");
        }
    }

    #[test]
    fn what_is_stored_is_sha_256() {
        // SHA-256 of 16 and of 32 zero octets, as sha256sum prints it.
        let key = LinkId::from_octets([0; 16]).key();
        assert_eq!(key.octets()[..4], [0x37, 0x47, 0x08, 0xff]);
        let proof = AccessProof::from_octets([0; 32]);
        assert_eq!(proof.hash().octets()[..4], [0x66, 0x68, 0x7a, 0xad]);
        assert!(proof.hash().accepts(&proof));
        assert!(!proof.hash().accepts(&AccessProof::from_octets([1; 32])));
        assert_eq!(proof.to_text().len(), 43);
        assert_eq!(
            proof.to_text().parse::<AccessProof>().unwrap().octets(),
            &[0; 32]
        );
        assert_eq!(proof.hash().to_text().parse(), Ok(proof.hash()));
    }
}
