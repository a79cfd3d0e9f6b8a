//! Argon2id (RFC 9106), for secrets that are short enough to be guessed: the only module that names the crate.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, Zeroizing};

use crate::Error;
use crate::crypto::{self, KEY, Key, random};

/// What one look at a recovery code costs (Argon2id, RFC 9106 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A cost outside of the limits.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such cost is taken")]
pub struct NotACost;

impl Cost {
    /// The least that [`new`](Self::new) takes, and the default: 19 MiB, two passes, one lane.
    pub const LEAST: Self = Self {
        memory_kib: 19 << 10,
        passes: 2,
        lanes: 1,
    };

    /// The most: whoever writes to the store chooses what a try costs the server, and no more than this. 256 MiB, ten
    /// passes, sixteen lanes.
    pub const MOST: Self = Self {
        memory_kib: 256 << 10,
        passes: 10,
        lanes: 16,
    };

    /// Next to nothing, for tests that make many codes: 64 KiB, one pass. A stolen store of such hashes is guessed within
    /// days.
    pub const DANGER_FOR_TESTS: Self = Self {
        memory_kib: 64,
        passes: 1,
        lanes: 1,
    };

    /// So much memory in KiB, so many passes and lanes.
    ///
    /// # Errors
    /// [`NotACost`] outside of [`LEAST`](Self::LEAST) and [`MOST`](Self::MOST), each number by itself.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, NotACost> {
        let cost = Self {
            memory_kib,
            passes,
            lanes,
        };
        cost.within(Self::LEAST).ok_or(NotACost)
    }

    fn within(self, least: Self) -> Option<Self> {
        let most = Self::MOST;
        let fits = (least.memory_kib..=most.memory_kib).contains(&self.memory_kib)
            && (least.passes..=most.passes).contains(&self.passes)
            && (least.lanes..=most.lanes).contains(&self.lanes);
        fits.then_some(self)
    }

    fn params(self) -> Option<Params> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY)).ok()
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::LEAST
    }
}

/// A salted hash as a PHC string: `$argon2id$v=19$m=..,t=..,p=..$salt$hash`.
pub(crate) fn hash(secret: &[u8], cost: Cost) -> Result<String, Error> {
    let salt = random::<16>()?;
    let key = stretch(cost, &salt, secret).ok_or(Error::Busy)?;
    let written = || {
        Some(PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&cost.params()?).ok()?,
            salt: Some(Salt::new(&salt).ok()?),
            hash: Some(Output::new(&*key).ok()?),
        })
    };
    // None of it fails for octets of these lengths.
    written().map(|hash| hash.to_string()).ok_or(Error::Busy)
}

/// Whether this is the secret: one run of Argon2, at the cost that the hash was made with.
pub(crate) fn check(secret: &[u8], hash: &str) -> Result<bool, Error> {
    let what = "a recovery code";
    let (cost, salt, wanted) = read(hash).ok_or(Error::Damaged { what })?;
    let found = stretch(cost, salt.as_ref(), secret).ok_or(Error::Busy)?;
    Ok(crypto::same(&*found, wanted.as_ref()))
}

/// The same run for a secret that is nobody's.
pub(crate) fn decoy(secret: &[u8], cost: Cost) -> Result<(), Error> {
    stretch(cost, &[0; 16], secret).map(drop).ok_or(Error::Busy)
}

/// Only such hashes as [`hash`] writes, and of no cost beyond the limits.
fn read(hash: &str) -> Option<(Cost, Salt, Output)> {
    let hash = PasswordHash::new(hash).ok()?;
    let number = |name| hash.params.get_decimal(name);
    let cost = Cost {
        memory_kib: number("m")?,
        passes: number("t")?,
        lanes: number("p")?,
    };
    let cost = cost.within(Cost::DANGER_FOR_TESTS)?;
    let is_ours = hash.algorithm == ARGON2ID_IDENT
        && hash.version == Some(Version::V0x13.into())
        && ParamsString::try_from(&cost.params()?).ok()? == hash.params;
    let (salt, output) = (hash.salt?, hash.hash?);
    let fits = output.as_bytes().len() == KEY && salt.as_ref().len() >= 16;
    (is_ours && fits).then_some((cost, salt, output))
}

/// Memory that is overwritten before it is given back: the last of it makes the key.
struct Blocks(Vec<Block>);

impl AsMut<[Block]> for Blocks {
    fn as_mut(&mut self) -> &mut [Block] {
        &mut self.0
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Block::zeroize);
    }
}

/// Argon2id (RFC 9106 §3.1); `None` if there is no memory for it.
fn stretch(cost: Cost, salt: &[u8], secret: &[u8]) -> Option<Key> {
    #[cfg(test)]
    calls::count();
    let params = cost.params()?;
    let count = params.block_count();
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(count).ok()?;
    blocks.resize(count, Block::new());
    let mut key = Zeroizing::new([0; KEY]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(secret, salt, &mut *key, Blocks(blocks))
        .ok()?;
    Some(key)
}

/// How often Argon2 was asked, by the thread of a test.
#[cfg(test)]
pub(crate) mod calls {
    use std::cell::Cell;

    thread_local!(static CALLS: Cell<usize> = const { Cell::new(0) });

    pub(super) fn count() {
        CALLS.set(CALLS.get() + 1);
    }

    pub(crate) fn during<T>(run: impl FnOnce() -> T) -> (T, usize) {
        let before = CALLS.get();
        (run(), CALLS.get() - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordVerifier;

    const CHEAP: Cost = Cost::DANGER_FOR_TESTS;

    #[test]
    fn a_hash_is_salted_and_opens_to_one_secret() {
        let (hash, other) = (
            hash(b"secret", CHEAP).unwrap(),
            hash(b"secret", CHEAP).unwrap(),
        );
        assert_ne!(hash, other);
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(check(b"secret", &hash).unwrap());
        assert!(!check(b"Secret", &hash).unwrap());
        // Another reader of such strings agrees.
        let theirs = Argon2::default();
        assert!(theirs.verify_password(b"secret", hash.as_str()).is_ok());
        assert!(theirs.verify_password(b"Secret", hash.as_str()).is_err());
    }

    #[test]
    fn the_default_is_19_mib_twice() {
        let hash = hash(b"secret", Cost::default()).unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(check(b"secret", &hash).unwrap());
    }

    #[test]
    fn costs_have_limits() {
        assert!(Cost::new(19 << 10, 2, 1).is_ok() && Cost::new(64 << 10, 3, 4).is_ok());
        for (memory, passes, lanes) in [
            (64, 1, 1),
            (19 << 10, 1, 1),
            (300 << 10, 2, 1),
            (19 << 10, 11, 1),
            (19 << 10, 2, 17),
        ] {
            assert_eq!(Cost::new(memory, passes, lanes), Err(NotACost));
        }
    }

    #[test]
    fn whoever_writes_to_the_store_does_not_choose_the_cost() {
        let hash = hash(b"secret", CHEAP).unwrap();
        let damaged = [
            hash.replace("m=64", "m=4294967295"),
            hash.replace("t=1", "t=4000000000"),
            hash.replace("p=1", "p=16777215"),
            hash.replace("p=1", "p=1,keyid=AAAA"),
            hash.replace("m=64,t=1", "t=1,m=64"),
            hash.replace("argon2id", "argon2i"),
            hash.replace("v=19", "v=16"),
            hash.replace("v=19$", ""),
            hash[..hash.len() - 8].to_owned(),
            format!("{hash}="),
            String::new(),
        ];
        for damaged in damaged {
            let (checked, runs) = calls::during(|| check(b"secret", &damaged));
            assert!(matches!(checked, Err(Error::Damaged { .. })), "{damaged}");
            assert_eq!(runs, 0, "{damaged}");
        }
        // The mutation: without the limits such a cost is taken as it is.
        let dear = PasswordHash::new(&hash.replace("t=1", "t=4000000000")).unwrap();
        assert!(Params::try_from(&dear).is_ok());
    }

    #[test]
    fn a_decoy_costs_the_same_run() {
        let hash = hash(b"secret", CHEAP).unwrap();
        let (_, checked) = calls::during(|| check(b"wrong", &hash));
        let (_, decoyed) = calls::during(|| decoy(b"wrong", CHEAP));
        assert_eq!((checked, decoyed), (1, 1));
    }
}
