//! Argon2id (RFC 9106 §3), once for each message: the only module that names the crate.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, Zeroizing};

use crate::crypto::{KEY, Key};
use crate::parameters::KdfParameters;
use crate::passphrase::Passphrase;

/// The memory that Argon2 wants is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoMemory;

/// Blocks that are overwritten before they are given back: the last of them make the key.
struct Blocks(Vec<Block>);

impl Blocks {
    fn new(count: usize) -> Result<Self, NoMemory> {
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(count).map_err(|_| NoMemory)?;
        blocks.resize(count, Block::new());
        Ok(Self(blocks))
    }
}

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

/// The one output of Argon2 for a password, from which everything else is derived.
///
/// The limits are checked before this, by whoever calls.
pub(crate) fn derive(parameters: &KdfParameters, passphrase: &Passphrase) -> Result<Key, NoMemory> {
    #[cfg(test)]
    calls::count();
    let mut key = Zeroizing::new([0; KEY]);
    let (passes, lanes) = (parameters.passes(), parameters.lanes());
    let params = Params::new(
        parameters.memory_kib(),
        passes.into(),
        lanes.into(),
        Some(KEY),
    );
    // Parameters that were checked are such as it takes; a failure can only be about memory.
    let params = params.map_err(|_| NoMemory)?;
    let blocks = Blocks::new(params.block_count())?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase.octets(), parameters.salt(), &mut *key, blocks)
        .map_err(|_| NoMemory)?;
    Ok(key)
}

/// How often Argon2 was asked, by the thread of a test.
#[cfg(test)]
pub(crate) mod calls {
    use std::cell::Cell;

    thread_local!(static CALLS: Cell<usize> = const { Cell::new(0) });

    pub(super) fn count() {
        CALLS.set(CALLS.get() + 1);
    }

    /// Calls while `run` runs.
    pub(crate) fn during<T>(run: impl FnOnce() -> T) -> (T, usize) {
        let before = CALLS.get();
        let result = run();
        (result, CALLS.get() - before)
    }
}
