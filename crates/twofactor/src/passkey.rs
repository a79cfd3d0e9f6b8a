//! Passkeys and security keys (Web Authentication, W3C) as a second factor (feature `passkey`).
//!
//! Facts and verdicts alone: no store, no clock. What is asked of the browser is made here, and what it answers is
//! judged here; that a challenge is answered once is for whoever keeps it to see to, by taking it where its version is
//! expected. [`TwoFactor`](crate::TwoFactor) does so (feature `store`).
//!
//! ```text
//! begin_registration ──► JSON for navigator.credentials.create ──► Attestation ──► finish_registration ──► Passkey
//!        └─► Registration, kept ──────────────────────────────────────────────────────────┘
//! begin_login ─────────► JSON for navigator.credentials.get ─────► Assertion ────► finish_login ─────────► Used
//!        └─► Login, kept ─────────────────────────────────────────────────────────────────┘
//! ```
//!
//! `js/passkey.mjs` in this repository is the page's side of both.
//!
//! # What is asked for
//! - **User verification is `preferred`** (a PIN or a fingerprint, looked at by the authenticator): a password has
//!   passed before, so that having the authenticator is enough for two factors, and a biometric never stands alone
//!   (ASVS 6.5.7). Whoever was verified at registration has to be at each login.
//! - **No attestation**: which make an authenticator is of is nobody's business here. A statement that comes all the
//!   same must hold, and is thrown away.
//! - **Not discoverable**: after a password it is known whose passkeys to ask for, and security keys have little room.
//! - The user's own passkeys are excluded from registration, by the browser and again here.
//! - A challenge has 256 bits of the system's randomness, and is good for [`LIFETIME`] from the caller's clock.
//!
//! # What is not checked here
//! - That a challenge was not answered before: the same answer to the same challenge is right as often as it is asked
//!   about.
//! - Whether another user has registered the same credential: passkeys are looked for among one user's alone, so it
//!   opens nothing of anybody else.
//!
//! No clock is read for a verdict. webauthn-rs reads the system's when it is given authorities for attestation, which it
//! never is here, and notes details of answers in `tracing`, at levels from error down to trace; a service that does not
//! want those in its logs filters its targets `webauthn_rs` and `webauthn_rs_core`.

mod answer;
mod challenge;
mod party;
mod record;
mod unusable;
mod webauthn;

use std::time::Duration;

pub use answer::{Assertion, Attestation, MAX_ANSWER};
#[cfg(feature = "store")]
pub(crate) use challenge::begun;
pub use challenge::{Login, MAX_KEPT, NotAChallenge, Registration};
pub use party::{MAX_ORIGINS, MAX_PARTY, NotARelyingParty, RelyingParty, Used};
pub use record::{
    CredentialId, MAX_PASSKEY, MAX_PASSKEY_NAME, NotAPasskey, NotAPasskeyId, Passkey, PasskeyId,
    PasskeyName, UserHandle,
};
pub use unusable::Unusable;

/// How long a challenge can be answered, and how long the browser waits for the user: five minutes, which is what the
/// standard recommends, so that whoever is slow is not shut out.
pub const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Most passkeys of one user.
pub const MAX_PASSKEYS: usize = 32;
