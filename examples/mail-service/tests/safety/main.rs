//! What the service promises to those who attack it and to those who rely on it, asked of the real program in a child
//! process. Every check is also run against something that breaks the promise, and must find it.
//!
//! Tests named `interop_` need tools that a bare machine lacks: `cargo xtask interop` installs and runs them.
#![allow(clippy::unwrap_used)] // a test may

#[path = "../common/breaches.rs"]
mod breaches;
#[path = "../common/mod.rs"]
mod common;
#[path = "../../../../crates/record-store/tests/common/postgres.rs"]
mod postgres;
#[path = "../../../../crates/record-store/tests/common/proxy.rs"]
mod proxy;

mod alerts;
mod backup;
mod copy_store;
mod dialogue;
mod disk;
mod durability;
mod factors;
mod limits;
mod maildrop;
mod nodes;
mod outage;
mod passwords;
mod postfix;
mod profiles;
mod secure;
mod smuggling;
mod syscalls;
mod tools;
mod unknown;
