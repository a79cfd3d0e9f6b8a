//! How far a download is, and what it came to.

use super::Error;
use crate::Range;

/// How far a download is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Ranges that were settled before it began.
    pub before: u32,
    /// Ranges that came whole.
    pub fetched: u32,
    /// Ranges that have not changed.
    pub unchanged: u32,
    /// Ranges of which no whole answer came.
    pub unknown: u32,
    /// Octets of the answers that came whole, as they came.
    pub octets: u64,
}

impl Progress {
    /// Of how many ranges something is decided.
    #[must_use]
    pub fn done(&self) -> u32 {
        self.before + self.fetched + self.unchanged + self.unknown
    }
}

/// What a download came to. Only what is not in `unknown`, and was asked for, is fetched.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Report {
    /// How many of what.
    pub progress: Progress,
    /// The ranges of which no whole answer came, and the last reason; they are as they were before, and are asked for again
    /// by the next download.
    pub unknown: Vec<(Range, Error)>,
    /// Whether it was given up, because more ranges failed than [`Patience`](super::Patience) has.
    pub is_given_up: bool,
}

impl Report {
    /// Whether every range that was asked for is known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unknown.is_empty() && !self.is_given_up
    }
}
