//! Who has a mailbox here.
//!
//! Records: `("mail.account", address)` holds the password's hash ([`record`]), `("mail.owner", address)` 16
//! random octets that tell this owner of the address from earlier and later ones. They are made when something is to be
//! for him alone, and end with the account. `("mail.rebind", address)` holds the octet 1 from when a password is new until
//! what the older one had opened has ended. `("mail.breached", address)` says that the user is to be told that the password
//! must be changed, since when ([`breached`]).

pub(crate) mod breached;
mod record;

pub(crate) use record::{Credential, Of};

use crate::{
    breach_alerts, domain, mailbox, openpgp,
    password::Chosen,
    second_factor,
    sessions::{self, Sessions},
    smtp::command::Address,
};
use record_store::{AnyStore, Commit, Expect, Key, Outcome, Prefix, Records, Version, Versioned};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::SystemTime,
};

const NAMESPACE: &str = "mail.account";
const OWNERS: &str = "mail.owner";
const REBIND: &str = "mail.rebind";
const FORMAT: u8 = 1;

/// Why an account could not be read or changed.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not an address.
    #[error("not a mail address")]
    Address,
    /// There is one already.
    #[error("the account exists already")]
    Exists,
    /// There is none.
    #[error("no such account")]
    Missing,
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hash,
    /// The store could not do it.
    #[error("the store failed")]
    Store(#[from] record_store::Error),
    /// The record is damaged, or a later release wrote it.
    #[error("the account's record cannot be read")]
    Damaged,
    /// Its keys could not be removed.
    #[error("the account's keys could not be removed")]
    Keys(#[from] pgp_keystore::store::StoreError),
    /// Its second factors could not be removed, or those of an earlier owner.
    #[error("the account's second factors could not be removed")]
    SecondFactor(#[from] twofactor::Error),
    /// The password is the new one; what the older one has opened could not be ended yet.
    #[error(
        "the password is the new one, but what the older one has opened goes on; a running service ends it within minutes"
    )]
    Rebind(#[source] twofactor::Error),
    /// No random numbers.
    #[error("no random numbers")]
    Random,
    /// Somebody else was faster, or nobody knows.
    #[error("the account was changed by somebody else")]
    Raced,
}

/// Who has an address now: 16 random octets.
pub(crate) type Owner = [u8; 16];

/// The account that an address stands for: the domain in A-labels, all in lower case. None if the
/// domain is not one.
pub(crate) fn account_of(address: &Address) -> Option<Arc<str>> {
    let domain = domain::canonical(address.domain())?;
    Some(format!("{}@{domain}", address.local().to_lowercase()).into())
}

/// The accounts in a store.
#[derive(Debug)]
pub struct Accounts {
    store: Arc<AnyStore>,
}

impl Accounts {
    /// The accounts of this store.
    pub fn new(store: Arc<AnyStore>) -> Self {
        Self { store }
    }

    pub(crate) fn store(&self) -> &AnyStore {
        &self.store
    }

    /// Whether there is such an account.
    pub(crate) async fn exists(&self, account: &str, now: SystemTime) -> Result<bool, Error> {
        Ok(self.store.get(&key(account)?, now).await?.is_some())
    }

    /// Who has the account, and the record that says so; none if nobody has it, or nobody has asked before.
    pub(crate) async fn owner(
        &self,
        account: &str,
        now: SystemTime,
    ) -> Result<Option<(Owner, Key, Version)>, Error> {
        if !self.exists(account, now).await? {
            return Ok(None);
        }
        let key = owner_key(account)?;
        let Some(record) = self.store.get(&key, now).await? else {
            return Ok(None);
        };
        let owner = record.value()?.try_into().map_err(|_| Error::Damaged)?;
        Ok(Some((owner, key, record.version())))
    }

    /// Who has the account; from now on he can be told from others.
    pub(crate) async fn know_owner(&self, account: &str, now: SystemTime) -> Result<Owner, Error> {
        for _ in 0..TRIES {
            if let Some((owner, ..)) = self.owner(account, now).await? {
                return Ok(owner);
            }
            let record = self.store.get(&key(account)?, now).await?;
            let version = record.ok_or(Error::Missing)?.version();
            let mut owner = Owner::default();
            aws_lc_rs::rand::fill(&mut owner).map_err(|_| Error::Random)?;
            let commit = Commit::new()
                .put(&owner_key(account)?, owner, Expect::Absent)
                .guard(&key(account)?, Expect::Version(version));
            // Whatever it was, the next look shows it.
            let (Outcome::Committed(_) | Outcome::Conflict(_) | Outcome::Unknown) =
                self.store.commit(commit, now).await?;
        }
        match self.owner(account, now).await? {
            Some((owner, ..)) => Ok(owner),
            None => Err(Error::Raced),
        }
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn add(
        &self,
        address: &str,
        password: &Chosen,
        now: SystemTime,
    ) -> Result<(), Error> {
        let account = parse(address)?;
        if self.exists(&account, now).await? {
            return Err(Error::Exists);
        }
        // A removal that was broken off may have left mail and factors, which are nobody else's business.
        mailbox::empty(&self.store, &account, now).await?;
        self.erase_factors(&account, now).await?;
        self.erase_sessions(&account, now).await?;
        breach_alerts::erase(&self.store, &account, now).await?;
        self.put(&account, password, Expect::Absent, now)
            .await
            .map_err(|error| match error {
                Error::Raced => Error::Exists,
                other => other,
            })
    }

    /// Gives an account another password. The second factor stays; waits and failures begin anew, known and remembered
    /// devices are forgotten, and every session ends, also if this is broken off: then by a running service.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn set_password(
        &self,
        address: &str,
        password: &Chosen,
        now: SystemTime,
    ) -> Result<(), Error> {
        let account = parse(address)?;
        let before = credential(&self.store, &account, now).await?;
        let value = record::of(password)?;
        let before = before.ok_or(Error::Missing)?;
        self.put_over(&account, before, &value, now).await?;
        self.rebind(&account, now).await.map_err(Error::Rebind)
    }

    /// A new password instead of the record of this version, with a commit of more; whether it was that version. The value is
    /// that of [`value_of`].
    pub(crate) async fn replace_password(
        &self,
        (account, version): (&str, Version),
        value: &[u8],
        more: Commit,
        now: SystemTime,
    ) -> Result<bool, Error> {
        let expect = Expect::Version(version);
        let put = self.put_value(account, value, expect, more, now).await;
        match put {
            Ok(()) => {}
            Err(Error::Raced) => return Ok(false),
            Err(error) => return Err(error),
        }
        self.rebind(account, now).await.map_err(Error::Rebind)?;
        Ok(true)
    }

    /// As [`set_password`](Self::set_password) does it, up to its first commit.
    #[cfg(test)]
    pub(crate) async fn half_set_password(&self, account: &str, now: SystemTime) {
        let record = self.store.get(&key(account).unwrap(), now).await.unwrap();
        let expect = Expect::Version(record.unwrap().version());
        self.put(account, &Chosen::unchecked("another one"), expect, now)
            .await
            .unwrap();
    }

    /// Ends what older passwords have opened, where that was broken off.
    pub(crate) async fn finish_rebinds(&self, now: SystemTime) -> Result<(), Error> {
        let prefix = Prefix::new(REBIND, ())?;
        let page = self.store.scan(&prefix, None, 1000, now);
        for (key, _) in page.await?.entries {
            let account = key
                .parts()
                .next()
                .and_then(|part| Some(part.text()?.to_owned()));
            let account = account.ok_or(Error::Damaged)?;
            self.rebind(&account, now).await?;
        }
        Ok(())
    }

    async fn rebind(&self, account: &str, now: SystemTime) -> Result<(), twofactor::Error> {
        let factors = second_factor::keyless(self.store.clone())?;
        let user = second_factor::user_of(account).map_err(|_| NO_USER)?;
        factors.rebind_password(&user, now).await?;
        // If it stays, the next time does no harm.
        let commit = Commit::new().delete(&rebind_key(account)?, Expect::Anything);
        let _ = self.store.commit(commit, now).await?;
        Ok(())
    }

    async fn erase_factors(&self, account: &str, now: SystemTime) -> Result<(), Error> {
        let factors = second_factor::keyless(self.store.clone())?;
        let user = second_factor::user_of(account).map_err(|_| NO_USER)?;
        Ok(factors.erase(&user, now).await?)
    }

    async fn erase_sessions(&self, account: &str, now: SystemTime) -> Result<(), Error> {
        let erased = Sessions::new(self.store.clone()).erase(account, now).await;
        erased.map_err(|error| match error {
            sessions::Error::Store(error) => Error::Store(error),
            _ => Error::Raced,
        })
    }

    /// Removes an account with all its mail, its second factors and its keys, these first. If it was broken off, the next call
    /// finishes it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remove(&self, address: &str, now: SystemTime) -> Result<(), Error> {
        let account = parse(address)?;
        let existed = self.exists(&account, now).await?;
        if let Some((owner, ..)) = self.owner(&account, now).await? {
            // While it is still known whose they are.
            openpgp::erase(self.store.clone(), &owner, now).await?;
        }
        // The account before its mail, so that nothing new arrives.
        let commit = Commit::new()
            .delete(&key(&account)?, Expect::Anything)
            .delete(&owner_key(&account)?, Expect::Anything)
            .delete(&openpgp::settings_key(&account)?, Expect::Anything)
            .delete(&rebind_key(&account)?, Expect::Anything)
            .delete(&breached::key(&account)?, Expect::Anything);
        self.commit(commit, now).await?;
        self.erase_factors(&account, now).await?;
        self.erase_sessions(&account, now).await?;
        breach_alerts::erase(&self.store, &account, now).await?;
        match mailbox::empty(&self.store, &account, now).await? {
            0 if !existed => Err(Error::Missing),
            _ => Ok(()),
        }
    }

    /// The addresses, in order.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn list(&self, now: SystemTime) -> Result<Vec<String>, Error> {
        let prefix = Prefix::new(NAMESPACE, ())?;
        let (mut addresses, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.scan(&prefix, after.as_ref(), 1000, now).await?;
            let address = |key: &Key| Some(key.parts().next()?.text()?.to_owned());
            addresses.extend(page.entries.iter().filter_map(|(key, _)| address(key)));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(addresses),
            }
        }
    }

    /// Those who have an account and can be told from others ([`know_owner`](Self::know_owner)), by address.
    pub(crate) async fn owners(&self, now: SystemTime) -> Result<BTreeMap<String, Owner>, Error> {
        let (prefix, mut owners, mut after) = (Prefix::new(OWNERS, ())?, BTreeMap::new(), None);
        loop {
            let page = self.store.scan(&prefix, after.as_ref(), 1000, now).await?;
            for (key, record) in &page.entries {
                let address = key
                    .parts()
                    .next()
                    .and_then(|part| Some(part.text()?.to_owned()));
                let owner = record.value()?.try_into().map_err(|_| Error::Damaged)?;
                owners.insert(address.ok_or(Error::Damaged)?, owner);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        // Of an account that is gone nobody is the owner, whatever a removal has left.
        let accounts: BTreeSet<_> = self.list(now).await?.into_iter().collect();
        owners.retain(|address, _| accounts.contains(address));
        Ok(owners)
    }

    async fn put(
        &self,
        account: &str,
        password: &Chosen,
        expect: Expect,
        now: SystemTime,
    ) -> Result<(), Error> {
        let value = record::of(password)?;
        self.put_value(account, &value, expect, Commit::new(), now)
            .await
    }

    /// In the place of what was read: also if a login has noted something beside the same password since.
    async fn put_over(
        &self,
        account: &str,
        mut before: Credential,
        value: &[u8],
        now: SystemTime,
    ) -> Result<(), Error> {
        for _ in 0..TRIES {
            let expect = Expect::Version(before.version);
            let put = self.put_value(account, value, expect, Commit::new(), now);
            match put.await {
                Err(Error::Raced) => {}
                done => return done,
            }
            match credential(&self.store, account, now).await? {
                Some(there) if there.phc == before.phc => before = there,
                _ => break,
            }
        }
        Err(Error::Raced)
    }

    async fn put_value(
        &self,
        account: &str,
        value: &[u8],
        expect: Expect,
        more: Commit,
        now: SystemTime,
    ) -> Result<(), Error> {
        let commit = more
            .put(&key(account)?, value, expect)
            // What there was to be said of the password before.
            .delete(&breached::key(account)?, Expect::Anything);
        let commit = match expect {
            // Somebody else from now on.
            Expect::Absent => commit
                .delete(&owner_key(account)?, Expect::Anything)
                .delete(&openpgp::settings_key(account)?, Expect::Anything),
            _ => commit.put(&rebind_key(account)?, [FORMAT], Expect::Anything),
        };
        match self.commit(commit, now).await? {
            None => Ok(()),
            // Each hash has a salt of its own: this is ours, of a try whose outcome nobody knew.
            Some(found)
                if found
                    .value()
                    .is_ok_and(|found| record::is_same(found, value)) =>
            {
                Ok(())
            }
            Some(_) => Err(Error::Raced),
        }
    }

    /// What is there instead, if the commit met a conflict.
    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Option<Versioned>, Error> {
        for _ in 0..TRIES {
            match self.store.commit(commit.clone(), now).await? {
                Outcome::Committed(_) => return Ok(None),
                Outcome::Conflict(conflict) => return conflict.found.map(Some).ok_or(Error::Raced),
                // The next try finds out.
                Outcome::Unknown => {}
            }
        }
        Err(Error::Raced)
    }
}

/// What the password of an account is compared with; none if there is no such account. One read, whatever it finds.
pub(crate) async fn credential(
    records: &impl Records,
    account: &str,
    now: SystemTime,
) -> Result<Option<Credential>, Error> {
    match records.get(&key(account)?, now).await? {
        Some(record) => Credential::read(&record).map(Some),
        None => Ok(None),
    }
}

/// The hash alone.
pub(crate) async fn hash(
    records: &impl Records,
    account: &str,
    now: SystemTime,
) -> Result<Option<Arc<str>>, Error> {
    let found = credential(records, account, now).await?;
    Ok(found.map(|found| found.phc))
}

/// The value of the record of an account with this password. Computes Argon2.
pub(crate) fn value_of(password: &Chosen) -> Result<Vec<u8>, Error> {
    record::of(password)
}

const TRIES: usize = 3;

/// The account that a text names, as `user add` and USER take it.
pub(crate) fn parse(address: &str) -> Result<Arc<str>, Error> {
    let address = Address::parse(address).ok_or(Error::Address)?;
    account_of(&address).ok_or(Error::Address)
}

/// Where the record of an account lies.
pub(crate) fn key(account: &str) -> Result<Key, record_store::Error> {
    Key::new(NAMESPACE, account)
}

fn rebind_key(account: &str) -> Result<Key, record_store::Error> {
    Key::new(REBIND, account)
}

/// Every account is a user, so this is never seen.
const NO_USER: twofactor::Error = twofactor::Error::NoSuch { what: "user" };

fn owner_key(account: &str) -> Result<Key, record_store::Error> {
    Key::new(OWNERS, account)
}

/// Most octets of a password. RFC 2449 §4: a command has at most 255 octets; "PASS ", CR and LF are
/// seven of them.
pub(crate) const LONGEST: usize = 248;

#[cfg(test)]
mod tests {
    use super::*;
    use breach_check::recheck::{CorpusVersion, State};

    #[test]
    fn one_account_has_many_spellings() {
        for spelling in [
            "Joe@B\u{fc}cher.example",
            "joe@xn--bcher-kva.EXAMPLE",
            "\"joe\"@b\u{fc}cher.example",
        ] {
            assert_eq!(
                &*parse(spelling).unwrap(),
                "joe@xn--bcher-kva.example",
                "{spelling}"
            );
        }
        assert!(matches!(parse("joe"), Err(Error::Address)));
    }

    #[tokio::test]
    async fn a_life() {
        let store = Arc::new(AnyStore::open("memory:").unwrap());
        let accounts = Accounts::new(store);
        let now = SystemTime::UNIX_EPOCH;
        let password = Chosen::unchecked("long enough");
        assert!(accounts.list(now).await.unwrap().is_empty());
        accounts.add("A@b.example", &password, now).await.unwrap();
        assert!(matches!(
            accounts.add("a@b.example", &password, now).await,
            Err(Error::Exists)
        ));
        assert_eq!(accounts.list(now).await.unwrap(), ["a@b.example"]);
        let old = hash(&accounts.store, "a@b.example", now).await.unwrap();
        accounts
            .set_password("a@b.example", &password, now)
            .await
            .unwrap();
        assert_ne!(
            hash(&accounts.store, "a@b.example", now).await.unwrap(),
            old
        );
        accounts.remove("a@b.example", now).await.unwrap();
        assert!(!accounts.exists("a@b.example", now).await.unwrap());
        assert!(matches!(
            accounts.remove("a@b.example", now).await,
            Err(Error::Missing)
        ));
    }

    /// The mutation: without the second look a login in between keeps the new password out.
    #[tokio::test]
    async fn a_login_in_between_does_not_stop_a_new_password_and_another_one_does() {
        let accounts = Accounts::new(Arc::new(AnyStore::open("memory:").unwrap()));
        let (address, now) = ("a@b.example", SystemTime::UNIX_EPOCH);
        let chosen = Chosen::unchecked;
        accounts
            .add(address, &chosen("long enough"), now)
            .await
            .unwrap();
        let there = async || {
            credential(&accounts.store, address, now)
                .await
                .unwrap()
                .unwrap()
        };
        let before = there().await;
        let known = State::accepted(CorpusVersion::from_number(7));
        before
            .note(&accounts.store, address, known, now)
            .await
            .unwrap();
        let noted = there().await;
        assert_eq!((noted.state, &noted.phc), (known, &before.phc));
        let value = value_of(&chosen("another one")).unwrap();
        let expect = Expect::Version(before.version);
        let once = accounts.put_value(address, &value, expect, Commit::new(), now);
        assert!(matches!(once.await, Err(Error::Raced)));
        accounts
            .put_over(address, before.clone(), &value, now)
            .await
            .unwrap();
        assert_eq!(there().await.state, State::default());
        // Who has read the first password does not replace the second one.
        let value = value_of(&chosen("a third one")).unwrap();
        let late = accounts.put_over(address, before, &value, now).await;
        assert!(matches!(late, Err(Error::Raced)));
    }

    /// Whoever gets the address of somebody who is gone does not get his mail, even if the removal
    /// was broken off in its middle; and it can be finished.
    #[tokio::test]
    async fn a_removal_that_was_broken_off() {
        let store = Arc::new(AnyStore::open("memory:").unwrap());
        let accounts = Accounts::new(store.clone());
        let now = SystemTime::UNIX_EPOCH;
        let password = Chosen::unchecked("long enough");
        let quota = mailbox::Quota {
            octets: 1000,
            messages: 10,
        };
        let boxes = mailbox::Mailboxes::new(store, quota);
        let (address, account) = ("a@b.example", ["a@b.example".into()]);
        let half_removed = async || {
            accounts.add(address, &password, now).await.unwrap();
            boxes.deliver(&account, b"private", now).await.unwrap();
            let half = Commit::new().delete(&key(address).unwrap(), Expect::Anything);
            accounts.commit(half, now).await.unwrap();
            assert_eq!(boxes.rows(address, now).await.unwrap().len(), 1);
        };
        half_removed().await;
        accounts.remove(address, now).await.unwrap();
        assert!(boxes.rows(address, now).await.unwrap().is_empty());
        half_removed().await;
        accounts.add(address, &password, now).await.unwrap();
        assert!(boxes.rows(address, now).await.unwrap().is_empty());
    }
}
