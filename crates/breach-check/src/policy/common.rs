//! What is used most, told by rules: one repeated unit, sequences, walks over keyboards, and a short list of words.
//!
//! Who guesses tries these first, however long they are. A text is read as a row of decisions: a run of three or more
//! characters that follow each other, in the alphabet or on a keyboard, counts as two, any other character as one. What is
//! made of runs alone, or of fewer than [`DECISIONS`], is a pattern.

use zeroize::Zeroizing;

use super::fold::Folded;
use super::keyboard;
use super::{Candidate, Pattern, context};

/// A text of fewer decisions is a pattern.
const DECISIONS: usize = 7;
/// So many characters make a run.
const RUN: usize = 3;

/// Words of which passwords are made most, in lower case. Written for this crate from what is commonly known, in English and
/// German; no list was copied. The corpus knows the rest: what was seen 1,024 times or more.
///
/// The last two are what one code point of Unicode becomes in NFKC (U+FDFA, U+FDFB), so that one key is no password.
const LISTED: &[&str] = &[
    "password",
    "passwort",
    "passwd",
    "passphrase",
    "kennwort",
    "geheim",
    "geheimnis",
    "secret",
    "topsecret",
    "letmein",
    "openup",
    "welcome",
    "willkommen",
    "changeme",
    "aendermich",
    "changeit",
    "iloveyou",
    "loveyou",
    "ichliebedich",
    "admin",
    "administrator",
    "adminadmin",
    "root",
    "toor",
    "user",
    "login",
    "logon",
    "guest",
    "gast",
    "master",
    "default",
    "standard",
    "test",
    "testing",
    "temp",
    "temporary",
    "demo",
    "sample",
    "example",
    "beispiel",
    "hello",
    "hallo",
    "helloworld",
    "hallowelt",
    "qwerty",
    "qwertz",
    "azerty",
    "access",
    "zugang",
    "trustno",
    "monkey",
    "dragon",
    "shadow",
    "sunshine",
    "princess",
    "prinzessin",
    "football",
    "fussball",
    "baseball",
    "basketball",
    "soccer",
    "superman",
    "batman",
    "spiderman",
    "pokemon",
    "starwars",
    "whatever",
    "freedom",
    "freiheit",
    "charlie",
    "michael",
    "michelle",
    "jessica",
    "jennifer",
    "daniel",
    "thomas",
    "andreas",
    "sandra",
    "nicole",
    "schatz",
    "schatzi",
    "liebling",
    "engel",
    "angel",
    "butterfly",
    "schmetterling",
    "sommer",
    "summer",
    "winter",
    "herbst",
    "autumn",
    "spring",
    "fruehling",
    "monday",
    "montag",
    "friday",
    "freitag",
    "january",
    "januar",
    "december",
    "dezember",
    "computer",
    "internet",
    "samsung",
    "google",
    "facebook",
    "iphone",
    "mustang",
    "ferrari",
    "porsche",
    "mercedes",
    "berlin",
    "hamburg",
    "london",
    "correcthorsebatterystaple",
    "thequickbrownfox",
    "loremipsum",
    "abcdef",
    "asdf",
    "killer",
    "hunter",
    "ninja",
    "jesus",
    "cheese",
    "banana",
    "chocolate",
    "schokolade",
    "computer",
    "nothing",
    "nichts",
    "keinpasswort",
    "nopassword",
    "mypassword",
    "meinpasswort",
    "lassmichrein",
    "صلىاللهعليهوسلم",
    "جلجلاله",
];

/// By which rule the password is made, if by one: `minimum` is how many code points a password must have, and so what is
/// repeated, too.
pub(super) fn refuses(candidate: &Candidate, minimum: usize) -> Option<Pattern> {
    let text = candidate.text()?;
    let lower = text.chars().flat_map(char::to_lowercase);
    let lower: Zeroizing<Vec<char>> = Zeroizing::new(lower.collect());
    pattern(&lower, minimum).or_else(|| is_listed(text).then_some(Pattern::Listed))
}

/// One word of the list, however often, and what is left is no password by itself.
fn is_listed(text: &str) -> bool {
    let folded = Folded::of(text);
    LISTED.iter().any(|word| {
        let word: Vec<char> = word.chars().collect();
        let mut covered = vec![false; folded.chars.len()];
        context::cover(&folded, &word, &mut covered) > 0 && context::is_short(&folded, &covered)
    })
}

/// By which rule this is made, if by one.
pub(super) fn pattern(text: &[char], minimum: usize) -> Option<Pattern> {
    runs(text).or_else(|| {
        let unit = period(text);
        (2 * unit <= text.len() && unit < minimum).then_some(Pattern::Repeated)
    })
}

/// The length of the shortest unit that the text repeats, where its end may be cut: of `abcabca` that is 3.
pub(super) fn period(text: &[char]) -> usize {
    // Of each start of the text, how much of its end is a start of the text, too.
    let mut borders = vec![0_usize; text.len()];
    let at = |borders: &[usize], i: usize| borders.get(i).copied().unwrap_or(0);
    for i in 1..text.len() {
        let mut border = at(&borders, i - 1);
        while border > 0 && text.get(i) != text.get(border) {
            border = at(&borders, border - 1);
        }
        border += usize::from(text.get(i) == text.get(border));
        if let Some(slot) = borders.get_mut(i) {
            *slot = border;
        }
    }
    text.len() - borders.last().copied().unwrap_or(0)
}

fn runs(text: &[char]) -> Option<Pattern> {
    let (mut decisions, mut free) = (0, 0);
    let mut kind = None;
    let mut rest = text;
    while let [_, tail @ ..] = rest {
        let (length, found) = run(rest);
        if length >= RUN {
            decisions += 2;
            kind = worst(kind, found);
            rest = rest.get(length..).unwrap_or_default();
        } else {
            decisions += 1;
            free += 1;
            rest = tail;
        }
    }
    kind.filter(|_| free == 0 || decisions < DECISIONS)
}

/// The longest run at the beginning, and what it is.
fn run(text: &[char]) -> (usize, Pattern) {
    let (keys, order) = (keyboard::walk(text), in_order(text));
    match order.0 >= keys {
        true => order,
        false => (keys, Pattern::Keyboard),
    }
}

/// How many code points at the beginning follow each other, up or down, or are the same.
fn in_order(text: &[char]) -> (usize, Pattern) {
    let step = |pair: &[char]| match pair {
        [a, b] => i64::from(u32::from(*b)) - i64::from(u32::from(*a)),
        _ => i64::MAX,
    };
    let mut steps = text.windows(2).map(step);
    match steps.next() {
        Some(first @ -1..=1) => {
            let kind = if first == 0 {
                Pattern::Repeated
            } else {
                Pattern::Sequence
            };
            (2 + steps.take_while(|step| *step == first).count(), kind)
        }
        _ => (1, Pattern::Sequence),
    }
}

/// What is told of several runs: a keyboard before a sequence before a repetition.
fn worst(one: Option<Pattern>, two: Pattern) -> Option<Pattern> {
    Some(match (one, two) {
        (Some(Pattern::Keyboard), _) | (_, Pattern::Keyboard) => Pattern::Keyboard,
        (Some(Pattern::Sequence), _) | (_, Pattern::Sequence) => Pattern::Sequence,
        _ => two,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Pattern> {
        refuses(&Candidate::new(text), 8)
    }

    #[test]
    fn one_repeated_unit() {
        for text in [
            "aaaaaaaaaaaaaaaaaa",
            "abXabXabXabXabX",
            "k7Rk7Rk7Rk7Rk7",
            "zweiweg?zweiweg?z",
        ] {
            let minimum = 15;
            let found = refuses(&Candidate::new(text), minimum);
            assert_eq!(found, Some(Pattern::Repeated), "{text}");
        }
        // What is repeated is long enough by itself.
        assert_eq!(of("zweiwege?zweiwege?"), None);
        for (text, unit) in [
            ("", 0),
            ("a", 1),
            ("aa", 1),
            ("abcabca", 3),
            ("abcd", 4),
            ("aabaab", 3),
        ] {
            let text: Vec<char> = text.chars().collect();
            assert_eq!(period(&text), unit, "{text:?}");
        }
    }

    #[test]
    fn sequences_up_down_and_together() {
        for text in [
            "abcdefghijklmnop",
            "zyxwvutsr",
            "ABCDEFGH12345678",
            "87654321abc!",
            "αβγδεζηθικλ",
            "aaaabbbbcccc1234",
        ] {
            let found = of(text);
            let known = matches!(found, Some(Pattern::Sequence | Pattern::Keyboard));
            assert!(known, "{text}: {found:?}");
        }
        assert_eq!(of("Zwiebelkuchen123"), None);
    }

    #[test]
    fn walks_over_keyboards() {
        for text in [
            "qwertyuiopasdfgh",
            "qwertzuiopü+",
            "azertyuiopqsdf",
            "',.pyfgcrl",
            "1qaz2wsx3edc4rfv",
            "!QAZ@WSX#EDC",
            "1234567890-=",
            "147258369",
            "zaq12wsxcde3",
            "QWERTY123456!",
            "yxcvbnm,.-",
        ] {
            assert_eq!(of(text), Some(Pattern::Keyboard), "{text}");
        }
        for text in [
            "power tower prop 1",
            "tree house 7 Sand",
            "poiuy Zebra 9 Lack",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn words_of_the_list_and_little_else() {
        for text in [
            "Passw0rd2026!",
            "P@$$w0rd-1234567",
            "drowssap!!!!",
            "Sommer 2026",
            "iloveyouiloveyou",
            "summer-2026-!!!!!!!",
        ] {
            assert_eq!(of(text), Some(Pattern::Listed), "{text}");
        }
        for text in [
            "sommerregenwolke",
            "my password is a secret lie",
            "test tubes and teapots",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        // One key that types eighteen code points.
        assert_eq!(of("\u{fdfa}"), Some(Pattern::Listed));
    }

    #[test]
    fn what_dice_choose_is_no_pattern() {
        for text in [
            "wrist orbit mango velvet",
            "k7#Rq9!zB2",
            "Donaudampfschifffahrt",
            "正確的馬電池訂書針很好",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
