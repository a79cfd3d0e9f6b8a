//! A link with which a user sets a new password once: what an operator gives to who has forgotten it. It replaces the
//! password and nothing else: the second factor is asked for as before.
//!
//! The record `("mail.reset", SHA-256 of the token)` holds the octet 2, the SHA-256 of the password's hash, and the account. So
//! a link ends after [`LIFETIME`], with its use, with any other change of the password, and with the account; and not with
//! what a login notes of the same password.

use super::sha256;
use crate::{
    accounts::{self, Accounts, Error},
    password::Chosen,
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
const FORMAT: u8 = 2;
/// Octets of a token.
const TOKEN: usize = 32;

/// A new token for an account, in 43 characters of base64url. It is not kept.
pub(crate) async fn issue(
    store: &AnyStore,
    address: &str,
    now: SystemTime,
) -> Result<Zeroizing<String>, Error> {
    let account = accounts::parse(address)?;
    let hash = accounts::hash(&store, &account, now).await?;
    let hash = hash.ok_or(Error::Missing)?;
    let mut token = Zeroizing::new([0; TOKEN]);
    rand::fill(&mut *token).map_err(|_| Error::Random)?;
    let mut value = vec![FORMAT];
    value.extend_from_slice(&sha256(&[hash.as_bytes()]));
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

/// Sets the password, once, and ends what the older one had opened; whose it is. None if the link sets none (any more).
pub(crate) async fn take(
    accounts: &Accounts,
    token: &str,
    password: Chosen,
    now: SystemTime,
) -> Result<Option<Arc<str>>, Error> {
    if find(accounts.store(), token, now).await?.is_none() {
        return Ok(None);
    }
    let value = tokio::task::spawn_blocking(move || accounts::value_of(&password)).await;
    let value = value.map_err(|_| Error::Hash)??;
    // Again where a login has noted something beside the same password.
    for _ in 0..TRIES {
        let Some(found) = find(accounts.store(), token, now).await? else {
            return Ok(None);
        };
        let taken = Commit::new().delete(&found.link, Expect::Version(found.version));
        let place = (&*found.account, found.of);
        if accounts.replace_password(place, &value, taken, now).await? {
            return Ok(Some(found.account));
        }
    }
    Ok(None)
}

const TRIES: usize = 3;

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
    // One of an earlier release has ended.
    let Some((of, account)) = read(record.value()?) else {
        return Ok(None);
    };
    let current = accounts::credential(&store, &account, now).await?;
    let current = current.filter(|current| sha256(&[current.phc.as_bytes()]) == of);
    Ok(current.map(|current| Found {
        link,
        version: record.version(),
        account,
        of: current.version,
    }))
}

fn read(value: &[u8]) -> Option<([u8; 32], Arc<str>)> {
    let (&FORMAT, rest) = value.split_first()? else {
        return None;
    };
    let (hash, account) = rest.split_first_chunk()?;
    Some((*hash, str::from_utf8(account).ok()?.into()))
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

    fn chosen(text: &str) -> Chosen {
        Chosen::unchecked(text)
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + LIFETIME
    }

    async fn world() -> (Arc<AnyStore>, Accounts) {
        let store = Arc::new(AnyStore::open("memory:").unwrap());
        let accounts = Accounts::new(store.clone());
        accounts
            .add(JOE, &chosen("long enough"), now())
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
        let take = async |word: &str| take(&accounts, &token, chosen(word), now()).await.unwrap();
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
        let word = |n| chosen(&format!("the word of {n}"));
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
            .set_password(JOE, &chosen("another one"), now())
            .await
            .unwrap();
        assert!(look(&token, now()).await.is_none());
        let token = issue(&store, JOE, now()).await.unwrap();
        assert!(look(&token, now()).await.is_some());
        accounts.remove(JOE, now()).await.unwrap();
        accounts
            .add(JOE, &chosen("a later owner"), now())
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
