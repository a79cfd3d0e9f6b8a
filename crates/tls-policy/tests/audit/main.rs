//! The rule sets: what they say to facts, beside what is expected; and the page for people.
#![cfg(feature = "audit")]
#![allow(missing_docs, clippy::unwrap_used)]

mod expectations;
#[cfg(feature = "rustls-0_23")]
mod own;
mod page;
mod properties;
mod support;
mod words;
