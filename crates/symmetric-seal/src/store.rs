//! Links in a record-store (feature `store`): every step of [`Link`](crate::link::Link) committed before anything is
//! said or done.

mod error;
mod keys;
mod links;
mod notices;
mod steps;
mod sweep;

pub use error::LinksError;
pub use links::{Done, Issued, Links, MAX_MESSAGE, Released, Reply, Verdict};
pub use notices::{Outstanding, Waiting};
pub use sweep::Swept;
