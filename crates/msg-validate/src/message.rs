use crate::Limits;

/// A message cut into header fields and body, nothing copied (RFC 5322 §2.1).
#[derive(Debug)]
pub(crate) struct Message<'a> {
    bytes: &'a [u8],
    fields: Vec<Field<'a>>,
    body: &'a [u8],
    cut: Cut,
}

/// What ended the header section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// An empty line, as it should be.
    EmptyLine,
    /// The end of the message: it has no body, which is legal (RFC 5322 §3.5).
    End,
    /// A line that is no header field, and does not continue one.
    Malformed,
    /// More fields than [`Limits::header_fields`].
    Fields,
    /// More octets than [`Limits::header_octets`].
    Octets,
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
            .map_or(&[], without_space_at_end)
    }

    /// Whether obsolete syntax is used (RFC 5322 §4.5).
    #[cfg(feature = "second-opinion")]
    pub(crate) fn has_space_before_colon(&self) -> bool {
        self.name().len() < self.name_len
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
        let (body, cut) = loop {
            if let Some(body) = rest.strip_prefix(b"\r\n") {
                break (body, Cut::EmptyLine);
            }
            if rest.is_empty() {
                break (rest, Cut::End);
            }
            // Nothing beyond the limits is searched: a hostile line costs no more than they allow.
            let used = bytes.len() - rest.len();
            let room = limits.header_octets.saturating_sub(used);
            let window = rest.get(..room.saturating_add(2)).unwrap_or(rest);
            let Some(field) = Field::take(window) else {
                break (rest, Cut::Malformed);
            };
            if field.raw.len() > room {
                break (rest, Cut::Octets);
            }
            if fields.len() >= limits.header_fields {
                break (rest, Cut::Fields);
            }
            rest = rest.get(field.raw.len()..).unwrap_or_default();
            fields.push(field);
        };
        Self {
            bytes,
            fields,
            body,
            cut,
        }
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Header fields from the top.
    pub(crate) fn fields(&self) -> &[Field<'a>] {
        &self.fields
    }

    /// The fields of one name, from the top.
    pub(crate) fn named(&self, name: &str) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(move |field| field.is(name))
    }

    /// What ended the header section.
    pub(crate) fn cut(&self) -> Cut {
        self.cut
    }

    /// Everything after the empty line.
    pub(crate) fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Everything before the body, the empty line included.
    pub(crate) fn head(&self) -> &'a [u8] {
        let len = self.bytes.len() - self.body.len();
        self.bytes.get(..len).unwrap_or_default()
    }
}

impl<'a> Field<'a> {
    /// Every field, and every other line or part of one, that some reader may take for a header
    /// field: unlike [`Message::parse`] this goes on after what is malformed, and counts a bare CR
    /// or LF as the end of a line. Nothing is left out; it ends before the empty line that ends
    /// the header section for everybody: one between CRLF and CRLF.
    pub(crate) fn all(message: &'a [u8]) -> impl Iterator<Item = Self> {
        let mut rest = message;
        let mut after_crlf = true;
        std::iter::from_fn(move || {
            if rest.is_empty() || (after_crlf && rest.starts_with(b"\r\n")) {
                return None;
            }
            let mut ends = memchr::memchr2_iter(b'\r', b'\n', rest)
                .filter(|&at| !rest.get(at..).is_some_and(|end| end.starts_with(b"\r\n")))
                .map(|at| at + 1);
            let end = ends.find(|&end| !matches!(rest.get(end), Some(b' ' | b'\t')));
            let (raw, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
            after_crlf = raw.ends_with(b"\r\n");
            rest = after;
            let name_len = memchr::memchr(b':', raw).unwrap_or(raw.len());
            Some(Self { raw, name_len })
        })
    }

    /// The field at the front, up to a CRLF that no space or tab follows (RFC 5322 §2.2.3).
    fn take(input: &'a [u8]) -> Option<Self> {
        let name_len = memchr::memchr2(b':', b'\n', input)?;
        let (name, _) = input.split_at_checked(name_len)?;
        // RFC 5322 §2.2: "A field name MUST be composed of printable US-ASCII characters [...]
        // except colon."
        let name = without_space_at_end(name);
        let printable = name.iter().all(|o| matches!(o, 0x21..=0x7e));
        if input.get(name_len) != Some(&b':') || name.is_empty() || !printable {
            return None;
        }
        let mut end = input.len();
        for at in memchr::memchr_iter(b'\n', input) {
            let after_cr = input.get(..at).is_some_and(|line| line.ends_with(b"\r"));
            if after_cr && !matches!(input.get(at + 1), Some(b' ' | b'\t')) {
                end = at + 1;
                break;
            }
        }
        Some(Self {
            raw: input.get(..end)?,
            name_len,
        })
    }
}

/// RFC 5322 §4.5: white space, and nothing else, may stand between a name and its colon.
fn without_space_at_end(mut name: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = name {
        name = rest;
    }
    name
}
