//! Encoded words (RFC 2047), to see a display name as a reader's program shows it.

use base64::{Engine as _, engine::general_purpose};
use memchr::memmem;

/// Decodes what can be decoded; the rest stays as it is. Only UTF-8, US-ASCII and ISO 8859-1 are
/// known.
pub(crate) fn decode(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut shown = String::with_capacity(text.len());
    let mut rest = &*text;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, word) = rest.split_at(start);
        let Some((decoded, len)) = decode_word(word) else {
            shown.push_str(before);
            shown.push_str("=?");
            rest = word.get(2..).unwrap_or_default();
            after_word = false;
            continue;
        };
        // RFC 2047 §6.2: white space between two encoded words is not shown.
        if !after_word || !before.trim().is_empty() {
            shown.push_str(before);
        }
        shown.push_str(&decoded);
        rest = word.get(len..).unwrap_or_default();
        after_word = true;
    }
    shown.push_str(rest);
    shown
}

/// One encoded word at the front, and its length.
fn decode_word(text: &str) -> Option<(String, usize)> {
    // RFC 2047 §2 allows 75 octets; readers are not that strict.
    const MOST: usize = 1000;
    let inner = text.strip_prefix("=?")?;
    let mut parts = inner.splitn(3, '?');
    let (charset, encoding, tail) = (parts.next()?, parts.next()?, parts.next()?);
    // Not searched any further, so that the time stays linear.
    let near = tail.as_bytes();
    let end = memmem::find(near.get(..MOST + 2).unwrap_or(near), b"?=")?;
    let coded = tail.get(..end)?;
    let octets = match encoding {
        "B" | "b" => {
            let bare = coded.trim_end_matches('=');
            general_purpose::STANDARD_NO_PAD.decode(bare).ok()?
        }
        "Q" | "q" => quoted(coded),
        _ => return None,
    };
    // RFC 2231 §5: a language may follow the charset.
    let charset = charset.split('*').next()?.to_ascii_lowercase();
    let decoded = match &*charset {
        "iso-8859-1" | "windows-1252" => octets.iter().map(|&o| char::from(o)).collect(),
        _ => String::from_utf8_lossy(&octets).into_owned(),
    };
    let len = text.len() - tail.len() + end + 2;
    Some((decoded, len))
}

/// RFC 2047 §4.2.
fn quoted(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        let hex = |at: usize| after.get(at).and_then(|&o| char::from(o).to_digit(16));
        match (octet, hex(0), hex(1)) {
            (b'=', Some(high), Some(low)) => {
                octets.push((high * 16 + low) as u8);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'_', _, _) => octets.push(b' '),
            _ => octets.push(octet),
        }
    }
    octets
}
