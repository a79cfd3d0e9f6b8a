use std::fmt;

use crate::{Action, Decision, MemoryFact, Reason, Status, Wish};

/// How a connection fell short, in the order in which that shows.
#[allow(clippy::exhaustive_enums)] // the steps of RFC 3207 §4 and RFC 8689 §4.2.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attempt {
    /// The server does not offer STARTTLS, or refuses it.
    NoStartTls,
    /// The TLS handshake did not come to its end, for another reason than the certificate.
    HandshakeFailed,
    /// The certificate is not the one that was wanted.
    NotAuthenticated,
    /// The server does not offer REQUIRETLS over TLS.
    NoRequireTls,
}

/// What follows.
#[allow(clippy::exhaustive_enums)] // a caller who overlooks one sends what must not be sent
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// On the same connection, as it is: it need not be better.
    GoOn,
    /// To the same host, on a new connection, without TLS.
    ClearAnew,
    /// Not to this host; the next one of the set.
    NextMx {
        /// If there is no next one.
        last: Refusal,
    },
}

/// How a message that cannot be sent is treated.
#[allow(clippy::exhaustive_enums)] // RFC 5321 §4.2.1 knows these two
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It stays in the queue.
    Defer(Status),
    /// It goes back to its sender, with the reason.
    Bounce(Status),
}

impl Refusal {
    /// The status code for the report.
    pub fn status(self) -> Status {
        match self {
            Self::Defer(status) | Self::Bounce(status) => status,
        }
    }

    /// What becomes of the message after two hosts. As long as one of them may do better later, it
    /// is not returned.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Bounce(_), Self::Defer(_)) => other,
            _ => self,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Defer(_) => "defer",
            Self::Bounce(_) => "bounce",
        };
        write!(f, "{word} {}", self.status())
    }
}

impl Attempt {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::NoStartTls,
        Self::HandshakeFailed,
        Self::NotAuthenticated,
        Self::NoRequireTls,
    ];

    /// A stable code, for logs and rules.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoStartTls => "tls.not-offered",
            Self::HandshakeFailed => "tls.handshake",
            Self::NotAuthenticated => "tls.not-authenticated",
            Self::NoRequireTls => "requiretls.not-offered",
        }
    }
}

/// A sentence for people.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoStartTls => "the server does not offer TLS",
            Self::HandshakeFailed => "the TLS handshake failed",
            Self::NotAuthenticated => "the server's certificate is not the one that was wanted",
            Self::NoRequireTls => "the server does not offer REQUIRETLS",
        })
    }
}

impl Decision<'_> {
    /// What follows when the connection falls short.
    ///
    /// Only where encryption is opportunistic does a message go in the clear: on the same connection
    /// if the server offers no TLS, on a new one if the handshake failed (the old one is in an
    /// unknown state, RFC 3207 §4). A peer that nothing has to authenticate is not refused for its
    /// certificate. Otherwise it is the next host's turn. After the last one the message waits where
    /// it is the recipient's domain, our memory or the operator's rule that wants TLS; it goes back
    /// at once where the sender's own floor wants more than the peer has, or REQUIRETLS does.
    ///
    /// For a decision that makes no connection it repeats what that said.
    pub fn after(&self, attempt: Attempt) -> Next {
        if self.needs(attempt) {
            return match self.action() {
                Action::NextMx { last } | Action::Refuse(last) => Next::NextMx { last },
                _ => Next::NextMx {
                    last: self.refusal(attempt),
                },
            };
        }
        match (self.action(), attempt) {
            (Action::Opportunistic, Attempt::HandshakeFailed) => Next::ClearAnew,
            _ => Next::GoOn,
        }
    }

    /// Whether somebody should be told that the connection fell short: the domain is remembered
    /// for better, so it is an outage or an attack.
    pub fn alarms_after(&self, attempt: Attempt) -> bool {
        let seen = matches!(self.memory, MemoryFact::Encrypted | MemoryFact::Verified);
        let connects = !matches!(self.action(), Action::NextMx { .. } | Action::Refuse(_));
        seen && connects && self.needs(attempt) && attempt != Attempt::NoRequireTls
    }

    fn needs(&self, attempt: Attempt) -> bool {
        let refused = matches!(self.action(), Action::NextMx { .. } | Action::Refuse(_));
        refused
            || match attempt {
                Attempt::NoStartTls | Attempt::HandshakeFailed => matches!(
                    self.action(),
                    Action::Dane | Action::WebPki { .. } | Action::Encrypt
                ),
                Attempt::NotAuthenticated => {
                    matches!(self.action(), Action::Dane | Action::WebPki { .. })
                }
                Attempt::NoRequireTls => self.wish == Wish::RequireTls,
            }
    }

    fn refusal(&self, attempt: Attempt) -> Refusal {
        let of_the_sender = matches!(
            self.reason(),
            Reason::FloorEncrypted | Reason::FloorVerified | Reason::FloorVerifiedDomain
        );
        match (self.wish, attempt) {
            (Wish::RequireTls, Attempt::NoRequireTls) => Refusal::Bounce(Status::REQUIRETLS_NEEDED),
            (Wish::RequireTls, _) => Refusal::Bounce(Status::ENCRYPTION_NEEDED),
            // A handshake that breaks off may succeed next time.
            (_, Attempt::HandshakeFailed) => Refusal::Defer(Status::NOT_VERIFIED),
            _ if of_the_sender => Refusal::Bounce(Status::ENCRYPTION_NEEDED),
            (_, Attempt::NoStartTls) => Refusal::Defer(Status::NO_TLS),
            _ => Refusal::Defer(Status::NOT_VERIFIED),
        }
    }
}
