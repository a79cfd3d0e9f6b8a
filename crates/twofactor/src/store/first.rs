//! The first factor: a password, which the caller looks at.

use std::time::SystemTime;

use record_store::{Commit, Records};

use super::keys::{self, Slot};
use super::{TwoFactor, devices::Standing, engine::Planned};
use crate::decision::{Attempt, Methods, Origin, Share, Verdict};
use crate::{Client, DeviceToken, Error, Pending, Refusal, Subject, UserId};

/// What the caller found when it looked at a password.
#[allow(clippy::exhaustive_enums)] // a caller says one of these
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is the user's.
    Right,
    /// It is not, or there is no such user.
    Wrong,
    /// It was not looked at, as something was busy or broken: the try does not count.
    NotLookedAt,
}

/// What became of the first factor.
#[allow(clippy::exhaustive_enums)] // a caller must handle all
#[derive(Debug)]
#[must_use = "it may be refused"]
pub enum First {
    /// Nothing else is asked for.
    Passed(Passed),
    /// The password passed; now one of these.
    Second(Pending, Methods),
    /// No.
    Refused(Refusal),
}

/// How somebody got in.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The password, and no second factor is enrolled.
    Password,
    /// The password, on a device that was to be remembered.
    RememberedDevice,
    /// The password and a code.
    Otp,
    /// The password and a recovery code.
    Recovery,
    /// The password and a passkey.
    Passkey,
    /// An app password.
    AppPassword,
}

/// Somebody is in. Only this crate makes it.
#[non_exhaustive]
#[derive(Debug)]
pub struct Passed {
    /// Who.
    pub user: UserId,
    /// How.
    pub method: Method,
    /// Recovery codes that are left.
    pub recovery_left: u8,
    /// A token for a device that had none: it makes the device a known one, and skips no factor.
    pub device: Option<DeviceToken>,
    pub(super) generation: u64,
}

/// A try that was counted before it is looked at.
struct Reserved {
    share: Share,
    generation: u64,
    round: u32,
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// Counts a try, has the password looked at, and says what that means.
    ///
    /// `verify` is asked at most once, and never before the try is counted where every node sees it; a throttled try
    /// does not ask it. For a name that nobody has it must cost the same (hash against a decoy) and say
    /// [`Checked::Wrong`]. What is known is compared in constant time here; `verify` is the caller's.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Busy`] if `verify` said [`Checked::NotLookedAt`].
    pub async fn first_factor(
        &self,
        subject: &Subject<'_>,
        client: &Client<'_>,
        now: SystemTime,
        verify: impl AsyncFnOnce() -> Checked,
    ) -> Result<First, Error> {
        let slot = Slot::of(subject, &self.keyring);
        let standing = self.standing(&slot, client, now).await?;
        let origin = Origin {
            device: standing != Standing::Stranger,
            network: match client.is_web() {
                true => None,
                false => Some(keys::tag(client.network(), &self.keyring)),
            },
        };
        let reserved = self.reserve(&slot, client, origin, now).await?;
        let Reserved {
            share,
            generation,
            round,
        } = match reserved {
            Ok(reserved) => reserved,
            Err(refused) => return Ok(First::Refused(refused)),
        };
        match (verify().await, slot.user()) {
            (Checked::Right, Some(user)) => {
                // Again, as it may have been revoked before the try was counted; what is revoked after it makes it stale.
                let standing = self.standing(&slot, client, now).await?;
                let attempt = Attempt::Right {
                    generation,
                    share,
                    origin,
                    remembered: standing == Standing::Remembered,
                };
                self.settle(user, client, attempt, standing, now).await
            }
            (Checked::NotLookedAt, _) => {
                self.give_back(&slot, client, Attempt::GiveBack { share, round }, now)
                    .await?;
                Err(Error::Busy)
            }
            _ => Ok(First::Refused(Refusal::Wrong)),
        }
    }

    async fn reserve(
        &self,
        slot: &Slot,
        client: &Client<'_>,
        origin: Origin,
        now: SystemTime,
    ) -> Result<Result<Reserved, Refusal>, Error> {
        let done = self
            .decide(slot, now, |loaded| async move {
                let failures = self.failures(client, now).await?;
                let step = loaded
                    .state
                    .step(Attempt::Reserve(origin), &self.throttle, now);
                // Who is known does not pay for the neighbours.
                let capped = match step.verdict {
                    Verdict::Look(Share::Strangers) => self.capped(&failures),
                    _ => None,
                };
                if let Some(refusal) = capped {
                    return Ok(Planned::of(loaded.state.refuse(refusal), ()));
                }
                let counts = matches!(step.verdict, Verdict::Look(_));
                let planned = Planned::of(step, ());
                Ok(match counts {
                    true => planned.and(failures.one_more(Commit::new())),
                    false => planned,
                })
            })
            .await?;
        let state = done.step.state;
        Ok(match done.step.verdict {
            Verdict::Look(share) => Ok(Reserved {
                share,
                generation: state.generation(),
                round: state.round(),
            }),
            Verdict::Refused(why) => Err(why),
            Verdict::Second | Verdict::Pass | Verdict::Changed => Err(Refusal::Wrong),
        })
    }

    /// A password that was right.
    async fn settle(
        &self,
        user: &UserId,
        client: &Client<'_>,
        attempt: Attempt<'_>,
        standing: Standing,
        now: SystemTime,
    ) -> Result<First, Error> {
        let slot = Slot::User(user.clone());
        let done = self
            .decide(&slot, now, |loaded| async move {
                let failures = self.failures(client, now).await?;
                let step = loaded.state.step(attempt, &self.throttle, now);
                let mut commit = failures.one_less(Commit::new());
                let mut device = None;
                if step.verdict == Verdict::Pass
                    && client.is_web()
                    && standing == Standing::Stranger
                {
                    (commit, device) = self.greet(user, commit, now).await?;
                }
                Ok(Planned::of(step, device).and(commit))
            })
            .await?;
        let (state, device) = (done.step.state, done.value);
        Ok(match done.step.verdict {
            Verdict::Pass => First::Passed(Passed {
                user: user.clone(),
                method: match state.methods().is_enrolled() {
                    true => Method::RememberedDevice,
                    false => Method::Password,
                },
                recovery_left: state.methods().recovery_codes,
                device,
                generation: state.generation(),
            }),
            Verdict::Second => First::Second(
                Pending::new(user.clone(), state.generation(), now),
                state.methods(),
            ),
            Verdict::Refused(why) => First::Refused(why),
            Verdict::Look(_) | Verdict::Changed => First::Refused(Refusal::Wrong),
        })
    }

    /// What was counted was not looked at.
    pub(super) async fn give_back(
        &self,
        slot: &Slot,
        client: &Client<'_>,
        attempt: Attempt<'_>,
        now: SystemTime,
    ) -> Result<(), Error> {
        self.decide(slot, now, |loaded| async move {
            let failures = self.failures(client, now).await?;
            let step = loaded.state.step(attempt, &self.throttle, now);
            Ok(Planned::of(step, ()).and(failures.one_less(Commit::new())))
        })
        .await
        .map(drop)
    }
}
