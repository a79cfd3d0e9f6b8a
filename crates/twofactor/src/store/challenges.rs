//! Challenges of passkeys, kept where every node sees them, until they are answered or expire.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use data_encoding::BASE64URL_NOPAD;
use record_store::{Commit, Expect, Key, Outcome, Records, Version};

use super::{TwoFactor, keys};
use crate::passkey::{LIFETIME, begun};
use crate::{Error, UserId, random};

const CHALLENGES: &str = "2fa-challenge";
/// Most challenges of one user that wait for an answer; the oldest makes room.
const MAX_CHALLENGES: usize = 32;

/// What the browser is to be asked, and by which number its answer finds its way back.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct PasskeyChallenge {
    /// Comes back with the answer.
    pub id: ChallengeId,
    /// JSON for `navigator.credentials`, as `js/passkey.mjs` takes it.
    pub options: String,
}

/// Which challenge, of one user: 22 characters in base64url. It is no secret and opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChallengeId([u8; 16]);

/// A text that is no [`ChallengeId`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the number of a challenge")]
pub struct NotAChallengeId;

impl fmt::Display for ChallengeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl FromStr for ChallengeId {
    type Err = NotAChallengeId;

    fn from_str(text: &str) -> Result<Self, NotAChallengeId> {
        let octets = match text.len() {
            22 => BASE64URL_NOPAD.decode(text.as_bytes()).ok(),
            _ => None,
        };
        let octets = octets.and_then(|octets| octets.try_into().ok());
        octets.map(Self).ok_or(NotAChallengeId)
    }
}

/// A challenge as it is stored.
pub(super) struct Kept {
    pub(super) key: Key,
    pub(super) octets: Vec<u8>,
    pub(super) version: Version,
}

impl Kept {
    /// Takes it: nobody else will have.
    pub(super) fn take(&self) -> Commit {
        Commit::new().delete(&self.key, Expect::Version(self.version))
    }
}

impl<R: Records, O: Sync> TwoFactor<R, O> {
    /// Keeps a challenge until it is answered, or for [`LIFETIME`].
    pub(super) async fn challenge(
        &self,
        user: &UserId,
        options: String,
        octets: Vec<u8>,
        now: SystemTime,
    ) -> Result<PasskeyChallenge, Error> {
        let id = ChallengeId(random()?);
        let key = keys::of(CHALLENGES, user.as_str(), id.0)?;
        let until = now.checked_add(LIFETIME).unwrap_or(now);
        let mut commit = Commit::new().put_until(&key, octets, Expect::Absent, until);
        let prefix = keys::all(CHALLENGES, Some(user))?;
        let page = self.store.scan(&prefix, None, MAX_CHALLENGES, now).await?;
        if page.entries.len() >= MAX_CHALLENGES {
            let mut oldest = None;
            for (key, found) in &page.entries {
                let at = begun(found.value()?);
                if oldest.as_ref().is_none_or(|(before, _)| at < *before) {
                    oldest = Some((at, key));
                }
            }
            if let Some((_, key)) = oldest {
                commit = commit.delete(key, Expect::Anything);
            }
        }
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) => Ok(PasskeyChallenge { id, options }),
            Outcome::Conflict(_) => Err(Error::Contended),
            Outcome::Unknown => Err(Error::InDoubt),
        }
    }

    pub(super) async fn kept(
        &self,
        user: &UserId,
        id: &ChallengeId,
        now: SystemTime,
    ) -> Result<Option<Kept>, Error> {
        let key = keys::of(CHALLENGES, user.as_str(), id.0)?;
        let Some(found) = self.store.get(&key, now).await? else {
            return Ok(None);
        };
        Ok(Some(Kept {
            octets: found.value()?.to_vec(),
            version: found.version(),
            key,
        }))
    }
}
