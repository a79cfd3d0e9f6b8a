//! The agreed password: prepared alike by every program, judged, and made of words.

mod prepare;
mod strength;
mod words;

use std::fmt;

use zeroize::Zeroizing;

use crate::error::SealError;
use crate::link::LinkSecret;

pub use prepare::BadCharacter;
pub use strength::Strength;
pub use words::{GeneratedPassphrase, NoRandom, Words};

/// A password, overwritten when it is dropped.
///
/// Its octets go into Argon2 as they are. Two programs agree on a password only if they prepare it alike, and people
/// type it on keyboards that differ. So there are two ways in, which give the same octets for the same text:
///
/// - [`for_sealing`](Self::for_sealing) is strict: the profile OpaqueString of RFC 8265 §4.2, and a length.
/// - [`for_opening`](Self::for_opening) only maps, as that profile does, and refuses nothing: whatever was sealed, here
///   or by another tool, must open. It is not one to seal with: a [`Sealer`](crate::Sealer) refuses it, whatever it is.
///
/// White space at the ends and the case of letters count (RFC 8265 §4.2.2).
///
/// ```
/// use symmetric_seal::{Passphrase, PassphraseError, SealError, Sealer};
/// let sealed = Passphrase::for_sealing("Grüße aus Łódź")?;
/// // Decomposed, and with a no-break space: as another keyboard may type it.
/// let typed = Passphrase::for_opening("Gru\u{308}ße\u{a0}aus Ło\u{301}dz\u{301}");
/// assert!(sealed.same_as(&typed));
/// assert_eq!(Passphrase::for_sealing("123").unwrap_err(), PassphraseError::Short);
/// // What was only mapped does not seal.
/// let refused = Sealer::new().seal(b"hello", &typed).unwrap_err();
/// assert!(matches!(refused, SealError::UncheckedPassphrase));
/// # Ok::<(), PassphraseError>(())
/// ```
#[derive(Clone)]
pub struct Passphrase {
    octets: Zeroizing<Vec<u8>>,
    origin: Origin,
}

/// How a password was made, which says what it is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Checked, made by ourselves, or prepared by a caller who says so.
    Checked,
    /// Only mapped.
    Mapped,
}

/// Why a text is not fit to seal a message with.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// Fewer than [`Passphrase::MIN_OCTETS`] octets in UTF-8.
    #[error("the password is shorter than {} octets", Passphrase::MIN_OCTETS)]
    Short,
    /// More than [`Passphrase::MAX_OCTETS`] octets in UTF-8.
    #[error("the password is longer than {} octets", Passphrase::MAX_OCTETS)]
    Long,
    /// A character that OpaqueString does not allow (RFC 8265 §4.2.1).
    #[error("the password has a character that may not stand in it: {why}")]
    Character {
        /// Which character of the text, counted from 0, if only one is to blame.
        position: Option<usize>,
        /// What is wrong with it.
        why: BadCharacter,
    },
}

impl PassphraseError {
    /// A stable name for programs, the same as in the JavaScript module.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Short => "passphrase.short",
            Self::Long => "passphrase.long",
            Self::Character { why, .. } => why.code(),
        }
    }
}

impl Passphrase {
    /// Fewer octets than these are refused when a message is sealed.
    pub const MIN_OCTETS: usize = 8;
    /// More octets than these are refused by [`for_sealing`](Self::for_sealing).
    pub const MAX_OCTETS: usize = 1024;

    /// A text to seal with, by the rules of RFC 8265 §4.2 (OpaqueString), in Unicode 6.3.
    ///
    /// Characters that are newer than Unicode 6.3, many emoji among them, are refused: how they are normalised is
    /// settled only for versions that both sides know.
    ///
    /// # Errors
    /// [`PassphraseError`].
    pub fn for_sealing(text: &str) -> Result<Self, PassphraseError> {
        if text.len() > Self::MAX_OCTETS {
            return Err(PassphraseError::Long);
        }
        if text.len() < Self::MIN_OCTETS {
            // Also before the look at its characters: nothing that short becomes long enough.
            return Err(prepare::check(text).err().unwrap_or(PassphraseError::Short));
        }
        prepare::check(text)?;
        let octets = prepare::map(text);
        match octets.len() {
            ..Self::MIN_OCTETS => Err(PassphraseError::Short),
            Self::MIN_OCTETS..=Self::MAX_OCTETS => Ok(Self::checked(octets)),
            _ => Err(PassphraseError::Long),
        }
    }

    /// A text to open with: every space becomes U+0020, and all of it NFC (RFC 8265 §4.2.2). Nothing is refused here;
    /// a [`Sealer`](crate::Sealer) refuses to seal with it.
    #[must_use]
    pub fn for_opening(text: &str) -> Self {
        Self {
            octets: prepare::map(text),
            origin: Origin::Mapped,
        }
    }

    /// Octets that the caller has prepared, or that are to be used as they are: the one way around the checks of
    /// [`for_sealing`](Self::for_sealing), for what is no text or was checked elsewhere. Fewer than
    /// [`MIN_OCTETS`](Self::MIN_OCTETS) do not seal.
    ///
    /// For text this is UTF-8 after normalisation (NFC), with every space mapped to U+0020.
    #[must_use]
    pub fn from_unprepared_octets(octets: impl Into<Vec<u8>>) -> Self {
        Self::checked(Zeroizing::new(octets.into()))
    }

    fn checked(octets: Zeroizing<Vec<u8>>) -> Self {
        Self {
            octets,
            origin: Origin::Checked,
        }
    }

    /// This password and the secret of a link's fragment as one: the password, `#`, and the secret as it stands in the
    /// URL. Any OpenPGP program takes it when it is typed like that. It seals if this one does.
    #[must_use]
    pub fn bound_to(&self, secret: &LinkSecret) -> Self {
        let text = secret.to_text();
        let mut octets = Zeroizing::new(Vec::with_capacity(self.octets.len() + 1 + text.len()));
        octets.extend_from_slice(&self.octets);
        octets.push(b'#');
        octets.extend_from_slice(text.as_bytes());
        Self {
            octets,
            origin: self.origin,
        }
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        crate::crypto::same(&self.octets, &other.octets)
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Whether a message may be sealed with it.
    pub(crate) fn check_sealing(&self) -> Result<(), SealError> {
        match self.origin {
            Origin::Mapped => Err(SealError::UncheckedPassphrase),
            Origin::Checked if self.octets.len() < Self::MIN_OCTETS => {
                Err(SealError::ShortPassphrase)
            }
            Origin::Checked => Ok(()),
        }
    }
}

/// Without its octets, and without their number.
impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let shown = format!("{:?}", Passphrase::for_opening("correct horse"));
        assert_eq!(shown, "Passphrase(..)");
        let refused = Passphrase::for_sealing("correct\u{7}horse").unwrap_err();
        let shown = format!("{refused:?} {refused}");
        assert!(
            !shown.contains("corr") && !shown.contains("horse"),
            "{shown}"
        );
    }

    #[test]
    fn a_bound_password_is_typed_as_it_reads() {
        let secret = LinkSecret::from_octets([0xfb; 16]);
        let bound = Passphrase::for_opening("correct horse").bound_to(&secret);
        assert_eq!(bound.octets(), b"correct horse#-_v7-_v7-_v7-_v7-_v7-w");
        let typed = Passphrase::for_sealing("correct horse#-_v7-_v7-_v7-_v7-_v7-w").unwrap();
        assert!(bound.same_as(&typed));
        assert!(!bound.same_as(&Passphrase::for_opening("correct horse")));
    }

    #[test]
    fn only_what_was_checked_seals() {
        let secret = LinkSecret::from_octets([7; 16]);
        // Alone, and with the secret of a link, which makes no password of what is none.
        let seals = |password: &Passphrase| {
            let bound = password.bound_to(&secret);
            [password, &bound].map(|password| password.check_sealing().is_ok())
        };
        let checked = Passphrase::for_sealing("correct horse").unwrap();
        let octets = Passphrase::from_unprepared_octets("correct horse");
        let words = Passphrase::generate(Words::SEVEN).unwrap().passphrase();
        for good in [&checked, &octets, &words, &checked.clone()] {
            assert_eq!(seals(good), [true, true]);
        }
        for text in [
            "correct horse",
            "",
            "short",
            "party 🥳 party",
            "a\u{7}bcdefgh",
        ] {
            assert_eq!(seals(&Passphrase::for_opening(text)), [false, false]);
        }
        let short = Passphrase::from_unprepared_octets("1234567").check_sealing();
        assert!(matches!(short, Err(SealError::ShortPassphrase)));
    }
}
