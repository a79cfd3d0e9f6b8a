//! Names of header fields: those that `h=` lists, and which fields of a message they mean.

use crate::message::Field;
use std::ops::Range;

/// The names in `h=`, in lower case, in one text.
#[derive(Debug)]
pub(super) struct Names {
    text: String,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    key: u64,
    place: Range<usize>,
}

/// What a signature lists, and what of it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedFields {
    text: String,
    /// Each name once, in the order of their first mention.
    fields: Vec<SignedField>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SignedField {
    place: Range<usize>,
    listed: usize,
    present: usize,
}

impl Names {
    /// Reads a list with colons. `None` if an entry is no name of a field (RFC 5322 §2.2).
    pub(super) fn parse(list: &str) -> Option<Self> {
        let text = list.to_ascii_lowercase();
        let octets = text.as_bytes();
        let mut entries = Vec::with_capacity(32);
        let mut start = 0;
        for end in memchr::memchr_iter(b':', octets).chain([octets.len()]) {
            let place = trimmed(octets, start..end);
            let name = octets.get(place.clone()).unwrap_or_default();
            if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
                return None;
            }
            let key = key(name);
            entries.push(Entry { key, place });
            start = end + 1;
        }
        Some(Self { text, entries })
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let places = self.entries.iter().map(|entry| entry.place.clone());
        places.map(|place| self.text.get(place).unwrap_or_default())
    }
}

impl SignedFields {
    /// Names, how often they are listed, and how many fields there are of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, usize, usize)> {
        self.fields.iter().map(|field| {
            let name = self.text.get(field.place.clone()).unwrap_or_default();
            (name, field.listed, field.present)
        })
    }
}

/// White space around an entry removed.
fn trimmed(octets: &[u8], place: Range<usize>) -> Range<usize> {
    let is_space = |octet: &u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
    let entry = octets.get(place.clone()).unwrap_or_default();
    let front = entry.iter().take_while(|o| is_space(o)).count();
    let back = entry.iter().rev().take_while(|o| is_space(o)).count();
    place.start + front..(place.end - back).max(place.start + front)
}

/// The fields of a message with keys of their names, so that few names are compared.
#[derive(Debug)]
pub(super) struct Index<'m, 'a> {
    keys: Vec<u64>,
    fields: &'m [Field<'a>],
}

/// A name, and how far the search for its fields has come.
struct Search {
    key: u64,
    place: Range<usize>,
    listed: usize,
    present: usize,
    /// Fields below this one are found already.
    above: usize,
}

impl<'m, 'a> Index<'m, 'a> {
    pub(super) fn new(fields: &'m [Field<'a>]) -> Self {
        Self {
            keys: fields.iter().map(|field| key(field.name())).collect(),
            fields,
        }
    }

    /// The lowest field of a name among the first `above`, and how many stand above it.
    fn lowest(&self, name: &str, key: u64, mut above: usize) -> Option<(usize, &'m Field<'a>)> {
        loop {
            above = self
                .keys
                .get(..above)?
                .iter()
                .rposition(|other| *other == key)?;
            match self.fields.get(above) {
                Some(field) if field.is(name) => return Some((above, field)),
                _ => {}
            }
        }
    }

    /// The fields of a name, from the top.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &'m Field<'a>> {
        let key = key(name.as_bytes());
        let pairs = self.keys.iter().zip(self.fields);
        pairs
            .filter(move |(other, field)| **other == key && field.is(name))
            .map(|(_, field)| field)
    }

    /// How many fields have this name.
    pub(super) fn count(&self, name: &str) -> usize {
        self.named(name).count()
    }

    /// The fields that `names` means, in the order in which they are hashed. RFC 6376 §5.4.2: "the
    /// Signer MUST sign such header fields in order from the bottom of the header field block to
    /// the top". The signature itself never counts (§3.5, `h=`); a name too many is nothing (§5.4).
    pub(super) fn choose(
        &self,
        names: Names,
        signature: &Field<'_>,
    ) -> (Vec<&'m Field<'a>>, SignedFields) {
        let Names { text, entries } = names;
        let itself = signature.raw().as_ptr();
        let mut chosen = Vec::with_capacity(entries.len().min(self.fields.len()));
        let mut searches: Vec<Search> = Vec::with_capacity(entries.len());
        for Entry { key, place } in entries {
            let name = text.get(place.clone()).unwrap_or_default();
            let same =
                |search: &Search| search.key == key && text.get(search.place.clone()) == Some(name);
            let at = searches.iter().position(same).unwrap_or(searches.len());
            if at == searches.len() {
                searches.push(Search {
                    key,
                    place,
                    listed: 0,
                    present: 0,
                    above: self.fields.len(),
                });
            }
            let Some(search) = searches.get_mut(at) else {
                continue;
            };
            search.listed += 1;
            while let Some((above, field)) = self.lowest(name, key, search.above) {
                (search.above, search.present) = (above, search.present + 1);
                if field.raw().as_ptr() != itself {
                    chosen.push(field);
                    break;
                }
            }
        }
        let fields = searches.into_iter().map(|mut search| {
            let name = text.get(search.place.clone()).unwrap_or_default();
            while let Some((above, _)) = self.lowest(name, search.key, search.above) {
                (search.above, search.present) = (above, search.present + 1);
            }
            SignedField {
                place: search.place,
                listed: search.listed,
                present: search.present,
            }
        });
        let fields = fields.collect();
        (chosen, SignedFields { text, fields })
    }
}

/// Differs for most names that differ, and for none that differ in case only.
fn key(name: &[u8]) -> u64 {
    let mut head = [0; 8];
    match name.first_chunk() {
        Some(first) => head = *first,
        None => head.iter_mut().zip(name).for_each(|(to, from)| *to = *from),
    }
    // That makes lower case of letters, and of other octets no matter what.
    (u64::from_le_bytes(head) | 0x2020_2020_2020_2020) ^ ((name.len() as u64) << 48)
}
