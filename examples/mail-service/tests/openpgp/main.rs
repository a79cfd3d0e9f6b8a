//! OpenPGP of the real program: keys by command, signed mail that comes in, mail that is encrypted before it is stored.
//!
//! Tests named `interop_` need tools that a bare machine lacks: `cargo xtask interop` installs and runs them.
#![allow(clippy::unwrap_used)] // a test may
#![recursion_limit = "256"]

#[allow(dead_code)] // the tests of safety need all of it
#[path = "../common/mod.rs"]
mod common;

mod closed;
mod commands;
mod crash;
mod gpg;
mod incoming;
mod races;
mod world;
