//! How a password is looked at by whoever guesses: without case, accents and separators, and with leet undone.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// A text as guessers see it.
pub(super) struct Folded {
    pub(super) chars: Zeroizing<Vec<char>>,
    /// Whether a separator, or nothing, stands before each character.
    begins: Vec<bool>,
}

impl Folded {
    pub(super) fn of(text: &str) -> Self {
        let mut chars = Zeroizing::new(Vec::with_capacity(4 * text.len()));
        let mut begins = Vec::new();
        let mut begin = true;
        for c in text.nfkd().filter(|c| !is_accent(*c)) {
            if is_separator(c) {
                begin = true;
                continue;
            }
            for c in c.to_uppercase().flat_map(char::to_lowercase) {
                if !is_accent(c) {
                    chars.push(if c == 'ς' { 'σ' } else { c });
                    begins.push(std::mem::take(&mut begin));
                }
            }
        }
        Self { chars, begins }
    }

    /// Whether what stands from `from` up to `to` is a word of its own, with no letter beside it.
    pub(super) fn is_apart(&self, from: usize, to: usize) -> bool {
        let begins = |at: usize| self.begins.get(at).copied().unwrap_or(true);
        let letter = |at: usize| self.chars.get(at).is_some_and(|c| c.is_alphabetic());
        let before = begins(from) || from.checked_sub(1).is_none_or(|at| !letter(at));
        before && (begins(to) || !letter(to))
    }
}

/// Separators that people put between words and within them.
pub(super) fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '_' | '.' | ',')
}

/// Accents of the Latin, Greek and Cyrillic scripts.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// What a character stands for in leet, besides itself.
pub(super) fn leet(c: char) -> &'static [char] {
    match c {
        '4' | '@' => &['a'],
        '8' => &['b'],
        '(' => &['c'],
        '3' | '€' => &['e'],
        '6' | '9' => &['g'],
        '1' | '!' | '|' => &['i', 'l'],
        '0' => &['o'],
        '5' | '$' => &['s'],
        '7' | '+' => &['t'],
        '2' => &['z'],
        _ => &[],
    }
}

/// Whether a character of a password may stand for this one of a word.
pub(super) fn stands_for(typed: char, meant: char) -> bool {
    typed == meant || leet(typed).contains(&meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_separators_go() {
        for (text, folded) in [
            ("Müller-Lüdenscheidt", "mullerludenscheidt"),
            ("Straße", "strasse"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
            ("İstanbul", "istanbul"),
            ("a b_c.d", "abcd"),
        ] {
            assert!(
                Folded::of(text).chars.iter().copied().eq(folded.chars()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_word_stands_apart_between_what_are_no_letters() {
        let folded = Folded::of("ann-Hanna 7ann7");
        // annhanna7ann7
        assert!(folded.is_apart(0, 3));
        assert!(!folded.is_apart(4, 7));
        assert!(folded.is_apart(9, 12));
    }
}
