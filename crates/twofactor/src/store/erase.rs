//! The end of a user.

use std::time::SystemTime;

use record_store::{Commit, Expect, Outcome, Records};

use super::keys::{self, Slot};
use super::{TwoFactor, app, devices};
use crate::{Error, UserId};

/// What opens an account, or helps to: it goes with the decision record, in one commit.
const OPENS: [&str; 7] = [
    keys::SEEDS,
    keys::ENROLMENTS,
    keys::RECOVERY,
    app::APPS,
    devices::NAMESPACE,
    "2fa-passkey",
    "2fa-challenge",
];
/// What only tells of it.
const TELLS: [&str; 2] = [app::USED, "2fa-event"];
/// Records of one scan.
const PAGE: usize = 128;
const TRIES: usize = 200;

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// Removes all that is stored of a user. What opens the account goes first, at once; what only tells of it goes after. Once
    /// the account itself is gone: a login that is tried at the same time leaves a record of its failure. If it fails, it is to
    /// be called again. Whoever has the name later begins in a [generation](Self::generation) of their own: a login that was
    /// half-way in is over for good.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn erase(&self, user: &UserId, now: SystemTime) -> Result<(), Error> {
        self.erase_what_opens(user, now).await?;
        for namespace in TELLS {
            let prefix = keys::all(namespace, Some(user))?;
            loop {
                let page = self.store.scan(&prefix, None, PAGE, now).await?;
                if page.entries.is_empty() {
                    break;
                }
                let mut commit = Commit::new();
                for (key, _) in &page.entries {
                    commit = commit.delete(key, Expect::Anything);
                }
                match self.store.commit(commit, now).await? {
                    Outcome::Committed(_) | Outcome::Conflict(_) => {}
                    Outcome::Unknown => return Err(Error::InDoubt),
                }
            }
        }
        Ok(())
    }

    async fn erase_what_opens(&self, user: &UserId, now: SystemTime) -> Result<(), Error> {
        let slot = Slot::User(user.clone());
        for _ in 0..TRIES {
            let loaded = self.load(&slot, now).await?;
            let mut commit = Commit::new().delete(&slot.state()?, loaded.expect());
            let mut more = false;
            for namespace in OPENS {
                let prefix = keys::all(namespace, Some(user))?;
                let page = self.store.scan(&prefix, None, PAGE, now).await?;
                more |= page.next.is_some();
                for (key, _) in &page.entries {
                    commit = commit.delete(key, Expect::Anything);
                }
            }
            match self.store.commit(commit, now).await? {
                Outcome::Committed(_) if !more => return Ok(()),
                Outcome::Committed(_) | Outcome::Conflict(_) => {}
                Outcome::Unknown => return Err(Error::InDoubt),
            }
        }
        Err(Error::Contended)
    }
}
