//! Devices that have logged in before: known ones, and those that need no second factor.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use record_store::{Commit, Expect, Key, Records, Versioned};

use super::keys::{self, Slot};
use super::{Method, Passed, TwoFactor, engine::Planned, events};
use crate::decision::{Attempt, Change, Verdict, millis};
use crate::octets::{Reader, Writer};
use crate::{Client, DeviceId, DeviceToken, Error, Event, Kind, Refusal, UserId};

/// Most devices of a user.
pub const MAX_DEVICES: usize = 32;
/// How long a device may do without the second factor, at most.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

pub(super) const NAMESPACE: &str = "2fa-device";
const DAMAGED: Error = Error::Damaged { what: "a device" };
const FORMAT: u8 = 1;
/// How long a device is known after its first login.
pub(super) const KNOWN_FOR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What a device is to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Stranger,
    Known,
    Remembered,
}

/// A device, as the user sees it in a list.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceView {
    /// Which.
    pub id: DeviceId,
    /// When it logged in first; it is known for a year.
    pub made: SystemTime,
    /// Until when it needs no second factor.
    pub remembered: Option<SystemTime>,
}

/// Whether a device is remembered.
#[allow(clippy::exhaustive_enums)] // yes or no
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it may be refused"]
pub enum Remembered {
    /// It needs no second factor until then.
    Until(SystemTime),
    /// No.
    Refused(Refusal),
}

/// What is stored of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) digest: [u8; 32],
    pub(super) made: SystemTime,
    /// Until when it needs no second factor.
    pub(super) remembered: Option<SystemTime>,
    pub(super) name: String,
}

impl Device {
    fn is_remembered(&self, now: SystemTime) -> bool {
        self.remembered.is_some_and(|until| now < until)
    }

    pub(super) fn to_octets(&self) -> Vec<u8> {
        Writer::default()
            .u8(FORMAT)
            .array(&self.digest)
            .u64(millis(self.made))
            .u64(self.remembered.map_or(0, millis))
            .octets(self.name.as_bytes())
            .finish()
    }

    pub(super) fn from_octets(octets: &[u8]) -> Option<Self> {
        let mut from = Reader::new(octets);
        if from.u8()? != FORMAT {
            return None;
        }
        let at = |millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis));
        let device = Self {
            digest: from.array()?,
            made: at(from.u64()?)?,
            remembered: match from.u64()? {
                0 => None,
                millis => Some(at(millis)?),
            },
            name: str::from_utf8(from.octets()?).ok()?.to_owned(),
        };
        from.end()?;
        Some(device)
    }
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// What the device is that the client has shown a token of. For a name that nobody has, the same is read.
    pub(super) async fn standing(
        &self,
        slot: &Slot,
        client: &Client<'_>,
        now: SystemTime,
    ) -> Result<Standing, Error> {
        let Some(token) = client.device() else {
            return Ok(Standing::Stranger);
        };
        let key = keys::of(NAMESPACE, slot.name(), token.id().octets())?;
        let Some(found) = self.store.get(&key, now).await? else {
            return Ok(Standing::Stranger);
        };
        let device = Device::from_octets(found.value()?).ok_or(DAMAGED)?;
        Ok(match (token.is(&device.digest), device.remembered) {
            (false, _) => Standing::Stranger,
            (true, Some(until)) if now < until => Standing::Remembered,
            (true, _) => Standing::Known,
        })
    }

    /// Makes a device a known one, in a commit with what let it in, and has the user told. At [`MAX_DEVICES`] the one that has
    /// been known longest makes room; if all of them are remembered, this one stays unknown.
    pub(super) async fn greet(
        &self,
        user: &UserId,
        mut commit: Commit,
        now: SystemTime,
    ) -> Result<(Commit, Option<DeviceToken>), Error> {
        let have = self.stored_devices(user, now).await?;
        if have.len() >= MAX_DEVICES {
            let known = have
                .iter()
                .filter(|(_, _, device)| !device.is_remembered(now));
            let Some((key, _, _)) = known.min_by_key(|(_, _, device)| device.made) else {
                return Ok((events::put(commit, user, Event::NewDevice, now)?, None));
            };
            commit = commit.delete(key, Expect::Anything);
        }
        let token = DeviceToken::generate()?;
        let device = Device {
            digest: token.digest(),
            made: now,
            remembered: None,
            name: String::new(),
        };
        let key = keys::of(NAMESPACE, user.as_str(), token.id().octets())?;
        let until = now.checked_add(KNOWN_FOR).unwrap_or(now);
        let commit = commit.put_until(&key, device.to_octets(), Expect::Absent, until);
        let commit = events::put(commit, user, Event::NewDevice, now)?;
        Ok((commit, Some(token)))
    }

    async fn stored_devices(
        &self,
        user: &UserId,
        now: SystemTime,
    ) -> Result<Vec<(Key, Versioned, Device)>, Error> {
        let prefix = keys::all(NAMESPACE, Some(user))?;
        let page = self.store.scan(&prefix, None, MAX_DEVICES, now).await?;
        let mut list = Vec::new();
        for (key, found) in page.entries {
            let device = Device::from_octets(found.value()?).ok_or(DAMAGED)?;
            list.push((key, found, device));
        }
        Ok(list)
    }

    /// The user's devices, oldest first: at most [`MAX_DEVICES`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn devices(&self, user: &UserId, now: SystemTime) -> Result<Vec<DeviceView>, Error> {
        let mut list = Vec::new();
        for (key, _, device) in self.stored_devices(user, now).await? {
            let id = key.parts().nth(1);
            let id = id.and_then(|part| DeviceId::from_octets(part.bytes()));
            list.push(DeviceView {
                id: id.ok_or(DAMAGED)?,
                made: device.made,
                remembered: device.remembered.filter(|until| now < *until),
            });
        }
        list.sort_by_key(|device| (device.made, device.id));
        Ok(list)
    }

    /// Lets a known device do without the second factor, until a moment that is at most [`REMEMBERED_FOR`] away. It takes a
    /// login with a second factor, after which nothing has changed, and the device's own token: the one that came with the
    /// login, or the one from its cookie.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remember(
        &self,
        passed: &Passed,
        token: &DeviceToken,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<Remembered, Error> {
        let longest = now.checked_add(REMEMBERED_FOR).unwrap_or(now);
        let until = until.min(longest);
        if !matches!(passed.method, Method::Otp | Method::Passkey) || until <= now {
            return Ok(Remembered::Refused(Refusal::NoFactor));
        }
        let user = &passed.user;
        let key = &keys::of(NAMESPACE, user.as_str(), token.id().octets())?;
        let slot = Slot::User(user.clone());
        let done = self
            .decide(&slot, now, |loaded| async move {
                let refuse = |why| Ok(Planned::of(loaded.state.refuse(why), ()));
                if loaded.state.generation() != passed.generation {
                    return refuse(Refusal::Stale);
                }
                let Some(found) = self.store.get(key, now).await? else {
                    return refuse(Refusal::Wrong);
                };
                let mut device = Device::from_octets(found.value()?).ok_or(DAMAGED)?;
                if !token.is(&device.digest) {
                    return refuse(Refusal::Wrong);
                }
                device.remembered = Some(until);
                let expires = found.expires().map_or(until, |expires| expires.max(until));
                let expect = Expect::Version(found.version());
                let commit = Commit::new().put_until(key, device.to_octets(), expect, expires);
                let attempt = Attempt::Change(Change::Add(Kind::Device));
                let step = loaded.state.step(attempt, &self.throttle, now);
                Ok(Planned::of(step, ()).and(commit))
            })
            .await?;
        Ok(match done.step.verdict {
            Verdict::Refused(why) => Remembered::Refused(why),
            _ => Remembered::Until(until),
        })
    }

    /// From now on the device is a stranger.
    ///
    /// # Errors
    /// [`Error::NoSuch`], and all others.
    pub async fn revoke_device(
        &self,
        user: &UserId,
        id: DeviceId,
        now: SystemTime,
    ) -> Result<(), Error> {
        let slot = Slot::User(user.clone());
        let key = &keys::of(NAMESPACE, user.as_str(), id.octets())?;
        self.decide(&slot, now, |loaded| async move {
            let found = self.store.get(key, now).await?;
            let found = found.ok_or(Error::NoSuch { what: "device" })?;
            let device = Device::from_octets(found.value()?).ok_or(DAMAGED)?;
            let step = match device.is_remembered(now) {
                true => {
                    let attempt = Attempt::Change(Change::Remove(Kind::Device));
                    loaded.state.step(attempt, &self.throttle, now)
                }
                // It opened nothing by itself.
                false => loaded.state.refuse(Refusal::NoFactor),
            };
            let commit = Commit::new().delete(key, Expect::Version(found.version()));
            Ok(Planned::of(step, ()).and(commit))
        })
        .await
        .map(drop)
    }

    /// Devices that were remembered are known ones from now on.
    pub(super) async fn forget_remembered(
        &self,
        user: &UserId,
        mut commit: Commit,
        now: SystemTime,
    ) -> Result<Commit, Error> {
        for (key, found, mut device) in self.stored_devices(user, now).await? {
            if device.remembered.take().is_some() {
                let expect = Expect::Version(found.version());
                let octets = device.to_octets();
                commit = match found.expires() {
                    Some(expires) => commit.put_until(&key, octets, expect, expires),
                    None => commit.put(&key, octets, expect),
                };
            }
        }
        Ok(commit)
    }

    /// The password was changed, or reset. Nothing has failed with the new one; the second factor stays as it is, and no device
    /// does without it any more, so that who resets a password needs it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn rebind_password(&self, user: &UserId, now: SystemTime) -> Result<(), Error> {
        let slot = Slot::User(user.clone());
        self.decide(&slot, now, |loaded| async move {
            let attempt = Attempt::Change(Change::Rebind);
            let step = loaded.state.step(attempt, &self.throttle, now);
            let commit = self.forget_remembered(user, Commit::new(), now).await?;
            Ok(Planned::of(step, ()).and(commit))
        })
        .await
        .map(drop)
    }
}
