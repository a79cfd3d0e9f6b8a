//! Hashes that nobody has a password for, spaced as real ones are.

use breach_check::corpus::{Builder, Facts, Size};
use breach_check::{HashKind, PasswordHash};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Ascending hashes and counts, always the same.
pub(crate) struct Hashes {
    random: Random,
    at: f64,
    mean: f64,
    left: u64,
}

/// Xorshift: good enough to be no pattern, and the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

impl Hashes {
    pub(crate) fn new(entries: u64) -> Self {
        let mean = 2_f64.powi(64) / (entries as f64 + 1.0);
        let random = Random(0x9E37_79B9_7F4A_7C15);
        Self {
            random,
            at: 0.0,
            mean,
            left: entries,
        }
    }
}

impl Iterator for Hashes {
    type Item = (PasswordHash, u64);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let unit = (self.random.next() >> 11) as f64 / 2_f64.powi(53);
        // What hashes keep between them is spread like this, and never nothing.
        self.at += 1_048_576.0 - (1.0 - unit).ln() * self.mean;
        let count = 1 << self.random.next().trailing_zeros().min(20);
        (self.at < 2_f64.powi(64) - 2_f64.powi(21)).then(|| (hash(self.at as u64), count))
    }
}

pub(crate) fn hash(prefix: u64) -> PasswordHash {
    let mut octets = [0x5A; 20];
    octets[..8].copy_from_slice(&prefix.to_be_bytes());
    PasswordHash::from_octets(HashKind::Sha1, &octets).unwrap()
}

/// 2026-06-01.
pub(crate) fn date() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_272_000)
}

pub(crate) fn build(path: &Path, key_bits: u8, entries: u64) -> Facts {
    let size = Size::Entries(entries);
    let mut builder = Builder::create(path, HashKind::Sha1, key_bits, size, date()).unwrap();
    for (hash, count) in Hashes::new(entries) {
        builder.push(&hash, count).unwrap();
    }
    builder.finish().unwrap()
}

pub(crate) fn entries(default: u64) -> u64 {
    let set = std::env::var("LETTERLOCK_CORPUS_ENTRIES").ok();
    set.map_or(default, |number| number.parse().unwrap())
}
