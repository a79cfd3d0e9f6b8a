//! Breach alerts for the users of a service: each user and breach once ever, at least once until acknowledged (feature
//! `store`).
//!
//! ```
//! use breach_check::addresses::Address;
//! use breach_check::monitor::{MonitorKey, Monitor, Ownership, Settings, Step, UserId};
//! # use breach_check::addresses::{ApiKey, Client, Service};
//! # use breach_check::{Answer, Http, HttpFault};
//! # use std::time::{Duration, UNIX_EPOCH};
//! # struct Away;
//! # impl Http for Away {
//! #     async fn send(&self, _: http::Request<()>, _: usize) -> Result<Answer, HttpFault> { Err(HttpFault::Unreachable) }
//! # }
//! # let service = Service::new("https://127.0.0.1/api/v3", ApiKey::new("k")?, "example-mail")?;
//! # let (client, store) = (Client::new(Away, service), record_store::Memory::new());
//! # let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
//! # pollster::block_on(async {
//! let monitor = Monitor::new(store, client, MonitorKey::new([7; 32]), Settings::default())?;
//! let (ann, address) = (UserId::new("ann")?, Address::parse("ann@example.org")?);
//! monitor.watch(&ann, &address, Ownership::Proven, now).await?;
//! // From now on, again and again: a step, and a wait until the time that it names.
//! match monitor.step(now).await {
//!     Ok(Step::Waited(until) | Step::Idle(until)) => println!("again at {until:?}"),
//!     Ok(step) => println!("{step:?}"),
//!     Err(error) => println!("to the operator: {error}"),
//! }
//! for alert in monitor.next_alerts(None, None, now).await? {
//!     println!("{:?} was in {}", alert.address, alert.breach);
//!     monitor.acknowledge(&alert.key, now).await?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is asked
//!
//! [`Monitor::step`] sends at most one request. It asks for the newest breach once every [`Settings::poll`]; only when
//! that has changed, or [`Settings::full_pass_days`] have gone by, are all users asked about: by the search of their domain
//! if the subscription lists it (the domain is sent), else by k-anonymity (six hexadecimal characters are sent), else not
//! at all, which is [`Step::PlanLacks`]. Whole addresses are sent only if [`WholeAddresses::Send`] says so. Users that are
//! new, or have a new address, are asked about first.
//!
//! # Several servers
//!
//! They share the store. A lease lets one of them ask at a time; any goes on where the last one stood, once that one is
//! done or its [`LEASE`] has run out. The lease only saves requests: that nobody is told twice is by compare-and-set on the user's
//! record, which names what the user has been told, and is written together with the alert. The time of the next request is
//! in the store as well, and is taken in the same way. Clocks should agree to some seconds.
//!
//! # What is stored
//!
//! | record | key | value |
//! |---|---|---|
//! | `breach-user` | keyed hash of the user | the user's id and address (to ask by, and to say who is told), whether its owner is proven, keyed hashes of breaches told, names of sensitive breaches held back |
//! | `breach-alert` | the same, and a number | id, address, and the breach, until it is acknowledged |
//! | `breach-new`, `breach-at` | keyed hashes of user and domain | nothing |
//! | `breach-known` | a breach's name | what the service says of it, which is public |
//! | `breach-pass`, `breach-plan`, `breach-pace` | none | where the pass stands, the plan, the time of the next request |
//!
//! Keyed hashes are HMAC-SHA-256 with the [`MonitorKey`], cut to 16 octets (12 for breaches told): who has only the keys of
//! records, or old ones of them, learns no address. Values are as safe as the store.

mod alert;
mod catalogue;
mod crypto;
mod error;
mod facts;
mod names;
mod octets;
mod pass;
mod plan;
mod settings;
mod step;
mod user;
mod watch;

use std::fmt;
use std::sync::{Arc, Mutex};

use record_store::Records;

pub use alert::{Age, Alert, AlertKey, MAX_ALERTS};
pub use error::Error;
pub use names::MonitorKey;
pub use pass::LEASE;
pub use settings::{Settings, Telling, WholeAddresses};
pub use step::Step;
pub use user::{MAX_HELD, MAX_TOLD, MAX_USER, NotAUser, Ownership, UserId};
pub use watch::{Status, Watching};

use crate::Http;
use crate::addresses::Client;
use catalogue::Catalogue;

/// Watches addresses, and keeps what users are to be told.
pub struct Monitor<R, H> {
    store: R,
    client: Client<H>,
    key: MonitorKey,
    settings: Settings,
    /// Who it is to other servers.
    holder: [u8; 16],
    /// Of which issue, so that it is loaded again when another server has renewed it.
    catalogue: Mutex<Option<(u64, Arc<Catalogue>)>>,
}

impl<R: Records, H: Http> Monitor<R, H> {
    /// A monitor. All servers that share the store have the same key and the same settings.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn new(
        store: R,
        client: Client<H>,
        key: MonitorKey,
        settings: Settings,
    ) -> Result<Self, Error> {
        Ok(Self {
            store,
            client,
            key,
            settings,
            holder: crypto::random()?,
            catalogue: Mutex::new(None),
        })
    }
}

/// Without keys and whatever is stored.
impl<R, H> fmt::Debug for Monitor<R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
