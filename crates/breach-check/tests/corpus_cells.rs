//! How wide a cell is: at 32 key bits a stranger is taken for an entry once in 2^28 times, which random ones would need
//! billions of tries to show. So strangers are looked up that lie close to an entry.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)] // the rest is for other tests
#[path = "corpus/hashes.rs"]
mod hashes;

use breach_check::Sighting;
use breach_check::corpus::{Corpus, Facts, Held};
use hashes::{Hashes, Random, build, hash};

const ENTRIES: u64 = 300_000;
/// Cells about an entry that strangers are drawn from.
const WINDOW: f64 = 64.0;

/// Prefixes of a cell, were there so many key bits.
fn width(facts: &Facts, key_bits: i32) -> f64 {
    2_f64.powi(64 - 6 - key_bits) / f64::from(facts.pages)
}

/// How many strangers there were, and how many of them were taken for an entry.
fn strangers(corpus: &Corpus<Held<Vec<u8>>>, window: f64) -> (f64, f64) {
    let mut random = Random(11);
    let (mut tries, mut seen) = (0.0, 0.0);
    for (entry, _) in Hashes::new(ENTRIES).step_by(3) {
        let prefix = u64::from_be_bytes(*entry.octets().first_chunk().unwrap());
        let off = (random.next() >> 11) as f64 / 2_f64.powi(53) - 0.5;
        let Some(other) = prefix.checked_add_signed((off * window) as i64) else {
            continue;
        };
        tries += 1.0;
        seen += f64::from(corpus.lookup(&hash(other)).unwrap() != Sighting::NotSeen);
    }
    (tries, seen)
}

#[test]
fn a_cell_is_as_wide_as_its_key_bits_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    for key_bits in [24, 32] {
        let facts = build(&path, key_bits, ENTRIES);
        let corpus = Corpus::with(Held::new(std::fs::read(&path).unwrap())).unwrap();
        let window = WINDOW * width(&facts, key_bits.into());
        let (tries, seen) = strangers(&corpus, window);
        // Its own cell, and those of others that lie in the window.
        let others =
            facts.entries as f64 / (f64::from(facts.pages) * 2_f64.powi(6 + i32::from(key_bits)));
        let expected = tries * (1.0 / WINDOW + others);
        let five = 5.0 * expected.sqrt();
        assert!(
            (seen - expected).abs() < five,
            "{key_bits}: {seen} of {expected}"
        );
        // The mutation: a corpus of one key bit less is wrong twice as often, and that is seen.
        build(&path, key_bits - 1, ENTRIES);
        let coarser = Corpus::with(Held::new(std::fs::read(&path).unwrap())).unwrap();
        let (_, seen) = strangers(&coarser, window);
        assert!(
            (seen - expected).abs() > five,
            "{key_bits}: {seen} of {expected}"
        );
    }
}
