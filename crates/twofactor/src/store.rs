//! Second factors in a [record-store](record_store) (feature `store`).
//!
//! ```text
//! first, codes, recovery, app, passkeys ── facts ──► decision::State::step ──► engine: one commit ──► verdict
//! enrol, devices, overview, erase, reseal          what the user manages
//! events                                           the outbox, written by the same commits
//! ```
//!
//! | record | what |
//! |---|---|
//! | `("2fa-state", user)` | the decision record, which every commit of the user expects |
//! | `("2fa-slot", n)` | the same for names that nobody has; it expires |
//! | `("2fa-net", network)` | failures from a network; it expires |
//! | `("2fa-passkey", user, SHA-256 of the credential's id)` | a passkey; with the feature `passkey` |
//! | `("2fa-challenge", user, random)` | what a browser was asked, until it answers; it expires |
//! | `("2fa-recovery", user, selector)` | the hash of a recovery code |
//! | `("2fa-otp", user, factor)` | the seed of an app or token, sealed |
//! | `("2fa-enrol", user)` | an app or token that is not confirmed yet; it expires |
//! | `("2fa-app", user, number)` | an app password: SHA-256, scopes, name |
//! | `("2fa-used", user, number)` | the day on which an app password was last used; it expires |
//! | `("2fa-device", user, random)` | a device: SHA-256, until when it is remembered; it expires |
//! | `("2fa-event", user, millisecond, random)` | what the user is still to be told; it expires |

mod app;
mod builder;
#[cfg(feature = "passkey")]
mod challenges;
mod codes;
mod devices;
mod engine;
mod enrol;
mod erase;
mod events;
mod first;
mod keys;
mod mint;
mod network;
mod overview;
#[cfg(feature = "passkey")]
mod passkeys;
mod recovery;
mod reseal;
mod seeds;
mod steps;

pub use app::{AppPasswordView, MAX_APP_PASSWORDS, NewAppPassword, ProtocolLogin};
pub use builder::{BuildError, Builder};
#[cfg(feature = "passkey")]
pub use challenges::{ChallengeId, NotAChallengeId, PasskeyChallenge};
pub use codes::Second;
pub use devices::{DeviceView, MAX_DEVICES, REMEMBERED_FOR, Remembered};
pub use enrol::{
    Confirmed, ENROLMENT_FOR, ENROLMENT_TRIES, Enrolled, Enrolment, EnrolmentId, NotAnEnrolmentId,
};
pub use events::{EVENTS_KEPT, EventKey, Waiting};
pub use first::{Checked, First, Method, Passed};
pub use overview::{OtpView, Overview};
#[cfg(feature = "passkey")]
pub use passkeys::{PasskeyConfirmed, PasskeyEnrolled, PasskeyLogin};
pub use reseal::{ResealFrom, Resealed};

use crate::{Keyring, decision::Throttle, otp::Window};

/// Second factors of any number of users, shared by any number of callers, and by all nodes that share the store.
///
/// No verdict leaves before what it counts is durable. Time is the caller's.
#[derive(Debug)]
pub struct TwoFactor<R, O = crate::Inline> {
    store: R,
    keyring: Keyring,
    issuer: String,
    window: Window,
    throttle: Throttle,
    cost: crate::Cost,
    #[cfg(feature = "passkey")]
    party: Option<crate::passkey::RelyingParty>,
    offload: O,
}
