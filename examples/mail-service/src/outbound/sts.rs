//! MTA-STS (RFC 8461): the policy of a domain, found, cached, and as a fact.

use super::dns::Validating;
use crate::log::Causes;
use aws_lc_rs::rand;
use http::{Request, Response};
use mail_dns::{Name, Resolver};
use record_store::AnyStore;
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Instant, SystemTime},
};
use tls_policy::{
    StsFact,
    sts::{FetchFailure, Found, Learned, Need, Policy, StoredCache},
};
use tokio::time::timeout;
use tracing::warn;

/// What came of a request for a policy.
pub type Fetched = Result<Response<Vec<u8>>, FetchFailure>;

/// Fetches a policy by HTTPS, by the rules of RFC 8461 §3.3: see
/// [`Discovery`](tls_policy::sts::Discovery).
pub trait Fetch: fmt::Debug + Send + Sync {
    /// Asks.
    fn fetch<'a>(
        &'a self,
        request: &'a Request<()>,
    ) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>>;
}

/// Fetches nothing: what is not cached cannot be had.
#[allow(clippy::exhaustive_structs)] // there is nothing in it
#[derive(Clone, Copy, Debug)]
pub struct NoFetch;

impl Fetch for NoFetch {
    fn fetch<'a>(
        &'a self,
        _: &'a Request<()>,
    ) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>> {
        Box::pin(std::future::ready(Err(FetchFailure::Network)))
    }
}

/// The policies of recipient domains.
#[derive(Debug)]
pub(super) struct Policies {
    cache: StoredCache<Arc<AnyStore>>,
    pub(super) fetch: Arc<dyn Fetch>,
}

/// What was found for one letter.
pub(super) struct Looked {
    pub(super) found: Found,
    /// The policy that counts, live or cached, for the report.
    pub(super) policy: Option<Policy>,
}

impl Policies {
    pub(super) fn new(store: Arc<AnyStore>, domains: u64, fetch: Arc<dyn Fetch>) -> Self {
        let cache = StoredCache::new(store, domains);
        Self { cache, fetch }
    }

    /// Looks for the policy of a domain, as far as the cache has none that is fresh, and keeps it.
    pub(super) async fn look_up(
        &self,
        resolver: &Validating,
        domain: &Name,
        now: SystemTime,
        deadline: Instant,
    ) -> Looked {
        let text = domain.to_string();
        let Ok(mut discovery) = self.cache.discovery(domain, now).await else {
            return Looked {
                found: Found::NoRecord(None),
                policy: None,
            };
        };
        loop {
            match discovery.need() {
                Need::Dns(query) => {
                    let query = query.clone();
                    let answer = resolver.resolve(&query, now, deadline).await;
                    discovery.dns(&answer);
                }
                Need::Http(request) => {
                    let request = request.clone();
                    let fetched = timeout(FetchFailure::TIME, self.fetch.fetch(&request)).await;
                    let fetched = fetched.unwrap_or(Err(FetchFailure::Timeout));
                    discovery.http(fetched.as_ref().map_err(|failure| *failure));
                }
                Need::Nothing => break,
            }
        }
        let found = discovery.finish();
        match self.cache.learn(&text, &found, now, random()).await {
            Ok(Learned::Full) => warn!("no room for another MTA-STS policy"),
            Ok(_) => {}
            Err(error) => warn!(error = %Causes(&error), "an MTA-STS policy was not kept"),
        }
        let policy = match &found {
            Found::Policy { policy, .. } => Some(policy.clone()),
            _ => {
                let cached = self.cache.get(&text, now).await.ok().flatten();
                let valid = cached.filter(|cached| {
                    let age = now.duration_since(cached.fetched()).unwrap_or_default();
                    age < cached.policy().max_age()
                });
                valid.map(|cached| cached.policy().clone())
            }
        };
        Looked { found, policy }
    }

    pub(super) async fn fact(
        &self,
        domain: &str,
        mx: &str,
        looked: &Looked,
        now: SystemTime,
    ) -> StsFact {
        self.cache.fact(domain, mx, &looked.found, now).await
    }
}

/// For the time of the next refresh; it need not be secret.
fn random() -> u64 {
    let mut octets = [0; 8];
    // Without randomness all are refreshed at the same hour, and nothing else.
    let _ = rand::fill(&mut octets);
    u64::from_ne_bytes(octets)
}
