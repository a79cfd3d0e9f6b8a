//! DNS answers as facts for mail software: what RFC 1035 calls a query and a response, with the
//! difference between "nothing there" and "no answer" (RFC 2308) and the DNSSEC status (RFC 4035)
//! kept to the end.
//!
//! ```
//! use mail_dns::{Outcome, Query, Record, RecordType, Zone};
//!
//! let zone = Zone::new().mx("example.org", 10, "mx.example.org")?;
//! let answer = zone.answer(&Query::new("example.org".parse()?, RecordType::Mx));
//! match answer.outcome() {
//!     Outcome::Records(records) => assert!(matches!(&records[0], Record::Mx(mx) if mx.preference == 10)),
//!     Outcome::NoData | Outcome::NxDomain => println!("takes no mail, or at its address records"),
//!     Outcome::Failure(why) => println!("nobody knows ({why}): try again later"),
//! }
//! # Ok::<(), mail_dns::NameError>(())
//! ```
//!
//! # Should I use this crate?
//!
//! Yes, if you write mail software, or a library for it, that asks the DNS and must not mistake a
//! time-out for "no such record". It has the record types that mail protocols ask for, and one
//! trait, [`Resolver`], so that a program needs one resolver and one cache for all of them.
//!
//! It is no DNS client or server: the adapters ask a recursive resolver, which does the work. If you
//! need other record types, zone files or an own recursion, take hickory or `domain` themselves.
//!
//! # Which resolver?
//!
//! | | DNSSEC status | take it for |
//! |---|---|---|
//! | [`AdStub`] | that of a validating resolver on this machine, by its AD bit | everything, DANE first |
//! | [`Hickory`] | [`Security::Unknown`] | SPF, DKIM, DMARC where no such resolver is there |
//! | [`HickoryValidating`] | found out in this process | a machine that may not run a resolver, and can wait where it raises a false alarm |
//! | [`Zone`] | what you say | tests, checks offline |
//!
//! # How it fits together
//!
//! ```text
//! Query { name, type } ──► Resolver ──────────────────────► Answer { outcome, security, ttl }
//!                           ├─ Zone     (memory: tests, checks offline)
//!                           ├─ AdStub   (a validating resolver on loopback)
//!                           ├─ Hickory  (any resolver; validating or not)
//!                           └─ Cached<R> over any of them, with a Cache
//! ```
//!
//! # Doing the I/O
//!
//! [`Zone`] and [`Cache`] do none. [`AdStub`] and [`Hickory`] do it on the tokio runtime that they
//! are called on.
//! For another resolver implement [`Resolver`], which is one `async fn`. Nothing here reads a
//! clock: the caller says what time it is, and until when to wait. The exception is
//! [`HickoryValidating`], whose signatures hickory judges by the clock of the machine.
//!
//! # Security notes
//!
//! The attacker owns zones, and chooses the names that are asked. A [`Name`] is bounded by
//! RFC 1035 §2.3.4 and compared by octets without ASCII case; its `Display` escapes what a terminal
//! or a log must not see. Chains of aliases end after [`Zone::MAX_ALIASES`]. A [`Cache`] is bounded
//! in number and in octets ([`CacheLimits`]) and keeps raw records only, so that a look-up for one
//! purpose cannot decide another. Answers with a wrong identifier, port or question are passed
//! over. An [`AdStub`] takes a loopback address and nothing else; a failure is never an empty answer,
//! and nothing is secure that was not found to be. What stays your job: a path to the resolver that
//! nobody can write to (best on loopback), that the resolver behind an [`AdStub`] does validate
//! ([`AdStub::is_validating`]), a bound on how many questions one message may cause, and not to
//! take [`Security::Unknown`] for secure.
//!
//! # Errors and verdicts
//!
//! A question always has an [`Answer`]; that nobody answered is one too: [`Outcome::Failure`], and
//! a later try may help with each of them. Errors are for what is no question ([`NameError`]) and
//! for a resolver that cannot be set up ([`AdStubError`], [`HickoryError`], [`AnchorError`]).
//!
//! # Crate features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `ad-stub` | [`AdStub`], a stub on tokio that trusts the AD bit of a resolver on loopback | no |
//! | `hickory-0_26` | [`Hickory`], an adapter to hickory 0.26 on tokio | no |
//! | `hickory-0_26-validate` | [`HickoryValidating`], its validation of DNSSEC | no |
//!
//! # RFC coverage
//!
//! | RFC | what |
//! |---|---|
//! | RFC 1034 §3.6.2, RFC 6604 | aliases, and whose the response code is |
//! | RFC 1035 | names, A, MX, TXT, PTR, CNAME; RFC 3596: AAAA |
//! | RFC 2181 §5, §8 | sets of records, TTLs |
//! | RFC 2308, RFC 8020 | "no data", "does not exist", and how long to believe it |
//! | RFC 4035 §3.2.3, §4.3, §4.9.3, RFC 6840 §5.7 | status, and when a stub may believe it |
//! | RFC 5891 | U-labels become A-labels, by UTS #46 |
//! | RFC 6698 §2 | TLSA records, as octets |
//! | RFC 6891, RFC 7766 §8 | larger answers over UDP, and by TCP |
//! | RFC 7686 | hidden services are not asked for |
//! | RFC 9276 §3.2 | NSEC3 with too many rounds proves nothing |
//!
//! # Minimum Rust version
//!
//! 1.95. A raise is a minor release.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "ad-stub", feature = "hickory-0_26-validate")),
    allow(rustdoc::broken_intra_doc_links)
)]

#[cfg(feature = "ad-stub")]
mod ad_stub;
mod answer;
mod cache;
#[cfg(feature = "hickory-0_26")]
mod hickory;
#[cfg(any(feature = "ad-stub", feature = "hickory-0_26"))]
mod hickory_chase;
#[cfg(feature = "ad-stub")]
mod hickory_message;
#[cfg(feature = "hickory-0_26-validate")]
mod hickory_validate;
mod name;
mod query;
mod resolver;
mod zone;

#[cfg(feature = "ad-stub")]
pub use ad_stub::{AdStub, AdStubError};
pub use answer::{Answer, Failure, Mx, Outcome, Record, Security, Txt};
pub use cache::{Cache, CacheLimits, Cached};
#[cfg(feature = "hickory-0_26")]
pub use hickory::{Hickory, HickoryError};
#[cfg(all(fuzzing, feature = "ad-stub"))]
#[doc(hidden)]
pub use hickory_message::hear;
#[cfg(feature = "hickory-0_26-validate")]
pub use hickory_validate::{AnchorError, Anchors, HickoryValidating};
pub use name::{Labels, Name, NameError};
pub use query::{Query, RecordType, UnknownType};
pub use resolver::Resolver;
pub use zone::Zone;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
