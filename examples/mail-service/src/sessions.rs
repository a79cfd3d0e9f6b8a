//! Who is logged in to the site, from where, and who was.
//!
//! | record | what |
//! |---|---|
//! | `("web.session", tag, SHA-256 of the secret)` | a session; it expires |
//! | `("web.history", account, millisecond, random)` | what has happened; it expires ([`history`]) |
//!
//! The browser has a [`Token`]: the tag of the account, by which its sessions lie together, and 256 random bits. The store
//! has the SHA-256 of these, so that whoever reads the store logs in nowhere. A session ends
//!
//! - an hour after it was last used, and a day after its login, used or not (SP 800-63B-4 §2.2.3);
//! - when its user ends it, here or from elsewhere;
//! - when the password or the factors change, by whatever way: what they were is part of the session ([`Basis`]), and is
//!   compared at every use. The session that has made the change goes on under another token.

pub(crate) mod history;
mod token;

pub(crate) use token::{SessionId, Token};

use crate::log::Causes;
use history::{How, What, Where};
use record_store::{AnyStore, Commit, Expect, Key, Outcome, Prefix, Records, Version};
use serde::{Deserialize, Serialize};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tracing::warn;

/// SP 800-63B-4 §2.2.3: inactivity of no more than an hour.
pub(crate) const IDLE: Duration = Duration::from_secs(60 * 60);
/// SP 800-63B-4 §2.2.3: no more than 24 hours.
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long whoever has just proved who he is may change what proves it.
pub(crate) const RECENT: Duration = Duration::from_secs(10 * 60);
/// What was last used is written once in this time, so that reading a page is no write.
const TOUCH: Duration = Duration::from_secs(5 * 60);
/// Sessions of one account. The one that was made first makes place for another.
const MOST: usize = 32;

const NAMESPACE: &str = "web.session";

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the store failed")]
    Store(#[from] record_store::Error),
    #[error("no random numbers")]
    Random,
    /// It was ended or changed at the same time.
    #[error("the session has ended")]
    Ended,
    #[error("a session cannot be read")]
    Damaged,
}

/// What a login rests on: the password, and the generation of the factors. Neither can be told from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Basis {
    /// A part of the SHA-256 of the password's hash, which has a salt of its own.
    password: [u8; 16],
    generation: u64,
}

impl Basis {
    pub(crate) fn new(password_hash: &str, generation: u64) -> Self {
        Self {
            password: token::digest("letterlock session basis", password_hash.as_bytes()),
            generation,
        }
    }
}

/// A session, as it lies in the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: u8,
    account: String,
    /// Milliseconds of Unix time.
    made: u64,
    seen: u64,
    basis: Basis,
    how: How,
    place: Where,
}

const FORMAT: u8 = 1;

/// A session that was found.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    record: Record,
    key: Key,
    version: Version,
    id: SessionId,
}

impl Session {
    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    pub(crate) fn account(&self) -> &str {
        &self.record.account
    }

    pub(crate) fn place(&self) -> &Where {
        &self.record.place
    }

    pub(crate) fn made(&self) -> SystemTime {
        moment(self.record.made)
    }

    /// To within some minutes.
    pub(crate) fn seen(&self) -> SystemTime {
        moment(self.record.seen)
    }

    pub(crate) fn basis(&self) -> Basis {
        self.record.basis
    }

    /// Whether who it is was shown a short time ago.
    pub(crate) fn is_recent(&self, now: SystemTime) -> bool {
        self.made() + RECENT > now
    }
}

/// A login that has passed.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) account: Arc<str>,
    pub(crate) basis: Basis,
    pub(crate) how: How,
    pub(crate) place: Where,
}

/// The sessions in a store.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    store: Arc<AnyStore>,
}

impl Sessions {
    pub(crate) fn new(store: Arc<AnyStore>) -> Self {
        Self { store }
    }

    /// Begins one, with a token that nobody has had before, and notes the login, both or neither.
    pub(crate) async fn begin(&self, login: &Login, now: SystemTime) -> Result<Token, Error> {
        let token = Token::new(&login.account)?;
        let at = millis(now);
        let record = Record {
            format: FORMAT,
            account: login.account.to_string(),
            made: at,
            seen: at,
            basis: login.basis,
            how: login.how,
            place: login.place.clone(),
        };
        let mut commit = put(Commit::new(), &key(&token)?, &record, Expect::Absent)?;
        let mut all = self.list(&login.account, now).await?;
        all.sort_by_key(Session::made);
        let surplus = (all.len() + 1).saturating_sub(MOST);
        for old in all.iter().take(surplus) {
            commit = commit.delete(&old.key, Expect::Anything);
        }
        let what = What::LoggedIn(login.how);
        let commit = self
            .noting(commit, &login.account, what, &login.place, now)
            .await?;
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) => Ok(token),
            Outcome::Conflict(_) | Outcome::Unknown => Err(Error::Ended),
        }
    }

    /// The session of a token, if it has not ended; `basis` is asked for what the account's logins rest on now.
    pub(crate) async fn find<E: From<Error>>(
        &self,
        token: &Token,
        now: SystemTime,
        basis: impl AsyncFnOnce(&str) -> Result<Option<Basis>, E>,
    ) -> Result<Option<Session>, E> {
        let Some(mut session) = self.load(token, now).await? else {
            return Ok(None);
        };
        if basis(session.account()).await? != Some(session.basis()) {
            self.remove(&session.key, now).await?;
            return Ok(None);
        }
        if session.seen() + TOUCH <= now {
            session.record.seen = millis(now);
            let expect = Expect::Version(session.version);
            let commit = put(Commit::new(), &session.key, &session.record, expect)?;
            match self.store.commit(commit, now).await.map_err(Error::from)? {
                Outcome::Committed(version) => session.version = version,
                // Another request of the same browser was faster, or the session has ended: the next look tells.
                Outcome::Conflict(_) | Outcome::Unknown => {
                    return match self.load(token, now).await? {
                        Some(now_there) if now_there.basis() == session.basis() => {
                            Ok(Some(now_there))
                        }
                        _ => Ok(None),
                    };
                }
            }
        }
        Ok(Some(session))
    }

    async fn load(&self, token: &Token, now: SystemTime) -> Result<Option<Session>, Error> {
        let key = key(token)?;
        match self.store.get(&key, now).await? {
            Some(found) => read(key, &found).map(Some),
            None => Ok(None),
        }
    }

    /// The same session after a change that it has made itself, under another token: the old one opens nothing from now on.
    /// Every other session rests on what was before.
    pub(crate) async fn changed(
        &self,
        session: &Session,
        basis: Basis,
        now: SystemTime,
    ) -> Result<(Session, Token), Error> {
        let mut record = session.record.clone();
        (record.basis, record.seen) = (basis, millis(now));
        let token = Token::new(&record.account)?;
        let key = key(&token)?;
        let commit = Commit::new().delete(&session.key, Expect::Version(session.version));
        let commit = put(commit, &key, &record, Expect::Absent)?;
        match self.store.commit(commit, now).await? {
            Outcome::Committed(version) => {
                let id = SessionId::of(&token.hash()).ok_or(Error::Damaged)?;
                let renewed = Session {
                    record,
                    key,
                    version,
                    id,
                };
                Ok((renewed, token))
            }
            Outcome::Conflict(_) | Outcome::Unknown => Err(Error::Ended),
        }
    }

    /// All of an account, those that no longer open anything included.
    pub(crate) async fn list(&self, account: &str, now: SystemTime) -> Result<Vec<Session>, Error> {
        let prefix = Prefix::new(NAMESPACE, &token::tag(account)[..])?;
        let page = self.store.scan(&prefix, None, 1000, now).await?;
        let mut all = Vec::new();
        for (key, found) in page.entries {
            match read(key, &found) {
                Ok(session) if session.account() == account => all.push(session),
                Ok(_) => {}
                Err(error) => warn!(error = %Causes(&error), "a session"),
            }
        }
        Ok(all)
    }

    /// Ends a session. That it is over already is as good.
    pub(crate) async fn end(&self, session: &Session, now: SystemTime) -> Result<(), Error> {
        self.remove(&session.key, now).await
    }

    /// Ends all but this one, those included that get another token meanwhile. Says how many.
    pub(crate) async fn end_others(&self, kept: &Session, now: SystemTime) -> Result<usize, Error> {
        let mut ended = 0;
        loop {
            let mut others = self.list(kept.account(), now).await?;
            others.retain(|session| session.key != kept.key);
            if others.is_empty() {
                return Ok(ended);
            }
            for session in others {
                self.end(&session, now).await?;
                ended += 1;
            }
        }
    }

    /// Nothing stays of an account that is removed.
    pub(crate) async fn erase(&self, account: &str, now: SystemTime) -> Result<(), Error> {
        for session in self.list(account, now).await? {
            self.end(&session, now).await?;
        }
        for key in self.entries(account, now).await? {
            self.remove(&key, now).await?;
        }
        Ok(())
    }

    async fn remove(&self, key: &Key, now: SystemTime) -> Result<(), Error> {
        let commit = Commit::new().delete(key, Expect::Anything);
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) | Outcome::Conflict(_) => Ok(()),
            Outcome::Unknown => Err(Error::Ended),
        }
    }
}

fn key(token: &Token) -> Result<Key, Error> {
    let (tag, hash) = (token.tag(), token.hash());
    Ok(Key::new(NAMESPACE, (&tag[..], &hash[..]))?)
}

fn put(commit: Commit, key: &Key, record: &Record, expect: Expect) -> Result<Commit, Error> {
    let value = serde_json::to_vec(record).map_err(|_| Error::Damaged)?;
    let ends = (moment(record.seen) + IDLE).min(moment(record.made) + LONGEST);
    Ok(commit.put_until(key, value, expect, ends))
}

fn read(key: Key, found: &record_store::Versioned) -> Result<Session, Error> {
    let record: Record = serde_json::from_slice(found.value()?).map_err(|_| Error::Damaged)?;
    let id = key
        .parts()
        .nth(1)
        .and_then(|hash| SessionId::of(hash.bytes()));
    match (record.format, id) {
        (FORMAT, Some(id)) => Ok(Session {
            record,
            version: found.version(),
            key,
            id,
        }),
        _ => Err(Error::Damaged),
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// The year 2400 at most, so that what is damaged makes no moment that cannot be reckoned with.
fn moment(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.min(13_569_465_600_000))
}

#[cfg(test)]
mod tests;
