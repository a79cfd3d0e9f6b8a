//! Header fields as they stand in a message: just enough to count, find and remove some.

use memchr::memchr;

/// One field: its name, and all its octets with the final CR LF.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) all: &'a [u8],
}

impl<'a> Field<'a> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// What stands behind the colon.
    pub(crate) fn value(&self) -> &'a [u8] {
        let from = memchr(b':', self.all).map_or(self.all.len(), |at| at + 1);
        self.all.get(from..).unwrap_or_default().trim_ascii()
    }
}

/// The fields of a message up to the empty line. A line that is no field counts as one without a
/// name, so that no octet of the header is lost.
pub(crate) fn fields(message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() || rest.starts_with(b"\r\n") {
            return None;
        }
        let mut end = 0;
        loop {
            let line = rest.get(end..).unwrap_or_default();
            end += memchr(b'\n', line).map_or(line.len(), |at| at + 1);
            // RFC 5322 §2.2.3: a line that begins with white space goes on with the field.
            if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (all, after) = rest.split_at_checked(end)?;
        rest = after;
        let name = memchr(b':', all).and_then(|at| all.get(..at));
        let name = name.unwrap_or_default().trim_ascii_end();
        Some(Field { name, all })
    })
}

/// The first field of this name.
pub(crate) fn find<'a>(message: &'a [u8], name: &str) -> Option<&'a [u8]> {
    fields(message).find(|f| f.is(name)).map(|f| f.value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MESSAGE: &[u8] = b"Received: a\r\n b\r\nreturn-PATH : <x>\r\n\ty\r\nnonsense\r\nSubject:  hi \r\n\r\nReturn-Path: body\r\n";

    #[test]
    fn fields_and_folds() {
        let names: Vec<_> = fields(MESSAGE).map(|f| f.name).collect();
        assert_eq!(names, [&b"Received"[..], b"return-PATH", b"", b"Subject"]);
        assert_eq!(find(MESSAGE, "subject"), Some(&b"hi"[..]));
        assert_eq!(find(MESSAGE, "From"), None);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(message in "[a:\r\n ]{0,40}") {
            let header: Vec<u8> = fields(message.as_bytes()).flat_map(|f| f.all.to_vec()).collect();
            prop_assert!(message.as_bytes().starts_with(&header));
            let rest = &message.as_bytes()[header.len()..];
            prop_assert!(rest.is_empty() || rest.starts_with(b"\r\n"));
        }
    }
}
