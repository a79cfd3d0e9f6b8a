//! The bound on work that waits, for the stores that queue it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Error;

/// Most commits that wait, and most reads; further ones are refused with [`Error::Busy`].
pub const MAX_WAITING: usize = 4096;

/// Most octets of commits that wait.
pub const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The part of a commit in [`MAX_WAITING_BYTES`], until this is dropped.
pub(crate) struct Weight {
    size: usize,
    total: Arc<AtomicUsize>,
}

impl Weight {
    pub(crate) fn put(size: usize, total: &Arc<AtomicUsize>) -> Result<Self, Error> {
        let before = total.fetch_add(size, Ordering::Relaxed);
        let total = Arc::clone(total);
        let weight = Self { size, total };
        match before + size <= MAX_WAITING_BYTES {
            true => Ok(weight),
            false => Err(Error::Busy),
        }
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.total.fetch_sub(self.size, Ordering::Relaxed);
    }
}
