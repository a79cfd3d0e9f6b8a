//! A step, right or mutated, and tries in a row.
#![allow(dead_code, unreachable_pub)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use twofactor::decision::{
    Attempt, Burned, Change, FactorId, Found, Origin, Progress, Share, State, Step, Throttle,
    Verdict,
};
use twofactor::{Event, Refusal};

pub type Stepper = fn(&State, Attempt<'_>, &Throttle, SystemTime) -> Step;

pub fn real(state: &State, attempt: Attempt<'_>, throttle: &Throttle, now: SystemTime) -> Step {
    state.step(attempt, throttle, now)
}

pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// One user, whose clock stands where a test puts it.
pub struct User {
    pub state: State,
    pub seconds: u64,
    pub throttle: Throttle,
    pub told: Vec<Event>,
    step: Stepper,
}

impl User {
    pub fn new(step: Stepper) -> Self {
        Self {
            state: State::default(),
            seconds: 0,
            throttle: Throttle::nist(),
            told: Vec::new(),
            step,
        }
    }

    pub fn with(step: Stepper, factors: &[Progress]) -> Self {
        let mut user = Self::new(step);
        for factor in factors {
            assert_eq!(user.change(Change::AddOtp(*factor)), Verdict::Changed);
        }
        user.told.clear();
        user
    }

    pub fn take(&mut self, attempt: Attempt<'_>) -> Verdict {
        let step = (self.step)(&self.state, attempt, &self.throttle, at(self.seconds));
        assert!(
            step.events.is_empty() || step.state != self.state,
            "nothing is told uncommitted"
        );
        self.state = step.state;
        self.told.extend(step.events);
        step.verdict
    }

    pub fn change(&mut self, change: Change) -> Verdict {
        self.take(Attempt::Change(change))
    }

    pub fn reserve(&mut self, origin: Origin) -> Verdict {
        self.take(Attempt::Reserve(origin))
    }

    pub fn right(&mut self, share: Share, origin: Origin) -> Verdict {
        let generation = self.state.generation();
        self.take(Attempt::Right {
            generation,
            share,
            origin,
            remembered: false,
        })
    }

    pub fn code(&mut self, found: &[Found]) -> Verdict {
        let generation = self.state.generation();
        self.take(Attempt::Code { generation, found })
    }

    pub fn factor(&self, n: usize) -> FactorId {
        self.state.otps()[n].id()
    }

    /// How many of 200 tries, each as soon as it may be, are looked at before there are no more.
    pub fn looked_at(&mut self, origin: Origin) -> usize {
        let mut looked = 0;
        while looked < 200 {
            match self.reserve(origin) {
                Verdict::Look(_) => looked += 1,
                Verdict::Refused(Refusal::Wait { until }) => self.wait(until),
                _ => break,
            }
        }
        looked
    }

    pub fn wait(&mut self, until: SystemTime) {
        self.seconds = until.duration_since(at(0)).unwrap().as_secs();
    }
}

pub const STRANGER: Origin = Origin {
    device: false,
    network: None,
};
pub const DEVICE: Origin = Origin {
    device: true,
    network: None,
};

pub fn mail(network: u8) -> Origin {
    Origin {
        device: false,
        network: Some([network; 8]),
    }
}

pub fn totp() -> Progress {
    Progress::Time(Burned::default())
}

/// A code that is right for these steps of the window, at `now`.
pub fn right(factor: FactorId, now: u64, within: &[u64]) -> Found {
    Found {
        factor,
        now,
        within: within.to_vec(),
        outside: None,
    }
}

/// A code that is right for a step outside the window.
pub fn outside(factor: FactorId, now: u64, step: u64) -> Found {
    Found {
        factor,
        now,
        within: Vec::new(),
        outside: Some((
            step,
            (i64::try_from(step).unwrap() - i64::try_from(now).unwrap()) * 30,
        )),
    }
}

pub fn wrong(factor: FactorId, now: u64) -> Found {
    right(factor, now, &[])
}
