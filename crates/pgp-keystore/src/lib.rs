//! OpenPGP keys and messages for mail software (RFC 9580, RFC 9980), on sequoia-openpgp.
//!
//! ```
//! # #[cfg(feature = "_backend")] {
//! use pgp_keystore::{Form, Generate, Limits, Profile, Reason, sign_detached, verify_detached};
//! use std::time::{Duration, SystemTime};
//!
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200);
//! let ann = Generate::new(Profile::Compat, now).user_id("Ann <ann@example.org>").create()?.key;
//! let certificate = ann.certificate();
//!
//! let signature = sign_detached(&ann, b"it is me", now, Form::Armored)?;
//! let check = |content: &[u8]| {
//!     verify_detached(content, &signature, &[&certificate], now, &Limits::default())
//! };
//! assert_eq!(check(b"it is me")?.signatures[0].reason, Reason::Valid);
//! assert_eq!(check(b"it is not")?.signatures[0].reason.code(), "pgp.altered");
//! # }
//! # Ok::<(), pgp_keystore::Error>(())
//! ```
//!
//! # Should I use this crate?
//!
//! Yes, if a mail server or client of yours handles keys of its users, and you would rather not learn where an OpenPGP
//! library can be used wrongly. Its core works in memory; the feature `store` keeps the keys of many accounts, the feature
//! `custody` is how their secrets are kept, `discovery` finds certificates by your HTTP client and resolver, and the module
//! [`mime`] makes mail of it. It opens no connection. For smart cards, and for formats other than OpenPGP's, look elsewhere.
//!
//! # How it fits together
//!
//! ```text
//! octets ──► import ──► Certificate ── at(now) ──► CertificateView { reason, user_ids, keys }
//!              │            │   ▲
//!              └──► Key ────┘   │ certificate()           merge, revoke_with, export
//!                    │          │
//!              unlock(passphrase)                          Generate ──► Unlocked, Revocation
//!                    ▼          │
//!                 Unlocked ─────┘  set_expiry, add_user_id, rotate_subkey, revoke, …
//!                    │  ▲
//!                    │  └ lock(Protection) ──► Key ──► export
//!                    ▼
//!  sign_* ──► octets ──► verify* ──► Verification { reason of each signature }
//!  plan_send(recipients) ──► Plan ── encrypt ──► octets ──► decrypt ──► Opened
//!  issuers(octets), recipients(octets) ──► Handle: which certificates and keys to fetch for that
//!
//!  mime:    mail ──► inspect ──► Kind
//!           mail ── sign ──► mail ── verify ──► Verified { verdict, coverage, headers, sender }
//!           mail ── encrypt(plan) ──► mail ── decrypt ──► Decrypted { content, verdict, headers, sender }
//!
//!  custody: Vault ── unlock ──► Session ── opens ──► KeySecrets + Certificate ──► Unlocked
//!  store:   Store ── account(id) ──► Account { unlock, generate, import, edit, find, meet, plan_send, verify, decrypt, … }
//!  discovery: Search ── need ──► your HTTP, your DNS ── answer ──► Report { found, tried } ──► Account::discover pins
//!  wkd:     request ── parse ──► Store::directory ── respond ──► response
//! ```
//!
//! # Doing the I/O
//!
//! In the core there is none. Everything is a function of its arguments; `now` is one of them, and also the date of the policy. What
//! takes long (unlocking with a passphrase, reading many certificates, long messages) is to be run where it blocks nobody.
//!
//! The store is asynchronous and knows no runtime: the records are a [`record_store`](https://docs.rs/record-store), and what
//! takes long runs where your `Offload` says, such as on tokio's threads for blocking work. The file of a server's
//! key-encryption key is read when you say so.
//!
//! # Security notes
//!
//! The attacker sends certificates and messages, and keys that users import for him. What holds:
//!
//! - Content is given out when the message has ended and its integrity is proven, and not before.
//! - A signature is first checked against the key and only then judged by dates and revocations, so that what is called
//!   expired or revoked was at least made by that key.
//! - Each recipient's strongest key is used and no other; a post-quantum one never has a weaker one beside it.
//! - What is read is bounded by [`Limits`], before the work; certifications of others are dropped; what an export may ask
//!   for to be unlocked is bounded, too.
//! - Should the library panic on hostile octets, they are refused, and nothing else happens (not with `panic = "abort"`).
//! - Secrets are wiped when dropped, and nothing printed by `Debug` holds names, secrets or content.
//! - A certificate that holds the key of somebody else, where it does not count, does not hide whose signature it is.
//! - A failed decryption does not say why, but for what is no secret: an unsupported mode, or a key that this build must
//!   not use.
//! - Secrets at rest are wrapped, bound to where they belong, and open for a session that ends; see the module `custody`. Who
//!   has the store, and neither a passphrase, nor a recovery key, nor the server's key, has no secret.
//! - A change is told after it is stored.
//! - Of a mail nothing is called signed but what the signature is about; see the module [`mime`].
//!
//! What stays your job: to throttle those who guess passphrases; to keep the server's key out of the backups of the store;
//! whose certificate it is. A user ID is a claim; the order of the candidates in a
//! `Recipient` is the trust that you have in them. Version 1 containers (for GnuPG 2.2)
//! are malleable until their code is checked, which is done, but an oracle in your own logs or timing is not prevented.
//!
//! The library remembers each verified signature within certificates for the life of the process, see
//! `remembered_signatures`. Those of messages are verified here, and not remembered.
//!
//! # Errors and verdicts
//!
//! [`Verification`], [`CertificateView`] and the plan are verdicts: whatever there is to say about a signature or a key is a
//! [`Reason`] with a [`State`] and a stable code. [`Error`] means that there is no result. In the core no error is temporary; a
//! store's may be, and says so.
//!
//! # Crate features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `crypto-openssl` | cryptography by OpenSSL; in constant time; no EAX, post-quantum with 3.5 | no |
//! | `crypto-nettle` | by Nettle; in constant time; OCB with 3.9, no post-quantum | no |
//! | `crypto-rust` | by RustCrypto; secret RSA, DSA and ElGamal keys are refused | no |
//! | `custody` | secrets at rest, without a store | no |
//! | `discovery` | names, URLs and answers of directories, and `wkd`; the reading of answers with one of the backends | no |
//! | `store` | accounts in a record-store, with `custody` and `discovery`; with one of the backends | no |
//!
//! Exactly one backend, chosen by the program; two at once do not build. Without one there are the types of this page that
//! hold data.
//!
//! # RFC coverage
//!
//! | RFC | what |
//! |---|---|
//! | RFC 9580 | keys of version 4 and 6, messages with containers of version 1 and 2 |
//! | RFC 3156 | PGP/MIME, read and written |
//! | RFC 9788 | protected headers, read and written; of the schemes before it `protected-headers="v1"` is read |
//! | RFC 9980 | post-quantum keys, where the backend has them |
//! | RFC 9106 §4 | Argon2id for keys that leave, and for what opens an account |
//! | RFC 5869 §2 | HKDF for the key of each wrapping |
//! | RFC 7929 §2, §3 | OPENPGPKEY: where the records are, and what is in them |
//!
//! And draft-koch-openpgp-webkey-service-21 (WKD), but for its submission of keys by mail.
//!
//! # Minimum Rust version
//!
//! 1.95. A raise is a minor release.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "discovery")]
mod address;
mod capability;
#[cfg(feature = "custody")]
pub mod custody;
#[cfg(feature = "discovery")]
mod digests;
#[cfg(feature = "discovery")]
pub mod discovery;
mod error;
mod handle;
mod id;
mod lifecycle;
mod limits;
pub mod mime;
#[cfg(feature = "custody")]
mod octets;
mod opened;
mod passphrase;
mod reason;
#[cfg(feature = "_backend")]
mod sequoia;
#[cfg(all(feature = "store", feature = "_backend"))]
pub mod store;
mod trust;
mod verification;
mod view;
#[cfg(feature = "discovery")]
pub mod wkd;

#[cfg(feature = "discovery")]
pub use address::{Address, AddressError};
pub use capability::{Aead, Algorithm, Capability, Profile, Unsupported, UnsupportedReason};
pub use error::Error;
pub use handle::{Handle, Recipients};
pub use id::{Fingerprint, IdError, KeyId};
pub use lifecycle::{Action, Hands, KeyState, Rules, plan as lifecycle_plan};
pub use limits::Limits;
pub use opened::{Container, Form, Opened, RevocationReason};
pub use passphrase::{Passphrase, Protection};
pub use reason::{Reason, State};
#[cfg(feature = "_backend")]
pub use sequoia::{
    Candidate, Certificate, Chosen, Generate, Generated, Imported, Key, Named, Plan, PlanEntry,
    Recipient, Refused, Revocation, Secrecy, Unlocked, backend, decrypt, import, issuers,
    plan_send, recipients, remembered_signatures, sign_cleartext, sign_detached, sign_inline,
    supports, verify, verify_detached,
};
pub use trust::{MAX_ALARMS, Pin, Standing, Trust};
pub use verification::{SignatureCheck, Signed, Verification};
pub use view::{CertificateView, Kdf, KeyView, Rank, Secret, Use, UserIdView};

#[cfg(all(doctest, feature = "_backend"))]
#[doc = include_str!("../README.md")]
mod readme {}
