//! DANE for SMTP (RFC 6698, RFC 7671, RFC 7672): TLSA records, and whether a server's certificates
//! are those that its records promise.

mod cert;
mod crypto;
mod der;
mod lookup;
mod reason;
mod record;
mod references;
mod roots;
mod rrset;
#[cfg(feature = "rustls-0_23")]
mod rustls;
mod verify;
mod walk;
mod walk_host;

pub use crypto::Crypto;
pub use lookup::{HostLookup, Lookup, LookupFailure, Step};
pub use reason::{Class, Reason, TlsRptResult, Verdict};
pub use record::{CertificateUsage, MatchingType, RecordError, Selector, Tlsa};
pub use references::{ReferenceError, References};
pub use roots::Roots;
pub use rrset::{Protocol, RrSet, Secure, Unproven, Unusable, Usable};
#[cfg(feature = "rustls-0_23")]
pub use rustls::{DaneFailure, DaneVerifier};
pub use verify::{EndEntityNames, Matcher};
pub use walk::{InsecureMx, Route, Unanswered, Walk, Walked};

// Publication.
mod identity;
#[cfg(feature = "lint")]
mod lint;
mod publish;
mod rollover;

pub use identity::Identity;
#[cfg(feature = "lint")]
pub use lint::{
    Finding, LINT_MAX_CHAIN, LINT_MAX_RECORDS, LintCode, LintOptions, Severity, lint, lint_with,
};
pub use publish::{Parameters, PublishError, ZoneLine, owner};
pub use rollover::{
    Published, RecordChange, RolloverOptions, RolloverStep, Since, rollover, rollover_with,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
