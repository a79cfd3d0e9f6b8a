//! Mail that the service writes itself: into a mailbox here, or to the servers of others; tried once.

use crate::{
    clock::Clock,
    config::Config,
    directory::Directory,
    log::Causes,
    mailbox::Mailboxes,
    outbound::{Letter, LetterError, Outbound, OutboundError, Report, with_crlf},
    smtp::{
        command::{Address, Recipient},
        session::Lookup,
    },
};
use record_store::AnyStore;
use std::{fmt, sync::Arc};
use tokio::sync::OnceCell;
use tracing::warn;

/// Delivers one letter to one recipient.
#[derive(Debug)]
pub(crate) struct Post {
    directory: Arc<Directory>,
    mailboxes: Arc<Mailboxes>,
    /// Made when it is needed: a service without a way to others can still deliver here.
    outbound: OnceCell<Outbound>,
    config: Config,
    store: Arc<AnyStore>,
    clock: Clock,
}

/// Where a letter went.
#[non_exhaustive]
#[derive(Debug)]
pub enum Delivered {
    /// Into a mailbox of this service, durably.
    Here,
    /// To another server, which has said yes.
    There(Report),
}

/// Why a letter was not delivered.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum NotDelivered {
    /// What was to be an address is none.
    #[error("{0} is no address")]
    Address(String),
    /// The domain is ours, and there is no such mailbox.
    #[error("there is no such mailbox here")]
    NoMailbox,
    /// The mailbox is full.
    #[error("the mailbox is full")]
    Full,
    /// The store could not do it.
    #[error("the mailbox cannot be written to now")]
    Store,
    /// It is no letter that can be sent.
    #[error(transparent)]
    Letter(#[from] LetterError),
    /// Nothing can be sent from here.
    #[error("no mail can be sent to others from here")]
    Outbound(#[from] OutboundError),
    /// No server has taken it.
    #[error("{}", Tried(.0))]
    There(Box<Report>),
}

/// Why the first recipient has it not.
struct Tried<'a>(&'a Report);

impl fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.why() {
            Some(why) => write!(f, "{} {}: {}", why.status, why.code, why.text),
            None => f.write_str("it was not tried"),
        }
    }
}

impl Post {
    pub(crate) fn new(
        config: &Config,
        directory: Arc<Directory>,
        mailboxes: Arc<Mailboxes>,
        store: Arc<AnyStore>,
        clock: Clock,
    ) -> Self {
        Self {
            directory,
            mailboxes,
            outbound: OnceCell::new(),
            config: config.clone(),
            store,
            clock,
        }
    }

    /// The account that an address in one of our domains stands for, whether it exists or not.
    pub(crate) fn account(&self, address: &str) -> Option<Arc<str>> {
        self.directory.account(&Address::parse(address)?)
    }

    /// Tries to deliver it. Lines that all end in LF are sent with CR LF.
    pub(crate) async fn deliver(
        &self,
        from: &str,
        to: &str,
        mail: &str,
    ) -> Result<Delivered, NotDelivered> {
        let address =
            |text: &str| Address::parse(text).ok_or_else(|| NotDelivered::Address(text.into()));
        let (from, to) = (address(from)?, address(to)?);
        let mail = with_crlf(mail.as_bytes().to_vec());
        let recipient = Recipient::Mailbox(to.clone());
        match self.directory.look_up(&recipient, mail.len() as u64).await {
            Lookup::Account(account) => self.here(&from, account, &mail).await,
            Lookup::NotOurs => self.there(Letter::new(Some(from), vec![to], mail)?).await,
            Lookup::Unknown => Err(NotDelivered::NoMailbox),
            Lookup::Full => Err(NotDelivered::Full),
            Lookup::Failed => Err(NotDelivered::Store),
        }
    }

    async fn here(
        &self,
        from: &Address,
        account: Arc<str>,
        mail: &[u8],
    ) -> Result<Delivered, NotDelivered> {
        // RFC 5321 §4.4: "the SMTP server […] inserts a return-path line at the beginning".
        let filed = [format!("Return-Path: <{from}>\r\n").as_bytes(), mail].concat();
        let now = self.clock.now();
        match self.mailboxes.deliver(&[account], &filed, now).await {
            Ok(()) => Ok(Delivered::Here),
            Err(error) => {
                warn!(error = %Causes(&error), "a mail was not stored");
                Err(NotDelivered::Store)
            }
        }
    }

    async fn there(&self, letter: Letter) -> Result<Delivered, NotDelivered> {
        let make = async || Outbound::new(&self.config, self.store.clone(), self.clock.clone());
        let outbound = self.outbound.get_or_try_init(make).await?;
        let report = outbound.deliver(&letter).await;
        match report.why() {
            None => Ok(Delivered::There(report)),
            Some(_) => Err(NotDelivered::There(Box::new(report))),
        }
    }
}
