//! The names of the records, and the key that they are made with.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::{Error as StoreError, Key, Prefix};
use zeroize::Zeroizing;

use super::crypto;
use crate::addresses::BreachName;

/// A keyed hash of a user or a domain.
pub(super) type Hash = [u8; 16];
/// A keyed hash of a breach that was told.
pub(super) type Told = [u8; 12];

/// The key of the hashes by which records are named. With another one, everybody is told everything anew. `Debug` shows
/// nothing of it.
#[derive(Clone)]
pub struct MonitorKey(Zeroizing<[u8; 32]>);

impl MonitorKey {
    /// Takes 32 random octets, which are kept as other keys of the service are.
    #[must_use]
    pub fn new(octets: [u8; 32]) -> Self {
        Self(Zeroizing::new(octets))
    }

    fn hash<const N: usize>(&self, label: u8, octets: &[u8]) -> [u8; N] {
        let all = crypto::hmac(&self.0, &[b"breach-check monitor 1", &[label], octets]);
        let mut hash = [0; N];
        hash.iter_mut()
            .zip(all.as_ref())
            .for_each(|(to, from)| *to = *from);
        hash
    }

    pub(super) fn user(&self, id: &str) -> Hash {
        self.hash(1, id.as_bytes())
    }

    pub(super) fn domain(&self, domain: &str) -> Hash {
        self.hash(2, domain.as_bytes())
    }

    pub(super) fn told(&self, breach: &BreachName) -> Told {
        self.hash(3, breach.as_str().as_bytes())
    }
}

impl fmt::Debug for MonitorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MonitorKey(..)")
    }
}

type Named<T> = Result<T, StoreError>;

pub(super) fn user(user: &Hash) -> Named<Key> {
    Key::new("breach-user", user)
}

pub(super) fn users() -> Named<Prefix> {
    Prefix::new("breach-user", ())
}

/// Not asked about yet.
pub(super) fn new(user: &Hash) -> Named<Key> {
    Key::new("breach-new", user)
}

pub(super) fn all_new() -> Named<Prefix> {
    Prefix::new("breach-new", ())
}

/// A user at a domain.
pub(super) fn at(domain: &Hash, user: &Hash) -> Named<Key> {
    Key::new("breach-at", (domain, user))
}

pub(super) fn all_at(domain: &Hash) -> Named<Prefix> {
    Prefix::new("breach-at", domain)
}

/// `generation` differs each time that a user is added.
pub(super) fn alert(user: &Hash, generation: &[u8; 8], number: u64) -> Named<Key> {
    Key::new("breach-alert", (user, generation, number))
}

pub(super) fn alerts(user: Option<&Hash>) -> Named<Prefix> {
    match user {
        Some(user) => Prefix::new("breach-alert", user),
        None => Prefix::new("breach-alert", ()),
    }
}

pub(super) fn known(breach: &BreachName) -> Named<Key> {
    Key::new("breach-known", breach.as_str())
}

pub(super) fn all_known() -> Named<Prefix> {
    Prefix::new("breach-known", ())
}

pub(super) fn pass() -> Named<Key> {
    Key::new("breach-pass", ())
}

pub(super) fn plan() -> Named<Key> {
    Key::new("breach-plan", ())
}

pub(super) fn pace() -> Named<Key> {
    Key::new("breach-pace", ())
}

/// The last part of a key that is a hash.
pub(super) fn last(key: &Key) -> Option<Hash> {
    key.parts().last()?.bytes().try_into().ok()
}

/// Milliseconds since 1970.
pub(super) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn time(millis: u64) -> SystemTime {
    let since = Duration::from_millis(millis);
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}
