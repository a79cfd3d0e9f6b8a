//! A page: 4 KiB that answer alone.
//!
//! | octets | |
//! |---|---|
//! | 0 to 3 | CRC32C of the page's number (4 octets) and of all that follows here |
//! | 4 to 7 | how many of its entries overflow |
//! | 8 to 11 | CRC32C of those, as the tail holds them; 0 if none |
//! | 12 to 139 | for each of the 64 groups, the number of entries up to its end |
//! | then | the keys, each of `key_bits` bits, lowest bit first, ascending in each group; then zero bits up to an octet |
//! | at once | the count classes, four bits each, the lower half of an octet first |
//! | the rest | zero |
//!
//! All numbers are little-endian. Where the counts begin depends on the number of entries alone.

use super::geometry::Geometry;
use super::tail::{self, Spilled};
use crate::CountClass;

/// Octets of a page.
pub(crate) const PAGE: usize = 4096;
/// Each page has 2^6 groups.
pub(crate) const GROUP_BITS: u32 = 6;
const GROUPS: usize = 1 << GROUP_BITS;
const ENDS: usize = 12;
/// Octets before the keys.
pub(crate) const HEAD: usize = ENDS + 2 * GROUPS;

pub(crate) type Octets = [u8; PAGE];

/// An entry of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) place: u64,
    pub(crate) count: CountClass,
}

/// Writes page `number` of entries in order, each place once. What does not fit is the rest, which the tail takes.
pub(crate) fn write(geometry: Geometry, number: u32, entries: &[Entry]) -> (Box<Octets>, &[Entry]) {
    let (kept, rest) = entries.split_at(entries.len().min(geometry.capacity()));
    let mut page = Box::new([0; PAGE]);
    let key_bits = usize::from(geometry.key_bits());
    let counts = HEAD + (kept.len() * key_bits).div_ceil(8);
    let mask = (1 << key_bits) - 1;
    let mut ends = [0_u16; GROUPS];
    for (i, entry) in kept.iter().enumerate() {
        let group = usize::try_from(entry.place >> key_bits).unwrap_or(GROUPS);
        if let Some(end) = ends.get_mut(group) {
            *end += 1;
        }
        put(&mut page[HEAD..], i * key_bits, entry.place & mask);
        put(&mut page[counts..], i * 4, entry.count.number().into());
    }
    let mut sum = 0;
    for (group, end) in ends.iter().enumerate() {
        sum += end;
        page[ENDS + 2 * group..][..2].copy_from_slice(&u16::to_le_bytes(sum));
    }
    let spilled = u32::try_from(rest.len()).unwrap_or(u32::MAX);
    page[4..8].copy_from_slice(&spilled.to_le_bytes());
    let spills = tail::crc(number, rest);
    page[8..12].copy_from_slice(&spills.to_le_bytes());
    let crc = crc(number, &page);
    page[..4].copy_from_slice(&crc.to_le_bytes());
    (page, rest)
}

/// Ors a number into octets, at a bit.
fn put(octets: &mut [u8], bit: usize, value: u64) {
    let shifted = value << (bit % 8);
    for (octet, part) in octets[bit / 8..].iter_mut().zip(shifted.to_le_bytes()) {
        *octet |= part;
    }
}

fn crc(number: u32, page: &Octets) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), &page[4..])
}

/// A page whose checksum was right, so that its octets are what was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    page: &'a Octets,
    geometry: Geometry,
    entries: usize,
}

impl<'a> View<'a> {
    /// `None` if the checksum is wrong, or the numbers in it cannot be.
    pub(crate) fn checked(geometry: Geometry, number: u32, page: &'a Octets) -> Option<Self> {
        (crc(number, page) == word(page, 0)).then(|| Self::unchecked(geometry, page))?
    }

    /// Of a page whose checksum was right before, and which has not changed since.
    pub(crate) fn unchecked(geometry: Geometry, page: &'a Octets) -> Option<Self> {
        let entries = end(page, GROUPS - 1);
        (entries <= geometry.capacity()).then_some(Self {
            page,
            geometry,
            entries,
        })
    }

    /// What is known of this place, within the page.
    pub(crate) fn find(self, place: u64) -> Option<CountClass> {
        let key_bits = u32::from(self.geometry.key_bits());
        let group = usize::try_from(place >> key_bits)
            .ok()
            .filter(|g| *g < GROUPS)?;
        let key = place & ((1 << key_bits) - 1);
        let begin = group
            .checked_sub(1)
            .map_or(0, |before| end(self.page, before));
        let end = end(self.page, group).min(self.entries);
        let i = (begin..end).find(|i| self.key(*i) >= key)?;
        (self.key(i) == key).then(|| self.count(i))
    }

    /// How many entries of the page are in the tail, and the checksum of them.
    pub(crate) fn spilled(self) -> Spilled {
        Spilled {
            entries: word(self.page, 4),
            crc: word(self.page, 8),
        }
    }

    /// Its entries in order.
    pub(crate) fn entries(self) -> impl Iterator<Item = Entry> {
        let groups = (0..GROUPS).scan(0, move |begin, group| {
            let range = *begin..end(self.page, group).clamp(*begin, self.entries);
            *begin = range.end;
            Some((group as u64, range))
        });
        groups.flat_map(move |(group, range)| {
            range.map(move |i| Entry {
                place: group << self.geometry.key_bits() | self.key(i),
                count: self.count(i),
            })
        })
    }

    /// Whether it is exactly what would be written of its entries.
    pub(crate) fn is_canonical(self, number: u32) -> bool {
        let entries: Vec<_> = self.entries().collect();
        let ascending = entries.windows(2).all(|pair| pair[0].place < pair[1].place);
        let (mut again, _) = write(self.geometry, number, &entries);
        again[4..12].copy_from_slice(&self.page[4..12]);
        ascending && again[4..] == self.page[4..]
    }

    fn key(self, i: usize) -> u64 {
        let key_bits = usize::from(self.geometry.key_bits());
        let bit = i * key_bits;
        // At most 32 bits and 7 before them; the counts of a page lie behind, or zeros.
        let octets = self.page[HEAD + bit / 8..]
            .first_chunk()
            .copied()
            .unwrap_or([0; 8]);
        u64::from_le_bytes(octets) >> (bit % 8) & ((1 << key_bits) - 1)
    }

    fn count(self, i: usize) -> CountClass {
        let counts = HEAD + (self.entries * usize::from(self.geometry.key_bits())).div_ceil(8);
        let octet = self.page.get(counts + i / 2).copied().unwrap_or_default();
        CountClass::low(octet >> (4 * (i % 2)))
    }
}

fn word(page: &Octets, at: usize) -> u32 {
    page[at..]
        .first_chunk()
        .map_or(0, |octets| u32::from_le_bytes(*octets))
}

fn end(page: &Octets, group: usize) -> usize {
    let octets = page[ENDS + 2 * group..].first_chunk();
    octets.map_or(0, |octets| u16::from_le_bytes(*octets).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    fn entries() -> impl Strategy<Value = (Geometry, Vec<Entry>)> {
        (16_u8..=32).prop_flat_map(|key_bits| {
            let geometry = Geometry::new(key_bits, 1000).unwrap();
            let places = btree_map(
                0..1_u64 << (GROUP_BITS + u32::from(key_bits)),
                0_u8..16,
                0..2000,
            );
            let entry = |(place, count)| Entry {
                place,
                count: CountClass::low(count),
            };
            places.prop_map(move |places| (geometry, places.into_iter().map(entry).collect()))
        })
    }

    proptest! {
        #[test]
        fn a_page_reads_back((geometry, entries) in entries(), number: u32, absent: u64) {
            let (page, rest) = write(geometry, number, &entries);
            let view = View::checked(geometry, number, &page).unwrap();
            let kept = &entries[..entries.len() - rest.len()];
            prop_assert_eq!(kept, view.entries().collect::<Vec<_>>());
            prop_assert!(rest.is_empty() || kept.len() == geometry.capacity());
            prop_assert_eq!(view.spilled().entries as usize, rest.len());
            prop_assert!(view.is_canonical(number));
            for entry in kept {
                prop_assert_eq!(view.find(entry.place), Some(entry.count));
            }
            let absent = absent >> (64 - GROUP_BITS - u32::from(geometry.key_bits()));
            prop_assert_eq!(view.find(absent).is_some(), kept.iter().any(|e| e.place == absent));
            prop_assert!(View::checked(geometry, number.wrapping_add(1), &page).is_none());
        }

        #[test]
        fn any_octets_are_read_without_harm(octets in proptest::collection::vec(any::<u8>(), PAGE), place: u64, key_bits in 16_u8..=32) {
            let geometry = Geometry::new(key_bits, 7).unwrap();
            let page: Box<Octets> = octets.into_boxed_slice().try_into().unwrap();
            if let Some(view) = View::unchecked(geometry, &page) {
                let _ = view.find(place);
                let _ = view.entries().count();
                let _ = view.is_canonical(0);
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let geometry = Geometry::new(20, 3).unwrap();
        let of = |i: u64| Entry {
            place: i * 40_000,
            count: CountClass::low(1),
        };
        let entries: Vec<_> = (0..1500).map(of).collect();
        let (mut page, _) = write(geometry, 2, &entries);
        for bit in 0..PAGE * 8 {
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(View::checked(geometry, 2, &page).is_none(), "{bit}");
            page[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(View::checked(geometry, 2, &page).is_some());
    }
}
