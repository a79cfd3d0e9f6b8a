//! What the sender of a sealed message is told, by mail to his account: that it was opened, answered, destroyed, or locked
//! by wrong passwords. Nothing of the message is known here, and nothing of it is said.
//!
//! ```text
//! a step of a link ── one commit ──► the link, and a record of the notice (symmetric_seal::store)
//!                                         │ at once, at the start, and every five minutes
//!                                         ▼
//!                     one commit: the mail is there, the record of the notice is not
//! ```
//!
//! So each event is told once, whatever ends when, at however many nodes. A mailbox that is full has time: the record
//! waits for 28 days. An account that is gone, or has another owner by now, hears nothing of it. The reader never waits
//! for any of this.

mod memo;
mod words;

pub use memo::{Error, memo};

use crate::{
    accounts::Accounts,
    clock::{self, Clock},
    config::{Config, Language},
    limits::lock,
    log::Causes,
    mailbox::{self, Mailboxes, Once, Task},
    notice::{encoded_word, mailbox, paragraph},
    service::Stop,
};
use memo::Sealed;
use record_store::{AnyStore, Commit, Expect, Records};
use std::{
    collections::HashSet,
    fmt::Write,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
use symmetric_seal::{
    link::{LinkId, LinkKey},
    store::{Links, LinksError, Outstanding},
};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep_until},
};
use tracing::{info, warn};
use words::Words;

/// How often all that waits is looked at.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// Links of which something is to be told at once; what is more waits for [`EVERY`].
const AT_ONCE: usize = 1000;

/// By which a sender knows his message again: eight hexadecimal digits, which lead to no link.
pub fn label(id: &LinkId) -> String {
    label_of(&id.key())
}

fn label_of(key: &LinkKey) -> String {
    let octets = key.octets().iter().take(4);
    octets.map(|octet| format!("{octet:02x}")).collect()
}

/// Tells senders.
#[derive(Debug)]
pub(crate) struct Receipts {
    store: Arc<AnyStore>,
    links: Links<Arc<AnyStore>>,
    accounts: Arc<Accounts>,
    mailboxes: Arc<Mailboxes>,
    clock: Clock,
    hostname: String,
    language: Language,
    due: Mutex<Vec<LinkKey>>,
    wake: Notify,
}

/// What came of looking at what waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Mails that are there now.
    pub(crate) delivered: usize,
    /// Notices for nobody.
    pub(crate) dropped: usize,
    /// Notices that wait on: the mailbox is full, or something failed.
    pub(crate) waiting: usize,
}

impl Receipts {
    pub(crate) fn new(
        config: &Config,
        store: Arc<AnyStore>,
        accounts: Arc<Accounts>,
        mailboxes: Arc<Mailboxes>,
        clock: Clock,
    ) -> Self {
        Self {
            links: Links::new(store.clone()),
            store,
            accounts,
            mailboxes,
            clock,
            hostname: config.hostname.clone(),
            language: config.language,
            due: Mutex::default(),
            wake: Notify::new(),
        }
    }

    /// Something may have happened to this link. Nobody waits for what comes of it.
    pub(crate) fn happened(&self, id: &LinkId) {
        let key = id.key();
        let mut due = lock(&self.due);
        if due.len() < AT_ONCE && !due.contains(&key) {
            due.push(key);
        }
        drop(due);
        self.wake.notify_one();
    }

    async fn tell_due(&self) {
        let due = std::mem::take(&mut *lock(&self.due));
        for link in due {
            self.tell_and_log(Some(&link)).await;
        }
    }

    async fn tell_and_log(&self, of: Option<&LinkKey>) {
        match self.tell(of).await {
            Ok(Told { waiting: 0, .. }) => {}
            Ok(told) => info!(?told, "senders of sealed messages are to be told later"),
            Err(error) => warn!(error = %Causes(&error), "what senders are to be told waits"),
        }
    }

    /// Tells what waits, of this link or of all.
    pub(crate) async fn tell(&self, of: Option<&LinkKey>) -> Result<Told, LinksError> {
        let now = self.clock.now();
        let (mut told, mut after) = (Told::default(), None);
        // Whose mailbox was full is not asked again.
        let mut full = HashSet::new();
        loop {
            let waiting = self.links.waiting(of, after.as_ref(), now).await?;
            if waiting.damaged > 0 {
                let damaged = waiting.damaged;
                warn!(damaged, "notices about sealed messages cannot be read");
            }
            for one in &waiting.outstanding {
                match self.tell_one(one, &mut full, now).await {
                    Ok(Fate::Delivered) => told.delivered += 1,
                    Ok(Fate::ForNobody) => told.dropped += 1,
                    Ok(Fate::Done) => {}
                    Ok(Fate::Full) => told.waiting += 1,
                    Err(error) => {
                        warn!(error = %Causes(&*error), "a sender is not told yet");
                        told.waiting += 1;
                    }
                }
            }
            after = waiting.next;
            if after.is_none() {
                return Ok(told);
            }
        }
    }

    async fn tell_one(
        &self,
        one: &Outstanding,
        full: &mut HashSet<Arc<str>>,
        now: SystemTime,
    ) -> Result<Fate, Box<dyn std::error::Error + Send + Sync>> {
        let sealed = Sealed::of(one.memo())?;
        let account: Arc<str> = sealed.account.as_str().into();
        if full.contains(&account) {
            return Ok(Fate::Full);
        }
        let (record, version) = one.record();
        let owner = self.accounts.owner(&account, now).await?;
        let Some((_, key, owned)) = owner.filter(|(owner, ..)| *owner == sealed.owner) else {
            return self.drop_one(one, now).await;
        };
        let once = Once {
            task: Task::Remove(record.clone(), version),
            guard: (key, owned),
        };
        let mail = self
            .mail(one, &sealed, now)
            .ok_or("there are no words for it")?;
        let mailboxes = &self.mailboxes;
        let delivered = mailboxes.deliver_once(&account, mail.as_bytes(), &once, now);
        match delivered.await {
            Ok(()) => Ok(Fate::Delivered),
            Err(mailbox::Error::Done) => Ok(Fate::Done),
            Err(mailbox::Error::NoAccount) => self.drop_one(one, now).await,
            Err(mailbox::Error::Quota) => {
                full.insert(account);
                Ok(Fate::Full)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// There is nobody to tell it to.
    async fn drop_one(
        &self,
        one: &Outstanding,
        now: SystemTime,
    ) -> Result<Fate, Box<dyn std::error::Error + Send + Sync>> {
        let (record, version) = one.record();
        let commit = Commit::new().delete(record, Expect::Version(version));
        // If it is still there, the next look drops it.
        let _ = self.store.commit(commit, now).await?;
        Ok(Fate::ForNobody)
    }

    /// A whole message.
    fn mail(&self, one: &Outstanding, sealed: &Sealed, now: SystemTime) -> Option<String> {
        let words = Words::of(self.language);
        let label = label_of(one.link());
        let said = words.say(one.notice(), one.at(), &sealed.to)?;
        let mut mail = String::from("Return-Path: <>\r\n");
        let _ = write!(
            mail,
            "From: {} <postmaster@{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\n\
             Message-ID: <sealed.{label}.{}@{}>\r\n",
            encoded_word::encode(words.sender),
            self.hostname,
            mailbox(&sealed.account),
            encoded_word::encode(&said.subject),
            clock::rfc5322(now),
            said.name,
            self.hostname,
        );
        // RFC 3834 §5: no answering machine shall answer.
        mail.push_str(
            "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        );
        let mut body = Vec::new();
        paragraph("", &said.headline, &mut body);
        body.extend_from_slice(b"\r\n");
        for (title, value) in [
            (words.to, sealed.to.as_str()),
            (words.sealed, &clock::minute(sealed.at())),
            (words.label, &label),
            (words.happened, &clock::minute(one.at())),
        ] {
            body.extend_from_slice(format!("{title} {value}\r\n").as_bytes());
        }
        for text in &said.paragraphs {
            body.extend_from_slice(b"\r\n");
            paragraph("", text, &mut body);
        }
        if let Some(command) = said.command {
            body.extend_from_slice(format!("\r\n    {command}\r\n").as_bytes());
        }
        mail.push_str(&String::from_utf8_lossy(&body));
        Some(mail)
    }
}

/// What became of one notice.
enum Fate {
    Delivered,
    /// By somebody else, or it has expired.
    Done,
    ForNobody,
    Full,
}

/// Tells what waits until the service stops; what is due then is told first.
pub(crate) async fn work(receipts: Arc<Receipts>, mut stop: Stop, _alive: mpsc::Sender<()>) {
    loop {
        receipts.tell_and_log(None).await;
        let again = Instant::now() + EVERY;
        loop {
            tokio::select! {
                biased;
                () = stop.requested() => return receipts.tell_due().await,
                () = receipts.wake.notified() => receipts.tell_due().await,
                () = sleep_until(again) => break,
            }
        }
    }
}

#[cfg(test)]
mod tests;
