//! The first page of a file: what the rest is.
//!
//! | octets | |
//! |---|---|
//! | 0 to 7 | `PWPAGES` and a zero octet |
//! | 8 to 9 | version of the format: 1 |
//! | 10 | kind of hash: 1 is SHA-1, 2 is NTLM |
//! | 11 | key bits |
//! | 12 to 15 | number of pages |
//! | 16 to 23 | number of entries, in pages and tail |
//! | 24 to 31 | generation: 1 when built, one more with each update |
//! | 32 to 39 | date of the source, in seconds since 1970, signed |
//! | 40 to 47 | entries in the tail |
//! | 48 to 55 | gaps in the tail |
//! | 56 to 87 | root: SHA-256 over the pages and the tail |
//! | 88 to 91 | CRC32C of the tail |
//! | 92 to 4091 | zero |
//! | 4092 to 4095 | CRC32C of all before |
//!
//! All numbers are little-endian.

use std::time::{Duration, SystemTime};

use super::geometry::Geometry;
use super::page::{Octets, PAGE};
use super::tail::{ENTRY, GAP};
use crate::HashKind;

const MAGIC: [u8; 8] = *b"PWPAGES\0";
const VERSION: u16 = 1;
const CRC_AT: usize = PAGE - 4;

/// What the first page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: HashKind,
    pub(crate) geometry: Geometry,
    pub(crate) entries: u64,
    pub(crate) generation: u64,
    /// Seconds since 1970.
    pub(crate) source: i64,
    pub(crate) tail_entries: u64,
    pub(crate) gaps: u64,
    pub(crate) root: [u8; 32],
    pub(crate) tail_crc: u32,
}

/// Why a first page is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not a corpus at all.
    Foreign,
    /// A later version.
    Version(u16),
    /// The checksum is wrong, or what it says cannot be.
    Damaged,
}

impl Header {
    pub(crate) fn write(&self) -> Box<Octets> {
        let mut page = Box::new([0; PAGE]);
        let mut at = 0;
        let mut put = |octets: &[u8]| {
            page[at..at + octets.len()].copy_from_slice(octets);
            at += octets.len();
        };
        put(&MAGIC);
        put(&VERSION.to_le_bytes());
        put(&[match self.kind {
            HashKind::Sha1 => 1,
            HashKind::Ntlm => 2,
        }]);
        put(&[self.geometry.key_bits()]);
        put(&self.geometry.pages().to_le_bytes());
        put(&self.entries.to_le_bytes());
        put(&self.generation.to_le_bytes());
        put(&self.source.to_le_bytes());
        put(&self.tail_entries.to_le_bytes());
        put(&self.gaps.to_le_bytes());
        put(&self.root);
        put(&self.tail_crc.to_le_bytes());
        let crc = crc32c::crc32c(&page[..CRC_AT]);
        page[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        page
    }

    pub(crate) fn read(page: &Octets) -> Result<Self, Fault> {
        let mut at = 0;
        if take::<8>(page, &mut at) != MAGIC {
            return Err(Fault::Foreign);
        }
        let version = u16::from_le_bytes(take(page, &mut at));
        // The checksum of a later version may lie elsewhere.
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        let [kind, key_bits] = take(page, &mut at);
        let pages = u32::from_le_bytes(take(page, &mut at));
        let header = Self {
            kind: match kind {
                1 => HashKind::Sha1,
                2 => HashKind::Ntlm,
                _ => return Err(Fault::Damaged),
            },
            geometry: Geometry::new(key_bits, pages.into()).ok_or(Fault::Damaged)?,
            entries: u64::from_le_bytes(take(page, &mut at)),
            generation: u64::from_le_bytes(take(page, &mut at)),
            source: i64::from_le_bytes(take(page, &mut at)),
            tail_entries: u64::from_le_bytes(take(page, &mut at)),
            gaps: u64::from_le_bytes(take(page, &mut at)),
            root: take(page, &mut at),
            tail_crc: u32::from_le_bytes(take(page, &mut at)),
        };
        // Whatever else the page holds is wrong, checksum and all.
        let whole = *header.write() == *page && header.len().is_some();
        whole.then_some(header).ok_or(Fault::Damaged)
    }

    /// Where a page lies in the file.
    pub(crate) fn page_at(page: u32) -> u64 {
        (u64::from(page) + 1) * PAGE as u64
    }

    /// Where the tail begins: entries, then gaps.
    pub(crate) fn tail_at(&self) -> u64 {
        Self::page_at(self.geometry.pages())
    }

    /// Octets of the tail's entries and of its gaps.
    pub(crate) fn tail_len(&self) -> Option<(u64, u64)> {
        let entries = self.tail_entries.checked_mul(ENTRY as u64)?;
        let gaps = self.gaps.checked_mul(GAP as u64)?;
        entries.checked_add(gaps)?;
        Some((entries, gaps))
    }

    /// Octets of the whole file; `None` if there is no such number.
    pub(crate) fn len(&self) -> Option<u64> {
        let (entries, gaps) = self.tail_len()?;
        self.tail_at().checked_add(entries + gaps)
    }

    /// The date of the source.
    pub(crate) fn source_date(&self) -> Option<SystemTime> {
        let apart = Duration::from_secs(self.source.unsigned_abs());
        match self.source {
            0.. => SystemTime::UNIX_EPOCH.checked_add(apart),
            _ => SystemTime::UNIX_EPOCH.checked_sub(apart),
        }
    }
}

fn take<const N: usize>(page: &Octets, at: &mut usize) -> [u8; N] {
    let octets = page.get(*at..).and_then(|rest| rest.first_chunk());
    *at += N;
    octets.copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            kind: HashKind::Ntlm,
            geometry: Geometry::new(20, 77).unwrap(),
            entries: 3,
            generation: 2,
            source: -5,
            tail_entries: 1,
            gaps: 2,
            root: [7; 32],
            tail_crc: 9,
        }
    }

    #[test]
    fn it_reads_back_and_every_flipped_bit_is_seen() {
        let mut page = header().write();
        assert_eq!(Header::read(&page), Ok(header()));
        for bit in 0..PAGE * 8 {
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::read(&page).is_err(), "{bit}");
            page[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(header().len(), Some(78 * 4096 + 12 + 16));
    }

    #[test]
    fn lengths_that_overflow_are_damage() {
        for tail_entries in [u64::MAX, u64::MAX / 12] {
            let page = Header {
                tail_entries,
                ..header()
            }
            .write();
            assert_eq!(Header::read(&page), Err(Fault::Damaged));
        }
    }

    #[test]
    fn what_is_later_is_told_apart() {
        let mut page = header().write();
        page[8] = 2;
        assert_eq!(Header::read(&page), Err(Fault::Version(2)));
        assert_eq!(Header::read(&[0; PAGE]), Err(Fault::Foreign));
    }
}
