//! What users were told of, for the pages of their accounts.
//!
//! `("mail.breach-told", address, time, which)`: the time is when it was found, counted backwards so that the newest comes
//! first; `which` is a hash of owner and breach. The value is the octet 1 and JSON; or the octet 2 alone, once its user has
//! dismissed it. It is written by the commit that delivers the mail, and by it a second delivery knows of the first: so it
//! stays until the account goes. A user has at most as many as the monitor tells (3,000), each of some hundred octets.

use super::words;
use crate::{accounts, second_factor::sha256};
use breach_check::monitor::{Age, Alert};
use record_store::{Commit, Expect, Key, Outcome, Prefix, Records};
use serde::{Deserialize, Serialize};
use std::{
    fmt::Write,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const TOLD: &str = "mail.breach-told";
const FORMAT: u8 = 1;
const DISMISSED: u8 = 2;
/// Most that are shown.
pub(crate) const MOST: usize = 50;
/// Of one page of a scan.
const PAGE: usize = 200;

/// One that its user has not dismissed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: Id,
    /// When it was found.
    pub(crate) found: SystemTime,
    pub(crate) about: About,
}

/// What is told of a breach. Texts are fit to be shown as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    /// What the breach is called.
    pub(crate) name: String,
    /// When it happened, as far as that is known; or nothing.
    pub(crate) date: String,
    /// What was lost; or nothing.
    pub(crate) lost: String,
    /// Whether it was known before the address was watched.
    pub(crate) old: bool,
}

impl About {
    pub(super) fn of(alert: &Alert) -> Self {
        Self {
            name: words::name(alert),
            date: words::date(alert),
            lost: words::lost(alert),
            old: alert.age == Age::Before,
        }
    }
}

/// Which of an account: the number that stands for its time, and the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(u64, [u8; 16]);

impl Id {
    pub(super) fn of(alert: &Alert) -> Self {
        let found = alert.found.duration_since(UNIX_EPOCH).unwrap_or_default();
        let found = u64::try_from(found.as_millis()).unwrap_or(u64::MAX);
        let parts = [alert.user.as_str(), alert.breach.as_str()];
        let hash = sha256(&parts.map(str::as_bytes));
        let mut which = [0; 16];
        which.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        Self(u64::MAX - found, which)
    }

    /// As forms send it.
    pub(crate) fn text(&self) -> String {
        let octets = self.0.to_be_bytes().into_iter().chain(self.1);
        octets.fold(String::with_capacity(48), |mut text, octet| {
            let _ = write!(text, "{octet:02x}");
            text
        })
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut digits = text.chars().map(|c| c.to_digit(16));
        let mut octets = [0_u8; 24];
        for octet in &mut octets {
            *octet = u8::try_from(digits.next()?? << 4 | digits.next()??).ok()?;
        }
        let (number, which) = octets.split_first_chunk()?;
        let id = Self(u64::from_be_bytes(*number), which.try_into().ok()?);
        digits.next().is_none().then_some(id)
    }

    pub(super) fn key(&self, account: &str) -> Result<Key, record_store::Error> {
        Key::new(TOLD, (account, self.0, self.1))
    }

    fn read(key: &Key) -> Option<Self> {
        let mut parts = key.parts().skip(1);
        let number = parts.next()?.number()?;
        Some(Self(number, parts.next()?.bytes().try_into().ok()?))
    }

    fn found(&self) -> SystemTime {
        let found = Duration::from_millis(u64::MAX - self.0);
        UNIX_EPOCH.checked_add(found).unwrap_or(UNIX_EPOCH)
    }
}

/// What goes with the mail.
pub(super) fn write(about: &About) -> Result<Arc<[u8]>, serde_json::Error> {
    let mut value = vec![FORMAT];
    serde_json::to_writer(&mut value, about)?;
    Ok(value.into())
}

/// What a user was told of and has not dismissed, the newest first, at most [`MOST`].
pub(crate) async fn list(
    store: &impl Records,
    account: &str,
    now: SystemTime,
) -> Result<Vec<Entry>, accounts::Error> {
    let (prefix, mut entries, mut after) = (Prefix::new(TOLD, account)?, Vec::new(), None);
    loop {
        let page = store.scan(&prefix, after.as_ref(), PAGE, now).await?;
        for (key, record) in &page.entries {
            let [FORMAT, json @ ..] = record.value()? else {
                continue;
            };
            let (Some(id), Ok(about)) = (Id::read(key), serde_json::from_slice(json)) else {
                return Err(accounts::Error::Damaged);
            };
            let found = id.found();
            entries.push(Entry { id, found, about });
            if entries.len() == MOST {
                return Ok(entries);
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(entries),
        }
    }
}

/// Shows it no more; nothing if there is none.
pub(crate) async fn dismiss(
    store: &impl Records,
    account: &str,
    id: &Id,
    now: SystemTime,
) -> Result<(), accounts::Error> {
    let key = id.key(account)?;
    let Some(record) = store.get(&key, now).await? else {
        return Ok(());
    };
    // The mark stays, or a node that is slow would tell it again.
    let commit = Commit::new().put(&key, [DISMISSED], Expect::Version(record.version()));
    match store.commit(commit, now).await? {
        Outcome::Committed(_) | Outcome::Conflict(_) => Ok(()),
        Outcome::Unknown => Err(accounts::Error::Raced),
    }
}

/// Removes all that an account was told, once the account is no more.
pub(crate) async fn erase(
    store: &impl Records,
    account: &str,
    now: SystemTime,
) -> Result<(), accounts::Error> {
    let prefix = Prefix::new(TOLD, account)?;
    loop {
        let page = store.scan(&prefix, None, PAGE, now).await?;
        if page.entries.is_empty() {
            return Ok(());
        }
        let keys = page.entries.iter();
        let commit = keys.fold(Commit::new(), |commit, (key, _)| {
            commit.delete(key, Expect::Anything)
        });
        match store.commit(commit, now).await? {
            Outcome::Committed(_) => {}
            // The next look shows what is left.
            Outcome::Unknown => {}
            Outcome::Conflict(_) => return Err(accounts::Error::Raced),
        }
    }
}
