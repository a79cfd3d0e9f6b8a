//! Secrets in a store: what is right opens once, what is wrong is counted before it is known, and a commit that is lost leaves
//! something that is right.
#![cfg(feature = "store")]
#![allow(missing_docs, clippy::unwrap_used)]

mod app;
mod common;
mod devices;
mod end;
mod enrol;
mod recovery;
