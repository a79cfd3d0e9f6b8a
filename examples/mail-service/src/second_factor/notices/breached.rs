//! That a password must be changed, told once.

use super::{Failure, Letter, Notices, Told};
use crate::{
    accounts::{
        Error as AccountError,
        breached::{self, Breached},
    },
    log::Causes,
    mailbox::{self, Once, Task},
    second_factor::{sha256, words},
};
use std::time::SystemTime;
use tracing::warn;

pub(super) const CODE: &str = "password.must-change";

impl Notices {
    pub(super) async fn tell_breached(&self, told: &mut Told) -> Result<(), Failure> {
        let (now, mut after) = (self.clock.now(), None);
        loop {
            let (page, next) = breached::page(self.accounts.store(), after.as_ref(), now).await?;
            for one in &page {
                match self.tell_that(one, now).await {
                    Ok(()) => told.delivered += 1,
                    // By another node; or the password is another one by now, or the account gone, and the mark with it.
                    Err(Later::Never) => told.settled += 1,
                    Err(Later::Waits) => told.waiting += 1,
                    Err(Later::Failed(error)) => {
                        warn!(error = %Causes(&*error), "a user is not told yet");
                        told.waiting += 1;
                    }
                }
            }
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn tell_that(&self, one: &Breached, now: SystemTime) -> Result<(), Later> {
        // Whoever has the account now, the mark is his: it ends with the account.
        match self.accounts.know_owner(&one.account, now).await {
            Ok(_) => {}
            Err(AccountError::Missing) => return Err(Later::Never),
            Err(error) => return Err(Later::Failed(error.into())),
        }
        let owner = self.accounts.owner(&one.account, now).await;
        let owner = owner.map_err(|error| Later::Failed(error.into()))?;
        let Some((_, key, version)) = owner else {
            return Err(Later::Never);
        };
        let once = Once {
            task: Task::Remove(one.key.clone(), one.version),
            guard: (key, version),
        };
        let letter = Letter {
            id: id(one),
            said: &words::must_change(),
            at: one.since,
            code: CODE,
        };
        let (account, mail) = (
            one.account.as_str().into(),
            self.mail(&one.account, &letter, now),
        );
        let delivered = self
            .mailboxes
            .deliver_once(&account, mail.as_bytes(), &once, now);
        delivered.await.map_err(|error| match error {
            mailbox::Error::Done => Later::Never,
            mailbox::Error::Quota | mailbox::Error::NoAccount => Later::Waits,
            error => Later::Failed(error.into()),
        })
    }
}

/// Why a user is not told now.
enum Later {
    /// There is nothing to tell any more.
    Never,
    /// The mailbox is full.
    Waits,
    Failed(Failure),
}

/// The same at each try.
fn id(one: &Breached) -> [u8; 32] {
    let since = one.since.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.map_or(0, |since| since.as_millis()).to_be_bytes();
    sha256(&[CODE.as_bytes(), one.account.as_bytes(), &since])
}
