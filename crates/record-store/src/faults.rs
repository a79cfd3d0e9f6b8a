//! A store that fails on command, for tests of what is built on one: what a program makes of a commit that was lost, of
//! one of which nobody knows, and of somebody who was faster.
//!
//! ```
//! use record_store::faults::{Fault, Faulty};
//! use record_store::{Commit, Expect, Key, Memory, Outcome, Records};
//! # use std::time::{Duration, UNIX_EPOCH};
//! # let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
//! # pollster::block_on(async {
//! let store = Faulty::new(Memory::new());
//! store.next([Fault::Lost]);
//! let key = Key::new("example", "a")?;
//! let commit = Commit::new().put(&key, *b"1", Expect::Absent);
//! // It was written, and nobody is told: what is read next tells.
//! assert!(matches!(store.commit(commit, now).await?, Outcome::Unknown));
//! assert!(store.get(&key, now).await?.is_some());
//! # Ok::<(), record_store::Error>(()) }).unwrap();
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::{Commit, Error, Key, Outcome, Page, Prefix, Records, Swept, Versioned};

/// A store whose next commits, and whose reads, fail as a test says.
#[derive(Debug)]
pub struct Faulty<R> {
    store: R,
    commits: Mutex<VecDeque<Fault<R>>>,
    reads: AtomicBool,
}

/// What happens to a commit.
#[non_exhaustive]
pub enum Fault<R> {
    /// The store fails, and nothing is written.
    Busy,
    /// It is written, and nobody is told.
    Lost,
    /// It is not written, and nobody is told.
    NotWritten,
    /// Somebody else writes to the store just before: see [`Fault::rival`].
    Rival(Writes<R>),
}

/// What somebody else does to the store, at the time of the commit.
pub type Writes<R> = Arc<dyn Fn(&R, SystemTime) + Send + Sync>;

impl<R> Fault<R> {
    /// Somebody else does this just before. The commit itself goes on.
    pub fn rival(writes: impl Fn(&R, SystemTime) + Send + Sync + 'static) -> Self {
        Self::Rival(Arc::new(writes))
    }
}

impl<R> Clone for Fault<R> {
    fn clone(&self) -> Self {
        match self {
            Self::Busy => Self::Busy,
            Self::Lost => Self::Lost,
            Self::NotWritten => Self::NotWritten,
            Self::Rival(writes) => Self::Rival(Arc::clone(writes)),
        }
    }
}

impl<R> fmt::Debug for Fault<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "Busy",
            Self::Lost => "Lost",
            Self::NotWritten => "NotWritten",
            Self::Rival(_) => "Rival",
        })
    }
}

impl<R> Faulty<R> {
    /// A store without a fault, yet.
    pub fn new(store: R) -> Self {
        Self {
            store,
            commits: Mutex::default(),
            reads: AtomicBool::new(false),
        }
    }

    /// What happens to the next commits, in order, after what was said before; then all is well.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault<R>>) {
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        commits.extend(faults);
    }

    /// From now on reads fail, or do not.
    pub fn fail_reads(&self, fail: bool) {
        self.reads.store(fail, Ordering::SeqCst);
    }

    fn readable(&self) -> Result<&R, Error> {
        match self.reads.load(Ordering::SeqCst) {
            true => Err(Error::Busy),
            false => Ok(&self.store),
        }
    }

    fn fault(&self) -> Option<Fault<R>> {
        let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        commits.pop_front()
    }
}

impl<R: Records> Records for Faulty<R> {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        self.readable()?.get(key, now).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        self.readable()?.scan(prefix, after, limit, now).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        match self.fault() {
            None => {}
            Some(Fault::Busy) => return Err(Error::Busy),
            Some(Fault::NotWritten) => return Ok(Outcome::Unknown),
            Some(Fault::Lost) => {
                let _ = self.store.commit(commit, now).await?;
                return Ok(Outcome::Unknown);
            }
            Some(Fault::Rival(writes)) => writes(&self.store, now),
        }
        self.store.commit(commit, now).await
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.store.sweep(now, budget).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expect, Memory, conformance};
    use pollster::block_on;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn without_a_fault_it_is_a_store() {
        conformance::run(&Faulty::new(Memory::new()), NOW).unwrap();
    }

    #[test]
    fn each_fault_happens_once_and_in_order() {
        let key = Key::new("test", ()).unwrap();
        let put = |expect| Commit::new().put(&key, *b"ours", expect);
        let first = key.clone();
        let rival = Fault::rival(move |store: &Memory, now| {
            let commit = Commit::new().put(&first, *b"theirs", Expect::Absent);
            assert!(matches!(
                block_on(store.commit(commit, now)),
                Ok(Outcome::Committed(_))
            ));
        });
        let store = Faulty::new(Memory::new());
        store.next([Fault::Busy, Fault::NotWritten]);
        store.next([rival, Fault::Lost]);
        let commit = |expect| block_on(store.commit(put(expect), NOW));
        let read = || {
            block_on(store.get(&key, NOW))
                .unwrap()
                .map(|r| r.value().unwrap().to_vec())
        };
        assert!(matches!(commit(Expect::Absent), Err(Error::Busy)));
        assert!(matches!(commit(Expect::Absent), Ok(Outcome::Unknown)));
        assert_eq!(read(), None);
        assert!(matches!(commit(Expect::Absent), Ok(Outcome::Conflict(_))));
        assert_eq!(read().as_deref(), Some(&b"theirs"[..]));
        assert!(matches!(commit(Expect::Anything), Ok(Outcome::Unknown)));
        assert_eq!(read().as_deref(), Some(&b"ours"[..]));
        assert!(matches!(
            commit(Expect::Anything),
            Ok(Outcome::Committed(_))
        ));
        store.fail_reads(true);
        assert!(matches!(block_on(store.get(&key, NOW)), Err(Error::Busy)));
        store.fail_reads(false);
        assert!(block_on(store.get(&key, NOW)).is_ok());
    }
}
