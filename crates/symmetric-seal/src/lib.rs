//! Password-sealed messages in the OpenPGP container (RFC 9580): Argon2id, AES-256-GCM, streaming, and limits on what a
//! stranger's message can cost.
//!
//! ```
//! use symmetric_seal::{Commitment, Opener, Passphrase, Sealer};
//!
//! let password = Passphrase::for_sealing("correct horse battery")?;
//! let sealed = Sealer::new().seal(b"the vault is 4711", &password)?;
//! let opened = Opener::new().open(sealed.into_message(), &password)?;
//! assert_eq!(opened.content(), b"the vault is 4711");
//! assert_eq!(opened.commitment(), Commitment::Bound);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Should I use this crate?
//!
//! Yes, if something is to be read by whoever knows a password, today in a browser and in ten years with another tool:
//! what comes out is opened by Sequoia, rPGP and OpenPGP.js.
//!
//! It writes and reads exactly one form of OpenPGP message. For keys, signatures, and messages of other forms take an
//! OpenPGP library; for files that nobody else has to read, age.
//!
//! # How it fits together
//!
//! ```text
//! password ──► Argon2id ──┬─► the key of the session key
//!   (Profile, salt)       └─► access proof ── SHA-256 ──► what a server keeps
//!
//! session key ──┬─► salt of the data: binds the message to it
//! (random)      └─► keys of the chunks ──► AES-256-GCM, 64 KiB each, and a last tag over the length
//!
//! message = session key packet (SKESK v6) + encrypted data (SEIPD v2) { literal data, padding }
//! ```
//!
//! - [`Sealer`] writes a message to memory or to a stream, armored or not. Costs are a named [`Profile`].
//! - [`Opener::open`] decrypts where the message is, and gives nothing out before the last tag.
//! - [`Opener::open_seekable`] verifies a file in one pass and decrypts it in a second one, in constant memory.
//! - [`Opener::open_stream_unverified`] gives chunks as they come, each of them authentic; that the end is missing shows
//!   at the end.
//! - [`Opener::inspect`] says what it would cost, without a password.
//! - [`Opener::derive`] stretches the password before the message is there: for the [`AccessProof`].
//!
//! # Security notes
//!
//! The attacker writes any message, knows everything but the password, and changes, cuts and mixes what others wrote.
//! What holds:
//!
//! - **Costs are bounded before Argon2 runs** ([`Limits`]): memory, passes, lanes, their product, one session key packet
//!   of one length, chunk size, total size. Every [`Refusal`] that can be known then is known then.
//! - **Nothing unauthentic comes out**, and from [`Opener::open`] and [`Opener::open_seekable`] nothing that is not
//!   complete.
//! - **One error** for a wrong password and a damaged message: [`OpenError::PasswordOrDamage`]. A wrong password fails
//!   after Argon2 at the session key, damage of the body where it is: how long it took tells which, to whoever can
//!   measure it, and that is no secret between those who have the message. The comparison of tags, salts and proofs
//!   takes the same time wherever they differ.
//! - **One session key**: see [`Commitment`] and the page
//!   [sealed messages](https://github.com/letterlock/letterlock/blob/main/docs/sealed-messages.md) for what that promises.
//!   Messages of other tools are [`Unbound`](Commitment::Unbound); [`Opener::for_links`] does not open those.
//! - Passwords, keys and buffers of plaintext are overwritten when they are dropped, and so is the memory of Argon2.
//!
//! What stays your job: a password that resists guessing. Whoever has the message tries passwords offline, at the cost of
//! the profile each; no limit on attempts helps against that ([`Strength`], [`Passphrase::generate`],
//! [`link::LinkSecret`]). Prepare passwords alike on both sides: [`Passphrase::for_sealing`] is strict,
//! [`Passphrase::for_opening`] maps as it does and refuses nothing, and does not seal
//! ([`SealError::UncheckedPassphrase`]). Length and time are visible; nothing is compressed or padded.
//!
//! What holds for links stands in [`link`]; its answers are verdicts with stable codes, such as `link.burned`.
//!
//! # Links, passwords, mails
//!
//! ```text
//! Letter (subject, texts, files) ──► Sealer ──► message + ProofHash ──► Links::issue ──► LinkId, SenderToken
//!                                                                          │
//! Invitation (link, hint, expiry) ◄────────────────────────────────────────┘
//!
//! LinkId ──► Links::view ──► salt, costs ──► Opener::derive ──► AccessProof ──► Links::release ──► message ──► Opener
//! ```
//!
//! - [`Passphrase`]: OpaqueString of RFC 8265, [`Strength`], words. `js/passphrase.mjs` and `js/words.mjs` in this
//!   package do the same in a browser.
//! - [`link`]: who may have a message, how often and until when, as a pure state machine.
//! - `store`: the same in a record-store (feature `store`).
//! - [`mime`]: the mail inside, and the one outside.
//!
//! # Errors
//!
//! [`SealError`] and [`OpenError`] say whether a later try may help. A [`Refusal`] has a stable code, such as
//! `seal.argon2-memory`. The readers give an [`std::io::Error`], which converts back into an [`OpenError`].
//!
//! # Differences from other implementations
//!
//! Refused here though RFC 9580 allows it: the legacy packet format, marker packets, padding anywhere but after the
//! literal data, signatures, compression, more than one session key packet, other ciphers than AES-256, two modes in one
//! message, EAX, and text around an armor. The checksum of an armor is not looked at, as RFC 9580 §6.1 has it.
//!
//! # Crate features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `parallel` | the lanes of Argon2 on threads (rayon) | yes |
//! | `ocb` | messages in OCB can be opened | no |
//! | `danger-weak-kdf` | `Profile::WEAK_FOR_TESTS` | no |
//! | `store` | `store::Links` in a record-store | no |
//!
//! # RFC coverage
//!
//! | RFC | what |
//! |---|---|
//! | RFC 2045, 2046, 2047, 2231 | MIME, written: quoted-printable, base64, encoded words, parameters |
//! | RFC 5322, 6532 | headers, written; addresses in UTF-8 |
//! | RFC 5869 | HKDF, by *ring* |
//! | RFC 7253 | OCB for reading, by ocb3 |
//! | RFC 8265 §4 | OpaqueString, by precis-profiles in Unicode 6.3 |
//! | RFC 9106 §4 | Argon2id, by argon2; the second recommended choice is the default |
//! | RFC 9580 §4.2 | packet headers and lengths, partial ones too; not the legacy format |
//! | RFC 9580 §5.3.2, §5.13.2 | session key packet version 6, encrypted data version 2 |
//! | RFC 9580 §5.9, §5.14 | literal data, padding |
//! | RFC 9580 §6 | armor |
//!
//! # Minimum Rust version
//!
//! 1.95. A raise is a minor release.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod armor;
mod cipher;
mod crypto;
mod error;
mod header;
mod kdf;
mod limits;
pub mod link;
mod literal;
pub mod mime;
#[cfg(feature = "ocb")]
mod ocb;
mod open;
mod packet;
mod parameters;
mod passphrase;
mod proof;
mod random;
mod refusal;
mod seal;
#[cfg(feature = "store")]
pub mod store;
#[cfg(test)]
mod tests;

pub use cipher::Mode;
pub use error::{OpenError, SealError};
pub use limits::Limits;
pub use open::{Commitment, Inspection, Opened, Opener, UnverifiedReader, VerifiedReader};
pub use parameters::{KdfParameters, Profile};
pub use passphrase::{
    BadCharacter, GeneratedPassphrase, NoRandom, Passphrase, PassphraseError, Strength, Words,
};
pub use proof::{AccessProof, ProofHash, StretchedKey};
pub use refusal::Refusal;
pub use seal::{Receipt, SealWriter, Sealed, Sealer};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
