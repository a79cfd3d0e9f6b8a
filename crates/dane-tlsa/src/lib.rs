//! DANE for SMTP (RFC 6698, RFC 7671, RFC 7672): TLSA records, and whether a server's certificates
//! are those that its records promise.

mod cert;
mod der;
mod record;
mod roots;
mod rrset;

pub use record::{CertificateUsage, MatchingType, RecordError, Selector, Tlsa};
pub use roots::Roots;
pub use rrset::{Protocol, RrSet, Secure, Unproven, Unusable, Usable};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
