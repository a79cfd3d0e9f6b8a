//! Recovery codes: counted, looked at by one run of Argon2, and gone with their use.

use std::time::SystemTime;

use record_store::{Commit, Expect, Records};

use super::keys::{self, RECOVERY, Slot};
use super::{Method, Passed, Second, TwoFactor, devices::Standing, engine::Planned};
use crate::decision::{Attempt, Change, Verdict};
use crate::{
    Client, Error, Offload, Pending, RECOVERY_CODES, RecoveryCode, RecoveryCodes, Refusal, UserId,
};

impl<R: Records, O: Offload> TwoFactor<R, O> {
    /// Takes a recovery code as somebody typed it, in place of a second factor. The try is counted where every node sees it
    /// before Argon2 runs, once, also where there is no such code; a throttled one runs none, and what no code looks like runs
    /// none. A code that was used is gone.
    ///
    /// # Errors
    /// [`Error`]; after [`Error::InDoubt`] the code may be used up. [`Error::Busy`] if Argon2 was not run, which does not count.
    pub async fn recovery_code(
        &self,
        pending: &Pending,
        client: &Client<'_>,
        typed: &str,
        now: SystemTime,
    ) -> Result<Second, Error> {
        if !pending.is_open(now) {
            return Ok(Second::Refused(Refusal::Stale));
        }
        let user = pending.user();
        let slot = &Slot::User(user.clone());
        let standing = self.standing(slot, client, now).await?;
        let reserved = self
            .reserve_recovery(slot, pending, client, standing, now)
            .await?;
        let round = match reserved {
            Ok(round) => round,
            Err(why) => return Ok(Second::Refused(why)),
        };
        let Some(code) = RecoveryCode::parse(typed) else {
            return Ok(Second::Refused(Refusal::Wrong));
        };
        let selector = u64::from(code.selector());
        let key = &keys::of(RECOVERY, user.as_str(), selector)?;
        let found = self.store.get(key, now).await?;
        let hash = match &found {
            Some(found) => {
                let what = "a recovery code";
                let hash = str::from_utf8(found.value()?).map_err(|_| Error::Damaged { what })?;
                Some(hash.to_owned())
            }
            None => None,
        };
        let cost = self.cost;
        let looked = self.offload.run(move || match hash {
            Some(hash) => code.check(&hash),
            None => code.check_nothing(cost).map(|()| false),
        });
        let right = match looked.await {
            Some(Ok(right)) => right,
            Some(Err(why @ Error::Damaged { .. })) => return Err(why),
            None | Some(Err(_)) => {
                let attempt = Attempt::GiveBackRecovery { round };
                self.give_back(slot, client, attempt, now).await?;
                return Err(Error::Busy);
            }
        };
        match found.filter(|_| right) {
            None => Ok(Second::Refused(Refusal::Wrong)),
            Some(found) => {
                let expect = found.version();
                self.settle_recovery(pending, client, standing, (key, expect), now)
                    .await
            }
        }
    }

    async fn reserve_recovery(
        &self,
        slot: &Slot,
        pending: &Pending,
        client: &Client<'_>,
        standing: Standing,
        now: SystemTime,
    ) -> Result<Result<u32, Refusal>, Error> {
        let generation = pending.generation();
        let done = self
            .decide(slot, now, |loaded| async move {
                let failures = self.failures(client, now).await?;
                if standing == Standing::Stranger
                    && let Some(refusal) = self.capped(&failures)
                {
                    return Ok(Planned::of(loaded.state.refuse(refusal), ()));
                }
                let attempt = Attempt::ReserveRecovery { generation };
                let step = loaded.state.step(attempt, &self.throttle, now);
                let counts = matches!(step.verdict, Verdict::Look(_));
                let planned = Planned::of(step, ());
                Ok(match counts {
                    true => planned.and(failures.one_more(Commit::new())),
                    false => planned,
                })
            })
            .await?;
        Ok(match done.step.verdict {
            Verdict::Look(_) => Ok(done.step.state.round()),
            Verdict::Refused(why) => Err(why),
            Verdict::Second | Verdict::Pass | Verdict::Changed => Err(Refusal::Wrong),
        })
    }

    /// A code that was right: it goes in the commit that lets somebody in.
    async fn settle_recovery(
        &self,
        pending: &Pending,
        client: &Client<'_>,
        standing: Standing,
        (key, version): (&record_store::Key, record_store::Version),
        now: SystemTime,
    ) -> Result<Second, Error> {
        let user = pending.user();
        let slot = Slot::User(user.clone());
        let generation = pending.generation();
        let done = self
            .decide(&slot, now, |loaded| async move {
                // Somebody else has used it in this moment.
                let stored = self.store.get(key, now).await?;
                if stored.is_none_or(|stored| stored.version() != version) {
                    return Ok(Planned::of(loaded.state.refuse(Refusal::Replayed), None));
                }
                let attempt = Attempt::RightRecovery { generation };
                let step = loaded.state.step(attempt, &self.throttle, now);
                if step.verdict != Verdict::Pass {
                    return Ok(Planned::of(step, None));
                }
                let failures = self.failures(client, now).await?;
                let mut commit = failures.one_less(Commit::new());
                commit = commit.delete(key, Expect::Version(version));
                let mut device = None;
                if client.is_web() && standing == Standing::Stranger {
                    (commit, device) = self.greet(user, commit, now).await?;
                }
                Ok(Planned::of(step, device).and(commit))
            })
            .await?;
        let (state, device) = (done.step.state, done.value);
        Ok(match done.step.verdict {
            Verdict::Pass => Second::Passed(Passed {
                user: user.clone(),
                method: Method::Recovery,
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

    /// Ten new codes; those from before are gone.
    ///
    /// # Errors
    /// [`Error::NoSuch`] without a second factor that they could stand in for, and all others.
    pub async fn renew_recovery(
        &self,
        user: &UserId,
        now: SystemTime,
    ) -> Result<RecoveryCodes, Error> {
        let slot = &Slot::User(user.clone());
        let none = || Error::NoSuch {
            what: "second factor",
        };
        if !self.load(slot, now).await?.state.methods().is_enrolled() {
            return Err(none());
        }
        let codes = self.codes().await?;
        let made = &codes;
        let left = u8::try_from(RECOVERY_CODES).unwrap_or(u8::MAX);
        self.decide(slot, now, |loaded| async move {
            if !loaded.state.methods().is_enrolled() {
                return Err(none());
            }
            let attempt = Attempt::Change(Change::Recovery(left));
            let step = loaded.state.step(attempt, &self.throttle, now);
            let commit = self.replace(user, made, Commit::new(), now).await?;
            Ok(Planned::of(step, ()).and(commit))
        })
        .await?;
        Ok(codes.shown())
    }
}
