//! Whose mail is delivered here.

use crate::{
    accounts::{self, Accounts},
    clock::Clock,
    config::Config,
    inbound::Error,
    log::Causes,
    mailbox::Mailboxes,
    secure::Secure,
    smtp::{
        command::{Address, Recipient},
        session::Lookup,
    },
};
use std::{sync::Arc, time::SystemTime};
use tracing::warn;

/// The domains of the service, and the accounts in them.
#[derive(Debug)]
pub(crate) struct Directory {
    domains: Vec<String>,
    secure: Secure,
    postmaster: Option<Arc<str>>,
    accounts: Arc<Accounts>,
    mailboxes: Arc<Mailboxes>,
    clock: Clock,
}

impl Directory {
    pub(crate) fn new(
        config: &Config,
        accounts: Arc<Accounts>,
        mailboxes: Arc<Mailboxes>,
        clock: Clock,
    ) -> Result<Self, Error> {
        let domain = |domain: &String| {
            crate::domain::canonical(domain).ok_or_else(|| Error::Domain(domain.clone()))
        };
        let postmaster = config.postmaster.as_ref().map(|address| {
            accounts::parse(address).map_err(|_| Error::Postmaster(address.clone()))
        });
        Ok(Self {
            domains: config
                .domains
                .iter()
                .map(domain)
                .collect::<Result<_, _>>()?,
            secure: Secure::new(&config.secure, &config.domains)?,
            postmaster: postmaster.transpose()?,
            accounts,
            mailboxes,
            clock,
        })
    }

    pub(crate) fn secure(&self) -> &Secure {
        &self.secure
    }

    /// Which account mail for this recipient goes to.
    ///
    /// `octets` is how large the message will be, as far as the client has said.
    pub(crate) async fn look_up(&self, recipient: &Recipient, octets: u64) -> Lookup {
        let named = match recipient {
            Recipient::Mailbox(address) => match self.account(address) {
                Some(account) => Some(account),
                None => return Lookup::NotOurs,
            },
            Recipient::Postmaster => None,
        };
        // RFC 5321 §4.5.1: mail for "postmaster" must be taken, with and without a domain.
        let postmaster = match &named {
            Some(account) if !account.starts_with("postmaster@") => None,
            _ => self.postmaster.clone(),
        };
        let now = self.clock.now();
        for account in [named, postmaster].into_iter().flatten() {
            match self.accounts.exists(&account, now).await {
                Ok(true) => return self.with_room(account, octets, now).await,
                Ok(false) => {}
                Err(error) => {
                    warn!(error = %Causes(&error), "account cannot be read");
                    return Lookup::Failed;
                }
            }
        }
        Lookup::Unknown
    }

    async fn with_room(&self, account: Arc<str>, octets: u64, now: SystemTime) -> Lookup {
        match self.mailboxes.has_room(&account, octets.max(1), now).await {
            Ok(true) => Lookup::Account(account),
            Ok(false) => Lookup::Full,
            Err(error) => {
                warn!(error = %Causes(&error), "mailbox cannot be read");
                Lookup::Failed
            }
        }
    }

    /// The account that an address in one of our domains stands for, whether it exists or not. A secure address is that
    /// of the account with the same local part. That mail for it comes over TLS is what the session sees to.
    pub(crate) fn account(&self, address: &Address) -> Option<Arc<str>> {
        let account = accounts::account_of(address)?;
        let (local, domain) = account.rsplit_once('@')?;
        if let Some(domain) = self.secure.account_domain(domain) {
            return Some(format!("{local}@{domain}").into());
        }
        self.domains.iter().any(|d| d == domain).then_some(account)
    }
}
