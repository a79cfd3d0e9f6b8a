//! The judgement of a message: msg-validate, fed with what this service knows.

use crate::{
    dns::Dns,
    inbound::Peer,
    notice,
    smtp::{command::Encoding, session::Envelope},
};
use msg_validate::{Context, DmarcResult, Grade, Policy, Stamp, Validator, Verdict};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

#[cfg(feature = "second-opinion")]
pub use msg_validate::second_opinion::SecondOpinionError;

/// Why there can be no second opinion.
#[cfg(not(feature = "second-opinion"))]
#[derive(Debug, thiserror::Error)]
#[error(
    "this program was built without the feature `second-opinion`: set second_opinion = \"off\""
)]
pub struct SecondOpinionError;

/// Judges and stamps messages.
#[derive(Debug)]
pub(crate) struct Judge {
    validator: Validator<Dns>,
    /// The fields that nobody but this host may write: one that came in is noticed.
    own: Stamp,
    /// Those that are removed: `Return-Path` too, which some senders add without harm.
    stamp: Stamp,
    time: Duration,
}

impl Judge {
    pub(crate) fn new(
        dns: Dns,
        hostname: &str,
        time: Duration,
    ) -> Result<Self, msg_validate::Error> {
        let own = Stamp::new(hostname)?
            .removing(notice::VERDICT)?
            .removing(notice::REASON)?;
        Ok(Self {
            validator: Validator::new(dns),
            stamp: own.clone().removing("Return-Path")?,
            own,
            time,
        })
    }

    /// Lets mail-auth judge each message too.
    #[cfg(feature = "second-opinion")]
    pub(crate) fn with_second_opinion(mut self) -> Result<Self, SecondOpinionError> {
        let second = msg_validate::SecondOpinion::new()?;
        self.validator = self.validator.with_second_opinion(second);
        Ok(self)
    }

    /// Refuses: better no service than one that does less than its settings say.
    #[cfg(not(feature = "second-opinion"))]
    pub(crate) fn with_second_opinion(self) -> Result<Self, SecondOpinionError> {
        Err(SecondOpinionError)
    }

    pub(crate) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// A verdict in any case: what the DNS does not say in time has failed.
    pub(crate) async fn judge(
        &self,
        peer: &Peer,
        envelope: &Envelope,
        message: &[u8],
        now: SystemTime,
    ) -> Verdict {
        let mail_from = envelope.from.as_ref().map(ToString::to_string);
        let helo = envelope.client.name.as_str();
        let mut context = Context::smtp(peer.client, helo, mail_from.unwrap_or_default(), now)
            .judged_by(self.own.clone());
        if envelope.encoding == Encoding::Utf8 {
            context = context.internationalized();
        }
        let deadline = Instant::now() + self.time;
        self.validator
            .validate(message, &context, deadline.into_std())
            .await
    }
}

/// Whether the author's domain asks to reject the message.
pub(crate) fn asks_to_reject(verdict: &Verdict) -> bool {
    verdict.grade() == Grade::Forged
        && verdict.dmarc().is_some_and(|dmarc| {
            dmarc.result() == DmarcResult::Fail && dmarc.policy() == Some(Policy::Reject)
        })
}
