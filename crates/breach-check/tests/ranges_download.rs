//! Downloads: what counts as fetched, what stays as it was, and who is asked how often.
#![allow(missing_docs, clippy::unwrap_used)]

mod ranges_peer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use breach_check::ranges::{
    Base, Completeness, Download, Error, KeepError, Keeper, Kept, KeptError, NotWhole, Patience,
    Report, Start,
};
use breach_check::{Answer, End, HashKind, Http, HttpFault, Range};
use http::{Request, Response};
use ranges_peer::{gzip, text};

const KIND: HashKind = HashKind::Sha1;

fn range(number: u32) -> Range {
    Range::new(number).unwrap()
}

fn ranges(count: u32) -> impl Iterator<Item = Range> + Send {
    (0..count).map(range)
}

type Script = dyn Fn(Range, Option<&str>, usize) -> Result<Answer, HttpFault> + Send + Sync;

/// A service by a function of range, `If-None-Match`, and how often it was asked for this range.
struct Service {
    script: Box<Script>,
    asked: Mutex<BTreeMap<u32, usize>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Service {
    fn new(
        script: impl Fn(Range, Option<&str>, usize) -> Result<Answer, HttpFault> + Send + Sync + 'static,
    ) -> Self {
        Self {
            script: Box::new(script),
            asked: Mutex::default(),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }
    }

    fn asked(&self) -> BTreeMap<u32, usize> {
        self.asked.lock().unwrap().clone()
    }
}

impl Http for Service {
    async fn send(&self, request: Request<()>, _: usize) -> Result<Answer, HttpFault> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        assert!(request.headers().get("add-padding").is_none());
        // Others have their turn meanwhile.
        let mut turns = 3;
        std::future::poll_fn(|context| {
            turns -= 1;
            context.waker().wake_by_ref();
            match turns {
                0 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })
        .await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        let path = request.uri().path().strip_prefix("/range/").unwrap();
        let range = Range::from_hex(path).unwrap();
        let before = {
            let mut asked = self.asked.lock().unwrap();
            let asked = asked.entry(range.number()).or_default();
            *asked += 1;
            *asked - 1
        };
        let etag = request.headers().get("if-none-match");
        (self.script)(range, etag.map(|etag| etag.to_str().unwrap()), before)
    }
}

fn answer(status: u16, fields: &[(&str, &str)], body: &[u8], end: End) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    Answer::new(response.body(body.to_vec()).unwrap(), end)
}

fn good(range: Range, lines: u64, etag: &str) -> Answer {
    let body = gzip(text(KIND, range, lines).as_bytes());
    answer(
        200,
        &[("content-encoding", "gzip"), ("etag", etag)],
        &body,
        End::Stream,
    )
}

fn keeper(path: &Path, start: Start) -> Keeper {
    Keeper::open(path, KIND, Completeness::default(), start).unwrap()
}

/// Downloads so many ranges without waiting, and says how long it would have waited.
fn run(path: &Path, start: Start, count: u32, service: &Service) -> (Report, Vec<Duration>) {
    run_with(path, start, count, service, Patience::default())
}

fn run_with(
    path: &Path,
    start: Start,
    count: u32,
    service: &Service,
    patience: Patience,
) -> (Report, Vec<Duration>) {
    let mut keeper = keeper(path, start);
    let waits = Mutex::new(Vec::new());
    let wait = |pause| {
        waits.lock().unwrap().push(pause);
        std::future::ready(())
    };
    let base = Base::new("https://example.org").unwrap();
    let download = Download::new(service, base, "example", wait).unwrap();
    let download = download.patience(patience);
    let mut last = 0;
    let progress = |progress: &breach_check::ranges::Progress| last = progress.done();
    let report = pollster::block_on(download.run(&mut keeper, ranges(count), progress)).unwrap();
    if !report.is_given_up {
        assert_eq!(last, count, "{report:?}");
    }
    (report, waits.into_inner().unwrap())
}

fn all_good() -> Service {
    Service::new(|range, etag, _| {
        Ok(match etag {
            Some("\"1\"") => answer(304, &[], b"", End::Length),
            _ => good(range, 100, "\"1\""),
        })
    })
}

fn unknown(report: &Report) -> Vec<(u32, Error)> {
    let unknown = report.unknown.iter();
    unknown
        .map(|(range, why)| (range.number(), why.clone()))
        .collect()
}

#[test]
fn what_comes_whole_is_kept_and_then_asked_for_by_etag() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let (report, waits) = run(path, Start::Resume, 300, &all_good());
    assert!(report.is_complete() && waits.is_empty());
    assert_eq!(
        (report.progress.fetched, report.progress.unchanged),
        (300, 0)
    );
    let kept = Kept::open(path).unwrap();
    assert_eq!(kept.known().unwrap(), ranges(300).collect::<Vec<_>>());
    for range in ranges(300) {
        let suffixes = kept.suffixes(range).unwrap();
        assert_eq!(suffixes.text(), text(KIND, range, 100));
    }
    let missing = kept.suffixes(range(300));
    assert!(matches!(missing, Err(KeptError::Unknown(_))), "{missing:?}");
    // Another download asks for all by their ETag; but for what is damaged or gone, without.
    let file = |number| path.join("000").join(format!("{}.gz", range(number)));
    std::fs::write(file(5), b"x").unwrap();
    std::fs::remove_file(file(6)).unwrap();
    let mut flipped = std::fs::read(file(7)).unwrap();
    flipped[30] ^= 1;
    std::fs::write(file(7), flipped).unwrap();
    let service = all_good();
    let (report, _) = run(path, Start::Resume, 300, &service);
    assert!(report.is_complete());
    assert_eq!(
        (report.progress.fetched, report.progress.unchanged),
        (3, 297)
    );
    assert_eq!(service.asked().len(), 300);
    let kept = Kept::open(path).unwrap();
    for number in 5..=7 {
        assert_eq!(kept.suffixes(range(number)).unwrap().len(), 100);
    }
}

#[test]
fn what_is_plain_or_ntlm_is_kept_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new(|range, _, _| {
        let text = text(HashKind::Ntlm, range, 10).replace("\r\n", "\n") + "\n";
        Ok(answer(200, &[], text.as_bytes(), End::Chunked))
    });
    let open = || {
        Keeper::open(
            folder.path(),
            HashKind::Ntlm,
            Completeness::default(),
            Start::Resume,
        )
    };
    let mut keeper = open().unwrap();
    let base = Base::new("https://example.org").unwrap();
    let download = Download::new(service, base, "example", |_| std::future::ready(()));
    let download = download.unwrap();
    let report = pollster::block_on(download.run(&mut keeper, ranges(3), |_| {}));
    assert!(report.unwrap().is_complete());
    let kept = Kept::open(folder.path()).unwrap();
    let suffixes = kept.suffixes(range(2)).unwrap();
    assert_eq!((suffixes.len(), suffixes.kind()), (10, HashKind::Ntlm));
    // Another kind, or another process, does not get the folder.
    assert!(matches!(open(), Err(KeepError::Locked)));
    drop(keeper);
    let other = Keeper::open(folder.path(), KIND, Completeness::default(), Start::Resume);
    assert!(matches!(other, Err(KeepError::Kind(HashKind::Ntlm))));
    std::fs::write(folder.path().join("table"), "something else\n").unwrap();
    assert!(matches!(open(), Err(KeepError::NoTable)));
    assert_eq!(
        std::fs::read(folder.path().join("table")).unwrap(),
        b"something else\n"
    );
}

/// Answers for range 9 that must not count, when there were 100 lines.
fn broken() -> Vec<(&'static str, Result<Answer, HttpFault>)> {
    let nine = range(9);
    let text = text(KIND, nine, 100);
    let zipped = gzip(text.as_bytes());
    let end = zipped.len();
    let coded = [("content-encoding", "gzip")];
    let mut crc = zipped.clone();
    crc[end - 6] ^= 1;
    let ok = |body: &[u8], end| Ok(answer(200, &coded, body, end));
    let plain = |text: &str| Ok(answer(200, &[], text.as_bytes(), End::Length));
    let mut lines: Vec<_> = text.split("\r\n").collect();
    lines.reverse();
    let padding = format!("{}:0\r\n", "F".repeat(35)).repeat(100);
    vec![
        ("closed", ok(&zipped, End::Closed)),
        ("cut", ok(&zipped[..end / 2], End::Length)),
        ("no trailer", ok(&zipped[..end - 8], End::Length)),
        ("checksum", ok(&crc, End::Length)),
        ("behind", ok(&[&*zipped, b"x"].concat(), End::Length)),
        ("descending", plain(&lines.join("\r\n"))),
        ("few", Ok(good(nine, 79, "\"few\""))),
        (
            "few without coding",
            plain(
                &lines[..79]
                    .iter()
                    .rev()
                    .copied()
                    .collect::<Vec<_>>()
                    .join("\r\n"),
            ),
        ),
        (
            "padding does not count",
            plain(&(padding + &ranges_peer::text(KIND, nine, 79))),
        ),
        ("empty", plain("")),
        ("500", Ok(answer(500, &[], text.as_bytes(), End::Length))),
        ("206", Ok(answer(206, &coded, &zipped, End::Length))),
        ("404", Ok(answer(404, &[], b"", End::Length))),
        (
            "304 without a question",
            Ok(answer(304, &[], b"", End::Length)),
        ),
        ("429", Ok(answer(429, &[], b"", End::Length))),
        ("unreachable", Err(HttpFault::Unreachable)),
        ("too late", Err(HttpFault::TimedOut)),
        ("too long", Err(HttpFault::TooLong { most: 1 })),
        ("refused", Err(HttpFault::Refused)),
    ]
}

#[test]
fn what_is_not_whole_stays_unknown() {
    for (name, broken) in broken() {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::new(move |range, _, _| match range.number() {
            9 => broken.clone(),
            _ => Ok(good(range, 100, "\"1\"")),
        });
        let (report, _) = run(folder.path(), Start::Resume, 20, &service);
        assert!(!report.is_complete(), "{name}");
        assert_eq!(unknown(&report).len(), 1, "{name}: {report:?}");
        assert_eq!(
            (report.unknown[0].0, report.progress.unknown),
            (range(9), 1),
            "{name}"
        );
        assert_eq!(report.progress.fetched, 19, "{name}");
        let kept = Kept::open(folder.path()).unwrap();
        let read = kept.suffixes(range(9));
        assert!(
            matches!(read, Err(KeptError::Unknown(_))),
            "{name}: {read:?}"
        );
        assert_eq!(kept.known().unwrap().len(), 19, "{name}");
        // The next one asks for this one only.
        let service = all_good();
        let (report, _) = run(folder.path(), Start::Resume, 20, &service);
        assert!(report.is_complete(), "{name}");
        assert_eq!(service.asked(), [(9, 1)].into(), "{name}");
        assert_eq!(report.progress.before, 19, "{name}");
        assert_eq!(kept.suffixes(range(9)).unwrap().len(), 100, "{name}");
    }
}

#[test]
fn what_was_there_stays_when_less_comes() {
    for (name, broken) in broken() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), Start::Resume, 20, &all_good());
        let broken = broken.clone();
        let service = Service::new(move |range, etag, _| {
            assert_eq!(etag, Some("\"1\""));
            match range.number() {
                9 => broken.clone(),
                _ => Ok(good(range, 80, "\"2\"")),
            }
        });
        let (report, _) = run(folder.path(), Start::Anew, 20, &service);
        let kept = Kept::open(folder.path()).unwrap();
        assert_eq!(kept.known().unwrap().len(), 20, "{name}");
        assert_eq!(kept.suffixes(range(9)).unwrap().len(), 100, "{name}");
        assert_eq!(kept.suffixes(range(8)).unwrap().len(), 80, "{name}");
        // This is an answer now.
        let is_unchanged = name == "304 without a question";
        assert_eq!(report.is_complete(), is_unchanged, "{name}");
    }
}

#[test]
fn mutation_without_the_check_of_lines_less_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new(|range, _, _| {
        let lines = if range.number() == 9 { 1 } else { 100 };
        Ok(good(range, lines, "\"1\""))
    });
    let open =
        |completeness| Keeper::open(folder.path(), KIND, completeness, Start::Resume).unwrap();
    let mut keeper = open(Completeness::unchecked());
    let base = Base::new("https://example.org").unwrap();
    let download = Download::new(service, base, "example", |_| std::future::ready(()));
    let download = download.unwrap();
    let report = pollster::block_on(download.run(&mut keeper, ranges(20), |_| {})).unwrap();
    assert!(report.is_complete() && keeper.is_known(range(9)));
    drop(keeper);
    // And with it, not even what is in the folder already.
    let keeper = open(Completeness::default());
    assert!(!keeper.is_known(range(9)) && keeper.is_known(range(8)));
    let kept = Kept::open(folder.path()).unwrap();
    assert!(matches!(
        kept.suffixes(range(9)),
        Err(KeptError::Unknown(_))
    ));
}

#[test]
fn the_first_that_come_are_judged_by_those_that_come_later() {
    // Of the first 64, half are short: which half is, shows later.
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new(|range, _, _| {
        let lines = if range.number() < 40 { 50 } else { 100 };
        Ok(good(range, lines, "\"1\""))
    });
    let (report, _) = run(folder.path(), Start::Resume, 200, &service);
    let numbers: Vec<_> = unknown(&report)
        .into_iter()
        .map(|(number, _)| number)
        .collect();
    assert_eq!(numbers, (0..40).collect::<Vec<_>>());
    let kept = Kept::open(folder.path()).unwrap();
    assert_eq!(kept.known().unwrap().len(), 160);
    assert_eq!(
        (report.progress.fetched, report.progress.unknown),
        (160, 40)
    );
}

#[test]
fn a_busy_server_is_left_alone_as_long_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new(|range, _, before| {
        Ok(match (range.number(), before) {
            (0, 0) => answer(429, &[("retry-after", "17")], b"", End::Length),
            (0, 1) => answer(503, &[("retry-after", "0")], b"", End::Length),
            (0, 2) => answer(500, &[], b"", End::Length),
            _ => good(range, 100, "\"1\""),
        })
    });
    let (report, waits) = run(folder.path(), Start::Resume, 3, &service);
    assert!(report.is_complete());
    let seconds = Duration::from_secs;
    assert_eq!(waits.len(), 3);
    assert_eq!(waits[0], seconds(17));
    assert!((seconds(1)..=seconds(2)).contains(&waits[1]), "{waits:?}");
    assert!((seconds(2)..=seconds(4)).contains(&waits[2]), "{waits:?}");
    // Longer than there is patience: not again.
    let folder = tempfile::tempdir().unwrap();
    let service =
        Service::new(|_, _, _| Ok(answer(429, &[("retry-after", "86400")], b"", End::Length)));
    let (report, waits) = run(folder.path(), Start::Resume, 1, &service);
    assert!(waits.is_empty());
    let after = Some(seconds(86_400));
    assert_eq!(unknown(&report), [(0, Error::Busy { after })]);
}

#[test]
fn it_tries_so_often_and_no_more_than_so_many() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new(|range, _, before| match (range.number(), before) {
        (1, _) => Err(HttpFault::Unreachable),
        (2, _) => Err(HttpFault::Refused),
        (3, _) => Ok(answer(404, &[], b"", End::Length)),
        (4, 0..=3) => Ok(good(range, 10, "\"1\"")),
        _ => Ok(good(range, 100, "\"1\"")),
    });
    let mut patience = Patience::default();
    patience.longest_wait = Duration::from_secs(3);
    patience.in_flight = 7;
    let (report, waits) = run_with(folder.path(), Start::Resume, 40, &service, patience);
    let asked = service.asked();
    assert_eq!([1, 2, 3].map(|number| asked[&number]), [5, 1, 1]);
    assert!(waits.len() >= 4 && waits.iter().all(|wait| *wait <= Duration::from_secs(3)));
    let numbers: Vec<_> = unknown(&report)
        .into_iter()
        .map(|(number, _)| number)
        .collect();
    assert!(numbers.starts_with(&[1, 2, 3]), "{numbers:?}");
    assert_eq!(service.most.load(Ordering::SeqCst), 7);
}

#[test]
fn it_gives_up_when_nothing_comes() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::new(|_, _, _| Err(HttpFault::Refused));
    let mut patience = Patience::default();
    patience.unknown = 10;
    let (report, _) = run_with(folder.path(), Start::Resume, 10_000, &service, patience);
    assert!(report.is_given_up && !report.is_complete());
    assert!(service.asked().len() < 100);
    let few = NotWhole::Few { lines: 1, least: 2 };
    assert!(few.is_temporary());
}

#[test]
fn a_reader_beside_sees_each_range_when_it_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    drop(keeper(&path, Start::Resume));
    let kept = Kept::open(&path).unwrap();
    assert_eq!(kept.known().unwrap(), []);
    run(&path, Start::Resume, 10, &all_good());
    assert_eq!(kept.suffixes(range(3)).unwrap().len(), 100);
    // Written anew, when most of the table says nothing any more.
    let id = || std::fs::read_to_string(path.join("table")).unwrap()[..50].to_owned();
    let first = id();
    for _ in 0..150 {
        run(&path, Start::Anew, 10, &all_good());
    }
    assert_ne!(id(), first);
    let length = std::fs::metadata(path.join("table")).unwrap().len();
    assert!(length < 60_000, "{length}");
    run(&path, Start::Resume, 20, &all_good());
    assert_eq!(kept.suffixes(range(15)).unwrap().len(), 100);
    assert_eq!(kept.known().unwrap().len(), 20);
    let (report, _) = run(&path, Start::Anew, 20, &all_good());
    assert_eq!(report.progress.unchanged, 20);
}

#[test]
fn the_future_can_go_to_another_thread() {
    fn sent<T: Send>(_: &T) {}
    let folder = tempfile::tempdir().unwrap();
    let mut keeper = keeper(folder.path(), Start::Resume);
    let base = Base::new("https://example.org").unwrap();
    let download = Download::new(all_good(), base, "example", |_| std::future::ready(()));
    let download = download.unwrap();
    let run = download.run(&mut keeper, Range::all(), |_| {});
    sent(&run);
    // Dropped at any moment.
    drop(run);
    assert!(!keeper.is_settled(range(0)));
}
