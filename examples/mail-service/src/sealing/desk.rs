//! Where sealed messages are handed in: kept, announced, and taken back if they cannot be.

use super::{Bound, Delivered, Error, random};
use crate::{
    Clock, Config, Language,
    accounts::Accounts,
    directory::Directory,
    log::Causes,
    mailbox::{Mailboxes, Quota},
    post::Post,
    receipts,
};
use record_store::AnyStore;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use symmetric_seal::{
    ProofHash,
    link::{Hint, LinkId, LinkSecret, ReadNotice, SenderToken, Terms, TermsError},
    mime::{Invitation, Language as MailLanguage, LinkUrl, Mailbox, MessageId},
    store::{Links, LinksError, Verdict},
};
use tracing::warn;

/// Keeps sealed messages, and mails their links.
#[derive(Debug)]
pub struct Desk {
    store: Arc<AnyStore>,
    links: Links<Arc<AnyStore>>,
    post: Post,
    config: Config,
    /// The port that links name.
    port: u16,
    clock: Clock,
}

/// What the server knows of a sealed message: who sends it to whom, and on which terms.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Order {
    /// The sender, in a domain of the service.
    pub from: Mailbox,
    /// The recipient.
    pub to: Mailbox,
    /// Read by the server and by everybody with the link.
    pub hint: Option<Hint>,
    /// How long it can be opened.
    pub lifetime: Duration,
    /// How often it can be opened.
    pub views: u8,
    /// Whether a secret of the link is a part of the password.
    pub bound: Bound,
}

impl Order {
    /// For 28 days, one view, and the password alone.
    pub fn new(from: Mailbox, to: Mailbox) -> Self {
        Self {
            from,
            to,
            hint: None,
            lifetime: Duration::from_secs(28 * 24 * 3600),
            views: 1,
            bound: Bound::No,
        }
    }
}

/// A message that lies behind its link.
#[non_exhaustive]
#[derive(Debug)]
pub struct Kept {
    /// Its identity.
    pub id: LinkId,
    /// What the recipient follows, without a secret.
    pub url: String,
    /// What the sender revokes it with, and fetches the reply with.
    pub sender: SenderToken,
    /// Until when it can be opened.
    pub expires: SystemTime,
}

impl Kept {
    /// What the recipient follows, with its secret, if there is one.
    pub fn link(&self, secret: Option<&LinkSecret>) -> String {
        match secret {
            Some(secret) => format!("{}#{}", self.url, *secret.to_text()),
            None => self.url.clone(),
        }
    }
}

impl Desk {
    /// Beside a running service, on the same store.
    ///
    /// # Errors
    /// [`Error::NoSite`], [`Error::Setting`].
    pub fn new(config: &Config, store: Arc<AnyStore>, clock: Clock) -> Result<Self, Error> {
        let listened = config.listen.https.first().ok_or(Error::NoSite)?.port();
        let port = config.web.port.unwrap_or(listened);
        let mailboxes = Arc::new(Mailboxes::new(store.clone(), Quota::of(&config.limits)));
        let accounts = Arc::new(Accounts::new(store.clone()));
        let directory = Directory::new(config, accounts, mailboxes.clone(), clock.clone())?;
        let post = Post::new(
            config,
            Arc::new(directory),
            mailboxes,
            store.clone(),
            clock.clone(),
        );
        Ok(Self::with(config, post, port, store, clock))
    }

    /// In the service.
    pub(crate) fn with(
        config: &Config,
        post: Post,
        port: u16,
        store: Arc<AnyStore>,
        clock: Clock,
    ) -> Self {
        Self {
            links: Links::new(store.clone()).max_message(config.web.sealed_octets),
            store,
            post,
            config: config.clone(),
            port,
            clock,
        }
    }

    /// Keeps a sealed message. `proof` is what its sealer has to show for the password.
    ///
    /// # Errors
    /// [`Error`]; then nothing is kept.
    pub async fn keep(
        &self,
        order: &Order,
        message: &[u8],
        proof: ProofHash,
    ) -> Result<Kept, Error> {
        let from = order.from.address();
        let account = self.post.account(from);
        let account = account.ok_or_else(|| Error::Sender(from.into()))?;
        let now = self.clock.now();
        let memo = receipts::memo(self.store.clone(), &account, order.to.address(), now).await?;
        let mut terms = Terms::new()
            .views(order.views)
            .notice(ReadNotice::Every)
            .memo(memo);
        if let Some(hint) = &order.hint {
            terms = terms.hint(hint.clone());
        }
        if order.bound == Bound::ToLink {
            terms = terms.bind_link();
        }
        let expires = now.checked_add(order.lifetime);
        let expires = expires.ok_or(LinksError::Terms(TermsError::Expiry))?;
        let issued = self
            .links
            .issue(terms, expires, message, proof, now)
            .await?;
        Ok(Kept {
            url: self.config.sealed_url(&issued.id, self.port),
            id: issued.id,
            sender: issued.sender,
            expires,
        })
    }

    /// The account that an address of the service stands for, whether it exists or not.
    pub(crate) fn account(&self, address: &str) -> Option<Arc<str>> {
        self.post.account(address)
    }

    /// The mail with the link. If the message is bound to its link, the mail is as secret as the link is.
    ///
    /// # Errors
    /// [`Error::Mime`], [`Error::Random`].
    pub fn invitation(
        &self,
        order: &Order,
        kept: &Kept,
        secret: Option<&LinkSecret>,
    ) -> Result<String, Error> {
        let link = LinkUrl::new(&kept.link(secret))?;
        let id = MessageId::new(random()?, &self.config.hostname)?;
        let now = self.clock.now();
        let mut invitation = Invitation::new(&order.from, &order.to, &link, kept.expires, &id, now)
            .views(order.views)
            .language(match self.config.language {
                Language::English => MailLanguage::English,
                Language::German => MailLanguage::German,
            });
        if let Some(hint) = &order.hint {
            invitation = invitation.hint(hint);
        }
        Ok(invitation.write())
    }

    /// Mails the link. If that fails, the message is taken back.
    ///
    /// # Errors
    /// [`Error`]; in all cases but [`Error::NotTakenBack`] the link is revoked.
    pub async fn announce(
        &self,
        order: &Order,
        kept: &Kept,
        secret: Option<&LinkSecret>,
    ) -> Result<Delivered, Error> {
        let invitation = match self.invitation(order, kept, secret) {
            Ok(invitation) => invitation,
            Err(error) => {
                self.take_back(kept).await;
                return Err(error);
            }
        };
        let (from, to) = (order.from.address(), order.to.address());
        match self.post.deliver(from, to, &invitation).await {
            Ok(delivered) => Ok(delivered),
            Err(why) => match self.take_back(kept).await {
                true => Err(Error::NotDelivered(why)),
                false => Err(Error::NotTakenBack(why)),
            },
        }
    }

    /// Whether nobody can open it any more.
    async fn take_back(&self, kept: &Kept) -> bool {
        let now = self.clock.now();
        match self.links.revoke(&kept.id, &kept.sender, now).await {
            Ok(Verdict::Granted(_)) => true,
            Ok(_) => false,
            Err(error) => {
                warn!(error = %Causes(&error), "a link was not revoked");
                false
            }
        }
    }
}
