//! MTA-STS (RFC 8461): record, policy, discovery and cache; and publication. No I/O.

mod cache;
mod discovery;
mod octets;
mod policy;
mod publish;
mod record;
#[cfg(feature = "store")]
mod stored;

pub use cache::{Cache, Cached, DISUSED_AFTER, Learned, RETRY_AFTER};
pub use discovery::{Discovery, FETCH_SECONDS, FetchFailure, Found, Need, NoPolicyHost, Trouble};
pub use policy::{MAX_AGE, MAX_MX, MAX_POLICY, Mode, NoPattern, Pattern, Policy, PolicyError};
pub use publish::{Publication, PublicationError};
pub use record::{Record, RecordError};
#[cfg(feature = "store")]
pub use stored::StoredCache;
