//! What the service keeps with a link for itself.

use crate::accounts::{self, Accounts, Owner};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use record_store::AnyStore;
use serde::{Deserialize, Serialize};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use symmetric_seal::link::Memo;

/// Why a link cannot have a sender who is told of it, or why he is not known.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such mailbox.
    #[error("{0} has no mailbox here, to which receipts could go")]
    NoMailbox(String),
    /// The accounts cannot be read.
    #[error("the account cannot be read")]
    Account(#[from] accounts::Error),
    /// The addresses are too long.
    #[error("the addresses are too long")]
    Long,
    /// What was kept cannot be read.
    #[error("what was kept with the link cannot be read")]
    Damaged,
}

/// Who sealed a message, for whom, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) account: String,
    /// A later owner of the same address is not told.
    pub(super) owner: Owner,
    pub(super) to: String,
    /// Seconds since 1970.
    seconds: u64,
}

/// As it is stored: JSON.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    account: String,
    owner: String,
    to: String,
    sealed: u64,
}

/// What to keep with the link of a message from this account to this recipient: the sender is told of what happens to it.
///
/// # Errors
/// [`Error`]: there is no such account, above all.
pub async fn memo(
    store: Arc<AnyStore>,
    from: &str,
    to: &str,
    now: SystemTime,
) -> Result<Memo, Error> {
    let account = accounts::parse(from)?;
    let owner = match Accounts::new(store).know_owner(&account, now).await {
        Err(accounts::Error::Missing) => return Err(Error::NoMailbox(from.into())),
        other => other?,
    };
    let since = now.duration_since(SystemTime::UNIX_EPOCH);
    let sealed = Sealed {
        account: account.to_string(),
        owner,
        to: to.into(),
        seconds: since.map_or(0, |since| since.as_secs()),
    };
    sealed.memo()
}

impl Sealed {
    fn memo(&self) -> Result<Memo, Error> {
        let stored = Stored {
            account: self.account.clone(),
            owner: URL_SAFE_NO_PAD.encode(self.owner),
            to: self.to.clone(),
            sealed: self.seconds,
        };
        let octets = serde_json::to_vec(&stored).map_err(|_| Error::Damaged)?;
        Memo::new(octets).map_err(|_| Error::Long)
    }

    pub(super) fn of(memo: &Memo) -> Result<Self, Error> {
        let stored = serde_json::from_slice(memo.octets());
        let stored: Stored = stored.map_err(|_| Error::Damaged)?;
        let owner = URL_SAFE_NO_PAD.decode(stored.owner).ok();
        let owner = owner.and_then(|octets| octets.try_into().ok());
        Ok(Self {
            account: stored.account,
            owner: owner.ok_or(Error::Damaged)?,
            to: stored.to,
            seconds: stored.sealed,
        })
    }

    pub(super) fn at(&self) -> SystemTime {
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.seconds));
        at.unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(local: usize) -> Sealed {
        Sealed {
            account: "joe@b.test".into(),
            owner: [7; 16],
            to: format!("{}@b\u{fc}cher.test", "\u{e4}".repeat(local)),
            seconds: 1_800_000_000,
        }
    }

    #[test]
    fn what_is_kept_is_read() {
        let memo = sealed(30).memo().unwrap();
        assert_eq!(Sealed::of(&memo).unwrap(), sealed(30));
        for damaged in [
            &b"{}"[..],
            b"?",
            br#"{"account":"a","owner":"x","to":"b","sealed":1}"#,
        ] {
            let memo = Memo::new(damaged.to_vec()).unwrap();
            assert!(matches!(Sealed::of(&memo), Err(Error::Damaged)));
        }
        assert!(matches!(sealed(600).memo(), Err(Error::Long)));
    }
}
