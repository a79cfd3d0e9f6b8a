//! DANE for SMTP (RFC 6698, RFC 7671, RFC 7672): TLSA records, and whether a server's certificates
//! are those that its records promise.

mod cert;
mod der;
mod identity;
#[cfg(feature = "lint")]
mod lint;
mod publish;
mod record;
mod rollover;
mod roots;
mod rrset;

pub use identity::Identity;
#[cfg(feature = "lint")]
pub use lint::{
    Finding, LINT_MAX_CHAIN, LINT_MAX_RECORDS, LintCode, LintOptions, Severity, lint, lint_with,
};
pub use publish::{Parameters, PublishError, ZoneLine, owner};
pub use record::{CertificateUsage, MatchingType, RecordError, Selector, Tlsa};
pub use rollover::{
    Change, Published, RolloverOptions, Since, Step, rollover, rollover_with,
};
pub use roots::Roots;
pub use rrset::{Protocol, RrSet, Secure, Unproven, Unusable, Usable};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
