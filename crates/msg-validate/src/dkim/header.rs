//! Canonical header fields (RFC 6376 §3.4.1, §3.4.2) and the choice of those that are signed.

use super::{Canonicalization, body::Sink, crypto::Hash};
use crate::message::Field;
use std::ops::Range;

/// Hash of the fields that `names` lists, then of the signature itself without what `blank` spans of
/// its value (RFC 6376 §3.7).
pub(super) fn hash(
    canon: Canonicalization,
    fields: &Index<'_>,
    names: &[String],
    signature: &Field<'_>,
    blank: Range<usize>,
) -> Hash {
    let mut sink = Sink::new(u64::MAX);
    let mut taken = vec![false; fields.entries.len()];
    for name in names {
        let Some(at) = fields.lowest(name, signature, &taken) else {
            // RFC 6376 §5.4: "A nonexistent header field is treated as the null string".
            continue;
        };
        if let (Some(taken), Some((_, field))) = (taken.get_mut(at), fields.entries.get(at)) {
            *taken = true;
            put(canon, field, field.value(), &[], &mut sink);
            sink.put(b"\r\n");
        }
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
                    let end = others
                        .iter()
                        .position(|o| matches!(o, b' ' | b'\t' | b'\r'));
                    let (word, others) = rest.split_at(1 + end.unwrap_or(others.len()));
                    sink.put(word);
                    rest = others;
                }
            }
        }
    }
}

/// The fields of a message with a hash of their names, so that names are compared once.
#[derive(Debug)]
pub(super) struct Index<'a> {
    entries: Vec<(u32, Field<'a>)>,
}

impl<'a> Index<'a> {
    pub(super) fn new(fields: &[Field<'a>]) -> Self {
        let entry = |field: &Field<'a>| (name_hash(field.name()), *field);
        Self {
            entries: fields.iter().map(entry).collect(),
        }
    }

    /// How many fields have this name.
    pub(super) fn count(&self, name: &str) -> usize {
        let hash = name_hash(name.as_bytes());
        let same = |(other, field): &&(u32, Field<'_>)| *other == hash && field.is(name);
        self.entries.iter().filter(same).count()
    }

    /// The lowest one that is not taken. RFC 6376 §5.4.2: "the Signer MUST sign such header fields
    /// in order from the bottom of the header field block to the top". The signature itself never
    /// counts (§3.5, `h=`).
    fn lowest(&self, name: &str, signature: &Field<'_>, taken: &[bool]) -> Option<usize> {
        let hash = name_hash(name.as_bytes());
        let itself = signature.raw().as_ptr();
        self.entries
            .iter()
            .zip(taken)
            .rposition(|((other, field), taken)| {
                *other == hash && !taken && field.is(name) && field.raw().as_ptr() != itself
            })
    }
}

/// FNV-1a over the name in lower case.
fn name_hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |hash, octet| {
        (hash ^ u32::from(octet.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    })
}
