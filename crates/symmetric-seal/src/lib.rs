//! x
#![allow(dead_code)]
mod crypto;
pub mod link;
mod parameters;
mod refusal;
#[cfg(feature = "store")]
pub mod store;
pub use parameters::{KdfParameters, Profile};
pub use refusal::Refusal;
