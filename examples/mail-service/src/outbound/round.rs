//! What has become of each recipient so far, from host to host.

use super::{
    facts,
    letter::Letter,
    report::{Fate, Kind, Report, Why},
    transaction::Said,
};
use dane_tlsa::Walked;
use tls_policy::{Decision, MemoryFact, MxFact};

/// Who is still to be served.
pub(super) struct Round {
    pub(super) open: Vec<usize>,
    fates: Vec<Option<Fate>>,
    /// What happened to those who are open, if nothing better follows.
    last: Vec<Option<Why>>,
    pub(super) report: Report,
}

impl Round {
    /// Nobody has been served yet.
    pub(super) fn new(letter: &Letter) -> Self {
        Self {
            open: (0..letter.to.len()).collect(),
            fates: vec![None; letter.to.len()],
            last: vec![None; letter.to.len()],
            report: Report {
                domain: letter.domain.to_string(),
                tried: Vec::new(),
                fates: Vec::new(),
                alarms: Vec::new(),
            },
        }
    }

    /// It happened to everybody who is still open.
    pub(super) fn later(&mut self, why: Why) {
        for at in self.open.clone() {
            self.later_for(at, why.clone());
        }
    }

    /// As long as one host may do better later, nothing is returned for the sake of another.
    fn later_for(&mut self, at: usize, why: Why) {
        if let Some(last) = self.last.get_mut(at) {
            *last = Some(match last.take() {
                None => why,
                Some(before) => before.or(why),
            });
        }
    }

    pub(super) fn alarm(&mut self, name: &str, decision: &Decision<'_>) {
        self.report
            .alarms
            .push(format!("{name}: {}", decision.reason()));
    }

    /// There is no host. Of a domain that used to prove who it is, that nobody signed is no answer.
    pub(super) fn nowhere(&mut self, why: Why, known: MemoryFact, walked: &Walked) {
        let remembered = known != MemoryFact::Nothing;
        let signed = facts::mx_fact(walked) == MxFact::Secure;
        if why.kind() == Kind::Permanent && remembered && !signed {
            let text = format!(
                "{}, but it is remembered for more, and nobody signed that",
                why.text
            );
            self.report.alarms.push(text.clone());
            return self.later(Why::new("4.4.4", "mx.drop", text));
        }
        self.later(why);
    }

    pub(super) fn said(&mut self, said: Vec<(usize, Said)>) {
        for (at, said) in said {
            let fate = match said {
                Said::Taken(reply) => Fate::Delivered(reply),
                Said::Never(why) => Fate::Bounced(why),
                Said::Unsure(why) => Fate::Deferred(why),
                Said::Later(why) => {
                    self.later_for(at, why);
                    continue;
                }
            };
            self.open.retain(|open| *open != at);
            if let Some(slot) = self.fates.get_mut(at) {
                *slot = Some(fate);
            }
        }
    }

    pub(super) fn end(mut self, letter: &Letter) -> Report {
        let nothing = || Why::new("4.4.4", "mx.no-host", "no mail host could be tried");
        let last = self
            .last
            .into_iter()
            .map(|last| last.unwrap_or_else(nothing).fate());
        let fates = self.fates.into_iter().zip(last);
        let fates = fates.map(|(fate, last)| fate.unwrap_or(last));
        self.report.fates = letter.to.iter().cloned().zip(fates).collect();
        self.report
    }
}
