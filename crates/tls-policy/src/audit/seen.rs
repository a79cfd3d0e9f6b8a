use serde::{Deserialize, Serialize};
use std::fmt;

/// A fact: a value that was seen, or the cause why it was not. What nobody looked at is
/// [`Cause::NotExamined`], which is the default.
///
/// ```
/// use tls_policy::audit::{Cause, Seen};
///
/// let offered = Seen::known(true).noting("ServerHello with 0x0303");
/// assert_eq!(offered.get(), Some(&true));
/// let silent: Seen<bool> = Seen::unknown(Cause::TimeOut).noting("30 s after ClientHello");
/// assert_eq!((silent.get(), silent.cause()), (None, Some(Cause::TimeOut)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(clippy::exhaustive_enums)] // A fact is known or it is not.
pub enum Seen<T> {
    /// It was seen.
    Known {
        /// What is so.
        value: T,
        /// How it was seen, in a few words, or nothing.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        evidence: String,
    },
    /// It was not seen, which says nothing about how it is.
    Unknown {
        /// Why not.
        cause: Cause,
        /// What happened, in a few words, or nothing.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
}

/// Why a fact is not known.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cause {
    /// Nobody looked.
    #[default]
    NotExamined,
    /// No answer in time.
    TimeOut,
    /// The connection, or the question, was refused.
    Refused,
    /// The peer wants to be asked less often.
    RateLimited,
    /// No way to the host.
    Unreachable,
    /// The peer ended the connection, or said something else than the protocol has at this place,
    /// so that it stays open whether it would have agreed.
    Disconnected,
    /// The name server failed (SERVFAIL) and did not say why.
    ServFail,
    /// The answer did not validate, so there is none.
    Bogus,
    /// The auditor's own budget of connections, questions or time is spent.
    BudgetSpent,
    /// It cannot be seen from where the auditor stands.
    NotVisible,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NotExamined,
        Self::TimeOut,
        Self::Refused,
        Self::RateLimited,
        Self::Unreachable,
        Self::Disconnected,
        Self::ServFail,
        Self::Bogus,
        Self::BudgetSpent,
        Self::NotVisible,
    ];

    /// A stable word for it, as in JSON: `time-out`.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotExamined => "not-examined",
            Self::TimeOut => "time-out",
            Self::Refused => "refused",
            Self::RateLimited => "rate-limited",
            Self::Unreachable => "unreachable",
            Self::Disconnected => "disconnected",
            Self::ServFail => "serv-fail",
            Self::Bogus => "bogus",
            Self::BudgetSpent => "budget-spent",
            Self::NotVisible => "not-visible",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self::unknown(Cause::default())
    }
}

impl<T> Seen<T> {
    /// It is so.
    pub fn known(value: T) -> Self {
        let evidence = String::new();
        Self::Known { value, evidence }
    }

    /// It could not be seen.
    pub fn unknown(cause: Cause) -> Self {
        let detail = String::new();
        Self::Unknown { cause, detail }
    }

    /// With the evidence, or with what went wrong. Reports show the first
    /// [`MAX_EVIDENCE`](crate::audit::MAX_EVIDENCE) octets, without control characters.
    #[must_use]
    pub fn noting(mut self, text: impl Into<String>) -> Self {
        match &mut self {
            Self::Known { evidence: to, .. } | Self::Unknown { detail: to, .. } => {
                *to = text.into()
            }
        }
        self
    }

    /// The value, if it is known.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Unknown { .. } => None,
        }
    }

    /// Why it is not known, if it is not.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Known { .. } => None,
            Self::Unknown { cause, .. } => Some(*cause),
        }
    }

    /// The evidence, or what went wrong; may be empty.
    pub fn note(&self) -> &str {
        match self {
            Self::Known { evidence, .. } => evidence,
            Self::Unknown { detail, .. } => detail,
        }
    }

    /// The same fact of something else.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Known { value, evidence } => {
                let value = change(value);
                Seen::Known { value, evidence }
            }
            Self::Unknown { cause, detail } => Seen::Unknown { cause, detail },
        }
    }
}

/// What a server agreed to, of what it was offered: suites, groups or signature schemes, by their
/// numbers in IANA's registries.
///
/// A list is only as good as its end: what is in it was agreed to in any case, what is not in it was
/// refused only if [`open`](Self::open) is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Offers {
    /// What it agreed to, in the server's order if it has one ([`TlsFacts::order`]), otherwise in
    /// that of the questions.
    ///
    /// [`TlsFacts::order`]: super::TlsFacts::order
    pub accepted: Vec<u16>,
    /// Why the rest was not asked or answered; nothing if every question was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Cause>,
}

impl Offers {
    /// Every question was answered, and this was agreed to.
    pub fn all(accepted: impl Into<Vec<u16>>) -> Self {
        let (accepted, open) = (accepted.into(), None);
        Self { accepted, open }
    }

    /// This was agreed to before the questions came to an end.
    pub fn partly(accepted: impl Into<Vec<u16>>, cause: Cause) -> Self {
        let (accepted, open) = (accepted.into(), Some(cause));
        Self { accepted, open }
    }
}

/// What was published: nothing, something that nobody can use, or something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums)] // There is no fourth.
pub enum Published<T> {
    /// The name, or the record, does not exist.
    Absent,
    /// It exists and is none: several where one may be, or malformed. With the reason in a few words.
    Broken(String),
    /// It is there.
    Valid(T),
}

/// What is known of a zone's signatures (RFC 4035 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums)] // Complete by RFC 4035 §4.3, where "indeterminate" is unknown.
pub enum Dnssec {
    /// Signed, and validated.
    Secure,
    /// Proved to be unsigned.
    Insecure,
    /// Signed, and the signatures are known to be wrong (as by RFC 8914, or as it is answered with
    /// checking disabled). A SERVFAIL alone is [`Cause::ServFail`].
    Bogus,
}
