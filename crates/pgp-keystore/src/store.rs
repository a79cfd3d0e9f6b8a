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
//! a handle of an account reads or writes anything else, but for rows of the directory (see below).
//!
//! | key, after the account | value |
//! |---|---|
//! | `head` | how many certificates, octets and pinned addresses there are, and the number of the next log entry |
//! | `vault` | the wrapped keys of the account ([`Vault`](crate::custody::Vault)) |
//! | `cert`, fingerprint | the certificate, and the version of its secrets |
//! | `secret`, fingerprint | its secrets, wrapped ([`KeySecrets`](crate::custody::KeySecrets)) |
//! | `stubs`, fingerprint | which of its components have GnuPG's stub in the place of a secret; absent for none |
//! | `revocation`, fingerprint | the revocation made at birth; it stays when the key is removed |
//! | `address`, address, fingerprint | nothing: the index by address |
//! | `key`, key ID, fingerprint of the component, of the certificate | nothing: the index by key ID and subkey |
//! | `defaults` | which key is used for what |
//! | `peer`, address | the pinned certificate of an address |
//! | `log`, number | what was changed, and when |
//! | `published` | for which addresses which certificate is published |
//!
//! What is published has a row in another namespace, `pgp-keystore-directory`: domain, hash of the local part → account,
//! certificate, address. It is written, absent or the account's own, in the commit of the change, so that of two accounts that
//! publish for one address the first has it. [`Store::directory`] reads there, and of the certificates that the rows name.
//!
//! Secrets are wrapped (see [`custody`](crate::custody)); all else lies there as it is. Who can write to the records can
//! exchange the certificate of a peer and its pin, and so whom an account writes to: give that right to the service alone.
//!
//! # What is kept in memory
//!
//! Certificates that were read lately, parsed: up to 4 MiB of their octets, which is some ten times as much in memory, see
//! [`Store::with_cache`]. The record is read all the same, and what is at hand is used only if it was read by this account
//! from this version of it. Secrets are not kept.
//!
//! # Changes
//!
//! A call loads, hands what it loaded to a pure function that runs where [`Offload`] says, and commits what that gave: the
//! certificate, its secrets, its index and its log entry at once. Each commit of an account expects its head as it was
//! loaded, and writes it anew, so the changes of an account come one after the other. Who was second loads again and merges:
//! nothing that either wrote is lost. Within one process the changes of an account's keys wait for each other; between
//! processes the commit decides. Nothing is returned before it is committed.

mod account;
mod cache;
mod directory;
mod discover;
mod error;
mod find;
mod import;
mod incoming;
mod keys;
mod log;
mod offload;
mod peers;
mod quotas;
mod rows;
mod turns;
mod vault;

pub use account::{Account, Store};
pub use directory::{Directory, MAX_PUBLISHED};
pub use discover::{Discovered, Outcome};
pub use error::StoreError;
pub use find::Query;
pub use import::{Done, Report, Taken};
pub use incoming::{Known, Received, Signed, Whose};
pub use keys::Own;
pub use log::{Event, LogEntry, MAX_LOG};
pub use offload::{Inline, Offload};
pub use peers::{Addressee, SendPlan};
pub use quotas::Quotas;
