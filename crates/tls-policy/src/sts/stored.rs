//! The cache in a record-store (feature `store`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use mail_dns::Name;
use record_store::{Records, Versioned};

use super::{Cache, Cached, Discovery, Found, Learned, NoPolicyHost};
use crate::rule::lower_case;
use crate::shelf::{Placed, Shelf, TRIES};
use crate::{StoreError, StsFact};

/// [`Cache`] in a record-store, by the same rules, shared by all nodes that use the store. Its records
/// have the namespaces `tls-policy-sts` and `tls-policy-sts-size`.
///
/// The pauses after a failed fetch are each node's own, as they protect nobody but the failing host.
/// That a policy was asked for is written once a day.
///
/// ```
/// use record_store::Memory;
/// use std::time::{Duration, UNIX_EPOCH};
/// use tls_policy::StsFact;
/// use tls_policy::sts::{Found, Learned, Record, StoredCache, Trouble};
/// # pollster::block_on(async {
/// let cache = StoredCache::new(Memory::new(), 100_000); // or Sqlite, or Postgres
/// let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let policy = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 604800\n";
/// let found = Found::Policy { id: "1".into(), policy: policy.parse().unwrap() };
/// assert_eq!(cache.learn("example.org", &found, now, 4711).await?, Learned::Kept);
/// // Somebody blocks what comes next, perhaps at another node.
/// let later = now + Duration::from_secs(3600);
/// let fact = cache.fact("example.org", "mx.attacker.example", &Found::Unchanged, later).await;
/// assert_eq!(fact, StsFact::EnforceMismatch);
/// # Ok::<(), tls_policy::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct StoredCache<R> {
    shelf: Shelf<R>,
    /// Holds no policy.
    pauses: Arc<Mutex<Cache>>,
}

const ENTRIES: &str = "tls-policy-sts";
const SIZE: &str = "tls-policy-sts-size";
const DAY: Duration = Duration::from_secs(24 * 3600);

impl<R: Records> StoredCache<R> {
    /// Keeps the policies of at most so many domains. All nodes should say the same number.
    pub fn new(store: R, capacity: u64) -> Self {
        let pauses = Cache::new(usize::try_from(capacity).unwrap_or(usize::MAX));
        Self {
            shelf: Shelf::new(store, capacity, ENTRIES, SIZE),
            pauses: Arc::new(Mutex::new(pauses)),
        }
    }

    /// As [`Cache::discovery`]. If the store fails, or the entry is damaged, all is looked for as if
    /// nothing were cached: [`Self::fact`] tells if that is not enough.
    ///
    /// # Errors
    /// [`NoPolicyHost`]: such a domain has no policy; its fact is [`StsFact::None`].
    pub async fn discovery(
        &self,
        domain: &Name,
        now: SystemTime,
    ) -> Result<Discovery, NoPolicyHost> {
        let name = domain.to_string();
        let cached = self.get(&name, now).await.ok().flatten();
        self.one(&name, cached).discovery(domain, now)
    }

    /// As [`Cache::learn`]. A policy takes the place of a damaged entry.
    ///
    /// # Errors
    /// [`StoreError`]: what was found may then be stored or not, and counts for this message.
    pub async fn learn(
        &self,
        domain: &str,
        found: &Found,
        now: SystemTime,
        random: u64,
    ) -> Result<Learned, StoreError> {
        let mut lower = [0; 253];
        let name = lower_case(domain, &mut lower);
        let (Some(name), Some(key)) = (name, self.shelf.key(domain)) else {
            return Ok(Learned::Nothing);
        };
        for at in 0..TRIES {
            let stored = self.shelf.get(&key, now).await?;
            let before = match (stored.as_ref().map(cached).transpose(), found) {
                (Ok(before), _) => before,
                (Err(_), Found::Policy { .. }) => None,
                (Err(why), _) => return Err(why),
            };
            // Another node was faster, with something newer.
            let newer = |before: &Cached| at > 0 && before.fetched() > now;
            if matches!(found, Found::Policy { .. }) && before.as_ref().is_some_and(newer) {
                return Ok(Learned::Kept);
            }
            let mut one = self.one(name, before.clone());
            let learned = one.learn(domain, found, now, random);
            let placed = match (one.of.remove(name), stored) {
                (None, None) => Placed::Yes,
                (None, Some(stored)) => match self.shelf.remove(&key, &stored, now).await? {
                    true => Placed::Yes,
                    false => Placed::Again,
                },
                (Some(after), _) if before.as_ref().is_some_and(|b| is_as_good(b, &after)) => {
                    Placed::Yes
                }
                (Some(after), stored) => {
                    let bytes = after.to_bytes();
                    self.shelf.put(&key, stored.as_ref(), bytes, now).await?
                }
            };
            let learned = match placed {
                Placed::Again => continue,
                Placed::Full => Learned::Full,
                Placed::Yes => learned,
            };
            self.pause(name, &mut one, now);
            return Ok(learned);
        }
        Err(StoreError::Contended)
    }

    /// As [`Cache::fact`]. If nothing was found just now, a store that fails and an entry that is
    /// damaged are [`StsFact::Unreadable`].
    pub async fn fact(&self, domain: &str, mx: &str, found: &Found, now: SystemTime) -> StsFact {
        if let Found::Policy { policy, .. } = found {
            return policy.fact(mx);
        }
        match self.get(domain, now).await {
            Ok(cached) => self.one(domain, cached).fact(domain, mx, found, now),
            Err(_) => StsFact::Unreadable,
        }
    }

    /// What is stored for a domain, over or not.
    ///
    /// # Errors
    /// [`StoreError::Store`], [`StoreError::Damaged`].
    pub async fn get(&self, domain: &str, now: SystemTime) -> Result<Option<Cached>, StoreError> {
        let Some(key) = self.shelf.key(domain) else {
            return Ok(None);
        };
        let stored = self.shelf.get(&key, now).await?;
        stored.as_ref().map(cached).transpose()
    }

    /// As [`Cache::due`]. Entries that are damaged are among them, as a fetch heals them.
    ///
    /// # Errors
    /// [`StoreError::Store`].
    pub async fn due(&self, now: SystemTime) -> Result<Vec<String>, StoreError> {
        let (mut after, mut due) = (None, Vec::new());
        loop {
            let page = self.shelf.page(after.as_ref(), now).await?;
            for (key, stored) in &page.entries {
                let is_due = |cached: Cached| cached.refresh <= now && !cached.is_over(now);
                if cached(stored).map_or(true, is_due) {
                    let domain = key.parts().next();
                    due.extend(domain.and_then(|domain| domain.text().map(String::from)));
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(due);
            }
        }
    }

    /// Removes what is stored for a domain, damaged or not, for an administrator: it takes away
    /// what protects mail to the domain until the next fetch.
    ///
    /// # Errors
    /// [`StoreError::Store`], [`StoreError::Contended`].
    pub async fn remove(&self, domain: &str, now: SystemTime) -> Result<(), StoreError> {
        self.shelf.forget(domain, now).await
    }

    /// As [`Cache::sweep`]. What is damaged stays.
    ///
    /// # Errors
    /// [`StoreError`]; what was removed before that stays removed.
    pub async fn sweep(&self, now: SystemTime) -> Result<usize, StoreError> {
        self.pauses().sweep(now);
        let is_over = |stored: &Versioned| cached(stored).is_ok_and(|cached| cached.is_over(now));
        self.shelf.sweep(now, is_over).await
    }

    /// How many policies there are, those included that a sweep would remove.
    ///
    /// # Errors
    /// [`StoreError::Store`], [`StoreError::Damaged`].
    pub async fn len(&self, now: SystemTime) -> Result<u64, StoreError> {
        self.shelf.len(now).await
    }

    /// A cache of this domain alone, on which the rules run.
    fn one(&self, domain: &str, cached: Option<Cached>) -> Cache {
        let mut one = Cache::new(1);
        let mut lower = [0; 253];
        if let Some(domain) = lower_case(domain, &mut lower) {
            one.of.extend(cached.map(|cached| (domain.into(), cached)));
            let failing = self.pauses().failing.get(domain).cloned();
            one.failing
                .extend(failing.map(|failing| (domain.into(), failing)));
        }
        one
    }

    /// Keeps the pause that the rules made.
    fn pause(&self, domain: &str, one: &mut Cache, now: SystemTime) {
        let mut pauses = self.pauses();
        match one.failing.remove(domain) {
            Some(failing) => pauses.pause(domain, failing, now),
            None => _ = pauses.failing.remove(domain),
        }
    }

    fn pauses(&self) -> MutexGuard<'_, Cache> {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing is new but that the policy was asked for, less than a day after the last time.
fn is_as_good(before: &Cached, after: &Cached) -> bool {
    let mut as_before = after.clone();
    as_before.used = before.used;
    let later = after.used.duration_since(before.used).unwrap_or_default();
    as_before == *before && later < DAY
}

fn cached(stored: &Versioned) -> Result<Cached, StoreError> {
    let value = stored.value().map_err(|_| StoreError::Damaged)?;
    Cached::from_bytes(value).ok_or(StoreError::Damaged)
}
