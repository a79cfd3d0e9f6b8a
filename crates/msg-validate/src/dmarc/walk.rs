use super::record::{Psd, Record};
use crate::facts::Facts;
use mail_dns::{Name, Outcome, Record as DnsRecord, RecordType};

/// What a DNS Tree Walk found (RFC 9989 §4.10), from the longest name to the shortest.
#[derive(Debug)]
pub(super) struct Walk {
    start: Name,
    found: Vec<(Name, Record)>,
    /// A question failed that might have changed what follows from the walk.
    pub(super) failed: Failed,
}

/// How far DNS failures spoil a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// Not at all.
    No,
    /// It is not known whether the start has a record.
    Start,
    /// It is not known what lies above the start.
    Above,
}

/// Labels of the names that are asked, after the start itself.
const MOST_LABELS: usize = 7;

/// The names to be asked, at most eight (RFC 9989 §4.10 steps 3, 4 and 7).
pub(super) fn targets(start: &Name) -> impl Iterator<Item = Name> + use<> {
    let mut above = start.parent();
    while let Some(name) = &above {
        if name.labels().count() <= MOST_LABELS {
            break;
        }
        above = name.parent();
    }
    let rest = std::iter::successors(above, Name::parent).filter(|name| !name.is_root());
    std::iter::once(start.clone()).chain(rest)
}

/// Asks for the whole walk at once. `None` while an answer that matters is missing.
pub(super) fn walk(facts: &mut Facts, start: &Name) -> Option<Walk> {
    let targets: Vec<Name> = targets(start).collect();
    let records: Vec<Option<Result<Option<Record>, Unknown>>> =
        targets.iter().map(|name| record_at(facts, name)).collect();
    let mut walk = Walk {
        start: start.clone(),
        found: Vec::with_capacity(2),
        failed: Failed::No,
    };
    for (name, record) in targets.into_iter().zip(records) {
        match record? {
            Ok(None) => {}
            Ok(Some(record)) => {
                walk.found.push((name, record));
                // RFC 9989 §4.10 steps 2 and 6: "If a single record remains and it contains a
                // "psd=n" or "psd=y" tag, stop."
                if record.psd != Psd::Unknown {
                    break;
                }
            }
            Err(Unknown) if name == walk.start => walk.failed = Failed::Start,
            Err(Unknown) if walk.failed == Failed::No => walk.failed = Failed::Above,
            Err(Unknown) => {}
        }
    }
    Some(walk)
}

/// Notes the questions of a walk that may be needed later.
pub(super) fn prefetch(facts: &mut Facts, start: &Name) {
    for name in targets(start) {
        if let Ok(name) = name.prefixed("_dmarc") {
            facts.prefetch(&name, RecordType::Txt);
        }
    }
}

/// The DNS did not say.
#[derive(Clone, Copy, Debug)]
struct Unknown;

fn record_at(facts: &mut Facts, name: &Name) -> Option<Result<Option<Record>, Unknown>> {
    let Ok(name) = name.prefixed("_dmarc") else {
        return Some(Ok(None)); // too long a name to exist
    };
    let answer = facts.look_up(&name, RecordType::Txt)?;
    if matches!(answer.outcome(), Outcome::Failure(_)) {
        return Some(Err(Unknown));
    }
    let mut records = answer.iter().filter_map(|record| match record {
        DnsRecord::Txt(txt) => Record::parse(&txt.joined()),
        _ => None,
    });
    // RFC 9989 §4.10 step 6: "If multiple DMARC Policy Records are returned for a single target,
    // they are all discarded."
    let first = records.next().filter(|_| records.next().is_none());
    Some(Ok(first))
}

impl Walk {
    /// Where the walk began.
    pub(super) fn start(&self) -> &Name {
        &self.start
    }

    /// The Organizational Domain of the start (RFC 9989 §4.10.2).
    pub(super) fn organizational(&self) -> Name {
        for (name, record) in &self.found {
            match record.psd {
                Psd::No => return name.clone(),
                Psd::Yes if *name != self.start => return self.one_below(name),
                _ => {}
            }
        }
        self.found
            .last()
            .map_or(&self.start, |(name, _)| name)
            .clone()
    }

    /// The record that applies to the start as Author Domain, and where it is (RFC 9989 §4.10.1):
    /// its own, its Organizational Domain's, or its Public Suffix Domain's.
    pub(super) fn policy(&self) -> Option<(&Name, Record)> {
        let at = |wanted: &Name| self.found.iter().find(|(name, _)| name == wanted);
        let suffix = || self.found.iter().find(|(_, r)| r.psd == Psd::Yes);
        at(&self.start)
            .or_else(|| at(&self.organizational()))
            .or_else(suffix)
            .map(|(name, record)| (name, *record))
    }

    /// The ancestor of the start, or the start, that is one label longer than `name`.
    fn one_below(&self, name: &Name) -> Name {
        let mut below = self.start.clone();
        while let Some(parent) = below.parent() {
            if parent == *name {
                break;
            }
            below = parent;
        }
        below
    }
}
