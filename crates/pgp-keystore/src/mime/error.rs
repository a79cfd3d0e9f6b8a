//! Why there is no result, and what is wrong with a structure.

use std::fmt;

/// Why a message was not read or written. A signature that is not valid is no error: see `Verdict`.
///
/// No message holds content or an address.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MimeError {
    /// The structure can be read in more than one way, or in none.
    #[error("malformed: {0}")]
    Malformed(Fault),
    /// Something is larger, or is there more often, than [`Limits`](crate::Limits) allows.
    #[error("more than the limit of {limit} {what}")]
    Limit {
        /// What there is too much of, with its unit.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The message is not encrypted, or not by PGP/MIME.
    #[error("not an encrypted message")]
    NotEncrypted,
    /// Only a part of the message is encrypted. It is not opened, as what is around it could carry its content away.
    #[error("an encrypted part stands inside a message that is not")]
    PartlyEncrypted,
    /// A part cannot be written so that relays leave it as it is, such as an attached message in 8 bits.
    #[error("a part of the message cannot be written in 7 bits")]
    NotSevenBit,
    /// The certificate has no place in a header: 10 KiB are allowed (Autocrypt Level 1), which post-quantum ones exceed.
    #[error("{octets} octets of a header, of which {limit} are allowed")]
    AutocryptTooLarge {
        /// How long it would be.
        octets: usize,
        /// How long it may be.
        limit: usize,
    },
    /// No address that can stand in an Autocrypt header.
    #[error("not an address")]
    Address,
    /// OpenPGP's own.
    #[error(transparent)]
    OpenPgp(#[from] crate::Error),
}

impl MimeError {
    /// Whether a later try may help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::OpenPgp(error) => error.is_temporary(),
            _ => false,
        }
    }
}

impl From<Fault> for MimeError {
    fn from(fault: Fault) -> Self {
        Self::Malformed(fault)
    }
}

/// What is wrong with a structure: whatever two readers could understand differently is wrong.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A zero octet.
    Nul,
    /// CR or LF alone, where other lines end with both.
    LineEnds,
    /// A line of the header is no field.
    Header,
    /// A field that decides about the structure is there twice.
    Duplicate,
    /// `Content-Type` or a parameter of it breaks its syntax, or a parameter is there twice.
    ContentType,
    /// The transfer encoding is not known, or not allowed here, or its text is not what it says.
    Encoding,
    /// A multipart without a boundary, or with one that is none.
    Boundary,
    /// A line begins with the boundary and goes on: readers disagree whether it is one.
    AmbiguousBoundary,
    /// The last boundary is missing: the end may be.
    Unterminated,
    /// Not the two parts that it should have.
    Parts,
    /// Without the parameter `protocol`, which says what it is.
    Protocol,
    /// The first part of an encrypted message is not `Version: 1`.
    Version,
    /// The type of the second part is not the one that it must have.
    PartType,
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.entry().0
    }

    fn entry(self) -> (&'static str, &'static str) {
        match self {
            Self::Nul => ("mime.nul", "a zero octet"),
            Self::LineEnds => ("mime.line-ends", "lines end in more than one way"),
            Self::Header => ("mime.header", "a line of a header is no field"),
            Self::Duplicate => (
                "mime.duplicate",
                "a field that may be there once is there twice",
            ),
            Self::ContentType => ("mime.content-type", "a type or parameter cannot be read"),
            Self::Encoding => ("mime.encoding", "a transfer encoding is wrong"),
            Self::Boundary => ("mime.boundary", "there is no usable boundary"),
            Self::AmbiguousBoundary => (
                "mime.ambiguous-boundary",
                "a line may be a boundary, or may not",
            ),
            Self::Unterminated => ("mime.unterminated", "the last boundary is missing"),
            Self::Parts => ("mime.parts", "not the two parts that it should have"),
            Self::Protocol => ("mime.protocol", "the parameter `protocol` is missing"),
            Self::Version => ("mime.version", "the first part is not `Version: 1`"),
            Self::PartType => ("mime.part-type", "the second part has a wrong type"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, words) = self.entry();
        write!(f, "{code}: {words}")
    }
}
