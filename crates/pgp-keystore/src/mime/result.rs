//! What is said about a message that was verified or decrypted.

use std::fmt;

use zeroize::Zeroizing;

use super::protect::is_user_facing;
use crate::{Container, Fingerprint, Reason, Verification};

/// How much of a message its signatures are about.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coverage {
    /// Nothing is signed.
    Nothing,
    /// Parts of it: what stands around them may be by anybody.
    Part,
    /// The octets of its only text, inline: not its header, nor how the text is to be read.
    Text,
    /// Its whole body, and of its header what [`Protected`] says.
    Whole,
}

/// Whether who signed is who it says that it is from. A user ID is a claim: that the certificate is the sender's is known
/// from where it was found.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// There is no valid signature.
    Nobody,
    /// A valid user ID of this signer has the address of `From`, outside and protected alike.
    Named(Fingerprint),
    /// No user ID of this signer has that address.
    Other(Fingerprint),
    /// `From` is missing, is there twice, has several addresses, or has one outside and another one protected.
    Unclear,
}

/// What a message's signature comes down to, with a code that stays the same from release to release.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing is signed.
    Unsigned,
    /// The whole message is validly signed by the sender, and the header that stands outside is the one that was signed, or
    /// none was.
    Signed,
    /// The signature is valid, but who made it is not who the message says that it is from.
    SenderDiffers,
    /// The signature is valid and by the sender, but the header outside is another one: show the protected one only.
    HeadersDiffer,
    /// A part is validly signed, or a text without its header: never to be shown as "signed".
    Partly,
    /// There are signatures, and none is valid.
    NotValid(Reason),
}

impl Verdict {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unsigned => "mime.unsigned",
            Self::Signed => "mime.signed",
            Self::SenderDiffers => "mime.sender-differs",
            Self::HeadersDiffer => "mime.headers-differ",
            Self::Partly => "mime.partly-signed",
            Self::NotValid(reason) => reason.code(),
        }
    }

    pub(super) fn of<'a>(
        coverage: Coverage,
        verifications: impl Iterator<Item = &'a Verification> + Clone,
        sender: Sender,
        headers: &Protected,
    ) -> Self {
        let valid = verifications.clone().any(|v| v.valid().next().is_some());
        if !valid {
            let all = verifications.flat_map(|v| &v.signatures);
            let best = all.map(|s| s.reason).max_by_key(|reason| reason.state());
            return best.map_or(Self::Unsigned, Self::NotValid);
        }
        match (coverage, sender) {
            (Coverage::Whole, Sender::Named(_)) if headers.differ() => Self::HeadersDiffer,
            (Coverage::Whole, Sender::Named(_)) => Self::Signed,
            (Coverage::Whole, _) => Self::SenderDiffers,
            _ => Self::Partly,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Unsigned => "not signed",
            Self::Signed => "signed by the sender, as a whole",
            Self::SenderDiffers => "signed by somebody else than the sender",
            Self::HeadersDiffer => "signed by the sender, with another header than the one outside",
            Self::Partly => "only a part of it is signed",
            Self::NotValid(reason) => return reason.fmt(f),
        };
        write!(f, "{words} ({})", self.code())
    }
}

/// How the header is protected.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// RFC 9788 §2.1, `hp="clear"`: made to be readable outside.
    Clear,
    /// RFC 9788 §2.1, `hp="cipher"`: made to be confidential, with a record of what is outside.
    Cipher,
    /// The draft before it, `protected-headers="v1"`, without such a record, and often with the subject only.
    Draft,
}

/// What of a header is protected.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// How; `None` if it is not.
    pub scheme: Option<Scheme>,
    /// The fields, in their order: those to show, and none of those outside.
    pub fields: Vec<ProtectedField>,
    /// The names of fields outside that nothing protects. Servers add some, and anybody can.
    pub unprotected: Vec<String>,
}

impl Protected {
    /// Nothing is.
    pub(super) fn nothing() -> Self {
        Self {
            scheme: None,
            fields: Vec::new(),
            unprotected: Vec::new(),
        }
    }

    /// The value of the first field of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut named = self.named(name);
        named.next().map(|field| field.value.as_str())
    }

    /// All fields of this name.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &ProtectedField> {
        let name = name.to_owned();
        let all = self.fields.iter();
        all.filter(move |field| field.name.eq_ignore_ascii_case(&name))
    }

    /// Whether what people are shown of a header is not the same outside as the sender left it there: changed, removed or
    /// added. Without protection nothing can be said, and this is false.
    #[must_use]
    pub fn differ(&self) -> bool {
        let shown = self
            .fields
            .iter()
            .filter(|field| is_user_facing(&field.name));
        let changed = shown
            .into_iter()
            .any(|field| field.outside != Outside::AsMeant);
        // The draft protects any choice of fields.
        let all = matches!(self.scheme, Some(Scheme::Clear | Scheme::Cipher));
        let added = self.unprotected.iter().any(|name| is_user_facing(name));
        changed || (all && added)
    }
}

/// A field that is protected.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct ProtectedField {
    /// As it is written.
    pub name: String,
    /// In one line, with its encoded words as they are; what is no UTF-8 is replaced.
    pub value: String,
    /// What stands outside in its place.
    pub outside: Outside,
    pub(super) confidential: bool,
    pub(super) raw: Vec<u8>,
}

impl ProtectedField {
    /// Whether the sender kept this value out of the header outside (RFC 9788 §4.3.1). An answer must not tell it to others.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.confidential
    }
}

impl fmt::Debug for ProtectedField {
    /// Without the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtectedField")
            .field("name", &self.name)
            .field("confidential", &self.confidential)
            .field("outside", &self.outside)
            .finish_non_exhaustive()
    }
}

/// What stands outside in place of a protected field.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outside {
    /// What the sender left there: the same, a placeholder, or nothing.
    AsMeant,
    /// Something else.
    Changed,
    /// Nothing, though there should be something.
    Missing,
}

/// What `verify` found.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How much of the message is signed.
    pub coverage: Coverage,
    /// What is signed, each with its signatures; of a message that is signed as a whole, one.
    pub parts: Vec<SignedPart>,
    /// What of the header is signed, too.
    pub headers: Protected,
    /// Whether it is the sender who signed.
    pub sender: Sender,
}

impl Verified {
    /// What it comes down to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verifications = self.parts.iter().map(|part| &part.verification);
        Verdict::of(self.coverage, verifications, self.sender, &self.headers)
    }
}

/// Something that is signed.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct SignedPart {
    /// Where: the number of the part from 0, of the part in it, and so on. Empty is the message itself.
    pub path: Vec<usize>,
    /// What is signed: of PGP/MIME an entity, with the very octets; inline, text.
    pub content: Vec<u8>,
    /// What its signatures are worth.
    pub verification: Verification,
}

impl fmt::Debug for SignedPart {
    /// Without the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedPart")
            .field("path", &self.path)
            .field("verification", &self.verification)
            .finish_non_exhaustive()
    }
}

/// What `decrypt` found: complete and unchanged.
#[non_exhaustive]
pub struct Decrypted {
    /// The entity that was encrypted: its own header, an empty line, and its body. It is wiped when it is dropped.
    pub content: Zeroizing<Vec<u8>>,
    /// What its signatures are worth; they are about all of it.
    pub verification: Verification,
    /// In what it was encrypted.
    pub container: Container,
    /// The certificate and the key of the recipient that opened it.
    pub by: (Fingerprint, Fingerprint),
    /// What of the header is protected, and what of it is confidential.
    pub headers: Protected,
    /// Whether it is the sender who signed.
    pub sender: Sender,
    pub(super) message: Zeroizing<Vec<u8>>,
}

impl Decrypted {
    /// What its signatures come down to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let coverage = match self.verification.signatures.is_empty() {
            true => Coverage::Nothing,
            false => Coverage::Whole,
        };
        let verifications = std::iter::once(&self.verification);
        Verdict::of(coverage, verifications, self.sender, &self.headers)
    }

    /// The message as it is to be shown: with the protected header if there is one, and else the one outside, and without what
    /// was written for readers who know no protected headers (RFC 9788 §4.5). Fields that servers add are not in it.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }
}

impl fmt::Debug for Decrypted {
    /// Without the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decrypted")
            .field("verification", &self.verification)
            .field("container", &self.container)
            .field("by", &self.by)
            .field("headers", &self.headers)
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}
