//! What the policy says of a password.

use crate::{CountClass, Unknown};

/// What the policy says. Only [`Accepted`](Self::Accepted) lets a password be set.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Nothing speaks against it.
    Accepted,
    /// It may not be used, for these reasons, the most telling one first; there is at least one.
    Refused(Vec<Reason>),
    /// Nothing speaks against it so far, but a source did not know, or was not asked all that there was to ask. It is not
    /// accepted: let the user try again later, or ask another source.
    Undecided(Unknown),
}

impl Verdict {
    /// Whether the password may be set.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }

    /// Why it may not be used, the most telling reason first; none unless it is refused.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Refused(reasons) => reasons,
            _ => &[],
        }
    }

    /// A stable code for logs, metrics and programs: `password.accepted`, `password.undecided`, or that of the first reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Accepted => "password.accepted",
            Self::Undecided(_) => "password.undecided",
            Self::Refused(reasons) => reasons.first().map_or("password.refused", Reason::code),
        }
    }
}

/// Why a password may not be used. None of it says what the password is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is among the passwords that are used most: seen 1,024 times or more.
    MostCommon(CountClass),
    /// It was seen in breaches.
    Breached(CountClass),
    /// It has fewer code points than it must have.
    Short {
        /// How many it must have.
        minimum: usize,
    },
    /// It has more code points than are looked at.
    Long {
        /// How many it may have.
        maximum: usize,
    },
    /// It has characters that end a line or control a terminal.
    Control,
    /// It has code points that Unicode has given no character, or that mean something else on each machine.
    Unassigned,
    /// It is made of words that anybody would try for this user here.
    Context(Word),
    /// It is made by a rule that anybody would try.
    Common(Pattern),
    /// It is a small change of a password that was seen in breaches.
    Tweaked(CountClass),
}

/// Where a word comes from that anybody would try for this user.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// From the name of the user, or the address.
    User,
    /// From the name of the service.
    Service,
    /// From the name of a domain.
    Domain,
}

/// By which rule a password is made.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// A short text, time and again.
    Repeated,
    /// Letters or digits in their order.
    Sequence,
    /// Keys that lie side by side.
    Keyboard,
    /// One of the words that are used most, and little else.
    Listed,
}

impl Reason {
    /// A stable code for logs, metrics and programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::MostCommon(_) => "password.common.seen",
            Self::Breached(_) => "password.breached",
            Self::Short { .. } => "password.short",
            Self::Long { .. } => "password.long",
            Self::Control => "password.control",
            Self::Unassigned => "password.unassigned",
            Self::Context(Word::User) => "password.context.user",
            Self::Context(Word::Service) => "password.context.service",
            Self::Context(Word::Domain) => "password.context.domain",
            Self::Common(Pattern::Repeated) => "password.common.repeated",
            Self::Common(Pattern::Sequence) => "password.common.sequence",
            Self::Common(Pattern::Keyboard) => "password.common.keyboard",
            Self::Common(Pattern::Listed) => "password.common.listed",
            Self::Tweaked(_) => "password.tweaked",
        }
    }
}

/// What the owner of a password should be told, though nothing speaks against it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hint {
    /// It has characters that some keyboards lack or type otherwise (SP 800-63B-4 §3.1.1.2).
    NotAscii,
}

impl Hint {
    /// A stable code for logs, metrics and programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAscii => "password.hint.not-ascii",
        }
    }
}
