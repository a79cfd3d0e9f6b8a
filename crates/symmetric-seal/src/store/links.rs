use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use record_store::{Key, Large, Outcome, Records};

use super::steps::{self, Settled};
use super::{LinksError, keys};
use crate::crypto;
use crate::link::{
    Answer, Event, Link, LinkId, Notice, ReaderToken, Refusal, SenderToken, SenderView, Terms, View,
};
use crate::{AccessProof, KdfParameters, Opener, ProofHash};

/// Most octets of a sealed message or reply, unless [`Links::max_message`] says less: 64 MiB.
pub const MAX_MESSAGE: usize = 64 * 1024 * 1024;

/// Links and their messages in a [record-store](record_store), by the rules of [`Link`]: shared by any number of
/// callers, and by all nodes that share the store.
///
/// A view is counted, and durable, before the message leaves the store. Time is the caller's, and so is the sweep.
#[derive(Debug)]
pub struct Links<R> {
    pub(super) store: R,
    max_message: usize,
}

/// A verdict, which is no error.
#[allow(clippy::exhaustive_enums)] // yes or no
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it may be refused"]
pub enum Verdict<T> {
    /// Yes.
    Granted(T),
    /// No, and why.
    Refused(Refusal),
}

impl<T> Verdict<T> {
    /// What was granted.
    pub fn granted(self) -> Option<T> {
        match self {
            Self::Granted(it) => Some(it),
            Self::Refused(_) => None,
        }
    }

    /// Why it was refused.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Granted(_) => None,
            Self::Refused(why) => Some(*why),
        }
    }
}

/// A link that was made. Neither part is stored.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Issued {
    /// What goes into the URL.
    pub id: LinkId,
    /// What the sender keeps.
    pub sender: SenderToken,
}

/// Something was done.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What the sender is to be told now. It is said once, and a crash may swallow it: with a
    /// [memo](Terms::memo) the same waits in [`Links::waiting`].
    pub notices: Vec<Notice>,
}

/// A sealed message, for whoever has proved that he has the password.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct Released {
    /// The sealed message.
    pub message: Arc<[u8]>,
    /// Which view this is, counted from 1.
    pub view: u8,
    /// Until when the same reader may fetch it again, with his token.
    pub resume_until: SystemTime,
    /// What the sender is to be told now.
    pub notices: Vec<Notice>,
}

/// Without the message.
impl fmt::Debug for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = self.message.len();
        write!(f, "Released({octets} octets, view {})", self.view)
    }
}

/// A sealed reply, for the sender.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The sealed reply.
    pub message: Arc<[u8]>,
}

/// Without the reply.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({} octets)", self.message.len())
    }
}

impl<R: Records> Links<R> {
    /// Links in this store. Their records have the namespaces `seal-link`, `seal-body`, `seal-reply`, `seal-due` and
    /// `seal-notice`.
    pub fn new(store: R) -> Self {
        Self {
            store,
            max_message: MAX_MESSAGE,
        }
    }

    /// Takes messages and replies of at most so many octets, and never more than [`MAX_MESSAGE`].
    #[must_use]
    pub fn max_message(self, octets: usize) -> Self {
        Self {
            max_message: octets.min(MAX_MESSAGE),
            ..self
        }
    }

    /// Makes a link whose message is still to be [published](Self::publish), within a day.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn reserve(
        &self,
        terms: Terms,
        expires: SystemTime,
        now: SystemTime,
    ) -> Result<Issued, LinksError> {
        let (id, sender) = (
            LinkId::from_octets(random()?),
            SenderToken::from_octets(random()?),
        );
        let link = Link::new(terms, expires, &sender, now)?;
        // The first step is the one that changes nothing.
        let step = link.step(Event::Tick, now);
        let commit = steps::commit(&id.key(), None, &step, None)?;
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) => Ok(Issued { id, sender }),
            // Nobody has this identity; who asks again gets another one.
            Outcome::Conflict(_) | Outcome::Unknown => Err(LinksError::Contended),
        }
    }

    /// Makes a link and publishes its message in one commit: both are there, or neither. `proof` is what the sealer
    /// gave with the message; salt and costs are read out of it, and it must be one that
    /// [`Opener::for_links`] takes.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn issue(
        &self,
        terms: Terms,
        expires: SystemTime,
        message: &[u8],
        proof: ProofHash,
        now: SystemTime,
    ) -> Result<Issued, LinksError> {
        let (id, sender) = (
            LinkId::from_octets(random()?),
            SenderToken::from_octets(random()?),
        );
        let link = Link::new(terms, expires, &sender, now)?;
        let event = Event::Publish {
            sender: &sender,
            kdf: self.inspect(message)?,
            proof,
        };
        let step = link.step(event, now);
        let staged = self.stage(message, now).await?;
        let commit = steps::commit(&id.key(), None, &step, Some(&staged))?;
        match self.store.commit(commit, now).await {
            Ok(Outcome::Committed(_)) => Ok(Issued { id, sender }),
            Ok(Outcome::Conflict(_) | Outcome::Unknown) => {
                self.discard(staged, now).await;
                Err(LinksError::Contended)
            }
            Err(error) => {
                self.discard(staged, now).await;
                Err(error.into())
            }
        }
    }

    /// Uploads the message of a link that was reserved. The same upload may come again when its answer was lost.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn publish(
        &self,
        id: &LinkId,
        sender: &SenderToken,
        message: &[u8],
        proof: ProofHash,
        now: SystemTime,
    ) -> Result<Verdict<Done>, LinksError> {
        let kdf = self.inspect(message)?;
        let event = Event::Publish { sender, kdf, proof };
        self.upload(id, event, message, now).await
    }

    /// What everybody with the link may see. It writes nothing: this is for GET and HEAD.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn view(&self, id: &LinkId, now: SystemTime) -> Result<Verdict<View>, LinksError> {
        Ok(match steps::read(&self.store, &id.key(), now).await? {
            Some((link, _)) => Verdict::Granted(link.view(now)),
            None => Verdict::Refused(Refusal::Unknown),
        })
    }

    /// What the sender may see. It writes nothing.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn status(
        &self,
        id: &LinkId,
        sender: &SenderToken,
        now: SystemTime,
    ) -> Result<Verdict<SenderView>, LinksError> {
        let found = steps::read(&self.store, &id.key(), now).await?;
        let seen = match found {
            Some((link, _)) => link.sender_view(sender, now),
            None => Err(Refusal::Unknown),
        };
        Ok(match seen {
            Ok(view) => Verdict::Granted(view),
            Err(why) => Verdict::Refused(why),
        })
    }

    /// Releases the message to somebody who can prove that he has the password, and counts the view first.
    ///
    /// `reader` is 16 fresh random octets of the reader. If the answer is lost, or there is an error, the same call
    /// gives the same view again, uncounted, for ten minutes.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn release(
        &self,
        id: &LinkId,
        proof: &AccessProof,
        reader: &ReaderToken,
        now: SystemTime,
    ) -> Result<Verdict<Released>, LinksError> {
        self.hand_out(id, Event::Release { proof, reader }, now)
            .await
    }

    /// Hands a view out again to whom it was released in the last ten minutes.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn resume(
        &self,
        id: &LinkId,
        reader: &ReaderToken,
        now: SystemTime,
    ) -> Result<Verdict<Released>, LinksError> {
        self.hand_out(id, Event::Resume { reader }, now).await
    }

    /// Destroys the message, at the wish of somebody to whom it was released.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn destroy(
        &self,
        id: &LinkId,
        reader: &ReaderToken,
        now: SystemTime,
    ) -> Result<Verdict<Done>, LinksError> {
        let event = Event::Destroy { reader };
        self.take(id, event, None, now).await.map(done)
    }

    /// Keeps the reply of a reader for the sender: a message that the reader has sealed with the same password.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn reply(
        &self,
        id: &LinkId,
        reader: &ReaderToken,
        message: &[u8],
        now: SystemTime,
    ) -> Result<Verdict<Done>, LinksError> {
        self.inspect(message)?;
        let digest = crypto::sha256(message);
        let event = Event::Reply { reader, digest };
        self.upload(id, event, message, now).await
    }

    /// The reply, for the sender; as often as he asks, for 28 days.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn fetch_reply(
        &self,
        id: &LinkId,
        sender: &SenderToken,
        now: SystemTime,
    ) -> Result<Verdict<Reply>, LinksError> {
        let event = Event::FetchReply { sender };
        match self.take(id, event, None, now).await?.answer {
            Answer::Refused(why) => Ok(Verdict::Refused(why)),
            Answer::Done | Answer::Released { .. } => {
                let message = self.load(&keys::reply(&id.key())?, now).await?;
                let message = message.ok_or(LinksError::Missing)?;
                Ok(Verdict::Granted(Reply { message }))
            }
        }
    }

    /// Gives the link more time.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn extend(
        &self,
        id: &LinkId,
        sender: &SenderToken,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<Verdict<Done>, LinksError> {
        let event = Event::Extend { sender, until };
        self.take(id, event, None, now).await.map(done)
    }

    /// Takes the message back.
    ///
    /// # Errors
    /// [`LinksError`].
    pub async fn revoke(
        &self,
        id: &LinkId,
        sender: &SenderToken,
        now: SystemTime,
    ) -> Result<Verdict<Done>, LinksError> {
        let event = Event::Revoke { sender };
        self.take(id, event, None, now).await.map(done)
    }

    async fn take(
        &self,
        id: &LinkId,
        event: Event<'_>,
        staged: Option<&Large>,
        now: SystemTime,
    ) -> Result<Settled, LinksError> {
        steps::take(&self.store, &id.key(), event, staged, now).await
    }

    async fn hand_out(
        &self,
        id: &LinkId,
        event: Event<'_>,
        now: SystemTime,
    ) -> Result<Verdict<Released>, LinksError> {
        let settled = self.take(id, event, None, now).await?;
        let (view, resume_until) = match settled.answer {
            Answer::Released { view, resume_until } => (view, resume_until),
            Answer::Refused(why) => return Ok(Verdict::Refused(why)),
            Answer::Done => return Err(LinksError::Missing),
        };
        let Some(message) = self.load(&keys::body(&id.key())?, now).await? else {
            // Taken back or destroyed since the step: the link says so.
            return match self.take(id, event, None, now).await?.answer {
                Answer::Refused(why) => Ok(Verdict::Refused(why)),
                Answer::Done | Answer::Released { .. } => Err(LinksError::Missing),
            };
        };
        Ok(Verdict::Granted(Released {
            message,
            view,
            resume_until,
            notices: settled.notices,
        }))
    }

    /// Looks whether the event would be refused, before anything is written; then stages and commits.
    async fn upload(
        &self,
        id: &LinkId,
        event: Event<'_>,
        message: &[u8],
        now: SystemTime,
    ) -> Result<Verdict<Done>, LinksError> {
        let Some((link, _)) = steps::read(&self.store, &id.key(), now).await? else {
            return Ok(Verdict::Refused(Refusal::Unknown));
        };
        if let Answer::Refused(why) = link.step(event, now).answer {
            return Ok(Verdict::Refused(why));
        }
        let staged = self.stage(message, now).await?;
        let settled = self.take(id, event, Some(&staged), now).await;
        if !matches!(&settled, Ok(settled) if settled.changed) {
            self.discard(staged, now).await;
        }
        settled.map(done)
    }

    /// Salt and costs of a message that can be opened by a link. Nothing else is kept: no place for other files.
    fn inspect(&self, message: &[u8]) -> Result<KdfParameters, LinksError> {
        if message.is_empty() || message.len() > self.max_message {
            return Err(LinksError::Size);
        }
        match Opener::for_links().inspect(message) {
            Ok(found) => Ok(*found.parameters()),
            Err(error) => Err(error
                .refusal()
                .map_or(LinksError::Unreadable, LinksError::Message)),
        }
    }

    async fn stage(&self, message: &[u8], now: SystemTime) -> Result<Large, LinksError> {
        Ok(Large::stage(&self.store, message, now).await?)
    }

    /// What fails here a sweep of the store does a day later; and what was published stays.
    async fn discard(&self, staged: Large, now: SystemTime) {
        let _ = staged.discard(&self.store, now).await;
    }

    async fn load(&self, key: &Key, now: SystemTime) -> Result<Option<Arc<[u8]>>, LinksError> {
        match self.store.get(key, now).await? {
            None => Ok(None),
            Some(found) => Ok(Some(Large::load(&self.store, &found, now).await?)),
        }
    }
}

fn done(settled: Settled) -> Verdict<Done> {
    match settled.answer {
        Answer::Refused(why) => Verdict::Refused(why),
        Answer::Done | Answer::Released { .. } => Verdict::Granted(Done {
            notices: settled.notices,
        }),
    }
}

fn random<const N: usize>() -> Result<[u8; N], LinksError> {
    let mut octets = [0; N];
    crypto::random(&mut octets).map_err(|_| LinksError::NoRandom)?;
    Ok(octets)
}
