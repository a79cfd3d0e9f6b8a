use std::fmt;

/// A reminder of the agreed password, for example "the name of our first boat".
///
/// The server reads it, and so does everybody with the link: it is not sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Hint(String);

/// Why a text is no hint.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    /// There is nothing in it.
    #[error("the hint is empty")]
    Empty,
    /// It has more than [`Hint::MAX_CHARS`] characters.
    #[error("the hint is longer than {} characters", Hint::MAX_CHARS)]
    Long,
    /// A line end, another control character, or one that turns text round.
    #[error("the hint has a character that cannot be shown")]
    Character,
}

impl Hint {
    /// Most characters.
    pub const MAX_CHARS: usize = 200;

    /// One line of at most [`MAX_CHARS`](Self::MAX_CHARS) characters; white space at its ends is dropped.
    ///
    /// # Errors
    /// [`HintError`].
    pub fn new(text: &str) -> Result<Self, HintError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(HintError::Empty);
        }
        if text.chars().count() > Self::MAX_CHARS {
            return Err(HintError::Long);
        }
        if text.chars().any(is_unfit) {
            return Err(HintError::Character);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, line ends of Unicode, and what changes the direction of text.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Without the text: it is about a password.
impl fmt::Debug for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hint(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_one_short_line() {
        assert_eq!(Hint::new("  our café ").unwrap().as_str(), "our café");
        assert_eq!(Hint::new(" \n"), Err(HintError::Empty));
        let long = "é".repeat(Hint::MAX_CHARS + 1);
        assert_eq!(Hint::new(&long), Err(HintError::Long));
        assert!(Hint::new(&long[2..]).is_ok());
        for bad in ["a\r\nb", "a\0b", "a\u{202e}b", "a\u{2028}b"] {
            assert_eq!(Hint::new(bad), Err(HintError::Character), "{bad:?}");
        }
        assert_eq!(format!("{:?}", Hint::new("boat").unwrap()), "Hint(..)");
    }
}
