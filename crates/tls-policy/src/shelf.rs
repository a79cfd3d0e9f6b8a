//! A bounded number of records, one for each domain, in a record-store (feature `store`).

use std::time::SystemTime;

use record_store::{Commit, Expect, Key, Outcome, Page, Prefix, Records, Versioned};

use crate::StoreError;
use crate::rule::lower_case;

/// How often a change is tried against those of others.
pub(crate) const TRIES: usize = 16;

/// The records, and one with their number.
#[derive(Clone, Debug)]
pub(crate) struct Shelf<R> {
    store: R,
    capacity: u64,
    entries: &'static str,
    size: &'static str,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    Yes,
    Full,
    /// Others were faster, or nobody knows: what is read next tells.
    Again,
}

impl<R: Records> Shelf<R> {
    pub(crate) fn new(store: R, capacity: u64, entries: &'static str, size: &'static str) -> Self {
        Self {
            store,
            capacity,
            entries,
            size,
        }
    }

    /// Nothing for what is no domain name.
    pub(crate) fn key(&self, domain: &str) -> Option<Key> {
        let mut lower = [0; 253];
        let domain = lower_case(domain, &mut lower).filter(|name| !name.is_empty())?;
        Key::new(self.entries, domain).ok()
    }

    pub(crate) async fn get(
        &self,
        key: &Key,
        now: SystemTime,
    ) -> Result<Option<Versioned>, StoreError> {
        Ok(self.store.get(key, now).await?)
    }

    pub(crate) async fn page(
        &self,
        after: Option<&Key>,
        now: SystemTime,
    ) -> Result<Page, StoreError> {
        let all = Prefix::new(self.entries, ())?;
        Ok(self.store.scan(&all, after, 100, now).await?)
    }

    /// In the place of what was found, or of nothing.
    pub(crate) async fn put(
        &self,
        key: &Key,
        found: Option<&Versioned>,
        value: impl AsRef<[u8]>,
        now: SystemTime,
    ) -> Result<Placed, StoreError> {
        let value = value.as_ref();
        let commit = match found {
            Some(found) => Commit::new().put(key, value, Expect::Version(found.version())),
            None => {
                let (size, expect) = self.size(now).await?;
                if size >= self.capacity {
                    return Ok(Placed::Full);
                }
                let commit = Commit::new().put(key, value, Expect::Absent);
                commit.put(&self.size_key()?, (size + 1).to_be_bytes(), expect)
            }
        };
        Ok(match self.commit(commit, now).await? {
            true => Placed::Yes,
            false => Placed::Again,
        })
    }

    /// Whether this record, and no other, was removed.
    pub(crate) async fn remove(
        &self,
        key: &Key,
        found: &Versioned,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        let (size, expect) = self.size(now).await?;
        let less = size.saturating_sub(1).to_be_bytes();
        let commit = Commit::new().delete(key, Expect::Version(found.version()));
        self.commit(commit.put(&self.size_key()?, less, expect), now)
            .await
    }

    /// Removes what is there for a domain, whatever it is.
    pub(crate) async fn forget(&self, domain: &str, now: SystemTime) -> Result<(), StoreError> {
        let Some(key) = self.key(domain) else {
            return Ok(());
        };
        for _ in 0..TRIES {
            let Some(found) = self.get(&key, now).await? else {
                return Ok(());
            };
            if self.remove(&key, &found, now).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended)
    }

    /// Removes what is over; how many records that were. What others change just now stays.
    pub(crate) async fn sweep(
        &self,
        now: SystemTime,
        is_over: impl Fn(&Versioned) -> bool,
    ) -> Result<usize, StoreError> {
        let (mut after, mut removed) = (None, 0);
        loop {
            let page = self.page(after.as_ref(), now).await?;
            for (key, found) in &page.entries {
                if is_over(found) && self.remove(key, found, now).await? {
                    removed += 1;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(removed);
            }
        }
    }

    pub(crate) async fn len(&self, now: SystemTime) -> Result<u64, StoreError> {
        self.size(now).await.map(|(size, _)| size)
    }

    /// Whether it happened for certain. If nobody knows, what is read next tells.
    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<bool, StoreError> {
        let outcome = self.store.commit(commit, now).await?;
        Ok(matches!(outcome, Outcome::Committed(_)))
    }

    async fn size(&self, now: SystemTime) -> Result<(u64, Expect), StoreError> {
        let Some(found) = self.store.get(&self.size_key()?, now).await? else {
            return Ok((0, Expect::Absent));
        };
        let size = found.value().ok().and_then(|value| value.try_into().ok());
        let size = size.ok_or(StoreError::Damaged)?;
        Ok((u64::from_be_bytes(size), Expect::Version(found.version())))
    }

    fn size_key(&self) -> Result<Key, StoreError> {
        Ok(Key::new(self.size, ())?)
    }
}
