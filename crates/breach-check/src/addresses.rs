//! Breached addresses: the API of Have I Been Pwned, version 3, as requests and answers, and as a client.
//!
//! ```
//! use breach_check::addresses::{Address, ApiKey, Service};
//! let service = Service::new("https://haveibeenpwned.com/api/v3", ApiKey::new("0123abcd")?, "example-mail")?;
//! let address = Address::parse(" Alice@Example.org ")?;
//! let plan = service.plan();
//! assert_eq!(plan.request().uri(), "https://haveibeenpwned.com/api/v3/subscription/status");
//! // Six hexadecimal characters are all that the range call sends of an address.
//! assert_eq!(address.range().to_string(), "45A6B2");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Service`] is pure: it says what to send, and reads what comes. [`Client`] sends it with the caller's
//! [`Http`](crate::Http). Every call that sends a whole address has a name that ends in `_by_name`; those with `domain`
//! in the name send a domain. Nothing falls back from one to another: a plan without k-anonymity is
//! [`Error::PlanLacks`], and nothing is sent.
//!
//! An answer that is broken, cut, too long, or of another status is an [`Error`]. "In no breach" is said only by a whole
//! answer of status 200 that does not have the address, or by status 404, with which the service says that there is none.

mod address;
mod breach;
mod call;
mod client;
mod error;
mod json;
mod plan;
mod service;

pub use address::{Address, AddressHash, AddressRange, Domain, MAX_ADDRESS, NotAnAddress};
pub use breach::{Breach, BreachName, MAX_NAME};
pub use call::{Call, MAX_BREACHES, MAX_DOMAIN_ANSWER, MAX_RANGE_ANSWER, MAX_SMALL_ANSWER};
pub use client::Client;
pub use error::{Error, Feature};
pub use json::{ByAlias, RangeAnswer};
pub use plan::{Plan, SubscribedDomain};
pub use service::{ApiKey, NotAService, Service};
