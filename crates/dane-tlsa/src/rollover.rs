//! How to change a certificate without a moment at which somebody's cached records do not fit it
//! (RFC 7671 §8).

use crate::{Crypto, Identity, Parameters, PublishError, Tlsa};
use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// The TLSA records that a name has now.
#[derive(Clone, Debug)]
pub struct Published {
    records: Vec<Tlsa>,
    ttl: Duration,
    since: Option<SystemTime>,
}

impl Published {
    /// Records that no cache remembers the predecessors of: published long ago, or the first ever.
    /// `ttl` in seconds.
    pub fn settled(records: impl IntoIterator<Item = Tlsa>, ttl: u32) -> Self {
        Self {
            records: distinct(records),
            ttl: Duration::from_secs(ttl.into()),
            since: None,
        }
    }

    /// Records that were last changed at `since`. `ttl` is that of these or of those before them,
    /// whichever is longer, in seconds.
    pub fn at(records: impl IntoIterator<Item = Tlsa>, ttl: u32, since: SystemTime) -> Self {
        Self {
            since: Some(since),
            ..Self::settled(records, ttl)
        }
    }

    /// The records, none of them twice (RFC 2181 §5).
    pub fn records(&self) -> &[Tlsa] {
        &self.records
    }
}

/// What else a rollover depends on.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct RolloverOptions {
    /// The parameters of the records in the end. Default: those published now that fit the server,
    /// or `3 1 1` if there are none.
    pub parameters: Vec<Parameters>,
    /// How long it takes until every authoritative server has a change of the zone. Default: zero,
    /// which the second TTL of RFC 7671 §8.1 covers up to one TTL; more than that makes the waits
    /// longer.
    pub propagation: Duration,
    /// How long it takes until every server behind the name presents the next certificate, and
    /// somebody has looked whether it works. Default: one hour.
    pub deployment: Duration,
    /// When the servers began to present the next certificate, if some may still not do so:
    /// `deployment` counts from then. Default: every server presents what `current` says.
    pub switched: Option<SystemTime>,
}

impl Default for RolloverOptions {
    fn default() -> Self {
        Self {
            parameters: Vec::new(),
            propagation: Duration::ZERO,
            deployment: Duration::from_secs(3600),
            switched: None,
        }
    }
}

/// One step of a rollover. Do one, and the next only when it is done.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolloverStep {
    /// Change the zone's records.
    Records(RecordChange),
    /// Do nothing for some time.
    Wait {
        /// How long.
        time: Duration,
        /// Since when.
        since: Since,
    },
    /// Let the servers present the next certificate, and look whether it works.
    Switch,
}

/// Since when a [`RolloverStep::Wait`] counts.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// This moment. The wait may be over already.
    At(SystemTime),
    /// The moment at which the step before was done, or now if there is none.
    PreviousStep,
}

/// A change of the zone's records, all at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordChange {
    add: Vec<Tlsa>,
    remove: Vec<Tlsa>,
    result: Vec<Tlsa>,
}

impl RecordChange {
    /// `None` if nothing changes.
    fn between(before: &[Tlsa], after: &[Tlsa]) -> Option<Self> {
        let missing = |from: &[Tlsa], of: &[Tlsa]| -> Vec<Tlsa> {
            of.iter().filter(|r| !from.contains(r)).cloned().collect()
        };
        let (add, remove) = (missing(before, after), missing(after, before));
        (!add.is_empty() || !remove.is_empty()).then(|| Self {
            add,
            remove,
            result: after.to_vec(),
        })
    }

    /// What is new.
    pub fn add(&self) -> &[Tlsa] {
        &self.add
    }

    /// What goes.
    pub fn remove(&self) -> &[Tlsa] {
        &self.remove
    }

    /// All the records, after the change.
    pub fn result(&self) -> &[Tlsa] {
        &self.result
    }
}

/// For people: one line for each record that changes.
impl fmt::Display for RolloverStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(change) => {
                let add = change.add.iter().map(|record| ("publish", record));
                let remove = change.remove.iter().map(|record| ("remove", record));
                for (number, (what, record)) in add.chain(remove).enumerate() {
                    let line = if number == 0 { "" } else { "\n" };
                    write!(f, "{line}{what} {record}")?;
                }
                Ok(())
            }
            Self::Wait { time, since } => {
                write!(f, "wait {} seconds", time.as_secs())?;
                match since {
                    Since::PreviousStep => Ok(()),
                    Since::At(moment) => {
                        let unix = moment.duration_since(SystemTime::UNIX_EPOCH);
                        write!(f, " since {}", unix.unwrap_or_default().as_secs())
                    }
                }
            }
            Self::Switch => {
                f.write_str("switch to the next certificate, and look whether it works")
            }
        }
    }
}

/// How to get from the certificate `current` to `next`, by RFC 7671 §8.1; by §8.2 where authorities
/// and the servers' own keys take each other's place.
///
/// It may be asked at any time, in the middle of a rollover too: it says what is still to be done,
/// and nothing once all is done. After [`RolloverStep::Switch`], `current` is `next` itself, and
/// [`RolloverOptions::switched`] says since when.
///
/// Every set of records on the way fits whatever the servers present while anybody may have it in
/// a cache; and it does so for each combination of parameters by itself, whatever of them a client
/// understands (RFC 7671 §8). That needs `published` to fit `current`, of course: where it does not,
/// which `lint` tells, the plan repairs it first.
///
/// # Errors
/// [`PublishError`] where a record of `next` with the wanted parameters cannot be made.
pub fn rollover(
    published: &Published,
    current: &Identity,
    next: &Identity,
    crypto: &Crypto,
) -> Result<Vec<RolloverStep>, PublishError> {
    rollover_with(
        published,
        current,
        next,
        crypto,
        &RolloverOptions::default(),
    )
}

/// [`rollover`], with options.
///
/// # Errors
/// As [`rollover`].
pub fn rollover_with(
    published: &Published,
    current: &Identity,
    next: &Identity,
    crypto: &Crypto,
    options: &RolloverOptions,
) -> Result<Vec<RolloverStep>, PublishError> {
    let last = in_the_end(published, current, next, crypto, options)?;
    let mut plan = Plan {
        records: published.records.clone(),
        steps: Vec::new(),
    };
    if current == next {
        let mut named = published
            .records
            .iter()
            .map(|r| next.is_named_by(r, crypto));
        // Who has switched before the records were there has nothing to wait for: nobody can connect.
        let too_early = !published.records.is_empty() && named.all(|named| !named);
        if let Some(switched) = options.switched
            && !too_early
            && !same(&published.records, &last)
        {
            plan.wait(options.deployment, Since::At(switched));
        }
        plan.publish(&last);
        return Ok(plan.steps);
    }
    // Who has no records has no clients that look at them: the first ones come after the switch.
    let both = match published.records.is_empty() {
        true => Vec::new(),
        false => on_the_way(&published.records, current, next, crypto)?,
    };
    let time = caches(published.ttl, options.propagation);
    if plan.publish(&both) {
        plan.wait(time, Since::PreviousStep);
    } else if let Some(since) = published.since {
        plan.wait(time, Since::At(since));
    }
    plan.steps.push(RolloverStep::Switch);
    if !same(&plan.records, &last) {
        plan.wait(options.deployment, Since::PreviousStep);
    }
    plan.publish(&last);
    Ok(plan.steps)
}

/// Steps so far, and what they leave in the zone.
struct Plan {
    records: Vec<Tlsa>,
    steps: Vec<RolloverStep>,
}

impl Plan {
    /// Whether anything changes.
    fn publish(&mut self, records: &[Tlsa]) -> bool {
        let Some(change) = RecordChange::between(&self.records, records) else {
            return false;
        };
        self.records = records.to_vec();
        self.steps.push(RolloverStep::Records(change));
        true
    }

    fn wait(&mut self, time: Duration, since: Since) {
        if !time.is_zero() {
            self.steps.push(RolloverStep::Wait { time, since });
        }
    }
}

/// Until no cache has what stood in the zone before. RFC 7671 §8.1: "at least two Times to Live
/// (TTLs) or longer before the new chain is deployed".
fn caches(ttl: Duration, propagation: Duration) -> Duration {
    let two = ttl.saturating_mul(2);
    two.max(ttl.saturating_add(propagation))
}

/// What the zone shall have when all is done.
fn in_the_end(
    published: &Published,
    current: &Identity,
    next: &Identity,
    crypto: &Crypto,
    options: &RolloverOptions,
) -> Result<Vec<Tlsa>, PublishError> {
    let mut wanted = options.parameters.clone();
    if wanted.is_empty() {
        wanted = fitting(&published.records, current, crypto);
        if wanted.is_empty() {
            wanted.push(Parameters::DANE_EE);
        }
    }
    let mut records = Vec::new();
    for parameters in wanted {
        let of = |record: &&Tlsa| Parameters::from(*record) == parameters;
        let kept = published.records.iter().filter(of);
        let kept: Vec<_> = kept
            .filter(|r| next.is_named_by(r, crypto))
            .cloned()
            .collect();
        match kept.is_empty() {
            // An authority below the last certificate, for example.
            false => records.extend(kept),
            true => records.push(next.record(parameters, crypto)?),
        }
    }
    Ok(distinct(records))
}

/// What the zone shall have while the certificate changes: for each combination of parameters a
/// record of both.
fn on_the_way(
    published: &[Tlsa],
    current: &Identity,
    next: &Identity,
    crypto: &Crypto,
) -> Result<Vec<Tlsa>, PublishError> {
    let mut records = Vec::new();
    for parameters in fitting(published, current, crypto) {
        let of = |record: &&Tlsa| Parameters::from(*record) == parameters;
        let now: Vec<_> = published.iter().filter(of).cloned().collect();
        if now.iter().any(|record| next.is_named_by(record, crypto)) {
            records.extend(now);
        } else if let Ok(record) = next.record(parameters, crypto) {
            records.extend(now);
            records.push(record);
        }
        // A combination that the next certificate cannot have goes now: to have it while that
        // certificate is presented would be against RFC 7671 §8.
    }
    if records.is_empty() {
        // RFC 7671 §8.2: the transitional record "is a "3 1 1" record that works even when raw
        // public keys are used".
        for identity in [current, next] {
            records.push(identity.record(Parameters::DANE_EE, crypto)?);
        }
    }
    Ok(distinct(records))
}

/// The combinations of parameters of which a record is about this identity.
fn fitting(records: &[Tlsa], identity: &Identity, crypto: &Crypto) -> Vec<Parameters> {
    let records = records.iter().filter(|r| identity.is_named_by(r, crypto));
    let mut all: Vec<_> = records.map(Parameters::from).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn distinct(records: impl IntoIterator<Item = Tlsa>) -> Vec<Tlsa> {
    let mut all: Vec<Tlsa> = records.into_iter().collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn same(one: &[Tlsa], other: &[Tlsa]) -> bool {
    RecordChange::between(one, other).is_none()
}
