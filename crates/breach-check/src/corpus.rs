//! The corpus: breached passwords in one file, of which a look-up reads one page.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use breach_check::corpus::{Builder, Corpus, Size};
//! use breach_check::{HashKind, PasswordHash, Sighting};
//! use std::time::SystemTime;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("pwned.pages");
//! let mut hashes = [("hunter2", 17_043), ("password", 10_434_004)].map(|(word, n)| (PasswordHash::sha1(word), n));
//! hashes.sort_by_key(|(hash, _)| hash.octets().to_vec()); // as any list of them is
//! let size = Size::Entries(2);
//! let mut builder = Builder::create(&path, HashKind::Sha1, 32, size, SystemTime::UNIX_EPOCH)?;
//! for (hash, count) in &hashes {
//!     builder.push(hash, *count)?;
//! }
//! builder.finish()?;
//!
//! let corpus = Corpus::open(&path)?;
//! let Sighting::Seen(class) = corpus.lookup(&PasswordHash::sha1("hunter2"))? else { unreachable!() };
//! assert_eq!(class.to_string(), "16384 to 32767 times");
//! assert_eq!(corpus.lookup(&PasswordHash::sha1("a quiet evening by the sea"))?, Sighting::NotSeen);
//! # Ok(()) }
//! ```
//!
//! # The file
//!
//! A page to say what it is, pages of 4 KiB, and a tail that is read when the file is opened. A hash's first 64 bits times
//! the number of pages are the number of its page and its place in it: no index, and in the order of the hashes. Of each
//! hash `key_bits` bits are kept within one of the 64 groups of a page, so that a hash that is not there is taken for one
//! that is about once in 2^28 times at 32 bits, and once in 2,800 at 16. What finds no room in its page is in the tail,
//! about one entry in 5,000. The whole format stands in `docs/corpus-format.md`.
//!
//! # What is never said
//!
//! [`NotSeen`](crate::Sighting::NotSeen) is said of a page whose checksum was right, and of a range that the corpus was made
//! with. A page that is damaged is an error, and a range that is missing is [`Unknown`](crate::Unknown::Gap).

mod build;
mod error;
mod geometry;
mod header;
mod journal;
mod open;
mod page;
mod read_at;
mod signature;
mod source;
mod tail;
mod update;
mod verify;

use std::path::Path;

use crate::lock::Lock;

pub use build::{Builder, Size};
pub use error::Error;
pub use open::{Corpus, Facts, Question};
pub use read_at::{FileAt, Held, HttpAt, Part, ReadAt};
pub use signature::{SignatureError, signature_beside};
pub use source::{LineError, Lines};
pub use update::{Progress, Update};
pub use verify::Root;

/// The lock of whoever writes the corpus of this name.
fn lock(path: &Path) -> Result<Lock, Error> {
    let lock = Lock::hold(&build::with_suffix(path, ".lock"))?;
    lock.ok_or(Error::Locked)
}
