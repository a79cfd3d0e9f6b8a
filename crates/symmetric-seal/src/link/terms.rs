use std::time::Duration;

use super::{Hint, Memo};

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// Most views of a link.
pub const MAX_VIEWS: u8 = 250;
/// Most wrong proofs in a row before the first wait.
pub const MAX_ATTEMPTS: u8 = 20;
/// From now to the expiry at the most, also when it is extended: 366 days.
pub const MAX_LIFETIME: Duration = Duration::from_secs(366 * DAY);
/// How long a link waits for its message: a day.
pub const PENDING: Duration = Duration::from_secs(DAY);
/// How long the reader of a view may fetch it again: ten minutes.
pub const RESUME: Duration = Duration::from_secs(10 * MINUTE);
/// How long a reply waits for the sender: 28 days.
pub const REPLY_KEPT: Duration = Duration::from_secs(28 * DAY);
/// How long a notice waits until it can be delivered: 28 days.
pub const NOTICE_KEPT: Duration = Duration::from_secs(28 * DAY);
/// How long a tombstone says what became of the link: 90 days.
pub const TOMBSTONE: Duration = Duration::from_secs(90 * DAY);

/// Of which views the sender is told.
#[allow(clippy::exhaustive_enums)] // none, one, all
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadNotice {
    /// Of none.
    None,
    /// Of the first.
    First,
    /// Of every one.
    Every,
}

/// Whether the reader may reply.
#[allow(clippy::exhaustive_enums)] // there is a slot, or there is none
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replies {
    /// No.
    None,
    /// Once, sealed with the same password.
    One,
}

/// What the sender allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub(super) views: u8,
    pub(super) attempts: u8,
    pub(super) notice: ReadNotice,
    pub(super) replies: Replies,
    pub(super) bound: bool,
    pub(super) hint: Option<Hint>,
    pub(super) memo: Option<Memo>,
}

/// Why a link cannot be made on these terms.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// No views, or more than [`MAX_VIEWS`].
    #[error("a link has from 1 to {MAX_VIEWS} views")]
    Views,
    /// No attempts, or more than [`MAX_ATTEMPTS`].
    #[error("a link has from 1 to {MAX_ATTEMPTS} attempts before it waits")]
    Attempts,
    /// The expiry is not in the future, or more than [`MAX_LIFETIME`] away.
    #[error("a link expires within 366 days from now")]
    Expiry,
    /// A memo of nothing, or of more than [`Memo::MAX_OCTETS`] octets.
    #[error("a memo has from 1 to {} octets", Memo::MAX_OCTETS)]
    Memo,
}

/// One view, five attempts, a notice of the first view, one reply, the password alone, no hint, no memo.
impl Default for Terms {
    fn default() -> Self {
        Self {
            views: 1,
            attempts: 5,
            notice: ReadNotice::First,
            replies: Replies::One,
            bound: false,
            hint: None,
            memo: None,
        }
    }
}

impl Terms {
    /// As [`default`](Self::default).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How often the message is released: from 1 to [`MAX_VIEWS`].
    #[must_use]
    pub fn views(self, views: u8) -> Self {
        Self { views, ..self }
    }

    /// How many proofs in a row may be wrong before each further one makes the link wait: from 1 to [`MAX_ATTEMPTS`].
    #[must_use]
    pub fn attempts(self, attempts: u8) -> Self {
        Self { attempts, ..self }
    }

    /// Of which views the sender is told.
    #[must_use]
    pub fn notice(self, notice: ReadNotice) -> Self {
        Self { notice, ..self }
    }

    /// Whether the reader may reply.
    #[must_use]
    pub fn replies(self, replies: Replies) -> Self {
        Self { replies, ..self }
    }

    /// The password is bound to a [`LinkSecret`](super::LinkSecret) in the fragment of the URL. The server keeps no
    /// more than that it is so, for a page that must say so when a mail program has cut the fragment off.
    #[must_use]
    pub fn bind_link(self) -> Self {
        Self {
            bound: true,
            ..self
        }
    }

    /// A hint, which the server and everybody with the link can read.
    #[must_use]
    pub fn hint(self, hint: Hint) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }

    /// A memo of the server's own: whom to tell of what happens. Nobody with the link sees it. With one, the feature
    /// `store` keeps each [`Notice`](super::Notice) until it is delivered, in the commit that it is of.
    #[must_use]
    pub fn memo(self, memo: Memo) -> Self {
        Self {
            memo: Some(memo),
            ..self
        }
    }

    pub(super) fn check(&self) -> Result<(), TermsError> {
        if !(1..=MAX_VIEWS).contains(&self.views) {
            return Err(TermsError::Views);
        }
        if !(1..=MAX_ATTEMPTS).contains(&self.attempts) {
            return Err(TermsError::Attempts);
        }
        Ok(())
    }
}
