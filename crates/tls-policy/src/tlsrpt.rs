//! TLSRPT (RFC 8460): who wants reports, counters, and the report as JSON, written and read. No I/O:
//! compressing, mailing and posting are not done here.

mod counters;
mod date;
mod json;
mod record;
mod report;

pub use counters::{Counted, Counters, Day, MAX_DETAILS_PER_POLICY};
pub use json::{MAX_DETAILS, MAX_POLICIES, MAX_REPORT, MAX_TEXT, ReportError};
pub use record::{Destination, MAX_DESTINATIONS, TlsRptRecord, TlsRptRecordError};
pub use report::{Failure, Policy, PolicyKind, PolicyResult, Report, ResultType};
