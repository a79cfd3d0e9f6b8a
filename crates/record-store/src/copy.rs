//! From one store to another: a move from a file to a database, say, and back.
//!
//! ```
//! use record_store::{AnyStore, Commit, Expect, Key, Records, copy};
//! # pollster::block_on(async {
//! # let now = std::time::UNIX_EPOCH;
//! let (from, to) = (AnyStore::open("memory:")?, AnyStore::open("memory:")?);
//! # let key = Key::new("n", "k")?;
//! # let _ = from.commit(Commit::new().put(&key, *b"v", Expect::Absent), now).await?;
//! let done = copy::run(&from, &to, &copy::Options::default(), now).await?;
//! assert_eq!((done.records, to.get(&key, now).await?.is_some()), (1, true));
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! Both stores are walked side by side, in the order of their keys, and each difference is written to the target: what
//! is missing or other there, and what is there alone. That is repeated until a walk over all of both stores, every
//! octet of every value compared, finds none: so the end of a copy is its proof.
//!
//! Until then a record in the target tells that it is unfinished, and how far the first walk came; it is written in the
//! same commits as the copied records. A copy that was interrupted, at any moment, goes on there.
//!
//! Records get versions of the target's own, so versions that a program keeps outside of its store mean nothing
//! afterwards. Memory holds a page of each store and a batch of at most 2 MiB, and the largest value of all.

mod pairs;
mod progress;

use std::time::SystemTime;

use self::pairs::{Pair, Pairs};
use self::progress::Progress;
use crate::record::Body;
use crate::{Commit, Error as StoreError, Expect, Key, Large, Outcome, Prefix, Records, Versioned};

/// How to copy.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A name of the source, by which a later run knows that it goes on with the same one. At most 1024 octets.
    pub source: String,
    /// Whether this is the last run.
    pub ending: Ending,
}

/// What becomes of the target when a run ends well.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It is a store like any other.
    #[default]
    Finished,
    /// It stays an unfinished copy, to which a later run brings what has changed: for a source that is in use.
    Unfinished,
}

/// What a run did.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Records of the source, and of the target.
    pub records: u64,
    /// Octets of their values.
    pub octets: u64,
    /// How many records of the target this run wrote or removed.
    pub changed: u64,
}

/// Why there is no copy, or no complete one.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source failed.
    #[error("the source cannot be read")]
    Source(#[source] StoreError),
    /// The target failed. A later run goes on.
    #[error("the target cannot be used")]
    Target(#[source] StoreError),
    /// The target holds records, and is no unfinished copy.
    #[error("the target is not empty, and no unfinished copy")]
    NotEmpty,
    /// The target is an unfinished copy of another source.
    #[error("the target is an unfinished copy of another source: {0}")]
    OtherSource(String),
    /// The source is an unfinished copy.
    #[error("the source is an unfinished copy itself")]
    Unfinished,
    /// Somebody else writes to the target: another run, or a service.
    #[error("somebody else writes to the target")]
    TargetChanged,
    /// So many walks found something new each time. A later run goes on.
    #[error(
        "the source is in use: after {WALKS} walks it still differs; stop who writes to it and run this again"
    )]
    SourceChanges,
    /// [`verify`] found records that differ.
    #[error("{0} records differ")]
    Differ(u64),
}

/// Walks over the stores until a copy gives up.
const WALKS: usize = 5;
/// Most operations and octets of a batch, beside the progress.
const BATCH: (usize, usize) = (500, 2 * 1024 * 1024);
const TRIES: usize = 5;

/// Makes the target a copy of the source, or goes on with it.
///
/// What has expired by `now` is not copied. A target that is the same as the source already is complete: so is a run
/// that was interrupted in its very last commit, when it is run again.
///
/// # Errors
/// [`Error`]. After each of them the target is as it was, or an unfinished copy.
pub async fn run(
    from: &impl Records,
    to: &impl Records,
    options: &Options,
    now: SystemTime,
) -> Result<Done, Error> {
    if is_unfinished(from, now).await.map_err(Error::Source)? {
        return Err(Error::Unfinished);
    }
    let mut copy = match Copy::begin(from, to, options, now).await {
        Err(Error::NotEmpty) if options.ending == Ending::Finished => {
            // Boxed: futures in futures make types deeper than the compiler goes in a program.
            return match Box::pin(compare(from, to, now, 1)).await? {
                (done, 0) => Ok(done),
                _ => Err(Error::NotEmpty),
            };
        }
        begun => begun?,
    };
    let mut changed = 0;
    for _ in 0..WALKS {
        let whole = copy.progress.after.is_none();
        let walked = copy.walk().await?;
        changed += walked.changed;
        if whole && walked.changed == 0 {
            if options.ending == Ending::Finished {
                copy.commit(Commit::new(), Next::Finished).await?;
            }
            return Ok(Done { changed, ..walked });
        }
    }
    Err(Error::SourceChanges)
}

/// Compares every record of two stores.
///
/// # Errors
/// [`Error::Differ`], and those of the stores.
pub async fn verify(
    from: &impl Records,
    to: &impl Records,
    now: SystemTime,
) -> Result<Done, Error> {
    match Box::pin(compare(from, to, now, u64::MAX)).await? {
        (done, 0) => Ok(done),
        (_, differ) => Err(Error::Differ(differ)),
    }
}

/// Walks until so many records differ: what it saw, and how many do.
async fn compare(
    from: &impl Records,
    to: &impl Records,
    now: SystemTime,
    most: u64,
) -> Result<(Done, u64), Error> {
    let mut pairs = Pairs::new(from, to, None, now);
    let (mut done, mut differ) = (Done::default(), 0);
    while differ < most
        && let Some(pair) = pairs.next().await?
    {
        if let Some(source) = &pair.source {
            done.records += 1;
            done.octets += source.size();
        }
        differ += u64::from(!pairs.is_same(&pair).await?);
    }
    Ok((done, differ))
}

/// Whether a store is the target of a copy that has not ended: what is in it is not all, or not the newest.
///
/// # Errors
/// Those of [`Records::get`].
pub async fn is_unfinished(store: &impl Records, now: SystemTime) -> Result<bool, StoreError> {
    Ok(store.get(&progress::key()?, now).await?.is_some())
}

/// What becomes of the progress with a commit.
enum Next {
    After(Option<Key>),
    Finished,
}

struct Copy<'a, F, T> {
    from: &'a F,
    to: &'a T,
    now: SystemTime,
    progress: Progress,
}

impl<'a, F: Records, T: Records> Copy<'a, F, T> {
    async fn begin(
        from: &'a F,
        to: &'a T,
        options: &Options,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let key = progress::key().map_err(Error::Target)?;
        let source = options.source.get(..1024).unwrap_or(&options.source);
        let found = to.get(&key, now).await.map_err(Error::Target)?;
        let progress = match found {
            Some(record) => Progress::decode(key, &record).map_err(Error::Target)?,
            None => {
                let all = to.scan(&Prefix::all(), None, 1, now).await;
                if !all.map_err(Error::Target)?.entries.is_empty() {
                    return Err(Error::NotEmpty);
                }
                let value = Progress::encode(source, None);
                let begun = Commit::new().put(&key, value, Expect::Absent);
                match to.commit(begun, now).await.map_err(Error::Target)? {
                    Outcome::Committed(version) => Progress {
                        key,
                        version,
                        source: source.into(),
                        after: None,
                    },
                    Outcome::Conflict(_) => return Err(Error::TargetChanged),
                    // Nothing is there but the progress, if that.
                    Outcome::Unknown => return Err(Error::Target(StoreError::Busy)),
                }
            }
        };
        if progress.source != source {
            return Err(Error::OtherSource(progress.source));
        }
        Ok(Self {
            from,
            to,
            now,
            progress,
        })
    }

    /// One walk, from where the last one ended to the end.
    async fn walk(&mut self) -> Result<Done, Error> {
        let mut pairs = Pairs::new(self.from, self.to, self.progress.after.clone(), self.now);
        // Only of the first walk is it worth to know how far it came: the others write little.
        let first = self.progress.after.is_some() || pairs.target_is_empty().await?;
        let mut done = Done::default();
        let mut batch = Batch::default();
        while let Some(pair) = pairs.next().await? {
            if let Some(source) = &pair.source {
                done.records += 1;
                done.octets += source.size();
            }
            let after = first.then(|| pair.key.clone());
            if !pairs.is_same(&pair).await? {
                done.changed += 1;
                match &pair.source {
                    Some(source) if matches!(source.body, Body::Large(_)) => {
                        self.flush(&mut batch).await?;
                        self.put_large(&pair, source, after.clone()).await?;
                    }
                    source => batch.add(&pair, source.as_ref()).map_err(Error::Source)?,
                }
            }
            batch.after = after;
            if batch.is_full() {
                self.flush(&mut batch).await?;
            }
        }
        // The next walk begins at the beginning.
        batch.after = None;
        let moved = self.progress.after.is_some();
        if batch.operations > 0 || moved {
            self.flush_always(&mut batch).await?;
        }
        Ok(done)
    }

    async fn flush(&mut self, batch: &mut Batch) -> Result<(), Error> {
        match batch.operations {
            0 => Ok(()),
            _ => self.flush_always(batch).await,
        }
    }

    async fn flush_always(&mut self, batch: &mut Batch) -> Result<(), Error> {
        let Batch { commit, after, .. } = std::mem::take(batch);
        self.commit(commit, Next::After(after)).await
    }

    async fn put_large(
        &mut self,
        pair: &Pair,
        source: &Versioned,
        after: Option<Key>,
    ) -> Result<(), Error> {
        let value = match Large::load(self.from, source, self.now).await {
            Ok(value) => value,
            Err(error) => {
                // Its chunks go some time after it was replaced: then the next walk finds what is there now.
                let there = self.from.get(&pair.key, self.now).await;
                let there = there.map_err(Error::Source)?.map(|found| found.version());
                return match there == Some(source.version()) {
                    true => Err(Error::Source(error)),
                    false => Ok(()),
                };
            }
        };
        let staged = Large::stage(self.to, &value, self.now).await;
        let staged = staged.map_err(Error::Target)?;
        drop(value);
        let commit = match source.expires() {
            Some(at) => Commit::new().put_large_until(&pair.key, &staged, pair.expect(), at),
            None => Commit::new().put_large(&pair.key, &staged, pair.expect()),
        };
        let published = self.commit(commit, Next::After(after)).await;
        if published.is_err() {
            // The first failure is the one to tell; a sweep takes what is left.
            let _ = staged.discard(self.to, self.now).await;
        }
        published
    }

    /// Commits, together with the progress, and knows the outcome.
    async fn commit(&mut self, commit: Commit, next: Next) -> Result<(), Error> {
        let Progress {
            key,
            version,
            source,
            after,
        } = &mut self.progress;
        let expect = Expect::Version(*version);
        let (commit, value) = match &next {
            Next::After(after) => {
                let value = Progress::encode(source, after.as_ref());
                (commit.put(key, &*value, expect), Some(value))
            }
            Next::Finished => (commit.delete(key, expect), None),
        };
        for _ in 0..TRIES {
            let outcome = self.to.commit(commit.clone(), self.now).await;
            match outcome.map_err(Error::Target)? {
                Outcome::Committed(new) => *version = new,
                Outcome::Conflict(_) => return Err(Error::TargetChanged),
                Outcome::Unknown => {
                    let found = self.to.get(key, self.now).await.map_err(Error::Target)?;
                    match (&found, &value) {
                        (Some(found), _) if found.version() == *version => continue,
                        (Some(found), Some(value)) if found.value().ok() == Some(&**value) => {
                            *version = found.version();
                        }
                        (None, None) => {}
                        _ => return Err(Error::TargetChanged),
                    }
                }
            }
            if let Next::After(next) = next {
                *after = next;
            }
            return Ok(());
        }
        Err(Error::Target(StoreError::Busy))
    }
}

/// Writes that travel together.
#[derive(Default)]
struct Batch {
    commit: Commit,
    operations: usize,
    octets: usize,
    after: Option<Key>,
}

impl Batch {
    fn add(&mut self, pair: &Pair, source: Option<&Versioned>) -> Result<(), StoreError> {
        let (key, expect) = (&pair.key, pair.expect());
        let commit = std::mem::take(&mut self.commit);
        let value = source.map(Versioned::value).transpose()?;
        self.commit = match (value, source.and_then(Versioned::expires)) {
            (Some(value), Some(at)) => commit.put_until(key, value, expect, at),
            (Some(value), None) => commit.put(key, value, expect),
            (None, _) => commit.delete(key, expect),
        };
        self.operations += 1;
        self.octets += key.as_bytes().len() + value.map_or(0, <[u8]>::len);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.operations >= BATCH.0 || self.octets >= BATCH.1
    }
}
