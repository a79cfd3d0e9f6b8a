//! x
#![allow(dead_code)]
mod crypto;
pub mod link;
pub mod mime;
mod parameters;
mod passphrase;
mod refusal;
#[cfg(feature = "store")]
pub mod store;
pub use parameters::{KdfParameters, Profile};
pub use passphrase::{
    BadCharacter, GeneratedPassphrase, NoRandom, Passphrase, PassphraseError, Strength, Words,
};
pub use refusal::Refusal;
