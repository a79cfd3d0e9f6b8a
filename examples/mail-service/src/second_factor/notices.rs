//! What happens to an account's second factors, told to its user by mail into the mailbox here; and that the password must be
//! changed, for which the mark beside the account stands for the event, and goes with the commit of the mail ([`breached`]).
//!
//! ```text
//! a step of a login ── one commit ──► the decision record, and an event (twofactor)
//!                                          │ after each login, at the start, and every minute
//!                                          ▼
//!                      one commit: the mail is there, and a mark that it is ── then the event is acknowledged
//! ```
//!
//! So each event is told once, whatever ends when, at however many nodes. A full mailbox has 30 days; who gets the address
//! later hears nothing of it, because events end with the account. Nobody's login waits for any of this.

mod breached;

use super::{
    sha256, user_of,
    words::{self, Said},
};
use crate::{
    accounts::{Accounts, Error as AccountError},
    clock::{self, Clock},
    config::Config,
    log::Causes,
    login::Logins,
    mailbox::{self, Mailboxes, Once, Task},
    notice::{encoded_word, mailbox, paragraph},
    service::Stop,
};
use record_store::Key;
use std::{
    collections::BTreeSet,
    error::Error,
    fmt::Write,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};
use twofactor::{EVENTS_KEPT, UserId, Waiting};

/// How often all that waits is looked at: what a command or another node has written is told then.
const EVERY: Duration = Duration::from_secs(60);
/// As many as the crate gives at once.
const PAGE: usize = 100;
const TOLD: &str = "mail.told";

/// Tells users.
#[derive(Debug)]
pub(crate) struct Notices {
    logins: Arc<Logins>,
    accounts: Arc<Accounts>,
    mailboxes: Arc<Mailboxes>,
    clock: Clock,
    hostname: String,
}

/// What came of looking at what waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// Mails that are there now.
    pub(crate) delivered: usize,
    /// Events that were told before, or that nobody is there to hear.
    pub(crate) settled: usize,
    /// Users of whom some wait on: the mailbox is full, or something failed.
    pub(crate) waiting: usize,
}

impl Told {
    fn done(&self) -> usize {
        self.delivered + self.settled
    }
}

type Failure = Box<dyn Error + Send + Sync>;

impl Notices {
    pub(crate) fn new(
        config: &Config,
        logins: Arc<Logins>,
        accounts: Arc<Accounts>,
        mailboxes: Arc<Mailboxes>,
        clock: Clock,
    ) -> Self {
        Self {
            logins,
            accounts,
            mailboxes,
            clock,
            hostname: config.hostname.clone(),
        }
    }

    async fn tell_and_log(&self) {
        if let Err(error) = self.accounts.finish_rebinds(self.clock.now()).await {
            warn!(error = %Causes(&error), "what an older password has opened goes on");
        }
        match self.tell().await {
            Ok(Told { waiting: 0, .. }) => {}
            Ok(told) => info!(?told, "users are to be told later"),
            Err(error) => warn!(error = %Causes(&*error), "what users are to be told waits"),
        }
    }

    /// Tells what waits.
    pub(crate) async fn tell(&self) -> Result<Told, Failure> {
        let mut told = self.tell_events().await?;
        self.tell_breached(&mut told).await?;
        Ok(told)
    }

    async fn tell_events(&self) -> Result<Told, Failure> {
        let mut told = Told::default();
        loop {
            let before = told.done();
            let page = self.logins.two_factor().events(None, self.clock.now());
            let page = page.await?;
            let full = page.len() >= PAGE;
            let users: BTreeSet<UserId> = page.into_iter().map(|waiting| waiting.user).collect();
            told.waiting = 0;
            for user in &users {
                self.tell_and_count(user, &mut told).await;
            }
            if !full {
                return Ok(told);
            }
            if told.done() == before {
                // Those who cannot be told stand before all others: go by the accounts.
                for account in self.accounts.list(self.clock.now()).await? {
                    let user = user_of(&account)?;
                    if !users.contains(&user) {
                        self.tell_and_count(&user, &mut told).await;
                    }
                }
                return Ok(told);
            }
        }
    }

    async fn tell_and_count(&self, user: &UserId, told: &mut Told) {
        match self.tell_user(user, told).await {
            Ok(true) => {}
            Ok(false) => told.waiting += 1,
            Err(error) => {
                warn!(error = %Causes(&*error), "a user is not told yet");
                told.waiting += 1;
            }
        }
    }

    /// Tells one user; whether he has been told all of it.
    async fn tell_user(&self, user: &UserId, told: &mut Told) -> Result<bool, Failure> {
        let (factors, now) = (self.logins.two_factor(), self.clock.now());
        let guard = match self.account(user, now).await? {
            None => None,
            // First who has the account, then what is to be told: what began before him has ended before he came.
            Some(account) => match self.accounts.know_owner(&account, now).await {
                Ok(_) => {
                    let owner = self.accounts.owner(&account, now).await?;
                    owner.map(|(_, key, version)| (account, (key, version)))
                }
                Err(AccountError::Missing) => None,
                Err(error) => return Err(error.into()),
            },
        };
        let waiting = factors.events(Some(user), now).await?;
        for one in &waiting {
            let Some((account, guard)) = &guard else {
                factors.acknowledge(&one.key, now).await?;
                told.settled += 1;
                continue;
            };
            let until = now.checked_add(EVENTS_KEPT).unwrap_or(now);
            let once = Once {
                task: Task::Leave(mark(one)?, until),
                guard: guard.clone(),
            };
            let letter = Letter {
                id: id(one),
                said: &words::say(one.event),
                at: one.at,
                code: one.event.code(),
            };
            let mail = self.mail(account, &letter, now);
            let delivered = self
                .mailboxes
                .deliver_once(account, mail.as_bytes(), &once, now);
            match delivered.await {
                Ok(()) => told.delivered += 1,
                Err(mailbox::Error::Done) => told.settled += 1,
                Err(mailbox::Error::Quota | mailbox::Error::NoAccount) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            factors.acknowledge(&one.key, now).await?;
        }
        Ok(waiting.len() < PAGE)
    }

    /// Whose mailbox it is.
    async fn account(&self, user: &UserId, now: SystemTime) -> Result<Option<Arc<str>>, Failure> {
        if user.as_str().contains('@') {
            return Ok(Some(user.as_str().into()));
        }
        let accounts = self.accounts.list(now).await?;
        let mut accounts = accounts.into_iter();
        let account = accounts.find(|account| user_of(account).is_ok_and(|of| of == *user));
        Ok(account.map(Into::into))
    }

    /// A whole message.
    fn mail(&self, account: &str, letter: &Letter<'_>, now: SystemTime) -> String {
        let said = letter.said;
        let mut mail = String::from("Return-Path: <>\r\n");
        let id: String = letter
            .id
            .iter()
            .take(12)
            .fold(String::new(), |mut id, octet| {
                let _ = write!(id, "{octet:02x}");
                id
            });
        let _ = write!(
            mail,
            "From: {} <postmaster@{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\n\
             Message-ID: <account.{id}@{}>\r\n",
            encoded_word::encode("Account security"),
            self.hostname,
            mailbox(account),
            encoded_word::encode(&said.subject),
            clock::rfc5322(now),
            self.hostname,
        );
        // RFC 3834 §5: no answering machine shall answer.
        mail.push_str(
            "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
        );
        let mut body = Vec::new();
        paragraph("", &format!("{}.", said.subject), &mut body);
        paragraph("", &said.headline, &mut body);
        let when = format!(
            "\r\nAccount: {account}\r\nTime: {}\r\n\r\n",
            clock::minute(letter.at)
        );
        body.extend_from_slice(when.as_bytes());
        paragraph("", said.advice, &mut body);
        let code = format!("\r\nFor your administrator: {}\r\n", letter.code);
        body.extend_from_slice(code.as_bytes());
        mail.push_str(&String::from_utf8_lossy(&body));
        mail
    }
}

/// What a user is told.
struct Letter<'a> {
    /// By which it is known again.
    id: [u8; 32],
    said: &'a Said,
    at: SystemTime,
    code: &'a str,
}

/// By which an event is known again.
fn id(one: &Waiting) -> [u8; 32] {
    let at = one.at.duration_since(SystemTime::UNIX_EPOCH);
    let at = at.map_or(0, |at| at.as_millis()).to_be_bytes();
    let event = format!("{:?}", one.event);
    sha256(&[one.user.as_str().as_bytes(), &at, event.as_bytes()])
}

fn mark(one: &Waiting) -> Result<Key, record_store::Error> {
    Key::new(TOLD, id(one))
}

/// Tells what waits until the service stops; what has just happened is told first.
pub(crate) async fn tell(notices: Arc<Notices>, mut stop: Stop, _alive: mpsc::Sender<()>) {
    let news = notices.logins.news();
    loop {
        notices.tell_and_log().await;
        let again = Instant::now() + EVERY;
        tokio::select! {
            biased;
            () = stop.requested() => return notices.tell_and_log().await,
            () = news.notified() => {}
            () = sleep_until(again) => {}
        }
    }
}

#[cfg(test)]
mod tests;
