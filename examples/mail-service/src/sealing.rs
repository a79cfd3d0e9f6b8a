//! Sealed messages from accounts of the service: kept behind a link, and announced by a mail that holds nothing of them.
//!
//! Who seals is elsewhere: the command does it here ([`seal`]), and the page in the sender's browser, so that the server
//! never has the password. What both do with the sealed message is [`Desk`].

mod desk;

pub use crate::post::{Delivered, NotDelivered};
pub use desk::{Desk, Kept, Order};

use crate::receipts;
use std::time::{Duration, SystemTime};
use symmetric_seal::{
    Passphrase, SealError, Sealed, Sealer,
    link::{Hint, LinkSecret},
    mime::{Attachment, FileName, Letter, Mailbox, MimeError},
    store::LinksError,
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

    /// What the server knows of it.
    ///
    /// # Errors
    /// [`Error::Mime`], [`Error::Hint`].
    pub fn order(&self) -> Result<Order, Error> {
        let mut order = Order::new(Mailbox::new(&self.from)?, Mailbox::new(&self.to)?);
        order.hint = self.hint.as_deref().map(Hint::new).transpose()?;
        order.lifetime = self.lifetime;
        order.views = self.views;
        order.bound = self.bound;
        Ok(order)
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

/// Why nothing was sealed or kept.
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
    /// The configuration makes no sense.
    #[error("the configuration makes no sense")]
    Setting(#[from] crate::SettingError),
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
    /// The mail with the link was not delivered.
    #[error("the mail with the link was not delivered; the message is taken back")]
    NotDelivered(#[from] NotDelivered),
    /// Nor could the message be taken back.
    #[error("the mail with the link was not delivered, and the message could not be taken back")]
    NotTakenBack(#[source] NotDelivered),
}

/// Seals a message, and makes the secret of its link if it is bound to one. Argon2 and the cipher work on this thread.
///
/// # Errors
/// [`Error`].
pub fn seal(
    message: &Message,
    password: &Passphrase,
    now: SystemTime,
) -> Result<(Sealed, Option<LinkSecret>), Error> {
    let secret = match message.bound {
        Bound::No => None,
        Bound::ToLink => Some(LinkSecret::from_octets(random()?)),
    };
    let bound = secret.as_ref().map(|secret| password.bound_to(secret));
    let letter = letter(message, now)?;
    let sealed = Sealer::new().seal(&letter, bound.as_ref().unwrap_or(password))?;
    Ok((sealed, secret))
}

fn letter(message: &Message, now: SystemTime) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
    let (from, to) = (Mailbox::new(&message.from)?, Mailbox::new(&message.to)?);
    let mut letter = Letter::new(&from, &to, &message.subject, now)?.text(&message.text);
    for (name, octets) in &message.attachments {
        letter = letter.attach(Attachment::new(FileName::new(name)?, octets));
    }
    Ok(letter.write()?.into())
}

fn random() -> Result<[u8; 16], aws_lc_rs::error::Unspecified> {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets)?;
    Ok(octets)
}
