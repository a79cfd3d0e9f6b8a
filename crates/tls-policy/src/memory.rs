use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use crate::MemoryFact;
use crate::rule::lower_case;

/// How long after the first proof a later one makes a level binding.
pub const BINDING_AFTER: Duration = Duration::from_secs(48 * 3600);

/// How long after the last attempt a domain is forgotten.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 24 * 3600);

/// Which levels domains have shown, so that a later drop is noticed: what an attacker on the line or
/// in the DNS can take away from a first contact, he cannot take away from a later one.
///
/// - A level is [binding](MemoryFact) once it was proved twice, at least [`BINDING_AFTER`] apart.
///   Only the domain's signed zone or its policy host can prove one, so nobody else can plant it.
/// - No key, certificate or host name is kept; changing them means nothing here.
/// - A domain is forgotten [`FORGOTTEN_AFTER`] after the last *attempt*, failed ones included: who
///   blocks the mail of two months gains nothing.
/// - A full memory takes no new domain, and drops none: nobody is pushed out by a flood of others.
/// - A drop stays a drop until [`accept`](Self::accept)ed; only a fresh policy of mode `none` ends
///   what MTA-STS proved by itself.
///
/// It is data in memory, to be kept by the caller: see [`Self::entries`]. With the feature `store`
/// [`StoredMemory`](crate::StoredMemory) keeps the same rules in a record-store.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use tls_policy::{Memory, MemoryFact, Proof};
/// let (mut memory, monday) = (Memory::new(1000), UNIX_EPOCH + Duration::from_secs(1_800_000_000));
/// let thursday = monday + Duration::from_secs(72 * 3600);
/// memory.proved("example.org", Proof::Dane, monday);
/// assert_eq!(memory.fact("example.org", monday), MemoryFact::Nothing);
/// memory.proved("example.org", Proof::Dane, thursday);
/// assert_eq!(memory.fact("example.org", thursday), MemoryFact::Verified);
/// ```
#[derive(Clone, Debug)]
pub struct Memory {
    of: HashMap<Box<str>, Entry>,
    capacity: usize,
}

/// What a connection has proved, once its handshake succeeded.
#[allow(clippy::exhaustive_enums)] // what can make a level binding, and nothing else may
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// TLSA records over a secure MX set authenticated the host (RFC 7672 §2.2).
    Dane,
    /// A policy of mode `enforce` named the host, and its certificate was valid (RFC 8461 §4).
    Sts,
    /// Over a secure MX set there were TLSA records that cannot be used, and TLS came about
    /// (RFC 7672 §2.2).
    UnusableTlsa,
}

/// What became of a proof.
#[allow(clippy::exhaustive_enums)] // noted, or not
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It is remembered.
    Yes,
    /// The memory is full, and the domain is not in it: somebody should give it more room.
    Full,
    /// This is no domain name, or one of more than 253 octets.
    NoName,
}

/// What is remembered of one domain. It prints and reads as octets, for a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    dane: Option<Span>,
    sts: Option<Span>,
    unusable: Option<Span>,
    pub(crate) attempted: SystemTime,
}

/// The first and the last proof of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    first: SystemTime,
    last: SystemTime,
}

impl Memory {
    /// Remembers at most so many domains, of some 400 octets each.
    pub fn new(capacity: usize) -> Self {
        Self {
            of: HashMap::new(),
            capacity,
        }
    }

    /// The fact for [`Facts::memory`](crate::Facts::memory).
    pub fn fact(&self, domain: &str, now: SystemTime) -> MemoryFact {
        let mut lower = [0; 253];
        let entry = lower_case(domain, &mut lower).and_then(|domain| self.of.get(domain));
        entry.map_or(MemoryFact::Nothing, |entry| entry.fact(now))
    }

    /// A connection was made, and proved this. To be called after the handshake of every connection
    /// that was allowed, with what [`Decision::proves`](crate::Decision::proves) says.
    pub fn proved(&mut self, domain: &str, proof: Proof, now: SystemTime) -> Noted {
        let mut lower = [0; 253];
        let Some(domain) = lower_case(domain, &mut lower).filter(|name| !name.is_empty()) else {
            return Noted::NoName;
        };
        if let Some(entry) = self.of.get_mut(domain) {
            *entry = Entry::proved(Some(*entry), proof, now);
            return Noted::Yes;
        }
        if self.of.len() >= self.capacity {
            return Noted::Full;
        }
        self.of
            .insert(domain.into(), Entry::proved(None, proof, now));
        Noted::Yes
    }

    /// Mail for the domain was tried to be sent, whatever came of it. To be called for every attempt.
    pub fn attempted(&mut self, domain: &str, now: SystemTime) {
        if let Some(entry) = self.get_mut(domain)
            && !entry.is_forgotten(now)
        {
            entry.attempted = entry.attempted.max(now);
        }
    }

    /// The domain's policy host said `mode: none`, over HTTPS and just now (never from a cache): what
    /// MTA-STS proved does not bind any more. What DANE proved does.
    pub fn sts_withdrawn(&mut self, domain: &str) {
        if let Some(entry) = self.get_mut(domain) {
            match entry.without_sts() {
                Some(left) => *entry = left,
                None => _ = self.accept(domain),
            }
        }
    }

    /// An administrator has looked into a drop, and it is what the domain wants: forget it.
    pub fn accept(&mut self, domain: &str) -> Option<Entry> {
        let mut lower = [0; 253];
        self.of.remove(lower_case(domain, &mut lower)?)
    }

    /// Removes what is forgotten; how many domains that were. To be called once a day or so, by a
    /// clock that is right.
    pub fn sweep(&mut self, now: SystemTime) -> usize {
        let before = self.of.len();
        self.of.retain(|_, entry| !entry.is_forgotten(now));
        before - self.of.len()
    }

    /// How many domains there are, those included that a sweep would remove.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// All of it, to be stored, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.of.iter().map(|(domain, entry)| (&**domain, entry))
    }

    /// Takes what was stored. What is there already, or over the capacity, is not taken.
    pub fn restore(&mut self, domain: &str, entry: Entry) -> Noted {
        let mut lower = [0; 253];
        let Some(domain) = lower_case(domain, &mut lower).filter(|name| !name.is_empty()) else {
            return Noted::NoName;
        };
        if !self.of.contains_key(domain) {
            if self.of.len() >= self.capacity {
                return Noted::Full;
            }
            self.of.insert(domain.into(), entry);
        }
        Noted::Yes
    }

    fn get_mut(&mut self, domain: &str) -> Option<&mut Entry> {
        let mut lower = [0; 253];
        self.of.get_mut(lower_case(domain, &mut lower)?)
    }
}

impl Entry {
    /// What is remembered after a proof.
    pub(crate) fn proved(before: Option<Self>, proof: Proof, now: SystemTime) -> Self {
        let mut entry = match before.filter(|entry| !entry.is_forgotten(now)) {
            Some(entry) => entry,
            None => Self {
                dane: None,
                sts: None,
                unusable: None,
                attempted: now,
            },
        };
        entry.prove(proof, now);
        entry
    }

    /// What is left without MTA-STS.
    pub(crate) fn without_sts(self) -> Option<Self> {
        let left = Self { sts: None, ..self };
        left.spans().next().is_some().then_some(left)
    }

    /// What binds, at this time.
    pub fn fact(&self, now: SystemTime) -> MemoryFact {
        let verified = [self.dane, self.sts];
        if self.is_forgotten(now) {
            MemoryFact::Nothing
        } else if is_binding(verified.into_iter().flatten()) {
            MemoryFact::Verified
        } else if is_binding(self.spans()) {
            MemoryFact::Encrypted
        } else {
            MemoryFact::Nothing
        }
    }

    pub(crate) fn is_forgotten(&self, now: SystemTime) -> bool {
        let since = now.duration_since(self.attempted);
        since.is_ok_and(|since| since >= FORGOTTEN_AFTER)
    }

    fn spans(&self) -> impl Iterator<Item = Span> {
        [self.dane, self.sts, self.unusable].into_iter().flatten()
    }

    fn prove(&mut self, proof: Proof, now: SystemTime) {
        self.attempted = self.attempted.max(now);
        let went_back = self.spans().any(|span| now < span.last);
        if went_back {
            // What the clock said before may be wrong, so the time since then proves nothing; what
            // binds already stays.
            if is_binding(self.spans()) {
                return;
            }
            (self.dane, self.sts, self.unusable) = (None, None, None);
        }
        let span = match proof {
            Proof::Dane => &mut self.dane,
            Proof::Sts => &mut self.sts,
            Proof::UnusableTlsa => &mut self.unusable,
        };
        let first = span.map_or(now, |span| span.first);
        *span = Some(Span { first, last: now });
    }

    /// Format 1: the number of the format, then seven times in seconds since 1970, as octets from
    /// the highest: first and last proof of DANE, MTA-STS and unusable TLSA records (the greatest
    /// number if there is none), and the last attempt.
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let [dane, sts, unusable] = [self.dane, self.sts, self.unusable].map(|span| {
            span.map_or([u64::MAX; 2], |span| {
                [seconds(span.first), seconds(span.last)]
            })
        });
        let times = [dane, sts, unusable, [seconds(self.attempted); 2]];
        let mut bytes = [Self::FORMAT; Self::SIZE];
        let to = bytes.iter_mut().skip(1);
        let from = times
            .as_flattened()
            .iter()
            .flat_map(|time| time.to_be_bytes());
        to.zip(from).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; nothing if it is no such entry. An entry that
    /// cannot be read is [`MemoryFact::Unreadable`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::SIZE] = bytes.try_into().ok()?;
        let [Self::FORMAT, rest @ ..] = bytes else {
            return None;
        };
        let (times, _) = rest.as_chunks::<8>();
        let mut times = times.iter().map(|time| u64::from_be_bytes(*time));
        let mut span = || match (times.next()?, times.next()?) {
            (u64::MAX, u64::MAX) => Some(None),
            (first, last) if first <= last => Some(Some(Span {
                first: time(first)?,
                last: time(last)?,
            })),
            _ => None,
        };
        Some(Self {
            dane: span()?,
            sts: span()?,
            unusable: span()?,
            attempted: time(times.next()?)?,
        })
    }

    /// Octets of [`to_bytes`](Self::to_bytes).
    pub const SIZE: usize = 57;
    const FORMAT: u8 = 1;
}

/// Whether the first and the last of these proofs are far enough apart.
fn is_binding(spans: impl IntoIterator<Item = Span>) -> bool {
    let whole = spans.into_iter().reduce(|a, b| Span {
        first: a.first.min(b.first),
        last: a.last.max(b.last),
    });
    whole.is_some_and(|whole| {
        let apart = whole.last.duration_since(whole.first);
        apart.is_ok_and(|apart| apart >= BINDING_AFTER)
    })
}

/// Times before 1970 are those of a clock that was never set.
fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn time(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
