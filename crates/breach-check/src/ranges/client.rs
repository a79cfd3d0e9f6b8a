//! Questions and answers with the caller's HTTP client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderValue, StatusCode};

use super::answer::{self, MAX_ANSWER};
use super::cache::Cache;
use super::query;
use super::{Base, Error, Padding, Query, Suffixes};
use crate::{Answer, Http, HttpFault, PasswordHash, Sighting, Unknown};

/// Asks a server of the range API. See the [module](super) for what leaves, and what is an answer.
#[derive(Debug)]
pub struct Client<H> {
    http: H,
    base: Base,
    agent: HeaderValue,
    padding: Padding,
    cache: Option<Mutex<Cache>>,
}

impl<H: Http> Client<H> {
    /// A client that asks this server by this name of yours, with padding and without a cache.
    ///
    /// # Errors
    /// [`Error::Agent`].
    pub fn new(http: H, base: Base, agent: &str) -> Result<Self, Error> {
        Ok(Self {
            http,
            base,
            agent: query::agent(agent)?,
            padding: Padding::Asked,
            cache: None,
        })
    }

    /// With padding or without.
    #[must_use]
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// Keeps the answers of so many ranges, each about 80 KB, and asks whether they still hold: every look-up is still a
    /// question to the server. What was kept by a server's `ETag` is used only after a 304.
    #[must_use]
    pub fn caching(self, ranges: usize) -> Self {
        let cache = Some(Mutex::new(Cache::new(ranges)));
        Self { cache, ..self }
    }

    /// Whether a password was seen, by its hash.
    ///
    /// # Errors
    /// There is no whole answer; then nothing is known.
    pub async fn lookup(&self, hash: &PasswordHash) -> Result<Sighting, Error> {
        let suffixes = self.suffixes(Query::of(hash)).await?;
        Ok(suffixes.sighting(hash))
    }

    /// As [`lookup`](Self::lookup), where an error is [`Unknown::NoAnswer`].
    pub async fn sighting(&self, hash: &PasswordHash) -> Sighting {
        let unknown = Sighting::Unknown(Unknown::NoAnswer);
        self.lookup(hash).await.unwrap_or(unknown)
    }

    async fn suffixes(&self, query: Query) -> Result<Arc<Suffixes>, Error> {
        let name = (query.kind(), query.range());
        let mut query = query.padding(self.padding);
        let known = self.cache().and_then(|mut cache| cache.get(name));
        if let Some((etag, _)) = &known {
            query = query.unless(etag.clone());
        }
        let answer = ask(&self.http, &query, &self.base, &self.agent).await?;
        if let Some((_, suffixes)) = known.filter(|_| is_unchanged(&query, &answer)) {
            return Ok(suffixes);
        }
        let suffixes = Arc::new(Suffixes::of(name.0, name.1, &answer)?);
        if let Some(mut cache) = self.cache() {
            match answer::etag(answer.response.headers()) {
                Some(etag) => cache.put(name, etag, Arc::clone(&suffixes)),
                None => cache.forget(name),
            }
        }
        Ok(suffixes)
    }

    fn cache(&self) -> Option<MutexGuard<'_, Cache>> {
        let cache = self.cache.as_ref()?;
        Some(cache.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One question; of its answer only the length is judged.
pub(super) async fn ask<H: Http>(
    http: &H,
    query: &Query,
    base: &Base,
    agent: &HeaderValue,
) -> Result<Answer, Error> {
    let request = query.request(base, agent)?;
    let answer = http.send(request, MAX_ANSWER).await.map_err(Error::Http)?;
    match answer.response.body().len() > MAX_ANSWER {
        true => Err(Error::Http(HttpFault::TooLong { most: MAX_ANSWER })),
        false => Ok(answer),
    }
}

/// 304 to a question that named an `ETag`.
pub(super) fn is_unchanged(query: &Query, answer: &Answer) -> bool {
    query.knows() && answer.response.status() == StatusCode::NOT_MODIFIED
}
