//! What the tests of the store share.
#![allow(dead_code)]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pgp_keystore::custody::{AccountId, Cost, Custody, KekFile, RecoveryKey, Session, Setup};
use pgp_keystore::store::{Account, Inline, Store};
use pgp_keystore::{Fingerprint, Form, Generate, Passphrase, Profile};
use pollster::block_on;
use record_store::{Commit, Error, Key, Memory, Outcome, Page, Prefix, Records, Swept, Versioned};

use super::{key, now};

pub(crate) const LASTS: Duration = Duration::from_secs(900);

pub(crate) fn id(name: &str) -> AccountId {
    AccountId::new(name).unwrap()
}

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::from("correct horse")
}

pub(crate) fn setup() -> Setup {
    Setup::new().passphrase(passphrase()).cost(Cost::LEAST)
}

pub(crate) fn store<R: Records>(records: R) -> Store<R, Inline> {
    Store::new(records, Inline).with_kek(Arc::new(KekFile::generate().unwrap()))
}

/// Sets an account up, and opens it.
pub(crate) fn open<R: Records>(account: &Account<'_, R, Inline>) -> (RecoveryKey, Arc<Session>) {
    let recovery = block_on(account.create(setup(), now())).unwrap();
    let session = block_on(account.unlock(&passphrase(), LASTS, now())).unwrap();
    (recovery, session)
}

pub(crate) fn generate<R: Records>(
    account: &Account<'_, R, Inline>,
    session: &Arc<Session>,
    name: &str,
    custody: Custody,
) -> Fingerprint {
    let new = Generate::new(Profile::Modern, now()).user_id(format!("{name} <{name}@example.org>"));
    block_on(account.generate(session, new, custody, now())).unwrap()
}

/// The public octets of a new key.
pub(crate) fn certificate(name: &str) -> Vec<u8> {
    let certificate = key(Profile::Compat, name).certificate();
    certificate.export(Form::Binary).unwrap()
}

/// All that is in the records of the key store.
pub(crate) fn dump(records: &impl Records) -> Vec<(Key, Vec<u8>)> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = block_on(records.scan(&Prefix::all(), after.as_ref(), 1000, now())).unwrap();
        for (key, found) in page.entries {
            let value = block_on(record_store::Large::load(records, &found, now())).unwrap();
            all.push((key, value.to_vec()));
        }
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// The kind of a record, such as `cert`.
pub(crate) fn kind(key: &Key) -> String {
    key.parts().nth(1).unwrap().text().unwrap().to_owned()
}

/// The mutation of every race: a store that calls a conflict a success, so that nobody merges.
pub(crate) struct Swallows(pub(crate) Memory);

impl Records for Swallows {
    async fn get(&self, key: &Key, now: SystemTime) -> Result<Option<Versioned>, Error> {
        self.0.get(key, now).await
    }
    async fn scan(
        &self,
        prefix: &Prefix,
        after: Option<&Key>,
        limit: usize,
        now: SystemTime,
    ) -> Result<Page, Error> {
        self.0.scan(prefix, after, limit, now).await
    }
    async fn commit(&self, commit: Commit, now: SystemTime) -> Result<Outcome, Error> {
        match self.0.commit(commit, now).await? {
            Outcome::Conflict(_) => self.0.commit(Commit::new(), now).await,
            other => Ok(other),
        }
    }
    async fn sweep(&self, now: SystemTime, budget: usize) -> Result<Swept, Error> {
        self.0.sweep(now, budget).await
    }
}
