//! The range API: k-anonymity by five hexadecimal characters, as client, as server, and as what a download keeps.
//!
//! A server that speaks it is asked for one of the 2^20 [`Range`](crate::Range)s, and answers with the rest of every hash
//! in it, one a line, and how often each was seen. Whoever asks looks for his own hash among them.
//!
//! ```
//! use breach_check::{Http, PasswordHash, Sighting};
//! use breach_check::ranges::{Base, Client};
//!
//! async fn is_breached(http: impl Http, password: &str) -> Result<bool, breach_check::ranges::Error> {
//!     let base = Base::new("https://ranges.example.org")?; // yours, or that of Have I Been Pwned
//!     let client = Client::new(http, base, "example-mail")?;
//!     match client.lookup(&PasswordHash::sha1(password)).await? {
//!         Sighting::Seen(class) => Ok(class.at_least() >= 2),
//!         Sighting::NotSeen => Ok(false),
//!         _ => Ok(true), // not known: ask again before the password is taken
//!     }
//! }
//! ```
//!
//! - [`Query`] and [`Suffixes`]: the question as a request, and the strict reading of what came; no I/O.
//! - [`Client`]: both with your [`Http`](crate::Http), and a bounded cache by `ETag`, if wanted.
//! - [`Keeper`] and [`Download`]: all ranges into a folder, to be resumed after anything.
//! - [`Kept`] and [`Server`]: such a folder, read, and served to others by the same protocol.
//! - [`Files`]: a folder that another downloader filled.
//!
//! # What is a whole answer
//!
//! Everything else is an error, and the sighting [unknown](crate::Unknown::NoAnswer); never "not seen".
//!
//! - Status 200; or 304 to a question that named an `ETag`.
//! - Its end was told by framing: never by the end of the connection ([`End::Closed`](crate::End::Closed)).
//! - No content coding, or gzip: then with trailer and checksum (RFC 1952 §2.3.1), and nothing behind it.
//! - Each line has 35 (SHA-1) or 27 (NTLM) hexadecimal characters, a colon, and a number of 64 bits; lines end with LF or
//!   CRLF, and the last one need not. Those that were seen ascend strictly; those with the number 0 are padding, and
//!   dropped. There is at least one line.
//! - Of a download, also as many lines as [`Completeness`] wants.
//!
//! | limit | |
//! |---|---|
//! | an answer, and its text | [`MAX_ANSWER`]: 1 MiB each; ranges have about 80 KB in 2026 |
//! | an `ETag` that is kept | [`MAX_ETAG`]: 128 octets; a longer one is none |
//! | the cache of a client | as many ranges as you say |
//!
//! # What leaves
//!
//! Five hexadecimal characters of the hash, the kind of hash, the user agent that you name, and, with a cache, the `ETag`
//! of what the server said before. A server could tell its clients apart by the `ETag`s that it gives: keep a cache only
//! where the server is trusted that far, or your own.

mod answer;
mod cache;
mod client;
mod download;
mod error;
mod files;
mod folder;
mod keeper;
mod kept;
mod progress;
mod query;
mod serve;
mod table;

pub use answer::{MAX_ANSWER, MAX_ETAG, Suffixes};
pub use client::Client;
pub use download::{Download, Patience};
pub use error::{Error, NotWhole};
pub use files::{FileError, Files};
pub use keeper::{KeepError, Keeper, Start};
pub use kept::{Kept, KeptError};

pub use progress::{Progress, Report};
pub use query::{Base, Padding, Query};
pub use serve::Server;
pub use table::Completeness;
