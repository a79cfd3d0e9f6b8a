//! SMTP, the receiving side (RFC 5321).
//!
//! [`command`], [`data`] and [`session`] are pure: octets in, replies out. `server` gives them
//! sockets, TLS, deadlines and a place to put the message.

pub mod command;
pub mod data;
pub(crate) mod server;
pub mod session;
