//! The HTTPS site over real TLS, and the page of a sealed message in a real browser.

#![allow(clippy::unwrap_used)] // helpers of tests, too

mod api;
mod chromium;
mod http;
#[path = "../common/pop3.rs"]
#[allow(dead_code)] // the other tests need all of it
mod pop3;
mod receipts;
mod routes;
mod sender;
#[path = "../common/wire.rs"]
#[allow(dead_code)]
mod wire;
mod world;
