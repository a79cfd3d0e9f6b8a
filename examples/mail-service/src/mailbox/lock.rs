//! The right to a maildrop (RFC 1939 §4), among all processes that share a store.
//!
//! ```text
//! ("mail.lock", account)   octet 1; 16 random octets, the owner; expires
//! ```
//!
//! The owner renews it while he lives; if he is killed, or cut off from the store, it expires, and
//! the next one takes it. Whoever lost it deletes nothing: each deletion expects the lock to be his,
//! in the same commit. So clocks that differ cost a session at worst, and never a message.
//!
//! A full disk does not keep people from reading their mail, and from making space: there a session
//! goes on without the record as long as nobody has one, and the first that can write it stays.

use super::{Error, FORMAT};
use crate::{clock::Clock, log::Causes};
use record_store::{AnyStore, Commit, Conflict, Expect, Key, Outcome, Records, Version, Versioned};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{
    runtime::Handle,
    sync::{Mutex, MutexGuard, watch},
    task::AbortHandle,
    time::sleep,
};
use tracing::{debug, info, warn};

const LOCKS: &str = "mail.lock";
/// How long a lock outlives its last renewal.
pub(crate) const TERM: Duration = Duration::from_secs(30);
/// How long after one renewal the next one begins.
pub(crate) const RENEWAL: Duration = Duration::from_secs(10);
/// The same after one that failed.
const AGAIN: Duration = Duration::from_secs(2);
/// For outcomes that nobody knows: the next try finds out.
const TRIES: usize = 3;

/// The right to a maildrop, until it is released. If it is dropped, that happens a little later.
#[derive(Debug)]
pub(crate) struct Lock {
    held: Arc<Held>,
    renewal: AbortHandle,
    released: bool,
}

struct Held {
    store: Arc<AnyStore>,
    clock: Clock,
    account: Arc<str>,
    key: Key,
    value: Vec<u8>,
    /// Of the record; none while there is no space for it. Whoever writes it, or relies on it, keeps this
    /// locked until he knows the outcome.
    version: Mutex<Option<Version>>,
    lost: watch::Sender<bool>,
}

/// What became of a renewal.
#[derive(Debug, PartialEq, Eq)]
enum Renewed {
    Yes,
    /// Somebody else may have the maildrop by now.
    Lost,
    /// The store did not answer.
    Later,
}

impl Lock {
    /// Takes a maildrop; none if somebody has it.
    pub(super) async fn take(
        store: &Arc<AnyStore>,
        account: &Arc<str>,
        clock: &Clock,
    ) -> Result<Option<Self>, Error> {
        let key = Key::new(LOCKS, &**account)?;
        let mut value = vec![FORMAT; 17];
        let owner = value.get_mut(1..).unwrap_or_default();
        aws_lc_rs::rand::fill(owner).map_err(|_| Error::Random)?;
        for _ in 0..TRIES {
            let now = clock.now();
            let put = Commit::new().put_until(&key, &*value, Expect::Absent, now + TERM);
            let version = match store.commit(put, now).await {
                Ok(Outcome::Committed(version)) => Some(version),
                Ok(Outcome::Conflict(conflict)) => match ours(conflict.found.as_ref(), &value) {
                    // A try before this one had an outcome that nobody knew.
                    Some(version) => Some(version),
                    None => return Ok(None),
                },
                Ok(Outcome::Unknown) => continue,
                Err(record_store::Error::Full) => match store.get(&key, now).await? {
                    Some(_) => return Ok(None),
                    None => None,
                },
                Err(error) => return Err(error.into()),
            };
            let held = Arc::new(Held {
                store: store.clone(),
                clock: clock.clone(),
                account: account.clone(),
                key,
                value,
                version: Mutex::new(version),
                lost: watch::Sender::new(false),
            });
            let renewal = tokio::spawn(keep(held.clone())).abort_handle();
            return Ok(Some(Self {
                held,
                renewal,
                released: false,
            }));
        }
        Err(Error::Commit)
    }

    pub(super) fn account(&self) -> &Arc<str> {
        &self.held.account
    }

    /// Returns when somebody else may have the maildrop: the session must end.
    pub(crate) async fn lost(&self) {
        // It cannot fail: the sender lives as long as the lock.
        let _ = self.held.lost.subscribe().wait_for(|lost| *lost).await;
    }

    /// For commits that happen only as long as the lock is held.
    pub(super) async fn fence(&self) -> Fence<'_> {
        Fence {
            held: &self.held,
            version: self.held.version.lock().await,
        }
    }

    /// Gives the maildrop back. If the store does not answer, the lock expires.
    pub(crate) async fn release(mut self) {
        self.released = true;
        self.held.clone().release(&self.renewal).await;
    }

    /// As if the process had been killed: nobody renews or releases it.
    #[cfg(test)]
    pub(super) fn abandon(&mut self) {
        self.released = true;
        self.renewal.abort();
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.released {
            return;
        }
        let (held, renewal) = (self.held.clone(), self.renewal.clone());
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move { held.release(&renewal).await })),
            Err(_) => renewal.abort(),
        }
    }
}

/// What a commit must expect so that it happens only under the lock.
pub(super) struct Fence<'a> {
    held: &'a Held,
    version: MutexGuard<'a, Option<Version>>,
}

impl Fence<'_> {
    pub(super) fn guard(&self, commit: Commit) -> Commit {
        commit.guard(&self.held.key, expect(*self.version))
    }

    /// Whether a commit that met this conflict may be tried again.
    pub(super) fn permits(&mut self, conflict: &Conflict) -> bool {
        if conflict.key != self.held.key {
            return true;
        }
        match ours(conflict.found.as_ref(), &self.held.value) {
            Some(version) => *self.version = Some(version),
            None => self.held.lose(),
        }
        !*self.held.lost.borrow()
    }
}

impl Held {
    fn lose(&self) {
        if !self.lost.send_replace(true) {
            info!("a maildrop's lock was lost, its session ends");
        }
    }

    async fn renew(&self) -> Renewed {
        let mut version = self.version.lock().await;
        for _ in 0..TRIES {
            let now = self.clock.now();
            let put =
                Commit::new().put_until(&self.key, &*self.value, expect(*version), now + TERM);
            match self.store.commit(put, now).await {
                Ok(Outcome::Committed(new)) => {
                    *version = Some(new);
                    return Renewed::Yes;
                }
                Ok(Outcome::Conflict(conflict)) => {
                    match ours(conflict.found.as_ref(), &self.value) {
                        Some(found) => *version = Some(found),
                        None => return Renewed::Lost,
                    }
                }
                Ok(Outcome::Unknown) => {}
                Err(error) => {
                    warn!(error = %Causes(&error), "a maildrop's lock cannot be renewed now");
                    return Renewed::Later;
                }
            }
        }
        Renewed::Later
    }

    async fn release(self: Arc<Self>, renewal: &AbortHandle) {
        let mut version = self.version.lock().await;
        // Not in its middle: its commit would go on, and might arrive after ours.
        renewal.abort();
        for _ in 0..TRIES {
            let Some(written) = *version else { return };
            let delete = Commit::new().delete(&self.key, Expect::Version(written));
            match self.store.commit(delete, self.clock.now()).await {
                Ok(Outcome::Committed(_)) => return,
                Ok(Outcome::Conflict(conflict)) => {
                    match ours(conflict.found.as_ref(), &self.value) {
                        Some(found) => *version = Some(found),
                        None => return,
                    }
                }
                Ok(Outcome::Unknown) => {}
                Err(error) => {
                    debug!(error = %Causes(&error), "a maildrop's lock is left to expire");
                    return;
                }
            }
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

/// Renews a lock until it is lost; whoever releases it ends this.
async fn keep(held: Arc<Held>) {
    let mut wait = RENEWAL;
    loop {
        sleep(wait).await;
        wait = match held.renew().await {
            Renewed::Yes => RENEWAL,
            Renewed::Later => AGAIN,
            Renewed::Lost => return held.lose(),
        };
    }
}

fn expect(version: Option<Version>) -> Expect {
    version.map_or(Expect::Absent, Expect::Version)
}

/// The version of a record, if it is the owner's.
fn ours(found: Option<&Versioned>, value: &[u8]) -> Option<Version> {
    let found = found.filter(|found| found.value().is_ok_and(|found| found == value))?;
    Some(found.version())
}
