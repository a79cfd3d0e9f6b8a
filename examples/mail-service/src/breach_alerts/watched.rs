//! Who is watched: everybody who has an account, from then on and until it is gone.
//!
//! `("mail.breach-watch", owner)` holds the octet 1; one octet, `0` before he is watched, `1` from then on, `2` once his account
//! is gone; for `2`, since when, in milliseconds; and the address. It is there before the monitor knows him and after it has
//! forgotten him, so a node may end between any two commits: the next look goes on.

use super::{Alerts, Failure, user_of};
use crate::{
    accounts::{self, Owner},
    log::Causes,
};
use breach_check::{Http, addresses::Address, monitor::Ownership};
use record_store::{Commit, Expect, Key, Outcome, Prefix, Records, Version};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tracing::warn;

const WATCHED: &str = "mail.breach-watch";
const FORMAT: u8 = 1;
/// For so long after somebody was forgotten, a node that is slow may have him watched again: then he is forgotten again.
const SLOW: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Perhaps the monitor knows him.
    Begun,
    Watched,
    /// The monitor has forgotten him.
    Gone(SystemTime),
}

#[derive(Debug)]
struct Record {
    account: String,
    state: State,
    version: Version,
}

/// What has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) new: usize,
    pub(crate) gone: usize,
    /// Accounts that could not be dealt with now.
    pub(crate) failed: usize,
}

impl Changed {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl<H: Http> Alerts<H> {
    /// Has everybody watched who has an account, and nobody else.
    pub(crate) async fn watch(&self) -> Result<Changed, Failure> {
        let now = self.clock.now();
        let mut changed = Changed::default();
        // In this order: whose owner is not the one of a record by now never is again.
        let records = self.records(now).await?;
        let owners = self.accounts.owners(now).await?;
        for account in self.accounts.list(now).await? {
            let record = owners.get(&account).and_then(|owner| records.get(owner));
            if record.is_some_and(|record| record.state == State::Watched) {
                continue;
            }
            match self.begin(&account, now).await {
                Ok(true) => changed.new += 1,
                Ok(false) => {}
                Err(error) => changed.fails(&*error),
            }
        }
        for (owner, record) in records {
            if owners.get(&record.account) == Some(&owner) {
                continue;
            }
            match self.end(&owner, &record, now).await {
                Ok(true) => changed.gone += 1,
                Ok(false) => {}
                Err(error) => changed.fails(&*error),
            }
        }
        Ok(changed)
    }

    /// Whether he is watched from now on, and was not before. Whose address the service of breaches would not know again
    /// (longer than 254 octets) is not.
    async fn begin(&self, account: &str, now: SystemTime) -> Result<bool, Failure> {
        let address = Address::parse(account).ok();
        let Some(address) = address.filter(|address| address.as_str() == account) else {
            return Ok(false);
        };
        let owner = match self.accounts.know_owner(account, now).await {
            Ok(owner) => owner,
            Err(accounts::Error::Missing) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let expect = match self.record(&owner, now).await? {
            None => {
                let begun = self.put(&owner, account, State::Begun, Expect::Absent, now);
                match begun.await? {
                    Some(version) => Expect::Version(version),
                    // Another node begins with him as well.
                    None => return Ok(false),
                }
            }
            Some(record) if record.state == State::Begun => Expect::Version(record.version),
            Some(_) => return Ok(false),
        };
        // The mailbox of this address is his, at this service.
        let (id, proven) = (user_of(&owner)?, Ownership::Proven);
        self.monitor.watch(&id, &address, proven, now).await?;
        let watched = self.put(&owner, account, State::Watched, expect, now);
        Ok(watched.await?.is_some())
    }

    /// Whether he is forgotten from now on.
    async fn end(&self, owner: &Owner, record: &Record, now: SystemTime) -> Result<bool, Failure> {
        let expect = Expect::Version(record.version);
        match record.state {
            State::Gone(since) if now < since + SLOW && now >= since => Ok(false),
            State::Gone(_) => {
                self.monitor.remove(&user_of(owner)?, now).await?;
                let delete = Commit::new().delete(&key(owner)?, expect);
                // If it stays, the next look does it.
                let _ = self.accounts.store().commit(delete, now).await?;
                Ok(false)
            }
            State::Begun | State::Watched => {
                self.monitor.remove(&user_of(owner)?, now).await?;
                let gone = State::Gone(now);
                let gone = self.put(owner, &record.account, gone, expect, now);
                Ok(gone.await?.is_some())
            }
        }
    }

    async fn records(&self, now: SystemTime) -> Result<BTreeMap<Owner, Record>, Failure> {
        let (prefix, mut all, mut after) = (Prefix::new(WATCHED, ())?, BTreeMap::new(), None);
        loop {
            let store = self.accounts.store();
            let page = store.scan(&prefix, after.as_ref(), 1000, now).await?;
            for (key, found) in &page.entries {
                let owner = key
                    .parts()
                    .next()
                    .and_then(|part| part.bytes().try_into().ok());
                let owner: Owner = owner.ok_or(accounts::Error::Damaged)?;
                all.insert(owner, read(found.value()?, found.version())?);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    async fn record(&self, owner: &Owner, now: SystemTime) -> Result<Option<Record>, Failure> {
        let found = self.accounts.store().get(&key(owner)?, now).await?;
        match found {
            Some(found) => Ok(Some(read(found.value()?, found.version())?)),
            None => Ok(None),
        }
    }

    /// The version of what was written; nothing if somebody else was faster, or nobody knows: the next look tells.
    async fn put(
        &self,
        owner: &Owner,
        account: &str,
        state: State,
        expect: Expect,
        now: SystemTime,
    ) -> Result<Option<Version>, Failure> {
        let commit = Commit::new().put(&key(owner)?, write(account, state), expect);
        match self.accounts.store().commit(commit, now).await? {
            Outcome::Committed(version) => Ok(Some(version)),
            Outcome::Conflict(_) | Outcome::Unknown => Ok(None),
        }
    }
}

impl Changed {
    fn fails(&mut self, error: &(dyn std::error::Error + 'static)) {
        warn!(error = %Causes(error), "an account is not looked at now");
        self.failed += 1;
    }
}

fn key(owner: &Owner) -> Result<Key, record_store::Error> {
    Key::new(WATCHED, owner)
}

fn write(account: &str, state: State) -> Vec<u8> {
    let mut value = vec![FORMAT];
    match state {
        State::Begun => value.push(0),
        State::Watched => value.push(1),
        State::Gone(since) => {
            let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
            let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
            value.push(2);
            value.extend_from_slice(&since.to_be_bytes());
        }
    }
    value.extend_from_slice(account.as_bytes());
    value
}

fn read(value: &[u8], version: Version) -> Result<Record, accounts::Error> {
    let read = || {
        let (state, account) = match value {
            [FORMAT, 0, account @ ..] => (State::Begun, account),
            [FORMAT, 1, account @ ..] => (State::Watched, account),
            [FORMAT, 2, rest @ ..] => {
                let (since, account) = rest.split_first_chunk()?;
                let since = Duration::from_millis(u64::from_be_bytes(*since));
                (State::Gone(UNIX_EPOCH.checked_add(since)?), account)
            }
            _ => return None,
        };
        let account = str::from_utf8(account).ok()?.to_owned();
        Some(Record {
            account,
            state,
            version,
        })
    };
    read().ok_or(accounts::Error::Damaged)
}
