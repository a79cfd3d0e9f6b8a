//! The memory in a record-store (feature `store`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::{Records, Versioned};

use crate::memory::Entry;
use crate::shelf::{Placed, Shelf, TRIES};
use crate::{MemoryFact, Noted, Proof};

/// [`Memory`](crate::Memory) in a record-store, by the same rules, shared by all nodes that use the
/// store. Its records have the namespaces `tls-policy-memory` and `tls-policy-memory-size`.
///
/// ```
/// use record_store::Memory;
/// use std::time::{Duration, UNIX_EPOCH};
/// use tls_policy::{MemoryFact, Proof, StoredMemory};
/// # pollster::block_on(async {
/// let memory = StoredMemory::new(Memory::new(), 100_000); // or Sqlite, or Postgres
/// let monday = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let thursday = monday + Duration::from_secs(72 * 3600);
/// memory.proved("example.org", Proof::Dane, monday).await?;
/// memory.proved("example.org", Proof::Dane, thursday).await?;
/// assert_eq!(memory.fact("example.org", thursday).await, MemoryFact::Verified);
/// # Ok::<(), tls_policy::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct StoredMemory<R> {
    shelf: Shelf<R>,
}

/// Why something was not stored.
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The store gave no outcome.
    #[error("the store failed")]
    Store(#[source] record_store::Error),
    /// Others changed the same record again and again, or nobody knows what became of the change.
    #[error("the store is contended")]
    Contended,
    /// What is stored for the domain is no entry. [`StoredMemory::accept`] removes it from a memory,
    /// [`StoredCache::remove`](crate::sts::StoredCache::remove) from a cache.
    #[error("the stored entry is damaged")]
    Damaged,
}

impl StoreError {
    /// Whether a later try may help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Store(why) => why.is_temporary(),
            Self::Contended => true,
            Self::Damaged => false,
        }
    }
}

impl From<record_store::Error> for StoreError {
    fn from(why: record_store::Error) -> Self {
        Self::Store(why)
    }
}

const ENTRIES: &str = "tls-policy-memory";
const SIZE: &str = "tls-policy-memory-size";

/// Attempts are kept by the hour, rounded up, so that a busy domain costs one write an hour.
const HOUR: u64 = 3600;

/// What is to become of an entry.
enum Change {
    Nothing,
    Put(Entry),
    Remove,
}

impl<R: Records> StoredMemory<R> {
    /// Remembers at most so many domains. All nodes should say the same number.
    pub fn new(store: R, capacity: u64) -> Self {
        Self {
            shelf: Shelf::new(store, capacity, ENTRIES, SIZE),
        }
    }

    /// The fact for [`Facts::memory`](crate::Facts::memory). A store that fails, and an entry that is
    /// damaged, are [`MemoryFact::Unreadable`].
    pub async fn fact(&self, domain: &str, now: SystemTime) -> MemoryFact {
        let Some(key) = self.shelf.key(domain) else {
            return MemoryFact::Nothing;
        };
        match self.shelf.get(&key, now).await {
            Ok(None) => MemoryFact::Nothing,
            Ok(Some(found)) => match entry(&found) {
                Ok(entry) => entry.fact(now),
                Err(_) => MemoryFact::Unreadable,
            },
            Err(_) => MemoryFact::Unreadable,
        }
    }

    /// As [`Memory::proved`](crate::Memory::proved).
    ///
    /// # Errors
    /// [`StoreError`]; the proof may then be stored or not, and proving it again does no harm.
    pub async fn proved(
        &self,
        domain: &str,
        proof: Proof,
        now: SystemTime,
    ) -> Result<Noted, StoreError> {
        let change = move |before| Change::Put(Entry::proved(before, proof, now));
        self.change(domain, now, change).await
    }

    /// As [`Memory::attempted`](crate::Memory::attempted), rounded up to the hour.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attempted(&self, domain: &str, now: SystemTime) -> Result<(), StoreError> {
        let change = move |before: Option<Entry>| match before {
            Some(mut entry) if entry.attempted < now && !entry.is_forgotten(now) => {
                entry.attempted = next_hour(now);
                Change::Put(entry)
            }
            _ => Change::Nothing,
        };
        self.change(domain, now, change).await.map(|_| ())
    }

    /// As [`Memory::sts_withdrawn`](crate::Memory::sts_withdrawn).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sts_withdrawn(&self, domain: &str, now: SystemTime) -> Result<(), StoreError> {
        let change = |before: Option<Entry>| match before.map(|entry| (entry, entry.without_sts()))
        {
            None => Change::Nothing,
            Some((_, None)) => Change::Remove,
            Some((entry, Some(left))) if left == entry => Change::Nothing,
            Some((_, Some(left))) => Change::Put(left),
        };
        self.change(domain, now, change).await.map(|_| ())
    }

    /// As [`Memory::accept`](crate::Memory::accept); it removes a damaged entry, too.
    ///
    /// # Errors
    /// [`StoreError::Store`], [`StoreError::Contended`].
    pub async fn accept(&self, domain: &str, now: SystemTime) -> Result<(), StoreError> {
        self.shelf.forget(domain, now).await
    }

    /// As [`Memory::sweep`](crate::Memory::sweep).
    ///
    /// # Errors
    /// [`StoreError::Store`]; what was removed before that stays removed.
    pub async fn sweep(&self, now: SystemTime) -> Result<usize, StoreError> {
        // What is damaged waits for somebody who looks.
        let is_over = |found: &Versioned| entry(found).is_ok_and(|entry| entry.is_forgotten(now));
        self.shelf.sweep(now, is_over).await
    }

    /// How many domains there are, those included that a sweep would remove.
    ///
    /// # Errors
    /// [`StoreError::Store`], [`StoreError::Damaged`].
    pub async fn len(&self, now: SystemTime) -> Result<u64, StoreError> {
        self.shelf.len(now).await
    }

    async fn change(
        &self,
        domain: &str,
        now: SystemTime,
        change: impl Fn(Option<Entry>) -> Change,
    ) -> Result<Noted, StoreError> {
        let Some(key) = self.shelf.key(domain) else {
            return Ok(Noted::NoName);
        };
        for _ in 0..TRIES {
            let found = self.shelf.get(&key, now).await?;
            let before = found.as_ref().map(entry).transpose()?;
            let done = match (change(before), found) {
                (Change::Nothing, _) | (Change::Remove, None) => true,
                (Change::Remove, Some(found)) => self.shelf.remove(&key, &found, now).await?,
                (Change::Put(entry), found) => {
                    let bytes = entry.to_bytes();
                    match self.shelf.put(&key, found.as_ref(), bytes, now).await? {
                        Placed::Yes => true,
                        Placed::Again => false,
                        Placed::Full => return Ok(Noted::Full),
                    }
                }
            };
            if done {
                return Ok(Noted::Yes);
            }
        }
        Err(StoreError::Contended)
    }
}

fn entry(found: &Versioned) -> Result<Entry, StoreError> {
    let value = found.value().map_err(|_| StoreError::Damaged)?;
    Entry::from_bytes(value).ok_or(StoreError::Damaged)
}

fn next_hour(now: SystemTime) -> SystemTime {
    let seconds = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let hour = Duration::from_secs((seconds / HOUR).saturating_add(1).saturating_mul(HOUR));
    UNIX_EPOCH.checked_add(hour).unwrap_or(now)
}
