use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Failure, Policy, PolicyResult};

/// Most different failures of one policy and day; what is beyond is counted by its result type alone.
pub const MAX_DETAILS_PER_POLICY: usize = 100;

/// A day by UTC, as reports are about one (RFC 8460 §4.1). Days before 1970 are that of 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(u64);

/// Sessions of a day, by policy domain and policy, until they are reported.
///
/// It holds as many policies as it is told, all days together; what does not fit is not counted, and
/// the caller is told. Failures that say nothing new cost no memory.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use tls_policy::tlsrpt::{Counters, Day, Failure, Policy, PolicyKind, Report, ResultType};
/// let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
/// let mut counters = Counters::new(1000);
/// let policy = Policy::new(PolicyKind::Tlsa, "example.org");
/// counters.success(&policy, now);
/// counters.failure(&policy, Failure::new(ResultType::CertificateExpired), now);
/// let day = Day::of(now);
/// let policies = counters.take("example.org", day);
/// let report = Report::new("Example", "tls@example.net", "1@example.net", day.range(), policies);
/// assert!(report.to_json().contains("\"certificate-expired\""));
/// ```
#[derive(Clone, Debug)]
pub struct Counters {
    of: BTreeMap<(Day, String), BTreeMap<Policy, Count>>,
    policies: usize,
    capacity: usize,
}

#[derive(Clone, Debug, Default)]
struct Count {
    successes: u64,
    failures: u64,
    details: BTreeMap<Failure, u64>,
}

/// What became of a session that was to be counted.
#[allow(clippy::exhaustive_enums)] // counted, or why not
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It is counted.
    Yes,
    /// There is no room for another policy.
    Full,
    /// It carried a report, and is not counted.
    Excluded,
}

/// What a session carried.
#[allow(clippy::exhaustive_enums)] // what RFC 8460 §3 tells apart
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carried {
    /// Mail of somebody's.
    Mail,
    /// A TLS report of ours, and nothing else.
    Report,
}

impl Day {
    /// The day of a time.
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH);
        Self(since.map_or(0, |since| since.as_secs() / 86_400))
    }

    /// Its first and last second.
    pub fn range(self) -> (SystemTime, SystemTime) {
        let at = |seconds| {
            let since = Duration::from_secs(self.0.saturating_mul(86_400).saturating_add(seconds));
            UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
        };
        (at(0), at(86_399))
    }
}

impl Counters {
    /// Counts for at most so many policies, each with at most [`MAX_DETAILS_PER_POLICY`] failures
    /// and one for each result type.
    pub fn new(capacity: usize) -> Self {
        Self {
            of: BTreeMap::new(),
            policies: 0,
            capacity,
        }
    }

    /// A session came to its end, well or with a failure. One that carried a report is not counted
    /// (RFC 8460 §3), or two domains with a fault would report about reports for ever.
    pub fn session(
        &mut self,
        carried: Carried,
        policy: &Policy,
        failure: Option<Failure>,
        now: SystemTime,
    ) -> Counted {
        match (carried, failure) {
            (Carried::Report, _) => Counted::Excluded,
            (Carried::Mail, None) => self.success(policy, now),
            (Carried::Mail, Some(failure)) => self.failure(policy, failure, now),
        }
    }

    /// A session went as the policy wants. Where several policies were applied, it is counted for
    /// each (RFC 8460 §4.4).
    pub fn success(&mut self, policy: &Policy, now: SystemTime) -> Counted {
        let Some(count) = self.count(policy, now) else {
            return Counted::Full;
        };
        count.successes = count.successes.saturating_add(1);
        Counted::Yes
    }

    /// A session did not.
    pub fn failure(&mut self, policy: &Policy, failure: Failure, now: SystemTime) -> Counted {
        let Some(count) = self.count(policy, now) else {
            return Counted::Full;
        };
        count.failures = count.failures.saturating_add(1);
        let known = count.details.contains_key(&failure);
        let failure = match known || count.details.len() < MAX_DETAILS_PER_POLICY {
            true => failure,
            false => Failure::new(failure.result),
        };
        let sessions = count.details.entry(failure).or_default();
        *sessions = sessions.saturating_add(1);
        Counted::Yes
    }

    /// The domains that there is something to report to, for one day.
    pub fn domains(&self, day: Day) -> impl Iterator<Item = &str> {
        let from = (day, String::new());
        let of_day = self
            .of
            .range(from..)
            .take_while(move |((at, _), _)| *at == day);
        of_day.map(|((_, domain), _)| &**domain)
    }

    /// Takes out what was counted for a domain on a day.
    pub fn take(&mut self, domain: &str, day: Day) -> Vec<PolicyResult> {
        let key = (day, domain.to_ascii_lowercase());
        let taken = self.of.remove(&key).unwrap_or_default();
        self.policies -= taken.len();
        let result = |(policy, count): (Policy, Count)| PolicyResult {
            policy,
            successes: count.successes,
            failures: count.failures,
            details: count.details.into_iter().collect(),
        };
        taken.into_iter().map(result).collect()
    }

    /// Drops what was counted before a day and never reported; how many policies that were.
    pub fn forget_before(&mut self, day: Day) -> usize {
        let kept = self.of.split_off(&(day, String::new()));
        let dropped = std::mem::replace(&mut self.of, kept);
        let dropped = dropped.values().map(BTreeMap::len).sum();
        self.policies -= dropped;
        dropped
    }

    fn count(&mut self, policy: &Policy, now: SystemTime) -> Option<&mut Count> {
        let key = (Day::of(now), policy.domain.to_ascii_lowercase());
        let known = self.of.get(&key).is_some_and(|of| of.contains_key(policy));
        if !known {
            if self.policies >= self.capacity {
                return None;
            }
            self.policies += 1;
        }
        Some(
            self.of
                .entry(key)
                .or_default()
                .entry(policy.clone())
                .or_default(),
        )
    }
}
