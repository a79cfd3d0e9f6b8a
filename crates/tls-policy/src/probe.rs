//! Finds out which versions, suites and groups a server agrees to, without a TLS library: feature
//! `audit`. No I/O.
//!
//! A [`Plan`] says which [`ClientHello`] comes next, each for a connection of its own; a [`Reader`]
//! reads what the server answers; and what the plan makes of the outcomes are [`Findings`], the facts
//! that the rules of [`audit`](crate::audit) judge.
//!
//! ```
//! use tls_policy::probe::{ClientHello, Failure, Outcome, Plan, Reader};
//!
//! let mut plan = Plan::new("mx.example.org");
//! while let Some(hello) = plan.next_hello() {
//!     // Connect, say STARTTLS where it is wanted, and send this, with fresh random octets.
//!     let octets = hello.write(&[0; ClientHello::RANDOM]);
//! #   assert!(!octets.is_empty());
//!     let mut reader = Reader::new(hello);
//!     // Whatever comes: reader.push(..), until there is an outcome. Here nobody listens.
//!     # let _ = reader.push(&[]);
//!     plan.answer(Outcome::Failed(Failure::Refused));
//! }
//! let findings = plan.finish();
//! assert_eq!(findings.facts().tls12.get(), None); // not "no": nobody knows
//! ```
//!
//! # What proves what
//!
//! That a server agrees to something is proved by its ServerHello, ServerKeyExchange or
//! HelloRetryRequest. That it does not is proved by an answer that is another version, or by an alert
//! that says so: `handshake_failure`, `protocol_version`, `insufficient_security`; `internal_error` if
//! it comes twice to the same ClientHello; every alert about the form of one of SSL 2.0. Some servers, such as Dovecot 2.3, close the connection
//! without a word instead; that counts if it happens twice to the same ClientHello, and happens to one
//! as well that nobody can agree to, because it offers nothing but a number that is no suite. And all
//! of these count only if there was an answer before it and another one after it: a server that has
//! begun to refuse everybody refuses everything. Everything else is unknown, with its cause: no answer
//! in time, a connection that is refused or breaks off, another alert, something that is not TLS, a
//! server that wants fewer connections.
//!
//! A curve of TLS 1.2 that an ECDSA server refuses may be refused only because the curve of its
//! certificate was not offered beside it (RFC 8422 §5.1). That is found out where the server goes by
//! the client's order of groups, and left open otherwise.
//!
//! # What it costs
//!
//! At most [`Plan::DEFAULT_BUDGET`] connections, or as many as [`Plan::with_budget`] says; what is open
//! then is unknown. A connection for each version, suite, group and signature scheme that the server
//! has, and about a dozen more: a server of TLS 1.3 and 1.2 with nine suites takes about 45, one with
//! every old suite of OpenSSL about 150. After [`Plan::MAX_FAILURES`] failures in a row, or when the
//! server says that it wants fewer connections, the plan ends. What it says is public: nothing that a
//! prober sends is secret, and a server may log each connection as a failed one.

mod codes;
mod findings;
mod hello;
mod knowledge;
mod message;
mod outcome;
mod plan;
mod read;
mod suite;
mod suites;

pub use codes::{Group, SignatureScheme, Version};
pub use findings::Findings;
pub use hello::{ClientHello, Extension, KeyShare};
pub use outcome::{Alert, Exchange, Failure, Flight, Outcome, ReadError};
pub use plan::Plan;
pub use read::Reader;
pub use suite::{Authentication, KeyExchange, Suite};
