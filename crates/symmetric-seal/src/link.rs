//! A link to a sealed message, as a pure state machine: who may have the message, how often, until when, and why not.
//!
//! [`Link::step`] takes an [`Event`] and the time, and gives the next [`Link`], an [`Answer`] and what is to be done
//! ([`Effect`]). It has no clock, no store and no generator of random octets. Commit the next link first, where it
//! expects the one that the step began with; then do the effects, and answer. Feature `store` does that:
//! `symmetric_seal::store::Links`.
//!
//! ```text
//!            Publish              proof is wrong, too often
//! Pending ────────────► Available ────────────────────────► Locked ─┐
//!    │                   │  │  ▲                                    │ it is later
//!    │      right proof, │  │  └────────────────────────────────────┘
//!    │      last view    │  │ expiry      Revoke
//!    │                   ▼  ▼               ▼
//!    └──────────────► Burned, Expired, Revoked: tombstones, which say since when and why
//! ```
//!
//! - **Looking costs nothing.** [`Link::view`] takes `&self`: a GET or HEAD can only look, whoever makes it.
//! - **Before the proof** there are salt and Argon2 parameters ([`View::challenge`]), and nothing that a password could
//!   be tried on.
//! - **A release counts, and is repeatable by whom it was made to.** The reader brings 16 random octets of his own
//!   ([`ReaderToken`]). For ten minutes ([`RESUME`]) they fetch the same view again: an answer that was lost on the way
//!   costs nothing. Until the link ends they also destroy the message, and send the one reply.
//! - **Wrong proofs wait, and destroy nothing.** After [`Terms::attempts`] of them in a row each further one locks the
//!   link, from [`FIRST_WAIT`] doubling to [`LONGEST_WAIT`]; within 28 days some 680 passwords can be tried.
//! - **The end is final.** No event leads out of a tombstone, whatever the clock says: a clock that goes back stands
//!   still ([`Link::step`] uses the greatest time that it was ever given).
//! - Identity, tokens and proof are stored as their SHA-256, and compared in constant time.

mod answer;
mod hint;
mod memo;
mod moment;
mod record;
mod secrets;
mod state;
mod step;
mod terms;
mod throttle;
mod view;

pub use answer::{Answer, Effect, Notice, Refusal, Step};
pub use hint::{Hint, HintError};
pub use memo::Memo;
pub use record::{MAX_RECORD, RecordError};
pub use secrets::{LinkId, LinkKey, LinkSecret, NotAToken, ReaderToken, SenderToken};
pub use state::Link;
pub use step::Event;
pub use terms::{
    MAX_ATTEMPTS, MAX_LIFETIME, MAX_VIEWS, NOTICE_KEPT, PENDING, REPLY_KEPT, RESUME, ReadNotice,
    Replies, TOMBSTONE, Terms, TermsError,
};
pub use throttle::{FIRST_WAIT, LONGEST_WAIT};
pub use view::{Burned, SenderView, Status, View};
