//! OpenPGP for the accounts of the service: their keys, the messages that they sign and encrypt, the signatures of those
//! that come in. The policy lies in `pgp-keystore`; this wires it to accounts, messages and threads.
//!
//! An account's keys belong to its owner (`Accounts::know_owner`), not to its address: whoever gets the address of
//! somebody who is gone finds none of them.

mod error;
mod incoming;
mod keyring;
mod letters;
mod pool;
mod settings;

pub use error::Error;
#[cfg(test)]
pub(crate) use incoming::ALARMS;
pub(crate) use incoming::Told;
pub use keyring::{Account, Keyring, Opener, OwnKey, Wanted};
pub use letters::{Planned, Signing};
pub use pool::Pool;
pub(crate) use settings::key as settings_key;

use crate::{Accounts, Clock, Config, accounts::Owner};
use pgp_keystore::{
    custody::{AccountId, CustodyError, KekFile},
    store::{Inline, Store, StoreError},
    wkd,
};
use record_store::AnyStore;
use std::{fmt, path::PathBuf, sync::Arc, time::SystemTime};

/// The keys of all accounts, in the store of the service.
pub struct OpenPgp {
    store: Store<Arc<AnyStore>, Pool>,
    records: Arc<AnyStore>,
    pool: Pool,
    accounts: Accounts,
    clock: Clock,
    served: Served,
}

/// Whether the server can open keys by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Served {
    Yes,
    /// There is no key-encryption key.
    No,
}

impl fmt::Debug for OpenPgp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenPgp").finish_non_exhaustive()
    }
}

impl OpenPgp {
    /// As the configuration says. The file of the key-encryption key is read now.
    ///
    /// # Errors
    /// [`Error::Kek`], [`Error::KekInside`].
    pub fn new(config: &Config, records: Arc<AnyStore>, clock: Clock) -> Result<Self, Error> {
        let pool = Pool::new(config.openpgp.threads());
        let store = Store::new(records.clone(), pool.clone());
        let (store, served) = match kek_place(config) {
            Ok(place) => {
                let kek = KekFile::open(&place).map_err(|error| Error::Kek(place, error))?;
                (store.with_kek(Arc::new(kek)), Served::Yes)
            }
            Err(Error::NoKek) => (store, Served::No),
            Err(error) => return Err(error),
        };
        Ok(Self {
            store,
            accounts: Accounts::new(records.clone()),
            records,
            pool,
            clock,
            served,
        })
    }

    /// The keys of an account, which must exist.
    ///
    /// # Errors
    /// [`Error::Account`].
    pub async fn keyring(&self, address: &str) -> Result<Keyring<'_>, Error> {
        let address = crate::accounts::parse(address)?;
        let owner = self.accounts.know_owner(&address, self.clock.now()).await?;
        self.keyring_of(&address, &owner)
    }

    /// What is published, as a directory answers.
    pub(crate) async fn published(&self, asked: &wkd::Request, now: SystemTime) -> wkd::Response {
        self.store.directory().serve(asked, now).await
    }

    fn keyring_of(&self, address: &Arc<str>, owner: &Owner) -> Result<Keyring<'_>, Error> {
        let account = self.store.account(account_id(owner)?);
        Ok(Keyring::new(self, address.clone(), *owner, account))
    }
}

/// Makes the file of the key-encryption key that the configuration names, and says where it is.
///
/// # Errors
/// [`Error::NoKek`], [`Error::KekInside`], [`Error::Kek`]: also if there is one.
pub fn make_kek(config: &Config) -> Result<PathBuf, Error> {
    let place = kek_place(config)?;
    KekFile::create(&place).map_err(|error| Error::Kek(place.clone(), error))?;
    Ok(place)
}

fn kek_place(config: &Config) -> Result<PathBuf, Error> {
    let place = config.openpgp.kek.clone().ok_or(Error::NoKek)?;
    match config.kek_is_outside() {
        true => Ok(place),
        false => Err(Error::KekInside(place)),
    }
}

/// Removes all keys of an owner.
pub(crate) async fn erase(
    records: Arc<AnyStore>,
    owner: &Owner,
    now: SystemTime,
) -> Result<(), StoreError> {
    let store = Store::new(records, Inline);
    store.account(account_id(owner)?).erase(now).await
}

/// The name of an owner's keys.
fn account_id(owner: &Owner) -> Result<AccountId, CustodyError> {
    let hex = owner.iter().map(|octet| format!("{octet:02x}"));
    AccountId::new(hex.collect::<String>())
}
