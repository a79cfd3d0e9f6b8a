//! The audit beside real servers on loopback, each set up well and badly: what it finds is what a
//! hand-written file expects, and what `sslscan` finds. `cargo xtask interop` runs this.
#![allow(missing_docs, clippy::unwrap_used)]

mod dovecot;
mod expect;
mod nginx;
mod openssl;
mod postfix;
mod sslscan;
mod world;
