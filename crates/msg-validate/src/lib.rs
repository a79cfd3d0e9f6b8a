//! SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 9989): one explained verdict for a mail message.

mod address;
mod auth_results;
mod context;
pub mod dkim;
mod dmarc;
mod encoded_word;
mod error;
mod evaluation;
mod facts;
mod grade;
mod hygiene;
mod judge;
mod limits;
#[allow(dead_code)] // until the protocols are in
mod message;
pub mod spf;
mod stamp;
mod validator;
mod verdict;

pub use auth_results::{AuthResults, AuthResultsError, MethodResult, Property};
pub use context::{Context, Smtputf8, Transport};
pub use dkim::Dkim;
pub use dmarc::{Dmarc, DmarcResult, Policy};
pub use error::Error;
pub use evaluation::Evaluation;
pub use grade::{Grade, Reason, Severity};
pub use limits::Limits;
pub use spf::{Cause as SpfCause, Identity as SpfIdentity, Spf, SpfResult};
pub use stamp::{Stamp, Stamped};
pub use validator::Validator;
pub use verdict::{Arc, Verdict};
