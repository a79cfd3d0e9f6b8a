//! A link with which a user sets a new password once: what an operator gives to who has forgotten it. It replaces the
//! password and nothing else: the second factor is asked for as before.
//!
//! The record `("mail.reset", SHA-256 of the token)` holds the octet 1, the version of the account's record in 8 octets, and
//! the account. So a link ends after [`LIFETIME`], with its use, with any other change of the password, and with the account.

use super::sha256;
use crate::{
    accounts::{self, Accounts, Error, suits},
    auth,
};
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use record_store::{AnyStore, Commit, Expect, Key, Outcome, Records, Version};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use zeroize::Zeroizing;

/// How long a link can be used.
pub(crate) const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
const NAMESPACE: &str = "mail.reset";
const FORMAT: u8 = 1;
/// Octets of a token.
const TOKEN: usize = 32;

/// A new token for an account, in 43 characters of base64url. It is not kept.
pub(crate) async fn issue(
    store: &AnyStore,
    address: &str,
    now: SystemTime,
) -> Result<Zeroizing<String>, Error> {
    let account = accounts::parse(address)?;
    let record = store.get(&accounts::key(&account)?, now).await?;
    let version = record.ok_or(Error::Missing)?.version();
    let mut token = Zeroizing::new([0; TOKEN]);
    rand::fill(&mut *token).map_err(|_| Error::Random)?;
    let mut value = vec![FORMAT];
    value.extend_from_slice(&version.to_u64().to_be_bytes());
    value.extend_from_slice(account.as_bytes());
    let until = now.checked_add(LIFETIME).unwrap_or(now);
    let commit = Commit::new().put_until(&key(&token)?, &*value, Expect::Absent, until);
    match store.commit(commit, now).await? {
        Outcome::Committed(_) => Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*token))),
        Outcome::Conflict(_) | Outcome::Unknown => Err(Error::Raced),
    }
}

/// Whose password it sets; none if it sets none (any more). Nothing is changed.
pub(crate) async fn look(
    store: &AnyStore,
    token: &str,
    now: SystemTime,
) -> Result<Option<Arc<str>>, Error> {
    Ok(find(store, token, now).await?.map(|found| found.account))
}

/// Sets the password, once, and ends what the older one had opened; whose it is. None if the link sets none (any more). A
/// password that does not suit leaves it as it is.
pub(crate) async fn take(
    accounts: &Accounts,
    token: &str,
    password: Zeroizing<String>,
    now: SystemTime,
) -> Result<Option<Arc<str>>, Error> {
    let Some(found) = find(accounts.store(), token, now).await? else {
        return Ok(None);
    };
    suits(&password, &found.account)?;
    let hashed = tokio::task::spawn_blocking(move || auth::hash(&password)).await;
    let hash = hashed.map_err(|_| Error::Hash)?.map_err(|_| Error::Hash)?;
    let taken = Commit::new().delete(&found.link, Expect::Version(found.version));
    let place = (&*found.account, found.of);
    match accounts.replace_password(place, &hash, taken, now).await? {
        true => Ok(Some(found.account)),
        false => Ok(None),
    }
}

struct Found {
    link: Key,
    version: Version,
    account: Arc<str>,
    /// The version of the account's record.
    of: Version,
}

async fn find(store: &AnyStore, token: &str, now: SystemTime) -> Result<Option<Found>, Error> {
    let mut octets = Zeroizing::new([0; TOKEN]);
    let decoded = URL_SAFE_NO_PAD.decode_slice(token, &mut *octets);
    if decoded != Ok(TOKEN) {
        return Ok(None);
    }
    let link = key(&octets)?;
    let Some(record) = store.get(&link, now).await? else {
        return Ok(None);
    };
    let (of, account) = read(record.value()?).ok_or(Error::Damaged)?;
    let current = store.get(&accounts::key(&account)?, now).await?;
    Ok(current
        .filter(|current| current.version() == of)
        .map(|_| Found {
            link,
            version: record.version(),
            account,
            of,
        }))
}

fn read(value: &[u8]) -> Option<(Version, Arc<str>)> {
    let (&FORMAT, rest) = value.split_first()? else {
        return None;
    };
    let (version, account) = rest.split_first_chunk()?;
    let version = Version::from_u64(u64::from_be_bytes(*version));
    Some((version, str::from_utf8(account).ok()?.into()))
}

fn key(token: &[u8; TOKEN]) -> Result<Key, record_store::Error> {
    Key::new(NAMESPACE, sha256(&[token]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOE: &str = "joe@b.test";

    fn secret(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + LIFETIME
    }

    async fn world() -> (Arc<AnyStore>, Accounts) {
        let store = Arc::new(AnyStore::open("memory:").unwrap());
        let accounts = Accounts::new(store.clone());
        accounts
            .add(JOE, &secret("long enough"), now())
            .await
            .unwrap();
        (store, accounts)
    }

    #[tokio::test]
    async fn a_link_sets_a_password_once_and_a_look_takes_nothing() {
        let (store, accounts) = world().await;
        let before = accounts::hash(&store, JOE, now()).await.unwrap();
        let token = issue(&store, "Joe@B.test", now()).await.unwrap();
        for _ in 0..3 {
            assert_eq!(
                look(&store, &token, now()).await.unwrap().as_deref(),
                Some(JOE)
            );
        }
        let short = take(&accounts, &token, secret("short"), now()).await;
        assert!(matches!(short, Err(Error::Password)), "{short:?}");
        assert_eq!(accounts::hash(&store, JOE, now()).await.unwrap(), before);
        let take = async |word: &str| take(&accounts, &token, secret(word), now()).await.unwrap();
        assert_eq!(take("another one").await.as_deref(), Some(JOE));
        let after = accounts::hash(&store, JOE, now()).await.unwrap();
        assert_ne!(after, before);
        assert_eq!(take("a third one").await, None);
        assert_eq!(look(&store, &token, now()).await.unwrap(), None);
        assert_eq!(accounts::hash(&store, JOE, now()).await.unwrap(), after);
    }

    #[tokio::test]
    async fn one_of_many_who_take_it_at_once_has_it() {
        let (store, accounts) = world().await;
        let token = issue(&store, JOE, now()).await.unwrap();
        let word = |n| secret(&format!("the word of {n}"));
        let (one, two, three) = tokio::join!(
            take(&accounts, &token, word(1), now()),
            take(&accounts, &token, word(2), now()),
            take(&accounts, &token, word(3), now()),
        );
        let taken = [one, two, three]
            .into_iter()
            .filter(|taken| taken.as_ref().unwrap().is_some());
        assert_eq!(taken.count(), 1);
    }

    #[tokio::test]
    async fn it_ends_with_time_with_the_password_and_with_the_account() {
        let (store, accounts) = world().await;
        let look = async |token: &Zeroizing<String>, now| look(&store, token, now).await.unwrap();
        let token = issue(&store, JOE, now()).await.unwrap();
        let last = now() + LIFETIME - Duration::from_secs(1);
        assert!(look(&token, last).await.is_some());
        assert!(look(&token, now() + LIFETIME).await.is_none());
        accounts
            .set_password(JOE, &secret("another one"), now())
            .await
            .unwrap();
        assert!(look(&token, now()).await.is_none());
        let token = issue(&store, JOE, now()).await.unwrap();
        assert!(look(&token, now()).await.is_some());
        accounts.remove(JOE, now()).await.unwrap();
        accounts
            .add(JOE, &secret("a later owner"), now())
            .await
            .unwrap();
        assert!(look(&token, now()).await.is_none());
        let unknown = issue(&store, "nobody@b.test", now()).await;
        assert!(matches!(unknown, Err(Error::Missing)));
        for no_token in ["", "x", &"A".repeat(43), &"A".repeat(5000)] {
            assert!(look(&secret(no_token), now()).await.is_none());
        }
    }

    #[tokio::test]
    async fn the_store_does_not_have_the_token() {
        let (store, _) = world().await;
        let token = issue(&store, JOE, now()).await.unwrap();
        let octets = URL_SAFE_NO_PAD.decode(token.as_bytes()).unwrap();
        let prefix = record_store::Prefix::new(NAMESPACE, ()).unwrap();
        let page = store.scan(&prefix, None, 10, now()).await.unwrap();
        let [(key, record)] = &page.entries[..] else {
            panic!("{}", page.entries.len())
        };
        let holds = |all: &[u8]| memchr::memmem::find(all, &octets).is_some();
        assert!(!holds(key.as_bytes()) && !holds(record.value().unwrap()));
    }
}
