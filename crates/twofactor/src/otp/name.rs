//! The names that an app shows beside a code: of the account, and of who gave it out.

use std::fmt;

/// Why a name is refused.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or nothing but white space.
    #[error("the name is empty")]
    Empty,
    /// More octets in UTF-8 than [`Label::MAX_OCTETS`].
    #[error("the name has more than 128 octets")]
    Long,
    /// A colon, which separates the two names in `otpauth://`.
    #[error("the name has a colon")]
    Colon,
    /// A control character, or one that turns the direction of writing or is not seen: it could show another name.
    #[error("the name has a character that is not seen")]
    Invisible,
}

impl NameError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "otp.name.empty",
            Self::Long => "otp.name.long",
            Self::Colon => "otp.name.colon",
            Self::Invisible => "otp.name.invisible",
        }
    }
}

/// The name of an account, such as an address.
///
/// ```
/// use twofactor::otp::{Label, NameError};
/// assert_eq!(Label::new(" alice@example.org ")?.as_str(), "alice@example.org");
/// assert_eq!(Label::new("Example:alice"), Err(NameError::Colon));
/// # Ok::<(), NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(String);

/// The name of the service that the account is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer(String);

impl Label {
    /// The most octets in UTF-8.
    pub const MAX_OCTETS: usize = 128;

    /// A name, without white space at its ends.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn new(text: &str) -> Result<Self, NameError> {
        checked(text).map(Self)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Issuer {
    /// The most octets in UTF-8.
    pub const MAX_OCTETS: usize = 128;

    /// A name, without white space at its ends.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn new(text: &str) -> Result<Self, NameError> {
        checked(text).map(Self)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn checked(text: &str) -> Result<String, NameError> {
    let text = text.trim();
    match text {
        "" => Err(NameError::Empty),
        _ if text.len() > Label::MAX_OCTETS => Err(NameError::Long),
        _ if text.contains(':') => Err(NameError::Colon),
        _ if text.contains(is_not_seen) => Err(NameError::Invisible),
        _ => Ok(text.to_owned()),
    }
}

fn is_not_seen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_deceive_are_refused() {
        for (text, why) in [
            ("", NameError::Empty),
            (" \t ", NameError::Empty),
            (&"a".repeat(129), NameError::Long),
            ("a:b", NameError::Colon),
            ("a\nb", NameError::Invisible),
            ("a\u{202e}b", NameError::Invisible),
            ("a\u{200b}b", NameError::Invisible),
        ] {
            assert_eq!(Label::new(text), Err(why), "{text:?}");
            assert_eq!(Issuer::new(text), Err(why), "{text:?}");
        }
        for text in ["a", "Åsa & Co. <x>", "می\u{200c}خواهم", &"a".repeat(128)] {
            assert_eq!(Label::new(text).unwrap().as_str(), text);
        }
    }
}
