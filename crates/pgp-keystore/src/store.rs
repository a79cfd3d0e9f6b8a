//! Keys, certificates and trust of many accounts in a record-store (feature `store`, with a backend).
//!
//! ```
//! use pgp_keystore::custody::{AccountId, Custody, KekFile, Setup};
//! use pgp_keystore::store::{Inline, Store};
//! use pgp_keystore::{Form, Generate, Passphrase, Profile, Use, sign_detached};
//! use std::sync::Arc;
//! use std::time::{Duration, SystemTime};
//! # use pgp_keystore::custody::Cost;
//! # let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200);
//! # pollster::block_on(async {
//! let kek = KekFile::generate()?; // KekFile::open, from a file that lies elsewhere
//! let records = record_store::Memory::new(); // or Sqlite, or Postgres
//! let store = Store::new(records, Inline).with_kek(Arc::new(kek));
//! let ann = store.account(AccountId::new("ann")?);
//!
//! let passphrase = Passphrase::from("correct horse");
//! let setup = Setup::new().passphrase(passphrase.clone());
//! # let setup = setup.cost(Cost::LEAST);
//! let recovery = ann.create(setup, now).await?; // stored by now: show it once
//!
//! let session = ann.unlock(&passphrase, Duration::from_secs(900), now).await?;
//! let new = Generate::new(Profile::Modern, now).user_id("Ann <ann@example.org>");
//! let key = ann.generate(&session, new, Custody::Passphrase, now).await?;
//! let sign = move |keys: &[&pgp_keystore::Unlocked]| {
//!     keys.iter().map(|key| sign_detached(key, b"it is me", now, Form::Armored)).collect::<Vec<_>>()
//! };
//! let signatures = ann.with_keys(&session, &[key], sign, now).await?;
//! assert!(signatures[0].is_ok());
//! assert_eq!(ann.default_key(Use::Sign, None, now).await?, Some(key));
//! # Ok::<(), pgp_keystore::store::StoreError>(()) }).unwrap();
//! ```
//!
//! # What is stored
//!
//! All records of an account have the namespace `pgp-keystore` and the account's name as their first part, and no call with
//! a handle of an account reads or writes anything else.
//!
//! | key, after the account | value |
//! |---|---|
//! | `head` | how many certificates, octets and pinned addresses there are, and the number of the next log entry |
//! | `vault` | the wrapped keys of the account ([`Vault`](crate::custody::Vault)) |
//! | `cert`, fingerprint | the certificate, and the version of its secrets |
//! | `secret`, fingerprint | its secrets, wrapped ([`KeySecrets`](crate::custody::KeySecrets)) |
//! | `revocation`, fingerprint | the revocation made at birth; it stays when the key is removed |
//! | `address`, address, fingerprint | nothing: the index by address |
//! | `key`, key ID, fingerprint of the component, of the certificate | nothing: the index by key ID and subkey |
//! | `defaults` | which key is used for what |
//! | `peer`, address | the pinned certificate of an address |
//! | `log`, number | what was changed, and when |
//!
//! Secrets are wrapped (see [`custody`](crate::custody)); all else lies there as it is. Who can write to the records can
//! exchange the certificate of a peer and its pin, and so whom an account writes to: give that right to the service alone.
//!
//! # Changes
//!
//! A call loads, hands what it loaded to a pure function that runs where [`Offload`] says, and commits what that gave: the
//! certificate, its secrets, its index and its log entry at once. Each commit of an account expects its head as it was
//! loaded, and writes it anew, so the changes of an account come one after the other. Who was second loads again and merges:
//! nothing that either wrote is lost. Nothing is returned before it is committed.

mod account;
mod error;
mod find;
mod import;
mod keys;
mod log;
mod offload;
mod peers;
mod quotas;
mod rows;
mod vault;

pub use account::{Account, Store};
pub use error::StoreError;
pub use find::Query;
pub use import::{Done, Report, Taken};
pub use keys::Own;
pub use log::{Event, LogEntry, MAX_LOG};
pub use offload::{Inline, Offload};
pub use peers::{Addressee, SendPlan};
pub use quotas::Quotas;
