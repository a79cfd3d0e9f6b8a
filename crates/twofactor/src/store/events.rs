//! What users are still to be told: an outbox, written by the commits that it tells of.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::{Commit, Expect, Key, Outcome, Records};

use super::{TwoFactor, keys};
use crate::decision::millis;
use crate::{Error, Event, UserId, random};

/// How long an event waits to be [acknowledged](TwoFactor::acknowledge): 30 days.
pub const EVENTS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const NAMESPACE: &str = "2fa-event";
/// Most events of one call.
const PAGE: usize = 100;

/// Which event.
#[derive(Clone, PartialEq, Eq)]
pub struct EventKey(Key);

/// Without the user.
impl fmt::Debug for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventKey(..)")
    }
}

/// An event that waits.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// To acknowledge it by.
    pub key: EventKey,
    /// Who is to be told.
    pub user: UserId,
    /// What.
    pub event: Event,
    /// When it happened.
    pub at: SystemTime,
}

pub(super) fn put(
    commit: Commit,
    user: &UserId,
    event: Event,
    now: SystemTime,
) -> Result<Commit, Error> {
    let key = keys::event(user, millis(now), random()?)?;
    let until = now.checked_add(EVENTS_KEPT).unwrap_or(now);
    Ok(commit.put_until(&key, event.to_octets(), Expect::Absent, until))
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// What a user, or anybody, is still to be told, oldest first for each: at most 100. Each is told at least once; it
    /// waits until it is acknowledged, and no longer than [`EVENTS_KEPT`]. What this release cannot read is passed over.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn events(
        &self,
        user: Option<&UserId>,
        now: SystemTime,
    ) -> Result<Vec<Waiting>, Error> {
        let prefix = keys::all(NAMESPACE, user)?;
        let (mut waiting, mut after) = (Vec::new(), None);
        while waiting.len() < PAGE {
            let room = PAGE - waiting.len();
            let page = self.store.scan(&prefix, after.as_ref(), room, now).await?;
            for (key, found) in page.entries {
                // A later release may know more; what it has to tell, it tells.
                let Some((user, event, at)) = read(&key, found.value()?) else {
                    continue;
                };
                waiting.push(Waiting {
                    key: EventKey(key),
                    user,
                    event,
                    at,
                });
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(waiting)
    }

    /// The user has been told.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn acknowledge(&self, event: &EventKey, now: SystemTime) -> Result<(), Error> {
        let commit = Commit::new().delete(&event.0, Expect::Anything);
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) | Outcome::Conflict(_) => Ok(()),
            Outcome::Unknown => Err(Error::InDoubt),
        }
    }
}

fn read(key: &Key, value: &[u8]) -> Option<(UserId, Event, SystemTime)> {
    let mut parts = key.parts();
    let user = UserId::new(parts.next()?.text()?).ok()?;
    let at = UNIX_EPOCH.checked_add(Duration::from_millis(parts.next()?.number()?))?;
    Some((user, Event::from_octets(value)?, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keyring;
    use record_store::Memory;

    #[test]
    fn what_a_later_release_wrote_hides_nothing() {
        pollster::block_on(async {
            let (store, now) = (
                Memory::new(),
                UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            );
            let ann = UserId::new("ann").unwrap();
            let mut commit = Commit::new();
            for n in 0..2 * PAGE as u64 {
                let key = keys::event(&ann, n, [0; 8]).unwrap();
                commit = commit.put(&key, [99], Expect::Absent);
            }
            let commit = put(commit, &ann, Event::NewDevice, now).unwrap();
            assert!(matches!(
                store.commit(commit, now).await.unwrap(),
                Outcome::Committed(_)
            ));
            let keyring = Keyring::new(1, [7; 32]);
            let two = TwoFactor::builder(store)
                .keys(keyring)
                .issuer("Test")
                .build()
                .unwrap();
            for user in [None, Some(&ann)] {
                let waiting = two.events(user, now).await.unwrap();
                let events: Vec<_> = waiting.iter().map(|waiting| waiting.event).collect();
                assert_eq!(events, [Event::NewDevice]);
            }
        });
    }
}
