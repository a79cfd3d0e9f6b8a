//! A store that somebody else writes, with nothing but what this crate makes public: a sorted list of rows.
#![allow(clippy::unwrap_used)]

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::backend::{self, Head, Table};
use record_store::{
    Commit, Error, Key, Outcome, Page, Prefix, Records, Swept, Version, Versioned, conformance,
};

#[derive(Clone)]
struct Row {
    key: Vec<u8>,
    version: u64,
    expires: Option<SystemTime>,
    bytes: Arc<[u8]>,
}

#[derive(Clone, Default)]
struct Rows {
    sorted: Vec<Row>,
    last: u64,
}

impl Rows {
    fn at(&self, key: &Key) -> Result<usize, usize> {
        self.sorted
            .binary_search_by(|row| row.key[..].cmp(key.as_bytes()))
    }

    fn of(&self, key: &Key) -> Option<&Row> {
        self.at(key).ok().map(|at| &self.sorted[at])
    }

    fn range(&self, range: Range<Vec<u8>>) -> impl Iterator<Item = &Row> {
        let from = self.sorted.partition_point(|row| row.key < range.start);
        self.sorted[from..]
            .iter()
            .take_while(move |row| row.key < range.end)
    }
}

impl Row {
    fn record(&self) -> Result<Versioned, Error> {
        Versioned::from_bytes(Version::from_u64(self.version), self.expires, &self.bytes)
    }
}

impl Table for Rows {
    fn head(&mut self, key: &Key) -> Result<Option<Head>, Error> {
        let head = |row: &Row| {
            let bytes = &row.bytes[..row.bytes.len().min(Head::OCTETS)];
            Head::decode(Version::from_u64(row.version), row.expires, bytes)
        };
        self.of(key).map(head).transpose()
    }

    fn find(&mut self, key: &Key) -> Result<Option<Versioned>, Error> {
        self.of(key).map(Row::record).transpose()
    }

    fn put(&mut self, key: &Key, record: &Versioned) -> Result<(), Error> {
        let row = Row {
            key: key.as_bytes().to_vec(),
            version: record.version().to_u64(),
            expires: record.expires(),
            bytes: record.to_bytes().into(),
        };
        match self.at(key) {
            Ok(at) => self.sorted[at] = row,
            Err(at) => self.sorted.insert(at, row),
        }
        Ok(())
    }

    fn remove(&mut self, key: &Key) -> Result<(), Error> {
        if let Ok(at) = self.at(key) {
            self.sorted.remove(at);
        }
        Ok(())
    }

    fn last_version(&mut self) -> Result<Version, Error> {
        Ok(Version::from_u64(self.last))
    }

    fn next_version(&mut self) -> Result<Version, Error> {
        self.last += 1;
        self.last_version()
    }

    fn expired(&mut self, now: SystemTime, limit: usize) -> Result<Vec<Key>, Error> {
        let expired = |row: &&Row| row.expires.is_some_and(|expires| expires <= now);
        let mut rows: Vec<_> = self.sorted.iter().filter(expired).collect();
        rows.sort_by_key(|row| row.expires);
        let keys = rows.into_iter().take(limit);
        keys.map(|row| Key::from_stored(&row.key)).collect()
    }

    fn keys(&mut self, prefix: &Prefix, limit: usize) -> Result<Vec<Key>, Error> {
        let rows = self.range(prefix.range(None)).take(limit);
        rows.map(|row| Key::from_stored(&row.key)).collect()
    }
}

/// The rows, changed in transactions.
#[derive(Default)]
struct Stranger(Mutex<Rows>);

impl Stranger {
    fn transaction<T>(&self, body: impl FnOnce(&mut Rows) -> Result<T, Error>) -> Result<T, Error> {
        let mut rows = self.0.lock().unwrap();
        let mut changed = rows.clone();
        let result = body(&mut changed)?;
        *rows = changed;
        Ok(result)
    }
}

impl Records for Stranger {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        backend::get(&mut *self.0.lock().unwrap(), key, now)
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        let rows = self.0.lock().unwrap();
        let records = rows.range(prefix.range(after));
        let records = records.map(|row| Ok((Key::from_stored(&row.key)?, row.record()?)));
        backend::page(records, limit, now)
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        self.transaction(|rows| backend::commit(rows, &commit, now))
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.transaction(|rows| backend::sweep(rows, now, budget))
    }
}

#[test]
fn a_store_of_ones_own_conforms() {
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    conformance::run(&Stranger::default(), now).unwrap();
}
