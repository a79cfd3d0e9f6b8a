//! The fetcher against servers on loopback that do what they should not. Wherever something is refused,
//! a naive client does what ours must not do, and so shows that there was something to refuse: that is
//! the mutation.
#![cfg(feature = "fetch")]
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

mod addresses;
mod certificates;
mod front;
mod good;
mod http_answers;
mod naive;
mod names;
mod old_tls;
mod reports;
mod server;
mod slow;
#[path = "../rustls/support.rs"]
#[allow(dead_code)] // made for other tests, too
mod support;
