//! Where a hash lies: multiplication in place of an index.
//!
//! The first 64 bits of a hash, times the number of pages, are 128 bits: the upper half is the number of a page, and
//! the top of the lower half is a place in it. So order is kept, pages fill evenly, and nothing has to be looked up.

use super::page::{GROUP_BITS, HEAD, PAGE};

/// Bits of a count class.
pub(crate) const COUNT_BITS: u32 = 4;
/// How full pages are made, in percent, and from where an update asks for a rebuild.
pub(crate) const LOAD: u64 = 93;
pub(crate) const FULL: u64 = 97;
/// Most pages: 16 TiB.
pub(crate) const MAX_PAGES: u64 = u32::MAX as u64;

/// The shape of a corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Bits kept of each key within its group: 16 to 32.
    key_bits: u8,
    pages: u32,
}

/// A cell: all hashes that a corpus cannot tell apart. Cells are ordered as hashes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) page: u32,
    /// The group and then the key within it: `GROUP_BITS + key_bits` bits.
    pub(crate) place: u64,
}

impl Geometry {
    /// `None` unless there are 16 to 32 key bits and at least one page.
    pub(crate) fn new(key_bits: u8, pages: u64) -> Option<Self> {
        let fits = (16..=32).contains(&key_bits) && (1..=MAX_PAGES).contains(&pages);
        let pages = u32::try_from(pages).ok().filter(|_| fits)?;
        Some(Self { key_bits, pages })
    }

    /// With as many pages as so many entries fill to [`LOAD`] percent.
    pub(crate) fn for_entries(key_bits: u8, entries: u64) -> Option<Self> {
        let one = Self::new(key_bits, 1)?;
        let per_page = (one.capacity() as u64 * LOAD).max(1);
        let pages = (u128::from(entries) * 100).div_ceil(u128::from(per_page));
        Self::new(key_bits, u64::try_from(pages.max(1)).ok()?)
    }

    pub(crate) fn key_bits(self) -> u8 {
        self.key_bits
    }

    pub(crate) fn pages(self) -> u32 {
        self.pages
    }

    /// Most entries of a page: keys in whole octets, and then counts in whole octets.
    pub(crate) fn capacity(self) -> usize {
        let room = (PAGE - HEAD) * 8;
        let bits = usize::from(self.key_bits) + COUNT_BITS as usize;
        // Two octets may be lost to rounding.
        (room - 16) / bits
    }

    /// Whether so many entries are more than [`FULL`] percent.
    pub(crate) fn is_full(self, entries: u64) -> bool {
        let capacity = u128::from(self.pages) * self.capacity() as u128;
        u128::from(entries) * 100 > capacity * u128::from(FULL)
    }

    /// The cell of a hash, of which these are the first 64 bits.
    pub(crate) fn cell(self, prefix: u64) -> Cell {
        let product = u128::from(prefix) * u128::from(self.pages);
        let [page, place] = [product >> 64, product & u128::from(u64::MAX)];
        // The upper half is below the number of pages, and the lower has 64 bits.
        let page = u32::try_from(page).unwrap_or(u32::MAX);
        let place = u64::try_from(place).unwrap_or(u64::MAX) >> self.dropped();
        Cell { page, place }
    }

    /// The least prefix whose cell is at least this one: where a page, or a cell in use, begins.
    pub(crate) fn first_prefix(self, cell: Cell) -> u64 {
        let product = u128::from(cell.page) << 64 | u128::from(cell.place) << self.dropped();
        u64::try_from(product.div_ceil(u128::from(self.pages))).unwrap_or(u64::MAX)
    }

    /// Low bits of the lower half that are not kept.
    fn dropped(self) -> u32 {
        64 - GROUP_BITS - u32::from(self.key_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limits() {
        assert_eq!(Geometry::new(15, 1), None);
        assert_eq!(Geometry::new(33, 1), None);
        assert_eq!(Geometry::new(32, 0), None);
        assert_eq!(Geometry::new(32, MAX_PAGES + 1), None);
        assert_eq!(Geometry::for_entries(32, 0).map(Geometry::pages), Some(1));
        assert_eq!(Geometry::for_entries(32, u64::MAX), None);
    }

    #[test]
    fn an_entry_has_at_most_41_bits_at_32_key_bits() {
        let n = 20_000_000;
        let geometry = Geometry::for_entries(32, n).unwrap();
        let bits = f64::from(geometry.pages()) * 8.0 * PAGE as f64 / n as f64;
        assert!(bits < 40.5, "{bits}");
    }

    proptest! {
        #[test]
        fn cells_keep_the_order_and_begin_where_they_say(a: u64, b: u64, key_bits in 16_u8..=32, pages in 1..=MAX_PAGES) {
            let geometry = Geometry::new(key_bits, pages).unwrap();
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(geometry.cell(low) <= geometry.cell(high));
            let cell = geometry.cell(a);
            let first = geometry.first_prefix(cell);
            prop_assert!(first <= a);
            prop_assert_eq!(geometry.cell(first), cell);
            if let Some(before) = first.checked_sub(1) {
                prop_assert!(geometry.cell(before) < cell);
            }
        }
    }
}
