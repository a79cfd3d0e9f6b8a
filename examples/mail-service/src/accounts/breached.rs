//! Who is to be told that his password must be changed. The mark is written together with the state that says so, and goes
//! together with the mail that tells it: whatever ends when, it is told once.
//!
//! The record `("mail.breached", address)` holds the octet 1, and since when, in milliseconds.

use super::Error;
use record_store::{AnyStore, Key, Prefix, Records, Version};
use std::time::{Duration, SystemTime};

const NAMESPACE: &str = "mail.breached";
const FORMAT: u8 = 1;

/// Somebody who is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breached {
    pub(crate) account: String,
    pub(crate) since: SystemTime,
    pub(crate) key: Key,
    pub(crate) version: Version,
}

/// A mark, and its value.
pub(crate) fn mark(account: &str, now: SystemTime) -> Result<(Key, Vec<u8>), record_store::Error> {
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.map_or(0, |since| since.as_millis());
    let since = u64::try_from(since).unwrap_or_default();
    let value = [&[FORMAT][..], &since.to_be_bytes()].concat();
    Ok((key(account)?, value))
}

pub(super) fn key(account: &str) -> Result<Key, record_store::Error> {
    Key::new(NAMESPACE, account)
}

/// The next ones behind this one, in order, and where to go on.
pub(crate) async fn page(
    store: &AnyStore,
    after: Option<&Key>,
    now: SystemTime,
) -> Result<(Vec<Breached>, Option<Key>), Error> {
    let prefix = Prefix::new(NAMESPACE, ())?;
    let page = store.scan(&prefix, after, 100, now).await?;
    let mut found = Vec::new();
    for (key, record) in page.entries {
        let account = key
            .parts()
            .next()
            .and_then(|part| Some(part.text()?.to_owned()));
        let since = read(record.value()?);
        let (Some(account), Some(since)) = (account, since) else {
            return Err(Error::Damaged);
        };
        found.push(Breached {
            account,
            since,
            version: record.version(),
            key,
        });
    }
    Ok((found, page.next))
}

fn read(value: &[u8]) -> Option<SystemTime> {
    let [FORMAT, since @ ..] = value else {
        return None;
    };
    let since = u64::from_be_bytes(since.try_into().ok()?);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(since))
}
