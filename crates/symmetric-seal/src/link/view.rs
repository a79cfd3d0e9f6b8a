use std::time::SystemTime;

use super::state::{End, Slot, Stage};
use super::{Hint, Link, Refusal, SenderToken};
use crate::KdfParameters;

/// Where a link stands.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The message is not there yet.
    Pending,
    /// The message is there.
    Available {
        /// How often it will be released. At 0 only who has just had it may fetch it again.
        views_left: u8,
    },
    /// Too many proofs were wrong: the next one is looked at from this time on.
    Locked {
        /// From when on.
        until: SystemTime,
    },
    /// The message was read as often as allowed, or destroyed by its reader.
    Burned {
        /// Since when.
        at: SystemTime,
        /// By what.
        by: Burned,
    },
    /// Its time has passed.
    Expired {
        /// Since when.
        at: SystemTime,
    },
    /// The sender has taken it back.
    Revoked {
        /// Since when.
        at: SystemTime,
    },
}

/// What has burned a message.
#[allow(clippy::exhaustive_enums)] // the two ways there are
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burned {
    /// All views were used.
    Views,
    /// A reader has destroyed it.
    Reader,
}

/// What everybody with the link may see.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Where the link stands.
    pub status: Status,
    /// When it expires, or would have.
    pub expires: SystemTime,
    /// The sender's hint, which is not sealed; not beyond the end of the link.
    pub hint: Option<Hint>,
    /// Whether the password is bound to the fragment of the URL.
    pub bound: bool,
    /// Salt and costs of Argon2, from which the proof is made; only as long as a proof may release the message.
    pub challenge: Option<KdfParameters>,
    /// Whether a reader may (still) reply.
    pub takes_reply: bool,
}

/// What the sender may see.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderView {
    /// Where the link stands.
    pub status: Status,
    /// When it expires, or would have.
    pub expires: SystemTime,
    /// When the message was released.
    pub released: Vec<SystemTime>,
    /// How many proofs were wrong.
    pub wrong_proofs: u32,
    /// When the reader replied.
    pub replied: Option<SystemTime>,
}

impl Link {
    /// What everybody with the link may see. It changes nothing.
    #[must_use]
    pub fn view(&self, now: SystemTime) -> View {
        let (link, _) = self.settle(now);
        let (challenge, hint) = match link.stage {
            Stage::Open(open) => {
                let challenge = (link.views_left() > 0).then_some(open.kdf);
                (challenge, link.terms.hint.clone())
            }
            Stage::Pending { .. } | Stage::Gone { .. } => (None, None),
        };
        View {
            status: link.status(),
            expires: link.expires.time(),
            hint,
            bound: link.terms.bound,
            challenge,
            takes_reply: link.takes_reply(),
        }
    }

    /// What the sender may see. It changes nothing.
    ///
    /// # Errors
    /// [`Refusal::NotSender`].
    pub fn sender_view(
        &self,
        sender: &SenderToken,
        now: SystemTime,
    ) -> Result<SenderView, Refusal> {
        if !self.sender.admits(&sender.hash()) {
            return Err(Refusal::NotSender);
        }
        let (link, _) = self.settle(now);
        let released = link.readings.iter().map(|reading| reading.at.time());
        Ok(SenderView {
            status: link.status(),
            expires: link.expires.time(),
            released: released.collect(),
            wrong_proofs: link.failed,
            replied: match link.reply {
                Slot::Empty => None,
                Slot::Held { at, .. } | Slot::Erased { at } => Some(at.time()),
            },
        })
    }

    /// Where a link stands that is settled.
    pub(super) fn status(&self) -> Status {
        match self.stage {
            Stage::Pending { .. } => Status::Pending,
            Stage::Open(open) => match (open.locked, self.views_left()) {
                (Some(until), 1..) => Status::Locked {
                    until: until.time(),
                },
                (_, views_left) => Status::Available { views_left },
            },
            Stage::Gone { end, at } => {
                let at = at.time();
                match end {
                    End::Viewed => Status::Burned {
                        at,
                        by: Burned::Views,
                    },
                    End::Destroyed => Status::Burned {
                        at,
                        by: Burned::Reader,
                    },
                    End::Expired => Status::Expired { at },
                    End::Revoked => Status::Revoked { at },
                }
            }
        }
    }
}
