//! Answers that are lists of many.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::{AddressHash, AddressRange, BreachName, Error};
use crate::hash::digit;

/// Most breaches of one address.
const MAX_BREACHES_OF_ONE: usize = 4096;
/// Most octets of what stands before the `@`.
const MAX_ALIAS: usize = 254;

/// The addresses of a range that are in breaches.
pub struct RangeAnswer {
    range: AddressRange,
    found: BTreeMap<[u8; 17], Vec<BreachName>>,
}

#[derive(serde::Deserialize)]
struct Entry {
    #[serde(rename = "hashSuffix", alias = "HashSuffix")]
    suffix: String,
    #[serde(rename = "websites", alias = "Websites")]
    names: Vec<String>,
}

impl RangeAnswer {
    pub(super) fn none(range: AddressRange) -> Self {
        let found = BTreeMap::new();
        Self { range, found }
    }

    pub(super) fn parse(range: AddressRange, octets: &[u8]) -> Result<Self, Error> {
        let entries: Vec<Entry> = serde_json::from_slice(octets).map_err(|_| Error::Malformed)?;
        let mut found = BTreeMap::<_, Vec<BreachName>>::new();
        for Entry { suffix, names } in entries {
            // One that is there twice is in the breaches of both.
            let of = found.entry(octets_of(&suffix)?).or_default();
            of.extend(breaches(names)?);
        }
        Ok(Self { range, found })
    }

    /// The breaches of an address: none if it is in none. Nothing if the address is of another range, of which this
    /// answer says nothing.
    #[must_use]
    pub fn of(&self, hash: &AddressHash) -> Option<&[BreachName]> {
        let is_ours = hash.range() == self.range;
        is_ours.then(|| {
            self.found
                .get(&hash.suffix())
                .map_or(&[][..], Vec::as_slice)
        })
    }

    /// How many addresses it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// Without the hashes, which are of strangers.
impl fmt::Debug for RangeAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeAnswer")
            .field("addresses", &self.found.len())
            .finish_non_exhaustive()
    }
}

fn octets_of(suffix: &str) -> Result<[u8; 17], Error> {
    let mut octets = [0; 17];
    if suffix.len() != 34 {
        return Err(Error::Malformed);
    }
    for (octet, pair) in octets.iter_mut().zip(suffix.as_bytes().chunks_exact(2)) {
        let &[high, low] = pair else {
            return Err(Error::Malformed);
        };
        let both = digit(high).zip(digit(low)).ok_or(Error::Malformed)?;
        *octet = both.0 << 4 | both.1;
    }
    Ok(octets)
}

pub(super) fn breaches(names: Vec<String>) -> Result<Vec<BreachName>, Error> {
    if names.len() > MAX_BREACHES_OF_ONE {
        return Err(Error::Malformed);
    }
    let named = names.iter().map(|name| BreachName::new(name));
    named.collect::<Option<_>>().ok_or(Error::Malformed)
}

/// What is known of the addresses of a domain: for each that is in something, by what stands before the `@`, in what.
#[derive(Clone, PartialEq, Eq)]
pub struct ByAlias(BTreeMap<String, Vec<String>>);

impl ByAlias {
    pub(super) fn none() -> Self {
        Self(BTreeMap::new())
    }

    pub(super) fn parse(octets: &[u8]) -> Result<Self, Error> {
        let all: Pairs = serde_json::from_slice(octets).map_err(|_| Error::Malformed)?;
        let mut by_alias = BTreeMap::<_, Vec<_>>::new();
        for (alias, of) in all.0 {
            if alias.len() > MAX_ALIAS || of.len() > MAX_BREACHES_OF_ONE {
                return Err(Error::Malformed);
            }
            by_alias.entry(alias.to_lowercase()).or_default().extend(of);
        }
        Ok(Self(by_alias))
    }

    /// What one is in, by what stands before the `@`, in lower case.
    #[must_use]
    pub fn of(&self, local: &str) -> &[String] {
        self.0.get(local).map_or(&[], Vec::as_slice)
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(alias, of)| (&**alias, &**of))
    }

    /// The same, as names of breaches.
    ///
    /// # Errors
    /// [`Error::Malformed`] if one is none.
    pub fn breaches_of(&self, local: &str) -> Result<Vec<BreachName>, Error> {
        breaches(self.of(local).to_vec())
    }
}

/// Without the addresses.
impl fmt::Debug for ByAlias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByAlias")
            .field("addresses", &self.0.len())
            .finish_non_exhaustive()
    }
}

/// An object whose members may be there twice; then both count.
struct Pairs(Vec<(String, Vec<String>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of lists")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs, M::Error> {
                let mut all = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    all.push(pair);
                }
                Ok(Pairs(all))
            }
        }
        from.deserialize_map(All)
    }
}
