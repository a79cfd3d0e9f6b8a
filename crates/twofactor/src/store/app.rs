//! App passwords, and the logins of mail programs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::{Commit, Expect, Records};

use super::keys::{self, Slot};
use super::{Checked, First, Method, Passed, TwoFactor, engine::Planned};
use crate::decision::{Attempt, Change, millis};
use crate::octets::{Reader, Writer};
use crate::{AppId, AppPassword, Client, Error, Kind, Refusal, Scope, Scopes, Subject, UserId};

pub(super) const APPS: &str = "2fa-app";
pub(super) const USED: &str = "2fa-used";
/// Most app passwords of a user.
pub const MAX_APP_PASSWORDS: usize = 32;

/// Most octets of a name.
const MAX_NAME: usize = 64;
const FORMAT: u8 = 1;
/// When a last use is forgotten.
const USED_FOR: Duration = Duration::from_secs(400 * DAY);
const DAY: u64 = 24 * 60 * 60;

/// An app password that is asked for.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs)] // what it is called and what it is for
pub struct NewAppPassword<'a> {
    /// What the user calls it: 1 to 64 octets.
    pub name: &'a str,
    /// What it may be used for.
    pub scopes: Scopes,
}

/// An app password, as the user sees it in a list.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppPasswordView {
    /// Which.
    pub id: AppId,
    /// What the user calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it was made.
    pub made: SystemTime,
    /// When it was last used, to the day.
    pub used: Option<SystemTime>,
}

/// What became of the login of a mail program.
#[allow(clippy::exhaustive_enums)] // yes or no
#[derive(Debug)]
#[must_use = "it may be refused"]
pub enum ProtocolLogin {
    /// In.
    Passed(Passed),
    /// No.
    Refused(Refusal),
}

/// An app password as it is stored: the octet 1, SHA-256, the scopes, when it was made, its name.
struct Stored {
    digest: [u8; 32],
    scopes: Scopes,
    made: SystemTime,
    name: String,
}

fn read(octets: &[u8]) -> Result<Stored, Error> {
    let read = || {
        let mut from = Reader::new(octets);
        (from.u8()? == FORMAT).then_some(())?;
        let stored = Stored {
            digest: from.array()?,
            scopes: Scopes::from_octet(from.u8()?)?,
            made: UNIX_EPOCH.checked_add(Duration::from_millis(from.u64()?))?,
            name: str::from_utf8(from.octets()?).ok()?.to_owned(),
        };
        from.end().map(|()| stored)
    };
    read().ok_or(Error::Damaged {
        what: "an app password",
    })
}

/// An app password and its record.
pub(super) fn made(
    new: NewAppPassword<'_>,
    now: SystemTime,
) -> Result<(AppPassword, Vec<u8>), Error> {
    let NewAppPassword { name, scopes } = new;
    if !(1..=MAX_NAME).contains(&name.len()) || name.contains(char::is_control) {
        return Err(Error::Name { most: MAX_NAME });
    }
    let app = AppPassword::generate()?;
    let record = Writer::default()
        .u8(FORMAT)
        .array(&app.digest())
        .u8(scopes.to_octet())
        .u64(millis(now))
        .octets(name.as_bytes())
        .finish();
    Ok((app, record))
}

pub(super) fn too_many() -> Error {
    Error::TooMany {
        what: "app passwords",
        most: MAX_APP_PASSWORDS,
    }
}

/// What an app password was looked at and found to be.
enum Found {
    Right(AppId),
    OtherScope,
    Wrong,
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// Makes an app password for a user that is logged in, by all the factors that there are.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::TooMany`] above [`MAX_APP_PASSWORDS`], and all others.
    pub async fn app_password(
        &self,
        user: &UserId,
        new: NewAppPassword<'_>,
        now: SystemTime,
    ) -> Result<AppPassword, Error> {
        let slot = Slot::User(user.clone());
        let done = self
            .decide(&slot, now, |loaded| async move {
                let (app, record) = made(new, now)?;
                if self.app_passwords(user, now).await?.len() >= MAX_APP_PASSWORDS {
                    return Err(too_many());
                }
                let key = keys::of(APPS, user.as_str(), u64::from(app.id().number()))?;
                let attempt = Attempt::Change(Change::Add(Kind::AppPassword));
                let step = loaded.state.step(attempt, &self.throttle, now);
                Ok(Planned::of(step, app).and(Commit::new().put(&key, record, Expect::Absent)))
            })
            .await?;
        Ok(done.value)
    }

    /// The user's app passwords, oldest first: at most [`MAX_APP_PASSWORDS`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn app_passwords(
        &self,
        user: &UserId,
        now: SystemTime,
    ) -> Result<Vec<AppPasswordView>, Error> {
        let prefix = keys::all(APPS, Some(user))?;
        let page = self.store.scan(&prefix, None, MAX_APP_PASSWORDS, now);
        let mut list = Vec::new();
        for (key, found) in page.await?.entries {
            let what = "an app password";
            let number = key.parts().nth(1).and_then(|part| part.number());
            let id = number.and_then(AppId::from_number);
            let id = id.ok_or(Error::Damaged { what })?;
            let stored = read(found.value()?)?;
            list.push(AppPasswordView {
                id,
                name: stored.name,
                scopes: stored.scopes,
                made: stored.made,
                used: self.used(user, id, now).await?,
            });
        }
        list.sort_by_key(|app| (app.made, app.id));
        Ok(list)
    }

    /// From now on it opens nothing.
    ///
    /// # Errors
    /// [`Error::NoSuch`], and all others.
    pub async fn revoke_app_password(
        &self,
        user: &UserId,
        id: AppId,
        now: SystemTime,
    ) -> Result<(), Error> {
        let slot = Slot::User(user.clone());
        let key = &keys::of(APPS, user.as_str(), u64::from(id.number()))?;
        let used = &keys::of(USED, user.as_str(), u64::from(id.number()))?;
        self.decide(&slot, now, |loaded| async move {
            let found = self.store.get(key, now).await?;
            let found = found.ok_or(Error::NoSuch {
                what: "app password",
            })?;
            let attempt = Attempt::Change(Change::Remove(Kind::AppPassword));
            let step = loaded.state.step(attempt, &self.throttle, now);
            let commit = Commit::new().delete(key, Expect::Version(found.version()));
            Ok(Planned::of(step, ()).and(commit.delete(used, Expect::Anything)))
        })
        .await
        .map(drop)
    }

    /// The login of a mail program, by whatever it has sent as a password.
    ///
    /// With a second factor, app passwords alone are taken: anything else is refused without being looked at, and counts for
    /// the network only, as does a wrong app password, which nobody guesses. Without one, an app password is taken, too, and
    /// everything else goes to [`first_factor`](Self::first_factor), into the one budget that the web site shares. A right app
    /// password passes whatever the network has failed with; no commit is made for it, but the day of its last use once a day.
    ///
    /// # Errors
    /// As of [`first_factor`](Self::first_factor).
    pub async fn protocol_login(
        &self,
        subject: &Subject<'_>,
        client: &Client<'_>,
        scope: Scope,
        text: &str,
        now: SystemTime,
        verify: impl AsyncFnOnce() -> Checked,
    ) -> Result<ProtocolLogin, Error> {
        let slot = Slot::of(subject, &self.keyring);
        let loaded = self.load(&slot, now).await?;
        let methods = loaded.state.methods();
        let found = self.look(&slot, scope, text, now).await?;
        let refusal = match (found, slot.user()) {
            (Some(Found::Right(id)), Some(user)) => {
                self.note_use(user, id, now).await;
                return Ok(ProtocolLogin::Passed(Passed {
                    user: user.clone(),
                    method: Method::AppPassword,
                    recovery_left: methods.recovery_codes,
                    device: None,
                    generation: loaded.state.generation(),
                }));
            }
            (Some(Found::OtherScope), Some(_)) => {
                return Ok(ProtocolLogin::Refused(Refusal::Scope));
            }
            (Some(_), Some(_)) if methods.is_enrolled() => Refusal::Wrong,
            (None, Some(_)) if methods.is_enrolled() => Refusal::AppPasswordWanted,
            _ => {
                let first = self.first_factor(subject, client, now, verify).await?;
                return Ok(match first {
                    First::Passed(passed) => ProtocolLogin::Passed(passed),
                    // Enrolled in this moment.
                    First::Second(..) => ProtocolLogin::Refused(Refusal::AppPasswordWanted),
                    First::Refused(why) => ProtocolLogin::Refused(why),
                });
            }
        };
        let failures = self.failures(client, now).await?;
        if let Some(capped) = self.capped(&failures) {
            return Ok(ProtocolLogin::Refused(capped));
        }
        self.count_network(client, now).await?;
        Ok(ProtocolLogin::Refused(refusal))
    }

    /// What an app password is. `None` if it is not shaped like one. For a name that nobody has, the same is read.
    async fn look(
        &self,
        slot: &Slot,
        scope: Scope,
        text: &str,
        now: SystemTime,
    ) -> Result<Option<Found>, Error> {
        let Some(app) = AppPassword::parse(text) else {
            return Ok(None);
        };
        let key = keys::of(APPS, slot.name(), u64::from(app.id().number()))?;
        let stored = match self.store.get(&key, now).await? {
            Some(found) => Some(read(found.value()?)?),
            None => None,
        };
        let digest = stored.as_ref().map_or([0; 32], |stored| stored.digest);
        let right = app.is(&digest);
        Ok(Some(match stored.filter(|_| right) {
            None => Found::Wrong,
            Some(stored) if !stored.scopes.contains(scope) => Found::OtherScope,
            Some(_) => Found::Right(app.id()),
        }))
    }

    /// The day of the last use. A login does not fail because of it: where the store cannot write now, the day is not noted.
    async fn note_use(&self, user: &UserId, id: AppId, now: SystemTime) {
        let note = async {
            let key = keys::of(USED, user.as_str(), u64::from(id.number()))?;
            let found = self.store.get(&key, now).await?;
            let (expect, before) = match &found {
                None => (Expect::Absent, None),
                Some(found) => (Expect::Version(found.version()), day_of(found.value()?)),
            };
            let today = millis(now) / (DAY * 1000);
            if before.is_none_or(|before| before < today) {
                let until = now.checked_add(USED_FOR).unwrap_or(now);
                let commit = Commit::new().put_until(&key, today.to_be_bytes(), expect, until);
                // Whoever else notes it notes the same day.
                let _ = self.store.commit(commit, now).await?;
            }
            Ok::<(), Error>(())
        };
        let _ = note.await;
    }

    async fn used(
        &self,
        user: &UserId,
        id: AppId,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, Error> {
        let key = keys::of(USED, user.as_str(), u64::from(id.number()))?;
        let Some(found) = self.store.get(&key, now).await? else {
            return Ok(None);
        };
        let day = day_of(found.value()?);
        Ok(day.and_then(|day| UNIX_EPOCH.checked_add(Duration::from_secs(day.checked_mul(DAY)?))))
    }
}

fn day_of(octets: &[u8]) -> Option<u64> {
    octets.try_into().ok().map(u64::from_be_bytes)
}
