//! All ranges into a folder.

use std::future::Future;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http::HeaderValue;
use std::io::Write as _;

use super::answer::{self, Coding};
use super::client::{ask, is_unchanged};
use super::keeper::{KeepError, Keeper, Whole};
use super::query;
use super::{Base, Error, NotWhole, Padding, Progress, Query, Report, Suffixes};
use crate::{Answer, HashKind, Http, Range, crypto};

/// How hard is tried.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Patience {
    /// Most questions at the same time. Default 32.
    pub in_flight: usize,
    /// How often a range is asked for, if a later try may help. Default 5.
    pub tries: u32,
    /// How long is waited after the first try; twice as long after each that follows, of which half is by chance. Default
    /// 1 s.
    pub first_wait: Duration,
    /// The longest wait. A server that wants a longer one (`Retry-After`) is not asked for this range again. Default
    /// 5 min.
    pub longest_wait: Duration,
    /// So many ranges may fail before all is given up. Default 1,000.
    pub unknown: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            in_flight: 32,
            tries: 5,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(300),
            unknown: 1_000,
        }
    }
}

/// A downloader. It asks without padding, and by `ETag` for what is kept already.
///
/// It starts no task: whoever polls [`run`](Self::run) drives all questions. It has no clock either: `wait` is how it
/// waits, `tokio::time::sleep` for example.
#[derive(Debug)]
pub struct Download<H, W> {
    http: H,
    wait: W,
    base: Base,
    agent: HeaderValue,
    patience: Patience,
}

enum Got {
    Whole(Whole),
    Unchanged,
}

impl<H, W, F> Download<H, W>
where
    H: Http,
    W: Fn(Duration) -> F + Send + Sync,
    F: Future<Output = ()> + Send,
{
    /// A downloader that asks this server by this name of yours.
    ///
    /// # Errors
    /// [`Error::Agent`].
    pub fn new(http: H, base: Base, agent: &str, wait: W) -> Result<Self, Error> {
        Ok(Self {
            http,
            wait,
            base,
            agent: query::agent(agent)?,
            patience: Patience::default(),
        })
    }

    /// With this patience.
    #[must_use]
    pub fn patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Fetches what of these ranges is not settled yet, and tells how far it is after each. It may be dropped at any
    /// moment, and resumed by another.
    ///
    /// # Errors
    /// As [`KeepError`]. That a range could not be fetched is no error, and stands in the report.
    pub async fn run(
        &self,
        keeper: &mut Keeper,
        ranges: impl IntoIterator<Item = Range, IntoIter: Send> + Send,
        mut progress: impl FnMut(&Progress) + Send,
    ) -> Result<Report, KeepError> {
        let mut report = Report {
            progress: Progress::default(),
            unknown: Vec::new(),
            is_given_up: false,
        };
        let kind = keeper.kind();
        let mut left = ranges.into_iter();
        let mut asked = FuturesUnordered::new();
        loop {
            while asked.len() < self.patience.in_flight.max(1) {
                let Some(range) = left.next() else { break };
                if keeper.is_settled(range) {
                    report.progress.before += 1;
                    continue;
                }
                let mut query = Query::new(kind, range).padding(Padding::NotAsked);
                if let Some(etag) = keeper.etag(range) {
                    query = query.unless(etag);
                }
                asked.push(self.fetch(query, keeper.least(range)));
            }
            let Some((range, got)) = asked.next().await else {
                break;
            };
            let refused = match got {
                Ok(Got::Whole(whole)) => {
                    report.progress.fetched += 1;
                    report.progress.octets += whole.file.len() as u64;
                    keeper.put(whole)?
                }
                Ok(Got::Unchanged) => {
                    report.progress.unchanged += 1;
                    keeper.same(range)?
                }
                Err(why) => {
                    report.progress.unknown += 1;
                    report.unknown.push((range, why));
                    Vec::new()
                }
            };
            report.refuse(refused);
            progress(&report.progress);
            if report.unknown.len() > self.patience.unknown {
                report.is_given_up = true;
                break;
            }
        }
        drop(asked);
        report.refuse(keeper.commit()?);
        let mut outliers = keeper.outliers();
        outliers.retain(|(range, _)| !report.unknown.iter().any(|(other, _)| other == range));
        report.refuse(outliers);
        report.unknown.sort_by_key(|(range, _)| *range);
        report.unknown.dedup_by_key(|(range, _)| *range);
        if report.is_complete() {
            keeper.end()?;
        }
        progress(&report.progress);
        Ok(report)
    }

    /// Asks for a range as often as makes sense.
    async fn fetch(&self, query: Query, least: u32) -> (Range, Result<Got, Error>) {
        let range = query.range();
        let mut tries = 0;
        loop {
            tries += 1;
            let why = match self.once(&query, least).await {
                Ok(got) => return (range, Ok(got)),
                Err(why) => why,
            };
            match self.pause(tries, &why) {
                Some(pause) => (self.wait)(pause).await,
                None => return (range, Err(why)),
            }
        }
    }

    async fn once(&self, query: &Query, least: u32) -> Result<Got, Error> {
        let answer = ask(&self.http, query, &self.base, &self.agent).await?;
        if is_unchanged(query, &answer) {
            return Ok(Got::Unchanged);
        }
        let whole = read(query.kind(), query.range(), &answer, least);
        whole
            .map_err(|what| answer::whole(what, &answer))
            .map(Got::Whole)
    }

    /// How long to wait before the next try, if there is to be one.
    fn pause(&self, tries: u32, why: &Error) -> Option<Duration> {
        let Patience {
            tries: most,
            first_wait,
            longest_wait,
            ..
        } = self.patience;
        if tries >= most || !why.is_temporary() {
            return None;
        }
        let doubled = 1_u32.checked_shl(tries - 1).unwrap_or(u32::MAX);
        let pause = first_wait.saturating_mul(doubled).min(longest_wait);
        let pause = pause / 2 + part(pause / 2);
        match why {
            Error::Busy { after: Some(after) } if *after > longest_wait => None,
            Error::Busy { after: Some(after) } => Some(pause.max(*after)),
            _ => Some(pause),
        }
    }
}

impl Report {
    /// These were counted as fetched, and are not.
    fn refuse(&mut self, refused: Vec<(Range, NotWhole)>) {
        for (range, what) in refused {
            self.progress.fetched = self.progress.fetched.saturating_sub(1);
            self.progress.unknown += 1;
            self.unknown.push((range, Error::NotWhole(what)));
        }
    }
}

/// A part of a duration, by chance.
fn part(of: Duration) -> Duration {
    let mut random = [0];
    // Without randomness all wait equally long.
    let _ = crypto::random(&mut random);
    of * u32::from(random[0]) / 255
}

/// An answer that is whole, and has as many lines as it must have.
fn read(kind: HashKind, range: Range, answer: &Answer, least: u32) -> Result<Whole, NotWhole> {
    let text = match answer::text(answer) {
        Err(NotWhole::Empty) if least == 0 => Vec::new(),
        text => text?,
    };
    let suffixes = Suffixes::read(kind, range, &text)?;
    let lines = u32::try_from(suffixes.len()).unwrap_or(u32::MAX);
    if lines < least {
        return Err(NotWhole::Few { lines, least });
    }
    let fields = answer.response.headers();
    let file = match answer::coding(fields)? {
        Coding::Gzip => answer.response.body().clone(),
        Coding::Identity => zipped(&text).ok_or(NotWhole::TooLong)?,
    };
    let etag = answer::etag(fields);
    Ok(Whole {
        range,
        file,
        lines,
        etag,
    })
}

fn zipped(text: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).ok()?;
    encoder.finish().ok()
}
