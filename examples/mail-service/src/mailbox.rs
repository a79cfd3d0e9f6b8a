//! Mailboxes: what lies where in the record store.
//!
//! ```text
//! ("mail.box", account, id)   a row: octet 1; the message's size in 8 octets; 0 or 1: shared
//! ("mail.body", id)           the message, which all rows of one delivery share
//! ("mail.refs", id)           octet 1; in 8 octets how many rows are left; if shared only
//! ("mail.lock", account)      see `lock`
//! ```
//!
//! An id has 16 octets: microseconds since 1970, then 8 random ones. Ids sort by arrival and are
//! never used again; in hexadecimal they are the UIDs of POP3 (RFC 1939 §7).
//!
//! Mail lies in mailboxes of accounts that exist: a delivery guards the account's record, so that
//! nobody finds the mail of a former owner of his address.

mod delivery;
mod lock;
mod usage;

pub(crate) use self::{delivery::Staged, lock::Lock, usage::Quota};

use self::{lock::Fence, usage::Usage};
use crate::{accounts, clock::Clock};
use record_store::{AnyStore, Commit, Expect, Key, Large, Outcome, Prefix, Records, Version};
use std::{fmt::Write, sync::Arc, time::SystemTime};

const ROWS: &str = "mail.box";
const BODIES: &str = "mail.body";
const REFS: &str = "mail.refs";
const FORMAT: u8 = 1;

/// All mailboxes.
#[derive(Debug)]
pub(crate) struct Mailboxes {
    store: Arc<AnyStore>,
    usage: Usage,
}

/// One message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    id: Id,
    pub(crate) size: u64,
    shared: Shared,
}

type Id = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shared {
    No,
    Yes,
}

/// Records that go with a delivery: so it happens once, and only while something is as it was.
#[derive(Clone, Debug)]
pub(crate) struct Once {
    pub(crate) task: Task,
    /// Must not have changed.
    pub(crate) guard: (Key, Version),
}

/// The record by which a second delivery knows that there was a first one.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Stands for what is to be delivered: the commit that delivers it removes it.
    Remove(Key, Version),
    /// Says that it was delivered: the commit that delivers it leaves it behind, until then.
    Leave(Key, SystemTime),
    /// Says that, and more: it stays.
    Note(Key, Arc<[u8]>),
}

impl Task {
    fn key(&self) -> &Key {
        match self {
            Self::Remove(key, _) | Self::Leave(key, _) | Self::Note(key, _) => key,
        }
    }

    fn done_by(&self, commit: Commit) -> Commit {
        match self {
            Self::Remove(key, version) => commit.delete(key, Expect::Version(*version)),
            Self::Leave(key, until) => commit.put_until(key, [FORMAT], Expect::Absent, *until),
            Self::Note(key, value) => commit.put(key, value.clone(), Expect::Absent),
        }
    }
}

/// Why a mailbox did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the mailbox is full")]
    Quota,
    #[error("the account is no more")]
    NoAccount,
    #[error("it was delivered by somebody else, or given up")]
    Done,
    #[error("the store failed")]
    Store(#[from] record_store::Error),
    #[error("the commit's outcome is a conflict, or unknown")]
    Commit,
    #[error("another session may have the maildrop by now")]
    LockLost,
    #[error("a record of the mailbox cannot be read")]
    Damaged,
    #[error("no random numbers")]
    Random,
}

impl Row {
    /// The UID of POP3.
    pub(crate) fn uid(&self) -> String {
        self.id
            .iter()
            .fold(String::with_capacity(32), |mut text, octet| {
                let _ = write!(text, "{octet:02x}");
                text
            })
    }

    fn encode(&self) -> Vec<u8> {
        let mut value = vec![FORMAT];
        value.extend_from_slice(&self.size.to_be_bytes());
        value.push(u8::from(self.shared == Shared::Yes));
        value
    }

    fn decode(key: &Key, value: &[u8]) -> Option<Self> {
        let id = key.parts().nth(1)?.bytes().try_into().ok()?;
        let (&FORMAT, fields) = value.split_first()? else {
            return None;
        };
        let (size, shared) = fields.split_first_chunk::<8>()?;
        let shared = match shared {
            [0] => Shared::No,
            [1] => Shared::Yes,
            _ => return None,
        };
        let size = u64::from_be_bytes(*size);
        Some(Self { id, size, shared })
    }
}

impl Mailboxes {
    pub(crate) fn new(store: Arc<AnyStore>, quota: Quota) -> Self {
        Self {
            store,
            usage: Usage::new(quota),
        }
    }

    /// Takes a maildrop; none if a session has it, here or at another process of the same store.
    pub(crate) async fn lock(
        &self,
        account: &Arc<str>,
        clock: &Clock,
    ) -> Result<Option<Lock>, Error> {
        Lock::take(&self.store, account, clock).await
    }

    /// Whether a mailbox can take another message of some size.
    pub(crate) async fn has_room(
        &self,
        account: &Arc<str>,
        octets: u64,
        now: SystemTime,
    ) -> Result<bool, Error> {
        self.count(account, now).await?;
        Ok(self.usage.has_room(account, octets))
    }

    /// Counts what a mailbox holds, unless that is known.
    async fn count(&self, account: &Arc<str>, now: SystemTime) -> Result<(), Error> {
        if self.usage.is_due(account, now) {
            let rows = self.rows(account, now).await?;
            self.usage.found(account, &rows, now);
        }
        Ok(())
    }

    /// Stores a message for all these accounts, in one commit. When this returns, it is durable.
    pub(crate) async fn deliver(
        &self,
        accounts: &[Arc<str>],
        message: &[u8],
        now: SystemTime,
    ) -> Result<(), Error> {
        self.deliver_with(accounts, message, None, now).await
    }

    /// Stores a message for one account, and removes in the same commit what stands for it.
    pub(crate) async fn deliver_once(
        &self,
        account: &Arc<str>,
        message: &[u8],
        once: &Once,
        now: SystemTime,
    ) -> Result<(), Error> {
        let accounts = std::slice::from_ref(account);
        self.deliver_with(accounts, message, Some(once), now).await
    }

    /// What is in a maildrop, for its only session: whoever holds the lock. The quota starts again
    /// from what is found.
    pub(crate) async fn open(&self, lock: &Lock, now: SystemTime) -> Result<Vec<Row>, Error> {
        let rows = self.rows(lock.account(), now).await?;
        self.usage.found(lock.account(), &rows, now);
        Ok(rows)
    }

    /// What is in a mailbox, in the order of arrival.
    pub(crate) async fn rows(&self, account: &str, now: SystemTime) -> Result<Vec<Row>, Error> {
        rows(&self.store, account, now).await
    }

    /// A message.
    pub(crate) async fn load(&self, row: &Row, now: SystemTime) -> Result<Arc<[u8]>, Error> {
        let record = self.store.get(&body_key(row)?, now).await?;
        let record = record.ok_or(Error::Damaged)?;
        Ok(Large::load(&self.store, &record, now).await?)
    }

    /// Removes messages from the maildrop of this lock; those before an error are gone.
    pub(crate) async fn remove(
        &self,
        lock: &Lock,
        rows: &[Row],
        now: SystemTime,
    ) -> Result<(), Error> {
        let account = lock.account();
        for chunk in rows.chunks(ROWS_PER_COMMIT) {
            let fence = lock.fence().await;
            remove(&self.store, account, chunk, Some(fence), now).await?;
            self.usage.removed(account, chunk);
        }
        Ok(())
    }
}

/// Removes all mail of an account that is no more, and tells how many messages that were.
pub(crate) async fn empty(
    store: &AnyStore,
    account: &str,
    now: SystemTime,
) -> Result<usize, accounts::Error> {
    let damaged = |error| match error {
        Error::Store(error) => accounts::Error::Store(error),
        Error::Commit => accounts::Error::Raced,
        _ => accounts::Error::Damaged,
    };
    let rows = rows(store, account, now).await.map_err(damaged)?;
    for chunk in rows.chunks(ROWS_PER_COMMIT) {
        remove(store, account, chunk, None, now)
            .await
            .map_err(damaged)?;
    }
    Ok(rows.len())
}

async fn rows(store: &AnyStore, account: &str, now: SystemTime) -> Result<Vec<Row>, Error> {
    let prefix = Prefix::new(ROWS, account)?;
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let page = store.scan(&prefix, after.as_ref(), 1000, now).await?;
        for (key, record) in &page.entries {
            rows.push(Row::decode(key, record.value()?).ok_or(Error::Damaged)?);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(rows),
        }
    }
}

/// A row takes at most three writes, the lock one guard, and [`record_store::MAX_OPERATIONS`] go into one commit. The
/// deletions of an ordinary session happen all at once; those of a larger one, in order.
const ROWS_PER_COMMIT: usize = 256;
/// Others may remove their rows of the same messages at the same time.
const TRIES: usize = 16;

async fn remove(
    store: &AnyStore,
    account: &str,
    rows: &[Row],
    mut fence: Option<Fence<'_>>,
    now: SystemTime,
) -> Result<(), Error> {
    for _ in 0..TRIES {
        let mut commit = match &fence {
            Some(fence) => fence.guard(Commit::new()),
            None => Commit::new(),
        };
        for row in rows {
            let key = row_key(account, row)?;
            // A row that is gone has been removed by somebody else, with its reference.
            let Some(record) = store.get(&key, now).await? else {
                continue;
            };
            commit = commit.delete(&key, Expect::Version(record.version()));
            if row.shared == Shared::Yes {
                let key = refs_key(row)?;
                let record = store.get(&key, now).await?.ok_or(Error::Damaged)?;
                let expect = Expect::Version(record.version());
                let left = refs_left(record.value()?).ok_or(Error::Damaged)?;
                if left > 1 {
                    commit = commit.put(&key, refs(left - 1), expect);
                    continue;
                }
                commit = commit.delete(&key, expect);
            }
            commit = commit.delete(&body_key(row)?, Expect::Anything);
        }
        match store.commit(commit, now).await? {
            Outcome::Committed(_) => return Ok(()),
            Outcome::Conflict(conflict) => {
                let permits = |fence: &mut Fence<'_>| fence.permits(&conflict);
                if !fence.as_mut().is_none_or(permits) {
                    return Err(Error::LockLost);
                }
            }
            // The next look shows what is gone.
            Outcome::Unknown => {}
        }
    }
    Err(Error::Commit)
}

fn new_id(now: SystemTime) -> Result<Id, Error> {
    let micros = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| d.as_micros() as u64);
    let mut id = [0; 16];
    let (time, random) = id.split_at_mut(8);
    time.copy_from_slice(&micros.to_be_bytes());
    aws_lc_rs::rand::fill(random).map_err(|_| Error::Random)?;
    Ok(id)
}

fn row_key(account: &str, row: &Row) -> Result<Key, Error> {
    Ok(Key::new(ROWS, (account, row.id))?)
}

fn body_key(row: &Row) -> Result<Key, Error> {
    Ok(Key::new(BODIES, row.id)?)
}

fn refs_key(row: &Row) -> Result<Key, Error> {
    Ok(Key::new(REFS, row.id)?)
}

fn refs(count: u64) -> Vec<u8> {
    [&[FORMAT][..], &count.to_be_bytes()].concat()
}

fn refs_left(value: &[u8]) -> Option<u64> {
    match value.split_first()? {
        (&FORMAT, count) => Some(u64::from_be_bytes(count.try_into().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
