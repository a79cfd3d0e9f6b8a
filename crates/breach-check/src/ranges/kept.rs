//! Reading what is kept.

use std::fs::File;
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::answer;
use super::folder::Folder;
use super::table::Table;
use super::{NotWhole, Suffixes};
use crate::{HashKind, Range};

/// A folder of ranges that a [`Keeper`](super::Keeper) fills, for reading; also while it is filled.
#[derive(Debug)]
pub struct Kept {
    folder: Folder,
    kind: HashKind,
    reading: Mutex<Reading>,
}

#[derive(Debug)]
struct Reading {
    table: Table,
    /// So many octets of the log are in the table.
    octets: u64,
    /// So long was the log.
    length: u64,
}

/// Why a range cannot be read. Nothing is known of its hashes then.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The file system.
    #[error("the folder of ranges cannot be read")]
    Io(#[from] io::Error),
    /// No table of ranges is there.
    #[error("no folder of ranges")]
    NoTable,
    /// The range was never fetched, or never came whole.
    #[error("range {0} is not known")]
    Unknown(Range),
    /// The file of the range is damaged, or shorter than it was.
    #[error("the file of range {0} is damaged")]
    Damaged(Range),
}

impl Kept {
    /// Opens a folder.
    ///
    /// # Errors
    /// [`KeptError::Io`] and [`KeptError::NoTable`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, KeptError> {
        let folder = Folder::new(path.as_ref());
        let reading = match Reading::open(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            other => other?,
        };
        let reading = reading.ok_or(KeptError::NoTable)?;
        Ok(Self {
            folder,
            kind: reading.table.kind,
            reading: Mutex::new(reading),
        })
    }

    /// The kind of its hashes.
    #[must_use]
    pub fn kind(&self) -> HashKind {
        self.kind
    }

    /// All that is known of a range.
    ///
    /// # Errors
    /// As [`KeptError`].
    pub fn suffixes(&self, range: Range) -> Result<Suffixes, KeptError> {
        self.file(range).map(|(_, suffixes)| suffixes)
    }

    /// The file of a range, which is gzip, and what it holds.
    pub(super) fn file(&self, range: Range) -> Result<(Vec<u8>, Suffixes), KeptError> {
        let least = self.least(range)?.ok_or(KeptError::Unknown(range))?;
        let file = match self.folder.read(range) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(KeptError::Damaged(range));
            }
            file => file?,
        };
        let text = answer::unzipped(&file);
        let suffixes = text.and_then(|text| Suffixes::read(self.kind, range, &text));
        let suffixes = suffixes.and_then(|suffixes| match u32::try_from(suffixes.len()) {
            Ok(lines) if lines >= least => Ok(suffixes),
            lines => Err(NotWhole::Few {
                lines: lines.unwrap_or(u32::MAX),
                least,
            }),
        });
        let suffixes = suffixes.map_err(|_| KeptError::Damaged(range))?;
        Ok((file, suffixes))
    }

    /// Whether the range was fetched.
    ///
    /// # Errors
    /// [`KeptError::Io`].
    pub fn is_known(&self, range: Range) -> Result<bool, KeptError> {
        Ok(self.least(range)?.is_some())
    }

    /// The ranges that are known, in order, as the folder is now.
    ///
    /// # Errors
    /// [`KeptError::Io`].
    pub fn known(&self) -> Result<Vec<Range>, KeptError> {
        Ok(self.newest()?.table.all_known().collect())
    }

    /// Most lines of a range.
    pub(super) fn most_lines(&self) -> u32 {
        self.reading().table.most_lines()
    }

    /// How many lines the range must have at least, if it is known.
    fn least(&self, range: Range) -> Result<Option<u32>, KeptError> {
        if let Some(least) = self.reading().least(range) {
            return Ok(Some(least));
        }
        Ok(self.newest()?.least(range))
    }

    fn newest(&self) -> Result<MutexGuard<'_, Reading>, KeptError> {
        let mut reading = self.reading();
        reading.renew(&self.folder)?;
        Ok(reading)
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reading {
    fn open(folder: &Folder) -> io::Result<Option<Self>> {
        let file = File::open(folder.table())?;
        let length = file.metadata()?.len();
        let read = Table::read(&mut BufReader::new(file))?;
        Ok(read.map(|(table, octets)| Self {
            table,
            octets,
            length,
        }))
    }

    fn least(&self, range: Range) -> Option<u32> {
        let entry = self.table.known(range)?;
        Some(self.table.completeness.least(entry.lines))
    }

    /// Reads what was added.
    fn renew(&mut self, folder: &Folder) -> io::Result<()> {
        let file = File::open(folder.table())?;
        let length = file.metadata()?.len();
        let mut log = BufReader::new(file);
        let now = Table::read_first(&mut log)?;
        if now == Some((self.table.kind, self.table.id)) && length >= self.octets {
            if length != self.length {
                log.seek(SeekFrom::Start(self.octets))?;
                self.octets += self.table.read_on(&mut log)?;
                self.length = length;
            }
            return Ok(());
        }
        // It was written anew.
        if let Some(reading) = Self::open(folder)?
            && reading.table.kind == self.table.kind
        {
            *self = reading;
        }
        Ok(())
    }
}
