//! `kill -9` at any moment of a download: what was told to be fetched is, whole; nothing else is believed; and the next
//! download asks only for what is missing.
//!
//! The test starts itself as a child process that downloads and tells what it has, and kills it.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]

mod ranges_peer;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use breach_check::ranges::{Base, Completeness, Download, Keeper, Kept, Start};
use breach_check::{Answer, End, HashKind, Http, HttpFault, Range};
use http::{Request, Response};
use ranges_peer::{gzip, text};

const KIND: HashKind = HashKind::Sha1;
const RANGES: u32 = 300;
const KILLS: usize = 12;
const STORM: usize = 200;
const FOLDER: &str = "BREACH_CHECK_RANGES_KILL";

/// The text of a range, of the first or the second edition.
fn edition(range: Range, second: bool) -> String {
    text(KIND, range, if second { 11 } else { 10 })
}

/// Serves the second edition; who has the first, is told by its `ETag`.
struct Service {
    second: bool,
    asked: Mutex<BTreeSet<Range>>,
}

impl Http for Service {
    async fn send(&self, request: Request<()>, _: usize) -> Result<Answer, HttpFault> {
        let path = request.uri().path().strip_prefix("/range/").unwrap();
        let range = Range::from_hex(path).unwrap();
        self.asked.lock().unwrap().insert(range);
        let etag = if self.second { "\"2\"" } else { "\"1\"" };
        let named = request.headers().get("if-none-match");
        let response = match named.is_some_and(|named| named == etag) {
            true => Response::builder().status(304).body(Vec::new()),
            false => Response::builder()
                .header("etag", etag)
                .header("content-encoding", "gzip")
                .body(gzip(edition(range, self.second).as_bytes())),
        };
        Ok(Answer::new(response.unwrap(), End::Stream))
    }
}

fn keeper(path: &Path) -> Keeper {
    Keeper::open(path, KIND, Completeness::default(), Start::Resume).unwrap()
}

/// Downloads an edition, tells how many are done, and returns what was asked for.
fn download(path: &Path, second: bool, mut tell: impl FnMut(u32) + Send) -> BTreeSet<Range> {
    let mut keeper = keeper(path);
    let asked = Mutex::default();
    let service = Service { second, asked };
    let base = Base::new("https://example.org").unwrap();
    let wait = |_| std::future::ready(());
    let download = Download::new(&service, base, "example", wait).unwrap();
    let ranges = Range::all().take(RANGES as usize);
    let report = download.run(&mut keeper, ranges, |progress| tell(progress.done()));
    let report = pollster::block_on(report).unwrap();
    assert!(report.is_complete(), "{report:?}");
    service.asked.into_inner().unwrap()
}

/// Not a test of its own: the process that is killed.
#[test]
fn child_downloads() {
    let Ok(path) = std::env::var(FOLDER) else {
        return;
    };
    let mut out = std::io::stdout();
    let mut before = 0;
    for second in [false, true] {
        download(Path::new(&path), second, |done| {
            writeln!(out, "\ndone {}", before + done).unwrap();
            out.flush().unwrap();
        });
        before += RANGES;
    }
    writeln!(out, "\nend").unwrap();
}

/// Kills a child after it has told of so many ranges; how many it told of at last.
fn kill(path: &Path, after: u32) -> u32 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child_downloads", "--exact", "--nocapture"])
        .env(FOLDER, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = 0;
    for line in &mut lines {
        let line = line.unwrap();
        assert_ne!(line, "end");
        if let Some(done) = line.strip_prefix("done ") {
            told = done.parse().unwrap();
            if told >= after {
                break;
            }
        }
    }
    child.kill().unwrap();
    // What it still told while it was killed.
    for line in lines.map_while(Result::ok) {
        if let Some(Ok(done)) = line.strip_prefix("done ").map(str::parse) {
            told = done;
        }
    }
    child.wait().unwrap();
    told
}

/// What is wrong with a folder, whose child told of so many ranges.
fn damage(path: &Path, told: u32) -> Vec<String> {
    let kept = match Kept::open(path) {
        Ok(kept) => kept,
        Err(error) => return vec![format!("{error}")],
    };
    let mut damage = Vec::new();
    let known = kept.known().unwrap();
    for range in &known {
        match kept.suffixes(*range) {
            Ok(suffixes) => {
                let text = suffixes.text();
                if ![false, true]
                    .iter()
                    .any(|second| text == edition(*range, *second))
                {
                    damage.push(format!("{range} has another content"));
                }
            }
            Err(error) => damage.push(format!("{error}")),
        }
    }
    // It tells before a batch of 64 is durable, and is asked for by that many at most.
    let least = told.min(RANGES).saturating_sub(64);
    if (known.len() as u32) < least {
        damage.push(format!("lost: {} of {least} are known", known.len()));
    }
    damage
}

/// Whether the folder can be completed by asking for what is missing alone.
fn completed(path: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let settled: BTreeSet<_> = {
        let keeper = keeper(path);
        let all = Range::all().take(RANGES as usize);
        all.filter(|range| keeper.is_settled(*range)).collect()
    };
    let asked = download(path, true, |_| {});
    if asked.intersection(&settled).next().is_some()
        || asked.len() + settled.len() != RANGES as usize
    {
        faults.push(format!(
            "{} asked for beside {}",
            asked.len(),
            settled.len()
        ));
    }
    // Another pass brings whatever was of the first edition.
    download(path, true, |_| {});
    let kept = Kept::open(path).unwrap();
    for range in Range::all().take(RANGES as usize) {
        let whole = kept
            .suffixes(range)
            .is_ok_and(|s| s.text() == edition(range, true));
        if !whole {
            faults.push(format!("{range} is not whole"));
        }
    }
    faults
}

/// Kills so many downloads, each at another moment.
fn storm(kills: usize) {
    let next = AtomicUsize::new(0);
    let run = || {
        while let number @ 0.. = next.fetch_add(1, Ordering::SeqCst)
            && number < kills
        {
            let folder = tempfile::tempdir().unwrap();
            // Spread over both editions, and so over the steps of a batch.
            let after = (number * 2 * (RANGES as usize - 70) / kills) as u32 + 1;
            let told = kill(folder.path(), after);
            let damage = damage(folder.path(), told);
            assert!(damage.is_empty(), "{number}, told of {told}: {damage:?}");
            // Killed again while it goes on, and then completed.
            if number % 2 == 0 && told < RANGES {
                kill(folder.path(), told / 2);
            }
            let faults = completed(folder.path());
            assert!(faults.is_empty(), "{number}, told of {told}: {faults:?}");
        }
    };
    std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(run))));
}

#[test]
fn a_download_that_is_killed_lost_nothing_that_was_told() {
    storm(KILLS);
}

#[test]
#[ignore = "deep: takes minutes"]
fn deep_kill_a_download_at_any_moment() {
    storm(STORM);
}

#[test]
fn mutation_files_that_are_not_whole_or_gone_are_found_out() {
    let folder = tempfile::tempdir().unwrap();
    download(folder.path(), false, |_| {});
    assert_eq!(damage(folder.path(), RANGES), <[&str; 0]>::default());
    let file = |number| -> PathBuf {
        let range = Range::new(number).unwrap();
        folder.path().join("001").join(format!("{range}.gz"))
    };
    let whole = std::fs::read(file(290)).unwrap();
    // Written in place and cut, as by a process that was killed.
    for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
        std::fs::write(file(290), &whole[..cut]).unwrap();
        assert_eq!(
            damage(folder.path(), RANGES),
            ["the file of range 00122 is damaged"]
        );
    }
    // In the table before it is there.
    std::fs::remove_file(file(290)).unwrap();
    assert_eq!(
        damage(folder.path(), RANGES),
        ["the file of range 00122 is damaged"]
    );
    std::fs::copy(file(291), file(290)).unwrap();
    assert_eq!(damage(folder.path(), RANGES), ["00122 has another content"]);
    std::fs::write(file(290), &whole).unwrap();
    // A table that was not written when it was told to be.
    let table = folder.path().join("table");
    let lines = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&table, &lines[..lines.len() / 2]).unwrap();
    let damage = damage(folder.path(), RANGES);
    assert!(
        matches!(&damage[..], [lost] if lost.starts_with("lost: ")),
        "{damage:?}"
    );
}
