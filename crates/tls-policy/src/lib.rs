//! Which transport security a mail connection must have, and why: one pure decision out of DANE
//! (RFC 7672), MTA-STS (RFC 8461), REQUIRETLS (RFC 8689), local rules, and what was seen before.
//!
//! ```
//! use tls_policy::{Action, DaneFact, Facts, Floor, MemoryFact, MxFact, StsFact, decide};
//!
//! let facts = Facts::new("example.org", "mx.example.org", MxFact::Insecure)
//!     .dane(DaneFact::Insecure)
//!     .sts(StsFact::Enforce)
//!     .memory(MemoryFact::Nothing);
//! let decision = decide(&facts, Floor::Opportunistic);
//! let Action::WebPki { names } = decision.action() else { panic!("{decision}") };
//! assert_eq!(names.server_name(), "mx.example.org");
//! assert_eq!(decision.reason().code(), "sts.enforce");
//! ```
//!
//! # Should I use this crate?
//!
//! Yes, if you send mail from server to server and want to know, for each connection, whether it has
//! to be encrypted and whom it has to lead to; or if you publish MTA-STS or HSTS, or write or read TLS reports. It makes no
//! connection to a mail server: it says what your TLS library has to verify (with `rustls-0_23` as a
//! configuration), and whether the message may go.
//!
//! # How it fits together
//!
//! ```text
//! DNS ── MX, TLSA ──► MxFact, DaneFact ─┐
//! sts::Discovery ──► Found ─ sts::Cache ─► StsFact ─┤
//! Memory ─────────────────► MemoryFact ─┼─► Facts ──► decide ──► Decision { action, reason }
//! Rules ──────────────────────► Rule ───┤                          │ allows(connection)?
//! the message ───────────► Wish, Floor ─┘                          ▼ after(attempt)
//!                                               go on │ clear anew │ next mx │ defer │ bounce
//! Memory ◄── proved(proves()), attempted(..) ◄── what the connection came to
//! ```
//!
//! # Doing the I/O
//!
//! There is none here, nor a clock: `now` is an argument. [`sts::Discovery`] says which DNS question
//! and which HTTP request it wants, as types of mail-dns and `http`. The one exception is the feature
//! `fetch`: an HTTPS client for these requests and for reports, and for nothing else.
//!
//! # Security notes
//!
//! The attacker sits on the line, answers DNS questions that are not signed, strips STARTTLS, blocks
//! what he cannot forge, and owns domains. A failed look-up is a fact of its own and never leads to
//! less than a successful one; the one exception is that of RFC 8461 §3.3, and it ends where a policy
//! is cached, a level is remembered, or the sender's floor is above opportunistic. The whole table of
//! decisions is in the repository, in `docs/tls-policy-decisions.md`. Every input is bounded; see the
//! constants of each module. Names are compared as A-labels.
//!
//! What stays your job: to look up MX, addresses and TLSA with a validating resolver and to tell
//! failure from absence; to verify the certificate; to ask [`Decision::allows`] after the handshake,
//! and without session resumption across decisions; to store [`Memory`] and [`sts::Cache`], and to
//! say [`MemoryFact::Unreadable`] and [`StsFact::Unreadable`] when that fails; and to verify the DKIM
//! signature of a report that comes by mail, which anybody may have written until then.
//!
//! # Errors and verdicts
//!
//! A decision always has a result; that nothing may be sent is one, with a reason and a status code.
//! Errors are for text that is no record, policy, rule or header field.
//!
//! # Crate features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `audit` | [`audit`], dated rule sets of BSI and internet.nl, and what they say to facts; [`probe`], which finds out what a server offers | no |
//! | `fetch` | [`fetch`], an HTTPS client for policies and reports, on tokio; with it `rustls-0_23` | no |
//! | `rustls-0_23` | [`rustls`], configurations of servers and clients, certificates that are replaced while they serve | no |
//! | `store` | [`StoredMemory`] and [`sts::StoredCache`], memory and policies in a `record-store`, shared by several nodes | no |
//!
//! # RFC coverage
//!
//! | RFC | what |
//! |---|---|
//! | RFC 3207 §4 | what follows if there is no STARTTLS, or the handshake fails |
//! | RFC 5280 §4.1.2.5, RFC 5480 §2.1.1, RFC 9525 §6.3 | of a server's own certificates: dates, kind of key, names; of those in an audit what its rules ask for |
//! | RFC 6066 §3 | the server's name chooses the certificate |
//! | RFC 6890 | the fetcher's addresses: no special-purpose one |
//! | RFC 8446, RFC 8996 | versions, suites and groups of rustls; no early data, nothing below TLS 1.2 |
//! | RFC 2782, RFC 5746, RFC 6186, RFC 6520, RFC 7366, RFC 7627, RFC 7919, RFC 8659, RFC 9989 | as facts of an audit, which somebody else gathers |
//! | RFC 5246 §7, RFC 8446 §4, RFC 8422 §5, and the extensions of RFC 3749, RFC 5077, RFC 5746, RFC 6066, RFC 6520, RFC 7366, RFC 7507, RFC 7627, RFC 7685 | as much of a handshake as a probe writes and reads |
//! | RFC 3463, RFC 5248 | status codes of what is deferred or returned |
//! | RFC 6797 §6.1, §8.1 | HSTS: the header field, read and written |
//! | RFC 7672 §2 | DANE: what its outcome means (looking it up and verifying is not done here) |
//! | RFC 8461 | MTA-STS: record, policy, discovery, cache, publication; the fetcher with `fetch` |
//! | RFC 1952, RFC 2045, RFC 2046, RFC 5322, RFC 6068 | as much as a report that is mailed needs |
//! | RFC 3339 §5.6 | the dates of reports |
//! | RFC 8460 §3, §4, §5 | TLSRPT: record, counters; report as JSON, compressed, as a mail and as an HTTP request, written and read; when a destination is tried again; posting with `fetch`. No signing and mailing |
//! | RFC 8689 | REQUIRETLS and `TLS-Required: No`: keyword, parameter and header field, and what they mean for a decision; not what becomes of a bounce |
//!
//! # Minimum Rust version
//!
//! 1.95. A raise is a minor release.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "store", feature = "audit", feature = "fetch")),
    allow(rustdoc::broken_intra_doc_links)
)]

#[cfg(feature = "audit")]
pub mod audit;
mod decide;
mod decision;
mod facts;
mod failure;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod hsts;
mod memory;
#[cfg(feature = "audit")]
pub mod probe;
mod reason;
pub mod requiretls;
mod rule;
#[cfg(feature = "rustls-0_23")]
pub mod rustls;
#[cfg(feature = "store")]
mod shelf;
mod status;
#[cfg(feature = "store")]
mod store;
pub mod sts;
pub mod tlsrpt;

pub use decide::decide;
pub use decision::{Action, Connection, Decision, Names};
pub use facts::{DaneFact, Facts, Floor, MemoryFact, MxFact, StsFact, Wish};
pub use failure::{Attempt, Next, Refusal};
pub use memory::{BINDING_AFTER, Entry, FORGOTTEN_AFTER, Memory, Noted, Proof};
pub use reason::Reason;
pub use rule::{Rule, Rules, RulesError, UnknownRule};
pub use status::Status;
#[cfg(feature = "store")]
pub use store::{StoreError, StoredMemory};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
