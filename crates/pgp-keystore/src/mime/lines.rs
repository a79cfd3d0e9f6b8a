//! Octets into lines: all end with CRLF, or something is wrong.

use std::borrow::Cow;

use super::Fault;

/// RFC 5322 §2.3: "CR and LF MUST only occur together as CRLF". A message whose lines all end with LF, as in a file, is
/// brought into that form; one that mixes them is refused, as each reader would see other lines.
pub(super) fn canonical(octets: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    let (mut pairs, mut bare) = (false, 0_usize);
    let mut previous = None;
    for &octet in octets {
        match (previous, octet) {
            (_, 0) => return Err(Fault::Nul),
            (Some(b'\r'), b'\n') => pairs = true,
            (Some(b'\r'), _) => return Err(Fault::LineEnds),
            (_, b'\n') => bare += 1,
            _ => {}
        }
        previous = Some(octet);
    }
    match (pairs, bare) {
        _ if previous == Some(b'\r') => Err(Fault::LineEnds),
        (_, 0) => Ok(Cow::Borrowed(octets)),
        (true, _) => Err(Fault::LineEnds),
        (false, _) => {
            let mut out = Vec::with_capacity(octets.len().saturating_add(bare));
            for &octet in octets {
                if octet == b'\n' {
                    out.push(b'\r');
                }
                out.push(octet);
            }
            Ok(Cow::Owned(out))
        }
    }
}

/// A line, where it begins, and without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) start: usize,
    pub(super) text: &'a [u8],
    /// Where the next one begins.
    pub(super) next: usize,
}

/// Of canonical octets.
pub(super) fn lines(octets: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = octets.get(at..).filter(|rest| !rest.is_empty())?;
        let (length, end) = match rest.iter().position(|&octet| octet == b'\n') {
            Some(lf) => (lf.saturating_sub(1), lf + 1),
            None => (rest.len(), rest.len()),
        };
        let line = Line {
            start: at,
            text: rest.get(..length)?,
            next: at + end,
        };
        at = line.next;
        Some(line)
    })
}

/// Without spaces and tabs at the end.
pub(super) fn trim_end(text: &[u8]) -> &[u8] {
    let blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    let end = text.iter().rposition(|o| !blank(o)).map_or(0, |at| at + 1);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_one_kind_or_refused() {
        assert_eq!(&*canonical(b"a\r\nb\r\n").unwrap(), b"a\r\nb\r\n");
        assert_eq!(&*canonical(b"a\n\nb").unwrap(), b"a\r\n\r\nb");
        for mixed in [&b"a\r\nb\n"[..], b"a\rb", b"a\n\r\n", b"a\r", b"a\r\r\n"] {
            assert_eq!(canonical(mixed), Err(Fault::LineEnds), "{mixed:?}");
        }
        assert_eq!(canonical(b"a\0"), Err(Fault::Nul));
    }

    #[test]
    fn lines_are_all_of_it() {
        let found: Vec<_> = lines(b"a\r\n\r\nbc").map(|l| (l.start, l.text)).collect();
        assert_eq!(found, [(0, &b"a"[..]), (3, b""), (5, b"bc")]);
        assert_eq!(trim_end(b"a \t "), b"a");
        assert_eq!(trim_end(b"  "), b"");
    }
}
