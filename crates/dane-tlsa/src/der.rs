//! Reads DER as far as certificates need it: elements, one after the other, without a copy.
//!
//! The hot path of DANE-EE goes through here, so it does no more than it must.

/// Tags of universal types and of the fields of certificates (X.690 §8.1.2, RFC 5280 §4.1).
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    /// `[0] EXPLICIT`: the version of a certificate.
    pub(crate) const CONTEXT_0: u8 = 0xa0;
    /// `[0] IMPLICIT`: the key in an authority key identifier.
    pub(crate) const IMPLICIT_0: u8 = 0x80;
    /// `[1]` and `[2] IMPLICIT`: the unique identifiers of a certificate.
    pub(crate) const CONTEXT_1: u8 = 0x81;
    pub(crate) const CONTEXT_2: u8 = 0x82;
    /// `[3] EXPLICIT`: the extensions of a certificate.
    pub(crate) const CONTEXT_3: u8 = 0xa3;
}

/// One element: a tag, a length, and that many octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    /// With tag and length.
    pub(crate) whole: &'a [u8],
    pub(crate) content: &'a [u8],
}

/// What is still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element, which is not read.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Reads an element. `None` where there is none, or it is not DER: tags of several octets, which
    /// no certificate has, and lengths that are indefinite, longer than needed, or beyond the end.
    #[inline]
    pub(crate) fn element(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            ..=0x7f => (usize::from(first), rest),
            0x81 => match rest.split_first()? {
                (&length @ 0x80.., rest) => (usize::from(length), rest),
                _ => return None,
            },
            0x82 => match rest.split_first_chunk::<2>()? {
                ([0, _], _) => return None,
                (length, rest) => (usize::from(u16::from_be_bytes(*length)), rest),
            },
            // 64 KiB and more: nothing that a TLS handshake or a DNS answer can carry.
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - rest.len())?;
        self.0 = rest;
        (tag & 0x1f != 0x1f).then_some(Element {
            tag,
            whole,
            content,
        })
    }

    /// Reads an element that has this tag.
    #[inline]
    pub(crate) fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.element().filter(|element| element.tag == tag)
    }

    /// Reads an element if it has this tag, or nothing.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Option<Element<'a>>> {
        match self.peek() {
            Some(next) if next == tag => self.expect(tag).map(Some),
            _ => Some(None),
        }
    }

    /// `Some` if nothing is left.
    pub(crate) fn end(&self) -> Option<()> {
        self.is_empty().then_some(())
    }
}

/// The only element of some octets, which has this tag.
#[inline]
pub(crate) fn only(octets: &[u8], tag: u8) -> Option<Element<'_>> {
    let mut reader = Reader::new(octets);
    let element = reader.expect(tag)?;
    reader.end()?;
    Some(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_their_shortest_form_alone() {
        let long = |prefix: &[u8], length: usize| [prefix, &vec![0; length][..]].concat();
        for (octets, content) in [
            (long(&[4, 0], 0), Some(0)),
            (long(&[4, 0x7f], 0x7f), Some(0x7f)),
            (long(&[4, 0x81, 0x80], 0x80), Some(0x80)),
            (long(&[4, 0x82, 1, 0], 0x100), Some(0x100)),
            // Longer than needed, beyond the end, indefinite, too large, tag of two octets.
            (long(&[4, 0x81, 0x7f], 0x7f), None),
            (long(&[4, 0x82, 0, 0x80], 0x80), None),
            (long(&[4, 2], 1), None),
            (long(&[4, 0x80, 0, 0], 0), None),
            (long(&[4, 0x83, 1, 0, 0], 0x1_0000), None),
            (long(&[0x1f, 0x21, 0], 0), None),
            (vec![4], None),
            (vec![], None),
        ] {
            let read = Reader::new(&octets).element();
            assert_eq!(read.map(|e| e.content.len()), content, "{octets:02x?}");
        }
    }
}
