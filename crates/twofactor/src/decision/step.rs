//! One try, or one change, and what becomes of it.

use std::time::SystemTime;

use super::Throttle;
use super::next::Next;
use super::state::{FactorId, Progress, State, Tag};
use crate::{Event, Kind, Refusal};

/// Where a try with a password comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // what makes somebody known, and nothing else
pub struct Origin {
    /// A device has shown a token of this user.
    pub device: bool,
    /// The network, where it tells who is known: in mail protocols, which have no cookies.
    pub network: Option<Tag>,
}

/// Which part of a password's tries one counts for.
#[allow(clippy::exhaustive_enums)] // known or not
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// From where nobody has logged in before.
    Strangers,
    /// From a known device.
    Known,
}

/// What a code is right for, in one app or token: facts, found by [`otp::Otp`](crate::otp::Otp).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // facts of one search
pub struct Found {
    /// Which.
    pub factor: FactorId,
    /// The step of now; nothing for counters.
    pub now: u64,
    /// Every step or counter of the window that it is right for, ascending.
    pub within: Vec<u64>,
    /// A step outside the window, and how many seconds the device is ahead.
    pub outside: Option<(u64, i64)>,
}

/// Facts about a try.
#[allow(clippy::exhaustive_enums)] // whoever gives facts must know them all
#[derive(Clone, Copy, Debug)]
pub enum Attempt<'a> {
    /// A password is going to be looked at.
    Reserve(Origin),
    /// A password that was reserved was right.
    Right {
        /// Of the state when it was reserved.
        generation: u64,
        /// As the reservation said.
        share: Share,
        /// Where it came from.
        origin: Origin,
        /// Whether a remembered device stands in for the second factor.
        remembered: bool,
    },
    /// A password that was reserved was not looked at after all.
    GiveBack {
        /// As the reservation said.
        share: Share,
        /// Of the state when it was reserved.
        round: u32,
    },
    /// A code from an app or token.
    Code {
        /// Of the state when the password passed.
        generation: u64,
        /// In each app or token.
        found: &'a [Found],
    },
    /// Two codes in a row from a token that counts (RFC 4226 §7.4): the counter of the second, if there is one.
    Resync {
        /// Of the state when the password passed.
        generation: u64,
        /// Which.
        factor: FactorId,
        /// Of the second code.
        counter: Option<u64>,
    },
    /// A recovery code is going to be looked at.
    ReserveRecovery {
        /// Of the state when the password passed.
        generation: u64,
    },
    /// A recovery code that was reserved was right.
    RightRecovery {
        /// Of the state when the password passed.
        generation: u64,
    },
    /// A recovery code that was reserved was not looked at after all.
    GiveBackRecovery {
        /// Of the state when it was reserved.
        round: u32,
    },
    /// The answer of a passkey.
    Passkey {
        /// Of the state when the password passed.
        generation: u64,
        /// Whether it is one.
        right: bool,
    },
    /// The user, or the operator, changes something.
    Change(Change),
}

/// A change of what opens the account.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// An app or token was confirmed by a code.
    AddOtp(Progress),
    /// It is removed.
    RemoveOtp(FactorId),
    /// New recovery codes: so many.
    Recovery(u8),
    /// A passkey was registered.
    AddPasskey,
    /// It is removed.
    RemovePasskey,
    /// Something with a record of its own was added.
    Add(Kind),
    /// Something with a record of its own was removed.
    Remove(Kind),
    /// The password is a new one, so nothing has failed with it yet.
    Rebind,
}

/// What a try means.
#[allow(clippy::exhaustive_enums)] // a caller must handle all
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "it may be refused"]
pub enum Verdict {
    /// Look at it, and say what it was.
    Look(Share),
    /// The password passed, and a second factor is asked for.
    Second,
    /// All that is asked for has passed.
    Pass,
    /// A change was made.
    Changed,
    /// No.
    Refused(Refusal),
}

/// A step.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a step does nothing until its state is committed"]
pub struct Step {
    /// What comes next. The same as before if there is nothing to commit.
    pub state: State,
    /// What it means, once the state is committed.
    pub verdict: Verdict,
    /// What the user is to be told.
    pub events: Vec<Event>,
}

impl State {
    /// What becomes of a try.
    pub fn step(&self, attempt: Attempt<'_>, throttle: &Throttle, now: SystemTime) -> Step {
        let mut next = Next::new(self, throttle, now);
        let verdict = next.take(attempt);
        let (state, events) = match verdict {
            // What is not looked at leaves no trace.
            Verdict::Refused(Refusal::Wait { .. } | Refusal::Disabled | Refusal::Stale) => {
                (self.clone(), Vec::new())
            }
            _ => (next.state, next.events),
        };
        Step {
            state,
            verdict,
            events,
        }
    }
}

impl State {
    /// No, for a reason that lies outside of the state.
    #[cfg(feature = "store")]
    pub(crate) fn refuse(&self, why: Refusal) -> Step {
        Step {
            state: self.clone(),
            verdict: Verdict::Refused(why),
            events: Vec::new(),
        }
    }
}
