//! Who is watched.

use std::time::SystemTime;

use record_store::{Commit, Expect, MAX_PAGE, Outcome, Records, Version};

use super::names::{self, Hash, time};
use super::pass::Pass;
use super::plan::Plan;
use super::user::{News, User};
use super::{Error, Monitor, Ownership, UserId, alert, crypto};
use crate::Http;
use crate::addresses::Address;

/// How often a change is tried anew when others were faster.
pub(super) const TRIES: usize = 100;
/// Alerts that go with a user in one commit.
const WITH_USER: usize = 500;

/// What became of it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watching {
    /// The user is new, and is asked about soon.
    New,
    /// The user has another address than before, which is asked about soon.
    Moved,
    /// The ownership changed. So many sensitive breaches that were held back are alerts now.
    Owner {
        /// How many.
        released: usize,
    },
    /// All is as it was.
    Same,
}

/// How the monitor stands; for its operator.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether the plan has k-anonymity.
    pub k_anonymity: bool,
    /// Requests a minute of the plan; 0 while it is not known.
    pub rpm: u64,
    /// How many domains the subscription searches.
    pub domains: usize,
    /// When the list of breaches was last renewed, and the last pass over all users began.
    pub pass_began: Option<SystemTime>,
    /// Whether a pass is under way.
    pub passing: bool,
    /// How many users the last pass could not ask about, for want of a plan.
    pub lacking: u64,
    /// Nothing is asked before this, since something failed.
    pub retry: Option<SystemTime>,
}

impl<R: Records, H: Http> Monitor<R, H> {
    /// Watches a user's address, from now on; or says what changed about it. It asks nothing by itself.
    ///
    /// A new address is asked about soon. What the user was told already is not told again, though the new address be in
    /// the same breach; sensitive breaches that were held back, or still wait, belong to the old address, and go with it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn watch(
        &self,
        id: &UserId,
        address: &Address,
        ownership: Ownership,
        now: SystemTime,
    ) -> Result<Watching, Error> {
        let hash = self.key.user(id.as_str());
        for _ in 0..TRIES {
            let (commit, done) = match self.user(&hash, now).await? {
                None => {
                    let user = User::new(id, address, ownership, crypto::random()?);
                    let commit = self.put_user(Commit::new(), &hash, &user, Expect::Absent)?;
                    (self.queue(commit, &hash, address)?, Watching::New)
                }
                Some((user, version)) if user.address != *address => {
                    let commit = self.moved(&hash, user, version, (address, ownership), now);
                    (commit.await?, Watching::Moved)
                }
                Some((user, _)) if user.ownership == ownership => return Ok(Watching::Same),
                Some((mut user, version)) => {
                    user.ownership = ownership;
                    let news = match ownership {
                        Ownership::Proven => self.release(&mut user, now).await?,
                        Ownership::Claimed => Vec::new(),
                    };
                    let expect = Expect::Version(version);
                    let commit = self.put_user(Commit::new(), &hash, &user, expect)?;
                    let commit = alert::put(commit, &hash, &user, &news, now)?;
                    let released = news.len();
                    (commit, Watching::Owner { released })
                }
            };
            match self.store.commit(commit, now).await? {
                Outcome::Committed(_) => return Ok(done),
                Outcome::Conflict(_) => {}
                Outcome::Unknown => return Err(Error::InDoubt),
            }
        }
        Err(Error::Contended)
    }

    /// What was held back is told.
    async fn release(&self, user: &mut User, now: SystemTime) -> Result<Vec<News>, Error> {
        let mut news = Vec::new();
        for held in std::mem::take(&mut user.held) {
            let breach = self.known(&held.breach, now).await?;
            news.push(user.tell(&held.breach, breach, held.age, &self.key)?);
        }
        Ok(news)
    }

    async fn moved(
        &self,
        hash: &Hash,
        mut user: User,
        version: Version,
        (address, ownership): (&Address, Ownership),
        now: SystemTime,
    ) -> Result<Commit, Error> {
        let mut commit = Commit::new();
        let (old, new) = (self.at(hash, &user.address)?, self.at(hash, address)?);
        if old != new {
            commit = commit.delete(&old, Expect::Anything);
        }
        // What waits and is sensitive was for whoever owns the old address.
        let (prefix, mut after) = (names::alerts(Some(hash))?, None);
        loop {
            let page = self
                .store
                .scan(&prefix, after.as_ref(), MAX_PAGE, now)
                .await?;
            for (key, found) in page.entries {
                let alert = alert::read(key.clone(), found.value()?);
                let alert = alert.ok_or(Error::Damaged { what: "an alert" })?;
                if alert.is_sensitive() {
                    user.told.remove(&self.key.told(&alert.breach));
                    commit = commit.delete(&key, Expect::Anything);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        user.address = address.clone();
        user.ownership = ownership;
        user.checked = false;
        user.held.clear();
        let commit = self.put_user(commit, hash, &user, Expect::Version(version))?;
        self.queue(commit, hash, address)
    }

    /// Forgets a user, with all that was to be told and was told. Whoever is watched again under the same name is told
    /// everything anew.
    ///
    /// # Errors
    /// [`Error`]. Then the same call again goes on where it ended.
    pub async fn remove(&self, id: &UserId, now: SystemTime) -> Result<(), Error> {
        let hash = self.key.user(id.as_str());
        let prefix = names::alerts(Some(&hash))?;
        for _ in 0..TRIES {
            let user = self.user(&hash, now).await?;
            let page = self.store.scan(&prefix, None, WITH_USER, now).await?;
            if user.is_none() && page.entries.is_empty() {
                return Ok(());
            }
            let key = names::user(&hash)?;
            let mut commit = match &user {
                Some((user, version)) => Commit::new()
                    .delete(&key, Expect::Version(*version))
                    .delete(&names::new(&hash)?, Expect::Anything)
                    .delete(&self.at(&hash, &user.address)?, Expect::Anything),
                // If somebody watches it again, what is found from then on is not ours to delete.
                None => Commit::new().guard(&key, Expect::Absent),
            };
            for (key, _) in &page.entries {
                commit = commit.delete(key, Expect::Anything);
            }
            let is_all = page.next.is_none();
            match self.store.commit(commit, now).await? {
                Outcome::Committed(_) if is_all => return Ok(()),
                Outcome::Committed(_) => {}
                // Watched anew by now: what is left of before is cleared away by `next_alerts`.
                Outcome::Conflict(_) if user.is_none() => return Ok(()),
                Outcome::Conflict(_) => {}
                Outcome::Unknown => return Err(Error::InDoubt),
            }
        }
        Err(Error::Contended)
    }

    /// How it stands.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn status(&self, now: SystemTime) -> Result<Status, Error> {
        let (pass, _) = self.pass(now).await?;
        let (plan, _) = self.plan(now).await?;
        Ok(Status {
            k_anonymity: plan.k_anonymity,
            rpm: plan.rpm,
            domains: plan.domains.len(),
            pass_began: (pass.began != 0).then(|| time(pass.began)),
            passing: pass.phase != super::pass::Phase::Idle,
            lacking: pass.lacked,
            retry: pass.waits(names::millis(now)).map(time),
        })
    }

    pub(super) async fn user(
        &self,
        hash: &Hash,
        now: SystemTime,
    ) -> Result<Option<(User, Version)>, Error> {
        let found = self.store.get(&names::user(hash)?, now).await?;
        let read = |found: record_store::Versioned| {
            let user = User::from_octets(found.value()?)?;
            Ok((user, found.version()))
        };
        found.map(read).transpose()
    }

    pub(super) async fn pass(&self, now: SystemTime) -> Result<(Pass, Expect), Error> {
        match self.store.get(&names::pass()?, now).await? {
            None => Ok((Pass::default(), Expect::Absent)),
            Some(found) => {
                let pass = Pass::from_octets(found.value()?)?;
                Ok((pass, Expect::Version(found.version())))
            }
        }
    }

    pub(super) async fn plan(&self, now: SystemTime) -> Result<(Plan, Expect), Error> {
        match self.store.get(&names::plan()?, now).await? {
            None => Ok((Plan::default(), Expect::Absent)),
            Some(found) => {
                let plan = Plan::from_octets(found.value()?)?;
                Ok((plan, Expect::Version(found.version())))
            }
        }
    }

    pub(super) fn put_user(
        &self,
        commit: Commit,
        hash: &Hash,
        user: &User,
        expect: Expect,
    ) -> Result<Commit, Error> {
        Ok(commit.put(&names::user(hash)?, user.to_octets(), expect))
    }

    /// To be asked about soon.
    fn queue(&self, commit: Commit, hash: &Hash, address: &Address) -> Result<Commit, Error> {
        let at = self.at(hash, address)?;
        let commit = commit.put(&at, *b"", Expect::Anything);
        Ok(commit.put(&names::new(hash)?, *b"", Expect::Anything))
    }

    fn at(&self, hash: &Hash, address: &Address) -> Result<record_store::Key, Error> {
        Ok(names::at(&self.key.domain(address.domain()), hash)?)
    }
}
