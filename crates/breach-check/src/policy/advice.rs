//! How easily a password is guessed, as advice: the only module that names zxcvbn.

use std::fmt;

use zxcvbn::feedback::{Suggestion, Warning};
use zxcvbn::{Score, zxcvbn};

use super::{Candidate, Context, Language};

/// How easily a password is guessed by somebody who knows how people choose them, as [zxcvbn](https://docs.rs/zxcvbn)
/// estimates it. It refuses nothing: SP 800-63B-4 §3.1.1.2 wants no other rules than length and a list, and guidance.
#[derive(Clone, PartialEq)]
pub struct Advice {
    score: u8,
    guesses_log10: f64,
    warning: Option<Warning>,
    suggestions: Vec<Suggestion>,
}

/// Without what was found, which tells about the password.
impl fmt::Debug for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Advice({}/4)", self.score)
    }
}

impl Advice {
    /// Only so many code points are looked at, so that every number of the estimate stays in range, and its time short. What is
    /// longer is harder to guess than the estimate says.
    pub const MAX_CHARS: usize = 28;
    /// Only so many words of the context are looked for.
    pub const MAX_WORDS: usize = 20;

    /// Of a password; the words of the context count as known to whoever guesses.
    #[must_use]
    pub fn of(candidate: &Candidate, context: &Context) -> Self {
        let text = candidate.text().unwrap_or_default();
        let end = text.char_indices().nth(Self::MAX_CHARS);
        let text = end.and_then(|(end, _)| text.get(..end)).unwrap_or(text);
        let words: Vec<String> = context.words().take(Self::MAX_WORDS).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let found = zxcvbn(text, &words);
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
            warning: found.feedback().and_then(|it| it.warning()),
            suggestions: found
                .feedback()
                .map_or_else(Vec::new, |it| it.suggestions().to_vec()),
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

    /// What makes it easy to guess, and what would help; nothing from a score of 3 on.
    #[must_use]
    pub fn guidance(&self, language: Language) -> Vec<&'static str> {
        let warning = self.warning.map(|it| warning(it, language));
        let suggestions = self.suggestions.iter().map(|it| suggestion(*it, language));
        warning.into_iter().chain(suggestions).collect()
    }
}

fn warning(warning: Warning, language: Language) -> &'static str {
    let (english, german) = match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess => (
            "Rows of keys are easy to guess.",
            "Tastenreihen sind leicht zu erraten.",
        ),
        Warning::ShortKeyboardPatternsAreEasyToGuess => (
            "Short patterns on the keyboard are easy to guess.",
            "Kurze Muster auf der Tastatur sind leicht zu erraten.",
        ),
        Warning::RepeatsLikeAaaAreEasyToGuess => (
            "Repetitions like \"aaa\" are easy to guess.",
            "Wiederholungen wie „aaa“ sind leicht zu erraten.",
        ),
        Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => (
            "Repetitions like \"abcabc\" are hardly harder to guess than \"abc\".",
            "Wiederholungen wie „abcabc“ sind kaum schwerer zu erraten als „abc“.",
        ),
        Warning::ThisIsATop10Password
        | Warning::ThisIsATop100Password
        | Warning::ThisIsACommonPassword => (
            "This is a very common password.",
            "Dieses Passwort ist sehr häufig.",
        ),
        Warning::ThisIsSimilarToACommonlyUsedPassword => (
            "This resembles a common password.",
            "Dies ähnelt einem häufigen Passwort.",
        ),
        Warning::SequencesLikeAbcAreEasyToGuess => (
            "Sequences like \"abc\" are easy to guess.",
            "Folgen wie „abc“ sind leicht zu erraten.",
        ),
        Warning::RecentYearsAreEasyToGuess => (
            "Recent years are easy to guess.",
            "Jahreszahlen der letzten Zeit sind leicht zu erraten.",
        ),
        Warning::AWordByItselfIsEasyToGuess => (
            "A single word is easy to guess.",
            "Ein einzelnes Wort ist leicht zu erraten.",
        ),
        Warning::DatesAreOftenEasyToGuess => (
            "Dates are often easy to guess.",
            "Daten sind oft leicht zu erraten.",
        ),
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
        | Warning::CommonNamesAndSurnamesAreEasyToGuess => {
            ("Names are easy to guess.", "Namen sind leicht zu erraten.")
        }
    };
    match language {
        Language::English => english,
        Language::German => german,
    }
}

fn suggestion(suggestion: Suggestion, language: Language) -> &'static str {
    let (english, german) = match suggestion {
        Suggestion::UseAFewWordsAvoidCommonPhrases => (
            "Take several words, and no known phrase.",
            "Nehmen Sie mehrere Wörter und keine bekannte Wendung.",
        ),
        Suggestion::NoNeedForSymbolsDigitsOrUppercaseLetters => (
            "Digits, symbols and capitals are not needed.",
            "Ziffern, Sonderzeichen und Großbuchstaben sind nicht nötig.",
        ),
        Suggestion::AddAnotherWordOrTwo => (
            "Add a word or two that are rare.",
            "Fügen Sie ein oder zwei seltene Wörter hinzu.",
        ),
        Suggestion::CapitalizationDoesntHelpVeryMuch => (
            "A capital letter helps little.",
            "Ein Großbuchstabe hilft wenig.",
        ),
        Suggestion::AllUppercaseIsAlmostAsEasyToGuessAsAllLowercase => (
            "Capitals alone help little.",
            "Nur Großbuchstaben helfen wenig.",
        ),
        Suggestion::ReversedWordsArentMuchHarderToGuess => (
            "A word that is turned round is hardly harder to guess.",
            "Ein umgedrehtes Wort ist kaum schwerer zu erraten.",
        ),
        Suggestion::PredictableSubstitutionsDontHelpVeryMuch => (
            "Replacing letters, such as a by @, helps little.",
            "Buchstaben zu ersetzen, etwa a durch @, hilft wenig.",
        ),
        Suggestion::UseALongerKeyboardPatternWithMoreTurns | Suggestion::AvoidSequences => (
            "Avoid sequences and rows of keys.",
            "Vermeiden Sie Folgen und Tastenreihen.",
        ),
        Suggestion::AvoidRepeatedWordsAndCharacters => {
            ("Avoid repetitions.", "Vermeiden Sie Wiederholungen.")
        }
        Suggestion::AvoidRecentYears
        | Suggestion::AvoidYearsThatAreAssociatedWithYou
        | Suggestion::AvoidDatesAndYearsThatAreAssociatedWithYou => (
            "Avoid years and dates that have to do with you.",
            "Vermeiden Sie Jahre und Daten, die mit Ihnen zu tun haben.",
        ),
    };
    match language {
        Language::English => english,
        Language::German => german,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Advice {
        Advice::of(&Candidate::new(text), &Context::new())
    }

    #[test]
    fn what_people_choose_is_advised_against_in_both_languages() {
        for weak in [
            "password",
            "12345678",
            "qwertyuiop",
            "aaaaaaaaaaaaaaaaaaaa",
            "27.11.1984",
            "",
        ] {
            let advice = of(weak);
            assert!(advice.score() < 3, "{weak}");
            let [english, german] =
                [Language::English, Language::German].map(|it| advice.guidance(it));
            assert!(!english.is_empty() && english.len() == german.len() && english != german);
        }
        let strong = of("wrist orbit mango velvet idle");
        assert!(strong.score() == 4 && strong.guidance(Language::English).is_empty());
        let (alone, known) = ("bob.example2026", Context::new().user("bob.example"));
        assert!(
            Advice::of(&Candidate::new(alone), &known).guesses_log10() < of(alone).guesses_log10()
        );
    }

    #[test]
    fn what_is_long_costs_no_more() {
        let long = "añ".repeat(1000);
        let start: String = long.chars().take(Advice::MAX_CHARS).collect();
        assert_eq!(of(&long), of(&start));
        // Walks over two keys, on a keyboard and a keypad, with a turn at each.
        for keys in ["qw", "qW", "14", "5263"] {
            assert!(of(&keys.repeat(1000)).score() <= 4);
        }
        assert_eq!(format!("{:?}", of("x")), "Advice(0/4)");
    }
}
