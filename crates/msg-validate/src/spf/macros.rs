//! Macros (RFC 7208 §7): text with placeholders, checked when it is parsed, filled in later.

use std::{borrow::Cow, fmt::Write};

/// A checked `domain-spec` or `explain-string`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Template<'a> {
    text: &'a str,
    has_macros: bool,
}

/// Octets of what one macro stands for. A mailbox, the longest of them, has at most 320
/// (RFC 5321 §4.5.3.1).
const LONGEST_VALUE: usize = 512;

/// What a macro letter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    Sender,
    Local,
    SenderDomain,
    Domain,
    Ip,
    ValidatedName,
    Version,
    Helo,
    /// In explanations only, as the next two.
    ReadableIp,
    Receiver,
    Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Literal(&'a str),
    /// What `%%`, `%_` or `%-` stands for.
    Escape(&'static str),
    Macro(Macro<'a>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Macro<'a> {
    letter: Letter,
    /// RFC 7208 §7.3: "Uppercase macros expand exactly as the lowercase macros, and are then URL
    /// escaped."
    escaped: bool,
    /// How many parts on the right are kept.
    parts: usize,
    reversed: bool,
    /// Empty is a dot.
    delimiters: &'a str,
}

/// Cuts text at its macros. After a mistake, `None` in place of a piece, it ends.
#[derive(Clone, Debug)]
struct Pieces<'a>(&'a str);

impl<'a> Template<'a> {
    /// `domain-spec` (RFC 7208 §7.1): ends in a macro, or in a dot and a top label.
    pub(super) fn domain_spec(text: &'a str) -> Option<Self> {
        let mut has_macros = false;
        let mut end = None;
        for piece in Pieces(text) {
            let piece = piece?;
            // RFC 7208 §7.2: "The following macro letters are allowed only in "exp" text"
            if let Piece::Macro(m) = piece
                && m.letter.is_for_explanations()
            {
                return None;
            }
            has_macros |= !matches!(piece, Piece::Literal(_));
            end = Some(piece);
        }
        let good = match end? {
            Piece::Literal(literal) => ends_in_top_label(literal),
            Piece::Escape(_) | Piece::Macro(_) => true,
        };
        good.then_some(Self { text, has_macros })
    }

    /// `explain-string` (RFC 7208 §6.2).
    pub(super) fn explanation(text: &'a str) -> Option<Self> {
        let printable = |c: char| c == ' ' || c.is_ascii_graphic();
        (text.chars().all(printable) && Pieces(text).all(|piece| piece.is_some())).then_some(Self {
            text,
            has_macros: true,
        })
    }

    /// Whether this is a `macro-string`, as the value of an unknown modifier must be.
    pub(super) fn is_macro_string(text: &str) -> bool {
        Pieces(text).all(|piece| piece.is_some())
    }

    /// Whether a macro of this kind occurs.
    pub(super) fn uses(&self, letters: &[Letter]) -> bool {
        self.has_macros
            && Pieces(self.text)
                .flatten()
                .any(|piece| matches!(piece, Piece::Macro(m) if letters.contains(&m.letter)))
    }

    /// Fills in the macros. `None` when that makes more than `most` octets, or a value has more than
    /// [`LONGEST_VALUE`]: a transformer that keeps little of it would be as much work.
    pub(super) fn expand<'v, E>(
        &self,
        most: usize,
        mut value: impl FnMut(Letter) -> Result<Cow<'v, str>, E>,
    ) -> Result<Option<Cow<'a, str>>, E> {
        if !self.has_macros {
            return Ok(Some(Cow::Borrowed(self.text)));
        }
        let mut out = String::with_capacity(64);
        for piece in Pieces(self.text).flatten() {
            match piece {
                Piece::Literal(text) | Piece::Escape(text) => out.push_str(text),
                Piece::Macro(m) => match value(m.letter)? {
                    value if value.len() > LONGEST_VALUE => return Ok(None),
                    value => m.push(&value, &mut out),
                },
            }
            if out.len() > most {
                return Ok(None);
            }
        }
        Ok(Some(Cow::Owned(out)))
    }
}

/// RFC 7208 §7.1: `toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" )
/// alphanum )`, after a dot, before an optional one.
fn ends_in_top_label(literal: &str) -> bool {
    let literal = literal.strip_suffix('.').unwrap_or(literal);
    let Some((_, label)) = literal.rsplit_once('.') else {
        return false;
    };
    let octets = label.as_bytes();
    let alphanumeric = |octet: Option<&u8>| octet.is_some_and(u8::is_ascii_alphanumeric);
    alphanumeric(octets.first())
        && alphanumeric(octets.last())
        && octets
            .iter()
            .all(|&o| o.is_ascii_alphanumeric() || o == b'-')
        && !octets.iter().all(u8::is_ascii_digit)
}

impl Letter {
    /// The letter, and whether it is in upper case.
    fn parse(letter: u8) -> Option<(Self, bool)> {
        let kind = match letter.to_ascii_lowercase() {
            b's' => Self::Sender,
            b'l' => Self::Local,
            b'o' => Self::SenderDomain,
            b'd' => Self::Domain,
            b'i' => Self::Ip,
            b'p' => Self::ValidatedName,
            b'v' => Self::Version,
            b'h' => Self::Helo,
            b'c' => Self::ReadableIp,
            b'r' => Self::Receiver,
            b't' => Self::Time,
            _ => return None,
        };
        Some((kind, letter.is_ascii_uppercase()))
    }

    fn is_for_explanations(self) -> bool {
        matches!(self, Self::ReadableIp | Self::Receiver | Self::Time)
    }
}

impl<'a> Macro<'a> {
    /// From what stands between the braces.
    fn parse(text: &'a str) -> Option<Self> {
        let (letter, escaped) = Letter::parse(*text.as_bytes().first()?)?;
        let rest = text.get(1..)?;
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let parts = match rest.strip_suffix(after)? {
            "" => usize::MAX,
            // More parts than fit a number are all of them.
            digits => digits.parse().unwrap_or(usize::MAX),
        };
        let delimiters = after.strip_prefix(['r', 'R']);
        let macro_ = Self {
            letter,
            escaped,
            parts,
            reversed: delimiters.is_some(),
            delimiters: delimiters.unwrap_or(after),
        };
        // RFC 7208 §7.3: "If a DIGIT is specified, the value MUST be nonzero."
        let good = parts > 0 && macro_.delimiters.bytes().all(|o| b".-+,/_=".contains(&o));
        good.then_some(macro_)
    }

    fn push(&self, value: &str, out: &mut String) {
        let plain = self.parts == usize::MAX && !self.reversed && self.delimiters.is_empty();
        if plain {
            return self.push_part(value, out);
        }
        let is_delimiter = |c: char| match self.delimiters {
            "" => c == '.',
            some => some.contains(c),
        };
        let count = value.matches(is_delimiter).count() + 1;
        let skipped = count.saturating_sub(self.parts);
        let mut first = true;
        let mut push = |part: &str| {
            if !std::mem::take(&mut first) {
                out.push('.');
            }
            self.push_part(part, out);
        };
        if self.reversed {
            (value.rsplit(is_delimiter).skip(skipped)).for_each(&mut push);
        } else {
            (value.split(is_delimiter).skip(skipped)).for_each(&mut push);
        }
    }

    fn push_part(&self, part: &str, out: &mut String) {
        if !self.escaped {
            return out.push_str(part);
        }
        for octet in part.bytes() {
            // RFC 3986 §2.3: `unreserved = ALPHA / DIGIT / "-" / "." / "_" / "~"`
            if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
                out.push(char::from(octet));
            } else {
                let _ = write!(out, "%{octet:02X}");
            }
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Option<Piece<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0;
        if text.is_empty() {
            return None;
        }
        let (piece, rest) = match text.find('%') {
            None => (Some(Piece::Literal(text)), ""),
            Some(0) => match Self::expand(text) {
                Some((piece, rest)) => (Some(piece), rest),
                None => (None, ""),
            },
            Some(at) => match text.split_at_checked(at) {
                Some((literal, rest)) => (Some(Piece::Literal(literal)), rest),
                None => (None, ""),
            },
        };
        self.0 = rest;
        Some(piece)
    }
}

impl<'a> Pieces<'a> {
    /// A `macro-expand` at the front, and what follows it.
    fn expand(text: &'a str) -> Option<(Piece<'a>, &'a str)> {
        let rest = text.get(2..)?;
        match text.as_bytes().get(1)? {
            b'%' => Some((Piece::Escape("%"), rest)),
            b'_' => Some((Piece::Escape(" "), rest)),
            b'-' => Some((Piece::Escape("%20"), rest)),
            b'{' => {
                let (inside, rest) = rest.split_once('}')?;
                Some((Piece::Macro(Macro::parse(inside)?), rest))
            }
            // RFC 7208 §7.1: "A '%' character not followed by a '{', '%', '-', or '_' character
            // is a syntax error"
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str, value: &'static str) -> String {
        let template = Template::explanation(text).unwrap();
        let expanded = template.expand(1000, |_| Ok::<_, ()>(value.into()));
        expanded.unwrap().unwrap().into_owned()
    }

    #[test]
    fn transformers_split_keep_and_reverse() {
        assert_eq!(expand("%{d}", "a.b.c"), "a.b.c");
        assert_eq!(expand("%{d2}", "a.b.c"), "b.c");
        assert_eq!(expand("%{d9}", "a.b.c"), "a.b.c");
        assert_eq!(expand("%{dr}", "a.b.c"), "c.b.a");
        assert_eq!(expand("%{d1R}", "a.b.c"), "a");
        assert_eq!(expand("%{l-}", "a-b.c"), "a.b.c");
        assert_eq!(expand("%{lr-+}", "a-b+c.d"), "c.d.b.a");
        assert_eq!(expand("%{l1-}", ""), "");
        assert_eq!(expand("%{l2}", "a..b"), ".b");
    }

    #[test]
    fn upper_case_escapes() {
        assert_eq!(
            expand("%{L}", "~jack&jill=up-a_b3.c"),
            "~jack%26jill%3Dup-a_b3.c"
        );
        assert_eq!(expand("%{L}", "\u{fc}"), "%C3%BC");
        assert_eq!(expand("%%%_%-%{l}", "x"), "% %20x");
    }

    #[test]
    fn a_domain_ends_in_a_macro_or_a_top_label() {
        for good in [
            "a.b",
            "%{d}",
            "a.%{d}",
            "x%%",
            "x%_",
            "%-",
            "a.%{d}.b.",
            "a.b-c",
            "%{i}.x1",
        ] {
            assert!(Template::domain_spec(good).is_some(), "{good}");
        }
        for bad in [
            "", "a", ".", "a.", "%{d}a", "%{d}.", "x%%-", "a.1", "a.b_c", "a.-b", "a.b-", "%{t}.a",
        ] {
            assert!(Template::domain_spec(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_expansion_has_a_limit() {
        let template = Template::domain_spec("%{l}%{l}%{l}.x").unwrap();
        let expanded = template.expand(20, |_| Ok::<_, ()>("0123456789".into()));
        assert_eq!(expanded, Ok(None));
        // What is left of it would fit.
        let template = Template::domain_spec("%{l1}.x").unwrap();
        let expand = |value: String| template.expand(20, |_| Ok::<_, ()>(value.clone().into()));
        let longest = "0".repeat(LONGEST_VALUE - 4) + ".345";
        assert_eq!(expand(longest.clone()), Ok(Some("345.x".into())));
        assert_eq!(expand(longest + "6"), Ok(None));
    }
}
