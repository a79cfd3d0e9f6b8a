//! The configurations for rustls: in memory with rustls, and on loopback with OpenSSL and sslscan.
#![cfg(feature = "rustls-0_23")]
#![allow(missing_docs, clippy::unwrap_used)]

mod clients;
mod interop;
mod profiles;
mod reload;
mod resumption;
mod sources;
mod support;
