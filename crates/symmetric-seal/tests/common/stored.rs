//! Links in a store.

use super::*;
use record_store::{Prefix, Records};
use symmetric_seal::store::{Issued, Links};

pub(crate) async fn names(store: &impl Records, now: SystemTime) -> Vec<String> {
    let page = store.scan(&Prefix::all(), None, 1000, now).await.unwrap();
    page.entries
        .iter()
        .map(|(key, _)| key.namespace().to_owned())
        .collect()
}

pub(crate) async fn issue(links: &Links<impl Records>, terms: Terms) -> Issued {
    let expires = start() + 7 * DAY;
    let Message { octets, hash, .. } = message();
    links
        .issue(terms, expires, octets, *hash, start())
        .await
        .unwrap()
}
