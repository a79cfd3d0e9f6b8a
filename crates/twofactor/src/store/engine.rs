//! One step, committed: load, decide, commit by compare-and-set, again if somebody was faster.

use std::time::{Duration, SystemTime};

use record_store::{Commit, Expect, Outcome, Records, Version};

use super::keys::Slot;
use super::{TwoFactor, events};
use crate::decision::{State, Step};
use crate::{Error, random};

/// How often a step is tried anew when others were faster.
const TRIES: usize = 200;
/// How long the counter of names that nobody has is kept after its last change.
const NOBODY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A decision record as it was read.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) state: State,
    pub(super) version: Option<Version>,
}

impl Loaded {
    pub(super) fn expect(&self) -> Expect {
        self.version.map_or(Expect::Absent, Expect::Version)
    }
}

/// A step, and what is written with it.
pub(super) struct Planned<T> {
    pub(super) step: Step,
    /// Further writes. Nothing is committed if there are none and the state stays as it is.
    pub(super) with: Option<Commit>,
    pub(super) value: T,
}

impl<T> Planned<T> {
    pub(super) fn of(step: Step, value: T) -> Self {
        let with = None;
        Self { step, with, value }
    }

    pub(super) fn and(mut self, with: Commit) -> Self {
        self.with = Some(with);
        self
    }
}

/// A step that is durable, or changed nothing.
pub(super) struct Done<T> {
    pub(super) step: Step,
    pub(super) value: T,
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// The decision record; who has none has never tried.
    pub(super) async fn load(&self, slot: &Slot, now: SystemTime) -> Result<Loaded, Error> {
        match self.store.get(&slot.state()?, now).await? {
            None => Ok(Loaded {
                state: State::default(),
                version: None,
            }),
            Some(found) => {
                let what = "the decision record";
                let state = State::from_octets(found.value()?);
                Ok(Loaded {
                    state: state.map_err(|_| Error::Damaged { what })?,
                    version: Some(found.version()),
                })
            }
        }
    }

    /// Decides until the decision is durable, or there is nothing to write. `plan` may read, and is asked anew when
    /// somebody was faster. What it has promised is not to be told before this returns.
    ///
    /// It is a closure that gives a future, and no async one, and it owns what it is given: only then does the compiler see
    /// that a server can spawn it.
    pub(super) async fn decide<T, F>(
        &self,
        slot: &Slot,
        now: SystemTime,
        mut plan: impl FnMut(Loaded) -> F,
    ) -> Result<Done<T>, Error>
    where
        F: Future<Output = Result<Planned<T>, Error>>,
    {
        for _ in 0..TRIES {
            let mut loaded = self.load(slot, now).await?;
            if loaded.version.is_none() {
                // Somewhere: what was begun with an account of this name that is gone is not of this one.
                loaded.state = State::begin(random()?);
            }
            let planned = plan(loaded.clone()).await?;
            let Planned { step, with, value } = planned;
            if step.state == loaded.state && with.is_none() {
                return Ok(Done { step, value });
            }
            let commit = self.commit(slot, &loaded, &step, with.unwrap_or_default(), now)?;
            match self.store.commit(commit, now).await? {
                Outcome::Committed(_) => return Ok(Done { step, value }),
                Outcome::Conflict(_) => {}
                // Had it been counted, trying again would call a right code a replay.
                Outcome::Unknown => return Err(Error::InDoubt),
            }
        }
        Err(Error::Contended)
    }

    /// The next state where the one that was read is expected, with what the user is to be told.
    fn commit(
        &self,
        slot: &Slot,
        before: &Loaded,
        step: &Step,
        with: Commit,
        now: SystemTime,
    ) -> Result<Commit, Error> {
        let (key, expect) = (slot.state()?, before.expect());
        let Some(user) = slot.user() else {
            let expires = now.checked_add(NOBODY).unwrap_or(now);
            return Ok(with.put_until(&key, step.state.to_octets(), expect, expires));
        };
        let mut commit = match step.state == before.state {
            true => with.guard(&key, expect),
            false => with.put(&key, step.state.to_octets(), expect),
        };
        for event in &step.events {
            commit = events::put(commit, user, *event, now)?;
        }
        Ok(commit)
    }
}
