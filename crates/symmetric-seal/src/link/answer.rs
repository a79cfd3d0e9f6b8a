use std::fmt;
use std::time::SystemTime;

use super::{Burned, Link};

/// What an event made of a link.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the next link is to be committed before anything is done or said"]
pub struct Step {
    /// The link from now on.
    pub link: Link,
    /// Whether it differs from the link before in anything but the time. If not, nothing need be stored.
    pub changed: bool,
    /// What to say.
    pub answer: Answer,
    /// What to do once `link` is committed; what erases and keeps belongs into the same commit.
    pub effects: Vec<Effect>,
}

/// What to say.
#[allow(clippy::exhaustive_enums)] // whoever asks has to handle all three
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done, or was done before by the same person.
    Done,
    /// Here is the message ([`Effect::Release`]).
    Released {
        /// Which view this is, counted from 1.
        view: u8,
        /// Until when the same reader may fetch it again.
        resume_until: SystemTime,
    },
    /// No, and why.
    Refused(Refusal),
}

/// What to do.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Store the sealed message that came with the event, in the same commit.
    KeepBody,
    /// Hand the sealed message out.
    Release,
    /// Remove the sealed message, in the same commit.
    EraseBody,
    /// Store the sealed reply that came with the event, in the same commit.
    KeepReply,
    /// Hand the sealed reply out.
    SendReply,
    /// Remove the sealed reply, in the same commit.
    EraseReply,
    /// Tell the sender.
    Notify(Notice),
}

/// What the sender is told.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The message was released.
    Read {
        /// Which view this was, counted from 1.
        view: u8,
    },
    /// There is a reply.
    Replied,
    /// A reader has destroyed the message.
    Destroyed,
    /// Too many proofs in a row were wrong, for the first time since the link was made or opened.
    Locked {
        /// From when on the next proof is looked at.
        until: SystemTime,
        /// Wrong proofs, ever.
        wrong_proofs: u32,
    },
}

/// Why not. Each has a stable [code](Self::code).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such link, or its tombstone is gone, too.
    Unknown,
    /// The message is not there yet.
    Pending,
    /// The proof is wrong.
    WrongProof {
        /// From when on the next one is looked at, if not at once.
        wait: Option<SystemTime>,
    },
    /// Too many proofs were wrong; this one was not looked at.
    Locked {
        /// From when on.
        until: SystemTime,
    },
    /// All views are used. Who has just had one may fetch it again with his token; nobody else may.
    ViewsUsed,
    /// The message was read as often as allowed, or destroyed by its reader.
    Burned {
        /// Since when.
        at: SystemTime,
        /// By what.
        by: Burned,
    },
    /// The time of the link has passed.
    Expired {
        /// Since when.
        at: SystemTime,
    },
    /// The sender has taken the message back.
    Revoked {
        /// Since when.
        at: SystemTime,
    },
    /// This is not the sender's token.
    NotSender,
    /// This is no reader's token.
    NotReader,
    /// The ten minutes have passed in which a view may be fetched again.
    ResumeOver,
    /// Another message is there already.
    Published,
    /// No reply is wanted.
    NoReplies,
    /// Another reply is there already, or was.
    Replied,
    /// There is no reply yet.
    NoReplyYet,
    /// The reply was not fetched in time.
    ReplyErased,
    /// The expiry is earlier than the present one.
    NotLater,
    /// The expiry is more than 366 days away.
    TooFar,
}

impl Refusal {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.words().0
    }

    fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Unknown => ("link.unknown", "there is no such link"),
            Self::Pending => ("link.pending", "the message is not there yet"),
            Self::WrongProof { .. } => ("link.wrong-proof", "the password is wrong"),
            Self::Locked { .. } => (
                "link.locked",
                "too many passwords were wrong; the link waits",
            ),
            Self::ViewsUsed => ("link.views-used", "all views are used"),
            Self::Burned {
                by: Burned::Views, ..
            } => (
                "link.burned",
                "the message was read as often as allowed, and is gone",
            ),
            Self::Burned {
                by: Burned::Reader, ..
            } => ("link.destroyed", "a reader has destroyed the message"),
            Self::Expired { .. } => ("link.expired", "the time of the link has passed"),
            Self::Revoked { .. } => ("link.revoked", "the sender has taken the message back"),
            Self::NotSender => ("link.not-sender", "only the sender may do this"),
            Self::NotReader => (
                "link.not-reader",
                "only a reader of the message may do this",
            ),
            Self::ResumeOver => (
                "link.resume-over",
                "the time in which a view may be fetched again has passed",
            ),
            Self::Published => ("link.published", "the link has a message already"),
            Self::NoReplies => ("link.no-replies", "no reply is wanted"),
            Self::Replied => ("link.replied", "there was a reply already"),
            Self::NoReplyYet => ("link.no-reply-yet", "there is no reply yet"),
            Self::ReplyErased => ("link.reply-erased", "the reply was not fetched in time"),
            Self::NotLater => ("link.not-later", "an expiry can only be extended"),
            Self::TooFar => ("link.too-far", "a link expires within 366 days from now"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words().1)
    }
}
