//! A sealed message from an account of the service: sealed, kept behind a link, and announced by a mail that holds nothing
//! of it. The password is used here, at the sender's side, and is neither kept nor logged.

use crate::{Clock, Config, Language, receipts};
use record_store::AnyStore;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use symmetric_seal::{
    Passphrase, SealError, Sealer,
    link::{Hint, LinkId, LinkSecret, ReadNotice, SenderToken, Terms},
    mime::{
        Attachment, FileName, Invitation, Language as MailLanguage, Letter, LinkUrl, Mailbox,
        MessageId, MimeError,
    },
    store::{Links, LinksError},
};

/// What is sealed, for whom, and on which terms.
#[non_exhaustive]
#[derive(Debug)]
pub struct Message {
    /// The sender, an account of the service.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// Sealed, too.
    pub subject: String,
    /// The text.
    pub text: String,
    /// Names and octets.
    pub attachments: Vec<(String, Vec<u8>)>,
    /// Read by the server and by everybody with the link.
    pub hint: Option<String>,
    /// How long it can be opened.
    pub lifetime: Duration,
    /// How often it can be opened.
    pub views: u8,
    /// Whether a secret of the link is a part of the password.
    pub bound: Bound,
}

impl Message {
    /// A message without text or attachments, for 28 days, one view, and the password alone.
    pub fn new(from: &str, to: &str, subject: &str) -> Self {
        Self {
            from: from.into(),
            to: to.into(),
            subject: subject.into(),
            text: String::new(),
            attachments: Vec::new(),
            hint: None,
            lifetime: Duration::from_secs(28 * 24 * 3600),
            views: 1,
            bound: Bound::No,
        }
    }
}

/// What opens a message.
#[allow(clippy::exhaustive_enums)] // with the link or without it
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The password.
    No,
    /// The password, and the secret in the link.
    ToLink,
}

/// A message that lies behind its link.
#[non_exhaustive]
#[derive(Debug)]
pub struct Kept {
    /// Its identity.
    pub id: LinkId,
    /// What the recipient follows, its secret included.
    pub url: String,
    /// What the sender revokes it with, and fetches the reply with.
    pub sender: SenderToken,
    /// The mail to the recipient.
    pub invitation: String,
}

/// Why nothing was sealed.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sender is not in the service's domains.
    #[error("{0} lies in none of the domains of the service")]
    Sender(String),
    /// Nobody could be told of readers and replies.
    #[error("the sender cannot be told of readers and replies")]
    Receipts(#[from] receipts::Error),
    /// The service has no pages that the recipient could open it on.
    #[error("listen.https names no address: there is no page to open a sealed message on")]
    NoSite,
    /// Something of the mail makes no sense.
    #[error("the message cannot be written")]
    Mime(#[from] MimeError),
    /// It could not be put together.
    #[error("the message cannot be put together")]
    Write(#[from] std::io::Error),
    /// It could not be sealed.
    #[error("the message cannot be sealed")]
    Seal(#[from] SealError),
    /// The hint makes no sense.
    #[error("the hint makes no sense")]
    Hint(#[from] symmetric_seal::link::HintError),
    /// It could not be kept.
    #[error("the sealed message cannot be kept")]
    Keep(#[from] LinksError),
    /// There is no randomness.
    #[error("the system has no random numbers")]
    Random(#[from] aws_lc_rs::error::Unspecified),
}

/// Seals a message, and keeps it. Argon2 and the cipher work on this thread.
///
/// # Errors
/// [`Error`]; then nothing is kept.
pub async fn seal(
    config: &Config,
    store: Arc<AnyStore>,
    clock: &Clock,
    message: &Message,
    password: &Passphrase,
) -> Result<Kept, Error> {
    if !config.delivers_to(&message.from) {
        return Err(Error::Sender(message.from.clone()));
    }
    if config.listen.https.is_empty() {
        return Err(Error::NoSite);
    }
    let (from, to) = (Mailbox::new(&message.from)?, Mailbox::new(&message.to)?);
    let now = clock.now();
    let secret = match message.bound {
        Bound::No => None,
        Bound::ToLink => Some(LinkSecret::from_octets(random()?)),
    };
    let bound = secret.as_ref().map(|secret| password.bound_to(secret));
    let letter = letter(message, &from, &to, now)?;
    let sealed = Sealer::new().seal(&letter, bound.as_ref().unwrap_or(password))?;
    drop(zeroize::Zeroizing::new(letter));

    let hint = message.hint.as_deref().map(Hint::new).transpose()?;
    let memo = receipts::memo(store.clone(), &message.from, &message.to, now).await?;
    let mut terms = Terms::new()
        .views(message.views)
        .notice(ReadNotice::Every)
        .memo(memo);
    if let Some(hint) = &hint {
        terms = terms.hint(hint.clone());
    }
    if secret.is_some() {
        terms = terms.bind_link();
    }
    let links = Links::new(store).max_message(config.web.sealed_octets);
    let (expires, proof) = (now + message.lifetime, sealed.receipt().proof_hash());
    let issued = links
        .issue(terms, expires, sealed.message(), proof, now)
        .await?;

    let fragment = secret.map(|secret| format!("#{}", *secret.to_text()));
    let url = config.sealed_url(&issued.id) + fragment.as_deref().unwrap_or_default();
    let link = LinkUrl::new(&url)?;
    let id = MessageId::new(random()?, &config.hostname)?;
    let mut invitation = Invitation::new(&from, &to, &link, expires, &id, now)
        .views(message.views)
        .language(match config.language {
            Language::English => MailLanguage::English,
            Language::German => MailLanguage::German,
        });
    if let Some(hint) = &hint {
        invitation = invitation.hint(hint);
    }
    Ok(Kept {
        invitation: invitation.write(),
        id: issued.id,
        sender: issued.sender,
        url,
    })
}

fn letter(
    message: &Message,
    from: &Mailbox,
    to: &Mailbox,
    now: SystemTime,
) -> Result<Vec<u8>, Error> {
    let mut letter = Letter::new(from, to, &message.subject, now)?.text(&message.text);
    for (name, octets) in &message.attachments {
        letter = letter.attach(Attachment::new(FileName::new(name)?, octets));
    }
    Ok(letter.write()?)
}

fn random() -> Result<[u8; 16], aws_lc_rs::error::Unspecified> {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets)?;
    Ok(octets)
}

impl Config {
    /// Where the page of a link is.
    pub fn sealed_url(&self, id: &LinkId) -> String {
        let listened = self.listen.https.first().map(|address| address.port());
        let port = match self.web.port.or(listened) {
            Some(443) | None => String::new(),
            Some(port) => format!(":{port}"),
        };
        format!("https://{}{port}/s/{}", self.sealed_host(), *id.to_text())
    }
}
