//! A corpus that takes ranges anew, in its place.

#[cfg(test)]
mod crash;
pub(crate) mod disk;
pub(crate) mod merge;
mod redo;
mod run;

use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use self::disk::Folder;
use self::run::Run;
use super::{Error, Facts};
use crate::lock::Lock;
use crate::{PasswordHash, Range};

/// An update of a corpus: ranges that were fetched anew take the place of what it had of them.
///
/// All pages that change, and the tail, are first written to a journal beside the corpus, and that to the disk. Until
/// then the corpus is untouched; from then on readers take what they need from the journal ([`Corpus`](super::Corpus)
/// does), and if the update is cut short, the next [`begin`](Self::begin) ends it. Nothing is changed by an update that
/// is dropped before [`finish`](Self::finish).
///
/// The corpus is read once, all of it, since its root is over all of it; memory is bounded as that of a
/// [`Builder`](super::Builder) is. The number of pages stays.
///
/// A detached signature is over the header, which an update writes anew: sign again.
pub struct Update {
    run: Run<Folder>,
    /// Held, and let go by the system however this ends.
    _lock: Lock,
}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update").finish_non_exhaustive()
    }
}

impl Update {
    /// Begins one, and first ends one that was cut short.
    ///
    /// For as long as it lasts, a lock is held on a file beside the corpus, of its name and `.lock`, which stays.
    ///
    /// # Errors
    /// [`Error::Locked`] if another update is under way, or a [`Builder`](super::Builder) of this name, [`Error::Io`], and what [`Corpus::open`](super::Corpus::open)
    /// says of a file that is no corpus or is damaged.
    pub fn begin(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::begin_with(path, |_| {})
    }

    /// As [`begin`](Self::begin), and tells how far it is.
    ///
    /// # Errors
    /// As of [`begin`](Self::begin).
    pub fn begin_with(
        path: impl AsRef<Path>,
        progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Self, Error> {
        // Where a link leads to another folder, the journal lies beside the file.
        let corpus = path.as_ref().canonicalize()?;
        let lock = super::lock(&corpus)?;
        let run = Run::begin(Folder { corpus }, Box::new(progress))?;
        Ok(Self { run, _lock: lock })
    }

    /// All hashes of a range, in ascending order, each with how often it was seen; with 0, which is padding, it is not
    /// there. Ranges come in ascending order, too.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Kind`], [`Error::Unordered`] if hash or range come out of order or a hash is of another
    /// range, [`Error::Damaged`] if a page before this range is, unless all of its ranges are fetched, and whatever the
    /// hashes come with. After an error, nothing else is taken and [`finish`](Self::finish) fails.
    pub fn range<E>(
        &mut self,
        range: Range,
        hashes: impl IntoIterator<Item = Result<(PasswordHash, u64), E>>,
    ) -> Result<(), Error>
    where
        Error: From<E>,
    {
        self.run.range(range, hashes)
    }

    /// Puts it all into place: the corpus is then of this date, and of the next generation.
    ///
    /// # Errors
    /// [`Error::Full`] if the pages would be more than 97 % full, so that a corpus of more pages should be built;
    /// [`Error::Damaged`] as of [`range`](Self::range); [`Error::Io`]. If the disk is full before the journal is
    /// written, nothing has changed; if later, readers read the journal, and [`begin`](Self::begin) tries again.
    pub fn finish(self, source_date: SystemTime) -> Result<Facts, Error> {
        self.run.finish(source_date)
    }
}

/// How far an update is. Between any two of these the power may fail.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many pages of the corpus are read, and those of them that change are on their way to the journal.
    Read(u32),
    /// The journal is on the disk, if not under its name.
    Written,
    /// The journal has its name: from here on, the corpus is the new one.
    Journal,
    /// So many of the changed pages are in their place.
    Placed(u64),
    /// The tail is, up to this octet of the file.
    Tail(u64),
    /// Pages and tail are on the disk.
    Synced,
    /// The new header is in its place.
    Header,
    /// The file is as long as the header says, and the journal is of no more use.
    Whole,
}

/// Who is told.
pub(crate) type Tell = Box<dyn FnMut(Progress) + Send>;
