//! What an update makes is what a build makes.
#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code)]
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use breach_check::corpus::{Corpus, Error, Update};
use breach_check::{HashKind, PasswordHash, Range, Sighting, Unknown};
use proptest::prelude::*;
use update::{Source, build, date, fetch, hash, range_of};

/// The page and the place of a hash, by the specification: `docs/corpus-format.md`.
fn cell(key_bits: u8, pages: u32, prefix: u64) -> (u64, u64) {
    let product = u128::from(prefix) * u128::from(pages);
    ((product >> 64) as u64, product as u64 >> (58 - key_bits))
}

/// The first and the last hash of its cell.
fn ends(key_bits: u8, pages: u32, prefix: u64) -> (u64, u64) {
    let at = cell(key_bits, pages, prefix);
    let same = |other| cell(key_bits, pages, other) == at;
    // The width of a cell, by halves.
    let search = |towards: &dyn Fn(u64) -> Option<u64>| {
        let (mut step, mut within) = (1_u64 << 47, 0);
        while step > 0 {
            if towards(within + step).is_some_and(same) {
                within += step;
            }
            step /= 2;
        }
        within
    };
    let before = search(&|by| prefix.checked_sub(by));
    let behind = search(&|by| prefix.checked_add(by));
    (prefix - before, prefix + behind)
}

/// What a corpus should hold after an update, as hashes that a build makes it of.
fn expected(
    (key_bits, pages): (u8, u32),
    (old, new): (&Source, &Source),
    (fetched, gaps): (&BTreeSet<u32>, &BTreeSet<u32>),
) -> Source {
    let mut cells: BTreeMap<(u64, u64), (u64, u64)> = BTreeMap::new();
    let mut add = |prefix: u64, count: u64| {
        let class = 1 << count.ilog2().min(15);
        let cell = cells
            .entry(cell(key_bits, pages, prefix))
            .or_insert((prefix, class));
        cell.1 = cell.1.max(class);
    };
    for (prefix, count) in old {
        let (first, last) = ends(key_bits, pages, *prefix);
        let ranges = [range_of(first), range_of(last)];
        let touched = ranges.iter().any(|r| fetched.contains(r));
        let known = ranges
            .iter()
            .all(|r| fetched.contains(r) || gaps.contains(r));
        if !(touched && known) {
            add(*prefix, *count);
        }
    }
    for (prefix, count) in new.iter().filter(|(p, _)| fetched.contains(&range_of(**p))) {
        add(*prefix, *count);
    }
    cells.into_values().collect()
}

/// Around borders of ranges, close to each other, and anywhere.
fn prefix() -> impl Strategy<Value = u64> {
    let border = (1..24_u64, -(1_i64 << 40)..1 << 40)
        .prop_map(|(range, by)| (range << 44).wrapping_add_signed(by));
    let near = (1..24_u64, -3_i64..3).prop_map(|(range, by)| (range << 44).wrapping_add_signed(by));
    prop_oneof![4 => border, 1 => near, 1 => any::<u64>()]
}

fn source(most: usize) -> impl Strategy<Value = Source> {
    let count = prop_oneof![1..5_u64, 1..100_000_u64];
    proptest::collection::btree_map(prefix(), count, 0..most)
}

fn ranges() -> impl Strategy<Value = BTreeSet<u32>> {
    proptest::collection::btree_set(prop_oneof![4 => 0..25_u32, 1 => 0..1_u32 << 20], 0..20)
}

/// Key bits and pages; with many pages a range covers several.
fn shape() -> impl Strategy<Value = (u8, u32)> {
    let bits = prop_oneof![Just(16_u8), Just(20), Just(32), 16..=32_u8];
    (bits, prop_oneof![1..4_u32, 1..300_u32])
}

fn path(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

fn behind_the_header(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap().split_off(4096)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_update_equals_a_build(
        shape in shape(), old in source(400), new in source(400), fetched in ranges(), unknown in ranges(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let [updated, built] = ["updated", "built"].map(|name| path(&folder, name));
        let old: Source = old.into_iter().filter(|(p, _)| !unknown.contains(&range_of(*p))).collect();
        build(&updated, shape.0, shape.1, &old, &unknown);
        let mut update = Update::begin(&updated).unwrap();
        fetch(&mut update, &new, &fetched).unwrap();
        let facts = update.finish(date(2)).unwrap();

        let left: BTreeSet<_> = unknown.difference(&fetched).copied().collect();
        let gaps: BTreeSet<_> = unknown;
        let want = expected(shape, (&old, &new), (&fetched, &gaps));
        let fresh = build(&built, shape.0, shape.1, &want, &left);
        prop_assert_eq!(behind_the_header(&updated), behind_the_header(&built));
        prop_assert_eq!((facts.entries, facts.root, facts.unknown_ranges), (fresh.entries, fresh.root, fresh.unknown_ranges));
        prop_assert_eq!((facts.generation, facts.source_date), (2, Some(date(2))));

        let corpus = Corpus::open(&updated).unwrap();
        prop_assert_eq!(corpus.verify(|_| {}).unwrap(), facts);
        for prefix in new.keys().filter(|p| fetched.contains(&range_of(**p))) {
            prop_assert!(matches!(corpus.lookup(&hash(*prefix)).unwrap(), Sighting::Seen(_)));
        }
    }

    /// Of two sources that differ in the fetched ranges only, no trace of the old one is left.
    #[test]
    fn what_is_fetched_with_its_neighbours_settles(shape in shape(), old in source(400), new in source(400)) {
        let folder = tempfile::tempdir().unwrap();
        let [updated, built] = ["updated", "built"].map(|name| path(&folder, name));
        build(&updated, shape.0, shape.1, &old, &BTreeSet::new());
        build(&built, shape.0, shape.1, &new, &BTreeSet::new());
        let all = old.keys().chain(new.keys()).map(|p| range_of(*p));
        let all = all.flat_map(|r| r.saturating_sub(1)..=(r + 1).min((1 << 20) - 1)).collect();
        let mut update = Update::begin(&updated).unwrap();
        fetch(&mut update, &new, &all).unwrap();
        update.finish(date(2)).unwrap();
        prop_assert_eq!(behind_the_header(&updated), behind_the_header(&built));
    }
}

#[test]
fn a_gap_closes_for_a_reader_that_was_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = path(&folder, "corpus");
    build(&path, 32, 2, &Source::new(), &BTreeSet::from([7]));
    let corpus = Corpus::open(&path).unwrap();
    let there = hash(7 << 44 | 5);
    assert_eq!(
        corpus.lookup(&there).unwrap(),
        Sighting::Unknown(Unknown::Gap)
    );
    let mut update = Update::begin(&path).unwrap();
    fetch(
        &mut update,
        &Source::from([(7 << 44 | 5, 1)]),
        &BTreeSet::from([7]),
    )
    .unwrap();
    update.finish(date(2)).unwrap();
    assert!(matches!(corpus.lookup(&there).unwrap(), Sighting::Seen(_)));
    assert_eq!(
        corpus.lookup(&hash(7 << 44 | 6 << 30)).unwrap(),
        Sighting::NotSeen
    );
    assert_eq!(corpus.refresh().unwrap().generation, 2);
}

#[test]
fn what_is_refused_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = path(&folder, "corpus");
    build(&path, 32, 1, &Source::from([(5, 1)]), &BTreeSet::new());
    let before = std::fs::read(&path).unwrap();
    let range = |n| Range::new(n).unwrap();
    type Hashes = Vec<Result<(PasswordHash, u64), Error>>;
    let given = |ranges: Vec<(u32, Hashes)>| {
        let mut update = Update::begin(&path).unwrap();
        let results: Vec<_> = ranges
            .into_iter()
            .map(|(n, hashes)| update.range(range(n), hashes))
            .collect();
        // Only one at a time.
        assert!(matches!(Update::begin(&path), Err(Error::Locked)));
        let finished = update.finish(date(2));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            2,
            "corpus and lock"
        );
        (results.into_iter().find_map(Result::err), finished.err())
    };
    let ok = |prefix| Ok((hash(prefix), 1));
    let in_range = |n: u64, prefix: u64| ok(n << 44 | prefix);
    let broken = |it: (Option<Error>, Option<Error>)| {
        assert!(matches!(it.1, Some(Error::Broken)));
        it.0.unwrap()
    };
    assert!(
        matches!(broken(given(vec![(3, vec![]), (3, vec![])])), Error::Range(r) if r.number() == 3)
    );
    assert!(matches!(
        broken(given(vec![(3, vec![]), (2, vec![])])),
        Error::Range(_)
    ));
    let down = vec![in_range(3, 9), in_range(3, 8)];
    assert!(matches!(
        broken(given(vec![(3, down)])),
        Error::Unordered { number: 2 }
    ));
    let foreign = vec![in_range(4, 9)];
    assert!(matches!(
        broken(given(vec![(3, foreign)])),
        Error::Unordered { number: 1 }
    ));
    let cut = vec![in_range(3, 9), Err(Error::TooUneven)];
    assert!(matches!(broken(given(vec![(3, cut)])), Error::TooUneven));
    let ntlm = vec![Ok((PasswordHash::ntlm("x"), 1))];
    assert!(matches!(broken(given(vec![(3, ntlm)])), Error::Kind { .. }));
    // 97 % of 878 are 851.
    let many = |n: u64| (0..n).map(move |i| in_range(3, i << 30)).collect();
    let full = given(vec![(3, many(860))]);
    assert!(matches!(full, (None, Some(Error::Full))), "{full:?}");
    let mut update = Update::begin(&path).unwrap();
    update.range(range(3), many(840)).unwrap();
    assert_eq!(update.finish(date(2)).unwrap().entries, 841);
}

#[test]
fn a_damaged_page_is_an_error_unless_all_of_it_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let path = path(&folder, "corpus");
    // Of 16,384 ranges each.
    let pages = 64;
    let source: Source = (0..999_u64).map(|i| (i << 54 | 77, 1)).collect();
    build(&path, 32, pages, &source, &BTreeSet::new());
    let mut octets = std::fs::read(&path).unwrap();
    octets[4096 * 4 + 99] ^= 1;
    std::fs::write(&path, octets).unwrap();
    let ranges = |ranges: std::ops::Range<u32>| {
        let mut update = Update::begin(&path).unwrap();
        fetch(&mut update, &source, &ranges.collect())?;
        update.finish(date(2))
    };
    assert!(matches!(
        ranges((3 << 14) + 1..4 << 14),
        Err(Error::Damaged { page: Some(3) })
    ));
    ranges(3 << 14..4 << 14).unwrap();
    Corpus::open(&path).unwrap().verify(|_| {}).unwrap();
}

#[test]
fn kinds_other_than_sha1_are_updated_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = path(&folder, "corpus");
    let size = breach_check::corpus::Size::Pages(1);
    let builder = breach_check::corpus::Builder::create(&path, HashKind::Ntlm, 32, size, date(1));
    builder.unwrap().finish().unwrap();
    let hash = PasswordHash::ntlm("password");
    let mut update = Update::begin(&path).unwrap();
    update
        .range(hash.range(), [Ok::<_, Error>((hash.clone(), 3))])
        .unwrap();
    update.finish(date(2)).unwrap();
    let seen = Corpus::open(&path).unwrap().lookup(&hash).unwrap();
    assert!(matches!(seen, Sighting::Seen(class) if class.at_least() == 2));
}
