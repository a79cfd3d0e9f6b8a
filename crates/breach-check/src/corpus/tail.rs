//! What lies behind the pages, and in memory while a corpus is open: entries that found no room in their page, and the
//! ranges of which nothing is known.
//!
//! An entry has 12 octets: the number of its page (4), then its place times 16 plus its count class (8), both
//! little-endian, in ascending order. A gap has 8 octets: the number of the first range of which nothing is known, and
//! the number of the first after it of which something is; gaps ascend and do not touch.

use std::ops::Range as Span;

use super::geometry::{Cell, Geometry};
use super::page::{Entry, GROUP_BITS};
use crate::{CountClass, Range};

/// Octets of an entry, and of a gap.
pub(crate) const ENTRY: usize = 12;
pub(crate) const GAP: usize = 8;

/// What a page says of its entries in the tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spilled {
    pub(crate) entries: u32,
    pub(crate) crc: u32,
}

/// One entry as the tail holds it.
pub(crate) fn octets(page: u32, entry: Entry) -> [u8; ENTRY] {
    let mut octets = [0; ENTRY];
    octets[..4].copy_from_slice(&page.to_le_bytes());
    let rest = entry.place << 4 | u64::from(entry.count.number());
    octets[4..].copy_from_slice(&rest.to_le_bytes());
    octets
}

/// Reads one.
pub(crate) fn entry(octets: &[u8; ENTRY]) -> (u32, Entry) {
    let &[a, b, c, d, rest @ ..] = octets;
    let rest = u64::from_le_bytes(rest);
    let entry = Entry {
        place: rest >> 4,
        count: CountClass::low((rest & 15) as u8),
    };
    (u32::from_le_bytes([a, b, c, d]), entry)
}

/// One gap as the tail holds it.
pub(crate) fn gap(gap: &Span<u32>) -> [u8; GAP] {
    let mut octets = [0; GAP];
    octets[..4].copy_from_slice(&gap.start.to_le_bytes());
    octets[4..].copy_from_slice(&gap.end.to_le_bytes());
    octets
}

/// The checksum of the entries of one page; 0 if there are none.
pub(crate) fn crc(page: u32, entries: &[Entry]) -> u32 {
    let add = |crc, entry: &Entry| crc32c::crc32c_append(crc, &octets(page, *entry));
    entries.iter().fold(0, add)
}

/// The tail in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// In order.
    entries: Vec<(u32, Entry)>,
    gaps: Vec<Span<u32>>,
}

impl Tail {
    /// Of entries in order, and gaps in order that do not touch.
    pub(crate) fn new(entries: Vec<(u32, Entry)>, gaps: Vec<Span<u32>>) -> Option<Self> {
        let ascend = entries.is_sorted_by(|(p, a), (q, b)| (p, a.place) < (q, b.place));
        let apart = gaps.is_sorted_by(|a, b| a.end < b.start);
        let proper = gaps
            .iter()
            .all(|gap| gap.start < gap.end && gap.end <= Range::COUNT);
        (ascend && apart && proper).then_some(Self { entries, gaps })
    }

    /// Reads entries and gaps as [`Self::entry_octets`] and [`Self::gap_octets`] write them.
    pub(crate) fn read(entries: &[u8], gaps: &[u8]) -> Option<Self> {
        let (entries, []) = entries.as_chunks::<ENTRY>() else {
            return None;
        };
        let (gaps, []) = gaps.as_chunks::<GAP>() else {
            return None;
        };
        let gap = |&[a, b, c, d, e, f, g, h]: &[u8; GAP]| {
            u32::from_le_bytes([a, b, c, d])..u32::from_le_bytes([e, f, g, h])
        };
        Self::new(
            entries.iter().map(entry).collect(),
            gaps.iter().map(gap).collect(),
        )
    }

    pub(crate) fn entry_octets(&self) -> impl Iterator<Item = [u8; ENTRY]> {
        self.entries
            .iter()
            .map(|(page, entry)| octets(*page, *entry))
    }

    pub(crate) fn gap_octets(&self) -> impl Iterator<Item = [u8; GAP]> {
        self.gaps.iter().map(gap)
    }

    /// The entries of one page.
    pub(crate) fn of(&self, page: u32) -> &[(u32, Entry)] {
        let begin = self.entries.partition_point(|(p, _)| *p < page);
        let end = self.entries.partition_point(|(p, _)| *p <= page);
        self.entries.get(begin..end).unwrap_or_default()
    }

    /// Whether these are the entries that the page speaks of.
    pub(crate) fn matches(&self, page: u32, spilled: Spilled) -> bool {
        let entries = self.of(page);
        let add =
            |crc, (page, entry): &(u32, Entry)| crc32c::crc32c_append(crc, &octets(*page, *entry));
        entries.len() == spilled.entries as usize && entries.iter().fold(0, add) == spilled.crc
    }

    pub(crate) fn find(&self, cell: Cell) -> Option<CountClass> {
        let key = |(page, entry): &(u32, Entry)| (*page, entry.place).cmp(&(cell.page, cell.place));
        let at = self.entries.binary_search_by(key).ok()?;
        self.entries.get(at).map(|(_, entry)| entry.count)
    }

    /// Whether nothing is known of a range.
    pub(crate) fn is_gap(&self, range: Range) -> bool {
        let at = self.gaps.partition_point(|gap| gap.end <= range.number());
        self.gaps
            .get(at)
            .is_some_and(|gap| gap.contains(&range.number()))
    }

    /// Whether each entry is in a page that there is, at a place that it has.
    pub(crate) fn lies_within(&self, geometry: Geometry) -> bool {
        let places = GROUP_BITS + u32::from(geometry.key_bits());
        let fits =
            |(page, entry): &(u32, Entry)| *page < geometry.pages() && entry.place >> places == 0;
        self.entries.iter().all(fits)
    }

    pub(crate) fn entries(&self) -> &[(u32, Entry)] {
        &self.entries
    }

    pub(crate) fn gaps(&self) -> &[Span<u32>] {
        &self.gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(place: u64) -> Entry {
        Entry {
            place,
            count: CountClass::low(3),
        }
    }

    #[test]
    fn a_tail_reads_back_and_finds() {
        let entries = vec![(1, entry(5)), (1, entry(9)), (4, entry(0))];
        let tail = Tail::new(entries, vec![0..2, 7..8, 1_048_575..1_048_576]).unwrap();
        let e: Vec<u8> = tail.entry_octets().flatten().collect();
        let g: Vec<u8> = tail.gap_octets().flatten().collect();
        assert_eq!(Tail::read(&e, &g).as_ref(), Some(&tail));
        assert_eq!(
            tail.find(Cell { page: 1, place: 9 }),
            Some(CountClass::low(3))
        );
        assert_eq!(tail.find(Cell { page: 2, place: 9 }), None);
        let spilled = Spilled {
            entries: 2,
            crc: crc(1, &[entry(5), entry(9)]),
        };
        assert!(tail.matches(1, spilled));
        assert!(!tail.matches(4, spilled));
        assert!(tail.matches(2, Spilled { entries: 0, crc: 0 }));
        let gap = |n| tail.is_gap(Range::new(n).unwrap());
        assert_eq!(
            [0, 1, 2, 6, 7, 8, 1_048_575].map(gap),
            [true, true, false, false, true, false, true]
        );
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init)] // one gap
    fn disorder_is_refused() {
        assert_eq!(Tail::new(vec![(1, entry(5)), (1, entry(5))], vec![]), None);
        assert_eq!(Tail::new(vec![(2, entry(5)), (1, entry(6))], vec![]), None);
        assert_eq!(Tail::new(vec![], vec![0..2, 2..3]), None);
        assert_eq!(Tail::new(vec![], vec![3..3]), None);
        assert_eq!(Tail::new(vec![], vec![3..1_048_577]), None);
        assert_eq!(Tail::read(&[0; 13], &[]), None);
    }
}
