//! What people do to a password that they have or may no longer use, undone: from `Summer2027!` to what it may come from.

use zeroize::Zeroizing;

use super::common;
use super::fold::{is_separator, leet};

type Text = Zeroizing<String>;

/// One of the [`TWEAKS`]: its name, and how it is undone.
type Tweak = (&'static str, fn(&str) -> Text);

/// The fifty usual ones.
const TWEAKS: [Tweak; 50] = [
    // Letters whose case was changed.
    ("first letter to lower case", |t| {
        first(t, |c| c.to_lowercase().collect())
    }),
    ("first letter to upper case", |t| {
        first(t, |c| c.to_uppercase().collect())
    }),
    ("all to lower case", lower),
    ("all to upper case", |t| {
        map(t, |c| c.to_uppercase().collect())
    }),
    ("case swapped", |t| map(t, swapped)),
    ("first letter alone in upper case", |t| {
        first(&lower(t), |c| c.to_uppercase().collect())
    }),
    // Something was added.
    ("without the last character", |t| without_last(t, 1)),
    ("without the last two", |t| without_last(t, 2)),
    ("without the last three", |t| without_last(t, 3)),
    ("without the last four", |t| without_last(t, 4)),
    ("without digits at the end", |t| {
        owned(t.trim_end_matches(char::is_numeric))
    }),
    ("without symbols at the end", |t| {
        owned(t.trim_end_matches(is_symbol))
    }),
    ("without digits and symbols at the end", |t| {
        owned(t.trim_end_matches(no_letter))
    }),
    ("without the first character", |t| {
        t.chars().skip(1).collect::<String>().into()
    }),
    ("without the first two", |t| {
        t.chars().skip(2).collect::<String>().into()
    }),
    ("without digits at the beginning", |t| {
        owned(t.trim_start_matches(char::is_numeric))
    }),
    ("without symbols at the beginning", |t| {
        owned(t.trim_start_matches(is_symbol))
    }),
    ("without digits and symbols at the beginning", |t| {
        owned(t.trim_start_matches(no_letter))
    }),
    ("without digits and symbols at both ends", |t| {
        owned(t.trim_matches(no_letter))
    }),
    ("without the first and the last character", |t| {
        without_last(t.get(first_len(t)..).unwrap_or_default(), 1)
    }),
    (
        "without digits and symbols at the end, in lower case",
        |t| lower(t.trim_end_matches(no_letter)),
    ),
    // A number was counted on.
    ("last number less one", |t| number(t, -1)),
    ("last number and one", |t| number(t, 1)),
    ("last number less two", |t| number(t, -2)),
    ("last number and two", |t| number(t, 2)),
    ("last number less ten", |t| number(t, -10)),
    ("1 for the last number", |t| {
        last_number(t, |_| "1".to_owned())
    }),
    ("123 for the last number", |t| {
        last_number(t, |_| "123".to_owned())
    }),
    ("a year of two digits for one of four", |t| {
        last_number(t, |n| {
            n.get(n.len().saturating_sub(2)..)
                .unwrap_or_default()
                .to_owned()
        })
    }),
    // Something was taken away, or exchanged, at the end.
    ("1 at the end", |t| with_end(t, 0, "1")),
    ("! at the end", |t| with_end(t, 0, "!")),
    ("123 at the end", |t| with_end(t, 0, "123")),
    ("12 at the end", |t| with_end(t, 0, "12")),
    ("! for the last character", |t| with_end(t, 1, "!")),
    ("1 for the last character", |t| with_end(t, 1, "1")),
    ("the last character once", once_at_the_end),
    // Letters for what looks like them.
    ("all of leet", |t| unleet(t, |_| true, 0)),
    ("all of leet, with l for 1", |t| unleet(t, |_| true, 1)),
    (
        "all of leet, without digits and symbols at the end, in lower case",
        |t| lower(&unleet(t.trim_end_matches(no_letter), |_| true, 0)),
    ),
    ("o for 0", |t| unleet(t, |c| c == '0', 0)),
    ("i for 1 and !", |t| {
        unleet(t, |c| matches!(c, '1' | '!'), 0)
    }),
    ("e for 3", |t| unleet(t, |c| c == '3', 0)),
    ("a for 4 and @", |t| {
        unleet(t, |c| matches!(c, '4' | '@'), 0)
    }),
    ("s for 5 and $", |t| {
        unleet(t, |c| matches!(c, '5' | '$'), 0)
    }),
    ("t for 7", |t| unleet(t, |c| c == '7', 0)),
    // Order and separators.
    ("without separators", |t| {
        t.chars()
            .filter(|c| !is_separator(*c))
            .collect::<String>()
            .into()
    }),
    ("spaces for separators", |t| {
        map(t, |c| {
            if is_separator(c) {
                ' '.into()
            } else {
                c.into()
            }
        })
    }),
    ("what is repeated, once", once),
    ("backwards", |t| t.chars().rev().collect::<String>().into()),
    ("the digits at the beginning at the end", rotated),
];

/// Shorter results are not looked for: they are too far from the password, or in every corpus.
const LEAST: usize = 6;
/// Nothing is undone of longer passwords, which hardly come from breached ones by a small change.
pub(super) const MOST: usize = 128;

/// What a password may come from by one of fifty usual changes: each differs from it and from the others, and has six code
/// points at least. Nothing for a password of more than 128. They are overwritten when they go.
#[derive(Clone)]
pub struct Tweaks<'a> {
    text: &'a str,
    left: std::slice::Iter<'static, Tweak>,
    seen: Vec<Text>,
}

impl<'a> Tweaks<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let all = if text.chars().nth(MOST).is_none() {
            &TWEAKS[..]
        } else {
            &[]
        };
        let (left, seen) = (all.iter(), Vec::with_capacity(all.len()));
        Self { text, left, seen }
    }
}

/// Without what it goes through.
impl std::fmt::Debug for Tweaks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tweaks(..)")
    }
}

impl Iterator for Tweaks<'_> {
    type Item = Zeroizing<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (_, undo) = self.left.next()?;
            let undone = undo(self.text);
            let is_new = *undone != self.text && !self.seen.contains(&undone);
            if is_new && undone.chars().nth(LEAST - 1).is_some() {
                self.seen.push(undone.clone());
                return Some(undone);
            }
        }
    }
}

fn owned(text: &str) -> Text {
    text.to_owned().into()
}

fn lower(text: &str) -> Text {
    map(text, |c| c.to_lowercase().collect())
}

fn map(text: &str, f: impl Fn(char) -> String) -> Text {
    let mut mapped = Zeroizing::new(String::with_capacity(4 * text.len()));
    text.chars().for_each(|c| mapped.push_str(&f(c)));
    mapped
}

fn swapped(c: char) -> String {
    match c.is_lowercase() {
        true => c.to_uppercase().collect(),
        false => c.to_lowercase().collect(),
    }
}

fn first(text: &str, f: impl Fn(char) -> String) -> Text {
    let mut chars = text.chars();
    let changed = chars.next().map(f).unwrap_or_default();
    (changed + chars.as_str()).into()
}

fn first_len(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

fn without_last(text: &str, n: usize) -> Text {
    with_end(text, n, "")
}

fn with_end(text: &str, without: usize, end: &str) -> Text {
    let mut chars = text.chars();
    for _ in 0..without {
        chars.next_back();
    }
    [chars.as_str(), end].concat().into()
}

fn is_symbol(c: char) -> bool {
    !c.is_alphanumeric()
}

fn no_letter(c: char) -> bool {
    !c.is_alphabetic()
}

/// With another number in place of the last one, of ASCII digits, which may stand before the end.
fn last_number(text: &str, f: impl Fn(&str) -> String) -> Text {
    let digit = |c: char| c.is_ascii_digit();
    let Some(last) = text.rfind(digit) else {
        return owned(text);
    };
    let (head, tail) = text.split_at_checked(last + 1).unwrap_or((text, ""));
    let start = head.trim_end_matches(digit);
    let digits = head.get(start.len()..).unwrap_or_default();
    [start, &f(digits), tail].concat().into()
}

/// With as many digits as before, if it had zeros in front.
fn number(text: &str, change: i64) -> Text {
    last_number(text, |digits| {
        let counted = digits
            .parse::<i64>()
            .ok()
            .and_then(|n| n.checked_add(change));
        match counted.filter(|n| *n >= 0) {
            Some(n) => format!("{n:0width$}", width = digits.len()),
            None => digits.to_owned(),
        }
    })
}

fn once_at_the_end(text: &str) -> Text {
    let Some(last) = text.chars().next_back() else {
        return owned(text);
    };
    with_end(
        text.trim_end_matches(last),
        0,
        last.encode_utf8(&mut [0; 4]),
    )
}

fn unleet(text: &str, which: impl Fn(char) -> bool, meaning: usize) -> Text {
    map(text, |c| {
        let letters = leet(c);
        let meant = letters
            .get(meaning)
            .or_else(|| letters.first())
            .filter(|_| which(c));
        meant.copied().unwrap_or(c).into()
    })
}

fn once(text: &str) -> Text {
    let chars: Zeroizing<Vec<char>> = Zeroizing::new(text.chars().collect());
    let unit = common::period(&chars);
    chars.iter().take(unit).collect::<String>().into()
}

fn rotated(text: &str) -> Text {
    let rest = text.trim_start_matches(char::is_numeric);
    let digits = text.strip_suffix(rest).unwrap_or_default();
    [rest, digits].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_fifty_is_undone() {
        let examples = [
            ("Zaubern", "zaubern"),
            ("zaubern", "Zaubern"),
            ("zAubErn", "zaubern"),
            ("zaubern", "ZAUBERN"),
            ("zAUBERN", "Zaubern"),
            ("zAUBern", "Zaubern"),
            ("zaubernx", "zaubern"),
            ("zaubernxy", "zaubern"),
            ("zaubernxyz", "zaubern"),
            ("zaubernwxyz", "zaubern"),
            ("zaubern2027", "zaubern"),
            ("zaubern1!?", "zaubern1"),
            ("zaubern1!2?", "zaubern"),
            ("xzaubern", "zaubern"),
            ("xyzaubern", "zaubern"),
            ("99zaubern", "zaubern"),
            ("!?9zaubern", "9zaubern"),
            ("!9zaubern", "zaubern"),
            ("1!zaubern!1", "zaubern"),
            ("xzauberny", "zaubern"),
            ("ZAUBERN27!", "zaubern"),
            ("zaubern21$", "zaubern20$"),
            ("zaubern09", "zaubern10"),
            ("zaubern2027", "zaubern2025"),
            ("zaubern7", "zaubern9"),
            ("zaubern2027", "zaubern2017"),
            ("zaubern47!", "zaubern1!"),
            ("zaubern4", "zaubern123"),
            ("zaubern2027!", "zaubern27!"),
            ("zaubern", "zaubern1"),
            ("zaubern", "zaubern!"),
            ("zaubern", "zaubern123"),
            ("zaubern", "zaubern12"),
            ("zaubern?", "zaubern!"),
            ("zaubern?", "zaubern1"),
            ("zaubern!!!", "zaubern!"),
            ("z@ub3rn!", "zauberni"),
            ("z@u1b3rn", "zaulbern"),
            ("Z@ub3rn2027!", "zaubern"),
            ("zauber0n", "zauberon"),
            ("zauber!n", "zauberin"),
            ("zaub3r5", "zauber5"),
            ("z@uber5", "zauber5"),
            ("zauber$7", "zaubers7"),
            ("zauber7$", "zaubert$"),
            ("zau-ber n", "zaubern"),
            ("zau-ber_n", "zau ber n"),
            ("zaubernzaubern", "zaubern"),
            ("nrebuaz", "zaubern"),
            ("123zaubern", "zaubern123"),
        ];
        for ((name, undo), (tweaked, before)) in TWEAKS.iter().zip(examples) {
            assert_eq!(*undo(tweaked), before, "{name}");
            assert!(Tweaks::of(tweaked).any(|text| *text == before), "{name}");
        }
        let names: std::collections::HashSet<_> = TWEAKS.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 50);
    }

    #[test]
    fn none_twice_none_short_none_of_what_is_long() {
        let found: Vec<_> = Tweaks::of("Summer2027!").collect();
        let distinct: std::collections::HashSet<_> =
            found.iter().map(|text| text.to_string()).collect();
        assert_eq!(distinct.len(), found.len());
        assert!(
            found
                .iter()
                .all(|text| text.chars().count() >= LEAST && **text != "Summer2027!")
        );
        assert_eq!(Tweaks::of(&"x7".repeat(MOST)).count(), 0);
        assert!(Tweaks::of(&"x7".repeat(MOST / 2)).count() > 0);
        for text in ["", "a", "1", "\u{301}", "ß", "99999999999999999999999"] {
            assert!(Tweaks::of(text).count() <= 50);
        }
    }
}
