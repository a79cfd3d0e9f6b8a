//! One wrapping: some octets, closed by a key and bound to where they belong.

use zeroize::Zeroizing;

use super::crypto::{self, KEY, Key, TAG};
use super::{AccountId, CustodyError};
use crate::octets::Writer;

const FORMAT: u8 = 1;
const SALT: usize = 32;
/// Octets that a wrapping adds.
pub(super) const OVERHEAD: usize = 1 + SALT + KEY + TAG;

/// Where something belongs. Each field has its length before it, so that no two places are written alike.
pub(super) struct Place(Vec<u8>);

impl Place {
    /// What it is, and whose.
    pub(super) fn new(what: &str, account: &AccountId) -> Self {
        let label = format!("letterlock pgp-keystore {what} v1");
        let place = Writer::default().octets(label.as_bytes());
        Self(place.octets(account.as_str().as_bytes()).finish())
    }

    pub(super) fn with(mut self, field: &[u8]) -> Self {
        self.0.extend(Writer::default().octets(field).finish());
        self
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Format 1: the octet 1, a salt of 32 octets, a commitment of 32 octets to the key that HKDF makes of the salt, the place
/// and the wrapping key; then what AES-256-GCM makes of the octets with that key and the place, and its tag of 16 octets.
///
/// GCM alone would let one ciphertext open under many keys, so that who can write to the store tries many passphrases with
/// each unlock of the user's.
pub(super) fn wrap(key: &Key, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, CustodyError> {
    let salt: [u8; SALT] = crypto::random()?;
    // Neither of the two fails for octets of these lengths.
    let no = || CustodyError::Limit { what: "a wrapping" };
    let (one, commitment) = crypto::keys_of(key, &salt, place).ok_or_else(no)?;
    let mut sealed = Zeroizing::new(plain.to_vec());
    let tag = crypto::seal(&one, place, &mut sealed).ok_or_else(no)?;
    Ok([&[FORMAT][..], &salt, &commitment, &sealed, &tag].concat())
}

/// The octets, if they were wrapped by this key for this place and nothing was changed.
pub(super) fn unwrap(
    key: &Key,
    place: &[u8],
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
    match wrapped.first() {
        Some(&found) if found > FORMAT => Err(CustodyError::Format {
            found,
            known: FORMAT,
        }),
        _ => opened(key, place, wrapped).ok_or(CustodyError::DoesNotOpen),
    }
}

fn opened(key: &Key, place: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (&[FORMAT], rest) = wrapped.split_first_chunk()? else {
        return None;
    };
    let (salt, rest) = rest.split_first_chunk::<SALT>()?;
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

/// As [`unwrap`], for a key.
pub(super) fn unwrap_key(key: &Key, place: &[u8], wrapped: &[u8]) -> Result<Key, CustodyError> {
    let plain = unwrap(key, place, wrapped)?;
    let inner = plain.as_slice().try_into();
    inner
        .map(Zeroizing::new)
        .map_err(|_| CustodyError::DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(octet: u8) -> Key {
        Zeroizing::new([octet; KEY])
    }

    #[test]
    fn every_octet_of_a_wrapping_counts() {
        let wrapped = wrap(&key(1), b"here", b"a secret").unwrap();
        assert_eq!(wrapped.len(), OVERHEAD + 8);
        assert_eq!(*unwrap(&key(1), b"here", &wrapped).unwrap(), b"a secret");
        for at in 1..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[at] ^= 1;
            let opened = unwrap(&key(1), b"here", &changed);
            assert_eq!(opened, Err(CustodyError::DoesNotOpen), "octet {at}");
        }
        for length in 0..wrapped.len() {
            assert!(unwrap(&key(1), b"here", &wrapped[..length]).is_err());
        }
        assert!(unwrap(&key(2), b"here", &wrapped).is_err());
        assert!(unwrap(&key(1), b"there", &wrapped).is_err());
        let newer = [&[2], &wrapped[1..]].concat();
        let error = CustodyError::Format { found: 2, known: 1 };
        assert_eq!(unwrap(&key(1), b"here", &newer), Err(error));
    }

    #[test]
    fn no_two_wrappings_share_a_key() {
        let salts = |wrapped: Vec<u8>| wrapped[1..=SALT].to_vec();
        let one = salts(wrap(&key(1), b"here", b"").unwrap());
        assert_ne!(one, salts(wrap(&key(1), b"here", b"").unwrap()));
    }

    /// The mutation: without the commitment, a wrapping whose commitment is another one opens.
    #[test]
    fn mutation_without_the_commitment_another_one_is_not_found_out() {
        let mut wrapped = wrap(&key(1), b"here", b"a secret").unwrap();
        wrapped[1 + SALT] ^= 1;
        assert!(unwrap(&key(1), b"here", &wrapped).is_err());
        let (one, _) = crypto::keys_of(&key(1), &wrapped[1..=SALT], b"here").unwrap();
        let (sealed, tag) = wrapped[1 + SALT + KEY..].split_at(8);
        let mut plain = sealed.to_vec();
        crypto::open(&one, b"here", &mut plain, tag).unwrap();
        assert_eq!(plain, b"a secret");
    }

    #[test]
    fn places_are_not_run_together() {
        let account = AccountId::new("ann").unwrap();
        let place = |a: &[u8], b: &[u8]| Place::new("x", &account).with(a).with(b).0;
        assert_ne!(place(b"ab", b"c"), place(b"a", b"bc"));
        let longer = AccountId::new("anna").unwrap();
        assert_ne!(
            Place::new("x", &longer).with(b"").0,
            Place::new("x", &account).with(b"a").0
        );
    }
}
