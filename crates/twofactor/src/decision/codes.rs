//! Codes from apps and tokens: what one that is right uses up, and what one that is wrong costs.

use super::Progress;
use super::next::{Next, sooner};
use super::state::{FactorId, Otp, State};
use super::step::{Found, Verdict};
use crate::{Event, Kind, Refusal};

impl Next<'_> {
    pub(super) fn code(&mut self, found: &[Found]) -> Verdict {
        let (mut open, mut refused) = (Vec::new(), Refusal::NoFactor);
        for found in found {
            let Some(otp) = self.state.otps.iter().find(|otp| otp.id == found.factor) else {
                continue;
            };
            match self.refused(otp.counter, self.throttle.factor) {
                None => open.push(found),
                Some(why) => refused = sooner(refused, why),
            }
        }
        if open.is_empty() {
            return Verdict::Refused(refused);
        }
        if open.iter().any(|found| !found.within.is_empty()) {
            return self.right_code(found, &open);
        }
        let mut refused = Refusal::Wrong;
        for found in open {
            match (self.wrong_code(found), refused) {
                (Refusal::Wrong, _) | (_, Refusal::Replayed) => {}
                (why, _) => refused = why,
            }
        }
        Verdict::Refused(refused)
    }

    /// A code that is right in one that is open. Where the same secret was taken in twice it is right in both, and is one
    /// code: it is used up everywhere, also in one that has to wait.
    fn right_code(&mut self, found: &[Found], open: &[&Found]) -> Verdict {
        let right = || found.iter().filter(|found| !found.within.is_empty());
        let mut replayed = false;
        for found in right() {
            match otp(&mut self.state, found.factor) {
                Some(otp) if otp.is_spent(found) => {
                    replayed = true;
                    if otp.tells(found.within.last()) {
                        self.tell(Event::DuplicateCode);
                    }
                }
                _ => {}
            }
        }
        if replayed {
            return Verdict::Refused(Refusal::Replayed);
        }
        for found in right() {
            let is_open = open.iter().any(|open| open.factor == found.factor);
            if let Some(otp) = otp(&mut self.state, found.factor) {
                otp.spend(found);
                if is_open {
                    otp.counter.clear();
                }
            }
        }
        Verdict::Pass
    }

    /// A code that is right in nothing that is open. One that is right for another time burns that step alone.
    fn wrong_code(&mut self, found: &Found) -> Refusal {
        let (now, most) = (self.now, self.throttle.factor);
        let Some(otp) = otp(&mut self.state, found.factor) else {
            return Refusal::Wrong;
        };
        let (mut refused, mut duplicate) = (Refusal::Wrong, false);
        if let (Progress::Time(burned), Some((step, seconds))) = (&mut otp.progress, found.outside)
        {
            if burned.contains(step) {
                refused = Refusal::Replayed;
                duplicate = otp.tells(Some(&step));
            } else {
                *burned = burned.with(step, found.now);
                refused = Refusal::Drifted { seconds };
            }
        }
        otp.counter.fail(now);
        let counter = otp.counter;
        if duplicate {
            self.tell(Event::DuplicateCode);
        }
        self.tell_failed(Kind::Otp, counter, most);
        refused
    }

    pub(super) fn resync(&mut self, factor: FactorId, counter: Option<u64>) -> Verdict {
        let (now, most) = (self.now, self.throttle.factor);
        let Some(failures) = otp(&mut self.state, factor).map(|otp| otp.counter) else {
            return Verdict::Refused(Refusal::NoFactor);
        };
        if let Some(refused) = self.refused(failures, most) {
            return Verdict::Refused(refused);
        }
        let Some(otp) = otp(&mut self.state, factor) else {
            return Verdict::Refused(Refusal::NoFactor);
        };
        match (&mut otp.progress, counter) {
            // The last counter that there is opens nothing, as nothing comes after it.
            (Progress::Counter { next }, Some(counter)) if (*next..u64::MAX).contains(&counter) => {
                *next = counter.saturating_add(1);
                otp.counter.clear();
                Verdict::Pass
            }
            (Progress::Time(_), _) => Verdict::Refused(Refusal::NoFactor),
            _ => {
                otp.counter.fail(now);
                let failures = otp.counter;
                self.tell_failed(Kind::Otp, failures, most);
                Verdict::Refused(Refusal::Wrong)
            }
        }
    }
}

impl Otp {
    /// Whether a code that was right was used before, or its use could not be remembered.
    fn is_spent(&self, found: &Found) -> bool {
        found.within.iter().any(|step| match self.progress {
            Progress::Time(burned) => {
                burned.contains(*step) || !burned.with(*step, found.now).contains(*step)
            }
            Progress::Counter { next } => *step < next || *step == u64::MAX,
        })
    }

    /// Uses a code up, for all that it is right for: with counters, so that it is right for none to come.
    fn spend(&mut self, found: &Found) {
        for step in &found.within {
            match &mut self.progress {
                Progress::Time(burned) => *burned = burned.with(*step, found.now),
                Progress::Counter { next } => *next = (*next).max(step.saturating_add(1)),
            }
        }
    }

    /// Whether a duplicate is to be told of: once for each step, and not of older ones in turn.
    fn tells(&mut self, step: Option<&u64>) -> bool {
        match step {
            Some(step) if *step > self.told => {
                self.told = *step;
                true
            }
            _ => false,
        }
    }
}

fn otp(state: &mut State, id: FactorId) -> Option<&mut Otp> {
    state.otps.iter_mut().find(|otp| otp.id == id)
}
