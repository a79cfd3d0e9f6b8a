use std::{borrow::Cow, ops::Range};

/// A tag list (RFC 6376 §3.2), nothing copied and nothing decoded.
#[derive(Debug)]
pub(super) struct TagList<'a> {
    tags: Vec<Tag<'a>>,
}

#[derive(Debug)]
pub(super) struct Tag<'a> {
    name: &'a str,
    value: &'a str,
    /// Where everything between `=` and `;` stands in the list.
    span: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagError {
    Syntax,
    Duplicate,
}

/// Most tags of one list. RFC 6376 knows 14 for signatures; unknown ones are to be ignored.
const MAX_TAGS: usize = 64;

impl<'a> TagList<'a> {
    pub(super) fn parse(octets: &'a [u8]) -> Result<Self, TagError> {
        // RFC 8616 §5 allows UTF-8, and nothing else that is not ASCII.
        let text = str::from_utf8(octets).map_err(|_| TagError::Syntax)?;
        // What holds for every octet is looked at once, and not for each tag.
        if !is_legal(octets) || !folds_are_legal(octets) {
            return Err(TagError::Syntax);
        }
        let mut tags: Vec<Tag<'a>> = Vec::with_capacity(12);
        let mut start = 0;
        for end in memchr::memchr_iter(b';', octets).chain([octets.len()]) {
            let spec = text.get(start..end).unwrap_or_default();
            // RFC 6376 §3.2: tag-list = tag-spec *( ";" tag-spec ) [ ";" ]
            if end == text.len() && !tags.is_empty() && trim(spec).is_empty() {
                break;
            }
            let equals = memchr::memchr(b'=', spec.as_bytes()).ok_or(TagError::Syntax)?;
            let (name, value) = spec.split_at_checked(equals).ok_or(TagError::Syntax)?;
            let value = value.get(1..).unwrap_or_default();
            let span = end - value.len()..end;
            let (name, value) = (trim(name), trim(value));
            if !is_name(name) || tags.len() == MAX_TAGS {
                return Err(TagError::Syntax);
            }
            // RFC 6376 §3.2: "Tags with duplicate names MUST NOT occur within a single tag-list;
            // if a tag name does occur more than once, the entire tag-list is invalid."
            if tags.iter().any(|tag| tag.name == name) {
                return Err(TagError::Duplicate);
            }
            tags.push(Tag { name, value, span });
            start = end + 1;
        }
        Ok(Self { tags })
    }

    /// The value without white space around it. Names are compared with case (RFC 6376 §3.2).
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.find(name).map(|tag| tag.value)
    }

    /// Where the value stands in the list, white space around it included.
    pub(super) fn span(&self, name: &str) -> Option<Range<usize>> {
        self.find(name).map(|tag| tag.span.clone())
    }

    /// Names and values in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.tags.iter().map(|tag| (tag.name, tag.value))
    }

    fn find(&self, name: &str) -> Option<&Tag<'a>> {
        self.tags.iter().find(|tag| tag.name == name)
    }
}

/// The entries of a list with colons, white space around each removed.
pub(super) fn entries(value: &str) -> impl Iterator<Item = &str> {
    value.split(':').map(trim)
}

/// The value without white space, as base64 needs it (RFC 6376 §3.5, `b=`).
pub(super) fn without_space(value: &str) -> Cow<'_, [u8]> {
    let mut rest = value.as_bytes();
    // In a tag's value every LF follows a CR.
    let space = |octets: &[u8]| memchr::memchr3(b' ', b'\t', b'\r', octets);
    if space(rest).is_none() {
        return Cow::Borrowed(rest);
    }
    let mut octets = Vec::with_capacity(value.len());
    while let Some(at) = space(rest) {
        let (word, others) = rest.split_at(at);
        octets.extend_from_slice(word);
        rest = others;
        while let [first, others @ ..] = rest
            && is_space(*first)
        {
            rest = others;
        }
    }
    octets.extend_from_slice(rest);
    Cow::Owned(octets)
}

/// A number of at most `digits` digits; one that does not fit is as good as the largest.
pub(super) fn number(value: &str, digits: usize) -> Option<u64> {
    let legal = (1..=digits).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    legal.then(|| value.parse().unwrap_or(u64::MAX))
}

fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without white space at either end.
fn trim(text: &str) -> &str {
    let octets = text.as_bytes();
    let Some(start) = octets.iter().position(|&octet| !is_space(octet)) else {
        return "";
    };
    let end = octets.iter().rposition(|&octet| !is_space(octet));
    text.get(start..end.map_or(start, |end| end + 1))
        .unwrap_or_default()
}

/// RFC 6376 §3.2: tag-name = ALPHA *ALNUMPUNC
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// RFC 6376 §3.2: tag-value = [ tval *( 1*(WSP / FWS) tval ) ], VALCHAR = %x21-3A / %x3C-7E
fn is_legal(octets: &[u8]) -> bool {
    let legal = |o: u8| is_space(o) | !o.is_ascii_control();
    // Without an early end the compiler makes vector instructions of it.
    octets.iter().fold(true, |all, &o| all & legal(o))
}

/// RFC 6376 §2.8: FWS = [*WSP CRLF] 1*WSP; a CR or LF stands in no other place but at the end of
/// the field.
fn folds_are_legal(octets: &[u8]) -> bool {
    memchr::memchr2_iter(b'\r', b'\n', octets).all(|at| match octets.get(at) {
        Some(b'\r') => octets.get(at + 1) == Some(&b'\n'),
        _ => {
            let before = at.checked_sub(1).and_then(|at| octets.get(at));
            before == Some(&b'\r') && matches!(octets.get(at + 1), None | Some(b' ' | b'\t'))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<(&str, &str)>, TagError> {
        TagList::parse(text.as_bytes()).map(|list| list.iter().collect())
    }

    #[test]
    fn white_space_and_folds_stand_around_names_and_values() {
        let list = parse(" v = 1 ;\r\n\ta=rsa-sha256;h=from :\r\n to; empty= ;");
        let want = [
            ("v", "1"),
            ("a", "rsa-sha256"),
            ("h", "from :\r\n to"),
            ("empty", ""),
        ];
        assert_eq!(list.unwrap(), want);
    }

    #[test]
    fn what_is_not_a_tag_list() {
        for text in [
            "",
            ";",
            "v",
            "v=1;;a=b",
            "v=1; ;",
            "=1",
            "1v=1",
            "v-1=1",
            "v=\u{1}",
            "v=1\rx; a=b",
            "v=1\nx",
            "v=1\r\nx",
            "v=\r\n1",
            "v=a\u{7f}",
            "v=1; \n",
        ] {
            assert_eq!(parse(text), Err(TagError::Syntax), "{text:?}");
        }
        assert_eq!(TagList::parse(b"v=\xff").unwrap_err(), TagError::Syntax);
        assert_eq!(parse("a=1; b=2; a=1"), Err(TagError::Duplicate));
        assert!(parse("a=1; A=2").is_ok(), "names have case");
        let many: String = (0..65).map(|i| format!("t{i}=x;")).collect();
        assert_eq!(parse(&many), Err(TagError::Syntax));
    }

    #[test]
    fn a_span_is_all_between_the_signs() {
        let text = "a=1; b= x\r\n y ; c=2";
        let list = TagList::parse(text.as_bytes()).unwrap();
        assert_eq!(&text[list.span("b").unwrap()], " x\r\n y ");
        assert_eq!(&text[list.span("c").unwrap()], "2");
    }

    #[test]
    fn numbers() {
        assert_eq!(number("012", 12), Some(12));
        assert_eq!(number("99999999999999999999999", 76), Some(u64::MAX));
        for bad in ["", "-1", "+1", "1 ", "1.0", "0x1", "1234567890123"] {
            assert_eq!(number(bad, 12), None, "{bad:?}");
        }
    }
}
