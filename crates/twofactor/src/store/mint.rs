//! What comes with the first second factor, in the same commit: recovery codes, and the first app password, without which
//! mail programs would be shut out from one moment to the next.

use std::time::SystemTime;

use record_store::{Commit, Expect, Records};

use super::TwoFactor;
use super::app;
pub(super) use super::app::NewAppPassword;
use super::engine::{Loaded, Planned};
use super::keys::{self, Slot};
use crate::decision::{Attempt, Change, Step};
use crate::{
    AppPassword, Error, Kind, Offload, RECOVERY_CODES, RecoveryCode, RecoveryCodes, UserId,
};

/// Most records of a kind.
const MOST: usize = 32;

/// Codes that were made and hashed, and are nobody's before the commit.
pub(super) struct Codes {
    codes: RecoveryCodes,
    hashes: Vec<(u32, String)>,
}

/// What was made, and is nobody's before the commit.
pub(super) struct Minted {
    codes: Codes,
    app: Option<(AppPassword, Vec<u8>)>,
}

/// A factor that is on, and whether it was the first.
pub(super) struct On<T> {
    factor: T,
    first: bool,
}

/// What is shown once.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) recovery: Option<RecoveryCodes>,
    pub(super) app_password: Option<AppPassword>,
}

impl<R: Records, O: Offload> TwoFactor<R, O> {
    /// Makes them, if this is the first second factor: ten runs of Argon2, before the commit, which they would only delay. To be
    /// called for proof that is right, so that nothing else makes Argon2 run.
    pub(super) async fn mint(
        &self,
        user: &UserId,
        first: Option<NewAppPassword<'_>>,
        now: SystemTime,
    ) -> Result<Option<Minted>, Error> {
        let loaded = self.load(&Slot::User(user.clone()), now).await?;
        if loaded.state.methods().is_enrolled() {
            return Ok(None);
        }
        let app = first.map(|first| app::made(first, now)).transpose()?;
        let codes = self.codes().await?;
        Ok(Some(Minted { codes, app }))
    }

    pub(super) async fn codes(&self) -> Result<Codes, Error> {
        let cost = self.cost;
        let hashed = self.offload.run(move || {
            let codes = RecoveryCodes::generate()?;
            let hash = |code: &RecoveryCode| Ok((code.selector(), code.hash(cost)?));
            let hashes = codes.iter().map(hash).collect::<Result<Vec<_>, Error>>()?;
            Ok(Codes { codes, hashes })
        });
        hashed.await.ok_or(Error::Busy)?
    }
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// A factor that was proven: its step and its commit, with what was minted, if it is the first.
    pub(super) async fn turn_on<T>(
        &self,
        user: &UserId,
        (loaded, minted): (&Loaded, Option<&Minted>),
        (step, commit): (Step, Commit),
        factor: T,
        now: SystemTime,
    ) -> Result<Planned<Option<On<T>>>, Error> {
        let first = !loaded.state.methods().is_enrolled();
        let (step, commit) = match (first, minted) {
            (false, _) => (step, commit),
            (true, Some(minted)) => self.give(user, minted, (step, commit), now).await?,
            // The last factor was removed in this moment, or the proof was right only now.
            (true, None) => return Err(Error::Contended),
        };
        Ok(Planned::of(step, Some(On { factor, first })).and(commit))
    }

    /// Adds them to the step and the commit that bring the first second factor. What was there before is replaced: codes that
    /// somebody printed for factors that are gone, and devices that were remembered instead of those.
    async fn give(
        &self,
        user: &UserId,
        minted: &Minted,
        (step, commit): (Step, Commit),
        now: SystemTime,
    ) -> Result<(Step, Commit), Error> {
        let commit = self.forget_remembered(user, commit, now).await?;
        let mut commit = self.replace(user, &minted.codes, commit, now).await?;
        let left = u8::try_from(RECOVERY_CODES).unwrap_or(u8::MAX);
        let mut step = self.after(step, Change::Recovery(left), now);
        if let Some((app, record)) = &minted.app {
            if self.app_passwords(user, now).await?.len() >= app::MAX_APP_PASSWORDS {
                return Err(app::too_many());
            }
            let key = keys::of(app::APPS, user.as_str(), u64::from(app.id().number()))?;
            commit = commit.put(&key, record.as_slice(), Expect::Absent);
            step = self.after(step, Change::Add(Kind::AppPassword), now);
        }
        Ok((step, commit))
    }

    /// These codes, and no others.
    pub(super) async fn replace(
        &self,
        user: &UserId,
        codes: &Codes,
        mut commit: Commit,
        now: SystemTime,
    ) -> Result<Commit, Error> {
        let mut made = Vec::new();
        for (selector, hash) in &codes.hashes {
            let key = keys::of(keys::RECOVERY, user.as_str(), u64::from(*selector))?;
            commit = commit.put(&key, hash.as_bytes(), Expect::Anything);
            made.push(key);
        }
        let prefix = keys::all(keys::RECOVERY, Some(user))?;
        for (key, _) in self.store.scan(&prefix, None, MOST, now).await?.entries {
            if !made.contains(&key) {
                commit = commit.delete(&key, Expect::Anything);
            }
        }
        Ok(commit)
    }

    /// Recovery codes stand in for other factors: with the last of those they go, in the same commit.
    pub(super) async fn without_last(
        &self,
        user: &UserId,
        step: &Step,
        mut commit: Commit,
        now: SystemTime,
    ) -> Result<Commit, Error> {
        if step.state.methods().is_enrolled() {
            return Ok(commit);
        }
        let prefix = keys::all(keys::RECOVERY, Some(user))?;
        for (key, _) in self.store.scan(&prefix, None, MOST, now).await?.entries {
            commit = commit.delete(&key, Expect::Anything);
        }
        Ok(commit)
    }

    /// One more change in the same commit.
    pub(super) fn after(&self, before: Step, change: Change, now: SystemTime) -> Step {
        let attempt = Attempt::Change(change);
        let mut step = before.state.step(attempt, &self.throttle, now);
        step.events.splice(0..0, before.events);
        step
    }
}

impl Codes {
    /// Once the commit is durable.
    pub(super) fn shown(self) -> RecoveryCodes {
        self.codes
    }
}

impl<T> On<T> {
    /// Once the commit is durable: which factor, and what came with it.
    pub(super) fn shown(self, minted: Option<Minted>) -> (T, Shown) {
        let came = minted.filter(|_| self.first).map(|minted| Shown {
            recovery: Some(minted.codes.shown()),
            app_password: minted.app.map(|(app, _)| app),
        });
        (self.factor, came.unwrap_or_default())
    }
}
