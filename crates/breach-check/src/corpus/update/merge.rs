//! What becomes of a page when ranges are fetched anew.
//!
//! A cell lies in one range: a border between ranges, times the number of pages, is a multiple of 2^44, and a cell is 2^42
//! wide at most. So what was fetched takes the place of all cells from a range's first to its last.

use std::ops::Range as Span;

use crate::corpus::geometry::{Cell, Geometry};
use crate::corpus::page::{Entry, GROUP_BITS};

/// Low bits of a prefix that do not belong to the number of its range.
const RANGE_SHIFT: u32 = 44;
const RANGES: u32 = crate::Range::COUNT;

/// Ranges in ascending order, as spans that do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spans(Vec<Span<u32>>);

impl Spans {
    /// Adds one behind all that there are.
    pub(crate) fn push(&mut self, range: u32) {
        match self.0.last_mut() {
            Some(last) if last.end == range => last.end += 1,
            _ => self.0.push(range..range + 1),
        }
    }

    pub(crate) fn as_slice(&self) -> &[Span<u32>] {
        &self.0
    }

    /// Those of `gaps`, ascending and not touching, that are not in here.
    pub(crate) fn taken_from(&self, gaps: &[Span<u32>]) -> Vec<Span<u32>> {
        let mut left = Vec::with_capacity(gaps.len());
        let mut fetched = self.0.iter().peekable();
        for gap in gaps {
            let mut start = gap.start;
            while let Some(span) = fetched.peek().filter(|span| span.start < gap.end) {
                if start < span.start {
                    left.push(start..span.start);
                }
                start = start.max(span.end);
                if span.end > gap.end {
                    break;
                }
                fetched.next();
            }
            if start < gap.end {
                left.push(start..gap.end);
            }
        }
        left
    }
}

/// More than any place in a page.
pub(crate) fn places(geometry: Geometry) -> u64 {
    1 << (GROUP_BITS + u32::from(geometry.key_bits()))
}

/// The places of a page that are replaced, in ascending order.
pub(crate) fn replaced(geometry: Geometry, page: u32, fetched: &Spans) -> Vec<Span<u64>> {
    let whole = places(geometry);
    let begin = range_of(geometry.first_prefix(Cell { page, place: 0 }));
    let from = fetched.0.partition_point(|span| span.end <= begin);
    let spans = fetched.0.iter().skip(from);
    let here = spans.take_while(|span| geometry.cell(first_of(span.start)).page <= page);
    let place = |span: &Span<u32>| {
        let start = match border(geometry, span.start) {
            // What lies before the first cell in use belongs to nobody.
            Some((before, after)) if before.page == page => after.place,
            _ => 0,
        };
        let end = match border(geometry, span.end) {
            Some((_, after)) if after.page == page => after.place,
            _ => whole,
        };
        start..end
    };
    let places = here.map(place);
    places.filter(|places| !places.is_empty()).collect()
}

/// The cells on both sides of where a range begins; `None` where hashes begin or end.
fn border(geometry: Geometry, range: u32) -> Option<(Cell, Cell)> {
    let after = first_of(range);
    let before = after.checked_sub(1).filter(|_| range < RANGES)?;
    Some((geometry.cell(before), geometry.cell(after)))
}

/// The first prefix of a range.
pub(crate) fn first_of(range: u32) -> u64 {
    u64::from(range) << RANGE_SHIFT
}

/// The number of the range of a prefix.
pub(crate) fn range_of(prefix: u64) -> u32 {
    u32::try_from(prefix >> RANGE_SHIFT).unwrap_or(RANGES - 1)
}

/// The entries of a page: the old ones that are not replaced, and the fetched ones. Both ascend, each place once.
pub(crate) fn merge(
    old: impl Iterator<Item = Entry>,
    fetched: &[Entry],
    replaced: &[Span<u64>],
) -> Vec<Entry> {
    let mut replaced = replaced.iter().peekable();
    let stays = |entry: &Entry| {
        while replaced.next_if(|span| span.end <= entry.place).is_some() {}
        replaced.peek().is_none_or(|span| entry.place < span.start)
    };
    let mut old = old.filter(stays).peekable();
    let mut merged = Vec::with_capacity(fetched.len());
    for new in fetched {
        while let Some(entry) = old.next_if(|entry| entry.place < new.place) {
            merged.push(entry);
        }
        let same = old.next_if(|entry| entry.place == new.place);
        let count = same.map_or(new.count, |entry| entry.count.max(new.count));
        merged.push(Entry { count, ..*new });
    }
    merged.extend(old);
    merged
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::CountClass;

    /// Prefixes near borders between ranges, and anywhere.
    fn prefix() -> impl Strategy<Value = u64> {
        let near = (0..32_u64, -3_i64..3).prop_map(|(range, by)| {
            let first = range << (RANGE_SHIFT + 15);
            first.wrapping_add_signed(by)
        });
        prop_oneof![any::<u64>(), near]
    }

    /// Ranges of such prefixes, and their neighbours.
    fn ranges() -> impl Strategy<Value = BTreeSet<u32>> {
        let range = (prefix(), -1_i32..=1)
            .prop_map(|(prefix, by)| range_of(prefix).saturating_add_signed(by).min(RANGES - 1));
        proptest::collection::btree_set(range, 0..40)
    }

    fn spans(ranges: impl IntoIterator<Item = u32>) -> Spans {
        let mut spans = Spans::default();
        ranges.into_iter().for_each(|range| spans.push(range));
        spans
    }

    fn geometry() -> impl Strategy<Value = Geometry> {
        let pages = prop_oneof![1..=4_u64, 1..=5000_u64, 1_u64 << 19..=1 << 22];
        (16_u8..=32, pages).prop_map(|(bits, pages)| Geometry::new(bits, pages).unwrap())
    }

    proptest! {
        #[test]
        fn a_cell_lies_in_one_range_and_is_replaced_with_it(
            geometry in geometry(), fetched in ranges(), prefixes in proptest::collection::vec(prefix(), 1..60),
        ) {
            let held = spans(fetched.clone());
            for prefix in prefixes {
                let cell = geometry.cell(prefix);
                let first = geometry.first_prefix(cell);
                let next = match cell.place + 1 == places(geometry) {
                    true => Cell { page: cell.page + 1, place: 0 },
                    false => Cell { place: cell.place + 1, ..cell },
                };
                let next = geometry.first_prefix(next);
                let last = if next > first { next - 1 } else { u64::MAX };
                let of: BTreeSet<_> = [first, prefix, last].map(range_of).into();
                prop_assert_eq!(of.len(), 1, "a cell of two ranges");
                let want = fetched.contains(&range_of(prefix));
                let replaced = replaced(geometry, cell.page, &held);
                prop_assert!(replaced.is_sorted_by(|a, b| a.end <= b.start));
                let is = replaced.iter().any(|span| span.contains(&cell.place));
                prop_assert_eq!(is, want, "{:?} {:?} {:?}", cell, of, replaced);
            }
        }

        #[test]
        fn a_page_of_which_all_is_fetched_is_replaced_from_end_to_end(geometry in geometry(), prefix in prefix()) {
            let page = geometry.cell(prefix).page;
            let first = range_of(geometry.first_prefix(Cell { page, place: 0 }));
            let end = match page + 1 == geometry.pages() {
                true => RANGES,
                false => range_of(geometry.first_prefix(Cell { page: page + 1, place: 0 }) - 1) + 1,
            };
            let whole = spans(first..end);
            prop_assert_eq!(replaced(geometry, page, &whole), vec![0..places(geometry)]);
            let less = spans(first + 1..end);
            prop_assert_ne!(replaced(geometry, page, &less), vec![0..places(geometry)]);
        }

        #[test]
        fn entries_are_replaced_or_united(
            old in proptest::collection::btree_map(0..200_u64, 0..16_u8, 0..100),
            new in proptest::collection::btree_map(0..200_u64, 0..16_u8, 0..100),
            replaced in proptest::collection::btree_set(0..200_u64, 0..100),
        ) {
            let entries = |map: &BTreeMap<u64, u8>| -> Vec<Entry> {
                map.iter().map(|(place, count)| Entry { place: *place, count: CountClass::low(*count) }).collect()
            };
            let mut want = old.clone();
            want.retain(|place, _| !replaced.contains(place));
            for (place, count) in &new {
                let united = want.entry(*place).or_insert(*count);
                *united = (*united).max(*count);
            }
            let spans: Vec<_> = replaced.iter().map(|place| *place..place + 1).collect();
            prop_assert_eq!(merge(entries(&old).into_iter(), &entries(&new), &spans), entries(&want));
        }

        #[test]
        fn what_is_fetched_is_no_gap(gaps in ranges(), fetched in ranges()) {
            let left = spans(fetched.clone()).taken_from(spans(gaps.clone()).as_slice());
            let want = spans(gaps.difference(&fetched).copied());
            prop_assert_eq!(&left[..], want.as_slice());
        }
    }
}
