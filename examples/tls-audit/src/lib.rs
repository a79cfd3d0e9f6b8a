//! Probes the TLS and the DNS of a mail domain or a host, for the rules of `tls_policy::audit`.
//!
//! ```text
//! arguments ──► dns ──► domain, host          facts of the DNS: mail-dns, dane-tlsa, msg-validate
//!                └────► service ─ net ─ dialogue   facts of each service: tls_policy::probe, rustls
//!                                    └─► report    tls_policy::audit, for people or as JSON
//! ```

mod chain;
mod dialogue;
mod net;
mod service;

pub use chain::Roots;
pub use net::{Net, Target};
pub use service::{Service, examine};
