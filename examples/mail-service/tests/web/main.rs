//! The HTTPS site over real TLS, and the page of a sealed message in a real browser.

#![allow(clippy::unwrap_used)] // helpers of tests, too
#![recursion_limit = "256"]

mod account;
mod api;
#[path = "../common/breaches.rs"]
mod breaches;
mod chromium;
mod chromium_compose;
mod compose;
mod http;
mod outside;
#[allow(dead_code)] // another test program uses all of it
#[path = "../outbound/peer.rs"]
mod peer;
#[path = "../common/pop3.rs"]
#[allow(dead_code)] // the other tests need all of it
mod pop3;
mod receipts;
#[path = "../outbound/resolver.rs"]
mod resolver;
mod routes;
mod sender;
#[path = "../common/wire.rs"]
#[allow(dead_code)]
mod wire;
mod wkd;
mod world;
