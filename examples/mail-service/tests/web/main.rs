//! The HTTPS site over real TLS, and the page of a sealed message in a real browser.

#![allow(clippy::unwrap_used)] // helpers of tests, too

mod api;
mod chromium;
mod http;
mod routes;
mod sender;
mod world;
