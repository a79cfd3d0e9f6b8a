use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use mail_dns::Name;

use super::{Discovery, Found, Mode, NoPolicyHost, Policy, Trouble};
use crate::StsFact;
use crate::rule::lower_case;

/// The pause after a fetch that failed (RFC 8461 §3.3: five minutes or longer). It doubles with each
/// failure of the same policy, up to a day.
pub const RETRY_AFTER: Duration = Duration::from_secs(300);

/// How long a policy that no mail asks for is refreshed and kept.
pub const DISUSED_AFTER: Duration = Duration::from_secs(180 * DAY);

const DAY: u64 = 24 * 3600;

/// The policies of domains, for as long as these want them kept: what protects the second message
/// from whoever blocks the look-up of the policy.
///
/// - A policy is kept for its `max_age`, counted from the fetch. That the record vanishes, changes or
///   cannot be looked up, or that the policy cannot be fetched, takes nothing away.
/// - It is fetched anew when the record has another identity, and once a day
///   (RFC 8461 §10.2), or after half of its `max_age` if that is less, spread over an eighth of that
///   time by the random number that the caller gives.
/// - After a failure there is a [pause](RETRY_AFTER).
/// - A full cache takes no new domain, and drops none.
///
/// It is data in memory, to be kept by the caller: see [`Self::entries`]. With the feature `store`
/// [`StoredCache`](super::StoredCache) keeps the same rules in a record-store.
#[derive(Clone, Debug)]
pub struct Cache {
    pub(super) of: HashMap<Box<str>, Cached>,
    pub(super) failing: HashMap<Box<str>, Failing>,
    capacity: usize,
}

/// A policy that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    pub(super) id: Box<str>,
    pub(super) policy: Policy,
    pub(super) fetched: SystemTime,
    pub(super) used: SystemTime,
    pub(super) refresh: SystemTime,
}

/// A domain whose look-up or fetch fails.
#[derive(Clone, Debug)]
pub(super) struct Failing {
    /// Of the record, if there was one.
    id: Option<Box<str>>,
    until: SystemTime,
    times: u32,
}

/// What the cache made of what was found.
#[allow(clippy::exhaustive_enums)] // what RFC 8461 §3.3 tells apart
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// The policy is kept now.
    Kept,
    /// There is nothing to be kept: no policy, an unchanged one, or one with a `max_age` of 0.
    Nothing,
    /// The policy that is cached could not be confirmed, and still counts. RFC 8461 §3.3: somebody
    /// should be told, unless its mode is `none`.
    Unconfirmed,
    /// No policy is cached, and none could be had.
    Failed,
    /// The cache is full: somebody should give it more room. What was found counts for this message.
    Full,
}

impl Cache {
    /// Keeps the policies of at most so many domains.
    pub fn new(capacity: usize) -> Self {
        Self {
            of: HashMap::new(),
            failing: HashMap::new(),
            capacity,
        }
    }

    /// Looks for the policy of a domain, knowing what is cached. To be run for every message: most
    /// of the time it asks for one DNS record, which resolvers cache, and nothing else.
    ///
    /// # Errors
    /// [`NoPolicyHost`]: such a domain has no policy; its fact is [`StsFact::None`].
    pub fn discovery(&self, domain: &Name, now: SystemTime) -> Result<Discovery, NoPolicyHost> {
        let mut discovery = Discovery::new(domain)?;
        let domain = domain.to_string();
        let failing = self.failing.get(&*domain).filter(|f| now < f.until);
        if let Some(id) = failing.and_then(|failing| failing.id.as_deref()) {
            discovery = discovery.sparing(id);
        }
        let cached = self.valid(&domain, now).filter(|c| now < c.refresh);
        Ok(match cached {
            Some(cached) => discovery.knowing(&cached.id),
            None => discovery,
        })
    }

    /// Takes what was found at `now`. `random` is any number that others cannot foresee.
    pub fn learn(&mut self, domain: &str, found: &Found, now: SystemTime, random: u64) -> Learned {
        let mut lower = [0; 253];
        let Some(domain) = lower_case(domain, &mut lower) else {
            return Learned::Nothing;
        };
        if let Some(cached) = self.of.get_mut(domain) {
            cached.used = cached.used.max(now);
        }
        match found {
            Found::Policy { id, policy } => self.keep(domain, id, policy, now, random),
            Found::Unchanged => Learned::Nothing,
            Found::NoRecord(_) if self.valid(domain, now).is_none() => Learned::Nothing,
            Found::NoRecord(_) => self.fails(domain, None, now),
            Found::Trouble { trouble, .. } if *trouble == Trouble::Pause => {
                self.unconfirmed(domain, now)
            }
            Found::Trouble { id, .. } => self.fails(domain, id.as_deref(), now),
        }
    }

    fn keep(
        &mut self,
        domain: &str,
        id: &str,
        policy: &Policy,
        now: SystemTime,
        random: u64,
    ) -> Learned {
        self.failing.remove(domain);
        if policy.max_age().is_zero() {
            self.of.remove(domain);
            return Learned::Nothing;
        }
        if self.of.len() >= self.capacity && !self.of.contains_key(domain) {
            return Learned::Full;
        }
        let cached = Cached {
            id: id.into(),
            policy: policy.clone(),
            fetched: now,
            used: now,
            refresh: refresh(policy, now, random),
        };
        self.of.insert(domain.into(), cached);
        Learned::Kept
    }

    fn fails(&mut self, domain: &str, id: Option<&str>, now: SystemTime) -> Learned {
        let before = self.failing.get(domain).filter(|f| f.id.as_deref() == id);
        let times = before.map_or(0, |failing| failing.times);
        let wait = RETRY_AFTER.saturating_mul(1 << times.min(16));
        let until = later(now, wait.min(Duration::from_secs(DAY)));
        if let Some(cached) = self.of.get_mut(domain) {
            cached.refresh = cached.refresh.max(until);
        }
        let failing = Failing {
            id: id.map(Into::into),
            until,
            times: times.saturating_add(1),
        };
        self.pause(domain, failing, now);
        self.unconfirmed(domain, now)
    }

    pub(super) fn pause(&mut self, domain: &str, failing: Failing, now: SystemTime) {
        if self.failing.len() >= self.capacity && !self.failing.contains_key(domain) {
            self.failing.retain(|_, failing| now < failing.until);
        }
        // With no room for the pause the next message tries again: that costs the failing host more,
        // and nobody else anything.
        if self.failing.len() < self.capacity || self.failing.contains_key(domain) {
            self.failing.insert(domain.into(), failing);
        }
    }

    fn unconfirmed(&self, domain: &str, now: SystemTime) -> Learned {
        match self.valid(domain, now) {
            Some(_) => Learned::Unconfirmed,
            None => Learned::Failed,
        }
    }

    /// The fact for [`Facts::sts`](crate::Facts::sts): of what was found just now or, if that was
    /// none, of what is cached.
    pub fn fact(&self, domain: &str, mx: &str, found: &Found, now: SystemTime) -> StsFact {
        let mut lower = [0; 253];
        let cached = lower_case(domain, &mut lower).and_then(|domain| self.valid(domain, now));
        match (found, cached) {
            (Found::Policy { policy, .. }, _) => policy.fact(mx),
            // RFC 8461 §3.3: if no live policy can be had, but a valid one is cached, "the sender
            // MUST apply that cached policy".
            (_, Some(cached)) => cached.policy.fact(mx),
            (found, None) => found.fact(mx),
        }
    }

    /// The domains whose policies should be fetched anew now, whether or not there is mail for them
    /// (RFC 8461 §3.3): run [`discovery`](Self::discovery) for each. To be asked every hour or so.
    pub fn due(&self, now: SystemTime) -> impl Iterator<Item = &str> {
        let due = move |cached: &Cached| cached.refresh <= now && !cached.is_over(now);
        self.of
            .iter()
            .filter(move |(_, cached)| due(cached))
            .map(|(domain, _)| &**domain)
    }

    /// Removes what is over or disused; how many policies that were. To be called once a day or so,
    /// by a clock that is right.
    pub fn sweep(&mut self, now: SystemTime) -> usize {
        let before = self.of.len();
        self.of.retain(|_, cached| !cached.is_over(now));
        self.failing
            .retain(|_, failing| now < later(failing.until, Duration::from_secs(DAY)));
        before - self.of.len()
    }

    /// How many policies there are, those included that a sweep would remove.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// All policies, to be stored, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Cached)> {
        self.of.iter().map(|(domain, cached)| (&**domain, cached))
    }

    /// Takes what was stored. What is there already, or over the capacity, is not taken.
    pub fn restore(&mut self, domain: &str, cached: Cached) -> Learned {
        let mut lower = [0; 253];
        match lower_case(domain, &mut lower) {
            Some(domain) if self.of.contains_key(domain) => Learned::Nothing,
            Some(_) if self.of.len() >= self.capacity => Learned::Full,
            Some(domain) => {
                self.of.insert(domain.into(), cached);
                Learned::Kept
            }
            None => Learned::Nothing,
        }
    }

    /// The policy that counts: cached, and not over.
    fn valid(&self, domain: &str, now: SystemTime) -> Option<&Cached> {
        self.of.get(domain).filter(|cached| !cached.is_old(now))
    }
}

impl Cached {
    /// What was fetched, and when; it is to be fetched anew as soon as possible.
    pub fn new(id: &str, policy: Policy, fetched: SystemTime) -> Self {
        Self {
            id: id.into(),
            policy,
            fetched,
            used: fetched,
            refresh: fetched,
        }
    }

    /// The identity in the record.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// When it was fetched.
    pub fn fetched(&self) -> SystemTime {
        self.fetched
    }

    /// Past its `max_age`. A clock that went back makes nothing older.
    fn is_old(&self, now: SystemTime) -> bool {
        let age = now.duration_since(self.fetched);
        age.is_ok_and(|age| age >= self.policy.max_age())
    }

    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        let unused = now.duration_since(self.used);
        self.is_old(now) || unused.is_ok_and(|unused| unused >= DISUSED_AFTER)
    }

    /// Whether it is worth telling that this policy could not be confirmed (RFC 8461 §3.3).
    pub fn is_worth_an_alert(&self) -> bool {
        self.policy.mode() != Mode::None
    }
}

/// When to fetch a policy anew.
fn refresh(policy: &Policy, now: SystemTime, random: u64) -> SystemTime {
    let half = policy.max_age().as_secs() / 2;
    let interval = half.clamp(RETRY_AFTER.as_secs(), DAY);
    let spread = random % (interval / 8);
    later(now, Duration::from_secs(interval - spread))
}

fn later(time: SystemTime, wait: Duration) -> SystemTime {
    time.checked_add(wait).unwrap_or(time)
}
