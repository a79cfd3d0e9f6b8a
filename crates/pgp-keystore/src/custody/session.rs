//! What an unlock gives: the keys of an account, for a time.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::crypto::Key;
use super::{AccountId, Custody, CustodyError};

/// The longest session: a day.
pub const MAX_SESSION: Duration = Duration::from_secs(24 * 3600);

/// When a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(SystemTime);

impl Deadline {
    /// So long after now.
    ///
    /// # Errors
    ///
    /// [`CustodyError::TooLong`] for more than [`MAX_SESSION`].
    pub fn after(now: SystemTime, lasts: Duration) -> Result<Self, CustodyError> {
        let end = now.checked_add(lasts).filter(|_| lasts <= MAX_SESSION);
        end.map(Self).ok_or(CustodyError::TooLong)
    }
}

/// An account that is open until a moment. Its keys are wiped when it is dropped, when it is closed, and when it is first used
/// too late; after that it stays closed, whatever the clock says then.
///
/// It cannot be copied, and prints nothing of what it holds.
pub struct Session {
    account: AccountId,
    keys: Mutex<Option<Keys>>,
    until: SystemTime,
}

/// The account's own key, unless the server opened the session, and the served key.
pub(super) struct Keys {
    pub(super) own: Option<Key>,
    pub(super) served: Key,
}

impl Session {
    pub(super) fn new(account: &AccountId, keys: Keys, until: Deadline) -> Self {
        Self {
            account: account.clone(),
            keys: Mutex::new(Some(keys)),
            until: until.0,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// From when on it is over.
    #[must_use]
    pub fn until(&self) -> SystemTime {
        self.until
    }

    /// Whether it is open at this time. Too late, it is closed for ever.
    #[must_use]
    pub fn is_open(&self, now: SystemTime) -> bool {
        self.with(now, |_| Ok(())).is_ok()
    }

    /// Ends it now, for all who share it.
    pub fn close(&self) {
        *self.lock() = None;
    }

    /// The only way to the keys.
    pub(super) fn with<T>(
        &self,
        now: SystemTime,
        work: impl FnOnce(&Keys) -> Result<T, CustodyError>,
    ) -> Result<T, CustodyError> {
        let mut keys = self.lock();
        if now >= self.until {
            *keys = None;
        }
        keys.as_ref()
            .ok_or(CustodyError::SessionOver)
            .and_then(work)
    }

    /// As [`with`](Self::with), for the key of a custody.
    pub(super) fn with_key<T>(
        &self,
        custody: Custody,
        now: SystemTime,
        work: impl FnOnce(&Key) -> Result<T, CustodyError>,
    ) -> Result<T, CustodyError> {
        self.with(now, |keys| match custody {
            Custody::Server => work(&keys.served),
            Custody::Passphrase => work(keys.own.as_ref().ok_or(CustodyError::UsersOnly)?),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Keys>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    /// Until when it is open.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
