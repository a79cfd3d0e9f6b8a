//! What seeds are sealed with while they lie in a store.

use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::{self, KEY, Key, TAG, random};

/// Most octets that are sealed at once.
pub const MAX_PLAIN: usize = 16 * 1024;

const FORMAT: u8 = 1;
const SALT: usize = 32;
/// Octets that a sealing adds.
const OVERHEAD: usize = 1 + 4 + SALT + KEY + TAG;

/// Master keys, of which the first seals and all open, and one key by which names and networks are hashed.
///
/// To change keys, begin with the new one and add the old: what is stored still opens.
/// [`TwoFactor::reseal`](crate::TwoFactor::reseal) seals it anew, and then the old one can go.
///
/// The key that hashes is another matter. It is derived from the first key given, or from the one that
/// [`index`](Self::index) names. Whoever changes it forgets how often unknown names and networks have failed, and which
/// networks users are known from: within 30 days each is learned anew. Nobody is let in by it and nobody is locked out. Name
/// the old key with `index` to keep it until it goes.
///
/// ```
/// # fn main() -> Result<(), twofactor::KeyringError> {
/// use twofactor::Keyring;
/// # let (old, new) = ([1; 32], [2; 32]);
/// let before = Keyring::new(1, old);
/// let sealed = before.seal(&[b"seed", b"ann"], b"a secret")?;
/// let after = Keyring::new(2, new).also(1, old)?.index(1)?;
/// assert_eq!(*after.open(&[b"seed", b"ann"], &sealed)?, b"a secret");
/// assert!(after.open(&[b"seed", b"bob"], &sealed).is_err());
/// assert!(!after.is_current(&sealed));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Keyring {
    current: (u32, Key),
    others: Vec<(u32, Key)>,
    index: Key,
}

/// Why nothing was sealed or opened.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// Two keys of one number.
    #[error("there are two keys {id}")]
    Twice {
        /// The number.
        id: u32,
    },
    /// It was sealed by, or is to be, a key that is not here.
    #[error("there is no key {id}")]
    NoKey {
        /// The number.
        id: u32,
    },
    /// A later release sealed it.
    #[error("format {found} is newer than {known}, the newest that this release reads")]
    Format {
        /// What is stored.
        found: u8,
        /// The newest that this release reads.
        known: u8,
    },
    /// It was changed, or sealed for another place.
    #[error("it does not open")]
    DoesNotOpen,
    /// More than [`MAX_PLAIN`] octets.
    #[error("more than {MAX_PLAIN} octets")]
    TooLong,
    /// No random numbers.
    #[error("no random numbers")]
    Random,
}

impl Keyring {
    /// A keyring of one key: 32 random octets, and a number by which it is known and which no other key ever gets.
    #[must_use]
    pub fn new(id: u32, key: impl Into<Key>) -> Self {
        let key = key.into();
        let index = index_of(&key);
        Self {
            current: (id, key),
            others: Vec::new(),
            index,
        }
    }

    /// And one more, which opens and does not seal.
    ///
    /// # Errors
    /// [`KeyringError::Twice`].
    pub fn also(mut self, id: u32, key: impl Into<Key>) -> Result<Self, KeyringError> {
        if self.key(id).is_some() {
            return Err(KeyringError::Twice { id });
        }
        self.others.push((id, key.into()));
        Ok(self)
    }

    /// Names the key from which the one is derived that names and networks are hashed by.
    ///
    /// # Errors
    /// [`KeyringError::NoKey`].
    pub fn index(mut self, id: u32) -> Result<Self, KeyringError> {
        self.index = index_of(self.key(id).ok_or(KeyringError::NoKey { id })?);
        Ok(self)
    }

    /// Format 1: the octet 1, the number of the key in four octets, a salt of 32 octets, a commitment of 32 octets to the key
    /// that HKDF makes of the salt, the place and the master key; then what AES-256-GCM makes of the octets with that key and
    /// the place, and its tag of 16 octets. At most [`MAX_PLAIN`] octets.
    ///
    /// # Errors
    /// [`KeyringError::TooLong`], [`KeyringError::Random`].
    pub fn seal(&self, place: &[&[u8]], plain: &[u8]) -> Result<Vec<u8>, KeyringError> {
        if plain.len() > MAX_PLAIN {
            return Err(KeyringError::TooLong);
        }
        let (id, key) = &self.current;
        let place = placed(*id, place);
        let salt: [u8; SALT] = random().map_err(|_| KeyringError::Random)?;
        // Neither of the two fails for octets of these lengths.
        let (one, commitment) = crypto::keys_of(key, &salt, &place).ok_or(KeyringError::TooLong)?;
        let mut sealed = Zeroizing::new(plain.to_vec());
        let tag = crypto::seal(&one, &place, &mut sealed).ok_or(KeyringError::TooLong)?;
        let id = id.to_be_bytes();
        Ok([&[FORMAT][..], &id, &salt, &commitment, &sealed, &tag].concat())
    }

    /// The octets, if one of these keys has sealed them for this place and nothing was changed.
    ///
    /// # Errors
    /// [`KeyringError::Format`], [`KeyringError::NoKey`], [`KeyringError::DoesNotOpen`].
    pub fn open(&self, place: &[&[u8]], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
        match sealed.first() {
            Some(&found) if found > FORMAT => Err(KeyringError::Format {
                found,
                known: FORMAT,
            }),
            _ => {
                let (id, rest) = parts(sealed).ok_or(KeyringError::DoesNotOpen)?;
                let key = self.key(id).ok_or(KeyringError::NoKey { id })?;
                opened(key, &placed(id, place), rest).ok_or(KeyringError::DoesNotOpen)
            }
        }
    }

    /// Whether the key that seals now has sealed it.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        parts(sealed).is_some_and(|(id, _)| id == self.current.0)
    }

    /// A hash that tells nothing to whoever has only the store: HMAC-SHA-256, cut to 16 octets.
    #[must_use]
    pub fn keyed_hash(&self, label: &str, octets: &[u8]) -> [u8; 16] {
        let [hash @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            crypto::hmac(&self.index, &[label.as_bytes(), octets]);
        hash
    }

    fn key(&self, id: u32) -> Option<&Key> {
        let all = std::iter::once(&self.current).chain(&self.others);
        all.into_iter()
            .find(|(of, _)| *of == id)
            .map(|(_, key)| key)
    }
}

/// Without the keys.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others: Vec<u32> = self.others.iter().map(|(id, _)| *id).collect();
        f.debug_struct("Keyring")
            .field("current", &self.current.0)
            .field("others", &others)
            .finish_non_exhaustive()
    }
}

fn index_of(key: &Key) -> Key {
    Zeroizing::new(crypto::hmac(key, &[b"letterlock twofactor index v1"]))
}

/// Where something belongs, and by which key.
fn placed(id: u32, place: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let id = id.to_be_bytes();
    let head: [&[u8]; 2] = [b"letterlock twofactor seal v1", &id];
    crypto::joined(&[&head, place].concat())
}

fn parts(sealed: &[u8]) -> Option<(u32, &[u8])> {
    let (&[FORMAT], rest) = sealed.split_first_chunk()? else {
        return None;
    };
    let (id, rest) = rest.split_first_chunk()?;
    let fits = (OVERHEAD..=OVERHEAD + MAX_PLAIN).contains(&sealed.len());
    fits.then_some((u32::from_be_bytes(*id), rest))
}

fn opened(key: &Key, place: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (salt, rest) = sealed.split_first_chunk::<SALT>()?;
    let (committed, rest) = rest.split_first_chunk::<KEY>()?;
    let (sealed, tag) = rest.split_last_chunk::<TAG>()?;
    let (one, commitment) = crypto::keys_of(key, salt, place)?;
    if !crypto::same(&commitment, committed) {
        return None;
    }
    let mut plain = Zeroizing::new(sealed.to_vec());
    crypto::open(&one, place, &mut plain, tag)?;
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HERE: &[&[u8]] = &[b"seed", b"ann", b"1"];

    fn ring(octet: u8) -> Keyring {
        Keyring::new(u32::from(octet), [octet; KEY])
    }

    #[test]
    fn every_octet_of_a_sealing_counts() {
        let ring = ring(1).also(7, [7; KEY]).unwrap();
        let sealed = ring.seal(HERE, b"a secret").unwrap();
        assert_eq!(sealed.len(), OVERHEAD + 8);
        assert_eq!(*ring.open(HERE, &sealed).unwrap(), b"a secret");
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert!(ring.open(HERE, &changed).is_err(), "octet {at}");
            }
        }
        for length in 0..sealed.len() {
            assert!(ring.open(HERE, &sealed[..length]).is_err());
        }
        assert!(
            ring.open(HERE, &[sealed.clone(), vec![0]].concat())
                .is_err()
        );
        let newer = [&[2], &sealed[1..]].concat();
        let error = KeyringError::Format { found: 2, known: 1 };
        assert_eq!(ring.open(HERE, &newer), Err(error));
    }

    #[test]
    fn a_seed_opens_only_in_its_place() {
        let sealed = ring(1).seal(HERE, b"a secret").unwrap();
        let elsewhere: [&[&[u8]]; 6] = [
            &[b"seed", b"bob", b"1"],
            &[b"seed", b"ann", b"2"],
            &[b"seed", b"an", b"n1"],
            &[b"seed", b"ann", b"1", b""],
            &[b"seed", b"ann"],
            &[],
        ];
        for place in elsewhere {
            assert_eq!(ring(1).open(place, &sealed), Err(KeyringError::DoesNotOpen));
        }
    }

    /// The mutation: a sealing that is not told where it belongs opens for whoever's record it is copied to.
    #[test]
    fn mutation_without_a_place_a_seed_is_anybodys() {
        let sealed = ring(1).seal(&[], b"a secret").unwrap();
        let (of_ann, of_bob): (&[&[u8]], &[&[u8]]) = (&[], &[]);
        assert_eq!(ring(1).open(of_ann, &sealed), ring(1).open(of_bob, &sealed));
    }

    #[test]
    fn keys_are_told_apart_by_their_number_and_by_themselves() {
        let sealed = ring(1).seal(HERE, b"a secret").unwrap();
        assert_eq!(
            ring(2).open(HERE, &sealed),
            Err(KeyringError::NoKey { id: 1 })
        );
        let wrong = Keyring::new(1, [2; KEY]);
        assert_eq!(wrong.open(HERE, &sealed), Err(KeyringError::DoesNotOpen));
        // The same key under another number is another one: the number is part of the place.
        let renamed = Keyring::new(2, [1; KEY]);
        let relabelled = [&sealed[..1], &2_u32.to_be_bytes(), &sealed[5..]].concat();
        assert_eq!(
            renamed.open(HERE, &relabelled),
            Err(KeyringError::DoesNotOpen)
        );
    }

    #[test]
    fn keys_change_and_what_is_stored_still_opens() {
        let sealed = ring(1).seal(HERE, b"a secret").unwrap();
        let after = ring(2).also(1, [1; KEY]).unwrap();
        assert_eq!(*after.open(HERE, &sealed).unwrap(), b"a secret");
        assert!(ring(1).is_current(&sealed) && !after.is_current(&sealed));
        let anew = after.seal(HERE, b"a secret").unwrap();
        assert!(after.is_current(&anew) && ring(2).open(HERE, &anew).is_ok());
        assert_eq!(
            after.clone().also(2, [3; KEY]).unwrap_err(),
            KeyringError::Twice { id: 2 }
        );
        assert_eq!(after.index(3).unwrap_err(), KeyringError::NoKey { id: 3 });
        assert!(!ring(1).is_current(b"") && !ring(1).is_current(&[1, 0, 0, 0, 1]));
    }

    #[test]
    fn hashes_stay_while_the_index_key_does() {
        let (one, two) = (ring(1), ring(2).also(1, [1; KEY]).unwrap());
        let hash = |ring: &Keyring| ring.keyed_hash("network", b"192.0.2");
        assert_ne!(hash(&one), hash(&two));
        assert_eq!(hash(&one), hash(&two.index(1).unwrap()));
        assert_ne!(one.keyed_hash("a", b"bc"), one.keyed_hash("ab", b"c"));
    }

    #[test]
    fn no_two_sealings_share_a_key() {
        let salts = |sealed: Vec<u8>| sealed[5..5 + SALT].to_vec();
        let one = salts(ring(1).seal(HERE, b"").unwrap());
        assert_ne!(one, salts(ring(1).seal(HERE, b"").unwrap()));
    }

    /// The mutation: without the commitment, a sealing whose commitment is another one opens.
    #[test]
    fn mutation_without_the_commitment_another_one_is_not_found_out() {
        let mut sealed = ring(1).seal(HERE, b"a secret").unwrap();
        sealed[5 + SALT] ^= 1;
        assert!(ring(1).open(HERE, &sealed).is_err());
        let place = placed(1, HERE);
        let key = Zeroizing::new([1; KEY]);
        let (one, _) = crypto::keys_of(&key, &sealed[5..5 + SALT], &place).unwrap();
        let (closed, tag) = sealed[5 + SALT + KEY..].split_at(8);
        let mut plain = closed.to_vec();
        crypto::open(&one, &place, &mut plain, tag).unwrap();
        assert_eq!(plain, b"a secret");
    }

    #[test]
    fn what_is_sealed_has_a_limit_and_nothing_is_shown() {
        let most = vec![1; MAX_PLAIN];
        let sealed = ring(1).seal(HERE, &most).unwrap();
        assert_eq!(*ring(1).open(HERE, &sealed).unwrap(), most);
        let more = vec![1; MAX_PLAIN + 1];
        assert_eq!(ring(1).seal(HERE, &more), Err(KeyringError::TooLong));
        let shown = format!("{:?}", Keyring::new(1, [217; KEY]));
        assert!(
            !shown.contains("217") && shown.contains("current: 1"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(place: Vec<Vec<u8>>, plain: Vec<u8>) {
            let place: Vec<&[u8]> = place.iter().map(Vec::as_slice).collect();
            let sealed = ring(1).seal(&place, &plain).unwrap();
            prop_assert_eq!(&*ring(1).open(&place, &sealed).unwrap(), &plain);
        }

        #[test]
        fn nothing_makes_it_panic_and_nothing_foreign_opens(octets: Vec<u8>) {
            prop_assert!(ring(1).open(HERE, &octets).is_err());
            let _ = ring(1).is_current(&octets);
        }
    }
}
