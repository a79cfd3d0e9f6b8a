//! The threads around the file: one that writes, a few that read.

mod db;

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;
use std::{fmt, io};

use futures_channel::oneshot;

use self::db::{Done, Lost, Reader, Work, Writer};
use crate::record::Stamp;
use crate::waiting::{MAX_WAITING, Weight};
use crate::{Cause, Commit, Error, Key, Outcome, Page, Prefix, Records, Swept, Versioned};

/// A store in one SQLite file: WAL, `synchronous = FULL`, one thread that writes.
///
/// All commits that wait become one transaction, each under a savepoint of its own, and share one sync. Reads run
/// beside it on threads with their own connections; nothing here depends on an async runtime.
///
/// Several processes may open the same file. A commit waits up to five seconds for another one that writes, and is then
/// refused with [`Error::Busy`]. A sync that fails leaves a commit that nobody sees now and that would be there after a
/// restart; the next transaction is then written over it, so that the commit is refused for good. Where that fails as
/// well, the outcome is [`Outcome::Unknown`].
///
/// Dropping the store waits until the commits that were accepted have ended.
pub struct Sqlite {
    writer: Option<SyncSender<Job>>,
    waiting: Arc<AtomicUsize>,
    readers: Option<SyncSender<Read>>,
    threads: Vec<JoinHandle<()>>,
}

impl Sqlite {
    /// Opens the file and makes it if it does not exist. Blocks for some milliseconds.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Format`] for a file that a later release wrote, [`Error::Corrupt`] for a file
    /// that is no store.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with_pragmas(path, "")
    }

    /// For tests that must fail, or that need a small file: runs more pragmas (`synchronous = OFF`) before any commit.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[doc(hidden)]
    pub fn open_with_pragmas(path: impl AsRef<Path>, pragmas: &str) -> Result<Self, Error> {
        let path = path.as_ref();
        let db = Writer::open(path, pragmas)?;
        let (writer, jobs) = sync_channel(MAX_WAITING);
        let mut threads = vec![spawn("record-store writer", move || write(db, &jobs))?];
        let (readers, reads) = sync_channel(MAX_WAITING);
        let reads = Arc::new(Mutex::new(reads));
        for _ in 0..READERS {
            let (db, reads) = (Reader::open(path)?, Arc::clone(&reads));
            threads.push(spawn("record-store reader", move || read(&db, &reads))?);
        }
        Ok(Self {
            writer: Some(writer),
            waiting: Arc::default(),
            readers: Some(readers),
            threads,
        })
    }

    async fn write(&self, work: Work, size: usize) -> Result<Option<Done>, Error> {
        let writer = self.writer.as_ref().ok_or(Error::Closed)?;
        let (reply, result) = oneshot::channel();
        let job = Job {
            work,
            reply,
            _weight: Weight::put(size, &self.waiting)?,
        };
        writer.try_send(job).map_err(refused)?;
        // The writer is gone without an answer: what it did last is not known.
        result.await.unwrap_or(Ok(None))
    }

    async fn read<T>(&self, ask: impl FnOnce(Reply<T>) -> Read) -> Result<T, Error> {
        let (reply, result) = oneshot::channel();
        let readers = self.readers.as_ref().ok_or(Error::Closed)?;
        readers.try_send(ask(reply)).map_err(refused)?;
        result.await.unwrap_or(Err(Error::Closed))
    }
}

/// Why a thread did not take the work.
fn refused<T>(error: TrySendError<T>) -> Error {
    match error {
        TrySendError::Full(_) => Error::Busy,
        TrySendError::Disconnected(_) => Error::Closed,
    }
}

impl Records for Sqlite {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        let (key, now) = (key.clone(), Stamp::new(now));
        self.read(|reply| Read::Get { key, now, reply }).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        let (keys, now) = (prefix.range(after), Stamp::new(now));
        let scan = |reply| Read::Scan {
            keys,
            limit,
            now,
            reply,
        };
        self.read(scan).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        let size = commit.check()?;
        match self.write(Work::Commit(commit, now), size).await? {
            Some(Done::Commit(outcome)) => Ok(outcome),
            _ => Ok(Outcome::Unknown),
        }
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        match self.write(Work::Sweep(now, budget), 0).await? {
            Some(Done::Sweep(swept)) => Ok(swept),
            // All or nothing of it happened, and either will do.
            _ => Err(Error::Unavailable(Cause::from(Box::from(
                "the writer was lost in the middle of a sweep",
            )))),
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // The threads end when their channels are empty and closed.
        (self.writer, self.readers) = (None, None);
        for thread in self.threads.drain(..) {
            let _ = thread.join(); // a panic there has been reported already
        }
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sqlite")
    }
}

/// Threads that read.
const READERS: usize = 2;

/// Most work of one transaction. The longer it is, the longer the first of it waits.
const MAX_BATCH: usize = 256;

/// How often the writer lets others run in the hope for company, before it pays for a sync.
const YIELDS: usize = 3;

type Reply<T> = oneshot::Sender<Result<T, Error>>;

struct Job {
    work: Work,
    /// `None` stands for an outcome that is not known.
    reply: Reply<Option<Done>>,
    _weight: Weight,
}

enum Read {
    Get {
        key: Key,
        now: Stamp,
        reply: Reply<Option<Versioned>>,
    },
    Scan {
        keys: Range<Vec<u8>>,
        limit: usize,
        now: Stamp,
        reply: Reply<Page>,
    },
}

fn write(mut db: Writer, jobs: &Receiver<Job>) {
    let mut last = 0;
    while let Some(batch) = gather(jobs, last) {
        last = batch.len();
        let results = db.run(batch.iter().map(|job| &job.work));
        // Whoever no longer waits has dropped the other end; its commit happened all the same.
        match results {
            Ok(results) => {
                for (job, result) in batch.into_iter().zip(results) {
                    let _ = job.reply.send(result.map(Some));
                }
            }
            Err(Lost::RolledBack(error)) => {
                for job in batch {
                    let _ = job.reply.send(Err(error.clone()));
                }
            }
            Err(Lost::Unknown) => {
                for job in batch {
                    let _ = job.reply.send(Ok(None));
                }
            }
        }
        db.shorten_log();
    }
}

/// All that waits, at least one job; nothing once nobody can ask any more. So many were in the last batch.
fn gather(jobs: &Receiver<Job>, last: usize) -> Option<Vec<Job>> {
    let mut batch: Vec<_> = jobs.try_iter().take(MAX_BATCH).collect();
    // Those who were just answered are about to ask again: without a pause each batch would be one job. A caller who
    // is alone is not kept waiting.
    let company = last > 1 || !batch.is_empty();
    if batch.is_empty() {
        batch.push(jobs.recv().ok()?);
    }
    let yields = if company { YIELDS } else { 0 };
    for _ in 0..yields {
        thread::yield_now();
        batch.extend(jobs.try_iter().take(MAX_BATCH - batch.len()));
    }
    Some(batch)
}

fn read(db: &Reader, reads: &Mutex<Receiver<Read>>) {
    loop {
        let next = reads.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(read) = next else { return };
        match read {
            // Nobody waits any more: no need to look.
            Read::Get { reply, .. } if reply.is_canceled() => {}
            Read::Scan { reply, .. } if reply.is_canceled() => {}
            Read::Get { key, now, reply } => drop(reply.send(db.get(&key, now))),
            Read::Scan {
                keys,
                limit,
                now,
                reply,
            } => drop(reply.send(db.scan(&keys, limit, now))),
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    let spawned = thread::Builder::new().name(name.into()).spawn(body);
    spawned.map_err(|error: io::Error| Error::Unavailable(Arc::new(error)))
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};
    use std::time::UNIX_EPOCH;

    use pollster::block_on;

    use super::*;
    use crate::Expect;

    /// A store without its threads: what it is asked arrives here.
    fn store() -> (Sqlite, Receiver<Job>, Receiver<Read>) {
        let (writer, jobs) = sync_channel(MAX_WAITING);
        let (readers, reads) = sync_channel(MAX_WAITING);
        let store = Sqlite {
            writer: Some(writer),
            waiting: Arc::default(),
            readers: Some(readers),
            threads: Vec::new(),
        };
        (store, jobs, reads)
    }

    fn put() -> Commit {
        let key = Key::new("test", "key").unwrap();
        Commit::new().put(&key, *b"value", Expect::Absent)
    }

    fn poll_once(future: impl Future) {
        let polled = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }

    #[test]
    fn a_commit_whose_writer_is_lost_is_unknown() {
        let (store, jobs, _reads) = store();
        // The writer takes the work and is never heard of again.
        let writer = thread::spawn(move || drop(jobs.recv()));
        let outcome = block_on(store.commit(put(), UNIX_EPOCH));
        assert!(matches!(outcome, Ok(Outcome::Unknown)));
        writer.join().unwrap();
        // Nobody took the next one: it is certain that nothing was written.
        let outcome = block_on(store.commit(put(), UNIX_EPOCH));
        assert!(matches!(outcome, Err(Error::Closed)));
    }

    #[test]
    fn a_sweep_whose_writer_is_lost_may_be_tried_again() {
        let (store, jobs, _reads) = store();
        let writer = thread::spawn(move || drop(jobs.recv()));
        let swept = block_on(store.sweep(UNIX_EPOCH, 1));
        assert!(swept.is_err_and(|error| error.is_temporary()));
        writer.join().unwrap();
    }

    #[test]
    fn waiting_reads_have_a_limit() {
        let (store, _jobs, reads) = store();
        let key = Key::new("test", "key").unwrap();
        for _ in 0..MAX_WAITING {
            poll_once(store.get(&key, UNIX_EPOCH));
        }
        let refused = block_on(store.get(&key, UNIX_EPOCH));
        assert!(matches!(refused, Err(Error::Busy)));
        drop(reads);
        let refused = block_on(store.get(&key, UNIX_EPOCH));
        assert!(matches!(refused, Err(Error::Closed)));
    }
}
