//! Canonical header fields (RFC 6376 §3.4.1, §3.4.2) and the choice of those that are signed.

use super::{Canonicalization, body::Sink, crypto::Hash};
use crate::message::Field;
use std::ops::Range;

/// Hash of the fields in this order, then of the signature itself without what `blank` spans of its
/// value (RFC 6376 §3.7).
pub(super) fn hash(
    canon: Canonicalization,
    fields: &[&Field<'_>],
    signature: &Field<'_>,
    blank: Range<usize>,
) -> Hash {
    let mut sink = Sink::new(u64::MAX);
    for field in fields {
        put(canon, field, field.value(), &[], &mut sink);
        sink.put(b"\r\n");
    }
    // RFC 6376 §3.7: "with the value of the "b=" tag (including all surrounding whitespace)
    // deleted", "without a trailing CRLF".
    let value = signature.value();
    let before = value.get(..blank.start).unwrap_or_default();
    let after = value.get(blank.end..).unwrap_or_default();
    put(canon, signature, before, after, &mut sink);
    sink.finish().0
}

/// One field without its final CRLF; `before` and `after` together are its value.
fn put(canon: Canonicalization, field: &Field<'_>, before: &[u8], after: &[u8], sink: &mut Sink) {
    match canon {
        Canonicalization::Simple => {
            let name = field.raw().len() - field.value().len();
            sink.put(field.raw().get(..name).unwrap_or_default());
            for part in [before, after] {
                sink.put(part.strip_suffix(b"\r\n").unwrap_or(part));
            }
        }
        Canonicalization::Relaxed => {
            sink.put_in_lower_case(field.name());
            sink.put(b":");
            relaxed_value(before, after, sink);
        }
    }
}

/// RFC 6376 §3.4.2: unfolded, runs of white space made one space, none at either end.
fn relaxed_value(before: &[u8], after: &[u8], sink: &mut Sink) {
    let (mut space, mut begun) = (false, false);
    for part in [before, after] {
        let mut rest = part;
        while let Some((&first, others)) = rest.split_first() {
            match first {
                b' ' | b'\t' => (space, rest) = (true, others),
                b'\r' if others.first() == Some(&b'\n') => {
                    rest = others.get(1..).unwrap_or_default();
                }
                _ => {
                    if space && begun {
                        sink.put(b" ");
                    }
                    (space, begun) = (false, true);
                    let (words, others) = rest.split_at(1 + settled(others));
                    sink.put(words);
                    rest = others;
                }
            }
        }
    }
}

/// Octets that are looked at at once.
const BLOCK: usize = 16;

/// How many octets at the front stay as they are: words, and single spaces between them.
fn settled(text: &[u8]) -> usize {
    let mut calm = 0;
    while let Some(window) = text.get(calm..).and_then(<[u8]>::first_chunk) {
        if has_odd(window) {
            break;
        }
        calm += BLOCK;
    }
    let mut rest = text.get(calm..).unwrap_or_default();
    loop {
        match rest {
            [b'\t' | b'\r', ..] | [b' '] | [b' ', ..=b' ', ..] | [] => break,
            [_, others @ ..] => rest = others,
        }
    }
    text.len() - rest.len()
}

/// Whether one of the octets, the last one aside, may not stay. The compiler makes vector
/// instructions of the loop.
fn has_odd(window: &[u8; BLOCK + 1]) -> bool {
    let mut found = false;
    for at in 0..BLOCK {
        let (octet, next) = (window[at], window[at + 1]);
        found |= (octet == b'\t') | (octet == b'\r') | ((octet == b' ') & (next <= b' '));
    }
    found
}
