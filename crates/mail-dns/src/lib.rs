//! DNS answers as facts for mail software (RFC 1035, RFC 2308, RFC 4035).

mod answer;
mod cache;
#[cfg(feature = "hickory-0_26")]
mod hickory;
mod name;
mod query;
mod resolver;
mod zone;

pub use answer::{Answer, Failure, Mx, Outcome, Record, Security, Txt};
pub use cache::{Cache, CacheLimits, Cached};
#[cfg(feature = "hickory-0_26")]
pub use hickory::{Hickory, HickoryError};
pub use name::{Labels, Name, NameError};
pub use query::{Query, RecordType};
pub use resolver::Resolver;
pub use zone::Zone;
