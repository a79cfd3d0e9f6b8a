//! The probe: what is written, what is read, and what is made of it.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(feature = "audit")]

mod plan;
mod read;
mod sim;
mod write;
