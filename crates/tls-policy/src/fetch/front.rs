//! From a domain to its policy: discovery, fetch and cache in one call.

use super::{FetchError, Fetcher};
use crate::sts::{Cache, Discovery, Found, Learned, Need, NoPolicyHost};
use mail_dns::{Name, Resolver};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

/// What [`Fetcher::find`] and [`Fetcher::find_stored`] came to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LookedUp<L = Learned> {
    /// What was found, for [`Cache::fact`].
    pub found: Found,
    /// What the cache made of it.
    pub learned: L,
    /// Why the policy could not be fetched, if that was tried and failed: more than [`found`] tells.
    ///
    /// [`found`]: Self::found
    pub error: Option<FetchError>,
}

impl<R: Resolver> Fetcher<R> {
    /// Runs a discovery to its end: asks for the record, and fetches the policy if the discovery wants
    /// that. What could not be fetched, and why, is the second value.
    pub async fn run(
        &self,
        mut discovery: Discovery,
        now: SystemTime,
        deadline: Instant,
    ) -> (Found, Option<FetchError>) {
        let mut error = None;
        loop {
            match discovery.need() {
                Need::Dns(query) => {
                    let answer = self.resolver.resolve(query, now, deadline).await;
                    discovery.dns(&answer);
                }
                Need::Http(request) => match self.policy(request, now, deadline).await {
                    Ok(response) => discovery.http(Ok(&response)),
                    Err(why) => {
                        discovery.http::<Vec<u8>>(Err(why.failure()));
                        error = Some(why);
                    }
                },
                Need::Nothing => return (discovery.finish(), error),
            }
        }
    }

    /// Looks for the policy of a domain with what a cache knows, and tells the cache. To be called for
    /// every message, and for each domain that is [`due`](Cache::due): whether anything is fetched is
    /// the cache's to say, and so are pauses after failures. `random` is any number that others cannot
    /// foresee. The cache is locked before and after, not meanwhile.
    ///
    /// # Errors
    /// [`NoPolicyHost`]: such a domain has no policy; its fact is [`StsFact::None`].
    ///
    /// [`StsFact::None`]: crate::StsFact::None
    pub async fn find(
        &self,
        cache: &Mutex<Cache>,
        domain: &Name,
        now: SystemTime,
        deadline: Instant,
        random: u64,
    ) -> Result<LookedUp, NoPolicyHost> {
        let discovery = lock(cache).discovery(domain, now)?;
        let (found, error) = self.run(discovery, now, deadline).await;
        let learned = lock(cache).learn(&domain.to_string(), &found, now, random);
        Ok(LookedUp {
            found,
            learned,
            error,
        })
    }

    /// As [`find`](Self::find), with a cache in a record-store. What the store could not take counts
    /// for this message nevertheless.
    ///
    /// # Errors
    /// [`NoPolicyHost`]: such a domain has no policy; its fact is [`StsFact::None`].
    ///
    /// [`StsFact::None`]: crate::StsFact::None
    #[cfg(feature = "store")]
    pub async fn find_stored<S: record_store::Records>(
        &self,
        cache: &crate::sts::StoredCache<S>,
        domain: &Name,
        now: SystemTime,
        deadline: Instant,
        random: u64,
    ) -> Result<LookedUp<Result<Learned, crate::StoreError>>, NoPolicyHost> {
        let discovery = cache.discovery(domain, now).await?;
        let (found, error) = self.run(discovery, now, deadline).await;
        let learned = cache.learn(&domain.to_string(), &found, now, random).await;
        Ok(LookedUp {
            found,
            learned,
            error,
        })
    }
}

fn lock(cache: &Mutex<Cache>) -> MutexGuard<'_, Cache> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}
