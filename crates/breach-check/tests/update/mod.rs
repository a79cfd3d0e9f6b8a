//! Sources of a corpus, and corpora of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use breach_check::corpus::{Builder, Error, Facts, Size, Update};
use breach_check::{HashKind, PasswordHash, Range};

/// The first 64 bits of hashes, and how often each was seen.
pub(crate) type Source = BTreeMap<u64, u64>;

/// SplitMix64.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

pub(crate) fn hash(prefix: u64) -> PasswordHash {
    let mut octets = [0; 20];
    octets[..8].copy_from_slice(&prefix.to_be_bytes());
    PasswordHash::from_octets(HashKind::Sha1, &octets).unwrap()
}

pub(crate) fn range_of(prefix: u64) -> u32 {
    (prefix >> 44) as u32
}

pub(crate) fn date(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

pub(crate) fn build(
    path: &Path,
    key_bits: u8,
    pages: u32,
    source: &Source,
    gaps: &BTreeSet<u32>,
) -> Facts {
    let size = Size::Pages(pages);
    let mut builder = Builder::create(path, HashKind::Sha1, key_bits, size, date(1)).unwrap();
    for (prefix, count) in source {
        builder.push(&hash(*prefix), *count).unwrap();
    }
    for gap in gaps {
        builder.gap(Range::new(*gap).unwrap()).unwrap();
    }
    builder.finish().unwrap()
}

/// Gives an update these ranges of a source.
pub(crate) fn fetch(
    update: &mut Update,
    source: &Source,
    ranges: &BTreeSet<u32>,
) -> Result<(), Error> {
    for range in ranges {
        let first = u64::from(*range) << 44;
        let hashes = source.range(first..=first | ((1 << 44) - 1));
        let hashes = hashes.map(|(prefix, count)| Ok::<_, Error>((hash(*prefix), *count)));
        update.range(Range::new(*range).unwrap(), hashes)?;
    }
    Ok(())
}
