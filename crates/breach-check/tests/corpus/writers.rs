//! A corpus has one writer at a time: who builds it, or who updates it.

use crate::hashes::{Hashes, build, date, hash};
use breach_check::corpus::{Builder, Corpus, Error, Facts, Size, Update};
use breach_check::{HashKind, Sighting};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

fn begin(path: &Path) -> Result<Builder, Error> {
    Builder::create(path, HashKind::Sha1, 32, Size::Entries(3000), date())
}

fn fill(mut builder: Builder) -> Result<Facts, Error> {
    for (hash, count) in Hashes::new(3000) {
        builder.push(&hash, count)?;
    }
    builder.finish()
}

fn is_refused<T>(begun: Result<T, Error>) -> bool {
    matches!(begun, Err(e @ Error::Locked) if e.is_temporary())
}

/// The files there, but for the lock, which stays.
fn files(folder: &tempfile::TempDir) -> Vec<String> {
    let names = std::fs::read_dir(folder.path()).unwrap();
    let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "corpus.lock").collect();
    names.sort();
    names
}

/// Two tasks, each of which begins anew until it may.
fn in_turn<W>(begin: impl Fn() -> Result<W, Error> + Sync, end: impl Fn(W) + Sync) {
    let (refused, done) = (AtomicU32::new(0), AtomicU32::new(0));
    let task = || {
        let writer = loop {
            match begin() {
                Err(Error::Locked) => refused.fetch_add(1, Ordering::SeqCst),
                begun => break begun.unwrap(),
            };
            std::thread::yield_now();
        };
        // The first goes on only when the other was told.
        while refused.load(Ordering::SeqCst) + done.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        end(writer);
        done.fetch_add(1, Ordering::SeqCst);
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(task))));
    assert_eq!(done.into_inner(), 2);
    assert!(refused.into_inner() > 0);
}

#[test]
fn of_two_builders_one_waits_for_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let end = |builder| assert_eq!(fill(builder).unwrap().generation, 1);
    in_turn(|| begin(&path), end);
    assert_eq!(files(&folder), ["corpus"]);
    let (corpus, fresh) = (Corpus::open(&path).unwrap(), folder.path().join("fresh"));
    let whole = corpus.verify(|_| {}).unwrap();
    assert_eq!(whole, build(&fresh, 32, 3000));
}

#[test]
fn of_two_updates_one_waits_for_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    build(&path, 32, 3000);
    let new = AtomicU32::new(0);
    let end = |mut update: Update| {
        // Each brings another range.
        let hash = hash((u64::from(new.fetch_add(1, Ordering::SeqCst)) + 5) << 44 | 7);
        let hashes = [Ok::<_, Error>((hash.clone(), 1))];
        update.range(hash.range(), hashes).unwrap();
        update.finish(date()).unwrap();
    };
    in_turn(|| Update::begin(&path), end);
    assert_eq!(files(&folder), ["corpus"]);
    let corpus = Corpus::open(&path).unwrap();
    assert_eq!(corpus.verify(|_| {}).unwrap().generation, 3);
    for range in [5, 6] {
        let said = corpus.lookup(&hash(range << 44 | 7)).unwrap();
        assert!(matches!(said, Sighting::Seen(_)), "{range}: {said:?}");
    }
}

/// An update of a corpus that a builder replaces would be lost.
#[test]
fn who_updates_and_who_builds_keep_each_other_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    build(&path, 32, 100);
    let update = Update::begin(&path).unwrap();
    assert!(is_refused(begin(&path)));
    assert!(is_refused(Update::begin(&path)));
    drop(update);
    let builder = begin(&path).unwrap();
    assert!(is_refused(Update::begin(&path)));
    assert!(is_refused(begin(&path)));
    // Of another name, whoever likes.
    build(&folder.path().join("other"), 32, 100);
    drop(builder);
    // Neither changed anything, and each lets go of it at its end.
    assert_eq!(Corpus::open(&path).unwrap().facts().entries, 100);
    let facts = fill(begin(&path).unwrap()).unwrap();
    drop(Update::begin(&path).unwrap());
    assert_eq!(Corpus::open(&path).unwrap().verify(|_| {}).unwrap(), facts);
}

/// Whoever removes the lock has two builders write the same file: what the first one finished is not whole.
#[test]
fn mutation_without_a_lock_two_builders_leave_what_is_not_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let first = begin(&path).unwrap();
    std::fs::remove_file(folder.path().join("corpus.lock")).unwrap();
    let second = begin(&path).unwrap();
    fill(first).unwrap();
    // Its file has the name of the corpus by now.
    assert!(second.finish().is_err());
    let left = Corpus::open(&path).and_then(|corpus| corpus.verify(|_| {}));
    assert!(!matches!(&left, Ok(facts) if facts.entries > 0), "{left:?}");
}
