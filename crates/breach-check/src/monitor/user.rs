//! A user that is watched: a record, and what becomes of it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::names::Told;
use super::octets::{Reader, Writer};
use super::{Age, Error, MonitorKey, Settings};
use crate::addresses::{Address, Breach, BreachName};

/// Most octets of a [`UserId`].
pub const MAX_USER: usize = 128;
/// Most breaches that a user is told of.
pub const MAX_TOLD: usize = 3000;
/// Most sensitive breaches that are held back for one user.
pub const MAX_HELD: usize = 150;
/// Alerts of one commit.
pub(super) const AT_ONCE: usize = 400;

/// A user, by a name that never changes and is never given to somebody else: 1 to [`MAX_USER`] octets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

/// A text that is no [`UserId`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user's id has 1 to {MAX_USER} octets and no control characters")]
pub struct NotAUser;

impl UserId {
    /// Takes an id.
    ///
    /// # Errors
    /// [`NotAUser`].
    pub fn new(id: &str) -> Result<Self, NotAUser> {
        match (1..=MAX_USER).contains(&id.len()) && !id.contains(char::is_control) {
            true => Ok(Self(id.into())),
            false => Err(NotAUser),
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Without the id, which may be somebody's address.
impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserId(..)")
    }
}

/// Whether the user has shown to own the address, by answering a mail for one.
#[allow(clippy::exhaustive_enums)] // shown or not
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Sensitive breaches are told as well.
    Proven,
    /// Sensitive breaches are held back until it is proven.
    Claimed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) breach: BreachName,
    pub(super) age: Age,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) id: UserId,
    pub(super) address: Address,
    pub(super) ownership: Ownership,
    /// Another one each time that the user is added.
    pub(super) generation: [u8; 8],
    /// Whether the service has answered about this address.
    pub(super) checked: bool,
    /// The number of the next alert.
    pub(super) next: u64,
    pub(super) told: BTreeSet<Told>,
    pub(super) held: Vec<Held>,
}

/// Something that the user is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) number: u64,
    pub(super) name: BreachName,
    pub(super) breach: Option<Breach>,
    pub(super) age: Age,
}

/// Of a breach of which nothing is known, nobody knows whether it is sensitive.
pub(super) fn is_sensitive(breach: Option<&Breach>) -> bool {
    breach.is_none_or(|breach| breach.is_sensitive)
}

impl User {
    pub(super) fn new(id: &UserId, address: &Address, own: Ownership, generation: [u8; 8]) -> Self {
        Self {
            id: id.clone(),
            address: address.clone(),
            ownership: own,
            generation,
            checked: false,
            next: 0,
            told: BTreeSet::new(),
            held: Vec::new(),
        }
    }

    /// The service says that the address is in these breaches: what the user is to be told, at most [`AT_ONCE`], and
    /// whether that is all; then the address counts as checked.
    pub(super) fn found<'a>(
        &mut self,
        names: &[BreachName],
        known: impl Fn(&BreachName) -> Option<&'a Breach>,
        settings: &Settings,
        key: &MonitorKey,
    ) -> Result<(Vec<News>, bool), Error> {
        let age = match self.checked {
            true => Age::Since,
            false => Age::Before,
        };
        // In the order in which the service got them.
        let mut all: Vec<_> = names.iter().map(|name| (known(name), name)).collect();
        let added = |breach: Option<&'a Breach>| breach.map_or("", |breach| &*breach.added_date);
        all.sort_by(|a, b| (added(a.0), a.1).cmp(&(added(b.0), b.1)));
        let mut news = Vec::new();
        for (breach, name) in all {
            if self.told.contains(&key.told(name)) || !settings.tells(breach) {
                continue;
            }
            if is_sensitive(breach) && self.ownership == Ownership::Claimed {
                self.hold(name, age)?;
                continue;
            }
            if news.len() == AT_ONCE {
                return Ok((news, false));
            }
            self.held.retain(|held| held.breach != *name);
            news.push(self.tell(name, breach.cloned(), age, key)?);
        }
        self.checked = true;
        Ok((news, true))
    }

    fn hold(&mut self, name: &BreachName, age: Age) -> Result<(), Error> {
        if self.held.iter().any(|held| held.breach == *name) {
            return Ok(());
        }
        if self.held.len() == MAX_HELD {
            return Err(Error::TooMany);
        }
        let breach = name.clone();
        self.held.push(Held { breach, age });
        Ok(())
    }

    /// Notes that it is told.
    pub(super) fn tell(
        &mut self,
        name: &BreachName,
        breach: Option<Breach>,
        age: Age,
        key: &MonitorKey,
    ) -> Result<News, Error> {
        if self.told.len() >= MAX_TOLD {
            return Err(Error::TooMany);
        }
        self.told.insert(key.told(name));
        let number = self.next;
        self.next += 1;
        let name = name.clone();
        Ok(News {
            number,
            name,
            breach,
            age,
        })
    }

    pub(super) fn to_octets(&self) -> Vec<u8> {
        let flags = u8::from(self.ownership == Ownership::Proven) | u8::from(self.checked) << 1;
        let mut to = Writer::new()
            .text(self.id.as_str())
            .text(self.address.as_str())
            .u8(flags)
            .array(&self.generation)
            .u64(self.next)
            .count(self.told.len());
        for told in &self.told {
            to = to.array(told);
        }
        to = to.count(self.held.len());
        for Held { breach, age } in &self.held {
            to = to.text(breach.as_str()).u8(age.number());
        }
        to.finish()
    }

    pub(super) fn from_octets(octets: &[u8]) -> Result<Self, Error> {
        Self::read(octets).ok_or(Error::Damaged { what: "a user" })
    }

    fn read(octets: &[u8]) -> Option<Self> {
        let mut from = Reader::new(octets)?;
        let id = UserId::new(from.text()?).ok()?;
        let address = Address::parse(from.text()?).ok()?;
        let flags = from.u8()?;
        let (generation, next) = (from.array()?, from.u64()?);
        let mut told = BTreeSet::new();
        for _ in 0..from.count()? {
            told.insert(from.array()?);
        }
        let mut held = Vec::new();
        for _ in 0..from.count()? {
            let breach = BreachName::new(from.text()?)?;
            let age = Age::of(from.u8()?)?;
            held.push(Held { breach, age });
        }
        from.end()?;
        Some(Self {
            id,
            address,
            ownership: match flags & 1 {
                1 => Ownership::Proven,
                _ => Ownership::Claimed,
            },
            generation,
            checked: flags & 2 == 2,
            next,
            told,
            held,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_record_fits() {
        let address = Address::parse(&format!("a@{}", "b".repeat(252))).unwrap();
        let id = UserId::new(&"u".repeat(MAX_USER)).unwrap();
        let mut user = User::new(&id, &address, Ownership::Claimed, [1; 8]);
        let key = MonitorKey::new([1; 32]);
        for n in 0..MAX_TOLD {
            let name = BreachName::new(&format!("B{n}")).unwrap();
            user.tell(&name, None, Age::Since, &key).unwrap();
        }
        for n in 0..MAX_HELD {
            let name = BreachName::new(&format!("{n:0>128}")).unwrap();
            user.hold(&name, Age::Before).unwrap();
        }
        let name = BreachName::new("more").unwrap();
        assert!(matches!(user.hold(&name, Age::Before), Err(Error::TooMany)));
        assert!(matches!(
            user.tell(&name, None, Age::Since, &key),
            Err(Error::TooMany)
        ));
        let octets = user.to_octets();
        assert!(octets.len() <= record_store::MAX_VALUE, "{}", octets.len());
        assert_eq!(User::from_octets(&octets).unwrap(), user);
        for cut in (0..octets.len()).step_by(997) {
            assert!(User::from_octets(&octets[..cut]).is_err());
        }
    }
}
