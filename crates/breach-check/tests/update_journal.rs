//! Damage of a journal that an update left: whatever octet it is, nothing that is there, or that nobody knows of, is clean.
#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code)]
mod update;

use std::collections::BTreeSet;
use std::path::Path;

use breach_check::corpus::{Corpus, Error, Progress, Update};
use breach_check::{Sighting, Unknown};
use update::{Source, build, date, fetch, hash, range_of};

const PAGE: usize = 4096;
const PAGES: u32 = 4;
/// A page of a journal, with its number.
const RECORD: usize = 4 + PAGE;
/// One in each page, of which nothing is known before the update.
const GAPS: [u32; PAGES as usize] = [0x0_0123, 0x4_0123, 0x8_0123, 0xC_0123];

fn prefix(gap: u32) -> u64 {
    u64::from(gap) << 44 | 77
}

/// What an update that closes the gaps leaves if it is cut short, and power is lost: the tail is in its place, and of the
/// pages none. Gives the journal, and puts the corpus at this path.
fn left(path: &Path) -> Vec<u8> {
    // Each page has others, too, and the first has more than it has room for.
    let of = |page: u64, n: u64| (page << 62 | (n + 1) << 52, 1);
    let others = (0..PAGES.into()).flat_map(|page| (0..500).map(move |n| of(page, n)));
    let crowd = (500..900).map(|n| of(0, n));
    let mut source: Source = others.chain(crowd).collect();
    build(path, 32, PAGES, &source, &BTreeSet::from(GAPS));
    let before = std::fs::read(path).unwrap();
    source.extend(GAPS.map(|gap| (prefix(gap), 1)));
    let name = path.with_extension("journal");
    let copy = path.with_extension("copy");
    let (from, to) = (name.clone(), copy.clone());
    let mut update = Update::begin_with(path, move |progress| {
        if progress == Progress::Journal {
            std::fs::copy(&from, &to).unwrap();
        }
    })
    .unwrap();
    fetch(&mut update, &source, &BTreeSet::from(GAPS)).unwrap();
    update.finish(date(2)).unwrap();
    let after = std::fs::read(path).unwrap();
    let tail = PAGE * (1 + PAGES as usize);
    assert!(after.len() > tail + 100, "the first page overflows");
    std::fs::write(path, [&before[..tail], &after[tail..]].concat()).unwrap();
    std::fs::rename(copy, &name).unwrap();
    std::fs::read(name).unwrap()
}

/// What is said of what was unknown: is it ever clean?
fn is_clean(path: &Path) -> bool {
    let Ok(corpus) = Corpus::open(path) else {
        return false;
    };
    let said = GAPS.map(|gap| match corpus.lookup(&hash(prefix(gap))) {
        Ok(Sighting::NotSeen) => true,
        Ok(Sighting::Seen(_) | Sighting::Unknown(Unknown::Gap)) | Err(Error::Damaged { .. }) => {
            false
        }
        other => panic!("{other:?}"),
    });
    said.contains(&true)
}

#[test]
fn a_journal_that_is_whole_is_what_the_corpus_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    left(&path);
    let corpus = Corpus::open(&path).unwrap();
    for gap in GAPS {
        let said = corpus.lookup(&hash(prefix(gap))).unwrap();
        assert!(matches!(said, Sighting::Seen(_)), "{gap:x}: {said:?}");
        let stranger = hash(prefix(gap) + (1 << 40));
        assert_eq!(stranger.range().number(), range_of(prefix(gap)));
        assert_eq!(corpus.lookup(&stranger).unwrap(), Sighting::NotSeen);
    }
    corpus.verify(|_| {}).unwrap();
}

/// The numbers of pages, by which they are found, in every wrong order; and each other octet.
#[test]
fn damage_of_a_journal_is_never_clean() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let journal = left(&path);
    let name = path.with_extension("journal");
    let numbers = (0..PAGES as usize).map(|record| PAGE + record * RECORD);
    let mut damage: Vec<(usize, u8)> = numbers
        .flat_map(|at| (0..=PAGES as u8 + 1).map(move |value| (at, value)))
        .filter(|(at, value)| journal[*at] != *value)
        .collect();
    damage.extend((0..journal.len()).step_by(61).map(|at| (at, !journal[at])));
    for (at, value) in damage {
        let mut damaged = journal.clone();
        damaged[at] = value;
        std::fs::write(&name, damaged).unwrap();
        assert!(!is_clean(&path), "{at}: {value}");
    }
}

/// It is of no more use, so its damage is none of the corpus.
#[test]
fn a_damaged_journal_beside_a_whole_corpus_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let mut journal = left(&path);
    let damaged = std::fs::read(&path).unwrap();
    drop(Update::begin(&path).unwrap());
    journal[PAGE + 99] ^= 1;
    let name = path.with_extension("journal");
    std::fs::write(&name, &journal).unwrap();
    Corpus::open(&path).unwrap().verify(|_| {}).unwrap();
    // And of a corpus that is to be taken from it, it is.
    std::fs::write(&path, damaged).unwrap();
    let verified = Corpus::open(&path).and_then(|corpus| corpus.verify(|_| {}));
    assert!(matches!(verified, Err(Error::Damaged { .. })));
    assert!(matches!(Update::begin(&path), Err(Error::Damaged { .. })));
}

/// The mutation: pages that are not in the journal, rather than under another number, are as the corpus has them.
#[test]
fn mutation_a_reader_that_does_not_miss_a_page_says_clean() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let journal = left(&path);
    // As a reader that took no notice of it would: the second page is none of the journal's, and all of it is right.
    let (mut less, after_at) = (journal.clone(), journal.len() - 32 - PAGE);
    less.drain(PAGE + RECORD..PAGE + 2 * RECORD);
    let trailer_at = after_at - RECORD + PAGE;
    less[trailer_at + 8] -= 1;
    let len = less.len() as u64;
    less[trailer_at + 16..trailer_at + 24].copy_from_slice(&len.to_le_bytes());
    let crc = crc32c::crc32c(&less[..trailer_at]).to_le_bytes();
    less[trailer_at + 24..trailer_at + 28].copy_from_slice(&crc);
    let crc = crc32c::crc32c(&less[trailer_at..trailer_at + 28]).to_le_bytes();
    less[trailer_at + 28..].copy_from_slice(&crc);
    std::fs::write(path.with_extension("journal"), less).unwrap();
    assert!(is_clean(&path));
}
