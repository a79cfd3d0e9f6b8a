//! Where the certificate of an address is found: who is asked, in which order, and what of the answer is taken (feature
//! `discovery`; the reading of answers with one of the backends).
//!
//! ```
//! # #[cfg(feature = "_backend")] {
//! use pgp_keystore::discovery::{Answer, HttpsAnswer, Need, Said, Search, Sources, Verdict};
//! # let now = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_793_491_200);
//!
//! let sources = Sources::new().wkd().dane().vks("keys.openpgp.org".parse()?);
//! let mut search = Search::new("joe.doe@example.org".parse()?, &sources);
//! while let Some(need) = search.need() {
//!     let answer = match need {
//!         Need::Https(get) => {
//!             // Your HTTP client: one GET of get.url(), and not more than get.max_octets().
//!             Answer::Https(match get.host() {
//!                 "openpgpkey.example.org" => HttpsAnswer::NoHost,
//!                 _ => HttpsAnswer::Failed,
//!             })
//!         }
//!         Need::OpenPgpKey(_name) => unreachable!("what is stronger has failed"),
//!     };
//!     search.answer(answer, now);
//! }
//! let report = search.finish();
//! assert_eq!(report.verdict, Verdict::Undecided); // and not: there is none
//! let said: Vec<Said> = report.tried.iter().map(|tried| tried.said).collect();
//! assert_eq!(said, [Said::NoHost, Said::Unreachable]);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `store`, `Account::discover` does all this for an account, and pins what it finds.
//!
//! # The order, and why
//!
//! | | source | who vouches | what others learn |
//! |---|---|---|---|
//! | 0 | the pinned certificate of the account | the user, or the first sight | nothing |
//! | 1 | WKD, the sub-domain `openpgpkey` | the domain, by TLS | the domain: that somebody asks |
//! | 2 | WKD, the domain itself: only if that sub-domain does not exist, as the draft has it | the same | the same |
//! | 3 | OPENPGPKEY records (RFC 7929): only if DNSSEC proves them | the domain, by DNSSEC | all resolvers on the way |
//! | 4 | VKS: servers such as keys.openpgp.org | the server, which has sent a mail to the address | the server |
//! | 5 | HKP | nobody: anybody can upload anything | the server |
//!
//! Who handles the mail of an address comes first: the domain could read what is not encrypted anyhow, so to ask it gives it no new
//! power. The web comes before the DNS because it is encrypted. Servers of third parties come last, and are told whom one writes to
//! only when the domain had nothing. The caller chooses which sources there are; the order is not a choice.
//!
//! # What a source's answer does
//!
//! | [`Class`] | such as | then |
//! |---|---|---|
//! | `Found` | a certificate with the address, valid or not | the search is over: what is weaker is not asked |
//! | `Nothing` | 404, no such host, no record, a page of HTML | the next source |
//! | `Failed` | not reachable, status 500, a bogus answer of the DNS | the search is over: [`Verdict::Undecided`] |
//! | `Refused` | a certificate of somebody else, more than the limits | the same |
//!
//! So nobody who can disturb a connection gets the choice moved to a source that he controls: no certificate now is better than
//! a wrong one. Who wants to go on nevertheless says so ([`OnFailure::GoOn`]); what is found then is [`Verdict::FoundDespite`],
//! which `Account::discover` does not pin. That a host does not exist is believed of any answer that is not a failure: a forged
//! one leads to sources that are further down but authenticate themselves.
//!
//! # What is taken of an answer
//!
//! Of at most [`MAX_ANSWER`] octets, and [`MAX_FOUND`] certificates within [`Limits`](crate::Limits): those that have a user ID
//! with the address, bound by their own key, and of these the user IDs with the address only
//! ([`Certificate::for_address`](crate::Certificate::for_address)): for another address this source vouches for nothing.
//! Certifications by others and images are dropped. Armor is taken where binary is wanted, and any `Content-Type`, of which
//! nothing is asked.
//!
//! # The HTTP client
//!
//! It is yours, and has to:
//!
//! - speak HTTPS to port 443 of the host, check its certificate for that name, and send no cookies and no credentials;
//! - reach [global addresses](https://docs.rs/tls-policy) only, as the host is chosen by whoever wrote an address;
//! - follow no redirect: they are an [answer](HttpsAnswer::Response), and of WKD up to [`MAX_REDIRECTS`] are followed here, to
//!   hosts with names, by HTTPS, port 443;
//! - end after some seconds, as [`HttpsAnswer::Failed`], and stop reading after [`Get::max_octets`];
//! - say [`HttpsAnswer::NoHost`] if, and only if, the name has no address by an answer of the DNS, and `Failed` if there was no
//!   answer.
//!
//! # The DNS
//!
//! The question is for type 61, OPENPGPKEY, at [`openpgpkey_name`]. Only what a validating resolver calls secure, aliases on the
//! way included, is [`DnsAnswer::Secure`]. In a zone that is not signed there is nothing, whatever is there
//! (RFC 7929 §5.1).

mod answer;
#[cfg(feature = "_backend")]
mod fetch;
mod query;
#[cfg(feature = "_backend")]
mod reading;
#[cfg(feature = "_backend")]
mod refresh;
#[cfg(feature = "_backend")]
mod search;
mod sources;

pub use answer::{Answer, Class, DnsAnswer, HttpsAnswer, Said};
#[cfg(feature = "_backend")]
pub use fetch::Fetch;
#[cfg(all(feature = "_backend", feature = "store"))]
pub(crate) use fetch::fetched;
pub use query::{Get, MAX_ANSWER, Need, OPENPGPKEY, openpgpkey_name, questions, questions_of};
#[cfg(feature = "_backend")]
pub use reading::{Found, LeftOut, MAX_FOUND};
#[cfg(feature = "_backend")]
pub use refresh::{MAX_REFRESH_SIGNATURES, Refresh, Refreshed};
#[cfg(feature = "_backend")]
pub use search::{MAX_REDIRECTS, Report, Search, Tried, Verdict};
pub use sources::{Authority, OnFailure, Server, Source, Sources};
