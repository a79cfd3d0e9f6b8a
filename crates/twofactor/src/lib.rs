//! Second factors that hold with many servers and hostile users: TOTP, HOTP, passkeys, recovery codes, app passwords,
//! remembered devices, and one budget of tries over all of them.
//!
//! The six digits are the easy part. What this crate is for is what lies around them: a code opens once, from however many
//! servers; a try is counted before it is looked at; a stranger cannot lock the owner out; mail programs that know no
//! second factor get passwords of their own; and whoever loses the phone gets in again without anybody else doing so.
//!
//! # Should I use this crate?
//!
//! Yes, if your service checks passwords itself and is to ask for a second factor: on a web page, and in protocols that
//! cannot ask for one. It stores no passwords and hashes none of them: you look at the password, when this crate says so.
//! For the codes alone, without state, take totp-rs, on which [`otp`] stands.
//!
//! # How it fits together
//!
//! ```text
//! Subject, Client, password ─► first_factor ─► reserve: one commit ─► you look at it ─► settle
//!                                                                        │
//!            ┌── Passed ◄──── nothing enrolled, or a remembered device ──┤
//!            │                                                        Pending
//!            │                                                           │
//!            ├── Passed ◄──── code, recovery_code, passkey ◄─────────────┘
//!            │                each counted, and durable, before it is told
//!            └── Passed ◄──── protocol_login ◄── app password (IMAP, POP3, SMTP)
//!
//! facts (what a code is right for) ──► decision::State::step ──► state + verdict + events ──► one compare-and-set
//! ```
//!
//! - [`decision`]: the pure core. One record per user decides; nothing in it waits, reads a clock or knows a secret.
//! - [`otp`]: codes, what people type, `otpauth:` and `otpauth-migration:` addresses, QR codes.
//! - `TwoFactor` (feature `store`): all of it on a [record-store](https://docs.rs/record-store).
//! - `passkey` (feature `passkey`): WebAuthn, through webauthn-rs.
//! - `race_kit` (feature `store`): tests with which any second factor, not only this one, shows whether one code opens once.
//!
//! # Doing the I/O
//!
//! Calls load, decide, commit, and decide anew where somebody was faster; they need no runtime. Time is an argument. Argon2
//! (recovery codes) runs where your [`Offload`] says. What the user is to be told waits in an outbox that the same commits
//! write: `TwoFactor::events`, `TwoFactor::acknowledge`.
//!
//! # Security notes
//!
//! The attacker guesses, knows passwords, sees codes over the shoulder and uses them again, asks many servers at the same
//! moment, makes up names, comes from many networks, and reads the store. What holds:
//!
//! - **One code, one success**, from any number of servers, also where one of them dies at any moment: a code is used up by
//!   the commit that lets in. A code that is right for several steps uses them all up.
//! - **Counted before it is looked at**: a password and a recovery code are counted by a commit before anything is computed,
//!   and given back if they were right. A try that has to wait runs no Argon2 and writes nothing.
//! - **No stranger locks the owner out**: of a hundred tries in a row, ten are for known devices alone (SP 800-63B-4 §3.2.2).
//!   Known never skips a factor; only a device that is to be remembered does.
//! - **Second factors are tried only by who has the password**: [`Pending`] is the proof, bound to the state of the factors.
//! - **Nobody learns who exists**: names that nobody has are counted alike, in 65,536 slots that expire.
//! - Seeds are sealed by your [`Keyring`], bound to user and factor; recovery codes are stored by Argon2id, app passwords and
//!   devices, which nobody can guess, by SHA-256. `Debug` shows no secret, no name, and no network.
//! - Codes, digests and tags are compared in constant time; that a user has no factor, and how many, is no secret from who
//!   has the password.
//!
//! What stays your job: the password, its hash and a decoy; TLS; sessions, which end with the password; telling the user what
//! the outbox says; a keyring that lies outside the store and its backup; and a clock. Where it is set back, no code opens
//! twice; a clock that was ahead uses up codes that are still to come.
//!
//! # Errors and verdicts
//!
//! A refusal is a verdict, with a stable code such as `2fa.replayed` ([`Refusal::code`]). An [`Error`] means that there is
//! none, and that nobody was let in; [`Error::is_temporary`] says whether a later try may help.
//!
//! # Crate features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `store` | `TwoFactor` on a record-store, `race_kit` | no |
//! | `passkey` | passkeys, by webauthn-rs (MPL-2.0) | no |
//!
//! # RFC coverage
//!
//! | RFC | what |
//! |---|---|
//! | RFC 4226 | HOTP; §7.3 throttling, §7.4 resynchronization |
//! | RFC 4648 §6 | base32 |
//! | RFC 6238 | TOTP; §5.2 validation, §6 drift that is told and not learned |
//!
//! # Minimum Rust version
//!
//! 1.95. A raise is a minor release.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "store", feature = "passkey")),
    allow(rustdoc::broken_intra_doc_links)
)]

mod app_password;
mod client;
mod crypto;
pub mod decision;
mod device;
mod error;
mod event;
mod keyring;
mod letters;
mod octets;
mod offload;
pub mod otp;
#[cfg(feature = "passkey")]
pub mod passkey;
mod pending;
pub mod race_kit;
mod recovery;
mod refusal;
#[cfg(feature = "store")]
mod store;
mod stretch;
mod user;

pub use app_password::{AppId, AppPassword, NotAnAppId, Scope, Scopes};
pub use client::{Client, Network};
pub use device::{DeviceId, DeviceToken, NotADeviceId};
pub use error::Error;
pub use event::{Event, Kind};
pub use keyring::{Keyring, KeyringError, MAX_PLAIN};
pub use offload::{Inline, Offload};
pub use pending::{PENDING_FOR, Pending};
pub use recovery::{RECOVERY_CODES, RecoveryCode, RecoveryCodes};
pub use refusal::Refusal;
pub use stretch::{Cost, NotACost};
pub use user::{MAX_NAME, MAX_USER, NotAUser, Subject, UserId};

#[cfg(feature = "store")]
pub use store::{
    AppPasswordView, BuildError, Builder, Checked, Confirmed, DeviceView, ENROLMENT_FOR,
    ENROLMENT_TRIES, EVENTS_KEPT, Enrolled, Enrolment, EnrolmentId, EventKey, First,
    MAX_APP_PASSWORDS, MAX_DEVICES, Method, NewAppPassword, NotAnEnrolmentId, OtpView, Overview,
    Passed, ProtocolLogin, REMEMBERED_FOR, Remembered, ResealFrom, Resealed, Second, TwoFactor,
    Waiting,
};

#[cfg(all(feature = "passkey", feature = "store"))]
pub use store::{
    ChallengeId, NotAChallengeId, PasskeyChallenge, PasskeyConfirmed, PasskeyEnrolled, PasskeyLogin,
};

#[cfg(feature = "store")]
pub(crate) use crypto::random;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
