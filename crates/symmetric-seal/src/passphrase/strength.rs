//! How easily a password is guessed: the only module that names zxcvbn.

use std::fmt;

use zxcvbn::{Score, zxcvbn};

use super::Passphrase;

/// How easily a password is guessed by somebody who knows how people choose them; an estimate of
/// [zxcvbn](https://github.com/dropbox/zxcvbn).
///
/// Whoever has the sealed message, and the server has it, tries passwords at the cost of one Argon2 each, a sixth of a
/// second on one core: attempt limits are no help there. 10^10 guesses are 50 years of one core.
#[derive(Clone, PartialEq)]
pub struct Strength {
    score: u8,
    guesses_log10: f64,
    warning: Option<String>,
    suggestions: Vec<String>,
}

/// Without what was found, which tells about the password.
impl fmt::Debug for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Strength({}/4)", self.score)
    }
}

impl Strength {
    /// Only so many characters are looked at, so that every number of the estimate stays in range, and its time short. What
    /// is longer is harder to guess than the estimate says.
    pub const MAX_CHARS: usize = 28;
    /// Only so many words are looked for.
    pub const MAX_WORDS: usize = 20;

    /// Of a text as it was typed.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::of_with(text, &[])
    }

    /// Also with words that a guesser would try first: the recipient's address and name, the subject, the hint. Of more
    /// than [`MAX_WORDS`](Self::MAX_WORDS) the first count.
    #[must_use]
    pub fn of_with(text: &str, words: &[&str]) -> Self {
        let words = words.iter().take(Self::MAX_WORDS).map(|word| start(word));
        let words: Vec<&str> = words.collect();
        let found = zxcvbn(start(text), &words);
        let feedback = found.feedback();
        Self {
            score: match found.score() {
                Score::Zero => 0,
                Score::One => 1,
                Score::Two => 2,
                Score::Three => 3,
                _ => 4,
            },
            // The logarithm of no guesses is no number to show.
            guesses_log10: found.guesses_log10().max(0.0),
            warning: feedback
                .and_then(|it| it.warning())
                .map(|it| it.to_string()),
            suggestions: feedback.map_or_else(Vec::new, |it| {
                it.suggestions().iter().map(ToString::to_string).collect()
            }),
        }
    }

    /// From 0 to 4: less than 10^3, 10^6, 10^8, 10^10 guesses, or more.
    #[must_use]
    pub fn score(&self) -> u8 {
        self.score
    }

    /// The decimal logarithm of the guesses that it takes, about.
    #[must_use]
    pub fn guesses_log10(&self) -> f64 {
        self.guesses_log10
    }

    /// Whether it withstands somebody who has the sealed message: at least 10^10 guesses.
    #[must_use]
    pub fn withstands_the_server(&self) -> bool {
        self.score >= 4
    }

    /// What is wrong with it, in a sentence (English).
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// What would help, in sentences (English).
    pub fn suggestions(&self) -> impl Iterator<Item = &str> {
        self.suggestions.iter().map(String::as_str)
    }
}

impl Passphrase {
    /// How easily it is guessed; octets that are no UTF-8 are judged as if each were a letter.
    #[must_use]
    pub fn strength(&self) -> Strength {
        match str::from_utf8(self.octets()) {
            Ok(text) => Strength::of(text),
            Err(_) => {
                let latin = self.octets().iter().take(Strength::MAX_CHARS);
                let latin: zeroize::Zeroizing<String> =
                    zeroize::Zeroizing::new(latin.map(|&octet| char::from(octet)).collect());
                Strength::of(&latin)
            }
        }
    }
}

fn start(text: &str) -> &str {
    let end = text.char_indices().nth(Strength::MAX_CHARS);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_choose_is_weak_and_what_dice_choose_is_not() {
        for weak in [
            "password",
            "12345678",
            "Passw0rd!",
            "qwertyuiop",
            "",
            "aaaaaaaaaaaaaaaaaaaa",
        ] {
            let strength = Strength::of(weak);
            assert!(
                strength.score() < 3 && !strength.withstands_the_server(),
                "{weak}"
            );
            assert!(strength.suggestions().count() > 0 && strength.guesses_log10() >= 0.0);
        }
        assert!(Strength::of("wrist orbit mango velvet idle").withstands_the_server());
        let named = "bob@example.net2026";
        let (alone, known) = (
            Strength::of(named),
            Strength::of_with(named, &["bob@example.net"]),
        );
        assert!(known.guesses_log10() + 2.0 < alone.guesses_log10());
        let octets = Passphrase::from_unprepared_octets([0xff; 40]);
        assert!(octets.strength().score() < 3);
    }

    #[test]
    fn what_is_long_costs_no_more() {
        let long = "añ".repeat(1_000_000);
        let start = start(&long);
        assert_eq!(start.chars().count(), Strength::MAX_CHARS);
        assert_eq!(Strength::of(&long), Strength::of(start));
        // Walks over two keys, on a keyboard and a keypad, with a turn at each.
        for keys in ["qw", "qW", "14", "5263"] {
            assert!(Strength::of(&keys.repeat(1000)).score() <= 4);
        }
        let word = &*long;
        assert_eq!(
            format!("{:?}", Strength::of_with("x", &[word; 1000])),
            "Strength(0/4)"
        );
    }
}
