//! Entities written anew, with as few octets changed as can be.

use std::collections::BTreeSet;

use super::content_type::ContentType;
use super::entity::{Budget, Entity, Reading};
use super::lines::{lines, trim_end};
use super::transfer::{Encoding, is_sturdy, survives};
use super::{Fault, MimeError};
use crate::Limits;

/// What is new in an entity.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) content_type: Option<ContentType>,
    /// A field, or nothing in place of the one that is there.
    pub(super) encoding: Option<&'static [u8]>,
    pub(super) body: Option<Vec<u8>>,
}

/// The entity with the changes, and no blanks at the ends of its header's lines.
pub(super) fn changed(entity: &Entity<'_>, changes: Changes) -> Vec<u8> {
    let mut out = Vec::with_capacity(entity.octets.len());
    for field in &entity.fields {
        let replaced = (field.is("Content-Type") && changes.content_type.is_some())
            || (field.is("Content-Transfer-Encoding") && changes.encoding.is_some());
        if !replaced {
            trimmed(field.raw, &mut out);
        }
    }
    if let Some(content_type) = changes.content_type {
        out.extend(content_type.field());
    }
    if let Some(encoding) = changes.encoding {
        out.extend_from_slice(encoding);
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(changes.body.as_deref().unwrap_or(entity.body));
    out
}

/// A field without blanks at the ends of its lines, which relays might remove.
pub(super) fn trimmed(field: &[u8], out: &mut Vec<u8>) {
    for line in lines(field) {
        out.extend_from_slice(trim_end(line.text));
        out.extend_from_slice(b"\r\n");
    }
}

/// RFC 3156 §3: an entity that relays leave as it is, in 7 bits. Attached messages that are signed or encrypted stay as
/// they are, as a change would break them.
pub(super) fn sturdy(octets: &[u8], limits: &Limits) -> Result<Vec<u8>, MimeError> {
    step(octets, limits, &mut Budget::new(limits), 0)
}

fn step(
    octets: &[u8],
    limits: &Limits,
    budget: &mut Budget,
    depth: usize,
) -> Result<Vec<u8>, MimeError> {
    budget.depth(depth)?;
    let entity = Entity::parse(octets, limits)?;
    let mut changes = Changes::default();
    match entity.content_type.essence.as_str() {
        "multipart/signed" | "multipart/encrypted" => {
            if !survives(entity.body) {
                return Err(MimeError::NotSevenBit);
            }
        }
        _ if entity.content_type.is_multipart() => {
            changes.body = Some(each_part(&entity, budget, |part, budget| {
                step(part, limits, budget, depth + 1)
            })?);
            changes.encoding = Some(b"");
        }
        "message/rfc822" => {
            changes.body = Some(step(entity.body, limits, budget, depth + 1)?);
            changes.encoding = Some(b"");
        }
        _ if is_sturdy(entity.body) => {}
        // RFC 2046 §5.2: these have no encoding but 7bit.
        essence if essence.starts_with("message/") && essence != "message/global" => {
            if !survives(entity.body) {
                return Err(MimeError::NotSevenBit);
            }
        }
        essence => {
            let text = essence.starts_with("text/");
            let encoding = match text {
                true => Encoding::QuotedPrintable,
                false => Encoding::Base64,
            };
            let content = entity.content()?;
            if text && entity.field("Content-Type")?.is_none() && !content.is_ascii() {
                // Without a type it was said to be ASCII, which it is not.
                if str::from_utf8(&content).is_ok() {
                    changes.content_type = Some(ContentType::text().with("charset", "utf-8"));
                }
            }
            let (field, body) = encoding.encode(&content);
            (changes.encoding, changes.body) = (Some(field), Some(body));
        }
    }
    Ok(changed(&entity, changes))
}

/// A multipart's body with each part written anew.
pub(super) fn each_part(
    entity: &Entity<'_>,
    budget: &mut Budget,
    mut write: impl FnMut(&[u8], &mut Budget) -> Result<Vec<u8>, MimeError>,
) -> Result<Vec<u8>, MimeError> {
    let parts = entity.parts(Reading::Strict, budget)?;
    let mut out = Vec::with_capacity(entity.body.len());
    let delimiter = |out: &mut Vec<u8>, end: &[u8]| {
        out.extend_from_slice(b"--");
        out.extend_from_slice(&parts.boundary);
        out.extend_from_slice(end);
        out.extend_from_slice(b"\r\n");
    };
    // Nobody shows what is around the parts.
    if !parts.preamble.is_empty() && is_sturdy(parts.preamble) {
        out.extend_from_slice(parts.preamble);
        out.extend_from_slice(b"\r\n");
    }
    for part in &parts.parts {
        delimiter(&mut out, b"");
        let written = write(part, budget)?;
        // What was written must be read in the same parts again.
        if holds(&written, &parts.boundary) {
            return Err(Fault::AmbiguousBoundary.into());
        }
        out.extend(written);
        out.extend_from_slice(b"\r\n");
    }
    delimiter(&mut out, b"--");
    if is_sturdy(parts.epilogue) {
        out.extend_from_slice(parts.epilogue);
    }
    Ok(out)
}

/// Whether a line might be a delimiter of this boundary.
pub(super) fn holds(octets: &[u8], boundary: &[u8]) -> bool {
    lines(octets).any(|line| {
        let rest = line.text.strip_prefix(b"--");
        rest.is_some_and(|rest| rest.starts_with(boundary))
    })
}

/// A boundary that none of these octets hold, and that no other one is the beginning of.
pub(super) fn boundary(octets: &[u8]) -> String {
    // RFC 2045 §6.7: "=_" is never in quoted-printable, nor in base64.
    const START: &str = "=_openpgp_";
    let taken: BTreeSet<&[u8]> = lines(octets)
        .filter_map(|line| line.text.strip_prefix(b"--"))
        .filter_map(|rest| rest.strip_prefix(START.as_bytes()))
        .filter_map(|rest| rest.get(..16))
        .collect();
    let mut number = 0_u64;
    loop {
        let end = format!("{number:016x}");
        if !taken.contains(end.as_bytes()) {
            return format!("{START}{end}");
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &str) -> String {
        let written = sturdy(message.as_bytes(), &Limits::default());
        String::from_utf8(written.unwrap()).unwrap()
    }

    #[test]
    fn what_is_sturdy_stays_octet_for_octet() {
        let message = "A: b\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\nold\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n\r\n--b--\r\n";
        assert_eq!(text(message), message);
        assert_eq!(text("A: b\r\n\r\n"), "A: b\r\n\r\n");
    }

    #[test]
    fn what_relays_would_change_is_encoded_where_it_is() {
        let message = "A: b \r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\nä\r\n--b\r\n\r\nGrüße \r\n--b\r\nContent-Type: image/png\r\n\r\nä\r\n--b--\r\n";
        let written = text(message);
        assert!(is_sturdy(written.as_bytes()), "{written}");
        assert!(written.contains("Gr=C3=BC=C3=9Fe=20"), "{written}");
        assert!(
            written.contains("encoding: base64\r\n\r\nw6Q=\r\n")
                || written.contains("Encoding: base64\r\n\r\nw6Q=\r\n"),
            "{written}"
        );
        assert!(!written.contains("8bit"), "{written}");
        let single = text("A: b\r\n\r\nGrüße\r\n");
        assert!(single.contains("charset=\"utf-8\""), "{single}");
        let attached = text("Content-Type: message/rfc822\r\n\r\nFrom: a@b\r\n\r\nFrom here\r\n");
        assert!(attached.contains("=46rom here"), "{attached}");
    }

    #[test]
    fn what_cannot_be_encoded_is_refused() {
        for message in [
            "Content-Type: message/delivery-status\r\n\r\nä\r\n",
            "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nä\r\n--b--\r\n",
        ] {
            let refused = sturdy(message.as_bytes(), &Limits::default());
            assert_eq!(refused, Err(MimeError::NotSevenBit));
        }
        let limits = Limits {
            max_mime_depth: 3,
            ..Limits::default()
        };
        let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(5);
        let refused = sturdy(deep.as_bytes(), &limits);
        assert!(matches!(refused, Err(MimeError::Limit { limit: 3, .. })));
    }

    #[test]
    fn a_boundary_is_in_none_of_it() {
        assert!(!holds(b"a\r\n-- b\r\n", b"b"));
        assert!(holds(b"a\r\n--bc\r\n", b"b"));
        let mut content = Vec::new();
        for _ in 0..20 {
            let boundary = boundary(&content);
            assert!(!holds(&content, boundary.as_bytes()));
            content.extend(format!("--{boundary}--\r\n").into_bytes());
        }
    }
}
