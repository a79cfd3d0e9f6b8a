use crate::Limits;
use memchr::memmem;

/// A message cut into header fields and body, nothing copied (RFC 5322 §2.1).
#[derive(Debug)]
pub(crate) struct Message<'a> {
    fields: Vec<Field<'a>>,
    body: &'a [u8],
}

/// One header field as it stands in the message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    /// All of it: name, colon, value, folds and the final CRLF.
    raw: &'a [u8],
    /// Octets of `raw` before the colon.
    name_len: usize,
}

impl<'a> Field<'a> {
    /// Name without the spaces that obsolete syntax allows before the colon (RFC 5322 §4.5).
    pub(crate) fn name(&self) -> &'a [u8] {
        self.raw
            .get(..self.name_len)
            .unwrap_or_default()
            .trim_ascii_end()
    }

    /// Everything after the colon, folds and the final CRLF included.
    pub(crate) fn value(&self) -> &'a [u8] {
        self.raw.get(self.name_len + 1..).unwrap_or_default()
    }

    /// The whole field.
    pub(crate) fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Compares names without case (RFC 5322 §1.2.2).
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }
}

impl<'a> Message<'a> {
    /// Cuts at the first empty line. A line of the header section that is neither a fold nor
    /// `name:` ends the section there, as the body (RFC 5322 §2.2).
    pub(crate) fn parse(bytes: &'a [u8], limits: &Limits) -> Self {
        let mut fields = Vec::with_capacity(32);
        let mut rest = bytes;
        loop {
            if let Some(body) = rest.strip_prefix(b"\r\n") {
                return Self { fields, body };
            }
            let used = bytes.len() - rest.len();
            let Some(field) = Field::take(rest) else {
                return Self { fields, body: rest };
            };
            if fields.len() >= limits.header_fields || used + field.raw.len() > limits.header_octets
            {
                return Self { fields, body: rest };
            }
            rest = rest.get(field.raw.len()..).unwrap_or_default();
            fields.push(field);
        }
    }

    /// Header fields from the top.
    pub(crate) fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// Everything after the empty line.
    pub(crate) fn body(&self) -> &'a [u8] {
        self.body
    }
}

impl<'a> Field<'a> {
    /// The field at the front, up to a CRLF that no space or tab follows (RFC 5322 §2.2.3).
    fn take(input: &'a [u8]) -> Option<Self> {
        let name_len =
            memchr::memchr2(b':', b'\n', input).filter(|&at| at > 0 && input[at] == b':')?;
        let mut end = input.len();
        for at in memmem::find_iter(input, b"\r\n") {
            if !matches!(input.get(at + 2), Some(b' ' | b'\t')) {
                end = at + 2;
                break;
            }
        }
        Some(Self {
            raw: input.get(..end)?,
            name_len,
        })
    }
}
