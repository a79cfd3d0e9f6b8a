//! The syntax of RFC 3986, as far as it is needed.

use zeroize::Zeroizing;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Appends text, with everything escaped but what has no meaning anywhere (RFC 3986 §2.3).
pub(in crate::otp) fn push(uri: &mut String, text: &str) {
    for octet in text.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(octet));
            }
            _ => {
                uri.push('%');
                for half in [octet >> 4, octet & 15] {
                    let digit = HEX.get(usize::from(half)).copied().unwrap_or_default();
                    uri.push(char::from(digit));
                }
            }
        }
    }
}

/// Without its escapes (RFC 3986 §2.1); `None` if one is broken, or if the octets are not UTF-8. `+` is a plus.
pub(in crate::otp) fn decoded(text: &str) -> Option<Zeroizing<String>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        });
    }
    // Checked first, so that no error takes a copy of it along.
    std::str::from_utf8(&octets).ok()?;
    String::from_utf8(std::mem::take(&mut *octets))
        .ok()
        .map(Zeroizing::new)
}

fn hex(octet: u8) -> Option<u8> {
    let digit = char::from(octet).to_digit(16)?;
    u8::try_from(digit).ok()
}

/// What follows `SCHEME://`, in either case (RFC 3986 §3.1).
pub(in crate::otp) fn after_scheme<'t>(text: &'t str, scheme: &str) -> Option<&'t str> {
    let (before, rest) = text.split_once("://")?;
    before.eq_ignore_ascii_case(scheme).then_some(rest)
}
