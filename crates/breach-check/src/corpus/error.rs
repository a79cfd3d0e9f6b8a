use std::io;

use crate::{HashKind, Range};

/// Why there is no answer, and no corpus.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be read or written.
    #[error("the corpus could not be read or written")]
    Io(#[from] io::Error),
    /// The file is something else.
    #[error("this is no corpus")]
    NotACorpus,
    /// A later release made it.
    #[error("a corpus of version {0}, which this release does not know")]
    Version(u16),
    /// It holds hashes of another kind.
    #[error("the corpus holds {corpus:?}, not {asked:?}")]
    Kind {
        /// What it holds.
        corpus: HashKind,
        /// What was asked for.
        asked: HashKind,
    },
    /// A page, or else the first page or the tail, is not what was written.
    #[error("the corpus is damaged{}", page.map(|page| format!(", at page {page}")).unwrap_or_default())]
    Damaged {
        /// Which page.
        page: Option<u32>,
    },
    /// A corpus has 16 to 32 key bits, and no more than 2^32 - 1 pages.
    #[error("a corpus has 16 to 32 key bits and at most 4,294,967,295 pages")]
    Shape,
    /// Hashes have to come in ascending order.
    #[error("hash {number} is not above the one before")]
    Unordered {
        /// Counted from 1.
        number: u64,
    },
    /// Hashes are spread as no hashes are, or many more came than the corpus was made for.
    #[error("more entries than the corpus was made for, or they are no hashes")]
    TooUneven,
    /// More than 97 % full: build it anew.
    #[error("the corpus is full; build it anew")]
    Full,
    /// Ranges of an update have to come in ascending order, each once.
    #[error("range {0} came after one that is not below it")]
    Range(Range),
    /// A range of an update was not whole, so that the update cannot be.
    #[error("the update was given a range that was not whole")]
    Broken,
    /// Somebody else changes it at this moment.
    #[error("the corpus is being changed by somebody else")]
    Locked,
}

impl Error {
    /// Whether a later try may help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Locked)
    }
}
