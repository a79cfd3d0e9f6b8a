//! `kill -9` between any two things that an update does, and a reader beside it.
//!
//! The test starts itself as a child process, which updates a corpus, and tells at a step whose number it was given. There
//! it waits and is killed, or it goes on and is killed at whatever moment the signal comes. Then the parent looks at what is
//! left.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code)]
mod update;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use breach_check::Sighting;
use breach_check::corpus::{Corpus, Error, Progress, Update};
use update::{Seeded, Source, build, date, fetch, hash, range_of};

const PAGES: u32 = 12;
const KILLS: usize = 200;

/// One page has more than it has room for.
fn source(seed: u64, crowded: u32) -> Source {
    let mut seeded = Seeded(seed);
    let mut source = Source::new();
    for page in 0..PAGES {
        let of_page = if page == crowded { 2000 } else { 1300 };
        let first = (u128::from(page) << 64).div_ceil(u128::from(PAGES)) as u64;
        for i in 0..of_page {
            let range = u64::from(range_of(first) + 1) + i % 400 * 200;
            source.insert(range << 44 | seeded.next() >> 20, 1 << (seeded.next() % 12));
        }
    }
    source
}

/// A third stays in each.
fn sources() -> [Source; 2] {
    let [old, new] = [source(1, 3), source(2, 8)];
    let stays = old.iter().filter(|(prefix, _)| *prefix % 3 == 0);
    let stays: Source = stays.map(|(p, c)| (*p, *c)).collect();
    let new = new.into_iter().filter(|(prefix, _)| prefix % 3 > 0);
    let both = stays.into_iter().chain(new).collect();
    [old, both]
}

fn ranges(sources: &[Source; 2]) -> BTreeSet<u32> {
    let all = sources.iter().flatten();
    all.map(|(prefix, _)| range_of(*prefix)).collect()
}

fn run(
    path: &Path,
    new: &Source,
    told: impl FnMut(Progress) + Send + 'static,
) -> Result<(), Error> {
    let mut update = Update::begin_with(path, told)?;
    fetch(&mut update, new, &ranges(&sources()))?;
    update.finish(date(2)).map(drop)
}

/// What is wrong with what a reader says: of hashes in both, of those in neither, and of those in one.
fn wrong(corpus: &Corpus, [old, new]: &[Source; 2], step: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    for prefix in old.keys().chain(new.keys()).step_by(step) {
        let both = old.contains_key(prefix) && new.contains_key(prefix);
        match corpus.lookup(&hash(*prefix)) {
            Ok(Sighting::Seen(_)) => {}
            Ok(Sighting::NotSeen) if !both => {}
            other => wrong.push(format!("{prefix:x}: {other:?}")),
        }
    }
    let mut seeded = Seeded(99);
    for _ in 0..200 {
        // Beside all ranges that there are.
        let prefix = seeded.next() | 1 << 63 | 0xFFF << 44;
        if old
            .keys()
            .chain(new.keys())
            .any(|p| range_of(*p) == range_of(prefix))
        {
            continue;
        }
        let said = corpus.lookup(&hash(prefix));
        if !matches!(said, Ok(Sighting::NotSeen)) {
            wrong.push(format!("none {prefix:x}: {said:?}"));
        }
    }
    wrong
}

fn steps(path: &Path, new: &Source) -> u64 {
    let steps = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&steps);
    let told = move |_| {
        told.fetch_add(1, Ordering::SeqCst);
    };
    run(path, new, told).unwrap();
    steps.load(Ordering::SeqCst)
}

/// What a child does at its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Waits,
    GoesOn,
}

/// Kills a child at this step, or a moment after it.
fn kill(path: &Path, step: u64, at: At) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child_updates", "--exact", "--nocapture"])
        .env(
            "BREACH_CHECK_KILL",
            format!("{step}|{at:?}|{}", path.display()),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let stopped = lines
        .map(Result::unwrap)
        .any(|line| line.ends_with("stopped"));
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    assert!(stopped, "the child had no step {step}");
}

/// Not a test of its own: the process that is killed.
#[test]
fn child_updates() {
    let Ok(order) = std::env::var("BREACH_CHECK_KILL") else {
        return;
    };
    let (step, order) = order.split_once('|').unwrap();
    let (at, path) = order.split_once('|').unwrap();
    let waits = at == format!("{:?}", At::Waits);
    let mut left: u64 = step.parse().unwrap();
    let told = move |_| {
        if left == 0 {
            println!("stopped");
            if waits {
                // Until it is killed.
                let _ = std::io::stdin().read(&mut [0]);
            }
        }
        left = left.wrapping_sub(1);
    };
    run(Path::new(path), &sources()[1], told).unwrap();
}

#[test]
fn a_kill_at_any_of_200_moments_leaves_a_corpus_that_answers_rightly() {
    let sources = sources();
    let folder = tempfile::tempdir().unwrap();
    let [path, updated, old] = ["corpus", "updated", "old"].map(|name| folder.path().join(name));
    build(&old, 16, PAGES, &sources[0], &BTreeSet::new());
    std::fs::copy(&old, &updated).unwrap();
    let steps = steps(&updated, &sources[1]);
    let (before, after) = (
        std::fs::read(&old).unwrap(),
        std::fs::read(&updated).unwrap(),
    );
    assert_ne!(before.len(), after.len());
    let mut seeded = Seeded(5);
    let (mut olds, mut news, mut halves) = (0, 0, 0);
    for number in 0..KILLS {
        std::fs::write(&path, &before).unwrap();
        let at = [At::Waits, At::GoesOn][number % 2];
        kill(&path, seeded.next() % steps, at);
        let left = std::fs::read(&path).unwrap();
        let journal = folder.path().join("corpus.journal").exists();
        match () {
            () if left == before => olds += 1,
            () if left == after => news += 1,
            () => {
                halves += 1;
                assert!(journal, "{number}: half of it, and no journal");
            }
        }
        let corpus = Corpus::open(&path).unwrap();
        assert_eq!(wrong(&corpus, &sources, 7), [""; 0], "{number}");
        corpus.verify(|_| {}).unwrap();
        // Ended by the next one, and then a reader that was open says the same.
        drop(Update::begin(&path).unwrap());
        let redone = std::fs::read(&path).unwrap();
        assert!(
            redone == if journal { &after[..] } else { &left[..] },
            "{number}"
        );
        assert_eq!(wrong(&corpus, &sources, 7), [""; 0], "{number}");
        assert_eq!(
            corpus.refresh().unwrap(),
            Corpus::open(&path).unwrap().facts()
        );
        assert!(!folder.path().join("corpus.journal").exists());
        assert!(!folder.path().join("corpus.journal-new").exists());
    }
    assert!(
        olds > 10 && halves > 10 && news > 0,
        "{olds} {halves} {news}"
    );
}

/// Without its journal, what a kill leaves half done is found to be wrong.
#[test]
fn mutation_without_a_journal_it_does_not() {
    let sources = sources();
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["corpus", "copy"].map(|name| folder.path().join(name));
    build(&path, 16, PAGES, &sources[0], &BTreeSet::new());
    std::fs::copy(&path, &copy).unwrap();
    let steps = steps(&copy, &sources[1]);
    std::fs::remove_file(&copy).unwrap();
    let before = std::fs::read(&path).unwrap();
    let mut wrongs = 0;
    for step in u64::from(PAGES)..steps {
        std::fs::write(&path, &before).unwrap();
        kill(&path, step, At::Waits);
        let _ = std::fs::remove_file(folder.path().join("corpus.journal"));
        let damage = Corpus::open(&path).map(|corpus| wrong(&corpus, &sources, 7));
        wrongs += u32::from(damage.is_err() || damage.is_ok_and(|damage| !damage.is_empty()));
    }
    assert!(wrongs > 0);
}

#[test]
fn readers_beside_updates_see_the_old_corpus_or_the_new() {
    let sources = sources();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    build(&path, 16, PAGES, &sources[0], &BTreeSet::new());
    let done = AtomicBool::new(false);
    let looks = AtomicU64::new(0);
    let corpus = Corpus::open(&path).unwrap();
    std::thread::scope(|scope| {
        let stop = Stop(&done);
        for opens in [false, true] {
            let (done, looks, path, corpus, sources) = (&done, &looks, &path, &corpus, &sources);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    let opened = opens.then(|| Corpus::open(path).unwrap());
                    let corpus = opened.as_ref().unwrap_or(corpus);
                    assert_eq!(wrong(corpus, sources, 5), [""; 0]);
                    looks.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for number in 1..40 {
            run(&path, &sources[number % 2], |_| {}).unwrap();
        }
        // Not before both have looked.
        while looks.load(Ordering::SeqCst) < 20 {
            std::thread::yield_now();
        }
        drop(stop);
    });
    assert_eq!(corpus.refresh().unwrap().generation, 40);
    corpus.verify(|_| {}).unwrap();
}

/// So that readers end, too, when the updater failed.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
