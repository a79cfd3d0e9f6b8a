//! PGP/MIME (RFC 3156) with protected headers (RFC 9788), OpenPGP in text, and Autocrypt: messages in, messages out. It
//! knows no store.
//!
//! ```
//! # #[cfg(feature = "_backend")] {
//! use pgp_keystore::mime::{self, HeaderPolicy, Kind, Verdict};
//! use pgp_keystore::{Generate, Limits, Profile, Recipient, plan_send};
//! use std::time::{Duration, SystemTime};
//!
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200);
//! let ann = Generate::new(Profile::Compat, now).user_id("Ann <ann@example.org>").create()?.key;
//! let bob = Generate::new(Profile::Compat, now).user_id("Bob <bob@example.net>").create()?.key;
//! let (to_ann, to_bob) = (ann.certificate(), bob.certificate());
//! let message = b"From: Ann <ann@example.org>\r\nTo: Bob <bob@example.net>\r\nSubject: Dinner plans\r\n\
//!     \r\nAt eight?\r\n";
//! let limits = Limits::default();
//!
//! let signed = mime::sign(message, &ann, now)?;
//! let verified = mime::verify(&signed, &[&to_ann], now, &limits)?;
//! assert_eq!(verified.verdict(), Verdict::Signed);
//!
//! let plan = plan_send(&[Recipient::new("bob@example.net", [&to_bob])], now);
//! let sealed = mime::encrypt(message, &plan, Some(&ann), HeaderPolicy::Baseline, now)?;
//! assert_eq!(mime::inspect(&sealed, &limits)?.kind, Kind::Encrypted);
//! assert!(!sealed.windows(6).any(|octets| octets == b"Dinner")); // the subject is inside
//!
//! let opened = mime::decrypt(&sealed, &[&bob], &[&to_ann], now, &limits)?;
//! assert_eq!(opened.headers.value("Subject"), Some("Dinner plans"));
//! assert_eq!(opened.verdict(), Verdict::Signed);
//! # }
//! # Ok::<(), pgp_keystore::mime::MimeError>(())
//! ```
//!
//! # Security notes
//!
//! The attacker writes messages, changes those of others, and puts them together anew. What holds:
//!
//! - What is signed are the very octets of the part. A structure that two readers could understand differently is a
//!   [`Fault`], and nothing is said about it: mixed line ends, zero octets, lines of a header that are no fields, types, boundaries
//!   or parameters that are there twice, a line that may be a boundary or not, an end that is missing.
//! - A message is [`Verdict::Signed`] if its outermost part is the signature, the signer's certificate names the address of
//!   `From`, and the header that people are shown is the one that was signed. A signed part inside something unsigned, and a
//!   signed text inline, is [`Verdict::Partly`].
//! - What is decrypted is given out whole and alone: a message of which parts are encrypted is not opened, so that nothing can
//!   be put around the content.
//! - Fields that servers write, such as `Authentication-Results`, do not come from inside a message.
//! - `Bcc` is written nowhere.
//!
//! What stays your job: not to load what HTML asks for, in an encrypted message least of all; which certificates are
//! the sender's; to show [`Protected::fields`], and nothing of the header outside, beside the word "signed".
//!
//! What is not there: S/MIME, which is recognized; encryption and signatures inline, which are read only; answers of those who
//! want a message unchanged but for its signature, as lists change it.

mod address;
mod author;
mod autocrypt;
#[cfg_attr(not(feature = "_backend"), allow(dead_code))]
mod content_type;
#[cfg(feature = "_backend")]
mod date;
#[cfg_attr(not(feature = "_backend"), allow(dead_code))]
mod entity;
mod error;
#[cfg_attr(not(feature = "_backend"), allow(dead_code))]
mod field;
mod inline;
#[cfg_attr(not(feature = "_backend"), allow(dead_code))]
mod kind;
#[cfg(feature = "_backend")]
mod legacy;
mod lines;
#[cfg(feature = "_backend")]
mod open;
#[cfg(feature = "_backend")]
mod protect;
#[cfg(feature = "_backend")]
mod result;
#[cfg(feature = "_backend")]
mod rewrite;
#[cfg(feature = "_backend")]
mod seal;
#[cfg_attr(not(feature = "_backend"), allow(dead_code))]
mod transfer;
#[cfg(feature = "_backend")]
mod words;

pub use author::author;
pub use autocrypt::{Autocrypt, MAX_AUTOCRYPT, PreferEncrypt, read_autocrypt, read_gossip};
#[cfg(feature = "_backend")]
pub use autocrypt::{autocrypt, autocrypt_gossip};
pub use error::{Fault, MimeError};
use field::Field;
pub use inline::InlineKind;
#[cfg(feature = "_backend")]
pub use inline::{InlineBlock, InlineContent, read_inline};
pub use kind::{Inside, Kind, Structure, inspect};
#[cfg(feature = "_backend")]
pub use open::{decrypt, verify};
#[cfg(feature = "_backend")]
pub use protect::HeaderPolicy;
#[cfg(feature = "_backend")]
pub use result::{
    Coverage, Decrypted, Outside, Protected, ProtectedField, Scheme, Sender, SignedPart, Verdict,
    Verified,
};
#[cfg(feature = "_backend")]
pub use seal::{encrypt, sign};
