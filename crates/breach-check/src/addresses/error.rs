//! Why nothing is known.

use std::time::Duration;

use crate::HttpFault;

/// Why nothing is known of an address. It never means that the address is in no breach.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing came.
    #[error("the service could not be asked")]
    Http(#[source] HttpFault),
    /// The end of the answer was not shown, so that it may have been cut.
    #[error("nobody knows whether the answer is whole")]
    Unfinished,
    /// What came is not what the service writes.
    #[error("the answer is malformed")]
    Malformed,
    /// Status 401: the key is missing or wrong.
    #[error("the service does not know the key")]
    Key,
    /// Status 403: no user agent, a domain that is not verified, or something that the plan does not have.
    #[error("the service refuses to answer that")]
    Forbidden,
    /// The plan does not have what was asked for, and nothing was sent.
    #[error("the plan has no {0}")]
    PlanLacks(Feature),
    /// Status 429: too many requests.
    #[error("too many requests")]
    TooMany {
        /// How long to wait, if the service says so.
        retry_after: Option<Duration>,
    },
    /// Status 503 and its like: the service is away.
    #[error("the service is away (status {status})")]
    Away {
        /// 500 to 599.
        status: u16,
        /// How long to wait, if the service says so.
        retry_after: Option<Duration>,
    },
    /// Another status.
    #[error("the service answers with status {status}")]
    Status {
        /// Which.
        status: u16,
    },
}

impl Error {
    /// Whether a later try may help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Http(fault) => fault.is_temporary(),
            Self::Unfinished | Self::Malformed | Self::TooMany { .. } | Self::Away { .. } => true,
            Self::Key | Self::Forbidden | Self::PlanLacks(_) | Self::Status { .. } => false,
        }
    }

    /// A name of it that stays the same.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Http(_) => "addresses.http",
            Self::Unfinished => "addresses.unfinished",
            Self::Malformed => "addresses.malformed",
            Self::Key => "addresses.key",
            Self::Forbidden => "addresses.forbidden",
            Self::PlanLacks(_) => "addresses.plan-lacks",
            Self::TooMany { .. } => "addresses.too-many",
            Self::Away { .. } => "addresses.away",
            Self::Status { .. } => "addresses.status",
        }
    }
}

/// What not every plan has.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// The search of addresses by k-anonymity.
    KAnonymity,
    /// The search of stealer logs.
    StealerLogs,
}

impl std::fmt::Display for Feature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::KAnonymity => "search by k-anonymity",
            Self::StealerLogs => "search of stealer logs",
        })
    }
}
