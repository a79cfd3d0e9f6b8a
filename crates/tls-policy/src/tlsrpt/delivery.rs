use std::time::{Duration, SystemTime};

use super::{Destination, TlsRptRecord};
use crate::{DaneFact, Facts, MemoryFact, MxFact, StsFact, Wish};

/// When a destination that failed is tried again.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetryRule {
    /// The pause after the first failure; it doubles with each further one.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How long after the beginning there is a last try.
    pub give_up_after: Duration,
}

/// RFC 8460 §5.5: for up to 24 hours. After 15 minutes, then 30, then 1, 2 and 4 hours, and so on.
pub const RETRY: RetryRule = RetryRule {
    first: Duration::from_secs(900),
    longest: Duration::from_secs(4 * 3600),
    give_up_after: Duration::from_secs(24 * 3600),
};

/// What came of a try.
#[allow(clippy::exhaustive_enums)] // what RFC 8460 §5.4 and §5.5 tell apart
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tried {
    /// The destination has the report.
    Accepted,
    /// It does not, and may take it later.
    Failed,
    /// It does not, and will not.
    Refused,
}

/// What is to be done for a report.
#[allow(clippy::exhaustive_enums)] // a caller who overlooks one loses a report
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextTry<'a> {
    /// Send it there now, and say what [came of it](Delivery::tried).
    Now(&'a Destination),
    /// Nothing until then.
    At(SystemTime),
    /// A destination has it.
    Delivered,
    /// All have refused, or the time is over.
    GaveUp,
}

/// One report on its way to the destinations of a record: in their order, to the first that takes it
/// (RFC 8460 §3: it is delivered once one of them has accepted it). While one is paused after a
/// failure, the next one has its turn. It is data, without I/O.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    rule: RetryRule,
    begun: SystemTime,
    delivered: bool,
    places: Vec<Place>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    destination: Destination,
    refused: bool,
    failures: u32,
    next: SystemTime,
}

impl Delivery {
    /// Begins, by the rule [`RETRY`].
    pub fn new(record: &TlsRptRecord, now: SystemTime) -> Self {
        Self::with(record, RETRY, now)
    }

    /// Begins, by a rule of your own.
    pub fn with(record: &TlsRptRecord, rule: RetryRule, now: SystemTime) -> Self {
        let place = |destination: &Destination| Place {
            destination: destination.clone(),
            refused: false,
            failures: 0,
            next: now,
        };
        Self {
            rule,
            begun: now,
            delivered: false,
            places: record.destinations().iter().map(place).collect(),
        }
    }

    /// What to do. A clock that went back lets nothing wait for longer than the rule's longest
    /// pause.
    pub fn next(&self, now: SystemTime) -> NextTry<'_> {
        if self.delivered {
            return NextTry::Delivered;
        }
        let last = later(self.begun, self.rule.give_up_after);
        let open = self.places.iter().filter(|place| !place.refused);
        let most = later(now, self.rule.longest);
        let due = |place: &&Place| place.next <= now || place.next > most;
        if now > last {
            return NextTry::GaveUp;
        }
        if let Some(place) = open.clone().find(due) {
            return NextTry::Now(&place.destination);
        }
        match open.map(|place| place.next).min() {
            Some(next) if next <= last => NextTry::At(next),
            _ => NextTry::GaveUp,
        }
    }

    /// What came of trying a destination.
    pub fn tried(&mut self, destination: &Destination, tried: Tried, now: SystemTime) {
        let is = |place: &&mut Place| place.destination == *destination;
        let Some(place) = self.places.iter_mut().find(is) else {
            return;
        };
        match tried {
            Tried::Accepted => self.delivered = true,
            Tried::Refused => place.refused = true,
            Tried::Failed => {
                let times = 1_u32 << place.failures.min(16);
                let pause = self.rule.first.saturating_mul(times);
                place.next = later(now, pause.min(self.rule.longest));
                place.failures = place.failures.saturating_add(1);
            }
        }
    }
}

/// The facts for [`decide`](crate::decide) about a connection that carries a report to one of
/// `domain`'s addresses, with [`Floor::Opportunistic`](crate::Floor::Opportunistic): DANE, MTA-STS and
/// memory do not count, so that none of them need be looked up. RFC 8460 §3: a report is delivered
/// despite TLS failures; §5.3: nor does it honour those of DANE and MTA-STS. It is what they are
/// about. To be sent with [`Letter`](super::Letter), and not to be counted:
/// [`Carried::Report`](super::Carried::Report).
pub fn report_facts<'a>(domain: &'a str, mx: &'a str, mx_set: MxFact) -> Facts<'a> {
    Facts::new(domain, mx, mx_set)
        .dane(DaneFact::Insecure)
        .sts(StsFact::None)
        .memory(MemoryFact::Nothing)
        .wish(Wish::TlsRequiredNo)
}

fn later(time: SystemTime, wait: Duration) -> SystemTime {
    time.checked_add(wait).unwrap_or(time)
}
