//! Where salts, nonces and session keys come from.

use crate::crypto::{self, Failed};

/// The operating system's generator; tests have others, and nothing else has.
#[derive(Clone, Debug, Default)]
pub(crate) enum Random {
    #[default]
    System,
    /// Deterministic: octets that count upwards from this one.
    #[cfg(test)]
    FixedForTests(std::sync::Arc<std::sync::atomic::AtomicU8>),
    /// A generator that is broken.
    #[cfg(test)]
    BrokenForTests,
}

impl Random {
    pub(crate) fn fill(&self, out: &mut [u8]) -> Result<(), Failed> {
        match self {
            Self::System => crypto::random(out),
            #[cfg(test)]
            Self::FixedForTests(next) => {
                use std::sync::atomic::Ordering;
                out.iter_mut()
                    .for_each(|octet| *octet = next.fetch_add(1, Ordering::Relaxed));
                Ok(())
            }
            #[cfg(test)]
            Self::BrokenForTests => Err(Failed),
        }
    }
}
