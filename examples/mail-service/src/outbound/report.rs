use super::dialogue::Reply;
use crate::smtp::command::Address;
use std::fmt;
use tls_policy::Refusal;

/// What became of a letter.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Report {
    /// The recipients' domain, as A-labels.
    pub domain: String,
    /// What was tried, host by host.
    pub tried: Vec<Tried>,
    /// Of each recipient, in their order.
    pub fates: Vec<(Address, Fate)>,
    /// What an administrator should be told now: the domain is remembered for better.
    pub alarms: Vec<String>,
}

/// One host.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Tried {
    /// Its name.
    pub host: String,
    /// What the decision was: `dane (dane.usable): ...`.
    pub decision: String,
    /// What the DNS said of it, by a code that stays: `dane.lookup.secure`.
    pub lookup: &'static str,
    /// What the connection turned out to be, or where it fell short.
    pub came_to: String,
}

/// What became of one recipient.
#[allow(clippy::exhaustive_enums)] // RFC 5321 §4.2.1: yes, not now, never
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The host has it; its last word.
    Delivered(String),
    /// It is to be tried again.
    Deferred(Why),
    /// It cannot be delivered.
    Bounced(Why),
}

/// Why a letter was not delivered.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The enhanced status code (RFC 3463 §2).
    pub status: String,
    /// For programs; it stays: `floor.verified`.
    pub code: &'static str,
    /// For people.
    pub text: String,
}

/// Whether it is worth trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Temporary,
    Permanent,
}

impl Why {
    pub(super) fn new(status: &str, code: &'static str, text: impl Into<String>) -> Self {
        Self {
            status: status.into(),
            code,
            text: text.into(),
        }
    }

    /// What a host said.
    pub(super) fn said(host: &str, to: &str, reply: &Reply) -> Self {
        let kind = match reply.code {
            500.. => "5.0.0",
            _ => "4.0.0",
        };
        let status = reply.status().unwrap_or(kind);
        Self::new(
            status,
            "smtp.refused",
            format!("{host} answered {to}: {reply}"),
        )
    }

    pub(super) fn kind(&self) -> Kind {
        match self.status.starts_with('5') {
            true => Kind::Permanent,
            false => Kind::Temporary,
        }
    }

    /// A refusal with what is behind it.
    pub(super) fn refused(refusal: Refusal, code: &'static str, text: impl Into<String>) -> Self {
        Self::new(&refusal.status().to_string(), code, text)
    }

    pub(super) fn fate(self) -> Fate {
        match self.kind() {
            Kind::Temporary => Fate::Deferred(self),
            Kind::Permanent => Fate::Bounced(self),
        }
    }

    /// What counts after two hosts. As long as one of them may do better later, the letter is not
    /// returned; otherwise the better host's word.
    pub(super) fn or(self, later: Self) -> Self {
        match (self.kind(), later.kind()) {
            (Kind::Permanent, Kind::Temporary) => later,
            _ => self,
        }
    }
}

/// `5.7.10 the sender demands a verified peer (floor.verified)`.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.status, self.text, self.code)
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered(reply) => write!(f, "delivered: {reply}"),
            Self::Deferred(why) => write!(f, "deferred: {why}"),
            Self::Bounced(why) => write!(f, "returned: {why}"),
        }
    }
}

impl Report {
    /// Whether every recipient has it.
    pub fn is_delivered(&self) -> bool {
        let delivered = |(_, fate): &(Address, Fate)| matches!(fate, Fate::Delivered(_));
        self.fates.iter().all(delivered)
    }

    /// Why the first recipient that has it not has it not.
    pub fn why(&self) -> Option<&Why> {
        self.fates.iter().find_map(|(_, fate)| match fate {
            Fate::Delivered(_) => None,
            Fate::Deferred(why) | Fate::Bounced(why) => Some(why),
        })
    }
}

/// Some lines for a person.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for tried in &self.tried {
            writeln!(f, "host {}: {}", tried.host, tried.decision)?;
            writeln!(f, "  DNS {}; {}", tried.lookup, tried.came_to)?;
        }
        for alarm in &self.alarms {
            writeln!(f, "ALARM {alarm}")?;
        }
        for (to, fate) in &self.fates {
            writeln!(f, "{to}: {fate}")?;
        }
        Ok(())
    }
}
