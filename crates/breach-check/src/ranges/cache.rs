//! What the server said before, as long as it still says so.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::HeaderValue;

use super::Suffixes;
use crate::{HashKind, Range};

type Name = (HashKind, Range);

/// So many ranges; the one that was used longest ago goes first.
#[derive(Debug)]
pub(super) struct Cache {
    most: usize,
    /// Counts uses.
    uses: u64,
    held: HashMap<Name, Held>,
    by_use: BTreeMap<u64, Name>,
}

#[derive(Debug)]
struct Held {
    etag: HeaderValue,
    suffixes: Arc<Suffixes>,
    used: u64,
}

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            uses: 0,
            held: HashMap::new(),
            by_use: BTreeMap::new(),
        }
    }

    pub(super) fn get(&mut self, name: Name) -> Option<(HeaderValue, Arc<Suffixes>)> {
        self.uses += 1;
        let held = self.held.get_mut(&name)?;
        self.by_use.remove(&held.used);
        held.used = self.uses;
        self.by_use.insert(held.used, name);
        Some((held.etag.clone(), Arc::clone(&held.suffixes)))
    }

    pub(super) fn put(&mut self, name: Name, etag: HeaderValue, suffixes: Arc<Suffixes>) {
        self.forget(name);
        self.uses += 1;
        let used = self.uses;
        self.by_use.insert(used, name);
        self.held.insert(
            name,
            Held {
                etag,
                suffixes,
                used,
            },
        );
        while self.held.len() > self.most {
            let Some((_, oldest)) = self.by_use.pop_first() else {
                return;
            };
            self.held.remove(&oldest);
        }
    }

    pub(super) fn forget(&mut self, name: Name) {
        if let Some(held) = self.held.remove(&name) {
            self.by_use.remove(&held.used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_used() {
        let mut cache = Cache::new(2);
        let name = |number| (HashKind::Sha1, Range::new(number).unwrap());
        let nothing = Suffixes::read(HashKind::Sha1, Range::new(0).unwrap(), b"").unwrap();
        let nothing = Arc::new(nothing);
        for number in 0..100 {
            let etag = HeaderValue::from(number);
            cache.put(name(number), etag, Arc::clone(&nothing));
            assert!(cache.get(name(0)).is_some(), "{number}");
            assert!(cache.held.len() <= 2 && cache.by_use.len() == cache.held.len());
        }
        assert!(cache.get(name(98)).is_none());
        assert_eq!(cache.get(name(99)).unwrap().0, "99");
        cache.put(name(99), HeaderValue::from_static("new"), nothing);
        assert_eq!(cache.get(name(99)).unwrap().0, "new");
        cache.forget(name(99));
        assert_eq!((cache.held.len(), cache.by_use.len()), (1, 1));
        assert!(cache.get((HashKind::Ntlm, name(0).1)).is_none());
    }
}
