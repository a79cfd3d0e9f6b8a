//! Failures from one network, whoever is meant: a coarse cap, in windows of an hour.

use std::time::{Duration, SystemTime};

use record_store::{Commit, Expect, Key, Outcome, Records};

use super::{TwoFactor, keys};
use crate::{Client, Error, Refusal};

const WINDOW: Duration = Duration::from_secs(60 * 60);

/// The failures of a network as they were read.
pub(super) struct Failures {
    key: Key,
    expect: Expect,
    count: u32,
    ends: SystemTime,
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    pub(super) async fn failures(
        &self,
        client: &Client<'_>,
        now: SystemTime,
    ) -> Result<Failures, Error> {
        let key = keys::network(client.network(), &self.keyring)?;
        let found = self.store.get(&key, now).await?;
        let Some(found) = found else {
            return Ok(Failures {
                key,
                expect: Expect::Absent,
                count: 0,
                ends: now.checked_add(WINDOW).unwrap_or(now),
            });
        };
        let what = "the failures of a network";
        let count = found.value()?.try_into().map(u32::from_be_bytes);
        Ok(Failures {
            key,
            expect: Expect::Version(found.version()),
            count: count.map_err(|_| Error::Damaged { what })?,
            ends: found.expires().unwrap_or(now),
        })
    }

    /// Why nothing from this network is looked at, if so.
    pub(super) fn capped(&self, failures: &Failures) -> Option<Refusal> {
        let until = failures.ends;
        (failures.count >= self.throttle.network).then_some(Refusal::NetworkWait { until })
    }

    /// Counts one, with nothing else: for what has no decision record to count in.
    pub(super) async fn count_network(
        &self,
        client: &Client<'_>,
        now: SystemTime,
    ) -> Result<(), Error> {
        for _ in 0..TRIES {
            let failures = self.failures(client, now).await?;
            let commit = failures.one_more(Commit::new());
            match self.store.commit(commit, now).await? {
                Outcome::Committed(_) => return Ok(()),
                Outcome::Conflict(_) => {}
                Outcome::Unknown => return Err(Error::InDoubt),
            }
        }
        Err(Error::Contended)
    }
}

/// How often it is tried anew when others were faster.
const TRIES: usize = 200;

impl Failures {
    pub(super) fn one_more(&self, commit: Commit) -> Commit {
        self.put(commit, self.count.saturating_add(1))
    }

    pub(super) fn one_less(&self, commit: Commit) -> Commit {
        self.put(commit, self.count.saturating_sub(1))
    }

    fn put(&self, commit: Commit, count: u32) -> Commit {
        commit.put_until(&self.key, count.to_be_bytes(), self.expect, self.ends)
    }
}
