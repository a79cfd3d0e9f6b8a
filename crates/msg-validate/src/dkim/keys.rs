use super::{KeyError, KeyRecord, KeyType, crypto::PublicKey};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Keys that were read from their records, so that none is read twice while it is in use.
///
/// It answers no question about the DNS: it maps the octets of a record to what they mean, which
/// is always the same, so nothing in it can be stale or wrong for somebody else. Clones share it.
///
/// It holds at most [`MAX_KEYS`](Self::MAX_KEYS) keys, those of longer records than
/// [`MAX_OCTETS`](Self::MAX_OCTETS) not at all: some 10 MiB at the very most. What was not used for a
/// while goes first.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    known: Arc<Mutex<Generations>>,
}

/// When the young ones are too many, they become the old ones, and the old ones go. What is used
/// is young again.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Box<[u8]>, Arc<Key>>,
    old: HashMap<Box<[u8]>, Arc<Key>>,
}

/// A record and its key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) record: KeyRecord,
    /// `None` if `p=` is empty, or is no key of the type in `k=`.
    pub(super) public: Option<PublicKey>,
}

impl Key {
    fn read(text: &[u8]) -> Result<Self, KeyError> {
        let record = KeyRecord::parse(text)?;
        let public = match record.key_type() {
            KeyType::Rsa => PublicKey::rsa(record.key()),
            KeyType::Ed25519 => PublicKey::ed25519(record.key()),
        };
        Ok(Self { record, public })
    }
}

impl Keys {
    /// Most keys that are kept.
    pub const MAX_KEYS: usize = 1024;

    /// Octets of the longest record that is kept: a key of RSA-8192 needs 1,400.
    pub const MAX_OCTETS: usize = 2048;

    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key in the text of a record. Nothing is locked while one is read.
    pub(super) fn read(&self, text: &[u8]) -> Result<Arc<Key>, KeyError> {
        if text.len() > Self::MAX_OCTETS {
            return Key::read(text).map(Arc::new);
        }
        if let Some(key) = self.with(|known| known.get(text)) {
            return Ok(key);
        }
        let key = Arc::new(Key::read(text)?);
        self.with(|known| known.insert(text.into(), Arc::clone(&key)));
        Ok(key)
    }

    /// The maps are whole between any two lines that could panic, so poison is no matter.
    fn with<T>(&self, run: impl FnOnce(&mut Generations) -> T) -> T {
        run(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Generations {
    fn get(&mut self, text: &[u8]) -> Option<Arc<Key>> {
        if let Some(key) = self.young.get(text) {
            return Some(Arc::clone(key));
        }
        let (text, key) = self.old.remove_entry(text)?;
        self.insert(text, Arc::clone(&key));
        Some(key)
    }

    fn insert(&mut self, text: Box<[u8]>, key: Arc<Key>) {
        if self.young.len() >= Keys::MAX_KEYS / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(number: usize) -> String {
        format!("v=DKIM1; p=; n={number}")
    }

    fn len(keys: &Keys) -> usize {
        keys.with(|known| known.young.len() + known.old.len())
    }

    #[test]
    fn a_record_is_read_once_and_clones_share_it() {
        let keys = Keys::new();
        let first = keys.read(text(1).as_bytes()).unwrap();
        let again = keys.clone().read(text(1).as_bytes()).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        let other = keys.read(text(2).as_bytes()).unwrap();
        assert_ne!(first.record, other.record);
        assert_eq!(len(&keys), 2);
    }

    #[test]
    fn what_is_no_key_or_too_long_is_not_kept() {
        let keys = Keys::new();
        assert!(keys.read(b"v=DKIM1").is_err());
        let long = text(1) + &"0".repeat(Keys::MAX_OCTETS);
        assert!(keys.read(long.as_bytes()).is_ok());
        assert_eq!(len(&keys), 0);
    }

    #[test]
    fn it_is_bounded_and_what_is_in_use_stays() {
        let keys = Keys::new();
        let used = keys.read(b"p=").unwrap();
        for number in 0..10 * Keys::MAX_KEYS {
            keys.read(text(number).as_bytes()).unwrap();
            let again = keys.read(b"p=").unwrap();
            assert!(Arc::ptr_eq(&used, &again), "{number}");
            assert!(len(&keys) <= Keys::MAX_KEYS, "{number}");
        }
    }
}
