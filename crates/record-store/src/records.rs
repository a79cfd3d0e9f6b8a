use std::future::Future;
use std::sync::Arc;
use std::time::SystemTime;

use crate::{Commit, Error, Key, Outcome, Prefix, Versioned};

/// Most records of a page.
pub const MAX_PAGE: usize = 1000;

/// A page ends once its values have this many octets.
pub const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A store of records, shared by any number of callers.
///
/// Every call takes the caller's time; a record that has expired by it is absent. Whoever implements this trait finds
/// the rules in [`backend`](crate::backend), and runs [`conformance`](crate::conformance) on what he made.
pub trait Records: Send + Sync {
    /// The record of this key.
    ///
    /// A commit that was reported as committed before the call is seen.
    fn get(
        &self,
        key: &Key,
        now: SystemTime,
    ) -> impl Future<Output = Result<Option<Versioned>, Error>> + Send;

    /// Records with this prefix whose key is greater than `after`, in the order of their keys.
    ///
    /// At most `limit` records (1 to [`MAX_PAGE`]; other numbers mean the nearest of them), fewer once their values
    /// have [`MAX_PAGE_BYTES`] octets. A page shows one moment; the next page may show a later one.
    fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> impl Future<Output = Result<Page, Error>> + Send;

    /// Does all of the commit, or nothing. When this says [`Outcome::Committed`], the writes are durable.
    ///
    /// Dropping the future once it has been polled does not cancel the commit.
    fn commit(
        &self,
        commit: Commit,
        now: SystemTime,
    ) -> impl Future<Output = Result<Outcome, Error>> + Send;

    /// Removes records that have expired and chunks that no record needs: at most `budget`, from 1 to
    /// [`MAX_SWEEP`](crate::MAX_SWEEP). To be called from time to time, and again while it says that there is more.
    fn sweep(
        &self,
        now: SystemTime,
        budget: usize,
    ) -> impl Future<Output = Result<Swept, Error>> + Send;
}

/// A part of a scan.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The records, in the order of their keys.
    pub entries: Vec<(Key, Versioned)>,
    /// Where to go on; nothing if the scan is at its end.
    pub next: Option<Key>,
}

/// What a sweep did.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// How many records and chunks it removed.
    pub removed: usize,
    /// Whether another sweep would find more.
    pub more: bool,
}

impl Page {
    /// Takes records until the page is complete.
    pub(crate) fn collect(
        records: impl Iterator<Item = Result<(Key, Versioned), Error>>,
        limit: usize,
    ) -> Result<Self, Error> {
        let limit = limit.clamp(1, MAX_PAGE);
        let mut page = Self::default();
        let mut bytes = 0;
        for record in records {
            if page.entries.len() == limit || bytes >= MAX_PAGE_BYTES {
                page.next = page.entries.last().map(|(key, _)| key.clone());
                break;
            }
            let record = record?;
            bytes += record.1.value().map_or(0, <[u8]>::len);
            page.entries.push(record);
        }
        Ok(page)
    }
}

impl<R: Records + ?Sized> Records for &R {
    fn get(
        &self,
        key: &Key,
        now: SystemTime,
    ) -> impl Future<Output = Result<Option<Versioned>, Error>> + Send {
        (**self).get(key, now)
    }

    fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> impl Future<Output = Result<Page, Error>> + Send {
        (**self).scan(prefix, after, limit, now)
    }

    fn commit(
        &self,
        commit: Commit,
        now: SystemTime,
    ) -> impl Future<Output = Result<Outcome, Error>> + Send {
        (**self).commit(commit, now)
    }

    fn sweep(
        &self,
        now: SystemTime,
        budget: usize,
    ) -> impl Future<Output = Result<Swept, Error>> + Send {
        (**self).sweep(now, budget)
    }
}

impl<R: Records> Records for Arc<R> {
    fn get(
        &self,
        key: &Key,
        now: SystemTime,
    ) -> impl Future<Output = Result<Option<Versioned>, Error>> + Send {
        (**self).get(key, now)
    }

    fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> impl Future<Output = Result<Page, Error>> + Send {
        (**self).scan(prefix, after, limit, now)
    }

    fn commit(
        &self,
        commit: Commit,
        now: SystemTime,
    ) -> impl Future<Output = Result<Outcome, Error>> + Send {
        (**self).commit(commit, now)
    }

    fn sweep(
        &self,
        now: SystemTime,
        budget: usize,
    ) -> impl Future<Output = Result<Swept, Error>> + Send {
        (**self).sweep(now, budget)
    }
}
