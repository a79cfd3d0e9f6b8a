//! An ordered record store with atomic compare-and-set commits: in memory, in SQLite, and in PostgreSQL.
//!
//! ```
//! use record_store::{Commit, Expect, Key, Memory, Outcome, Records};
//! use std::time::{Duration, UNIX_EPOCH};
//! # pollster::block_on(async {
//! let (store, now) = (Memory::new(), UNIX_EPOCH + Duration::from_secs(1_800_000_000));
//! let key = Key::new("counter", "visits")?;
//! let first = Commit::new().put(&key, *b"1", Expect::Absent);
//! assert!(matches!(store.commit(first.clone(), now).await?, Outcome::Committed(_)));
//! // Who comes second learns what is there, and nothing is overwritten.
//! let Outcome::Conflict(conflict) = store.commit(first, now).await? else { unreachable!() };
//! assert_eq!(conflict.found.unwrap().value()?, b"1");
//! # Ok::<(), record_store::Error>(()) }).unwrap();
//! ```
//!
//! # Should I use this crate?
//!
//! Yes, if a service keeps small state that must not be lost or counted twice (attempts, sessions, mail, queues), and
//! should run on one machine today and on several tomorrow: [`Records`] asks for no more than SQLite, PostgreSQL,
//! FoundationDB or TiKV can give. It has no queries and no secondary indexes: a second way to find a record is a
//! second record, written in the same commit.
//!
//! # How it fits together
//!
//! ```text
//! Commit { put, delete, guard + Expect } ──► Records::commit ──► Committed(version) | Conflict | Unknown
//! Key, Prefix + cursor ───────────────────► Records::get, scan ► Versioned { value, version, expires }
//!                                            ├─ Memory
//!                                            ├─ Sqlite    (one writer thread, group commit)
//!                                            ├─ Postgres  (several nodes, one function call a commit)
//!                                            ├─ AnyStore  (picked at run time)
//!                                            └─ your own  (backend::Table, proved by conformance)
//! faults::Faulty (for your tests) ────────► a store that fails, forgets to answer, or has somebody write first
//! copy::run(from, to) ────────────────────► every record, compared in the end
//! Large::stage ──► chunks, invisible ──► Commit::put_large ──► one manifest; Records::sweep takes orphans
//! ```
//!
//! # Doing the I/O
//!
//! The futures need no runtime: [`Sqlite`] and [`Postgres`] work on threads of their own and answer through channels.
//! Opening and dropping a store blocks. No call reads a clock: `now` is an argument, and [`Records::sweep`] runs when
//! you call it. Nodes that share a [`Postgres`] want clocks that agree about what has expired.
//!
//! # Security notes
//!
//! Keys may hold hostile bytes: parts are escaped, so one user's key never falls under another's [`Prefix`]. All sizes
//! are bounded ([`MAX_KEY`], [`MAX_VALUE`], [`MAX_OPERATIONS`], [`MAX_COMMIT`], [`MAX_LARGE`], [`MAX_PAGE`]), and so is
//! the work that waits ([`MAX_WAITING`], [`MAX_WAITING_BYTES`]). Values are neither encrypted nor authenticated: who
//! can write the file or the database can write anything. `Debug` shows keys and sizes, and never a value. Versions and
//! `now` are only as good as the callers' clocks and the store.
//!
//! [`Postgres`] verifies the server's certificate and name unless TLS is switched off; passwords stand in no error and
//! no `Debug`. A program that logs the target `tokio_postgres` at level `debug` logs what it stores.
//!
//! # Errors and verdicts
//!
//! A conflict is an [`Outcome`], and so is [`Outcome::Unknown`]: all of the commit happened, or nothing. An [`Error`]
//! means that nothing was written, and that nothing of it will turn up later; [`Error::is_temporary`] says whether a
//! later try may help. A full disk fails every commit of the transaction with [`Error::Full`], and the store goes on once
//! there is space. A server that is away is [`Error::Unavailable`], and the store goes on once it is back.
//!
//! # Crate features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `postgres` | [`Postgres`], with a runtime and TLS of its own | no |
//! | `sqlite` | [`Sqlite`], SQLite compiled in | no |
//!
//! # RFC coverage
//!
//! None: the store is the foundation of the crates that implement RFCs.
//!
//! # Minimum Rust version
//!
//! 1.95. A raise is a minor release.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "sqlite", feature = "postgres")),
    allow(rustdoc::broken_intra_doc_links)
)]

mod any;
pub mod backend;
mod codec;
mod commit;
pub mod conformance;
pub mod copy;
mod error;
pub mod faults;
mod key;
mod large;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod records;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod waiting;

pub use any::AnyStore;
pub use backend::MAX_SWEEP;
pub use commit::{Commit, Conflict, Expect, MAX_COMMIT, MAX_OPERATIONS, Outcome};
pub use error::{Cause, Error};
pub use key::{Encoder, Key, MAX_KEY, MAX_NAMESPACE, Part, Parts, Prefix};
pub use large::{Large, MAX_LARGE};
pub use memory::Memory;
#[cfg(feature = "postgres")]
pub use postgres::{Heard, News, Postgres, PostgresOptions};
pub use record::{MAX_VALUE, Version, Versioned};
pub use records::{MAX_PAGE, MAX_PAGE_BYTES, Page, Records, Swept};
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use waiting::{MAX_WAITING, MAX_WAITING_BYTES};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
