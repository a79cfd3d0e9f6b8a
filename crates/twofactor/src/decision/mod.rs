//! The pure core: who may try, what a try means, and what it changes. No store, no clock, no cryptography.
//!
//! [`State::step`] takes an [`Attempt`], which holds facts alone (what a code is right for, whether a password was), and
//! gives the next [`State`], a [`Verdict`] and what the user is to be told. Commit the next state first, where it expects
//! the one that the step began with; then say the verdict. Feature `store` does that: [`TwoFactor`](crate::TwoFactor).
//!
//! ```text
//! password    Reserve ──► looked at by the caller ──► Right, or GiveBack, or nothing if it was wrong
//! TOTP, HOTP  Code                                             found by the caller in otp::Otp
//! recovery    ReserveRecovery ──► Argon2 ──► RightRecovery, or GiveBackRecovery, or nothing
//! passkey     Passkey                                          verified by the caller
//! ```
//!
//! - **Counted before it is known.** What takes long to look at is counted first, and given back if it was right.
//! - **One code, one success.** A code that is right burns every step that it is right for.
//! - **A known device is never worse off than a stranger**: when its own share of a password's tries is used up, it takes
//!   of theirs.
//! - **What has to wait changes nothing**: the same state comes back, so that there is nothing to commit.

mod burned;
mod codes;
mod counter;
mod next;
mod state;
mod step;

pub use burned::{Burned, REACH};
pub(crate) use counter::millis;
pub use counter::{Counter, Gate, MOST_FAILURES, Throttle};
pub use state::{
    FactorId, MAX_OTP, MAX_PASSKEYS, MAX_STATE, Methods, NotAState, Otp, Progress, State, Tag,
};
pub use step::{Attempt, Change, Found, Origin, Share, Step, Verdict};
