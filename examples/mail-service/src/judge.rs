//! The judgement of a message: msg-validate, fed with what this service knows.

use crate::{
    dns::Dns,
    inbound::Peer,
    notice,
    smtp::{command::Encoding, session::Envelope},
};
use msg_validate::{Context, DmarcResult, Grade, Policy, Stamp, Validator, Verdict};
use std::time::{Duration, SystemTime};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
    time::Instant,
};

#[cfg(feature = "second-opinion")]
pub use msg_validate::second_opinion::SecondOpinionError;

/// Why there can be no second opinion.
#[cfg(not(feature = "second-opinion"))]
#[non_exhaustive]
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
            .removing(notice::REASON)?
            .removing(notice::SIGNATURE)?;
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
        let judging = self
            .validator
            .validate(message, &context, deadline.into_std());
        aside(message.len(), judging).await
    }
}

/// Larger messages than this may be hashed for longer than others should wait.
const LARGE: usize = 256 * 1024;

/// Does work on a large message where it holds nobody up: this thread's other tasks go to another
/// one meanwhile. A runtime of one thread has none to give them to.
async fn aside<T>(octets: usize, work: impl Future<Output = T>) -> T {
    let handle = Handle::current();
    match handle.runtime_flavor() {
        RuntimeFlavor::MultiThread if octets > LARGE => block_in_place(|| handle.block_on(work)),
        _ => work.await,
    }
}

/// Whether the author's domain asks to reject the message.
pub(crate) fn asks_to_reject(verdict: &Verdict) -> bool {
    verdict.grade() == Grade::Forged
        && verdict.dmarc().is_some_and(|dmarc| {
            dmarc.result() == DmarcResult::Fail && dmarc.policy() == Some(Policy::Reject)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Resolver,
        inbound::Security,
        smtp::session::{Client, Greeting},
    };
    use std::{net::UdpSocket, sync::mpsc::sync_channel};

    /// Without the deadline it would cost what the resolver thinks right, the same each time.
    #[tokio::test(start_paused = true)]
    async fn a_silent_server_costs_the_time_that_was_given() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let servers = Resolver::Servers(vec![silent.local_addr().unwrap()]);
        let peer = Peer {
            client: [192, 0, 2, 1].into(),
            security: Security::Plain,
        };
        let envelope = Envelope {
            wish: tls_policy::Wish::Default,
            client: Client {
                name: "c.example".into(),
                greeting: Greeting::Ehlo,
            },
            from: None,
            accounts: Vec::new(),
            encoding: Encoding::Ascii,
        };
        let message = b"From: a@b.example\r\n\r\n";
        for time in [1, 2].map(Duration::from_secs) {
            let judge = Judge::new(Dns::new(&servers).unwrap(), "mx.example", time).unwrap();
            let start = Instant::now();
            let now = SystemTime::UNIX_EPOCH;
            let verdict = judge.judge(&peer, &envelope, message, now).await;
            assert_eq!(start.elapsed().as_secs(), time.as_secs());
            assert_eq!(verdict.grade(), Grade::Unverifiable);
        }
    }

    /// The one thread of the runtime is busy until another task has run: with a message that is not
    /// large, this would never end.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_large_message_holds_nobody_up() {
        let (done, wait) = sync_channel(0);
        let judging = tokio::spawn(aside(LARGE + 1, async move { wait.recv() }));
        tokio::spawn(async move { done.send("judged") });
        assert_eq!(judging.await.unwrap(), Ok("judged"));
    }
}
