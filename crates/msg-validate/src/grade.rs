use std::{borrow::Cow, fmt};

/// How far a message can be trusted to come from where it says.
#[allow(clippy::exhaustive_enums)] // a scale of five, which callers match in full
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// The author's domain denies the message, and asks to quarantine or reject such ones.
    Forged,
    /// Something about the message is as a forger would make it.
    Suspicious,
    /// Nothing speaks against the message, and nothing vouches for it: it raises the alarm too.
    Unverifiable,
    /// Vouched for, but weakly.
    Plausible,
    /// The author's domain vouches for the message.
    Verified,
}

impl Grade {
    /// Whether a reader should be told to take care.
    pub fn is_alarm(self) -> bool {
        self <= Self::Unverifiable
    }
}

/// The grade's name in lower case.
impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forged => "forged",
            Self::Suspicious => "suspicious",
            Self::Unverifiable => "unverifiable",
            Self::Plausible => "plausible",
            Self::Verified => "verified",
        })
    }
}

/// How much a [`Reason`] weighs.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; does not lower the grade.
    Info,
    /// Keeps the grade from the best.
    Warning,
    /// The message is at best Suspicious.
    Alarm,
}

/// The severity's name in lower case.
impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Alarm => "alarm",
        })
    }
}

/// One thing that made the verdict what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    code: &'static str,
    severity: Severity,
    text: Cow<'static, str>,
}

impl Reason {
    pub(crate) fn new(
        code: &'static str,
        severity: Severity,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code,
            severity,
            text: text.into(),
        }
    }

    /// Stable code for machines, such as `dkim.l-tag`.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// How much it weighs.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// A sentence for a person, with the evidence.
    pub fn text(&self) -> &str {
        &self.text
    }
}
