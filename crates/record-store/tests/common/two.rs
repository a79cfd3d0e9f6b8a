//! A store as two nodes have it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use record_store::{Commit, Error, Key, Outcome, Page, Prefix, Records, Swept, Versioned};

/// Two handles on what is said to be one store; each call goes to the other one.
pub(crate) struct Two<R>([R; 2], AtomicBool);

impl<R> Two<R> {
    pub(crate) fn new(one: R, two: R) -> Self {
        Self([one, two], AtomicBool::new(false))
    }

    fn next(&self) -> &R {
        &self.0[usize::from(self.1.fetch_xor(true, Ordering::Relaxed))]
    }
}

impl<R: Records> Records for Two<R> {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        self.next().get(key, now).await
    }

    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        self.next().scan(prefix, after, limit, now).await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        self.next().commit(commit, now).await
    }

    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.next().sweep(now, budget).await
    }
}
