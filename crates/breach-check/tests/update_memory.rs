//! The memory of an update does not grow with the corpus, nor with what overflows, nor with what is fetched.
//!
//! The test starts itself as a child process, which updates, so that nothing else counts.
#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code)]
mod update;

use std::path::Path;
use std::process::Command;

use breach_check::Range;
use breach_check::corpus::{Builder, Corpus, Error, Size, Update};
use breach_check::{HashKind, PasswordHash};
use update::{date, hash};

const ORDER: &str = "BREACH_CHECK_MEMORY";

/// With 32 key bits, a page has room for 878.
const USUAL: u64 = 760;
const CROWDED: u64 = 1700;
/// One page in so many is crowded.
const EVERY: u64 = 16;
/// One range in so many is a gap at first, and half of those stay one.
const GAPS: usize = 3;
/// What another allocator, or another system, may do with as much.
const SLACK: u64 = 2048;

/// Hashes of so many pages, in order; in one page of `EVERY` nearly half of them overflow.
fn hashes(pages: u64, by: u64) -> impl Iterator<Item = (PasswordHash, u64)> {
    let of_page = move |page: u64| {
        let first = (u128::from(page) << 64).div_ceil(u128::from(pages)) as u64;
        let count = if page.is_multiple_of(EVERY) {
            CROWDED
        } else {
            USUAL
        };
        let step = u64::MAX / pages / (count + 1);
        (0..count).map(move |i| (hash(first + i * step + by), i + 1))
    };
    (0..pages).flat_map(of_page)
}

fn build(path: &Path, pages: u64) {
    let size = Size::Pages(pages as u32);
    let mut builder = Builder::create(path, HashKind::Sha1, 32, size, date(1)).unwrap();
    for (hash, count) in hashes(pages, 0) {
        builder.push(&hash, count).unwrap();
    }
    for range in Range::all().step_by(GAPS) {
        builder.gap(range).unwrap();
    }
    let facts = builder.finish().unwrap();
    assert!(facts.overflow > facts.entries / 20, "{facts:?}");
}

/// Fetches every second range: no two that are fetched lie side by side, and every page is another afterwards.
fn update(path: &Path, pages: u64) {
    let mut update = Update::begin(path).unwrap();
    let mut new = hashes(pages, 1 << 30).peekable();
    for range in Range::all().step_by(2) {
        while new.next_if(|(hash, _)| hash.range() < range).is_some() {}
        let of_range = std::iter::from_fn(|| new.next_if(|(hash, _)| hash.range() == range));
        update.range(range, of_range.map(Ok::<_, Error>)).unwrap();
    }
    let facts = update.finish(date(2)).unwrap();
    assert!(facts.overflow > facts.entries / 20, "{facts:?}");
    assert!(facts.unknown_ranges > Range::COUNT / 7, "{facts:?}");
}

/// Not a test of its own: the process whose memory is looked at.
#[test]
fn child_updates() {
    let Ok(order) = std::env::var(ORDER) else {
        return;
    };
    let [holds, pages, path] = order.splitn(3, '|').collect::<Vec<_>>()[..] else {
        panic!("{order}");
    };
    // Which has what overflows in memory, as an update has not.
    let held = (holds == "holds").then(|| Corpus::open(path).unwrap());
    update(Path::new(path), pages.parse().unwrap());
    drop(held);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let peak = lines.find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("PEAK {}", peak.trim_end_matches("kB").trim());
}

/// KiB that an update of so many pages takes at most.
fn peak(holds: &str, pages: u64) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    build(&path, pages);
    let out = Command::new(std::env::current_exe().unwrap())
        .args(["child_updates", "--exact", "--nocapture"])
        .env(ORDER, format!("{holds}|{pages}|{}", path.display()))
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let mut lines = text.lines();
    let peak = lines.find_map(|line| line.split_once("PEAK ")).unwrap().1;
    Corpus::open(&path).unwrap().verify(|_| {}).unwrap();
    peak.trim().parse().unwrap()
}

#[test]
fn the_memory_of_an_update_does_not_grow_with_it() {
    let (small, large) = (peak("", 500), peak("", 5000));
    assert!(large < 64 * 1024, "{large} KiB");
    // Ten times the entries, of which a quarter of a million overflow.
    assert!(large < small + SLACK, "{small} KiB, then {large} KiB");
    // The mutation: with the tail in memory it would not pass.
    let holds = peak("holds", 5000);
    assert!(holds > small + SLACK, "{small} KiB, then {holds} KiB");
}
