//! HSTS (RFC 6797): the header field, read and written, and whether browsers would preload a domain.

mod header;
mod preload;

pub use header::{Hsts, HstsError, MAX_HEADER};
pub use preload::{Certificate, HTTPS_PRELOAD_2026, Observed, PreloadRule, Redirect, Unmet};
