//! Secrets as people read and type them: five bits a character, none that is taken for another.

use zeroize::Zeroizing;

/// No I, L, O and U.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Most octets of a text that are looked at.
pub(crate) const MAX_TYPED: usize = 512;

/// How it is shown. It is read either way.
#[derive(Clone, Copy)]
pub(crate) enum Case {
    Upper,
    Lower,
}

/// Values of five bits, in groups of four.
pub(crate) fn write(values: &[u8], case: Case) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(values.len() + values.len() / 4));
    for (at, value) in values.iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push('-');
        }
        let letter = LETTERS.get(usize::from(value & 31)).copied();
        let letter = char::from(letter.unwrap_or(b'0'));
        text.push(match case {
            Case::Upper => letter,
            Case::Lower => letter.to_ascii_lowercase(),
        });
    }
    text
}

/// Exactly as many values as there is room for. Spaces, dashes and invisible characters are skipped; either case, full-width
/// letters, Arabic digits, and O for 0, I and L for 1 and U for V are taken.
pub(crate) fn read<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    if text.len() > MAX_TYPED {
        return None;
    }
    let mut values = Zeroizing::new([0; N]);
    let mut room = values.iter_mut();
    for c in text.chars().filter(|c| !is_skipped(*c)) {
        *room.next()? = value(c)?;
    }
    room.next().is_none().then_some(values)
}

/// Between groups, at the end of a pasted line, or where a text in another direction ends.
fn is_skipped(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '_' | '\u{ad}' | '\u{2212}' | '\u{feff}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
        )
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2010}'..='\u{2015}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}' | '\u{2066}'..='\u{2069}')
}

fn value(c: char) -> Option<u8> {
    let plain = match c {
        // Full-width forms.
        '\u{ff10}'..='\u{ff19}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}' => {
            char::from_u32(u32::from(c) - 0xfee0)?
        }
        // Arabic-Indic digits, and those of Persian and Urdu.
        '\u{660}'..='\u{669}' => char::from_digit(u32::from(c) - 0x660, 10)?,
        '\u{6f0}'..='\u{6f9}' => char::from_digit(u32::from(c) - 0x6f0, 10)?,
        c => c,
    };
    let letter = match plain.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        'U' => 'V',
        letter => letter,
    };
    let at = LETTERS.iter().position(|l| char::from(*l) == letter)?;
    u8::try_from(at).ok()
}

/// The number whose values these are, the most significant first: at most 25 of them.
pub(crate) fn number(values: &[u8]) -> u128 {
    values
        .iter()
        .fold(0, |number, value| number << 5 | u128::from(value & 31))
}

/// The last values of a number, the most significant first.
pub(crate) fn values_of(number: u128, into: &mut [u8]) {
    let mut rest = number;
    for value in into.iter_mut().rev() {
        *value = u8::try_from(rest & 31).unwrap_or_default();
        rest >>= 5;
    }
}

/// A text as nobody would want to have to type it: another way to write the same.
#[cfg(test)]
pub(crate) fn scribbled(text: &str, seed: u64) -> String {
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        let pick = seed.rotate_left(u32::try_from(at).unwrap() * 7) % 6;
        let c = match (c, pick) {
            ('-', 0) => ' ',
            ('-', 1) => '\u{2013}',
            ('-', 2) => '\u{200f}',
            ('0', 0 | 1) => 'o',
            ('1', 0) => 'l',
            ('1', 1) => 'I',
            ('v' | 'V', 0) => 'u',
            (c @ '0'..='9', 2) => char::from_u32(u32::from(c) - 0x30 + 0x660).unwrap(),
            (c, 3) if c.is_ascii_alphanumeric() => char::from_u32(u32::from(c) + 0xfee0).unwrap(),
            (c, 4) => c.to_ascii_lowercase(),
            (c, 5) => c.to_ascii_uppercase(),
            (c, _) => c,
        };
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_value_is_read_back_and_no_two_are_alike() {
        let all: Vec<u8> = (0..32).collect();
        for case in [Case::Upper, Case::Lower] {
            let text = write(&all, case);
            assert_eq!(read::<32>(&text).unwrap().as_slice(), all);
        }
        for c in "ILOUilou".chars() {
            assert!(!LETTERS.contains(&u8::try_from(c).unwrap()));
            assert!(value(c).is_some());
        }
    }

    #[test]
    fn too_short_too_long_and_foreign_is_refused() {
        for text in [
            "",
            "ABC",
            "ABCDE",
            "AB D!",
            "ABCÄ",
            "ABC\u{0}",
            &"A".repeat(600),
            &" ".repeat(600),
        ] {
            assert!(read::<4>(text).is_none(), "{text}");
        }
        assert!(read::<4>(&format!("{}ABCD", " ".repeat(MAX_TYPED - 4))).is_some());
    }

    proptest! {
        #[test]
        fn numbers_are_read_back(number in 0_u128..1 << 125) {
            let mut values = [0; 25];
            values_of(number, &mut values);
            prop_assert_eq!(super::number(&values), number);
        }

        #[test]
        fn what_is_typed_carelessly_is_the_same(values: [u8; 16], seed: u64) {
            let values = values.map(|value| value & 31);
            let text = scribbled(&write(&values, Case::Upper), seed);
            prop_assert_eq!(read::<16>(&text).map(|read| *read), Some(values));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = read::<16>(&text);
        }
    }
}
