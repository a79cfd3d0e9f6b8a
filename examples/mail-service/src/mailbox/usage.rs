//! What mailboxes hold, so that they keep their quota.
//!
//! Counted from the rows, and remembered for [`REMEMBERED`]: other processes deliver and delete, too.
//! A record that each delivery changes would be exact, and make all deliveries to one mailbox wait
//! for each other. So a mailbox may exceed its quota by what other processes deliver to it within
//! that time, and be called full for that time after another process has deleted something.

use super::Row;
use crate::{config::Limits, limits::lock};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

/// How long a count holds.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(30);

/// What one mailbox may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    pub(crate) octets: u64,
    pub(crate) messages: u64,
}

impl Quota {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            octets: limits.mailbox_octets,
            messages: limits.mailbox_messages,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    octets: u64,
    messages: u64,
}

impl Sum {
    fn of(rows: &[Row]) -> Self {
        Self {
            octets: rows.iter().map(|row| row.size).sum(),
            messages: rows.len() as u64,
        }
    }

    fn add(&mut self, octets: u64) {
        self.octets = self.octets.saturating_add(octets);
        self.messages += 1;
    }

    fn subtract(&mut self, octets: u64, messages: u64) {
        self.octets = self.octets.saturating_sub(octets);
        self.messages = self.messages.saturating_sub(messages);
    }
}

#[derive(Debug)]
struct Count {
    stored: Sum,
    /// Deliveries of this process that have not ended.
    under_way: Sum,
    at: SystemTime,
}

impl Count {
    fn fits(&self, octets: u64, quota: Quota) -> bool {
        let all = self.stored.octets.saturating_add(self.under_way.octets);
        let messages = self.stored.messages + self.under_way.messages;
        all.saturating_add(octets) <= quota.octets && messages < quota.messages
    }
}

/// The mailboxes that were used since the start.
#[derive(Debug)]
pub(super) struct Usage {
    quota: Quota,
    counts: Mutex<HashMap<Arc<str>, Count>>,
}

impl Usage {
    pub(super) fn new(quota: Quota) -> Self {
        Self {
            quota,
            counts: Mutex::default(),
        }
    }

    /// Whether somebody should count a mailbox now. Who asks next need not: he goes by the old count,
    /// if there is one.
    pub(super) fn is_due(&self, account: &str, now: SystemTime) -> bool {
        let mut counts = lock(&self.counts);
        let Some(count) = counts.get_mut(account) else {
            return true;
        };
        let age = now.duration_since(count.at);
        let due = age.is_err() || age.is_ok_and(|age| age >= REMEMBERED);
        if due {
            count.at = now;
        }
        due
    }

    /// Remembers what was found. A delivery that ended while the rows were read is counted late by
    /// one message at most.
    pub(super) fn found(&self, account: &Arc<str>, rows: &[Row], now: SystemTime) {
        let stored = Sum::of(rows);
        let mut counts = lock(&self.counts);
        let count = counts.entry(account.clone()).or_insert_with(|| Count {
            stored,
            under_way: Sum::default(),
            at: now,
        });
        (count.stored, count.at) = (stored, now);
    }

    pub(super) fn has_room(&self, account: &str, octets: u64) -> bool {
        let counts = lock(&self.counts);
        let count = counts.get(account);
        count.is_some_and(|count| count.fits(octets, self.quota))
    }

    /// Counts a message before it is there, so that deliveries side by side keep the quota. False:
    /// it does not fit, and nothing is counted.
    pub(super) fn charge(&self, accounts: &[Arc<str>], octets: u64) -> bool {
        let mut counts = lock(&self.counts);
        let fits = |account: &Arc<str>| {
            let count = counts.get(account);
            count.is_some_and(|count| count.fits(octets, self.quota))
        };
        if !accounts.iter().all(fits) {
            return false;
        }
        for account in accounts {
            if let Some(count) = counts.get_mut(account) {
                count.under_way.add(octets);
            }
        }
        true
    }

    /// A message that was charged is there.
    pub(super) fn stored(&self, accounts: &[Arc<str>], octets: u64) {
        self.each(accounts, |count| count.stored.add(octets));
    }

    /// Ends what [`charge`](Self::charge) began.
    pub(super) fn ended(&self, accounts: &[Arc<str>], octets: u64) {
        self.each(accounts, |count| count.under_way.subtract(octets, 1));
    }

    fn each(&self, accounts: &[Arc<str>], mut change: impl FnMut(&mut Count)) {
        let mut counts = lock(&self.counts);
        for account in accounts {
            if let Some(count) = counts.get_mut(account) {
                change(count);
            }
        }
    }

    pub(super) fn removed(&self, account: &str, rows: &[Row]) {
        if let Some(count) = lock(&self.counts).get_mut(account) {
            let sum = Sum::of(rows);
            count.stored.subtract(sum.octets, sum.messages);
        }
    }
}
