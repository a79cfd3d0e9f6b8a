//! Encoded words (RFC 2047), for people to read.

use super::field::unfolded;
use super::transfer::from_base64;

/// A value as text: what is not understood stays as it is.
pub(super) fn decoded(value: &[u8]) -> String {
    let value = unfolded(value);
    let text = String::from_utf8_lossy(&value);
    let mut out = String::with_capacity(text.len());
    let mut encoded = false;
    for (number, word) in text.split(' ').enumerate() {
        let plain = word_of(word);
        // RFC 2047 §6.2: blanks between two encoded words are not shown.
        if number > 0 && !(encoded && plain.is_some()) {
            out.push(' ');
        }
        encoded = plain.is_some();
        out.push_str(plain.as_deref().unwrap_or(word));
    }
    // Nothing that is decoded may begin another line, or be unseen.
    out.retain(|c| !c.is_control());
    out
}

fn word_of(word: &str) -> Option<String> {
    let inner = word.strip_prefix("=?")?.strip_suffix("?=")?;
    let mut parts = inner.split('?');
    let (charset, encoding, text) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let octets = match encoding {
        "B" | "b" => from_base64(text.as_bytes())?,
        "Q" | "q" => q(text)?,
        _ => return None,
    };
    // RFC 2231 §5: a language may follow.
    let charset = charset.split('*').next()?.to_ascii_lowercase();
    match charset.as_str() {
        "utf-8" | "us-ascii" => String::from_utf8(octets).ok(),
        "iso-8859-1" => Some(octets.into_iter().map(char::from).collect()),
        _ => None,
    }
}

fn q(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        out.push(match octet {
            b'_' => b' ',
            b'=' => {
                let mut digit = || char::from(octets.next()?).to_digit(16);
                u8::try_from(digit()? << 4 | digit()?).ok()?
            }
            other => other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        for (value, text) in [
            ("Dinner plans", "Dinner plans"),
            (
                "=?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?UTF-8?B?IGFu?= Ann",
                "Grüße an Ann",
            ),
            ("=?iso-8859-1*de?Q?f=FCr_dich?=", "für dich"),
            ("a =?utf-8?q?=0D=0ATo:_x?=", "a To: x"),
            (
                "=?x-odd?q?a?= =?utf-8?q?=ff?= =?utf-8?x?a?=",
                "=?x-odd?q?a?= =?utf-8?q?=ff?= =?utf-8?x?a?=",
            ),
        ] {
            assert_eq!(decoded(value.as_bytes()), text);
        }
    }
}
