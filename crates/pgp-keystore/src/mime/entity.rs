//! Entities and the parts of multiparts: each with the very octets that it was read from.

use super::content_type::ContentType;
use super::field::{Field, section};
use super::lines::{lines, trim_end};
use super::transfer::Encoding;
use super::{Fault, MimeError};
use crate::Limits;

/// How deep a structure is followed at most, whatever the limits say.
const MAX_DEPTH: usize = 100;

/// A message, or a part of one.
#[derive(Clone, Debug)]
pub(super) struct Entity<'a> {
    pub(super) octets: &'a [u8],
    pub(super) fields: Vec<Field<'a>>,
    pub(super) body: &'a [u8],
    pub(super) content_type: ContentType,
    pub(super) encoding: Encoding,
}

impl<'a> Entity<'a> {
    /// Of canonical octets.
    pub(super) fn parse(octets: &'a [u8], limits: &Limits) -> Result<Self, MimeError> {
        let (fields, body) = section(octets, limits)?;
        let body = octets.get(body..).unwrap_or_default();
        let content_type = match once(&fields, "Content-Type")? {
            Some(field) => ContentType::parse(field.value)?,
            None => ContentType::text(),
        };
        let encoding = Encoding::parse(once(&fields, "Content-Transfer-Encoding")?)?;
        // RFC 2045 §6.4: what has parts has no encoding of its own.
        let composite = content_type.is_multipart() || content_type.essence == "message/rfc822";
        if composite && encoding != Encoding::Identity {
            return Err(Fault::Encoding.into());
        }
        Ok(Self {
            octets,
            fields,
            body,
            content_type,
            encoding,
        })
    }

    /// The only field of this name.
    pub(super) fn field(&self, name: &str) -> Result<Option<&Field<'a>>, Fault> {
        once(&self.fields, name)
    }

    pub(super) fn content(&self) -> Result<Vec<u8>, Fault> {
        self.encoding.decode(self.body)
    }

    /// Whether it is offered as a file.
    pub(super) fn is_attachment(&self) -> bool {
        let disposition = self.fields.iter().find(|f| f.is("Content-Disposition"));
        disposition.is_some_and(|field| {
            let value = super::field::unfolded(field.value);
            value
                .get(..10)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"attachment"))
        })
    }

    /// The parts of a multipart.
    pub(super) fn parts(
        &self,
        reading: Reading,
        budget: &mut Budget,
    ) -> Result<Parts<'a>, MimeError> {
        let boundary = self.content_type.parameter("boundary")?;
        let boundary = boundary.filter(|b| is_boundary(b)).ok_or(Fault::Boundary)?;
        let mut parts = Vec::new();
        let mut preamble = self.body;
        let mut open: Option<usize> = None;
        let mut closed = None;
        for line in lines(self.body) {
            let rest = line.text.strip_prefix(b"--");
            let Some(rest) = rest.and_then(|rest| rest.strip_prefix(boundary.as_slice())) else {
                continue;
            };
            let last = match trim_end(rest) {
                b"" => false,
                b"--" => true,
                // RFC 2046 §5.1.1 takes it for a delimiter, and many readers do not.
                _ if reading == Reading::Strict => return Err(Fault::AmbiguousBoundary.into()),
                _ => continue,
            };
            // The line end before a delimiter belongs to it.
            let end = line.start.saturating_sub(2);
            match open {
                Some(start) => {
                    budget.part()?;
                    parts.push(self.body.get(start..end).unwrap_or_default());
                }
                None => preamble = self.body.get(..end).unwrap_or_default(),
            }
            if last {
                closed = Some(line.next);
                break;
            }
            open = Some(line.next);
        }
        match (closed, open) {
            (Some(next), Some(_)) => Ok(Parts {
                boundary,
                preamble,
                parts,
                epilogue: self.body.get(next..).unwrap_or_default(),
            }),
            (None, Some(start)) if reading == Reading::Lenient => {
                budget.part()?;
                parts.push(self.body.get(start..).unwrap_or_default());
                Ok(Parts {
                    boundary,
                    preamble,
                    parts,
                    epilogue: b"",
                })
            }
            (None, Some(_)) => Err(Fault::Unterminated.into()),
            (_, None) => Err(Fault::Parts.into()),
        }
    }
}

/// What a multipart consists of.
#[derive(Clone, Debug)]
pub(super) struct Parts<'a> {
    pub(super) boundary: Vec<u8>,
    /// Before the first delimiter: nobody shows it.
    pub(super) preamble: &'a [u8],
    pub(super) parts: Vec<&'a [u8]>,
    /// After the last one: nobody shows it.
    pub(super) epilogue: &'a [u8],
}

/// How parts are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// What cryptography is about: where readers could disagree is a fault.
    Strict,
    /// What is only looked through.
    Lenient,
}

/// How much structure may still be read.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    parts: usize,
    max_parts: usize,
    max_depth: usize,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            parts: 0,
            max_parts: limits.max_mime_parts,
            max_depth: limits.max_mime_depth.min(MAX_DEPTH),
        }
    }

    fn part(&mut self) -> Result<(), MimeError> {
        self.parts += 1;
        match self.parts > self.max_parts {
            true => Err(MimeError::Limit {
                what: "parts of a message",
                limit: self.max_parts,
            }),
            false => Ok(()),
        }
    }

    pub(super) fn depth(&self, depth: usize) -> Result<(), MimeError> {
        match depth > self.max_depth {
            true => Err(MimeError::Limit {
                what: "parts inside each other",
                limit: self.max_depth,
            }),
            false => Ok(()),
        }
    }
}

fn once<'f, 'a>(fields: &'f [Field<'a>], name: &str) -> Result<Option<&'f Field<'a>>, Fault> {
    let mut found = fields.iter().filter(|field| field.is(name));
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(Fault::Duplicate),
        (field, None) => Ok(field),
    }
}

/// RFC 2046 §5.1.1.
fn is_boundary(boundary: &[u8]) -> bool {
    let allowed = |octet: &u8| octet.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(octet);
    (1..=70).contains(&boundary.len())
        && boundary.iter().all(allowed)
        && boundary.last() != Some(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &str, reading: Reading) -> Result<Vec<String>, MimeError> {
        let message = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{body}");
        let limits = Limits::default();
        let entity = Entity::parse(message.as_bytes(), &limits)?;
        let parts = entity.parts(reading, &mut Budget::new(&limits))?;
        let text = |part: &&[u8]| String::from_utf8_lossy(part).into_owned();
        Ok(parts.parts.iter().map(text).collect())
    }

    #[test]
    fn the_octets_of_a_part_end_before_the_line_end_of_the_delimiter() {
        let body = "before\r\n--b \t\r\n\r\none\r\n\r\n--b\r\n--b\r\ntwo\r\n--b--\r\nafter\r\n--b\r\nno\r\n";
        let found = parts(body, Reading::Strict).unwrap();
        assert_eq!(found, ["\r\none\r\n", "", "two"]);
    }

    #[test]
    fn where_a_boundary_is_in_doubt_strict_reading_refuses() {
        let longer = "--b\r\none\r\n--bc\r\ntwo\r\n--b--\r\n";
        assert_eq!(
            parts(longer, Reading::Strict).unwrap_err(),
            Fault::AmbiguousBoundary.into()
        );
        assert_eq!(
            parts(longer, Reading::Lenient).unwrap(),
            ["one\r\n--bc\r\ntwo"]
        );
        let open = "--b\r\none";
        assert_eq!(
            parts(open, Reading::Strict).unwrap_err(),
            Fault::Unterminated.into()
        );
        assert_eq!(parts(open, Reading::Lenient).unwrap(), ["one"]);
        for none in ["", "one", "--c\r\n", "--b--\r\n"] {
            assert!(parts(none, Reading::Lenient).is_err(), "{none}");
        }
    }

    #[test]
    fn fields_that_decide_are_there_once() {
        let limits = Limits::default();
        let twice = b"Content-Type: text/plain\r\ncontent-type: text/html\r\n\r\n";
        let found = Entity::parse(twice, &limits);
        assert_eq!(found.unwrap_err(), Fault::Duplicate.into());
        let encoded = b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\n";
        let found = Entity::parse(encoded, &limits);
        assert_eq!(found.unwrap_err(), Fault::Encoding.into());
    }

    #[test]
    fn parts_are_counted() {
        let body = "--b\r\n\r\n".repeat(11) + "--b--\r\n";
        let message = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{body}");
        let mut limits = Limits::default();
        for (most, fits) in [(10, false), (11, true)] {
            limits.max_mime_parts = most;
            let entity = Entity::parse(message.as_bytes(), &limits).unwrap();
            let found = entity.parts(Reading::Strict, &mut Budget::new(&limits));
            assert_eq!(found.is_ok(), fits);
        }
    }
}
