//! What users are still to be told: an outbox, written by the commits that note that it is told.

use std::fmt;
use std::time::SystemTime;

use record_store::{Commit, Expect, Key, Outcome, Records};

use super::names::{self, Hash, millis};
use super::octets::{Reader, Writer};
use super::user::{News, User, is_sensitive};
use super::{Error, Monitor, Ownership, UserId, facts};
use crate::Http;
use crate::addresses::{Address, Breach, BreachName};

/// Most alerts of one call.
pub const MAX_ALERTS: usize = 100;

/// Which alert.
#[derive(Clone, PartialEq, Eq)]
pub struct AlertKey(Key);

/// Without the user.
impl fmt::Debug for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlertKey(..)")
    }
}

/// Whether the breach is news.
#[allow(clippy::exhaustive_enums)] // before or since
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// It was found when the address was asked about for the first time: an older breach, told once.
    Before,
    /// It was found later.
    Since,
}

impl Age {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Before => 0,
            Self::Since => 1,
        }
    }

    pub(super) fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Before),
            1 => Some(Self::Since),
            _ => None,
        }
    }
}

/// Somebody is to be told that an address was in a breach.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// To acknowledge it by.
    pub key: AlertKey,
    /// Who.
    pub user: UserId,
    /// Which address: the user may have another one by now.
    pub address: Address,
    /// In which breach.
    pub breach: BreachName,
    /// What is known of the breach, but for its description.
    pub facts: Option<Breach>,
    /// Whether it is news.
    pub age: Age,
    /// When it was found.
    pub found: SystemTime,
}

impl Alert {
    /// Whether that somebody is in it is itself a secret. It is true of a breach of which nothing is known.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        is_sensitive(self.facts.as_ref())
    }
}

pub(super) fn put(
    mut commit: Commit,
    hash: &Hash,
    user: &User,
    news: &[News],
    now: SystemTime,
) -> Result<Commit, Error> {
    for one in news {
        let key = names::alert(hash, &user.generation, one.number)?;
        let to = Writer::new()
            .text(user.id.as_str())
            .text(user.address.as_str())
            .text(one.name.as_str())
            .u8(one.age.number())
            .u64(millis(now));
        let to = match &one.breach {
            Some(breach) => facts::write(to.u8(1), breach),
            None => to.u8(0),
        };
        commit = commit.put(&key, to.finish(), Expect::Absent);
    }
    Ok(commit)
}

pub(super) fn read(key: Key, value: &[u8]) -> Option<Alert> {
    let mut from = Reader::new(value)?;
    let user = UserId::new(from.text()?).ok()?;
    let address = Address::parse(from.text()?).ok()?;
    let breach = BreachName::new(from.text()?)?;
    let age = Age::of(from.u8()?)?;
    let found = names::time(from.u64()?);
    let facts = match from.u8()? {
        0 => None,
        _ => Some(facts::read(&mut from)?),
    };
    from.end()?;
    let key = AlertKey(key);
    Some(Alert {
        key,
        user,
        address,
        breach,
        facts,
        age,
        found,
    })
}

/// Of which adding of the user.
fn generation(key: &Key) -> Option<[u8; 8]> {
    key.parts().nth(1)?.bytes().try_into().ok()
}

impl<R: Records, H: Http> Monitor<R, H> {
    /// What a user, or anybody, is still to be told: at most [`MAX_ALERTS`], for each user in the order in which they were
    /// found, and only those behind `after`. Each waits until it is [acknowledged](Self::acknowledge), however long.
    ///
    /// A sensitive one is not given while the address is no longer proven to be the user's.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn next_alerts(
        &self,
        user: Option<&UserId>,
        after: Option<&AlertKey>,
        now: SystemTime,
    ) -> Result<Vec<Alert>, Error> {
        let hash = user.map(|user| self.key.user(user.as_str()));
        let prefix = names::alerts(hash.as_ref())?;
        let (mut alerts, mut after) = (Vec::new(), after.map(|key| key.0.clone()));
        let mut owner: Option<(Hash, Option<User>)> = None;
        while alerts.len() < MAX_ALERTS {
            let room = MAX_ALERTS - alerts.len();
            let page = self.store.scan(&prefix, after.as_ref(), room, now).await?;
            for (key, found) in page.entries {
                let what = "an alert";
                let first = key.parts().next();
                let of: Option<Hash> = first.and_then(|part| part.bytes().try_into().ok());
                let of = of.ok_or(Error::Damaged { what })?;
                if owner.as_ref().is_none_or(|(hash, _)| *hash != of) {
                    owner = Some((of, self.user(&of, now).await?.map(|(user, _)| user)));
                }
                let user = owner.as_ref().and_then(|(_, user)| user.as_ref());
                let user = user.filter(|user| generation(&key) == Some(user.generation));
                let Some(user) = user else {
                    // Its user was removed, by somebody who did not get to its end.
                    let delete = Commit::new().delete(&key, Expect::Version(found.version()));
                    let _ = self.store.commit(delete, now).await?;
                    continue;
                };
                let alert = read(key, found.value()?).ok_or(Error::Damaged { what })?;
                if !alert.is_sensitive() || may_be_told(user, &alert) {
                    alerts.push(alert);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(alerts)
    }

    /// The user has been told. Again, it does nothing.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn acknowledge(&self, alert: &AlertKey, now: SystemTime) -> Result<(), Error> {
        let commit = Commit::new().delete(&alert.0, Expect::Anything);
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) | Outcome::Conflict(_) => Ok(()),
            Outcome::Unknown => Err(Error::InDoubt),
        }
    }
}

fn may_be_told(user: &User, alert: &Alert) -> bool {
    user.ownership == Ownership::Proven && user.address == alert.address
}
