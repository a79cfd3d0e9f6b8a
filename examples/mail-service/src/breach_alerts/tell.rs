//! What the monitor has found, told by mail into the mailbox here.

use super::{
    Alerts, Failure,
    told::{self, About, Id},
    user_of, words,
};
use crate::{
    log::Causes,
    mailbox::{self, Once, Task},
};
use breach_check::{
    Http,
    monitor::{Alert, MAX_ALERTS, UserId},
};
use std::{collections::BTreeSet, sync::Arc};
use tracing::warn;

/// What came of looking at what waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Mails that are there now.
    pub(crate) delivered: usize,
    /// Alerts that were told before, or that nobody is there to hear.
    pub(crate) settled: usize,
    /// Users of whom some wait on: the mailbox is full, or something failed.
    pub(crate) waiting: usize,
}

impl Told {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

enum Fate {
    Delivered,
    Settled,
    Waits,
}

impl<H: Http> Alerts<H> {
    /// Tells what waits.
    pub(crate) async fn tell(&self) -> Result<Told, Failure> {
        let (mut told, mut after) = (Told::default(), None);
        // Who cannot be told one thing is told nothing behind it: in the order in which it was found.
        let mut waiting: BTreeSet<UserId> = BTreeSet::new();
        loop {
            let now = self.clock.now();
            let page = self.monitor.next_alerts(None, after.as_ref(), now).await?;
            for alert in &page {
                if waiting.contains(&alert.user) {
                    continue;
                }
                match self.tell_one(alert).await {
                    Ok(Fate::Delivered) => told.delivered += 1,
                    Ok(Fate::Settled) => told.settled += 1,
                    Ok(Fate::Waits) => drop(waiting.insert(alert.user.clone())),
                    Err(error) => {
                        warn!(error = %Causes(&*error), "a user is not told of a breach yet");
                        waiting.insert(alert.user.clone());
                    }
                }
            }
            match page.last() {
                Some(last) if page.len() >= MAX_ALERTS => after = Some(last.key.clone()),
                _ => break,
            }
        }
        told.waiting = waiting.len();
        Ok(told)
    }

    async fn tell_one(&self, alert: &Alert) -> Result<Fate, Failure> {
        let (account, now) = (alert.address.as_str(), self.clock.now());
        let guard = match self.accounts.owner(account, now).await? {
            Some((owner, key, version)) if user_of(&owner)? == alert.user => (key, version),
            // He is gone, and whoever has the address now is somebody else.
            _ => {
                self.monitor.acknowledge(&alert.key, now).await?;
                return Ok(Fate::Settled);
            }
        };
        let about = About::of(alert);
        let id = Id::of(alert);
        let once = Once {
            task: Task::Note(id.key(account)?, told::write(&about)?),
            guard,
        };
        let mail = words::mail(alert, &about, &id, &self.hostname, now);
        let to = Arc::from(account);
        let delivered = self
            .mailboxes
            .deliver_once(&to, mail.as_bytes(), &once, now)
            .await;
        let fate = match delivered {
            Ok(()) => Fate::Delivered,
            Err(mailbox::Error::Done) => Fate::Settled,
            Err(mailbox::Error::Quota | mailbox::Error::NoAccount) => return Ok(Fate::Waits),
            Err(error) => return Err(error.into()),
        };
        self.monitor.acknowledge(&alert.key, now).await?;
        Ok(fate)
    }
}
