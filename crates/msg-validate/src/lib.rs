//! SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 9989): one explained verdict for a mail message.

mod context;
pub mod dkim;
#[allow(dead_code)] // until the protocols are in
mod facts;
mod limits;
#[allow(dead_code)] // until the protocols are in
mod message;
mod spf;
mod verdict;

pub use context::{Context, Transport};
pub use limits::Limits;
pub use spf::{Cause as SpfCause, Identity as SpfIdentity, Spf, SpfResult};
pub use verdict::{Grade, Reason, Severity};
