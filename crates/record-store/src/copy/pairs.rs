//! Two stores, walked side by side in the order of their keys.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::{Error, progress};
use crate::large::chunks_of;
use crate::record::{Body, Manifest};
use crate::{Error as StoreError, Expect, Key, MAX_PAGE, Prefix, Records, Versioned};

/// A key, and what each store has there.
pub(super) struct Pair {
    pub(super) key: Key,
    pub(super) source: Option<Versioned>,
    pub(super) target: Option<Versioned>,
}

impl Pair {
    pub(super) fn expect(&self) -> Expect {
        let version = self.target.as_ref().map(Versioned::version);
        version.map_or(Expect::Absent, Expect::Version)
    }
}

/// Two stores, walked side by side.
pub(super) struct Pairs<'a, F, T> {
    source: Walk<'a, F>,
    target: Walk<'a, T>,
    progress: Option<Key>,
}

impl<'a, F: Records, T: Records> Pairs<'a, F, T> {
    pub(super) fn new(from: &'a F, to: &'a T, after: Option<Key>, now: SystemTime) -> Self {
        Self {
            source: Walk::new(from, after.clone(), now),
            target: Walk::new(to, after, now),
            progress: progress::key().ok(),
        }
    }

    pub(super) async fn target_is_empty(&mut self) -> Result<bool, Error> {
        self.skip_progress().await?;
        Ok(self.target.peek().await.map_err(Error::Target)?.is_none())
    }

    /// The target's own record is no part of the copy.
    async fn skip_progress(&mut self) -> Result<(), Error> {
        let key = self.target.peek().await.map_err(Error::Target)?;
        if key.is_some() && key == self.progress.as_ref() {
            self.target.take();
        }
        Ok(())
    }

    pub(super) async fn next(&mut self) -> Result<Option<Pair>, Error> {
        self.skip_progress().await?;
        let source = self.source.peek().await.map_err(Error::Source)?;
        let target = self.target.peek().await.map_err(Error::Target)?;
        let Some(key) = source.into_iter().chain(target).min().cloned() else {
            return Ok(None);
        };
        let (here, there) = (source == Some(&key), target == Some(&key));
        let source = here.then(|| self.source.take()).flatten();
        let target = there.then(|| self.target.take()).flatten();
        Ok(Some(Pair {
            key,
            source,
            target,
        }))
    }

    /// Whether both stores have the same value there, for as long.
    pub(super) async fn is_same(&self, pair: &Pair) -> Result<bool, Error> {
        let (Some(source), Some(target)) = (&pair.source, &pair.target) else {
            return Ok(false);
        };
        if source.expires() != target.expires() {
            return Ok(false);
        }
        match (&source.body, &target.body) {
            (Body::Inline(source), Body::Inline(target)) => Ok(source == target),
            (Body::Large(source), Body::Large(target)) if source.size == target.size => {
                self.are_same(source, target).await
            }
            _ => Ok(false),
        }
    }

    /// Compares large values without having them in memory. Where chunks are missing nothing is the same.
    async fn are_same(&self, source: &Manifest, target: &Manifest) -> Result<bool, Error> {
        let mut left = source.size;
        let mut source = self.source.of(chunks_of(&source.id));
        let mut target = self.target.of(chunks_of(&target.id));
        loop {
            source.peek().await.map_err(Error::Source)?;
            target.peek().await.map_err(Error::Target)?;
            match (source.take(), target.take()) {
                (None, None) => return Ok(left == 0),
                (Some(source), Some(target)) if source.body == target.body => {
                    left = left.saturating_sub(source.size());
                }
                _ => return Ok(false),
            }
        }
    }
}

/// Records of a store, page by page.
struct Walk<'a, S> {
    store: &'a S,
    prefix: Prefix,
    now: SystemTime,
    page: VecDeque<(Key, Versioned)>,
    /// Where the next page begins; none after the last one.
    next: Option<Option<Key>>,
}

impl<'a, S: Records> Walk<'a, S> {
    fn new(store: &'a S, after: Option<Key>, now: SystemTime) -> Self {
        Self {
            store,
            prefix: Prefix::all(),
            now,
            page: VecDeque::new(),
            next: Some(after),
        }
    }

    /// Those of another prefix of the same store.
    fn of(&self, prefix: Prefix) -> Self {
        Self {
            prefix,
            ..Self::new(self.store, None, self.now)
        }
    }

    async fn peek(&mut self) -> Result<Option<&Key>, StoreError> {
        while self.page.is_empty() {
            let Some(after) = self.next.take() else {
                break;
            };
            let (store, prefix) = (self.store, &self.prefix);
            let page = store
                .scan(prefix, after.as_ref(), MAX_PAGE, self.now)
                .await?;
            self.page = page.entries.into();
            self.next = page.next.map(Some);
        }
        Ok(self.page.front().map(|(key, _)| key))
    }

    fn take(&mut self) -> Option<Versioned> {
        self.page.pop_front().map(|(_, record)| record)
    }
}
