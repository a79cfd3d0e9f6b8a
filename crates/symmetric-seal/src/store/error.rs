use crate::Refusal;
use crate::link::{RecordError, TermsError};

/// Why there is no verdict.
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum LinksError {
    /// The store gave no outcome. A release may have been counted then; with the same token it is repeated for nothing.
    #[error("the store failed")]
    Store(#[from] record_store::Error),
    /// Others changed the same link again and again, or nobody knows what became of the change.
    #[error("the link is contended")]
    Contended,
    /// What is stored for the link cannot be read.
    #[error("the stored link cannot be read")]
    Record(#[from] RecordError),
    /// The link says that there is a message, or a reply, and there is none.
    #[error("the stored message is missing")]
    Missing,
    /// A link cannot be made on these terms.
    #[error("the terms of the link are refused")]
    Terms(#[from] TermsError),
    /// The message has more octets than [`Links`](super::Links) takes, or none.
    #[error("the message is too large, or empty")]
    Size,
    /// The message is not one that a link opens.
    #[error("the message is refused")]
    Message(#[source] Refusal),
    /// The message is no sealed message.
    #[error("the message is no sealed message")]
    Unreadable,
    /// The operating system gives no random octets.
    #[error("no random octets")]
    NoRandom,
}

impl LinksError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Store(why) => why.is_temporary(),
            Self::Contended | Self::NoRandom => true,
            Self::Record(_)
            | Self::Missing
            | Self::Terms(_)
            | Self::Size
            | Self::Message(_)
            | Self::Unreadable => false,
        }
    }
}
