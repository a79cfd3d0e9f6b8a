//! DKIM (RFC 6376, RFC 8301, RFC 8463, RFC 8616): what domains sign of a message.

mod outcome;

pub use outcome::{Algorithm, Coverage, Dkim, DkimReason, DkimResult};
