//! SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 9989): one explained verdict for a mail message.
//!
//! ```
//! use mail_dns::Zone;
//! use msg_validate::{Context, Grade, Validator};
//! # use std::time::{Duration, Instant, SystemTime};
//! # #[allow(clippy::disallowed_methods)] let (now, deadline) = (SystemTime::now(), Instant::now() + Duration::from_secs(5));
//! let zone = Zone::new().txt("_dmarc.example.org", "v=DMARC1; p=reject")?;
//! let context = Context::smtp([203, 0, 113, 9].into(), "evil.example", "x@evil.example", now);
//! let message = b"From: boss@example.org\r\n\r\nPay at once.\r\n";
//! let verdict = pollster::block_on(Validator::new(zone).validate(message, &context, deadline));
//! assert_eq!(verdict.grade(), Grade::Forged);
//! println!("{}", verdict.summary()); // "forged: example.org does not vouch for the message, ..."
//! # Ok::<(), mail_dns::NameError>(())
//! ```
//!
//! # Should I use this crate?
//!
//! Yes, if you receive mail, or show it, and want to know whether it comes from where it says, and
//! tell a person why. You get one [`Grade`], not three results to combine.
//!
//! It does not filter spam, does not follow mailing lists by ARC yet, writes no reports, and never
//! decides what happens to a message: that is the caller's policy. For SPF alone there is
//! [`spf`], for signatures alone [`dkim`].
//!
//! # How it fits together
//!
//! ```text
//! message ─┬─ hygiene ────────────────────────────┐
//!          ├─ DKIM signatures ──┐                 │
//! envelope ── SPF ──────────────┼─ DMARC ─────────┼─► judge ─► Verdict { grade, reasons, .. } ─► stamp
//!                               │                 │
//! DNS ◄── need() ── Evaluation ─┴── answer() ◄────┘
//! ```
//!
//! An [`Evaluation`] runs every protocol as far as its facts allow, collects what is missing, and
//! asks for all of it in one wave: what can be foreseen is asked ahead. Only the run that misses
//! nothing counts. Most messages take two or three waves.
//!
//! # Doing the I/O
//!
//! [`Validator`] drives an evaluation with any [`mail_dns::Resolver`]; it needs no runtime of its
//! own. Without one, take the questions of [`Evaluation::need`] and give the answers yourself.
//! No clock is read: [`Context`] says as of when to judge, and the deadline goes to the resolver.
//!
//! # Security notes
//!
//! The attacker writes the message and the envelope, and owns domains with any records.
//! - [`Limits`] bound all work, for the whole message; going over one is a reason, never a panic
//!   and never a pass. The time is linear in the size of the message.
//! - A question that fails is not an empty answer: the verdict is then [`Grade::Unverifiable`] at
//!   most where DMARC depended on it. Whoever can make the DNS of the author's domain fail can
//!   turn Forged into Unverifiable; both raise the alarm.
//! - The policy of the author's domain is asked for first, so that no sender can use up the budget
//!   before it; what the budget forbids to ask speaks for nobody.
//! - A signature with `l=`, one that leaves a duplicate unsigned, one by SHA-1 or by a short key
//!   vouches for nothing better than the table below says. A failing signature never raises the
//!   grade.
//! - What is put into Authentication-Results is cut, cleaned and quoted: nothing can be injected.
//!
//! Your job: to refuse bare CR and LF in SMTP already, to remove or rename what only you may write
//! ([`Stamp`]), and to show the grade where a reader sees it.
//!
//! # Errors and verdicts
//!
//! There is always a verdict. What RFCs call `fail`, `temperror` and `permerror` are results in it;
//! [`Error`] is for calls that make no sense.
//!
//! | grade | when |
//! |---|---|
//! | [`Verified`](Grade::Verified) | DMARC passes by a signature, and nothing speaks against the message |
//! | [`Plausible`](Grade::Plausible) | DMARC passes by SPF alone, the key is weak (less than 2048 bits) or a test; or there is no policy, but the author's very own domain passes SPF or DKIM; or there is a warning |
//! | [`Unverifiable`](Grade::Unverifiable) | nothing vouches for it: no records, the DNS fails, or DMARC fails and the domain asks for nothing |
//! | [`Suspicious`](Grade::Suspicious) | there is an alarm, whatever vouches for it |
//! | [`Forged`](Grade::Forged) | DMARC fails, and the author's domain asks to quarantine or reject |
//!
//! Reasons have a stable code. Where two severities stand, the lower one is for findings that do
//! not matter because a clean signature of the author's domain passes.
//!
//! | code | severity | what was found |
//! |---|---|---|
//! | `from.missing` | alarm | no From (RFC 5322 §3.6) |
//! | `from.multiple` | alarm | several fields From (RFC 5322 §3.6) |
//! | `from.several-domains` | alarm | authors of several domains (RFC 9989 §11.5) |
//! | `from.malformed` | alarm | From is no list of addresses (RFC 5322 §3.6.2) |
//! | `from.empty` | alarm | From names nobody |
//! | `from.group` | alarm | From names a group (RFC 6854) |
//! | `from.no-domain` | alarm | an address literal, or no domain |
//! | `from.display-address` | alarm | the name looks like an address of another domain |
//! | `header.malformed` | alarm | a line in the header section is no field (RFC 5322 §2.2) |
//! | `header.duplicate` | warning | a field stands more often than it may (RFC 5322 §3.6) |
//! | `header.utf8` | alarm | UTF-8 without SMTPUTF8 (RFC 6531 §3.4) |
//! | `header.8bit` | alarm | neither US-ASCII nor UTF-8 (RFC 6532 §3) |
//! | `header.own` | warning | a field that only the judging host may write (RFC 8601 §5) |
//! | `line.bare-cr`, `line.bare-lf` | alarm | CR or LF alone (RFC 5322 §2.3) |
//! | `line.nul` | alarm | NUL |
//! | `line.too-long` | info | a line of more than 998 octets (RFC 5322 §2.1.1) |
//! | `limit.header-fields`, `limit.header-octets`, `limit.body-octets`, `limit.dns` | alarm | over [`Limits`] |
//! | `spf.fail`, `spf.softfail`, `spf.permerror` | alarm, info | the result for the reverse-path |
//! | `spf.temperror` | warning, info | the same |
//! | `spf.pass`, `spf.neutral`, `spf.none` | info | the same |
//! | `dkim.l-tag` | alarm, info | a passing signature covers only the beginning of the body |
//! | `dkim.unsigned-duplicate` | alarm, info | a signed field stands once more, unsigned |
//! | `dkim.weak-key`, `dkim.testing` | warning, info | less than 2048 bits; `t=y` |
//! | other `dkim.` | alarm, warning, info | a signature that does not pass: [`dkim::DkimReason::code`]; info if it is not the author's |
//! | `dmarc.pass` | info | the author's domain vouches |
//! | `dmarc.fail` | alarm, warning | it does not; a warning if it asks for nothing |
//! | `dmarc.none`, `dmarc.temperror` | warning | no policy; no answer |
//! | `second-opinion.spf`, `second-opinion.dkim`, `second-opinion.dmarc` | warning | mail-auth says otherwise, and it is not known why (feature `second-opinion`) |
//! | `dmarc.permerror` | alarm | a policy that cannot be used (RFC 9989 §4.10.1) |
//!
//! # Crate features
//!
//! | feature | what it adds |
//! |---|---|
//! | `second-opinion` | `SecondOpinion`: mail-auth 0.13.3 judges the same message from the same DNS answers; where it disagrees in a way that is not known, that is a reason. It brings mail-auth and its resolver, which asks nothing |
//!
//! None is on by default, and none changes a verdict unless it is used.
//!
//! # RFC coverage
//!
//! | RFC | what |
//! |---|---|
//! | RFC 7208 | SPF, complete |
//! | RFC 6376, RFC 8301, RFC 8463, RFC 8616 | DKIM, verification and signing |
//! | RFC 9989 | DMARC with the DNS tree walk; reports are not written |
//! | RFC 8601 | Authentication-Results, read and written |
//! | RFC 5322, RFC 6532, RFC 6854, RFC 2047 | header fields and addresses, obsolete forms too |
//!
//! # Minimum Rust version
//!
//! 1.95.

mod address;
mod auth_results;
mod context;
pub mod dkim;
mod dmarc;
mod encoded_word;
mod error;
mod evaluation;
mod facts;
mod grade;
mod hygiene;
mod judge;
mod limits;
mod message;
#[cfg(feature = "second-opinion")]
pub mod second_opinion;
pub mod spf;
mod stamp;
mod validator;
mod verdict;

pub use auth_results::{AuthResults, AuthResultsError, MethodResult, Property};
pub use context::{Context, Smtputf8, Transport};
pub use dkim::Dkim;
pub use dmarc::{Dmarc, DmarcResult, Policy};
pub use error::Error;
pub use evaluation::Evaluation;
pub use grade::{Grade, Reason, Severity};
pub use limits::Limits;
#[cfg(feature = "second-opinion")]
pub use second_opinion::SecondOpinion;
pub use spf::{Cause as SpfCause, Identity as SpfIdentity, Spf, SpfResult};
pub use stamp::{Stamp, Stamped};
pub use validator::Validator;
pub use verdict::{Arc, Verdict};

/// The README's example runs as it stands there.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
