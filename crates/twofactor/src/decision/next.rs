//! Passwords, recovery codes, passkeys and changes: from one state to the next.

use std::time::SystemTime;

use super::state::{FactorId, MAX_OTP, MAX_PASSKEYS, Otp, State};
use super::step::{Attempt, Change, Origin, Share, Verdict};
use super::{Counter, Gate, Throttle};
use crate::{Event, Kind, Refusal};

/// After how many failures in a row the user is told.
const TOLD: [u8; 3] = [10, 30, 60];

/// A state that becomes the next one.
pub(super) struct Next<'a> {
    pub(super) state: State,
    pub(super) events: Vec<Event>,
    pub(super) throttle: &'a Throttle,
    pub(super) now: SystemTime,
}

impl<'a> Next<'a> {
    pub(super) fn new(state: &State, throttle: &'a Throttle, now: SystemTime) -> Self {
        Self {
            state: state.clone(),
            events: Vec::new(),
            throttle,
            now,
        }
    }
}

impl Next<'_> {
    pub(super) fn take(&mut self, attempt: Attempt<'_>) -> Verdict {
        match attempt {
            Attempt::Reserve(origin) => self.reserve(origin),
            Attempt::Right {
                generation,
                share,
                origin,
                remembered,
            } => self.since(generation, |it| it.right(share, origin, remembered)),
            Attempt::GiveBack { share, round } => self.give_back(round, |it| it.share(share)),
            Attempt::Code { generation, found } => self.since(generation, |it| it.code(found)),
            Attempt::Resync {
                generation,
                factor,
                counter,
            } => self.since(generation, |it| it.resync(factor, counter)),
            Attempt::ReserveRecovery { generation } => self.since(generation, Self::recovery),
            Attempt::RightRecovery { generation } => self.since(generation, Self::recovered),
            Attempt::GiveBackRecovery { round } => {
                self.give_back(round, |it| &mut it.state.recovery)
            }
            Attempt::Passkey { generation, right } => {
                self.since(generation, |it| match (right, it.state.passkeys) {
                    (_, 0) => Verdict::Refused(Refusal::NoFactor),
                    (true, _) => Verdict::Pass,
                    (false, _) => Verdict::Refused(Refusal::Passkey),
                })
            }
            Attempt::Change(change) => self.change(change),
        }
    }

    /// What began before the factors changed is over.
    fn since(&mut self, generation: u64, go: impl FnOnce(&mut Self) -> Verdict) -> Verdict {
        match generation == self.state.generation {
            true => go(self),
            false => Verdict::Refused(Refusal::Stale),
        }
    }

    /// What was cleared since holds failures of others.
    fn give_back(
        &mut self,
        round: u32,
        counter: impl FnOnce(&mut Self) -> &mut Counter,
    ) -> Verdict {
        if round == self.state.round {
            counter(self).give_back();
        }
        Verdict::Changed
    }

    fn share(&mut self, share: Share) -> &mut Counter {
        match share {
            Share::Strangers => &mut self.state.strangers,
            Share::Known => &mut self.state.known,
        }
    }

    fn is_known(&self, origin: Origin) -> bool {
        let network = origin.network.as_ref();
        origin.device || network.is_some_and(|net| self.state.knows(net, self.now))
    }

    fn reserve(&mut self, origin: Origin) -> Verdict {
        let shares: &[Share] = match self.is_known(origin) {
            true => &[Share::Known, Share::Strangers],
            false => &[Share::Strangers],
        };
        let (mut refused, now) = (Refusal::Disabled, self.now);
        for share in shares {
            let most = match share {
                Share::Strangers => self.throttle.strangers,
                Share::Known => self.throttle.known,
            };
            let counter = *self.share(*share);
            match self.refused(counter, most) {
                None => {
                    self.tell_reserved(Kind::Password, counter, most);
                    self.share(*share).fail(now);
                    return Verdict::Look(*share);
                }
                Some(why) => refused = sooner(refused, why),
            }
        }
        Verdict::Refused(refused)
    }

    fn right(&mut self, share: Share, origin: Origin, remembered: bool) -> Verdict {
        self.share(share).clear();
        if self.is_known(origin) {
            self.state.known.clear();
        }
        self.state.round = self.state.round.wrapping_add(1);
        if self.state.methods().is_enrolled() && !remembered {
            return Verdict::Second;
        }
        if let Some(network) = origin.network {
            self.state.note(network, self.now);
        }
        Verdict::Pass
    }

    fn recovery(&mut self) -> Verdict {
        let (counter, most) = (self.state.recovery, self.throttle.factor);
        if self.state.recovery_left == 0 {
            return Verdict::Refused(Refusal::NoFactor);
        }
        if let Some(refused) = self.refused(counter, most) {
            return Verdict::Refused(refused);
        }
        self.tell_reserved(Kind::Recovery, counter, most);
        self.state.recovery.fail(self.now);
        // Where it comes from does not matter: the password has passed.
        Verdict::Look(Share::Strangers)
    }

    fn recovered(&mut self) -> Verdict {
        let Some(left) = self.state.recovery_left.checked_sub(1) else {
            return Verdict::Refused(Refusal::NoFactor);
        };
        self.state.recovery_left = left;
        self.state.recovery.clear();
        self.state.round = self.state.round.wrapping_add(1);
        self.events.push(Event::RecoveryUsed { left });
        Verdict::Pass
    }

    fn change(&mut self, change: Change) -> Verdict {
        let state = &mut self.state;
        let event = match change {
            Change::AddOtp(progress) => {
                let Some(number @ 1..) = state.factors.checked_add(1) else {
                    return Verdict::Refused(Refusal::NoFactor);
                };
                if state.otps.len() >= MAX_OTP {
                    return Verdict::Refused(Refusal::NoFactor);
                }
                state.factors = number;
                state.otps.push(Otp {
                    id: FactorId(number),
                    progress,
                    counter: Counter::default(),
                    told: 0,
                });
                Event::Enrolled(Kind::Otp)
            }
            Change::RemoveOtp(factor) => {
                let before = state.otps.len();
                state.otps.retain(|otp| otp.id != factor);
                if state.otps.len() == before {
                    return Verdict::Refused(Refusal::NoFactor);
                }
                state.forget_recovery();
                Event::Removed(Kind::Otp)
            }
            Change::Recovery(left) => {
                state.recovery_left = left;
                state.recovery.clear();
                state.round = state.round.wrapping_add(1);
                Event::Enrolled(Kind::Recovery)
            }
            Change::AddPasskey => {
                if state.passkeys >= MAX_PASSKEYS {
                    return Verdict::Refused(Refusal::NoFactor);
                }
                state.passkeys = state.passkeys.saturating_add(1);
                Event::Enrolled(Kind::Passkey)
            }
            Change::RemovePasskey => {
                let Some(left) = state.passkeys.checked_sub(1) else {
                    return Verdict::Refused(Refusal::NoFactor);
                };
                state.passkeys = left;
                state.forget_recovery();
                Event::Removed(Kind::Passkey)
            }
            Change::Add(kind) => Event::Enrolled(kind),
            Change::Remove(kind) => Event::Removed(kind),
            Change::Rebind => {
                state.strangers.clear();
                state.known.clear();
                state.networks.clear();
                state.round = state.round.wrapping_add(1);
                Event::PasswordChanged
            }
        };
        state.generation = state.generation.wrapping_add(1);
        self.events.push(event);
        Verdict::Changed
    }

    pub(super) fn refused(&self, counter: Counter, most: u8) -> Option<Refusal> {
        match counter.gate(self.throttle, most, self.now) {
            Gate::Open => None,
            Gate::Wait(until) => Some(Refusal::Wait { until }),
            Gate::Disabled => Some(Refusal::Disabled),
        }
    }

    /// Says how many have failed before one that is looked at only now, at the latest before the last one.
    fn tell_reserved(&mut self, with: Kind, before: Counter, most: u8) {
        let failures = before.failures();
        let last = failures > 0 && failures.saturating_add(1) == most;
        self.tell_failures(with, failures, last);
    }

    /// Says how many have failed, also when that was the last one.
    pub(super) fn tell_failed(&mut self, with: Kind, counter: Counter, most: u8) {
        let failures = counter.failures();
        self.tell_failures(with, failures, failures == most);
    }

    fn tell_failures(&mut self, with: Kind, failures: u8, last: bool) {
        if TOLD.contains(&failures) || last {
            self.tell(Event::ManyFailures { with, failures });
        }
    }

    /// Once for each step, whatever it is told of.
    pub(super) fn tell(&mut self, event: Event) {
        if !self.events.contains(&event) {
            self.events.push(event);
        }
    }
}

/// Of two reasons why nothing can be tried, the one that ends sooner.
pub(super) fn sooner(one: Refusal, other: Refusal) -> Refusal {
    match (one, other) {
        (Refusal::Wait { until: a }, Refusal::Wait { until: b }) => {
            Refusal::Wait { until: a.min(b) }
        }
        (Refusal::Wait { .. }, _) => one,
        _ => other,
    }
}
