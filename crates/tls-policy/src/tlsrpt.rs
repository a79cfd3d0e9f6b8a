//! TLSRPT (RFC 8460): who wants reports, counters, and the report: as JSON and compressed, as a mail
//! and as an HTTP request, written and read. No I/O: signing and mailing are not done here; posting is
//! done by [`Fetcher::post`](crate::fetch::Fetcher::post), with the feature `fetch`.

mod counters;
mod date;
mod delivery;
mod form;
mod json;
mod mail;
mod mime;
mod post;
mod record;
mod report;

pub use counters::{Carried, Counted, Counters, Day, MAX_DETAILS_PER_POLICY};
pub use delivery::{Delivery, NextTry, RETRY, RetryRule, Tried, report_facts};
pub use form::{FileName, FileNameError, Form, MAX_PACKED};
pub use json::{MAX_DETAILS, MAX_POLICIES, MAX_REPORT, MAX_TEXT, ReportError};
pub use mail::{Letter, MAX_MAIL, MailError, ReceivedMail};
pub use post::{PostError, post, posted};
pub use record::{Destination, MAX_DESTINATIONS, TlsRptRecord, TlsRptRecordError};
pub use report::{Failure, Policy, PolicyKind, PolicyResult, Report, ResultType};
