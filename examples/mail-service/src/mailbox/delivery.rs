//! Messages on their way into mailboxes: put into the store, then made to appear, for all or for none.

use super::{
    Error, Mailboxes, Once, Row, Shared, TRIES, body_key, new_id, refs, refs_key, row_key,
};
use crate::accounts;
use record_store::{
    Commit, Expect, Large, MAX_COMMIT, MAX_OPERATIONS, MAX_VALUE, Outcome, Records,
};
use std::{sync::Arc, time::SystemTime};

/// Of a message, so many octets at most go with the commit ([`Large`]); what is more has been written before.
pub(super) const MOST_TRAVEL: usize = 1 << 20;

/// A message that lies in the store, and in no mailbox yet.
#[derive(Debug)]
pub(crate) struct Staged {
    accounts: Vec<Arc<str>>,
    row: Row,
    body: Large,
}

impl Staged {
    /// Of the message, what goes with the commit.
    fn travels(&self) -> usize {
        usize::try_from(self.row.size).map_or(MOST_TRAVEL, |size| size.min(MOST_TRAVEL))
    }

    /// Of a commit: a guard and a row for each account, the message in its chunks, and how many share it.
    fn operations(&self) -> usize {
        2 * self.accounts.len() + 4 + self.travels() / MAX_VALUE
    }

    /// Of a commit, generously.
    fn octets(&self) -> usize {
        self.travels() + 1024 * self.operations()
    }
}

impl Mailboxes {
    pub(super) async fn deliver_with(
        &self,
        accounts: &[Arc<str>],
        message: &[u8],
        once: Option<&Once>,
        now: SystemTime,
    ) -> Result<(), Error> {
        let staged = self.stage(accounts, message, now).await?;
        self.publish(&[staged], once, now).await
    }

    /// Puts a message into the store, where no mailbox has it yet: then [`deliver_staged`](Self::deliver_staged) or
    /// [`discard`](Self::discard).
    pub(crate) async fn stage(
        &self,
        accounts: &[Arc<str>],
        message: &[u8],
        now: SystemTime,
    ) -> Result<Staged, Error> {
        let size = message.len() as u64;
        for account in accounts {
            self.count(account, now).await?;
        }
        let row = Row {
            id: new_id(now)?,
            size,
            shared: match accounts.len() {
                0 | 1 => Shared::No,
                _ => Shared::Yes,
            },
        };
        if !self.usage.charge(accounts, size) {
            return Err(Error::Quota);
        }
        match Large::stage(&self.store, message, now).await {
            Ok(body) => Ok(Staged {
                accounts: accounts.to_vec(),
                row,
                body,
            }),
            Err(error) => {
                self.usage.ended(accounts, size);
                Err(error.into())
            }
        }
    }

    /// Delivers messages of one sender, each to its own accounts, in one commit; more than one if there are more than a commit
    /// holds, and then those before an error are delivered. When this returns, they are durable.
    pub(crate) async fn deliver_staged(
        &self,
        mut staged: Vec<Staged>,
        now: SystemTime,
    ) -> Result<(), Error> {
        while !staged.is_empty() {
            let (mut operations, mut octets) = (0, 0);
            let fits = staged.iter().take_while(|one| {
                operations += one.operations();
                octets += one.octets();
                operations <= MAX_OPERATIONS && octets <= MAX_COMMIT
            });
            let rest = staged.split_off(fits.count().max(1));
            if let Err(error) = self.publish(&staged, None, now).await {
                self.discard(rest, now).await;
                return Err(error);
            }
            staged = rest;
        }
        Ok(())
    }

    /// Takes back what was not delivered.
    pub(crate) async fn discard(&self, staged: Vec<Staged>, now: SystemTime) {
        for one in staged {
            self.ended(one, now).await;
        }
    }

    /// Or it would take the space of others until a sweep.
    async fn ended(&self, staged: Staged, now: SystemTime) {
        self.usage.ended(&staged.accounts, staged.row.size);
        let _ = staged.body.discard(&self.store, now).await;
    }

    async fn publish(
        &self,
        staged: &[Staged],
        once: Option<&Once>,
        now: SystemTime,
    ) -> Result<(), Error> {
        let published = self.try_publish(staged, once, now).await;
        for Staged {
            accounts,
            row,
            body,
        } in staged
        {
            match published {
                Ok(()) => self.usage.stored(accounts, row.size),
                // Or it would take the space of others until a sweep.
                Err(_) => drop(body.clone().discard(&self.store, now).await),
            }
            self.usage.ended(accounts, row.size);
        }
        published
    }

    pub(super) async fn try_publish(
        &self,
        staged: &[Staged],
        once: Option<&Once>,
        now: SystemTime,
    ) -> Result<(), Error> {
        for _ in 0..TRIES {
            let mut commit = Commit::new();
            for one in staged {
                commit = self.delivery(commit, one, now).await?;
            }
            if let Some(Once { task, guard }) = once {
                commit = task
                    .done_by(commit)
                    .guard(&guard.0, Expect::Version(guard.1));
            }
            match self.store.commit(commit, now).await? {
                Outcome::Committed(_) => return Ok(()),
                // Not by us: whatever became of our own tries was looked at.
                Outcome::Conflict(conflict)
                    if once.is_some_and(|o| *o.task.key() == conflict.key) =>
                {
                    return Err(Error::Done);
                }
                Outcome::Conflict(conflict) if once.is_some_and(|o| o.guard.0 == conflict.key) => {
                    return Err(Error::NoAccount);
                }
                // A conflict: somebody has just got another password, or is gone.
                Outcome::Conflict(_) | Outcome::Unknown => {}
            }
            // What a store says after an unknown outcome is the truth: what is not there now never will
            // be. If it says nothing, the sender hears 451, and sends again.
            if self.are_there(staged, now).await? {
                return Ok(());
            }
        }
        Err(Error::Commit)
    }

    /// Whether messages of one commit have appeared: for all accounts, or for none.
    async fn are_there(&self, staged: &[Staged], now: SystemTime) -> Result<bool, Error> {
        let mut all = staged.iter().map(|one| (one.accounts.first(), &one.row));
        let Some((Some(account), row)) = all.find(|(account, _)| account.is_some()) else {
            return Ok(false);
        };
        let record = self.store.get(&row_key(account, row)?, now).await?;
        Ok(record.is_some())
    }

    /// What makes a message appear for all accounts, if they are still there then.
    pub(super) async fn delivery(
        &self,
        commit: Commit,
        Staged {
            accounts,
            row,
            body,
        }: &Staged,
        now: SystemTime,
    ) -> Result<Commit, Error> {
        let mut commit = commit.put_large(&body_key(row)?, body, Expect::Absent);
        if row.shared == Shared::Yes {
            let count = refs(accounts.len() as u64);
            commit = commit.put(&refs_key(row)?, count, Expect::Absent);
        }
        for account in accounts {
            let key = accounts::key(account)?;
            let record = self.store.get(&key, now).await?;
            let version = record.ok_or(Error::NoAccount)?.version();
            commit = commit.guard(&key, Expect::Version(version)).put(
                &row_key(account, row)?,
                row.encode(),
                Expect::Absent,
            );
        }
        Ok(commit)
    }
}
