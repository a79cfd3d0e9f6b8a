//! Passkeys: a challenge is kept where every node sees it, and taken by the commit that judges its answer.

use std::time::SystemTime;

use record_store::{Commit, Expect, Key, Outcome, Records, Version};

use super::app::NewAppPassword;
use super::challenges::{ChallengeId, Kept, PasskeyChallenge};
use super::codes::Tried;
use super::engine::Planned;
use super::keys::{self, Slot};
use super::{Method, Second, TwoFactor};
use crate::decision::{Attempt, Change, Verdict};
use crate::passkey::{
    Assertion, Attestation, Login, MAX_PASSKEYS, Passkey, PasskeyId, PasskeyName, Registration,
    RelyingParty, Unusable, Used, UserHandle,
};
use crate::{AppPassword, Client, Error, Event, Offload, Pending, RecoveryCodes, Refusal, UserId};

const PASSKEYS: &str = "2fa-passkey";
/// How often a name is written anew when others were faster.
const TRIES: usize = 20;

/// Whether a login by passkey has begun.
#[allow(clippy::exhaustive_enums)] // yes or no
#[derive(Debug)]
#[must_use = "it may be refused"]
pub enum PasskeyLogin {
    /// The browser is to be asked this.
    Ask(PasskeyChallenge),
    /// No: [`Refusal::Stale`], [`Refusal::NoFactor`].
    Refused(Refusal),
}

/// What became of a registration.
#[allow(clippy::exhaustive_enums)] // yes or no
#[derive(Debug)]
#[must_use = "it may be refused"]
pub enum PasskeyConfirmed {
    /// The passkey opens the account from now on.
    On(PasskeyEnrolled),
    /// The answer is of no use: [`Refusal::Answer`]. The challenge is used up.
    Refused(Refusal),
}

/// A passkey that opens the account.
#[non_exhaustive]
#[derive(Debug)]
pub struct PasskeyEnrolled {
    /// Which.
    pub passkey: PasskeyId,
    /// With the first second factor: ten codes, to be shown once.
    pub recovery: Option<RecoveryCodes>,
    /// With the first second factor, where one was asked for: to be shown once.
    pub app_password: Option<AppPassword>,
}

/// A passkey as it is stored.
struct Stored {
    key: Key,
    passkey: Passkey,
    version: Version,
}

impl<R: Records, O: Offload> TwoFactor<R, O> {
    /// The answer to a registration: one commit takes the challenge, stores the passkey, and raises the generation. With the
    /// first second factor it also makes recovery codes, and the app password that `first` asks for.
    ///
    /// # Errors
    /// [`Error::Name`] of `name` or `first`, and all others. After [`Error::InDoubt`] [`passkeys`](Self::passkeys) tells whether
    /// there is one more; if so, recovery codes and app password are made anew, as nobody has seen them.
    pub async fn confirm_passkey(
        &self,
        user: &UserId,
        id: &ChallengeId,
        answer: &str,
        name: &str,
        first: Option<NewAppPassword<'_>>,
        now: SystemTime,
    ) -> Result<PasskeyConfirmed, Error> {
        let name = &PasskeyName::new(name)?;
        let parsed = &Attestation::parse(answer);
        let slot = &Slot::User(user.clone());
        let minted = match self.registered(user, id, parsed, name, now).await? {
            Some((_, Ok(_))) => self.mint(user, first, now).await?,
            _ => None,
        };
        let ready = minted.as_ref();
        let done = self
            .decide(slot, now, |loaded| async move {
                let refuse = |why| loaded.state.refuse(Refusal::Answer(why));
                let registered = self.registered(user, id, parsed, name, now).await?;
                let Some((kept, made)) = registered else {
                    return Ok(Planned::of(refuse(Unusable::Gone), None));
                };
                let take = kept.take();
                let made = match made {
                    Ok(made) => made,
                    Err(why) => return Ok(Planned::of(refuse(why), None).and(take)),
                };
                let key = keys::of(PASSKEYS, user.as_str(), made.id().octets())?;
                let commit = take.put(&key, made.to_octets(), Expect::Absent);
                let attempt = Attempt::Change(Change::AddPasskey);
                let step = loaded.state.step(attempt, &self.throttle, now);
                let id = made.id();
                self.turn_on(user, (&loaded, ready), (step, commit), id, now)
                    .await
            })
            .await?;
        Ok(match (done.step.verdict, done.value) {
            (Verdict::Refused(why), _) => PasskeyConfirmed::Refused(why),
            (_, Some(on)) => {
                let (passkey, came) = on.shown(minted);
                PasskeyConfirmed::On(PasskeyEnrolled {
                    passkey,
                    recovery: came.recovery,
                    app_password: came.app_password,
                })
            }
            (_, None) => PasskeyConfirmed::Refused(Refusal::Passkey),
        })
    }
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// Begins the registration of a passkey for a user that is logged in. `account` is what the browser shows, such as
    /// the user's address: 1 to 253 octets. It is good for five minutes.
    ///
    /// # Errors
    /// [`Error::TooMany`] above 32 passkeys, [`Error::Name`] of `account`, [`Error::NoSuch`] without a relying party.
    pub async fn passkey_registration(
        &self,
        user: &UserId,
        account: &str,
        now: SystemTime,
    ) -> Result<PasskeyChallenge, Error> {
        let have = self.passkeys(user, now).await?;
        // The same for all of a user's, whichever key hashes today.
        let handle = match have.first() {
            Some(passkey) => passkey.user(),
            None => UserHandle::new(self.keyring.keyed_hash("passkey", user.as_str().as_bytes())),
        };
        let party = self.relying_party()?;
        let (options, begun) = party.begin_registration(handle, account, &have, now)?;
        self.challenge(user, options, begun.to_octets(), now).await
    }

    /// Begins a login by passkey, after the password. It is good for five minutes, and once.
    ///
    /// # Errors
    /// [`Error::NoSuch`] without a relying party.
    pub async fn passkey_challenge(
        &self,
        pending: &Pending,
        now: SystemTime,
    ) -> Result<PasskeyLogin, Error> {
        let user = pending.user();
        let loaded = self.load(&Slot::User(user.clone()), now).await?;
        if !pending.is_open(now) || loaded.state.generation() != pending.generation() {
            return Ok(PasskeyLogin::Refused(Refusal::Stale));
        }
        let have = self.passkeys(user, now).await?;
        if have.is_empty() {
            return Ok(PasskeyLogin::Refused(Refusal::NoFactor));
        }
        let (options, begun) = self.relying_party()?.begin_login(&have, now)?;
        let challenge = self.challenge(user, options, begun.to_octets(), now);
        challenge.await.map(PasskeyLogin::Ask)
    }

    /// The second factor by the answer of a passkey. One commit takes the challenge, notes what was seen of the passkey, and
    /// expects the decision record that was read; before it nothing is said. Whatever the answer is, the challenge is gone.
    ///
    /// # Errors
    /// [`Error`]. After [`Error::InDoubt`] the challenge may be gone: a new one is to be asked for.
    pub async fn passkey(
        &self,
        pending: &Pending,
        client: &Client<'_>,
        id: &ChallengeId,
        answer: &str,
        now: SystemTime,
    ) -> Result<Second, Error> {
        let (user, parsed) = (pending.user(), &Assertion::parse(answer));
        self.second(pending, client, Method::Passkey, now, |state| async move {
            let Some(kept) = self.kept(user, id, now).await? else {
                return Ok(Tried::of(state.refuse(Refusal::Answer(Unusable::Gone))));
            };
            let judged = match parsed {
                Ok(answer) => self.judge(user, &kept, answer, now).await?,
                Err(why) => Err(*why),
            };
            let attempt = Attempt::Passkey {
                generation: pending.generation(),
                right: judged.is_ok(),
            };
            let mut step = state.step(attempt, &self.throttle, now);
            let take = kept.take();
            Ok(match (step.verdict, judged) {
                (Verdict::Pass, Ok((used, stored))) => Tried::of(step).and(match used.changed {
                    true => take.put(
                        &stored.key,
                        used.passkey.to_octets(),
                        Expect::Version(stored.version),
                    ),
                    false => take.guard(&stored.key, Expect::Version(stored.version)),
                }),
                (Verdict::Refused(Refusal::Passkey), Err(why)) => {
                    step = state.refuse(Refusal::Answer(why));
                    if why == Unusable::Copied {
                        step.events.push(Event::CopiedPasskey);
                    }
                    Tried::of(step).and(take)
                }
                _ => Tried::of(step).and(take),
            })
        })
        .await
    }

    async fn judge(
        &self,
        user: &UserId,
        kept: &Kept,
        answer: &Assertion,
        now: SystemTime,
    ) -> Result<Result<(Used, Stored), Unusable>, Error> {
        let Ok(begun) = Login::from_octets(&kept.octets) else {
            return Ok(Err(Unusable::Ceremony));
        };
        let Some(stored) = self
            .stored(user, answer.credential().passkey(), now)
            .await?
        else {
            return Ok(Err(Unusable::Unknown));
        };
        let have = std::slice::from_ref(&stored.passkey);
        let used = self
            .relying_party()?
            .finish_login(&begun, answer, have, now);
        Ok(used.map(|used| (used, stored)))
    }

    /// The challenge, if it is there, and what the answer to it is.
    async fn registered(
        &self,
        user: &UserId,
        id: &ChallengeId,
        parsed: &Result<Attestation, Unusable>,
        name: &PasskeyName,
        now: SystemTime,
    ) -> Result<Option<(Kept, Result<Passkey, Unusable>)>, Error> {
        let Some(kept) = self.kept(user, id, now).await? else {
            return Ok(None);
        };
        let made = match parsed {
            Ok(answer) => self.made(user, &kept, answer, name, now).await?,
            Err(why) => Err(*why),
        };
        Ok(Some((kept, made)))
    }

    async fn made(
        &self,
        user: &UserId,
        kept: &Kept,
        answer: &Attestation,
        name: &PasskeyName,
        now: SystemTime,
    ) -> Result<Result<Passkey, Unusable>, Error> {
        let Ok(begun) = Registration::from_octets(&kept.octets) else {
            return Ok(Err(Unusable::Ceremony));
        };
        let have = self.passkeys(user, now).await?;
        if have.len() >= MAX_PASSKEYS {
            return Err(Error::TooMany {
                what: "passkeys",
                most: MAX_PASSKEYS,
            });
        }
        let party = self.relying_party()?;
        Ok(party.finish_registration(&begun, answer, &have, name.clone(), now))
    }

    /// The user's passkeys, in the order of their registration: at most 32.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn passkeys(&self, user: &UserId, now: SystemTime) -> Result<Vec<Passkey>, Error> {
        let prefix = keys::all(PASSKEYS, Some(user))?;
        let page = self.store.scan(&prefix, None, MAX_PASSKEYS, now).await?;
        let mut passkeys = Vec::new();
        for (_, found) in page.entries {
            passkeys.push(read(found.value()?)?);
        }
        passkeys.sort_by_key(Passkey::registered);
        Ok(passkeys)
    }

    /// Removes a passkey, and raises the generation: what was begun with it is over. With the last second factor the recovery
    /// codes go, too, as they do [elsewhere](Self::remove_otp).
    ///
    /// # Errors
    /// [`Error::NoSuch`], and all others.
    pub async fn remove_passkey(
        &self,
        user: &UserId,
        passkey: PasskeyId,
        now: SystemTime,
    ) -> Result<(), Error> {
        let slot = Slot::User(user.clone());
        self.decide(&slot, now, |loaded| async move {
            let stored = self.stored(user, passkey, now).await?;
            let stored = stored.ok_or(Error::NoSuch { what: "passkey" })?;
            let attempt = Attempt::Change(Change::RemovePasskey);
            let step = loaded.state.step(attempt, &self.throttle, now);
            let commit = Commit::new().delete(&stored.key, Expect::Version(stored.version));
            let commit = self.without_last(user, &step, commit, now).await?;
            Ok(Planned::of(step, ()).and(commit))
        })
        .await
        .map(drop)
    }

    /// Gives a passkey another name. It opens what it did before, so that nothing that was begun is over.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::Name`] of `name`, and all others.
    pub async fn rename_passkey(
        &self,
        user: &UserId,
        passkey: PasskeyId,
        name: &str,
        now: SystemTime,
    ) -> Result<(), Error> {
        let name = PasskeyName::new(name)?;
        for _ in 0..TRIES {
            let stored = self.stored(user, passkey, now).await?;
            let stored = stored.ok_or(Error::NoSuch { what: "passkey" })?;
            let octets = stored.passkey.called(name.clone()).to_octets();
            // Where a login has noted its counter in this moment, that is kept; where the passkey is removed, it stays so.
            let expect = Expect::Version(stored.version);
            let commit = Commit::new().put(&stored.key, octets, expect);
            match self.store.commit(commit, now).await? {
                Outcome::Committed(_) => return Ok(()),
                Outcome::Conflict(_) => {}
                Outcome::Unknown => return Err(Error::InDoubt),
            }
        }
        Err(Error::Contended)
    }

    fn relying_party(&self) -> Result<&RelyingParty, Error> {
        let what = "relying party";
        self.party.as_ref().ok_or(Error::NoSuch { what })
    }

    async fn stored(
        &self,
        user: &UserId,
        passkey: PasskeyId,
        now: SystemTime,
    ) -> Result<Option<Stored>, Error> {
        let key = keys::of(PASSKEYS, user.as_str(), passkey.octets())?;
        let Some(found) = self.store.get(&key, now).await? else {
            return Ok(None);
        };
        Ok(Some(Stored {
            passkey: read(found.value()?)?,
            version: found.version(),
            key,
        }))
    }
}

fn read(octets: &[u8]) -> Result<Passkey, Error> {
    let what = "a passkey";
    Passkey::from_octets(octets).map_err(|_| Error::Damaged { what })
}
