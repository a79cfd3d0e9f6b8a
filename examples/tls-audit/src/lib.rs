//! Probes the TLS and the DNS of a mail domain or a host, for the rules of `tls_policy::audit`.
//!
//! ```text
//! arguments ──► dns ──► domain ─ spf ─ dmarc, host   facts of the DNS: mail-dns, dane-tlsa, msg-validate
//!                └────► service ─ net ─ dialogue     facts of each service: tls_policy::probe
//!                           └─ chain                 what only whole handshakes show: rustls
//!                                    └─► tls_policy::audit, for people or as JSON
//! ```

// Nobody but this program and its tests uses this library.
#![allow(clippy::exhaustive_enums, clippy::exhaustive_structs)]

mod arguments;
mod chain;
mod dialogue;
mod dmarc;
mod dns;
mod domain;
mod host;
mod net;
mod program;
mod service;
mod spf;

pub use arguments::{Arguments, Asked};
pub use chain::Roots;
pub use dns::{Dns, Source, Validates};
pub use domain::{Policies, domain};
pub use host::{MAX_HOSTS, host, looked_up};
pub use net::{Net, Target};
pub use program::{Error, gather, run};
pub use service::{Service, examine};
