//! Who has a mailbox here.
//!
//! Records: `("mail.account", address)` holds the octet 1 and the password's PHC string.

use crate::{auth, mailbox, smtp::command::Address};
use mail_dns::Name;
use record_store::{AnyStore, Commit, Expect, Key, Outcome, Prefix, Records};
use std::{sync::Arc, time::SystemTime};
use zeroize::Zeroizing;

const NAMESPACE: &str = "mail.account";
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
    /// The password has fewer than 8 or more than 1024 octets.
    #[error("a password needs 8 to 1024 octets")]
    Password,
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hash,
    /// The store could not do it.
    #[error("the store failed")]
    Store(#[from] record_store::Error),
    /// The record is damaged, or a later release wrote it.
    #[error("the account's record cannot be read")]
    Damaged,
    /// Somebody else was faster, or nobody knows.
    #[error("the account was changed by somebody else")]
    Raced,
}

/// The account that an address stands for: the domain in A-labels, all in lower case. None if the
/// domain is not one.
pub(crate) fn account_of(address: &Address) -> Option<Arc<str>> {
    let domain = canonical_domain(address.domain())?;
    Some(format!("{}@{domain}", address.local().to_lowercase()).into())
}

/// A domain in A-labels and lower case.
pub(crate) fn canonical_domain(domain: &str) -> Option<String> {
    let name = Name::from_unicode(domain).ok()?;
    (!name.is_root()).then(|| name.to_string())
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
        let expect = Expect::Version(record.version());
        self.put(&account, password, expect, now).await
    }

    /// Removes an account and all its mail.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn remove(&self, address: &str, now: SystemTime) -> Result<(), Error> {
        let account = parse(address)?;
        if !self.exists(&account, now).await? {
            return Err(Error::Missing);
        }
        // First the account, so that nothing new arrives.
        let commit = Commit::new().delete(&key(&account)?, Expect::Anything);
        self.commit(commit, now).await?;
        mailbox::empty(&self.store, &account, now).await
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
        if !(8..=1024).contains(&password.len()) {
            return Err(Error::Password);
        }
        let hash = auth::hash(password).map_err(|_| Error::Hash)?;
        let value = [&[FORMAT], hash.as_bytes()].concat();
        self.commit(Commit::new().put(&key(account)?, value, expect), now)
            .await
    }

    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<(), Error> {
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) => Ok(()),
            Outcome::Conflict(_) | Outcome::Unknown => Err(Error::Raced),
        }
    }
}

/// The account that a text names, as `user add` and USER take it.
pub(crate) fn parse(address: &str) -> Result<Arc<str>, Error> {
    let address = Address::parse(address).ok_or(Error::Address)?;
    account_of(&address).ok_or(Error::Address)
}

fn key(account: &str) -> Result<Key, Error> {
    Ok(Key::new(NAMESPACE, account)?)
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
}
