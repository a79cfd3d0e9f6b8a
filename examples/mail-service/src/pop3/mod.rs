//! POP3 over TLS (RFC 1939, RFC 2449, RFC 8314 §3.3).

pub(crate) mod server;
pub mod session;
