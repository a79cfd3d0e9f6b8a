//! OpaqueString (RFC 8265 §4.2): what may stand in a password, and what it is mapped to. The only module that names the
//! crate of the profile.

use precis_profiles::OpaqueString;
use precis_profiles::precis_core::profile::Profile;
use precis_profiles::precis_core::{DerivedPropertyValue, Error, FreeformClass, StringClass};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::PassphraseError;

/// What is wrong with a character.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCharacter {
    /// It is newer than Unicode 6.3, as emoji since 2014 are, or no character at all.
    #[error("it is newer than Unicode 6.3, as many emoji are")]
    TooNew,
    /// A control character, one that is not seen, or one that no font agrees about (RFC 8264 §9).
    #[error("it is a control character, or one that is not seen")]
    Disallowed,
    /// It may stand only beside certain others (RFC 5892 appendix A): as the joiners within many emoji.
    #[error("it may stand only beside certain other characters")]
    Context,
}

impl BadCharacter {
    /// A stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooNew => "passphrase.too-new",
            Self::Disallowed => "passphrase.disallowed",
            Self::Context => "passphrase.context",
        }
    }
}

/// Whether OpaqueString allows all characters: first each for itself, then beside its neighbours.
pub(super) fn check(text: &str) -> Result<(), PassphraseError> {
    let class = FreeformClass::default();
    for (position, c) in text.chars().enumerate() {
        let why = match class.get_value_from_char(c) {
            DerivedPropertyValue::Unassigned => BadCharacter::TooNew,
            DerivedPropertyValue::Disallowed | DerivedPropertyValue::SpecClassDis => {
                BadCharacter::Disallowed
            }
            DerivedPropertyValue::PValid
            | DerivedPropertyValue::SpecClassPval
            | DerivedPropertyValue::ContextJ
            | DerivedPropertyValue::ContextO => continue,
        };
        return Err(PassphraseError::Character {
            position: Some(position),
            why,
        });
    }
    // Nothing is copied: what is given is borrowed, and mapped by ourselves.
    match OpaqueString::new().prepare(text) {
        Ok(_) => Ok(()),
        // It is empty.
        Err(Error::Invalid) => Err(PassphraseError::Short),
        // Not beside these neighbours, or at an end where it wants one.
        Err(Error::BadCodepoint(_) | Error::Unexpected(_)) => Err(PassphraseError::Character {
            position: None,
            why: BadCharacter::Context,
        }),
    }
}

/// RFC 8265 §4.2.2: "Any instances of non-ASCII space MUST be mapped to SPACE (U+0020)", then NFC.
pub(super) fn map(text: &str) -> Zeroizing<Vec<u8>> {
    // NFC makes of one octet never more than three, so that no copy is left behind by growing.
    let mut octets = Zeroizing::new(Vec::with_capacity(text.len() * 3));
    let spaced = text.chars().map(|c| if is_space(c) { ' ' } else { c });
    for c in spaced.nfc() {
        octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    octets
}

/// The characters of the general category Zs.
fn is_space(c: char) -> bool {
    matches!(
        c,
        '\u{20}' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapping_is_that_of_the_profile_for_every_character() {
        let profile = OpaqueString::new();
        let mut allowed = 0;
        for c in '\0'..=char::MAX {
            let mut text = [0; 4];
            let text = &*c.encode_utf8(&mut text);
            if let Ok(enforced) = profile.enforce(text) {
                assert_eq!(*map(text), enforced.as_bytes(), "{c:?}");
                assert!(check(text).is_ok());
                allowed += 1;
            } else {
                assert!(check(text).is_err(), "{c:?}");
            }
        }
        // Unicode 6.3 has 110,187 graphic, format and control characters.
        assert!((100_000..111_000).contains(&allowed), "{allowed}");
    }

    #[test]
    fn growing_leaves_no_copy() {
        // Of what grows, these are the greatest factors in NFC: U+0390 does not, U+1D160 is excluded from it.
        for text in ["\u{1d160}", "\u{fb2c}", "\u{390}", "a\u{308}", "\u{958}"] {
            let many = text.repeat(100);
            assert!(map(&many).len() <= many.len() * 3, "{text:?}");
            assert_eq!(map(&many).capacity(), many.len() * 3);
        }
    }
}
