//! Why it is not known whether a password was seen.

use std::time::Duration;

use crate::HttpFault;

/// Why there is no answer. The sighting is unknown then, and never "not seen".
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No URL that a [`Base`](super::Base) can have.
    #[error("no URL of a range server")]
    Base,
    /// No user agent: empty, or with characters that cannot be sent.
    #[error("no user agent")]
    Agent,
    /// Nothing came.
    #[error("no answer")]
    Http(#[source] HttpFault),
    /// Status 429 or 503: the server wants to be left alone.
    #[error("the server is busy")]
    Busy {
        /// For so long, if it said (RFC 9110 §10.2.3, in seconds; a date is not read, for that takes a clock).
        after: Option<Duration>,
    },
    /// What came is no whole answer.
    #[error("no whole answer")]
    NotWhole(#[source] NotWhole),
}

impl Error {
    /// Whether a later try may help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Base | Self::Agent => false,
            Self::Http(fault) => fault.is_temporary(),
            Self::Busy { .. } => true,
            Self::NotWhole(what) => what.is_temporary(),
        }
    }
}

/// What an answer lacks.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    /// Another status than 200.
    #[error("status {0}")]
    Status(u16),
    /// Its end is that of the connection, so that it may have been cut anywhere.
    #[error("its end was not told")]
    Unframed,
    /// A content coding that was not asked for.
    #[error("an unknown content coding")]
    Coding,
    /// The gzip stream is cut, its checksum is wrong, or there is something behind it.
    #[error("broken gzip")]
    Gzip,
    /// More than [`MAX_ANSWER`](super::MAX_ANSWER) octets.
    #[error("too long")]
    TooLong,
    /// A line that is none.
    #[error("line {line} is no suffix and count")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// The suffix is not behind the one before.
    #[error("line {line} is out of order")]
    Order {
        /// Counted from 1.
        line: usize,
    },
    /// No line at all.
    #[error("empty")]
    Empty,
    /// Fewer lines than there must be at least.
    #[error("{lines} lines instead of at least {least}")]
    Few {
        /// How many came that are no padding.
        lines: u32,
        /// How many there must be.
        least: u32,
    },
}

impl NotWhole {
    /// Whether a later try may help: not after a status that says that the question is wrong.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        !matches!(self, Self::Status(400..=407 | 409..=428 | 430..=499))
    }
}
