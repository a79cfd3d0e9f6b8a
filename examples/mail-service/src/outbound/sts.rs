//! MTA-STS (RFC 8461): the policy of a domain, found, cached, and as a fact.

use super::dns::Validating;
use crate::log::Causes;
use aws_lc_rs::rand;
use mail_dns::Name;
use record_store::AnyStore;
use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};
use tls_policy::{
    StsFact,
    fetch::Fetcher,
    sts::{Found, Learned, Policy, StoredCache},
};
use tracing::{debug, warn};

/// The policies of recipient domains.
#[derive(Debug)]
pub(super) struct Policies {
    cache: StoredCache<Arc<AnyStore>>,
    pub(super) fetcher: Fetcher<Validating>,
}

/// What was found for one letter.
pub(super) struct Looked {
    pub(super) found: Found,
    /// The policy that counts, live or cached, for the report.
    pub(super) policy: Option<Policy>,
}

impl Policies {
    pub(super) fn new(store: Arc<AnyStore>, domains: u64, fetcher: Fetcher<Validating>) -> Self {
        let cache = StoredCache::new(store, domains);
        Self { cache, fetcher }
    }

    /// Looks for the policy of a domain, as far as the cache has none that is fresh, and keeps it.
    pub(super) async fn look_up(
        &self,
        domain: &Name,
        now: SystemTime,
        deadline: Instant,
    ) -> Looked {
        let text = domain.to_string();
        let found = self
            .fetcher
            .find_stored(&self.cache, domain, now, deadline, random())
            .await;
        let Ok(found) = found else {
            // No policy host can have such a name.
            return Looked {
                found: Found::NoRecord(None),
                policy: None,
            };
        };
        match &found.learned {
            Ok(Learned::Full) => warn!("no room for another MTA-STS policy"),
            Ok(_) => {}
            Err(error) => warn!(error = %Causes(error), "an MTA-STS policy was not kept"),
        }
        if let Some(error) = &found.error {
            debug!(domain = text, code = error.code(), "no MTA-STS policy");
        }
        let policy = match &found.found {
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
        Looked {
            found: found.found,
            policy,
        }
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
