use std::time::SystemTime;

use super::moment::Moment;
use super::secrets::Hash;
use super::state::{End, Open, Reading, Slot, Stage};
use super::throttle;
use super::{
    Answer, Effect, Link, MAX_LIFETIME, Notice, RESUME, ReadNotice, ReaderToken, Refusal, Replies,
    SenderToken, Status, Step,
};
use crate::{AccessProof, KdfParameters, ProofHash};

/// What happens to a link. All of it comes from a request that says so (POST), and none of it from a GET or HEAD.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The sender uploads the sealed message.
    Publish {
        /// The sender's token.
        sender: &'a SenderToken,
        /// Salt and costs, as they stand in the message.
        kdf: KdfParameters,
        /// What the sealer returned with the message.
        proof: ProofHash,
    },
    /// Somebody wants the message, and says that he has the password.
    Release {
        /// Made from the password.
        proof: &'a AccessProof,
        /// Fresh random octets of the reader, or those of a request whose answer was lost.
        reader: &'a ReaderToken,
    },
    /// A reader wants the same view again.
    Resume {
        /// What he brought for the release.
        reader: &'a ReaderToken,
    },
    /// A reader destroys the message.
    Destroy {
        /// What he brought for the release.
        reader: &'a ReaderToken,
    },
    /// A reader replies.
    Reply {
        /// What he brought for the release.
        reader: &'a ReaderToken,
        /// SHA-256 of the sealed reply: the same one may come again when an answer was lost.
        digest: [u8; 32],
    },
    /// The sender fetches the reply.
    FetchReply {
        /// The sender's token.
        sender: &'a SenderToken,
    },
    /// The sender gives more time.
    Extend {
        /// The sender's token.
        sender: &'a SenderToken,
        /// Until when, at most [`MAX_LIFETIME`] from now.
        until: SystemTime,
    },
    /// The sender takes the message back.
    Revoke {
        /// The sender's token.
        sender: &'a SenderToken,
    },
    /// Time passes.
    Tick,
}

impl Link {
    /// What an event makes of the link. Nothing is done by it: see [`Step`].
    pub fn step(&self, event: Event<'_>, now: SystemTime) -> Step {
        let (mut link, mut effects) = self.settle(now);
        let answer = match link.apply(event, &mut effects) {
            Ok(answer) => answer,
            Err(refusal) => Answer::Refused(refusal),
        };
        let changed = link
            != Self {
                seen: link.seen,
                ..self.clone()
            };
        Step {
            link,
            changed,
            answer,
            effects,
        }
    }

    fn apply(&mut self, event: Event<'_>, effects: &mut Vec<Effect>) -> Result<Answer, Refusal> {
        match event {
            Event::Publish { sender, kdf, proof } => {
                self.sent_by(sender)?;
                self.publish(kdf, proof, effects)
            }
            Event::Release { proof, reader } => self.release(proof, reader.hash(), effects),
            Event::Resume { reader } => {
                self.open()?;
                let view = self.view_of(reader.hash()).ok_or(Refusal::NotReader)?;
                self.resume(view, effects)
            }
            Event::Destroy { reader } => {
                self.view_of(reader.hash()).ok_or(Refusal::NotReader)?;
                self.finish(End::Destroyed, effects)
            }
            Event::Reply { reader, digest } => {
                self.view_of(reader.hash()).ok_or(Refusal::NotReader)?;
                self.take_reply(Hash(digest), effects)
            }
            Event::FetchReply { sender } => {
                self.sent_by(sender)?;
                match self.reply {
                    Slot::Empty => Err(Refusal::NoReplyYet),
                    Slot::Erased { .. } => Err(Refusal::ReplyErased),
                    Slot::Held { .. } => {
                        effects.push(Effect::SendReply);
                        Ok(Answer::Done)
                    }
                }
            }
            Event::Extend { sender, until } => {
                self.sent_by(sender)?;
                self.extend(Moment::of(until))
            }
            Event::Revoke { sender } => {
                self.sent_by(sender)?;
                self.finish(End::Revoked, effects)
            }
            Event::Tick => Ok(Answer::Done),
        }
    }

    fn publish(
        &mut self,
        kdf: KdfParameters,
        proof: ProofHash,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        match self.stage {
            Stage::Pending { .. } => {
                self.stage = Stage::Open(Open {
                    kdf,
                    proof,
                    failures: 0,
                    locked: None,
                });
                effects.push(Effect::KeepBody);
                Ok(Answer::Done)
            }
            // The answer was lost.
            Stage::Open(open) if (open.kdf, open.proof) == (kdf, proof) => Ok(Answer::Done),
            Stage::Open(_) => Err(Refusal::Published),
            Stage::Gone { .. } => Err(self.gone()),
        }
    }

    fn release(
        &mut self,
        proof: &AccessProof,
        reader: Hash,
        effects: &mut Vec<Effect>,
    ) -> Result<Answer, Refusal> {
        let mut open = self.open()?;
        if let Some(view) = self.view_of(reader) {
            return self.resume(view, effects);
        }
        if self.views_left() == 0 {
            return Err(Refusal::ViewsUsed);
        }
        // While the link waits no proof is looked at, so that none can be tried.
        if let Some(until) = open.locked {
            return Err(Refusal::Locked {
                until: until.time(),
            });
        }
        if !open.proof.accepts(proof) {
            open.failures = open.failures.saturating_add(1);
            let wait = throttle::wait(open.failures, self.terms.attempts);
            open.locked = wait.map(|wait| self.seen.after(wait));
            self.failed = self.failed.saturating_add(1);
            self.stage = Stage::Open(open);
            let wait = open.locked.map(Moment::time);
            // Once for each row of them, or whoever has the link could fill the sender's mailbox.
            if let Some(until) = wait
                && open.failures == u32::from(self.terms.attempts)
            {
                effects.push(Effect::Notify(Notice::Locked {
                    until,
                    wrong_proofs: self.failed,
                }));
            }
            return Err(Refusal::WrongProof { wait });
        }
        open.failures = 0;
        self.stage = Stage::Open(open);
        self.readings.push(Reading {
            token: reader,
            at: self.seen,
            resume: self.seen.after(RESUME),
        });
        let view = self.readings.len();
        let answer = self.resume(view, effects)?;
        let number = u8::try_from(view).unwrap_or(u8::MAX);
        let told = match self.terms.notice {
            ReadNotice::None => false,
            ReadNotice::First => number == 1,
            ReadNotice::Every => true,
        };
        if told {
            effects.push(Effect::Notify(Notice::Read { view: number }));
        }
        Ok(answer)
    }

    /// Hands a view out that was counted.
    fn resume(&self, view: usize, effects: &mut Vec<Effect>) -> Result<Answer, Refusal> {
        let reading = view.checked_sub(1).and_then(|at| self.readings.get(at));
        let reading = reading.ok_or(Refusal::NotReader)?;
        if reading.resume <= self.seen {
            return Err(Refusal::ResumeOver);
        }
        effects.push(Effect::Release);
        Ok(Answer::Released {
            view: u8::try_from(view).unwrap_or(u8::MAX),
            resume_until: reading.resume.min(self.expires).time(),
        })
    }

    fn take_reply(&mut self, digest: Hash, effects: &mut Vec<Effect>) -> Result<Answer, Refusal> {
        if self.terms.replies == Replies::None {
            return Err(Refusal::NoReplies);
        }
        match self.reply {
            // The answer was lost.
            Slot::Held { digest: held, .. } if held == digest => return Ok(Answer::Done),
            Slot::Held { .. } | Slot::Erased { .. } => return Err(Refusal::Replied),
            Slot::Empty => {}
        }
        if !self.takes_reply() {
            return Err(match self.gone() {
                // After a message has burned there is time to reply, until the link would have expired.
                Refusal::Burned { .. } => Refusal::Expired {
                    at: self.expires.time(),
                },
                gone => gone,
            });
        }
        self.reply = Slot::Held {
            digest,
            at: self.seen,
        };
        effects.push(Effect::KeepReply);
        effects.push(Effect::Notify(Notice::Replied));
        Ok(Answer::Done)
    }

    fn extend(&mut self, until: Moment) -> Result<Answer, Refusal> {
        if matches!(self.stage, Stage::Gone { .. }) {
            return Err(self.gone());
        }
        if until < self.expires {
            return Err(Refusal::NotLater);
        }
        if until > self.seen.after(MAX_LIFETIME) && until != self.expires {
            return Err(Refusal::TooFar);
        }
        self.expires = until;
        Ok(Answer::Done)
    }

    /// Ends the link by somebody's will; again if he has done so before.
    fn finish(&mut self, how: End, effects: &mut Vec<Effect>) -> Result<Answer, Refusal> {
        match self.stage {
            Stage::Gone { end, .. } if end == how => Ok(Answer::Done),
            Stage::Gone { .. } => Err(self.gone()),
            Stage::Pending { .. } | Stage::Open(_) => {
                self.end(how, self.seen, effects);
                if how == End::Destroyed {
                    effects.push(Effect::Notify(Notice::Destroyed));
                }
                Ok(Answer::Done)
            }
        }
    }

    fn open(&self) -> Result<Open, Refusal> {
        match self.stage {
            Stage::Open(open) => Ok(open),
            Stage::Pending { .. } => Err(Refusal::Pending),
            Stage::Gone { .. } => Err(self.gone()),
        }
    }

    fn sent_by(&self, sender: &SenderToken) -> Result<(), Refusal> {
        match self.sender.admits(&sender.hash()) {
            true => Ok(()),
            false => Err(Refusal::NotSender),
        }
    }

    /// Which view a reader's token is of, counted from 1. All of them are compared, whichever fits.
    fn view_of(&self, reader: Hash) -> Option<usize> {
        let readings = (1..).zip(&self.readings);
        readings.fold(None, |found, (view, reading)| {
            match reading.token.admits(&reader) {
                true => Some(view),
                false => found,
            }
        })
    }

    /// What became of a link that has ended.
    fn gone(&self) -> Refusal {
        match self.status() {
            Status::Burned { at, by } => Refusal::Burned { at, by },
            Status::Expired { at } => Refusal::Expired { at },
            Status::Revoked { at } => Refusal::Revoked { at },
            // A reader of a link that is open may reply; nobody else comes here.
            Status::Pending | Status::Available { .. } | Status::Locked { .. } => Refusal::Pending,
        }
    }
}
