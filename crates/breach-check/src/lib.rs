//! Breached passwords and addresses, offline first: a corpus of breached passwords of which a look-up reads one page, the
//! range API as client and as server, a password policy by NIST SP 800-63B-4, and alerts for addresses that appear in
//! breaches.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use breach_check::corpus::{Builder, Size};
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("pwned.pages");
//! # let known = breach_check::PasswordHash::sha1("trustno1");
//! # let mut builder = Builder::create(&path, known.kind(), 32, Size::Entries(1), std::time::SystemTime::UNIX_EPOCH)?;
//! # builder.push(&known, 230_000)?;
//! # builder.finish()?;
//! use breach_check::corpus::Corpus;
//! use breach_check::policy::{Candidate, Context, Language, Policy};
//!
//! let corpus = Corpus::open(&path)?; // as examples/corpus.rs makes it, some 10 GB for all that is known
//! let policy = Policy::with_second_factor();
//! let context = Context::new().service("Example Mail").user("ann@example.org");
//! let verdict = policy.check(&Candidate::new("trustno1"), &context, |hash| corpus.lookup(&hash))?;
//! for line in verdict.guidance(Language::English) {
//!     println!("{line}"); // what is wrong, and what to do
//! }
//! assert!(!verdict.is_accepted());
//! # Ok(()) }
//! ```
//!
//! # Should I use this crate?
//!
//! Yes, if you check passwords, or tell users of breaches, and want to tell nobody else about them: with the corpus nothing
//! leaves the machine, with the range API five characters of a hash do. No, if you only want to ask one question of
//! `api.pwnedpasswords.com`: any HTTP client does that.
//!
//! It brings no data. What is downloaded, from whom, and whether its terms allow what you do with it, is your business.
//!
//! # How it fits together
//!
//! ```text
//! range files ─► ranges::Download ─► ranges::Kept ─► corpus::Builder ─► one file
//!                                        │                                │
//!                                ranges::Server               corpus::Corpus::lookup
//!                                        │                                │
//! password ─► PasswordHash ─► ranges::Client ──────────► Sighting ◄───────┘
//!                                                           │
//!            policy::Policy, with a context ◄───────────────┴──────────────► recheck, at logins
//!                    │
//!               verdict, guidance
//!
//! address ─► addresses (six characters of its hash, or what a call's name says) ─► monitor (feature `store`) ─► alerts
//! ```
//!
//! # Doing the I/O
//!
//! Everything is a pure function of octets, but for: reading the corpus, through [`corpus::ReadAt`]; HTTP, through your
//! client's [`Http`]; and records, through [record-store](https://docs.rs/record-store) (feature `store`). Time is an
//! argument. Nothing is asked of anybody unless you say of whom.
//!
//! # Security notes
//!
//! - **"Not seen" is never guessed.** A download that may be cut, a range that was never fetched, a damaged page and an
//!   answer that is not whole are [`Sighting::Unknown`] or an error, and the policy accepts nothing on them.
//! - The range API learns 20 bits of a hash, and with padding nothing from the length of the answer; the corpus tells nobody
//!   anything. Calls that send more than a part of a hash are named so (`by_name`, domains, stealer logs).
//! - A corpus takes one password in 2^28 (at 32 key bits) for a breached one. No breached one is missed.
//! - Files and answers are a stranger's: each has limits, and none is believed about how long it is. Checksums find what is
//!   broken; what is forged is found by the root hash, which a signature can vouch for.
//! - Passwords and hashes are overwritten when they go, and `Debug` shows neither.
//!
//! What stays your job: to compare passwords in the form that [`policy::Candidate`] gives them, to limit guesses, and to tell
//! users by a way that they trust.
//!
//! # Errors and verdicts
//!
//! What is wrong with a password is a verdict, with a reason that has a stable code. An error means that there is none; each
//! module has its own, and `is_temporary` says whether a later try may help.
//!
//! # Crate features
//!
//! | feature | |
//! |---|---|
//! | `store` | `monitor`: alerts on a record-store |
//! | `fetch` | `fetch`: an HTTPS client (HTTP/1.1 and HTTP/2) for those who have none |
//! | `zxcvbn` | how easily a password is guessed, as advice; it refuses nothing |
//!
//! # Standards
//!
//! | | |
//! |---|---|
//! | NIST SP 800-63B-4 §3.1.1.2 | [`policy`], [`recheck`]; row by row in `docs/password-policy.md` |
//! | Pwned Passwords range API, Have I Been Pwned API v3 | [`ranges`], [`addresses`] |
//! | RFC 9110, 9112, 9113: when an answer is whole | [`End`], [`ranges`] |
//!
//! MSRV: 1.95.

mod count;
mod crypto;
mod hash;
mod http;
mod lock;
mod sighting;

pub mod addresses;
pub mod corpus;
#[cfg(feature = "fetch")]
pub mod fetch;
#[cfg(feature = "store")]
pub mod monitor;
pub mod policy;
pub mod ranges;
pub mod recheck;

pub use count::CountClass;
pub use hash::{HashKind, PasswordHash, Range};
pub use http::{Answer, End, Http, HttpFault};
pub use sighting::{Sighting, Unknown};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
