use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::Error;

/// Most octets of an encoded key.
pub const MAX_KEY: usize = 1024;

/// Most characters of a namespace.
pub const MAX_NAMESPACE: usize = 64;

/// The name of a record: a namespace and parts, as bytes whose order is the order of the parts.
///
/// Each part ends in `00 01`, and a zero octet within a part is written `00 FF`. So no two lists of parts have the
/// same bytes, `("a", "b")` is not `("ab",)`, and a shorter part sorts before the longer one that it begins.
///
/// ```
/// # fn main() -> Result<(), record_store::Error> {
/// use record_store::Key;
/// let key = Key::new("mailbox", ("alice", 7_u64))?;
/// assert_eq!(key.namespace(), "mailbox");
/// let parts: Vec<_> = key.parts().collect();
/// assert_eq!((parts[0].text(), parts[1].number()), (Some("alice"), Some(7)));
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<[u8]>);

impl Key {
    /// The key of these parts in a namespace.
    ///
    /// # Errors
    /// [`Error::NotAKey`] for a namespace that is none, [`Error::TooLarge`] for more than [`MAX_KEY`] octets.
    pub fn new(namespace: &str, parts: impl Parts) -> Result<Self, Error> {
        Ok(Self(encode(namespace, parts)?.into()))
    }

    /// Reads what [`as_bytes`](Self::as_bytes) gave, from a source that may be hostile: the store's own keys, whose
    /// namespace is empty, are none.
    ///
    /// # Errors
    /// [`Error::NotAKey`], [`Error::TooLarge`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let key = Self::from_stored(bytes)?;
        check_namespace(key.namespace().as_bytes()).map(|()| key)
    }

    /// The encoded key: at most [`MAX_KEY`] octets, ordered as the parts are.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        // A namespace holds no zero octet, so nothing in it is escaped.
        let end = self.0.iter().position(|&b| b == ESCAPE).unwrap_or(0);
        str::from_utf8(self.0.get(..end).unwrap_or_default()).unwrap_or_default()
    }

    /// The parts after the namespace.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (part, after) = split(rest)?;
            rest = after;
            Some(Part(part))
        })
        .skip(1)
    }

    /// A key of the store's own records, whose namespace is empty and thus sorts before all others.
    pub(crate) fn reserved(parts: impl Parts) -> Self {
        Self(encode_unchecked("", parts).bytes.into())
    }

    /// As [`from_bytes`](Self::from_bytes), and also the store's own keys: for a store of one's own
    /// ([`backend`](crate::backend)), to read what it has written.
    ///
    /// # Errors
    /// [`Error::NotAKey`], [`Error::TooLarge`].
    pub fn from_stored(bytes: &[u8]) -> Result<Self, Error> {
        check_size(bytes.len())?;
        let (namespace, mut rest) = split(bytes).ok_or(Error::NotAKey)?;
        if !namespace.is_empty() {
            check_namespace(&namespace)?;
        }
        while !rest.is_empty() {
            (_, rest) = split(rest).ok_or(Error::NotAKey)?;
        }
        Ok(Self(bytes.into()))
    }
}

impl std::borrow::Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}", self.namespace())?;
        for part in self.parts() {
            write!(f, "/{}", part.bytes().escape_ascii())?;
        }
        f.write_str(")")
    }
}

/// All keys that begin with the same whole parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(Vec<u8>);

impl Prefix {
    /// The keys of a namespace that begin with these parts; `()` is all of them.
    ///
    /// # Errors
    /// As [`Key::new`].
    pub fn new(namespace: &str, parts: impl Parts) -> Result<Self, Error> {
        encode(namespace, parts).map(Self)
    }

    /// Every key of every namespace.
    pub fn all() -> Self {
        Self(Vec::new())
    }

    /// Whether the key begins with these parts.
    pub fn contains(&self, key: &Key) -> bool {
        !key.namespace().is_empty() && key.as_bytes().starts_with(&self.0)
    }

    pub(crate) fn reserved(parts: impl Parts) -> Self {
        Self(encode_unchecked("", parts).bytes)
    }

    /// The bytes of all keys with this prefix that are greater than `after`: one bound on each side, so that going on
    /// with a scan costs no more than to begin it. The start is never greater than the end.
    pub fn range(&self, after: Option<&Key>) -> Range<Vec<u8>> {
        let (mut start, mut end) = (self.0.clone(), self.0.clone());
        match end.last_mut() {
            // A prefix ends in 01, the second octet of a part's end: what follows it ends in 02.
            Some(last) => *last += 1,
            // The store's own keys begin with 00; no namespace begins with FF.
            None => (start, end) = (vec![0x01], vec![0xFF]),
        }
        if let Some(after) = after {
            let next = [after.as_bytes(), &[0]].concat();
            start = start.max(next).min(end.clone());
        }
        start..end
    }
}

/// Something that encodes to parts of a key: text, bytes, an unsigned number (eight octets, ordered), or a tuple.
pub trait Parts {
    /// Appends the parts.
    fn encode(&self, to: &mut Encoder);
}

/// Receives the parts of a key.
#[derive(Debug)]
pub struct Encoder {
    bytes: Vec<u8>,
    /// Of all parts, also of those beyond the limit, which are counted and not kept.
    size: usize,
}

impl Encoder {
    /// Appends one part.
    pub fn part(&mut self, bytes: &[u8]) {
        let escapes = bytes.iter().filter(|&&octet| octet == ESCAPE).count();
        self.size += bytes.len() + escapes + 2;
        if self.size > MAX_KEY {
            return;
        }
        if escapes == 0 {
            self.bytes.extend_from_slice(bytes);
        } else {
            for &octet in bytes {
                self.bytes.push(octet);
                if octet == ESCAPE {
                    self.bytes.push(ESCAPED);
                }
            }
        }
        self.bytes.extend([ESCAPE, END]);
    }
}

/// One part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a>(Cow<'a, [u8]>);

impl Part<'_> {
    /// The part's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The part as text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        str::from_utf8(&self.0).ok()
    }

    /// The part as a number, if it has eight octets.
    pub fn number(&self) -> Option<u64> {
        self.0.as_ref().try_into().ok().map(u64::from_be_bytes)
    }
}

const ESCAPE: u8 = 0x00;
const END: u8 = 0x01;
const ESCAPED: u8 = 0xFF;

fn encode(namespace: &str, parts: impl Parts) -> Result<Vec<u8>, Error> {
    check_namespace(namespace.as_bytes())?;
    let encoder = encode_unchecked(namespace, parts);
    check_size(encoder.size)?;
    Ok(encoder.bytes)
}

fn encode_unchecked(namespace: &str, parts: impl Parts) -> Encoder {
    let mut encoder = Encoder {
        bytes: Vec::with_capacity(64),
        size: 0,
    };
    encoder.part(namespace.as_bytes());
    parts.encode(&mut encoder);
    encoder
}

fn check_namespace(namespace: &[u8]) -> Result<(), Error> {
    let legal = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    match (1..=MAX_NAMESPACE).contains(&namespace.len()) && namespace.iter().copied().all(legal) {
        true => Ok(()),
        false => Err(Error::NotAKey),
    }
}

fn check_size(size: usize) -> Result<(), Error> {
    match size {
        0 => Err(Error::NotAKey),
        1..=MAX_KEY => Ok(()),
        size => Err(Error::TooLarge {
            what: "key",
            size: size as u64,
            limit: MAX_KEY as u64,
        }),
    }
}

/// The first part and what follows it; nothing if the bytes do not begin with a whole, canonical part.
fn split(bytes: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let mut part = Cow::Borrowed(&[][..]);
    let mut from = 0;
    loop {
        let zero = from + bytes.get(from..)?.iter().position(|&b| b == ESCAPE)?;
        let plain = bytes.get(from..zero)?;
        match part {
            Cow::Borrowed(_) if from == 0 => part = Cow::Borrowed(plain),
            _ => part.to_mut().extend(plain),
        }
        match *bytes.get(zero + 1)? {
            END => return Some((part, bytes.get(zero + 2..)?)),
            ESCAPED => part.to_mut().push(ESCAPE),
            _ => return None,
        }
        from = zero + 2;
    }
}

impl Parts for () {
    fn encode(&self, _: &mut Encoder) {}
}

impl Parts for str {
    fn encode(&self, to: &mut Encoder) {
        to.part(self.as_bytes());
    }
}

impl Parts for String {
    fn encode(&self, to: &mut Encoder) {
        to.part(self.as_bytes());
    }
}

impl Parts for [u8] {
    fn encode(&self, to: &mut Encoder) {
        to.part(self);
    }
}

impl Parts for Vec<u8> {
    fn encode(&self, to: &mut Encoder) {
        to.part(self);
    }
}

impl<const N: usize> Parts for [u8; N] {
    fn encode(&self, to: &mut Encoder) {
        to.part(self);
    }
}

impl Parts for u64 {
    fn encode(&self, to: &mut Encoder) {
        to.part(&self.to_be_bytes());
    }
}

impl Parts for u32 {
    fn encode(&self, to: &mut Encoder) {
        u64::from(*self).encode(to);
    }
}

impl<P: Parts + ?Sized> Parts for &P {
    fn encode(&self, to: &mut Encoder) {
        (**self).encode(to);
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)+) => { $(
        impl<$($name: Parts),+> Parts for ($($name,)+) {
            #[allow(non_snake_case)] // the type parameters name the fields
            fn encode(&self, to: &mut Encoder) {
                let ($($name,)+) = self;
                $($name.encode(to);)+
            }
        }
    )+ };
}

tuples! { A; A B; A B C; A B C D; A B C D E; }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_not_run_together() {
        let one = Key::new("n", ("a", "b")).unwrap();
        let two = Key::new("n", "ab").unwrap();
        let three = Key::new("n", b"a\x00\x01b").unwrap();
        assert!(one != two && two != three && one != three);
    }

    #[test]
    fn a_prefix_holds_whole_parts_only() {
        let prefix = Prefix::new("mail", "al").unwrap();
        assert!(prefix.contains(&Key::new("mail", ("al", 1_u64)).unwrap()));
        assert!(!prefix.contains(&Key::new("mail", "alice").unwrap()));
        assert!(!Prefix::all().contains(&Key::reserved("chunk")));
    }

    #[test]
    fn a_range_begins_behind_the_cursor_and_never_behind_its_own_end() {
        let prefix = Prefix::new("mail", [0xFF_u8]).unwrap();
        let key = |parts: (&[u8], u64)| Key::new("mail", parts).unwrap();
        let holds =
            |after: &Key, key: &Key| prefix.range(Some(after)).contains(&key.as_bytes().to_vec());
        let (one, two) = (key((&[0xFF], 1)), key((&[0xFF], 2)));
        assert!(!holds(&one, &one) && holds(&one, &two));
        assert!(holds(&key((&[0xFE], 9)), &one));
        assert!(
            !prefix
                .range(None)
                .contains(&key((&[0xFF, 0], 1)).as_bytes().to_vec())
        );
        let behind = prefix.range(Some(&Key::new("next", ()).unwrap()));
        assert_eq!(behind.start, behind.end);
    }

    #[test]
    fn a_hostile_part_is_counted_and_not_kept() {
        let mut encoder = encode_unchecked("n", vec![0_u8; 1 << 20]);
        "more".encode(&mut encoder);
        assert!(encoder.bytes.capacity() <= MAX_KEY && encoder.size > 2 << 20);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bytes in [
            &b""[..],
            b"n",
            b"n\0",
            b"n\0\x02",
            b"n\0\x01a",
            b"N\0\x01",
            b"\0\x01",
            b"n\0\xff\0\x01",
        ] {
            assert!(Key::from_bytes(bytes).is_err(), "{bytes:?}");
        }
        for namespace in ["", "Mail", "a b", &"a".repeat(65)] {
            assert!(matches!(Key::new(namespace, ()), Err(Error::NotAKey)));
        }
        assert!(Key::new("n", vec![1; 1024 - 3 - 2]).is_ok());
        assert!(matches!(
            Key::new("n", vec![1; 1024 - 3 - 1]),
            Err(Error::TooLarge {
                what: "key",
                size: 1025,
                ..
            })
        ));
    }
}
