//! The digits that somebody typed.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::digits;

/// From 6 to 8 digits, overwritten when they are dropped.
///
/// ```
/// use twofactor::otp::{Code, CodeError};
/// for typed in ["406058", " 406 058 ", "406-058", "406.058", "４０６０５８", "٤٠٦٠٥٨", "\u{200f}۴۰۶۰۵۸"] {
///     assert_eq!(Code::parse(typed)?.expose(), "406058");
/// }
/// assert_eq!(Code::parse("40605"), Err(CodeError::Digits));
/// assert_eq!(Code::parse("40605B"), Err(CodeError::Character));
/// # Ok::<(), CodeError>(())
/// ```
#[derive(Clone)]
pub struct Code(Zeroizing<String>);

/// Why a text is no code.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Fewer digits than 6 or more than 8.
    #[error("a code has from 6 to 8 digits")]
    Digits,
    /// A character that is neither a digit nor one of those that stand between digits.
    #[error("a code has digits only")]
    Character,
    /// More octets than [`Code::MAX_INPUT`].
    #[error("this is too long for a code")]
    Long,
}

impl CodeError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Digits => "otp.code.digits",
            Self::Character => "otp.code.character",
            Self::Long => "otp.code.long",
        }
    }
}

impl Code {
    /// The most octets of what was typed.
    pub const MAX_INPUT: usize = 128;
    /// The fewest digits.
    pub const MIN_DIGITS: usize = 6;
    /// The most digits.
    pub const MAX_DIGITS: usize = 8;

    /// Reads what somebody typed or pasted: the decimal digits of any script, with white space, dashes, dots and invisible
    /// characters (such as marks of the writing direction) anywhere between them.
    ///
    /// # Errors
    /// [`CodeError`].
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        if text.len() > Self::MAX_INPUT {
            return Err(CodeError::Long);
        }
        // With room for all of them, so that no part is left behind in memory.
        let mut code = Zeroizing::new(String::with_capacity(Self::MAX_DIGITS));
        for character in text.chars().filter(|&c| !is_between(c)) {
            let digit = digits::ascii(character).ok_or(CodeError::Character)?;
            if code.len() == Self::MAX_DIGITS {
                return Err(CodeError::Digits);
            }
            code.push(digit);
        }
        match code.len() {
            ..Self::MIN_DIGITS => Err(CodeError::Digits),
            _ => Ok(Self(code)),
        }
    }

    /// Its digits, in ASCII: to show them, and for tests.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What a [`Code`] consists of: digits in ASCII, as many as a code has.
    pub(super) fn of(digits: Zeroizing<String>) -> Self {
        Self(digits)
    }
}

/// What people put between characters, and programs around them: it has no meaning.
pub(super) fn is_between(character: char) -> bool {
    let invisible = matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}');
    let dash = matches!(
        character,
        '-' | '\u{58a}' | '\u{5be}' | '\u{1806}' | '\u{2010}'
            ..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
    );
    let dot = matches!(
        character,
        '.' | '\u{b7}'
            | '\u{2024}'
            | '\u{2027}'
            | '\u{2219}'
            | '\u{22c5}'
            | '\u{3002}'
            | '\u{30fb}'
            | '\u{ff0e}'
    );
    character.is_whitespace() || invisible || dash || dot
}

/// In a time that does not tell where they differ.
impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Code {}

/// Without its digits.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_code_is_refused() {
        for (text, why) in [
            ("", CodeError::Digits),
            ("12345", CodeError::Digits),
            ("123456789", CodeError::Digits),
            ("12345a", CodeError::Character),
            ("+123456", CodeError::Character),
            ("123,456", CodeError::Character),
            ("123456\0", CodeError::Character),
            // Digits that are not decimal: circled, superscript, Roman, Chinese.
            ("①②③④⑤⑥", CodeError::Character),
            ("¹²³⁴⁵⁶", CodeError::Character),
            ("ⅠⅡⅢⅣⅤⅥ", CodeError::Character),
            ("一二三四五六", CodeError::Character),
            (&" ".repeat(129), CodeError::Long),
            (&"1".repeat(1_000_000), CodeError::Long),
        ] {
            assert_eq!(Code::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn what_stands_between_digits_has_no_meaning() {
        for text in [
            "\u{feff}123456\r\n",
            "123\u{a0}456",
            "123\u{202f}456",
            "\u{202d}123456\u{202c}",
            "\u{2067}123456\u{2069}",
            "1-2-3-4-5-6",
            "12·34·56",
            "123\u{2013}456",
            "1\u{fe0f}23456",
            "...123456...",
        ] {
            assert_eq!(Code::parse(text).unwrap().expose(), "123456", "{text:?}");
        }
        let eight = Code::parse("1234 5678").unwrap();
        assert_eq!(eight.expose(), "12345678");
    }

    #[test]
    fn a_code_is_not_shown() {
        let code = Code::parse("123456").unwrap();
        assert_eq!(format!("{code:?}"), "Code(..)");
        assert_ne!(code, Code::parse("123457").unwrap());
        assert_ne!(code, Code::parse("1234567").unwrap());
    }
}
