use std::fmt;
use std::time::SystemTime;

#[cfg(feature = "store")]
use super::NOTICE_KEPT;
use super::moment::Moment;
use super::secrets::Hash;
use super::{
    Effect, MAX_LIFETIME, Memo, PENDING, REPLY_KEPT, Replies, SenderToken, TOMBSTONE, Terms,
    TermsError,
};
use crate::{KdfParameters, ProofHash};

/// A link: what was allowed, and what has happened.
///
/// It is [encoded](Self::encode) for a store, and holds hashes where others hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    pub(super) terms: Terms,
    pub(super) sender: Hash,
    pub(super) expires: Moment,
    /// The greatest time of any step that was kept.
    pub(super) seen: Moment,
    pub(super) stage: Stage,
    /// Wrong proofs, ever.
    pub(super) failed: u32,
    /// At most [`Terms::views`] of them.
    pub(super) readings: Vec<Reading>,
    pub(super) reply: Slot,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Pending { until: Moment },
    Open(Open),
    Gone { end: End, at: Moment },
}

/// The message is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) kdf: KdfParameters,
    pub(super) proof: ProofHash,
    /// Wrong proofs in a row.
    pub(super) failures: u32,
    pub(super) locked: Option<Moment>,
}

/// Why the message is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Viewed,
    Destroyed,
    Expired,
    Revoked,
}

/// One view, by one reader.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) token: Hash,
    pub(super) at: Moment,
    /// Until when it may be fetched again.
    pub(super) resume: Moment,
}

/// Room for one reply.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Empty,
    Held { digest: Hash, at: Moment },
    Erased { at: Moment },
}

impl Link {
    /// A link whose message is still to come, within [`PENDING`].
    ///
    /// # Errors
    /// [`TermsError`].
    pub fn new(
        terms: Terms,
        expires: SystemTime,
        sender: &SenderToken,
        now: SystemTime,
    ) -> Result<Self, TermsError> {
        terms.check()?;
        let (expires, now) = (Moment::of(expires), Moment::of(now));
        if expires <= now || expires > now.after(MAX_LIFETIME) {
            return Err(TermsError::Expiry);
        }
        Ok(Self {
            terms,
            sender: sender.hash(),
            expires,
            seen: now,
            stage: Stage::Pending {
                until: now.after(PENDING),
            },
            failed: 0,
            readings: Vec::new(),
            reply: Slot::Empty,
        })
    }

    /// When the link ends by itself, or a reply is given up: when [`Event::Tick`](super::Event::Tick) will do something.
    #[must_use]
    pub fn due(&self) -> Option<SystemTime> {
        let ending = self.ending().map(|(_, at)| at);
        let reply = self.reply_ends();
        ending.into_iter().chain(reply).min().map(Moment::time)
    }

    /// Until when the tombstone is to be kept; nothing as long as the link is none.
    #[must_use]
    pub fn kept_until(&self) -> Option<SystemTime> {
        let Stage::Gone { at, .. } = self.stage else {
            return None;
        };
        let takes_reply = self.takes_reply().then_some(self.expires);
        let ends = [Some(at), takes_reply, self.reply_ends()];
        let last = ends.into_iter().flatten().max()?;
        Some(last.after(TOMBSTONE).time())
    }

    /// What the server keeps with it for itself.
    #[must_use]
    pub fn memo(&self) -> Option<&Memo> {
        self.terms.memo.as_ref()
    }

    /// The link as it is at a time, and what is to be done about what has become due.
    pub(super) fn settle(&self, now: SystemTime) -> (Self, Vec<Effect>) {
        let mut link = self.clone();
        let mut effects = Vec::new();
        // A clock that goes back stands still.
        link.seen = link.seen.max(Moment::of(now));
        if let Some((end, at)) = link.ending()
            && at <= link.seen
        {
            link.end(end, at, &mut effects);
        }
        if let Stage::Open(open) = &mut link.stage
            && open.locked.is_some_and(|until| until <= link.seen)
        {
            open.locked = None;
        }
        if link.reply_ends().is_some_and(|end| end <= link.seen)
            && let Slot::Held { at, .. } = link.reply
        {
            link.reply = Slot::Erased { at };
            effects.push(Effect::EraseReply);
        }
        (link, effects)
    }

    pub(super) fn end(&mut self, end: End, at: Moment, effects: &mut Vec<Effect>) {
        if matches!(self.stage, Stage::Open(_)) {
            effects.push(Effect::EraseBody);
        }
        self.stage = Stage::Gone { end, at };
    }

    /// When the step was that led here, and until when a notice of it is kept.
    #[cfg(feature = "store")]
    pub(crate) fn noticed(&self) -> (SystemTime, SystemTime) {
        (self.seen.time(), self.seen.after(NOTICE_KEPT).time())
    }

    pub(super) fn views_left(&self) -> u8 {
        let used = u8::try_from(self.readings.len()).unwrap_or(u8::MAX);
        self.terms.views.saturating_sub(used)
    }

    /// Whether a reader may still reply: until the link would have expired, though the message may be burned.
    pub(super) fn takes_reply(&self) -> bool {
        let ended_well = match self.stage {
            Stage::Pending { .. } => false,
            Stage::Open(_) => true,
            Stage::Gone { end, .. } => matches!(end, End::Viewed | End::Destroyed),
        };
        let offered = self.terms.replies == Replies::One && self.reply == Slot::Empty;
        ended_well && offered && self.seen < self.expires
    }

    /// How the link ends if nothing happens, and when.
    fn ending(&self) -> Option<(End, Moment)> {
        match self.stage {
            Stage::Gone { .. } => None,
            Stage::Pending { until } => Some((End::Expired, until.min(self.expires))),
            Stage::Open(_) => {
                let expired = (End::Expired, self.expires);
                let last = self.readings.iter().map(|reading| reading.resume).max();
                let viewed = last.filter(|last| self.views_left() == 0 && *last <= self.expires);
                Some(viewed.map_or(expired, |last| (End::Viewed, last)))
            }
        }
    }

    fn reply_ends(&self) -> Option<Moment> {
        match self.reply {
            Slot::Held { at, .. } => Some(at.after(REPLY_KEPT)),
            Slot::Empty | Slot::Erased { .. } => None,
        }
    }
}

/// Where it stands, without hashes and hint.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Pending { .. } => "pending".to_owned(),
            Stage::Open(open) => match open.locked {
                Some(_) => "locked".into(),
                None => "available".into(),
            },
            Stage::Gone { end, .. } => format!("{end:?}").to_lowercase(),
        };
        f.debug_struct("Link")
            .field("stage", &format_args!("{stage}"))
            .field("expires", &self.expires)
            .field("views_left", &self.views_left())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
