//! Fields of a header, each with the octets that it was read from.

use super::lines::lines;
use super::{Fault, MimeError};
use crate::Limits;

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// As it stands there, with the end of its last line.
    pub(super) raw: &'a [u8],
    pub(super) name: &'a str,
    /// What follows the colon, folded as it was, without the end of the last line.
    pub(super) value: &'a [u8],
}

impl Field<'_> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// RFC 9787 §1.1.1: `MIME-Version` and `Content-…` describe the structure, and stay where they are.
    pub(super) fn is_structural(&self) -> bool {
        let start = self.name.get(..8).unwrap_or_default();
        self.is("MIME-Version") || start.eq_ignore_ascii_case("Content-")
    }
}

/// The fields of a header section, and where the body begins.
pub(super) fn section<'a>(
    octets: &'a [u8],
    limits: &Limits,
) -> Result<(Vec<Field<'a>>, usize), MimeError> {
    let mut fields: Vec<(usize, usize)> = Vec::new();
    let mut body = octets.len();
    for line in lines(octets) {
        if line.start > limits.max_mime_header {
            return Err(MimeError::Limit {
                what: "octets of a header",
                limit: limits.max_mime_header,
            });
        }
        if line.text.is_empty() {
            body = line.next;
            break;
        }
        let blank = line.text.iter().all(|o| matches!(o, b' ' | b'\t'));
        match (line.text.first(), fields.last_mut()) {
            // Some readers end the header here, and some do not.
            _ if blank => return Err(Fault::Header.into()),
            (Some(b' ' | b'\t'), Some((_, end))) => *end = line.next,
            (Some(b' ' | b'\t'), None) => return Err(Fault::Header.into()),
            _ => fields.push((line.start, line.next)),
        }
    }
    if fields.len() > limits.max_mime_fields {
        return Err(MimeError::Limit {
            what: "fields of a header",
            limit: limits.max_mime_fields,
        });
    }
    let fields = fields.iter().map(|&(start, end)| {
        let raw = octets.get(start..end).unwrap_or_default();
        Ok(field(raw).ok_or(Fault::Header)?)
    });
    Ok((fields.collect::<Result<_, MimeError>>()?, body))
}

/// RFC 5322 §2.2: "printable US-ASCII characters [...], except colon"; blanks before the colon are of the obsolete syntax.
fn field(raw: &[u8]) -> Option<Field<'_>> {
    let colon = raw.iter().position(|&octet| octet == b':')?;
    let (name, value) = raw.split_at_checked(colon)?;
    let name = super::lines::trim_end(name);
    if name.is_empty() || !name.iter().all(|octet| matches!(octet, 33..=126)) {
        return None;
    }
    let value = value.get(1..)?;
    let value = value.strip_suffix(b"\r\n").unwrap_or(value);
    Some(Field {
        raw,
        name: str::from_utf8(name).ok()?,
        value,
    })
}

/// In one line, with single spaces: what two ways of folding have in common.
pub(super) fn unfolded(value: &[u8]) -> Vec<u8> {
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
    let words = value.split(blank).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_with_their_octets() {
        let text = b"A: b\r\nC :\r\n d\t\r\n\te\r\n\r\nbody: no\r\n";
        let (fields, body) = section(text, &Limits::default()).unwrap();
        assert_eq!(fields.len(), 2);
        assert_eq!(fields[0].raw, b"A: b\r\n");
        assert_eq!(
            (fields[1].name, fields[1].value),
            ("C", &b"\r\n d\t\r\n\te"[..])
        );
        assert_eq!(unfolded(fields[1].value), b"d e");
        assert_eq!(&text[body..], b"body: no\r\n");
        // All of it is header, and none.
        assert_eq!(section(b"A: b", &Limits::default()).unwrap().1, 4);
        assert_eq!(section(b"\r\nA: b", &Limits::default()).unwrap().1, 2);
    }

    #[test]
    fn what_is_no_field_ends_no_header() {
        let bad: [&[u8]; 6] = [
            b" a: b\r\n\r\n",
            b"A: b\r\nnone\r\n\r\n",
            b"A: b\r\n \r\n\r\n",
            b": b\r\n\r\n",
            b"A b: c\r\n\r\n",
            b"\xc3\xa4: c\r\n\r\n",
        ];
        for bad in bad {
            let found = section(bad, &Limits::default());
            assert_eq!(found.unwrap_err(), Fault::Header.into());
        }
        let limits = Limits {
            max_mime_header: 10,
            ..Limits::default()
        };
        let long = section(b"A: 0123456789\r\nB: c\r\n\r\n", &limits);
        assert!(matches!(long, Err(MimeError::Limit { limit: 10, .. })));
        for (most, fits) in [(2, false), (3, true)] {
            let limits = Limits {
                max_mime_fields: most,
                ..Limits::default()
            };
            let many = section(b"A:\r\nA:\r\nA:\r\n\r\n", &limits);
            assert_eq!(many.is_ok(), fits);
        }
    }
}
