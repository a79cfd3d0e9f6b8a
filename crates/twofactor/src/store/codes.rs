//! The second factor by a code from an app or token: one commit, before which nothing is said.

use std::time::SystemTime;

use record_store::{Commit, Records};

use super::keys::{self, Slot};
use super::{Method, Passed, TwoFactor, devices::Standing, engine::Planned};
use crate::decision::{Attempt, FactorId, Found, Progress, State, Step, Verdict};
use crate::otp::{Code, Otp};
use crate::{Client, Error, Pending, Refusal};

/// What became of a second factor.
#[allow(clippy::exhaustive_enums)] // yes or no
#[derive(Debug)]
#[must_use = "it may be refused"]
pub enum Second {
    /// In.
    Passed(Passed),
    /// No.
    Refused(Refusal),
}

/// A second factor that was looked at, and what else its commit writes.
pub(super) struct Tried {
    step: Step,
    with: Option<Commit>,
}

impl Tried {
    pub(super) fn of(step: Step) -> Self {
        Self { step, with: None }
    }

    #[cfg(feature = "passkey")]
    pub(super) fn and(self, with: Commit) -> Self {
        let with = Some(with);
        Self { with, ..self }
    }
}

/// Counters after the next one that are looked at: codes that were made and not used.
const LOOK_AHEAD: u8 = 10;
/// How far a token that counts is looked for when two of its codes are given (RFC 4226 §7.4).
const RESYNC: u16 = 100;

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// Takes a code as somebody typed it, for any of the user's apps and tokens. Every code opens once, whatever happens
    /// at the same time on however many nodes; a right one that is not of the window burns itself alone, and says by how
    /// much the clock of the device is off. All comparisons of codes are constant in time.
    ///
    /// # Errors
    /// [`Error`]. After [`Error::InDoubt`] the code may be used up: the next one is to be tried.
    pub async fn code(
        &self,
        pending: &Pending,
        client: &Client<'_>,
        typed: &str,
        now: SystemTime,
    ) -> Result<Second, Error> {
        let code = &Code::parse(typed).ok();
        self.second(pending, client, Method::Otp, now, |state| async move {
            let found = self.search(pending, &state, code.as_ref(), now).await?;
            let attempt = Attempt::Code {
                generation: pending.generation(),
                found: &found,
            };
            Ok(Tried::of(state.step(attempt, &self.throttle, now)))
        })
        .await
    }

    /// Two codes in a row from a token that counts, whose counter has run away (RFC 4226 §7.4).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn resync(
        &self,
        pending: &Pending,
        client: &Client<'_>,
        factor: FactorId,
        (first, second): (&str, &str),
        now: SystemTime,
    ) -> Result<Second, Error> {
        let codes = &Code::parse(first).ok().zip(Code::parse(second).ok());
        self.second(pending, client, Method::Otp, now, |state| async move {
            let of = state.otps().iter().find(|otp| otp.id() == factor);
            let counter = match (of.map(|otp| otp.progress()), codes) {
                (Some(Progress::Counter { next }), Some((first, second))) => self
                    .seed(pending, factor, now)
                    .await?
                    .and_then(|otp| otp.resync(first, second, next, RESYNC)),
                _ => None,
            };
            let attempt = Attempt::Resync {
                generation: pending.generation(),
                factor,
                counter,
            };
            Ok(Tried::of(state.step(attempt, &self.throttle, now)))
        })
        .await
    }

    /// What a code is right for. Without one it is right for nothing, and the try counts.
    async fn search(
        &self,
        pending: &Pending,
        state: &State,
        code: Option<&Code>,
        now: SystemTime,
    ) -> Result<Vec<Found>, Error> {
        let mut found = Vec::new();
        for of in state.otps() {
            let Some(otp) = self.seed(pending, of.id(), now).await? else {
                continue;
            };
            let mut facts = Found {
                factor: of.id(),
                now: otp.step_at(now),
                within: Vec::new(),
                outside: None,
            };
            if let Some(code) = code {
                let matches = match of.progress() {
                    Progress::Time(_) => otp.find_at(code, now, self.window),
                    Progress::Counter { next } => otp.find_from(code, next, LOOK_AHEAD),
                };
                facts.within = matches.in_window;
                facts.outside = matches.outside.map(|outside| (outside.step, outside.drift));
            }
            found.push(facts);
        }
        Ok(found)
    }

    async fn seed(
        &self,
        pending: &Pending,
        factor: FactorId,
        now: SystemTime,
    ) -> Result<Option<Otp>, Error> {
        let user = pending.user();
        let key = keys::of("2fa-otp", user.as_str(), u64::from(factor.number()))?;
        let Some(found) = self.store.get(&key, now).await? else {
            return Ok(None);
        };
        self.open_seed(user, factor, found.value()?).map(Some)
    }

    /// A second factor that is decided by one step.
    pub(super) async fn second<F>(
        &self,
        pending: &Pending,
        client: &Client<'_>,
        method: Method,
        now: SystemTime,
        step: impl Fn(State) -> F,
    ) -> Result<Second, Error>
    where
        F: Future<Output = Result<Tried, Error>>,
    {
        if !pending.is_open(now) {
            return Ok(Second::Refused(Refusal::Stale));
        }
        let user = pending.user();
        let slot = Slot::User(user.clone());
        let standing = self.standing(&slot, client, now).await?;
        let step = &step;
        let done = self
            .decide(&slot, now, |loaded| async move {
                let failures = self.failures(client, now).await?;
                if standing == Standing::Stranger
                    && let Some(refusal) = self.capped(&failures)
                {
                    return Ok(Planned::of(loaded.state.refuse(refusal), None));
                }
                let Tried { step, with } = step(loaded.state).await?;
                Ok(match step.verdict {
                    Verdict::Pass => {
                        let with = with.unwrap_or_default();
                        let (commit, device) =
                            match client.is_web() && standing == Standing::Stranger {
                                true => self.greet(user, with, now).await?,
                                false => (with, None),
                            };
                        Planned::of(step, device).and(commit)
                    }
                    Verdict::Refused(Refusal::Wrong | Refusal::Drifted { .. }) => {
                        let with = with.unwrap_or_default();
                        Planned::of(step, None).and(failures.one_more(with))
                    }
                    _ => Planned {
                        step,
                        with,
                        value: None,
                    },
                })
            })
            .await?;
        let (state, device) = (done.step.state, done.value);
        Ok(match done.step.verdict {
            Verdict::Pass => Second::Passed(Passed {
                user: user.clone(),
                method,
                recovery_left: state.methods().recovery_codes,
                device,
                generation: state.generation(),
            }),
            Verdict::Refused(why) => Second::Refused(why),
            Verdict::Look(_) | Verdict::Second | Verdict::Changed => {
                Second::Refused(Refusal::Wrong)
            }
        })
    }
}
