//! Who has a mailbox here.
//!
//! Records: `("mail.account", address)` holds the octet 1 and the password's PHC string, `("mail.owner", address)` 16
//! random octets that tell this owner of the address from earlier and later ones. They are made when something is to be
//! for him alone, and end with the account.

use crate::{auth, domain, mailbox, smtp::command::Address};
use record_store::{AnyStore, Commit, Expect, Key, Outcome, Prefix, Records, Version, Versioned};
use std::{sync::Arc, time::SystemTime};
use zeroize::Zeroizing;

const NAMESPACE: &str = "mail.account";
const OWNERS: &str = "mail.owner";
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
    /// The password is too short, too long to be sent by POP3, or cannot be typed.
    #[error(
        "a password needs at least 8 characters, at most 248 octets, and no control characters"
    )]
    Password,
    /// The first that anybody would try.
    #[error("the password stands in the address, or is one character over and over")]
    Guessable,
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hash,
    /// The store could not do it.
    #[error("the store failed")]
    Store(#[from] record_store::Error),
    /// The record is damaged, or a later release wrote it.
    #[error("the account's record cannot be read")]
    Damaged,
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

    /// Whether there is such an account.
    pub(crate) async fn exists(&self, account: &str, now: SystemTime) -> Result<bool, Error> {
        Ok(self.store.get(&key(account)?, now).await?.is_some())
    }

    /// The hash of the account's password; none if there is no such account.
    pub(crate) async fn hash(
        &self,
        account: &str,
        now: SystemTime,
    ) -> Result<Option<Arc<str>>, Error> {
        let Some(record) = self.store.get(&key(account)?, now).await? else {
            return Ok(None);
        };
        match record.value()? {
            [FORMAT, hash @ ..] => {
                let hash = std::str::from_utf8(hash).map_err(|_| Error::Damaged)?;
                Ok(Some(hash.into()))
            }
            _ => Err(Error::Damaged),
        }
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
        password: &Zeroizing<String>,
        now: SystemTime,
    ) -> Result<(), Error> {
        let account = parse(address)?;
        if self.exists(&account, now).await? {
            return Err(Error::Exists);
        }
        suits(password, &account)?;
        // A removal that was broken off may have left mail, which is nobody else's business.
        mailbox::empty(&self.store, &account, now).await?;
        self.put(&account, password, Expect::Absent, now)
            .await
            .map_err(|error| match error {
                Error::Raced => Error::Exists,
                other => other,
            })
    }

    /// Gives an account another password.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn set_password(
        &self,
        address: &str,
        password: &Zeroizing<String>,
        now: SystemTime,
    ) -> Result<(), Error> {
        let account = parse(address)?;
        let record = self.store.get(&key(&account)?, now).await?;
        let record = record.ok_or(Error::Missing)?;
        suits(password, &account)?;
        let expect = Expect::Version(record.version());
        self.put(&account, password, expect, now).await
    }

    /// Removes an account and all its mail. If it was broken off, the next call finishes it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remove(&self, address: &str, now: SystemTime) -> Result<(), Error> {
        let account = parse(address)?;
        let existed = self.exists(&account, now).await?;
        // First the account, so that nothing new arrives.
        let commit = Commit::new()
            .delete(&key(&account)?, Expect::Anything)
            .delete(&owner_key(&account)?, Expect::Anything);
        self.commit(commit, now).await?;
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

    async fn put(
        &self,
        account: &str,
        password: &Zeroizing<String>,
        expect: Expect,
        now: SystemTime,
    ) -> Result<(), Error> {
        let hash = auth::hash(password).map_err(|_| Error::Hash)?;
        let value = [&[FORMAT], hash.as_bytes()].concat();
        let mut commit = Commit::new().put(&key(account)?, &*value, expect);
        if expect == Expect::Absent {
            // Somebody else from now on.
            commit = commit.delete(&owner_key(account)?, Expect::Anything);
        }
        match self.commit(commit, now).await? {
            None => Ok(()),
            // Each hash has a salt of its own: this is ours, of a try whose outcome nobody knew.
            Some(found) if found.value().is_ok_and(|found| found == value) => Ok(()),
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

fn owner_key(account: &str) -> Result<Key, record_store::Error> {
    Key::new(OWNERS, account)
}

/// Fewest characters of a password.
const SHORTEST: usize = 8;
/// Most octets of a password. RFC 2449 §4: a command has at most 255 octets; "PASS ", CR and LF are
/// seven of them.
const LONGEST: usize = 248;

/// Whether an account may have this password.
fn suits(password: &str, account: &str) -> Result<(), Error> {
    let characters = password.chars().count();
    if characters < SHORTEST || password.len() > LONGEST || password.contains(char::is_control) {
        return Err(Error::Password);
    }
    let mut rest = password.chars();
    let first = rest.next();
    if account.contains(&password.to_lowercase()) || rest.all(|c| Some(c) == first) {
        return Err(Error::Guessable);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn passwords_that_suit() {
        let fits = |password: &str| suits(password, "alice.miller@b.example");
        for good in ["long enough", "\u{e4}\u{f6}\u{fc}\u{df} \u{e4}\u{f6}\u{fc}"] {
            assert!(fits(good).is_ok(), "{good}");
        }
        let longest = "ab".repeat(LONGEST / 2);
        assert!(fits(&longest).is_ok());
        // It fits into a line of the length that RFC 2449 §4 allows.
        assert_eq!(format!("PASS {longest}\r\n").len(), 255);
        let longer = format!("{longest}c");
        for bad in [
            "",
            "1234567",
            "\u{e4}\u{f6}\u{fc}\u{df}",
            "tab\tand more",
            "a\0bcdefgh",
            &longer,
        ] {
            assert!(matches!(fits(bad), Err(Error::Password)), "{bad:?}");
        }
        for bad in ["Alice.Miller", "miller@b.example", "xxxxxxxxxxxx"] {
            assert!(matches!(fits(bad), Err(Error::Guessable)), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn a_life() {
        let store = Arc::new(AnyStore::open("memory:").unwrap());
        let accounts = Accounts::new(store);
        let now = SystemTime::UNIX_EPOCH;
        let password = Zeroizing::new("long enough".to_owned());
        let short = Zeroizing::new("short".to_owned());
        assert!(matches!(
            accounts.add("a@b.example", &short, now).await,
            Err(Error::Password)
        ));
        assert!(accounts.list(now).await.unwrap().is_empty());
        accounts.add("A@b.example", &password, now).await.unwrap();
        assert!(matches!(
            accounts.add("a@b.example", &password, now).await,
            Err(Error::Exists)
        ));
        assert_eq!(accounts.list(now).await.unwrap(), ["a@b.example"]);
        let hash = accounts.hash("a@b.example", now).await.unwrap();
        accounts
            .set_password("a@b.example", &password, now)
            .await
            .unwrap();
        assert_ne!(accounts.hash("a@b.example", now).await.unwrap(), hash);
        accounts.remove("a@b.example", now).await.unwrap();
        assert!(!accounts.exists("a@b.example", now).await.unwrap());
        assert!(matches!(
            accounts.remove("a@b.example", now).await,
            Err(Error::Missing)
        ));
    }

    /// Whoever gets the address of somebody who is gone does not get his mail, even if the removal
    /// was broken off in its middle; and it can be finished.
    #[tokio::test]
    async fn a_removal_that_was_broken_off() {
        let store = Arc::new(AnyStore::open("memory:").unwrap());
        let accounts = Accounts::new(store.clone());
        let now = SystemTime::UNIX_EPOCH;
        let password = Zeroizing::new("long enough".to_owned());
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
