//! The threads around the file: one that writes, a few that read.

mod db;

use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;
use std::{fmt, io};

use futures_channel::oneshot;

use self::db::{Done, Lost, Reader, Work, Writer};
use crate::record::Stamp;
use crate::waiting::{MAX_WAITING, Weight};
use crate::{Commit, Error, Key, Outcome, Page, Prefix, Records, Swept, Versioned};

/// A store in one SQLite file: WAL, `synchronous = FULL`, one thread that writes.
///
/// All commits that wait become one transaction, each under a savepoint of its own, and share one sync. Reads run
/// beside it on threads with their own connections; nothing here depends on an async runtime. Several processes may
/// open the same file.
///
/// Dropping the store waits until the commits that were accepted have ended.
pub struct Sqlite {
    writer: Option<SyncSender<Job>>,
    waiting: Arc<AtomicUsize>,
    readers: Option<Sender<Read>>,
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
        let (readers, reads) = channel();
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
        writer.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => Error::Closed,
        })?;
        // The writer is gone without an answer: what it did last is not known.
        result.await.unwrap_or(Ok(None))
    }

    async fn read<T>(&self, ask: impl FnOnce(Reply<T>) -> Read) -> Result<T, Error> {
        let (reply, result) = oneshot::channel();
        let readers = self.readers.as_ref().ok_or(Error::Closed)?;
        readers.send(ask(reply)).map_err(|_| Error::Closed)?;
        result.await.unwrap_or(Err(Error::Closed))
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
        let (prefix, after, now) = (prefix.clone(), after.cloned(), Stamp::new(now));
        let scan = |reply| Read::Scan {
            prefix,
            after,
            limit,
            now,
            reply,
        };
        self.read(scan).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        let size = commit.check()?;
        match self
            .write(Work::Commit(commit, Stamp::new(now)), size)
            .await?
        {
            Some(Done::Commit(outcome)) => Ok(outcome),
            _ => Ok(Outcome::Unknown),
        }
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        match self.write(Work::Sweep(Stamp::new(now), budget), 0).await? {
            Some(Done::Sweep(swept)) => Ok(swept),
            _ => Err(Error::Closed),
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
        prefix: Prefix,
        after: Option<Key>,
        limit: usize,
        now: Stamp,
        reply: Reply<Page>,
    },
}

fn write(mut db: Writer, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        let batch = gather(job, jobs);
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
    }
}

/// The job and all that wait behind it.
fn gather(job: Job, jobs: &Receiver<Job>) -> Vec<Job> {
    let mut batch = vec![job];
    // Those who were just answered are about to ask again: without a pause each batch would be one job.
    for _ in 0..YIELDS {
        thread::yield_now();
        batch.extend(jobs.try_iter().take(MAX_BATCH - batch.len()));
    }
    batch
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
                prefix,
                after,
                limit,
                now,
                reply,
            } => drop(reply.send(db.scan(&prefix, after.as_ref(), limit, now))),
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    let spawned = thread::Builder::new().name(name.into()).spawn(body);
    spawned.map_err(|error: io::Error| Error::Unavailable(Arc::new(error)))
}
