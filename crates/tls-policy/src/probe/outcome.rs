use std::fmt;

use super::{Group, SignatureScheme, Suite, Version};
use crate::audit::Cause;

/// What became of one ClientHello.
#[allow(clippy::exhaustive_enums)] // an answer, a refusal, or neither
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server agreed.
    Answered(Box<Flight>),
    /// It refused, and said so.
    Alert(Alert),
    /// Neither: which says nothing of what it would have agreed to.
    Failed(Failure),
}

/// What a server agreed to.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flight {
    /// The version, if it is not [`ssl2`](Self::ssl2).
    pub version: Version,
    /// Whether it is one of SSL 2.0, of which nothing else is read.
    pub ssl2: bool,
    /// The suite.
    pub suite: Suite,
    /// Whether it compresses (RFC 3749).
    pub compressed: bool,
    /// Whether it is a HelloRetryRequest (RFC 8446 §4.1.4).
    pub retry: bool,
    /// In TLS 1.3 the group that is wanted or used.
    pub group: Option<Group>,
    /// The extensions of the ServerHello, by their numbers.
    pub extensions: Vec<u16>,
    /// The certificates, which are in the clear before TLS 1.3: the server's own first.
    pub certificates: Vec<Vec<u8>>,
    /// Whether an OCSP response came (RFC 6066 §8).
    pub stapled: bool,
    /// The key exchange before TLS 1.3, where the keys are ephemeral.
    pub exchange: Option<Exchange>,
}

impl Default for Flight {
    fn default() -> Self {
        Self {
            version: Version::Ssl30,
            ssl2: false,
            suite: Suite::new(0),
            compressed: false,
            retry: false,
            group: None,
            extensions: Vec::new(),
            certificates: Vec::new(),
            stapled: false,
            exchange: None,
        }
    }
}

/// A server's ephemeral keys before TLS 1.3.
#[allow(clippy::exhaustive_enums)] // what the reader reads
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// On a curve (RFC 8422 §5.4).
    Curve {
        /// Which one.
        group: Group,
        /// What signs it; from TLS 1.2 on, and not of anonymous servers.
        scheme: Option<SignatureScheme>,
    },
    /// In a field (RFC 5246 §7.4.3).
    Prime {
        /// Of its prime.
        bits: u16,
        /// As above.
        scheme: Option<SignatureScheme>,
    },
    /// A short RSA key.
    ShortRsa {
        /// Of its modulus.
        bits: u16,
    },
}

impl Exchange {
    /// The curve.
    pub fn group(&self) -> Option<Group> {
        match self {
            Self::Curve { group, .. } => Some(*group),
            _ => None,
        }
    }

    /// What signs it.
    pub fn scheme(&self) -> Option<SignatureScheme> {
        match self {
            Self::Curve { scheme, .. } | Self::Prime { scheme, .. } => *scheme,
            Self::ShortRsa { .. } => None,
        }
    }
}

/// A fatal alert (RFC 8446 §6.2, RFC 5246 §7.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alert(u8);

impl Alert {
    /// The server found nothing that it agrees to.
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    /// It has not got the version.
    pub const PROTOCOL_VERSION: Self = Self(70);
    /// It wants more than was offered.
    pub const INSUFFICIENT_SECURITY: Self = Self(71);
    /// It cannot go on, and does not say why. OpenSSL 3 says so of TLS 1.0 and 1.1 where its security
    /// level leaves no signature for them.
    pub const INTERNAL_ERROR: Self = Self(80);
    /// It would have agreed to something better (RFC 7507 §3).
    pub const INAPPROPRIATE_FALLBACK: Self = Self(86);

    /// By its number.
    pub const fn new(description: u8) -> Self {
        Self(description)
    }

    /// Its number.
    pub const fn description(self) -> u8 {
        self.0
    }

    /// Whether it says that a message could not be understood, as all of TLS say of one of SSL 2.0.
    pub(super) fn is_about_form(self) -> bool {
        matches!(self.0, 10 | 20 | 22 | 47 | 50)
    }

    /// Whether it says that nothing of what was offered is agreed to. Others, such as decode_error or
    /// unrecognized_name, may be about anything.
    pub fn is_refusal(self) -> bool {
        let refusals = [
            Self::HANDSHAKE_FAILURE,
            Self::PROTOCOL_VERSION,
            Self::INSUFFICIENT_SECURITY,
        ];
        refusals.contains(&self)
    }
}

/// `alert 40 (handshake_failure)`
impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            10 => "unexpected_message",
            20 => "bad_record_mac",
            22 => "record_overflow",
            40 => "handshake_failure",
            47 => "illegal_parameter",
            50 => "decode_error",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            109 => "missing_extension",
            110 => "unsupported_extension",
            112 => "unrecognized_name",
            _ => return write!(f, "alert {}", self.0),
        };
        write!(f, "alert {} ({name})", self.0)
    }
}

/// Why there was neither an answer nor a refusal.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    /// Nobody listens.
    #[error("the connection was refused")]
    Refused,
    /// No way to the host.
    #[error("the host is unreachable")]
    Unreachable,
    /// Nothing came in time, or not enough.
    #[error("no answer in time")]
    Timeout,
    /// The connection was closed in order, and before that there was not one octet of an answer.
    #[error("the connection was closed without a word")]
    Closed,
    /// The connection broke off, or was closed in the middle of an answer.
    #[error("the connection broke off")]
    Broken,
    /// The server wants to be asked less often, such as by 421 in SMTP (RFC 5321 §3.8).
    #[error("the server wants fewer connections")]
    RateLimited,
    /// What comes before TLS went wrong, such as a STARTTLS that is not followed by TLS.
    #[error("the dialogue before TLS went wrong")]
    Dialogue,
    /// What came is no answer.
    #[error("{0}")]
    Malformed(ReadError),
}

impl Failure {
    /// What an audit calls it.
    pub fn cause(self) -> Cause {
        match self {
            Self::Refused => Cause::Refused,
            Self::Unreachable => Cause::Unreachable,
            Self::Timeout => Cause::TimeOut,
            Self::RateLimited => Cause::RateLimited,
            Self::Closed | Self::Broken | Self::Dialogue | Self::Malformed(_) => {
                Cause::Disconnected
            }
        }
    }
}

/// What a server said that it may not say.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ReadError {
    /// No record of TLS begins like this.
    #[error("not TLS")]
    NotTls,
    /// A record that is empty, too long, or of no version of TLS (RFC 8446 §5.1).
    #[error("malformed record")]
    Record,
    /// An alert that is none, or too many warnings (RFC 5246 §7.2).
    #[error("malformed alert")]
    Alert,
    /// A message that goes wrong inside.
    #[error("malformed handshake message")]
    Message,
    /// A message that has no place here (RFC 5246 §7.3).
    #[error("unexpected handshake message")]
    Order,
    /// More than the reader takes: see the constants of [`Reader`](super::Reader).
    #[error("an answer that is too long")]
    TooLong,
    /// A version that nobody offered, or none.
    #[error("a version that was not offered")]
    VersionNotOffered,
    /// A suite that nobody offered, or that the version has not got.
    #[error("a suite that was not offered")]
    SuiteNotOffered,
    /// A compression that nobody offered.
    #[error("a compression that was not offered")]
    CompressionNotOffered,
    /// A group that nobody offered.
    #[error("a group that was not offered")]
    GroupNotOffered,
    /// A signature scheme that nobody offered.
    #[error("a signature scheme that was not offered")]
    SchemeNotOffered,
    /// An extension that nobody offered.
    #[error("an extension that was not offered")]
    ExtensionNotOffered,
}
