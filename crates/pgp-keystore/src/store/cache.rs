//! Certificates that were read, parsed: for each account its own, and only as long as the record is the one that was read.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use record_store::Version;

use crate::custody::AccountId;
use crate::{Certificate, Fingerprint};

/// Most octets of the certificates at hand, as they are stored; parsed they take some ten times as much.
pub(super) const DEFAULT: usize = 4 << 20;

/// A certificate whose octets are more than so small a part of what fits would push out too many others.
const LARGEST: usize = 64;

/// The least recently used go first.
pub(super) struct Cache {
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By account, as what one account has stored says nothing of what another has.
    known: HashMap<AccountId, HashMap<Fingerprint, Known>>,
    /// In the order of their use.
    used: BTreeMap<u64, (AccountId, Fingerprint)>,
    next: u64,
    octets: usize,
}

struct Known {
    /// Of the record that it was read from; no two states of a record have the same.
    version: Version,
    certificate: Arc<Certificate>,
    octets: usize,
    used: u64,
}

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            inner: Mutex::default(),
        }
    }

    /// What was read from this version of the record.
    pub(super) fn get(
        &self,
        account: &AccountId,
        of: Fingerprint,
        version: Version,
    ) -> Option<Arc<Certificate>> {
        let mut inner = self.lock();
        let next = inner.next;
        let known = inner.known.get_mut(account)?.get_mut(&of)?;
        if known.version != version {
            return None;
        }
        let last = std::mem::replace(&mut known.used, next);
        let certificate = Arc::clone(&known.certificate);
        if let Some(name) = inner.used.remove(&last) {
            inner.used.insert(next, name);
        }
        inner.next += 1;
        Some(certificate)
    }

    /// Keeps what was read, if it is small enough.
    pub(super) fn put(
        &self,
        account: &AccountId,
        version: Version,
        certificate: &Arc<Certificate>,
        octets: usize,
    ) {
        if octets > self.most / LARGEST {
            return;
        }
        let of = certificate.fingerprint();
        let mut inner = self.lock();
        inner.forget(account, of);
        let used = inner.next;
        inner.next += 1;
        inner.octets += octets;
        inner.used.insert(used, (account.clone(), of));
        let known = Known {
            version,
            certificate: Arc::clone(certificate),
            octets,
            used,
        };
        let own = inner.known.entry(account.clone()).or_default();
        own.insert(of, known);
        while inner.octets > self.most {
            let Some((_, (account, of))) = inner.used.first_key_value() else {
                return;
            };
            let (account, of) = (account.clone(), *of);
            inner.forget(&account, of);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn forget(&mut self, account: &AccountId, of: Fingerprint) {
        let Some(own) = self.known.get_mut(account) else {
            return;
        };
        if let Some(known) = own.remove(&of) {
            self.octets -= known.octets;
            self.used.remove(&known.used);
        }
        if own.is_empty() {
            self.known.remove(account);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use pollster::block_on;
    use record_store::{Commit, Expect, Key, Memory, Outcome, Records};

    use super::*;
    use crate::{Generate, Profile};

    fn certificate() -> Arc<Certificate> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_491_200);
        let made = Generate::new(Profile::Compat, now).create().unwrap();
        Arc::new(made.key.certificate())
    }

    fn id(name: &str) -> AccountId {
        AccountId::new(name).unwrap()
    }

    /// Two that a record had, one after the other.
    fn versions() -> [Version; 2] {
        let (records, key) = (Memory::new(), Key::new("test", "key").unwrap());
        [(); 2].map(|()| {
            let commit = Commit::new().put(&key, *b"value", Expect::Anything);
            match block_on(records.commit(commit, SystemTime::UNIX_EPOCH)) {
                Ok(Outcome::Committed(version)) => version,
                other => panic!("{other:?}"),
            }
        })
    }

    #[test]
    fn only_what_was_read_from_this_version_is_given() {
        let (cache, [old, new]) = (Cache::new(DEFAULT), versions());
        let (ann, one) = (id("ann"), certificate());
        let of = one.fingerprint();
        cache.put(&ann, old, &one, 1000);
        assert!(cache.get(&ann, of, new).is_none());
        // The mutation: who asks for the version that was gets what was.
        assert!(
            cache
                .get(&ann, of, old)
                .is_some_and(|c| Arc::ptr_eq(&c, &one))
        );
        // The newer one takes its place.
        let other = Arc::new((*one).clone());
        cache.put(&ann, new, &other, 1000);
        assert!(cache.get(&ann, of, old).is_none());
        assert!(
            cache
                .get(&ann, of, new)
                .is_some_and(|c| Arc::ptr_eq(&c, &other))
        );
    }

    #[test]
    fn nobody_gets_what_another_account_has_read() {
        let (cache, [version, _]) = (Cache::new(DEFAULT), versions());
        let one = certificate();
        cache.put(&id("ann"), version, &one, 1000);
        for other in ["an", "ann2", "Ann"] {
            assert!(cache.get(&id(other), one.fingerprint(), version).is_none());
        }
        // The mutation: by the same name it is there.
        assert!(cache.get(&id("ann"), one.fingerprint(), version).is_some());
    }

    #[test]
    fn it_is_bounded_and_the_longest_unused_goes_first() {
        let (cache, [version, _]) = (Cache::new(64_000), versions());
        let all: Vec<_> = (0..65).map(|_| certificate()).collect();
        let name = |number: usize| id(&format!("ann{}", number % 7));
        let has = |number: usize| {
            let of = all[number].fingerprint();
            cache.get(&name(number), of, version).is_some()
        };
        for (number, one) in all[..64].iter().enumerate() {
            cache.put(&name(number), version, one, 1000);
        }
        assert!(has(0));
        cache.put(&name(64), version, &all[64], 1000);
        assert!(has(0) && has(64) && !has(1) && has(2));
        let sizes = || {
            let inner = cache.lock();
            let known: usize = inner.known.values().map(HashMap::len).sum();
            assert_eq!(known, inner.used.len());
            (known, inner.octets)
        };
        assert_eq!(sizes(), (64, 64_000));
        // The same again takes no more place.
        cache.put(&name(2), version, &all[2], 500);
        assert_eq!(sizes(), (64, 63_500));
        // What is too large for it does not push out the others, and is not kept.
        cache.put(&name(1), version, &all[1], 1001);
        assert_eq!(sizes(), (64, 63_500));
        assert!(!has(1));
    }

    #[test]
    fn it_can_be_left_out() {
        let (cache, [version, _]) = (Cache::new(0), versions());
        let one = certificate();
        cache.put(&id("ann"), version, &one, 1);
        assert!(cache.get(&id("ann"), one.fingerprint(), version).is_none());
    }
}
