//! The caller's HTTP and DNS, and who drives them.

use std::future::Future;
use std::time::SystemTime;

use super::{
    Answer, DnsAnswer, Get, HttpsAnswer, Need, Refresh, Refreshed, Report, Search, Sources,
};
use crate::{Address, Fingerprint};

/// The caller's HTTP client and resolver. What they have to do is said in the [module](super); whoever writes them writes
/// `async fn`.
pub trait Fetch: Sync {
    /// One GET.
    fn https(&self, get: &Get) -> impl Future<Output = HttpsAnswer> + Send;

    /// The records of type 61 of a name without a final dot.
    fn openpgpkey(&self, name: &str) -> impl Future<Output = DnsAnswer> + Send;
}

/// What is needed, from the caller.
pub(crate) async fn fetched(fetch: &impl Fetch, need: &Need) -> Answer {
    match need {
        Need::Https(get) => Answer::Https(fetch.https(get).await),
        Need::OpenPgpKey(name) => Answer::Dns(fetch.openpgpkey(name).await),
    }
}

impl Search {
    /// Searches to the end, here. With a store, `Account::discover` does it beside the runtime, and pins.
    pub async fn run(
        address: Address,
        sources: &Sources,
        fetch: &impl Fetch,
        now: SystemTime,
    ) -> Report {
        let mut search = Self::new(address, sources);
        while let Some(need) = search.need() {
            let answer = fetched(fetch, &need).await;
            search.answer(answer, now);
        }
        search.finish()
    }
}

impl Refresh {
    /// Asks all servers, one after the other.
    pub async fn run(
        of: Fingerprint,
        sources: &Sources,
        fetch: &impl Fetch,
        now: SystemTime,
    ) -> Refreshed {
        let mut refresh = Self::new(of, sources);
        while let Some(need) = refresh.need() {
            let answer = fetched(fetch, &need).await;
            refresh.answer(answer, now);
        }
        refresh.finish()
    }
}
