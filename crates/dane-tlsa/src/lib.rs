//! DANE for SMTP (RFC 6698, RFC 7671, RFC 7672): TLSA records, and whether a server's certificates
//! are those that its records promise.
//!
//! ```
//! # #[cfg(feature = "aws-lc-rs")] {
//! use dane_tlsa::{Class, Crypto, Matcher, References, RrSet, Tlsa};
//! use rustls_pki_types::{CertificateDer, pem::PemObject};
//! use std::time::SystemTime;
//!
//! # let pem = include_bytes!("../tests/data/server.pem");
//! // What the DNS says of _25._tcp.mx.example.org, and what the server shows.
//! let record = "3 1 1 a448a68913c969c4e1f5bc99f08e09339f525d2e99c04dd0634fe0535aa23dbc";
//! let certificate = CertificateDer::from_pem_slice(pem)?;
//!
//! let records = RrSet::new([record.parse::<Tlsa>()?]).assume_secure();
//! let usable = records.usable_for_smtp().ok_or("encrypt, but nobody is authenticated")?;
//! let names = References::new(["mx.example.org", "example.org"])?;
//! # let now = SystemTime::UNIX_EPOCH;
//! let verdict = Matcher::new(usable, names, Crypto::aws_lc_rs()).check(&certificate, &[], now);
//! assert_eq!((verdict.class(), verdict.depth()), (Class::Match, Some(0)));
//! println!("{verdict}"); // a TLSA record vouches for the server (dane.match)
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Should I use this crate?
//!
//! Yes, if you write an MTA, or anything else that connects to servers which publish TLSA records.
//! The matcher has no opinion on what follows from a verdict: whether mail waits, goes by another
//! server or without authentication is a policy, and another crate's.
//!
//! It validates no DNSSEC signature; it says who may have done so.
//!
//! # How it fits together
//!
//! ```text
//! records ──► RrSet<Unproven> ── assume_secure() ──┐
//! secure answer of a resolver ─────────────────────┴─► RrSet<Secure>
//!                                                        │ usable_for_smtp()
//!                                                        │ usable_with_roots(roots)
//!                                                        ▼
//! names ──► References ──────────────────► Matcher ◄── Usable (none: encrypt only)
//!                                            │
//!            certificates, now ──► check() ──┴─► Verdict { class, record, depth, reason }
//!
//! DaneVerifier (rustls 0.23) is a Matcher in a handshake
//! ```
//!
//! - **Usable records**: for SMTP usages 2 and 3 alone, for other protocols all, with public
//!   [`Roots`]. Malformed ones are passed over and take nothing else with them
//!   ([`Tlsa::usability`]).
//! - **Digest agility**: of one usage and selector the strongest digest decides; whole data is no
//!   digest and always counts.
//! - **Usage 3** compares the server's certificate or key and nothing else: no names, no dates, no
//!   issuer. It needs a fraction of a microsecond.
//! - **Usage 2** makes an authority the trust anchor: one that is sent, or that is in the record as
//!   a whole certificate or key. Then paths, dates and names count, those of the anchor too. It is
//!   never about the server's own certificate.
//! - **Of several records** the one that comes furthest decides ([`Class`]).
//!
//! # Doing the I/O
//!
//! The matcher does none.
//!
//! # Security notes
//!
//! The attacker is between the client and the server, shows whatever certificates he likes, and may
//! own the zone of another name. What holds:
//!
//! - An [`RrSet<Secure>`](RrSet) is made by a secure answer, or by a function whose name says what
//!   it does; nothing else is accepted.
//! - A record that cannot be used, or matches nothing, takes no match away, unless its digest is
//!   stronger than the others of its usage and selector, as RFC 7671 §9 wants it.
//! - The server's key is read once by this crate, and the handshake's signature is verified with
//!   that key; where webpki reads the certificate too, the two must agree.
//! - webpki takes a caller's word for trust anchors. Dates, CA flag, key usage, purposes, critical
//!   extensions and path length of an anchor are checked here, and the key usage of every issuer.
//! - Sessions are not resumed: a resumed one shows no certificate.
//! - Time is bounded: at most [`Matcher::MAX_CERTIFICATES`], [`Matcher::MAX_PATHS`] and
//!   [`Matcher::MAX_SIGNATURES`]; beyond them the verdict is [`Reason::Limit`].
//!
//! What stays your job: the proof that the records are secure, the signature of the handshake if
//! you do not use [`DaneVerifier`], and not to keep a [`Matcher`] longer than the TTL of its
//! records. Revocation is not looked at: who revokes a key takes its record away.
//!
//! # Errors and verdicts
//!
//! [`Matcher::check`] always has a [`Verdict`]; each has a [`Reason`] with a stable code and the
//! result type of a TLS report (RFC 8460). Errors are for what is no record ([`RecordError`]) and no
//! name of a server ([`ReferenceError`]).
//!
//! # Differences to OpenSSL
//!
//! Of 55 cases that OpenSSL tests itself with, all give the same class and depth. In handshakes
//! beside it these differ, on purpose: names come from the SAN alone, a common name is none; a
//! partial wildcard (`m*.example.org`) stands for nothing; a certificate with the CA flag is no
//! server under usages 0 to 2; certificates of version 1, and others that webpki cannot read, are
//! usage 3's alone; a server's own key is no authority, not even as a bare `2 1 0`; an expired
//! anchor is expired, whether it has issued itself or not.
//!
//! # Crate features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `aws-lc-rs` | [`Crypto::aws_lc_rs`] | yes |
//! | `ring` | [`Crypto::ring`] | no |
//! | `rustls-0_23` | [`DaneVerifier`], for rustls 0.23 with any provider | no |
//!
//! # RFC coverage
//!
//! | RFC | what |
//! |---|---|
//! | RFC 3597 §5 | the generic presentation form |
//! | RFC 5280 §4, §6.1 | the parts of certificates, and what an anchor must be; paths by webpki |
//! | RFC 6698 §2 | TLSA records on the wire and in text, their matching |
//! | RFC 7218 §2 | acronyms in text |
//! | RFC 7671 §5, §9 | usages 2 and 3, digest agility |
//! | RFC 7672 §3 | usages for SMTP, reference identifiers |
//! | RFC 8460 §4.3 | result types |
//!
//! # Minimum Rust version
//!
//! 1.95. A raise is a minor release.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "aws-lc-rs", feature = "ring", feature = "rustls-0_23")),
    allow(rustdoc::broken_intra_doc_links)
)]

mod cert;
mod crypto;
mod der;
mod lookup;
mod reason;
mod record;
mod references;
mod roots;
mod rrset;
#[cfg(feature = "rustls-0_23")]
mod rustls;
mod verify;
mod walk;
mod walk_host;

pub use crypto::Crypto;
pub use lookup::{HostLookup, Lookup, LookupFailure, Step};
pub use reason::{Class, Reason, TlsRptResult, Verdict};
pub use record::{CertificateUsage, MatchingType, RecordError, Selector, Tlsa};
pub use references::{ReferenceError, References};
pub use roots::Roots;
pub use rrset::{Protocol, RrSet, Secure, Unproven, Unusable, Usable};
#[cfg(feature = "rustls-0_23")]
pub use rustls::{DaneFailure, DaneVerifier};
pub use verify::{EndEntityNames, Matcher};
pub use walk::{InsecureMx, Route, Unanswered, Walk, Walked};

#[cfg(all(doctest, feature = "aws-lc-rs", feature = "rustls-0_23"))]
#[doc = include_str!("../README.md")]
mod readme {}
