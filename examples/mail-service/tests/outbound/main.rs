//! Outgoing mail over real sockets: a server that does what its script says, DNS answers with the status that they are
//! given, a store on the disk, and a clock that is moved by hand.
#![allow(clippy::unwrap_used)] // a test may

mod deliveries;
mod durable;
mod memory;
mod peer;
mod policies;
mod postfix;
mod program;
mod resolver;
mod world;
