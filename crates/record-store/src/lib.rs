//! An ordered record store with atomic compare-and-set commits: in memory and in SQLite.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod any;
#[cfg(any(feature = "sqlite", fuzzing))]
mod codec;
mod commit;
pub mod conformance;
mod error;
mod key;
mod large;
mod memory;
mod record;
mod records;
#[cfg(feature = "sqlite")]
mod sqlite;
mod table;

pub use any::AnyStore;
pub use commit::{Commit, Conflict, Expect, MAX_COMMIT, MAX_OPERATIONS, Outcome};
pub use error::{Cause, Error};
pub use key::{Encoder, Key, MAX_KEY, MAX_NAMESPACE, Part, Parts, Prefix};
pub use large::{Large, MAX_LARGE};
pub use memory::Memory;
pub use record::{MAX_VALUE, Version, Versioned};
pub use records::{MAX_PAGE, MAX_PAGE_BYTES, Page, Records, Swept};
#[cfg(feature = "sqlite")]
pub use sqlite::{MAX_WAITING, MAX_WAITING_BYTES, Sqlite};
pub use table::MAX_SWEEP;
