//! Encoded words (RFC 2047): read in what a stranger wrote, and written in fields of our own.

use base64::{
    Engine, alphabet,
    engine::{
        DecodePaddingMode::Indifferent,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD},
    },
};

/// Readers forgive a wrong padding.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(Indifferent),
);

/// A field's value as mail clients show it. What cannot be decoded stays as it is: UTF-8, US-ASCII
/// and ISO 8859-1 are known.
pub(super) fn decode(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    // Octets of adjacent words, which may have a character cut in two.
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("=?") {
        let (before, from_word) = rest.split_at(start);
        let word = Word::parse(from_word);
        // RFC 2047 §6.2: white space between two encoded words is not shown.
        if octets.is_empty() || word.is_none() || !before.trim_ascii().is_empty() {
            shown.push_str(&String::from_utf8_lossy(&octets));
            octets.clear();
            shown.push_str(before);
        }
        match word {
            Some(word) => {
                octets.extend(word.octets);
                rest = word.rest;
            }
            None => {
                shown.push_str("=?");
                rest = from_word.get(2..).unwrap_or_default();
            }
        }
    }
    shown.push_str(&String::from_utf8_lossy(&octets));
    shown.push_str(rest);
    shown
}

/// One encoded word.
struct Word<'t> {
    /// In UTF-8.
    octets: Vec<u8>,
    rest: &'t str,
}

impl<'t> Word<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let mut parts = text.strip_prefix("=?")?.splitn(3, '?');
        let (charset, encoding, coded) = (parts.next()?, parts.next()?, parts.next()?);
        let (coded, rest) = coded.split_once("?=")?;
        let octets = match encoding {
            "B" | "b" => FORGIVING.decode(coded).ok()?,
            "Q" | "q" => quoted(coded.as_bytes()),
            _ => return None,
        };
        // RFC 2231 §5: a language may follow the charset.
        let charset = charset.split('*').next()?.to_ascii_lowercase();
        let octets = match charset.as_str() {
            "utf-8" | "us-ascii" => octets,
            "iso-8859-1" => {
                let text: String = octets.iter().map(|&octet| char::from(octet)).collect();
                text.into_bytes()
            }
            _ => return None,
        };
        Some(Self { octets, rest })
    }
}

/// RFC 2047 §4.2.
fn quoted(mut text: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let digit = |octet: u8| char::from(octet).to_digit(16);
    while let Some((&octet, after)) = text.split_first() {
        text = after;
        octets.push(match (octet, after) {
            (b'=', &[high, low, ref after @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    text = after;
                    (high * 16 + low) as u8
                }
                _ => octet,
            },
            (b'_', _) => b' ',
            _ => octet,
        });
    }
    octets
}

/// A header field's value: as it is, if it is short ASCII; in encoded words otherwise.
pub(crate) fn encode(text: &str) -> String {
    // A stranger's own encoded word must stay text here, or a mail client would decode it.
    if text.is_ascii() && text.len() <= 60 && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words: Vec<String> = vec![String::new()];
    for c in text.chars() {
        // RFC 2047 §2: an encoded word has at most 75 characters, and its line 76: "Subject: ", 52
        // of base64, and the frame of 12.
        match words.last_mut() {
            Some(word) if word.len() + c.len_utf8() <= 39 => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let words = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    words.collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_read_as_clients_read_them() {
        for (coded, text) in [
            ("plain =? not a word ?=", "plain =? not a word ?="),
            (
                "=?utf-8?Q?Gr=C3=BC=C3=9Fe_to_you?= !",
                "Gr\u{fc}\u{df}e to you !",
            ),
            ("=?UTF-8?b?w6Q=?=\t =?utf-8*de?B?w6Q?=", "\u{e4}\u{e4}"),
            // A character cut in two, as careless senders do.
            ("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "\u{fc}"),
            ("=?iso-8859-1?q?=E4?= a", "\u{e4} a"),
            ("=?koi8-r?q?=E4?=", "=?koi8-r?q?=E4?="),
            ("=?utf-8?Q?=FF?=", "\u{fffd}"),
            ("=?utf-8?x?a?= =?", "=?utf-8?x?a?= =?"),
            ("=?utf-8?q?=4?=", "=4"),
        ] {
            assert_eq!(decode(coded), text, "{coded}");
        }
    }

    #[test]
    fn written_words_are_whole() {
        assert_eq!(encode("plain"), "plain");
        assert_eq!(encode("\u{e4}"), "=?utf-8?B?w6Q=?=");
        let long = format!("Subject: {}", encode(&"\u{e4}".repeat(100)));
        assert!(long.split("\r\n").all(|line| line.len() <= 76));
        assert!(!encode("=?utf-8?B?eA==?=").contains("=?utf-8?B?eA==?="));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(text in "\\PC{0,80}") {
            let written = encode(&text).replace("\r\n", "");
            prop_assert!(written.bytes().all(|octet| (b' '..=b'~').contains(&octet)));
            prop_assert_eq!(decode(&written), text);
        }

        #[test]
        fn nothing_panics(text in "[=?utf8qBb_-]{0,40}") {
            decode(&text);
        }
    }
}
