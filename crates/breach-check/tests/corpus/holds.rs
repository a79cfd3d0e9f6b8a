//! Everything is found, what is not there is hardly ever, and it takes the room and the memory that is promised.

use crate::hashes::{Hashes, Random, build, date, entries, hash};
use breach_check::corpus::{Builder, Corpus, Error, FileAt, ReadAt, Size};
use breach_check::{CountClass, HashKind, PasswordHash, Range, Sighting, Unknown};
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what is read.
struct Counted<R>(R, AtomicUsize);

impl<R: ReadAt> ReadAt for Counted<R> {
    fn read_at(&self, at: u64, octets: &mut [u8]) -> io::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read_at(at, octets)
    }

    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }
}

/// Each entry is there with its class, in one read; as many strangers are taken for one as is calculated.
fn holds(key_bits: u8, strangers: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let entries = entries(2_000_000);
    let facts = build(&path, key_bits, entries);
    let corpus = Corpus::with(Counted(
        FileAt::new(File::open(&path).unwrap()),
        AtomicUsize::new(0),
    ))
    .unwrap();
    // There may be more than are looked for, so that a small machine is done in time.
    let every = (entries / 200_000).max(1) as usize;
    let mut looked = 0;
    let reads = |corpus: &Corpus<Counted<FileAt>>| corpus.reads();
    let before = reads(&corpus);
    for (hash, count) in Hashes::new(entries).step_by(every) {
        let Sighting::Seen(class) = corpus.lookup(&hash).unwrap() else {
            panic!("{hash:?} is lost");
        };
        // Two that share a cell have the class of the higher.
        assert!(class >= CountClass::of(count).unwrap());
        looked += 1;
    }
    assert_eq!(reads(&corpus) - before, looked);

    // 2^-key_bits for each entry of a group.
    let in_group = facts.entries as f64 / f64::from(facts.pages) / 64.0;
    let rate = in_group / 2_f64.powi(key_bits.into());
    let mut random = Random(7);
    let seen = (0..strangers)
        .filter(|_| corpus.lookup(&hash(random.next())).unwrap() != Sighting::NotSeen)
        .count() as f64;
    let expected = rate * strangers as f64;
    // Five standard deviations of a Poisson distribution; the seed is always the same.
    assert!(
        (seen - expected).abs() <= 5.0 * expected.sqrt() + 1.0,
        "{seen} of {expected}"
    );
    assert_eq!(corpus.facts(), facts);
    assert_eq!(facts.source_date, Some(date()));
    match key_bits {
        32 => {
            assert!(facts.bits_per_entry() <= 41.0, "{}", facts.bits_per_entry());
            assert!(rate < 2_f64.powi(-28), "{rate}");
        }
        16 => assert!(rate < 1.0 / 2_700.0, "{rate}"),
        _ => {}
    }
    let verified = corpus.verify(|_| {}).unwrap();
    assert_eq!(verified.root, facts.root);
}

trait Reads {
    fn reads(&self) -> usize;
}

impl Reads for Corpus<Counted<FileAt>> {
    fn reads(&self) -> usize {
        self.source().1.load(Ordering::Relaxed)
    }
}

#[test]
fn everything_is_found_in_one_read_with_32_key_bits() {
    holds(32, 200_000);
}

#[test]
fn everything_is_found_in_one_read_with_16_key_bits() {
    holds(16, 200_000);
}

#[test]
fn hashes_that_share_a_cell_have_the_class_of_the_higher() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let mut builder = Builder::create(&path, HashKind::Sha1, 16, Size::Pages(1), date()).unwrap();
    for (prefix, count) in [(5, 2), (6, 40), (7, 3)] {
        builder.push(&hash(prefix), count).unwrap();
    }
    assert_eq!(builder.finish().unwrap().entries, 1);
    let seen = Corpus::open(&path).unwrap().lookup(&hash(6)).unwrap();
    assert_eq!(seen, Sighting::Seen(CountClass::of(40).unwrap()));
}

#[test]
fn a_range_that_is_missing_is_unknown_and_never_clean() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let gap = |number| Range::new(number).unwrap();
    let mut builder =
        Builder::create(&path, HashKind::Sha1, 32, Size::Entries(10_000), date()).unwrap();
    for (hash, count) in Hashes::new(10_000) {
        builder.push(&hash, count).unwrap();
    }
    for number in [0, 1, 7, Range::COUNT - 1] {
        builder.gap(gap(number)).unwrap();
    }
    assert_eq!(builder.finish().unwrap().unknown_ranges, 4);
    let corpus = Corpus::open(&path).unwrap();
    corpus.verify(|_| {}).unwrap();
    for number in 0..10 {
        let unknown =
            corpus.lookup(&hash(number << 44 | 99)).unwrap() == Sighting::Unknown(Unknown::Gap);
        assert_eq!(unknown, [0, 1, 7].contains(&number), "{number}");
    }
    assert_eq!(
        corpus.lookup(&hash(u64::MAX)).unwrap(),
        Sighting::Unknown(Unknown::Gap)
    );
}

#[test]
fn what_is_out_of_order_or_no_hashes_is_refused_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let begin = || Builder::create(&path, HashKind::Sha1, 32, Size::Pages(3), date()).unwrap();
    let mut builder = begin();
    builder.push(&hash(9), 1).unwrap();
    assert!(matches!(
        builder.push(&hash(9), 1),
        Err(Error::Unordered { number: 2 })
    ));
    drop(builder);
    let ntlm = PasswordHash::ntlm("x");
    assert!(matches!(begin().push(&ntlm, 1), Err(Error::Kind { .. })));
    let mut builder = begin();
    let all = (0..100_000).try_for_each(|i| builder.push(&hash(i << 26), 1));
    let uneven = all.and_then(|()| builder.finish().map(drop));
    assert!(matches!(uneven, Err(Error::TooUneven)));
    for key_bits in [15, 33] {
        let none = Builder::create(&path, HashKind::Sha1, key_bits, Size::Pages(3), date());
        assert!(matches!(none, Err(Error::Shape)));
    }
    let left = std::fs::read_dir(folder.path()).unwrap();
    let left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["corpus.lock"]);
}

#[test]
fn a_new_corpus_comes_in_the_place_of_the_old_one_only_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    build(&path, 32, 1000);
    let before = std::fs::read(&path).unwrap();
    let mut builder =
        Builder::create(&path, HashKind::Sha1, 20, Size::Entries(10), date()).unwrap();
    builder.push(&hash(3), 1).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    builder.finish().unwrap();
    assert_eq!(Corpus::open(&path).unwrap().facts().entries, 1);
}

#[test]
fn the_memory_of_a_build_does_not_grow_with_it() {
    // Its own process, so that others do not count.
    let peak = |entries: u64| {
        let out = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "holds::child_builds", "--nocapture"])
            .env("CHILD_ENTRIES", entries.to_string())
            .output()
            .unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let peak = text
            .lines()
            .find_map(|line| line.split_once("PEAK "))
            .unwrap()
            .1;
        peak.trim().parse::<u64>().unwrap()
    };
    let [small, large] = [300_000, 3_000_000].map(peak);
    assert!(large < 64 * 1024, "{large} KiB");
    // Ten times the entries, and not a MiB more for them, whose octets alone are 15 MB.
    assert!(large < small + 2048, "{small} KiB, then {large} KiB");
}

/// What the test above starts; by itself it has nothing to do.
#[test]
fn child_builds() {
    let Ok(entries) = std::env::var("CHILD_ENTRIES") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    build(&folder.path().join("corpus"), 32, entries.parse().unwrap());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    println!("PEAK {}", peak.trim_end_matches("kB").trim());
}
