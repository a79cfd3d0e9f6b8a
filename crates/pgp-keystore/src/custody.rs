//! Secrets at rest (feature `custody`): how the secret keys of an account are kept, and who can open them.
//!
//! ```text
//! passphrase ── Argon2id, once ──┐
//! recovery key ──────────────────┼─► account key ─┬─► each component of its keys, custody `Passphrase`
//!                                │                └─► served key ─┬─► each component of its keys, custody `Server`
//! Kek: a file, KMS or HSM ───────┴────────────────────────────────┘
//! ```
//!
//! Each account has two random keys. The account key is wrapped by the user's passphrase and by the recovery key, which is
//! shown once; the served key by the account key and, if the server is to sign or decrypt by itself, by the server's
//! [`Kek`], which lies outside the store and its backup. A [`Vault`] holds these wrappings and no secret; a [`Session`] holds
//! the two keys for a time. Changing the passphrase wraps one key of 32 octets anew, however many keys there are.
//!
//! Each arrow is AES-256 in GCM under a key that HKDF makes for this one wrapping out of a fresh salt, with a commitment to
//! that key, and bound to what it is: the account, the kind of wrapping, and for a component also the certificate, the
//! component and the version of the record. What was moved to another place does not open. Who writes to the store can
//! remove secrets, or put back an earlier state of them together with the certificate, and no more. What is no secret is not
//! authenticated here: certificates, and what a store notes about them.
//!
//! Nothing here reads a clock, stores or waits: it works on octets, with or without the feature `store`.
//!
//! ```
//! use pgp_keystore::Passphrase;
//! use pgp_keystore::custody::{AccountId, CustodyError, Deadline, RecoveryKey, Setup, Vault};
//! use std::time::{Duration, SystemTime};
//! # use pgp_keystore::custody::Cost;
//!
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200);
//! let account = AccountId::new("ann@example.org")?;
//! let setup = Setup::new().passphrase(Passphrase::from("correct horse"));
//! # let setup = setup.cost(Cost::LEAST);
//! let until = Deadline::after(now, Duration::from_secs(900))?;
//! let created = Vault::create(&account, &setup, None, until)?;
//! println!("keep this on paper: {}", *created.recovery.text());
//!
//! let stored = created.vault.to_bytes(); // nothing secret
//! let vault = Vault::from_bytes(&stored)?;
//! let session = vault.unlock(&account, &Passphrase::from("correct horse"), until)?;
//! assert!(session.is_open(now) && !session.is_open(now + Duration::from_secs(900)));
//! let wrong = vault.unlock(&account, &Passphrase::from("horse"), until);
//! assert!(matches!(wrong, Err(CustodyError::DoesNotOpen)));
//!
//! let typed: RecoveryKey = created.recovery.text().to_lowercase().parse()?;
//! let session = vault.unlock_with_recovery(&account, &typed, until)?;
//! let vault = vault.with_passphrase(&session, &Passphrase::from("new"), Cost::default(), now)?;
//! # Ok::<(), CustodyError>(())
//! ```

mod account;
mod cost;
mod crypto;
mod error;
mod kek;
mod recovery;
mod secrets;
mod session;
mod vault;
mod wrap;

pub use account::{AccountId, MAX_ACCOUNT};
pub use cost::Cost;
pub use error::CustodyError;
pub use kek::{Kek, KekError, KekFile, MAX_WRAPPED};
pub use recovery::RecoveryKey;
pub use secrets::{Custody, KeySecrets, MAX_PARTS, SecretPart};
pub use session::{Deadline, MAX_SESSION, Session};
pub use vault::{Created, Setup, Vault};
