//! Failures in a row, and the waits that they cost.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How many failures are borne, and how long who has failed has to wait (SP 800-63B-4 §3.2.2).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Failures before the first wait.
    pub free: u8,
    /// The first wait; each failure after it doubles it.
    pub first_wait: Duration,
    /// No wait is longer.
    pub longest_wait: Duration,
    /// Failures in a row with a password from where nobody has logged in before; then it is out of use for them.
    pub strangers: u8,
    /// Failures in a row with a password from known devices; with `strangers` at most 100.
    pub known: u8,
    /// Failures in a row with any other authenticator, at most 100.
    pub factor: u8,
    /// Failures from one network in an hour, whoever is meant.
    pub network: u32,
}

/// What SP 800-63B-4 allows for one authenticator.
pub const MOST_FAILURES: u8 = 100;
/// How far the clocks of servers may be apart. A failure that lies further ahead is of a clock that was wrong.
const CLOCKS: Duration = Duration::from_secs(3600);

impl Throttle {
    /// By SP 800-63B-4 §3.2.2: five failures, then 30 seconds, a minute, and so on to an hour; a hundred in a row at
    /// most, of which 90 for strangers and 10 for known devices; 1,000 an hour from one network.
    #[must_use]
    pub fn nist() -> Self {
        Self {
            free: 5,
            first_wait: Duration::from_secs(30),
            longest_wait: Duration::from_secs(3600),
            strangers: 90,
            known: 10,
            factor: MOST_FAILURES,
            network: 1000,
        }
    }

    /// Whether it is no weaker than SP 800-63B-4 allows.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        let all = u16::from(self.strangers) + u16::from(self.known);
        all <= u16::from(MOST_FAILURES)
            && self.strangers > 0
            && self.known > 0
            && (1..=MOST_FAILURES).contains(&self.factor)
            && self.first_wait <= self.longest_wait
            && self.network > 0
    }

    fn wait(&self, failures: u8) -> Option<Duration> {
        let doubled = failures.checked_sub(self.free)?;
        let factor = 1_u32.checked_shl(doubled.into()).unwrap_or(u32::MAX);
        Some(
            self.first_wait
                .saturating_mul(factor)
                .min(self.longest_wait),
        )
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::nist()
    }
}

/// Failures in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counter {
    failures: u8,
    /// Milliseconds since 1970 of the last one.
    last: u64,
}

/// Whether a try is looked at.
#[allow(clippy::exhaustive_enums)] // now, later, or never
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Yes.
    Open,
    /// Not yet.
    Wait(SystemTime),
    /// Not until the authenticator is bound anew.
    Disabled,
}

impl Counter {
    pub(crate) fn from_parts(failures: u8, last: u64) -> Self {
        Self { failures, last }
    }

    pub(crate) fn parts(self) -> (u8, u64) {
        (self.failures, self.last)
    }

    /// How many.
    #[must_use]
    pub fn failures(self) -> u8 {
        self.failures
    }

    /// Whether a try is looked at now. A failure by a clock that was ahead by more than an hour costs no wait, so that it
    /// locks nobody out for as long as the clock was off; it counts.
    #[must_use]
    pub fn gate(self, throttle: &Throttle, most: u8, now: SystemTime) -> Gate {
        if self.failures >= most {
            return Gate::Disabled;
        }
        let Some(wait) = throttle.wait(self.failures) else {
            return Gate::Open;
        };
        if self.is_ahead(now) {
            return Gate::Open;
        }
        let last = UNIX_EPOCH.checked_add(Duration::from_millis(self.last));
        match last.and_then(|last| last.checked_add(wait)) {
            Some(until) if now < until => Gate::Wait(until),
            _ => Gate::Open,
        }
    }

    /// One more.
    pub(crate) fn fail(&mut self, now: SystemTime) {
        self.failures = self.failures.saturating_add(1);
        self.last = match self.is_ahead(now) {
            true => millis(now),
            // By a clock that is a little behind, no wait becomes shorter.
            false => self.last.max(millis(now)),
        };
    }

    fn is_ahead(self, now: SystemTime) -> bool {
        let clocks = u64::try_from(CLOCKS.as_millis()).unwrap_or(u64::MAX);
        self.last > millis(now).saturating_add(clocks)
    }

    /// None.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The try was not looked at after all. Its wait remains.
    pub(crate) fn give_back(&mut self) {
        self.failures = self.failures.saturating_sub(1);
    }
}

/// Milliseconds since 1970.
pub(crate) fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    #[test]
    fn waits_rise_to_an_hour_and_end_at_a_hundred() {
        let throttle = Throttle::nist();
        assert!(throttle.is_allowed());
        let (mut counter, mut now, mut waits) = (Counter::default(), 0, Vec::new());
        loop {
            match counter.gate(&throttle, 100, at(now)) {
                Gate::Open => counter.fail(at(now)),
                Gate::Wait(until) => {
                    let seconds = until.duration_since(at(now)).unwrap().as_secs();
                    assert!(matches!(
                        counter.gate(&throttle, 100, until - Duration::from_millis(1)),
                        Gate::Wait(_)
                    ));
                    waits.push(seconds);
                    now += seconds;
                }
                Gate::Disabled => break,
            }
        }
        assert_eq!(waits[..8], [30, 60, 120, 240, 480, 960, 1920, 3600]);
        assert_eq!((waits.len(), counter.failures()), (95, 100));
        assert!(now > 3 * 24 * 3600, "a hundred guesses take days");
    }

    #[test]
    fn more_than_a_hundred_is_not_allowed() {
        let weak = |change: fn(&mut Throttle)| {
            let mut throttle = Throttle::nist();
            change(&mut throttle);
            throttle.is_allowed()
        };
        assert!(!weak(|t| t.strangers = 91));
        assert!(!weak(|t| t.factor = 101));
        assert!(!weak(|t| t.known = 0));
        assert!(!weak(|t| t.network = 0));
        assert!(weak(|t| t.strangers = 50));
    }
}
