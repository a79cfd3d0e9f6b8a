use std::fmt;

use crate::{Facts, MemoryFact, Proof, Reason, Refusal, Wish};

/// What a connection must be like, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    action: Action<'a>,
    reason: Reason,
    proof: Option<Proof>,
    pub(crate) wish: Wish,
    pub(crate) memory: MemoryFact,
}

/// What to do with one MX host.
#[allow(clippy::exhaustive_enums)] // a caller who overlooks one sends what must not be sent
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// TLS, and the peer proved by the TLSA records (RFC 7672 §3).
    Dane,
    /// TLS, and a certificate from a public authority for one of these names.
    WebPki {
        /// The names.
        names: Names<'a>,
    },
    /// TLS, with whomever.
    Encrypt,
    /// TLS if it can be had (RFC 7435 §3); see [`Decision::after`] for what follows if it cannot.
    Opportunistic,
    /// No TLS: the operator's rule `none`.
    Clear,
    /// Not this host; the next one of the set.
    NextMx {
        /// If there is no next one.
        last: Refusal,
    },
    /// No host of this domain, for now or for good.
    Refuse(Refusal),
}

/// One or two names, one of which the certificate must have (RFC 9525 §6). The first is also the
/// one to send as server name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    first: &'a str,
    second: Option<&'a str>,
}

/// What a connection has turned out to be, as [`Decision::allows`] judges it.
#[allow(clippy::exhaustive_enums)] // what DANE and WebPKI can make of a connection
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection<'a> {
    /// No TLS.
    Plain,
    /// TLS with a peer that nothing authenticates.
    Encrypted,
    /// TLS, and a certificate from a public authority for this name.
    WebPki(&'a str),
    /// TLS, and a peer that the TLSA records of the MX host authenticate.
    Dane,
}

impl<'a> Decision<'a> {
    pub(crate) fn new(
        action: Action<'a>,
        reason: Reason,
        proof: Option<Proof>,
        facts: &Facts<'_>,
    ) -> Self {
        Self {
            action,
            reason,
            proof,
            wish: facts.wish,
            memory: facts.memory,
        }
    }

    /// What to do.
    pub fn action(&self) -> Action<'a> {
        self.action
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether the message may go over such a connection. Nothing else than this decides it: ask
    /// again after the handshake, before `MAIL FROM`.
    pub fn allows(&self, connection: Connection<'_>) -> bool {
        match (self.action, connection) {
            (Action::Opportunistic, _) | (Action::Clear, Connection::Plain) => true,
            (Action::Encrypt, connection) => connection != Connection::Plain,
            (Action::WebPki { names }, Connection::WebPki(name)) => names.contains(name),
            (Action::Dane, connection) => connection == Connection::Dane,
            _ => false,
        }
    }

    /// What a connection that was [allowed](Self::allows) proves for [`Memory`](crate::Memory), or
    /// nothing if neither the domain's signed zone nor its policy host had a part in it.
    pub fn proves(&self) -> Option<Proof> {
        self.proof
    }

    /// Whether somebody should be told now: a domain that is remembered no longer shows what it
    /// showed, keeps its policy from us and none is cached, or leads to a host that it does not name.
    pub fn alarms(&self) -> bool {
        let seen = matches!(self.memory, MemoryFact::Encrypted | MemoryFact::Verified);
        match self.reason {
            Reason::MemoryDrop => true,
            Reason::StsFailed | Reason::StsMxMismatch | Reason::RuleDaneOnly | Reason::RuleSts => {
                seen
            }
            _ => false,
        }
    }
}

/// `encrypt (dane.unusable): …`.
impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (action, reason) = (self.action, self.reason);
        write!(f, "{action} ({}): {reason}", reason.code())
    }
}

impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dane => f.write_str("dane"),
            Self::WebPki { names } => {
                write!(f, "webpki for {}", names.first)?;
                names.second.map_or(Ok(()), |name| write!(f, " or {name}"))
            }
            Self::Encrypt => f.write_str("encrypt"),
            Self::Opportunistic => f.write_str("opportunistic"),
            Self::Clear => f.write_str("clear"),
            Self::NextMx { last } => write!(f, "next mx, or {last}"),
            Self::Refuse(refusal) => refusal.fmt(f),
        }
    }
}

impl<'a> Names<'a> {
    pub(crate) fn one(name: &'a str) -> Self {
        let second = None;
        Self {
            first: name,
            second,
        }
    }

    pub(crate) fn two(first: &'a str, second: &'a str) -> Self {
        let second = (!same(first, second)).then_some(second);
        Self { first, second }
    }

    /// The name to send as server name (RFC 6066 §3).
    pub fn server_name(&self) -> &'a str {
        self.first
    }

    /// The names, each of which will do.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> {
        std::iter::once(self.first).chain(self.second)
    }

    fn contains(&self, name: &str) -> bool {
        self.iter().any(|own| same(own, name))
    }
}

fn same(a: &str, b: &str) -> bool {
    let bare = |name| str::strip_suffix(name, ".").unwrap_or(name);
    bare(a).eq_ignore_ascii_case(bare(b))
}
