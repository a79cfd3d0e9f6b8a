//! Apps and tokens that show codes: begun, confirmed by a code, removed.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use data_encoding::BASE64URL_NOPAD;
use record_store::{Commit, Expect, Key, Outcome, Records, Version};
use zeroize::Zeroizing;

use super::app::NewAppPassword;
use super::keys::{self, ENROLMENTS, Slot};
use super::{TwoFactor, engine::Planned};
use crate::decision::{Attempt, Burned, Change, FactorId, MAX_OTP, Progress, Verdict};
use crate::octets::{Reader, Writer};
use crate::otp::{Code, Imported, Issuer, Label, Moving, Otp, Parameters, Qr, QrError};
use crate::{AppPassword, Error, Offload, RecoveryCodes, Refusal, UserId, random};

/// How long an enrolment waits for its code.
pub const ENROLMENT_FOR: Duration = Duration::from_secs(15 * 60);
/// How many codes are looked at before it is over.
pub const ENROLMENT_TRIES: u8 = 5;

/// SP 800-63B-4 §3.1.4: 112 bits.
const LEAST_SEED: usize = 14;
const FORMAT: u8 = 1;
/// Counters after the first that are looked at: codes that were made while it was set up.
const LOOK_AHEAD: u8 = 10;

/// An app or token that is being set up. It opens nothing before it is [confirmed](TwoFactor::confirm).
pub struct Enrolment {
    id: EnrolmentId,
    otp: Otp,
    issuer: Option<Issuer>,
    label: Label,
    counter: u64,
}

impl Enrolment {
    /// To confirm it by.
    #[must_use]
    pub fn id(&self) -> EnrolmentId {
        self.id
    }

    /// The URI that an app reads. The secret is in it.
    #[must_use]
    pub fn uri(&self) -> Zeroizing<String> {
        self.otp
            .uri_from(self.issuer.as_ref(), &self.label, self.counter)
    }

    /// The URI as a picture.
    ///
    /// # Errors
    /// [`QrError`].
    pub fn qr(&self) -> Result<Qr, QrError> {
        Qr::of(&self.uri())
    }

    /// The secret in groups of four, for who types it.
    #[must_use]
    pub fn manual_key(&self) -> Zeroizing<String> {
        self.otp.secret().manual_key()
    }

    /// How codes are made of it.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        self.otp.parameters()
    }
}

/// Without the secret.
impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(..)")
    }
}

/// Which enrolment: 22 characters of base64url, for a field of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrolmentId([u8; 16]);

/// A text that is no [`EnrolmentId`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the number of an enrolment")]
pub struct NotAnEnrolmentId;

impl fmt::Display for EnrolmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl FromStr for EnrolmentId {
    type Err = NotAnEnrolmentId;

    fn from_str(text: &str) -> Result<Self, NotAnEnrolmentId> {
        let octets = match text.len() {
            22 => BASE64URL_NOPAD.decode(text.as_bytes()).ok(),
            _ => None,
        };
        let id = octets.and_then(|octets| octets.try_into().ok());
        id.map(Self).ok_or(NotAnEnrolmentId)
    }
}

/// What became of an enrolment.
#[allow(clippy::exhaustive_enums)] // yes or no
#[derive(Debug)]
#[must_use = "it may be refused"]
pub enum Confirmed {
    /// It is a second factor from now on.
    On(Enrolled),
    /// No.
    Refused(Refusal),
}

/// What is shown once, when an app or token has become a second factor.
#[non_exhaustive]
#[derive(Debug)]
pub struct Enrolled {
    /// Which.
    pub factor: FactorId,
    /// Ten codes for the day on which it is lost, if it is the first second factor.
    pub recovery: Option<RecoveryCodes>,
    /// The app password that was asked for, if it is the first second factor.
    pub app_password: Option<AppPassword>,
}

/// An enrolment as it is stored.
struct Begun {
    key: Key,
    version: Version,
    expires: SystemTime,
    tries: u8,
    counter: u64,
    otp: Otp,
    sealed: Vec<u8>,
}

impl Begun {
    fn octets(id: &EnrolmentId, tries: u8, counter: u64, sealed: &[u8]) -> Vec<u8> {
        let writer = Writer::default().u8(FORMAT).array(&id.0);
        writer.u8(tries).u64(counter).octets(sealed).finish()
    }
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// Begins to set up an app or token of a user that is logged in, by all the factors that there are. It waits for its first
    /// code for 15 minutes; one that is begun after it takes its place.
    ///
    /// # Errors
    /// [`Error::TooMany`] above four, and all others.
    pub async fn enrol(
        &self,
        user: &UserId,
        label: &Label,
        parameters: Parameters,
        now: SystemTime,
    ) -> Result<Enrolment, Error> {
        let id = EnrolmentId(random()?);
        let enrolment = Enrolment {
            id,
            otp: Otp::generate(parameters)?,
            issuer: Issuer::new(&self.issuer).ok(),
            label: label.clone(),
            counter: 0,
        };
        self.begin(user, enrolment, now).await
    }

    /// The same with a secret that was made elsewhere, such as that of a hardware token: of at least 112 bits (SP 800-63B-4
    /// §3.1.4).
    ///
    /// # Errors
    /// [`Error::WeakSeed`], [`Error::TooMany`] above four, and all others.
    pub async fn enrol_imported(
        &self,
        user: &UserId,
        imported: Imported,
        now: SystemTime,
    ) -> Result<Enrolment, Error> {
        if imported.otp.secret().expose().len() < LEAST_SEED {
            return Err(Error::WeakSeed);
        }
        let enrolment = Enrolment {
            id: EnrolmentId(random()?),
            otp: imported.otp,
            issuer: imported.issuer,
            label: imported.label,
            counter: imported.counter.unwrap_or_default(),
        };
        self.begin(user, enrolment, now).await
    }

    async fn begin(
        &self,
        user: &UserId,
        enrolment: Enrolment,
        now: SystemTime,
    ) -> Result<Enrolment, Error> {
        let loaded = self.load(&Slot::User(user.clone()), now).await?;
        if loaded.state.otps().len() >= MAX_OTP {
            return Err(too_many());
        }
        let place: [&[u8]; 3] = [b"enrolment v1", user.as_str().as_bytes(), &enrolment.id.0];
        let sealed = self.keyring.seal(&place, &enrolment.otp.to_octets());
        let sealed = sealed.map_err(|_| Error::Random)?;
        let record = Begun::octets(&enrolment.id, 0, enrolment.counter, &sealed);
        let until = now.checked_add(ENROLMENT_FOR).unwrap_or(now);
        let key = Key::new(ENROLMENTS, user.as_str())?;
        let commit = Commit::new().put_until(&key, record, Expect::Anything, until);
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) => Ok(enrolment),
            Outcome::Conflict(_) => Err(Error::Contended),
            Outcome::Unknown => Err(Error::InDoubt),
        }
    }

    async fn begun(
        &self,
        user: &UserId,
        id: &EnrolmentId,
        now: SystemTime,
    ) -> Result<Option<Begun>, Error> {
        let key = Key::new(ENROLMENTS, user.as_str())?;
        let Some(found) = self.store.get(&key, now).await? else {
            return Ok(None);
        };
        let damaged = || Error::Damaged {
            what: "an enrolment",
        };
        let read = |octets| {
            let mut from = Reader::new(octets);
            (from.u8()? == FORMAT).then_some(())?;
            let read = (from.array()?, from.u8()?, from.u64()?, from.octets()?);
            from.end().map(|()| read)
        };
        let (stored, tries, counter, sealed) = read(found.value()?).ok_or_else(damaged)?;
        if stored != id.0 {
            return Ok(None);
        }
        let place: [&[u8]; 3] = [b"enrolment v1", user.as_str().as_bytes(), &id.0];
        let opened = self.keyring.open(&place, sealed).map_err(|_| damaged())?;
        Ok(Some(Begun {
            key,
            version: found.version(),
            expires: found.expires().unwrap_or(now),
            tries,
            counter,
            otp: Otp::from_octets(&opened).map_err(|_| damaged())?,
            sealed: sealed.to_vec(),
        }))
    }

    /// How far a new factor is once this code is used up, or why not.
    fn first_code(
        &self,
        begun: &Begun,
        code: Option<&Code>,
        now: SystemTime,
    ) -> Result<Progress, Refusal> {
        let code = code.ok_or(Refusal::Wrong)?;
        let otp = &begun.otp;
        match otp.parameters().moving() {
            Moving::Time { .. } => {
                let found = otp.find_at(code, now, self.window);
                match (found.in_window.as_slice(), found.outside) {
                    ([], None) => Err(Refusal::Wrong),
                    ([], Some(outside)) => Err(Refusal::Drifted {
                        seconds: outside.drift,
                    }),
                    (steps, _) => {
                        let here = otp.step_at(now);
                        let burn = |burned: Burned, step: &u64| burned.with(*step, here);
                        Ok(Progress::Time(steps.iter().fold(Burned::default(), burn)))
                    }
                }
            }
            Moving::Counter => {
                let found = otp.find_from(code, begun.counter, LOOK_AHEAD);
                let last = found.in_window.last().ok_or(Refusal::Wrong)?;
                let next = last.saturating_add(1);
                Ok(Progress::Counter { next })
            }
        }
    }

    /// Removes an app or token, and raises the generation: what was begun with it is over. With the last second factor the
    /// recovery codes go, too, in the same commit, as there is nothing left that they could stand in for. App passwords stay: mail
    /// programs go on, and their passwords can be revoked.
    ///
    /// # Errors
    /// [`Error::NoSuch`], and all others.
    pub async fn remove_otp(
        &self,
        user: &UserId,
        factor: FactorId,
        now: SystemTime,
    ) -> Result<(), Error> {
        let slot = Slot::User(user.clone());
        self.decide(&slot, now, |loaded| async move {
            let attempt = Attempt::Change(Change::RemoveOtp(factor));
            let step = loaded.state.step(attempt, &self.throttle, now);
            if step.verdict != Verdict::Changed {
                return Err(Error::NoSuch { what: "factor" });
            }
            let key = keys::of(keys::SEEDS, user.as_str(), u64::from(factor.number()))?;
            let commit = Commit::new().delete(&key, Expect::Anything);
            let commit = self.without_last(user, &step, commit, now).await?;
            Ok(Planned::of(step, ()).and(commit))
        })
        .await
        .map(drop)
    }
}

impl<R: Records, O: Offload> TwoFactor<R, O> {
    /// Takes the first code of an app or token, which shows that it computes as it was told, and makes it a second factor. The
    /// code is used up by it. With the first second factor come ten recovery codes and, if one is asked for, an app password,
    /// in the same commit; five codes are looked at, and each is counted before anything is said of it.
    ///
    /// # Errors
    /// [`Error::Name`] of `first`, and all others. After [`Error::InDoubt`] it may be on: then recovery codes and app password
    /// are made anew, as nobody has seen them.
    pub async fn confirm(
        &self,
        user: &UserId,
        id: &EnrolmentId,
        typed: &str,
        first: Option<NewAppPassword<'_>>,
        now: SystemTime,
    ) -> Result<Confirmed, Error> {
        let code = &Code::parse(typed).ok();
        let slot = &Slot::User(user.clone());
        let minted = match self.begun(user, id, now).await? {
            Some(begun) if self.first_code(&begun, code.as_ref(), now).is_ok() => {
                self.mint(user, first, now).await?
            }
            _ => None,
        };
        let ready = minted.as_ref();
        let done = self
            .decide(slot, now, |loaded| async move {
                let refuse = |why| Planned::of(loaded.state.refuse(why), None);
                let Some(begun) = self.begun(user, id, now).await? else {
                    return Ok(refuse(Refusal::Stale));
                };
                let expect = Expect::Version(begun.version);
                let progress = match self.first_code(&begun, code.as_ref(), now) {
                    Ok(progress) => progress,
                    Err(why) => {
                        let tries = begun.tries.saturating_add(1);
                        let record = Begun::octets(id, tries, begun.counter, &begun.sealed);
                        return Ok(refuse(why).and(match tries < ENROLMENT_TRIES {
                            true => {
                                Commit::new().put_until(&begun.key, record, expect, begun.expires)
                            }
                            false => Commit::new().delete(&begun.key, expect),
                        }));
                    }
                };
                let attempt = Attempt::Change(Change::AddOtp(progress));
                let step = loaded.state.step(attempt, &self.throttle, now);
                let added = step.state.otps().last().map(|otp| otp.id());
                let Some(factor) = added.filter(|_| step.verdict == Verdict::Changed) else {
                    return Err(too_many());
                };
                let key = keys::of(keys::SEEDS, user.as_str(), u64::from(factor.number()))?;
                let sealed = self.seal_seed(user, factor, &begun.otp)?;
                let commit =
                    Commit::new()
                        .delete(&begun.key, expect)
                        .put(&key, sealed, Expect::Anything);
                self.turn_on(user, (&loaded, ready), (step, commit), factor, now)
                    .await
            })
            .await?;
        Ok(match (done.step.verdict, done.value) {
            (Verdict::Refused(why), _) => Confirmed::Refused(why),
            (_, Some(on)) => {
                let (factor, came) = on.shown(minted);
                Confirmed::On(Enrolled {
                    factor,
                    recovery: came.recovery,
                    app_password: came.app_password,
                })
            }
            (_, None) => Confirmed::Refused(Refusal::Stale),
        })
    }
}

fn too_many() -> Error {
    Error::TooMany {
        what: "apps and tokens",
        most: MAX_OTP,
    }
}
