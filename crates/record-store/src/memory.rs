use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::backend::{self, Head, Table};
use crate::record::Stamp;
use crate::{Commit, Error, Key, Outcome, Page, Prefix, Records, Swept, Version, Versioned};

/// A store in memory: for tests, and for state that may be lost.
#[derive(Debug, Default)]
pub struct Memory(Mutex<State>);

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half way through a commit: expectations are checked before any write.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records for Memory {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        backend::get(&mut *self.state(), key, now)
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        let state = self.state();
        let records = state.range(prefix, after);
        let records = records.map(|(key, record)| Ok((key.clone(), record.clone())));
        backend::page(records, limit, now)
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        backend::commit(&mut *self.state(), &commit, now)
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        backend::sweep(&mut *self.state(), now, budget)
    }
}

#[derive(Debug, Default)]
pub(crate) struct State {
    records: BTreeMap<Key, Versioned>,
    pub(crate) last: u64,
}

impl State {
    fn range<'a>(
        &'a self,
        prefix: &Prefix,
        after: Option<&Key>,
    ) -> impl Iterator<Item = (&'a Key, &'a Versioned)> + use<'a> {
        let range = prefix.range(after);
        self.records
            .range::<[u8], _>((Included(&*range.start), Excluded(&*range.end)))
    }
}

impl Table for State {
    fn head(&mut self, key: &Key) -> Result<Option<Head>, Error> {
        Ok(self.records.get(key).map(Head::of))
    }

    fn find(&mut self, key: &Key) -> Result<Option<Versioned>, Error> {
        Ok(self.records.get(key).cloned())
    }

    fn put(&mut self, key: &Key, record: &Versioned) -> Result<(), Error> {
        self.records.insert(key.clone(), record.clone());
        Ok(())
    }

    fn remove(&mut self, key: &Key) -> Result<(), Error> {
        self.records.remove(key);
        Ok(())
    }

    fn last_version(&mut self) -> Result<Version, Error> {
        Ok(Version(self.last))
    }

    fn next_version(&mut self) -> Result<Version, Error> {
        self.last += 1;
        Ok(Version(self.last))
    }

    fn expired(&mut self, now: SystemTime, limit: usize) -> Result<Vec<Key>, Error> {
        let now = Stamp::new(now);
        let mut keys: Vec<_> = self
            .records
            .iter()
            .filter(|(_, record)| !record.is_live(now))
            .collect();
        keys.sort_by_key(|(_, record)| record.expires);
        Ok(keys
            .into_iter()
            .take(limit)
            .map(|(key, _)| key.clone())
            .collect())
    }

    fn keys(&mut self, prefix: &Prefix, limit: usize) -> Result<Vec<Key>, Error> {
        Ok(self
            .range(prefix, None)
            .take(limit)
            .map(|(key, _)| key.clone())
            .collect())
    }
}
