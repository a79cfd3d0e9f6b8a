//! The mails around a sealed message, written; dates and random octets are arguments.
//!
//! [`Letter`] is what is sealed: subject, text, its alternative in HTML, attachments. None of it stands outside.
//! [`Invitation`] is what is mailed: a link, how long it works, how it is used, and a hint that says itself that it is
//! not sealed.
//!
//! Nobody can put a field or a line of his own into a header: whatever stands in one is of a type that was checked
//! ([`Mailbox`], [`FileName`], [`MediaType`], [`LinkUrl`], [`MessageId`]), or is encoded (RFC 2047, RFC 2231). Lines end
//! in CRLF and have at most 78 octets, where RFC 5322 §2.1.1 lets them, and never 998. Bodies are quoted-printable or
//! base64, so that they pass any server as they are.

mod date;
mod encode;
mod error;
mod fields;
mod invitation;
mod letter;
mod words;

pub use error::MimeError;
pub use fields::{FileName, LinkUrl, Mailbox, MediaType, MessageId};
pub use invitation::Invitation;
pub use letter::{Attachment, Letter, MAX_ATTACHMENTS};
pub use words::Language;
