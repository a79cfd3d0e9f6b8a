use crate::{Answer, Name, Outcome, Query, Record, Resolver, Txt};
use std::{
    collections::{HashMap, VecDeque},
    mem::size_of,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// Answers kept for as long as their TTL says, within bounds of number and memory.
///
/// What is kept is the records of one name and one type, as the DNS gave them: never what somebody
/// made of them. A look-up for one purpose can so never decide another. "Does not exist" and "no
/// data" are kept for one type too. Failures are not kept at all: RFC 9520 §3.2 lays that on the
/// resolver that does the recursion, and whoever tries again is to get a real try.
///
/// When it is full, what has expired or was not asked for lately goes first (second chance).
/// Time is what the caller says it is. No lock is held but for the time of one look.
#[derive(Debug)]
pub struct Cache {
    limits: CacheLimits,
    state: Mutex<State>,
}

/// Bounds of a [`Cache`].
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct CacheLimits {
    /// Most answers. Default 65,536.
    pub entries: usize,
    /// Most memory in octets, as estimated from the records. Default 32 MiB.
    pub bytes: usize,
    /// Longest time for records. Default a day.
    pub positive_ttl: Duration,
    /// Longest time for "no data" and "does not exist". Default an hour; RFC 2308 §5 has seen one
    /// to three hours work well.
    pub negative_ttl: Duration,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            entries: 65_536,
            bytes: 32 << 20,
            positive_ttl: Duration::from_secs(24 * 3600),
            negative_ttl: Duration::from_secs(3600),
        }
    }
}

/// How far the clock may step back before what was learned "in the future" is forgotten.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Arc<Query>, Entry>,
    /// Every key of `entries` once: the next to go is in front.
    queue: VecDeque<Arc<Query>>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    answer: Answer,
    stored: SystemTime,
    expires: SystemTime,
    bytes: usize,
    /// Asked for since it was last passed over.
    used: bool,
}

impl Entry {
    fn is_fresh(&self, now: SystemTime) -> bool {
        // A clock that was set back must not make an answer live on.
        let known = now
            .checked_add(CLOCK_SLACK)
            .is_none_or(|then| self.stored <= then);
        known && now < self.expires
    }
}

impl Cache {
    /// An empty cache with the default [`CacheLimits`].
    pub fn new() -> Self {
        Self::with_limits(CacheLimits::default())
    }

    /// An empty cache.
    pub fn with_limits(limits: CacheLimits) -> Self {
        Self {
            limits,
            state: Mutex::default(),
        }
    }

    /// What is known at `now`, with the TTL that is left of it.
    pub fn get(&self, query: &Query, now: SystemTime) -> Option<Answer> {
        let mut state = self.lock();
        let entry = state.entries.get_mut(query).filter(|e| e.is_fresh(now))?;
        entry.used = true;
        let left = entry.expires.duration_since(now).ok()?;
        Some(entry.answer.clone().with_ttl(left.min(entry.answer.ttl())))
    }

    /// Keeps an answer that was given at `now`, in place of an older one. Failures, answers
    /// without a TTL and those larger than the whole cache are not kept; then the older one stays.
    pub fn insert(&self, query: &Query, answer: &Answer, now: SystemTime) {
        let longest = match answer.outcome() {
            Outcome::Records(_) => self.limits.positive_ttl,
            Outcome::NoData | Outcome::NxDomain => self.limits.negative_ttl,
            Outcome::Failure(_) => return,
        };
        let ttl = answer.ttl().min(longest);
        let Some(expires) = now.checked_add(ttl) else {
            return;
        };
        let bytes = size_of::<Entry>() + size_of_query(query) + size_of_answer(answer);
        if ttl.is_zero() || bytes > self.limits.bytes || self.limits.entries == 0 {
            return;
        }
        let entry = Entry {
            answer: answer.clone().with_ttl(ttl),
            stored: now,
            expires,
            bytes,
            used: false,
        };
        let mut state = self.lock();
        // Room is made first, or a newcomer would always be the one that nobody asked for yet.
        while !state.has_room(query, bytes, &self.limits) {
            state.evict(now);
        }
        state.bytes += bytes;
        if let Some(old) = state.entries.get_mut(query) {
            let old = std::mem::replace(old, entry);
            state.bytes -= old.bytes;
        } else {
            let key = Arc::new(query.clone());
            state.queue.push_back(Arc::clone(&key));
            state.entries.insert(key, entry);
        }
    }

    /// How many answers are kept, expired ones that nothing has pushed out yet among them.
    pub fn len(&self) -> usize {
        self.lock().entries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory in octets that is counted against [`CacheLimits::bytes`].
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.lock() = State::default();
    }

    /// The state is whole between any two lines that could panic, so poison is no matter.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether an answer of this size fits, in place of the one that is there.
    fn has_room(&self, query: &Query, bytes: usize, limits: &CacheLimits) -> bool {
        let (len, free) = match self.entries.get(query) {
            Some(old) => (self.entries.len(), old.bytes),
            None => (self.entries.len() + 1, 0),
        };
        len <= limits.entries && self.bytes - free + bytes <= limits.bytes
    }

    /// Drops one answer, or gives the one in front its second chance.
    fn evict(&mut self, now: SystemTime) {
        let Some(key) = self.queue.pop_front() else {
            *self = Self::default();
            return;
        };
        match self.entries.get_mut(&*key) {
            Some(entry) if entry.used && entry.is_fresh(now) => {
                entry.used = false;
                self.queue.push_back(key);
            }
            _ => {
                let old = self.entries.remove(&*key);
                self.bytes -= old.map_or(0, |entry| entry.bytes);
            }
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::new()
    }
}

/// With its place in the map and in the queue.
fn size_of_query(query: &Query) -> usize {
    size_of::<Query>() + 4 * size_of::<usize>() + size_of_name(&query.name)
}

fn size_of_answer(answer: &Answer) -> usize {
    let one = |record: &Record| {
        size_of::<Record>()
            + match record {
                Record::A(_) | Record::Aaaa(_) => 0,
                Record::Mx(mx) => size_of_name(&mx.exchange),
                Record::Ptr(name) | Record::Cname(name) => size_of_name(name),
                Record::Txt(txt) => size_of_txt(txt),
                Record::Tlsa(data) => data.len(),
            }
    };
    answer.iter().map(one).sum()
}

fn size_of_name(name: &Name) -> usize {
    name.labels().map(|label| label.len() + 1).sum()
}

fn size_of_txt(txt: &Txt) -> usize {
    let one = |chunk: &[u8]| size_of::<Box<[u8]>>() + chunk.len();
    txt.chunks().map(one).sum()
}

/// A [`Resolver`] that asks a [`Cache`] first.
///
/// Equal questions that are under way at the same time are asked as often as they come: the
/// `Hickory` adapter below shares them, and a future that waits for another one hangs if nobody
/// polls that.
///
/// ```
/// use mail_dns::{Cached, Query, RecordType, Resolver, Zone};
/// use std::time::{Duration, SystemTime};
/// # let clock = || (SystemTime::UNIX_EPOCH, std::time::Instant::now() + Duration::from_secs(5));
/// # pollster::block_on(async {
/// let resolver = Cached::new(Zone::new().txt("example.org", "v=spf1 -all")?);
/// let query = Query::new("example.org".parse()?, RecordType::Txt);
/// let (now, deadline) = clock();
/// resolver.resolve(&query, now, deadline).await; // asks the zone
/// resolver.resolve(&query, now, deadline).await; // does not
/// assert_eq!(resolver.cache().len(), 1);
/// # Ok::<(), mail_dns::NameError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Cached<R> {
    resolver: R,
    cache: Cache,
}

impl<R: Resolver> Cached<R> {
    /// With a cache of the default [`CacheLimits`].
    pub fn new(resolver: R) -> Self {
        Self::with_cache(resolver, Cache::new())
    }

    /// With this cache.
    pub fn with_cache(resolver: R, cache: Cache) -> Self {
        Self { resolver, cache }
    }

    /// What is known.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The resolver that is asked for what is not known.
    pub fn resolver(&self) -> &R {
        &self.resolver
    }
}

impl<R: Resolver> Resolver for Cached<R> {
    async fn resolve(&self, query: &Query, now: SystemTime, deadline: Instant) -> Answer {
        if let Some(answer) = self.cache.get(query, now) {
            return answer;
        }
        let answer = self.resolver.resolve(query, now, deadline).await;
        // The TTL counts from the question: the answer came later, so this errs to the safe side.
        self.cache.insert(query, &answer, now);
        answer
    }
}

#[cfg(test)]
mod tests;
