//! Filling a folder of ranges so that whatever happens, a range counts as fetched only when its file is whole and durable.
//!
//! A batch of ranges goes through these steps, in this order:
//! 1. each file is written under a temporary name, and synced;
//! 2. each is renamed into place, and the folders are synced;
//! 3. the lines of the table are written, and synced.
//!
//! Whoever reads believes the table; and the file only if its gzip stream is whole.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write as _};
use std::path::Path;

use http::HeaderValue;

use super::folder::{self, Folder};
use super::table::{Entry, Line, Table};
use super::{Completeness, NotWhole};
use crate::lock::Lock;
use crate::{HashKind, Range, crypto};

/// So many ranges become durable together.
const BATCH: usize = 64;

/// What to ask for.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Whatever the last download did not get to; all, if it was complete.
    Resume,
    /// All, whatever was fetched when.
    Anew,
}

/// Why nothing can be kept.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The file system. What was told to be fetched is; open the folder anew.
    #[error("the folder of ranges cannot be written")]
    Io(#[from] io::Error),
    /// Another process fills the folder.
    #[error("the folder of ranges is being filled by another process")]
    Locked,
    /// It has hashes of another kind.
    #[error("the folder has hashes of another kind")]
    Kind(HashKind),
    /// There is a table, but not one of ranges.
    #[error("no folder of ranges")]
    NoTable,
    /// An earlier error left it undecided what is written; open the folder anew.
    #[error("an earlier error left the folder of ranges undecided")]
    Undecided,
}

/// A folder of ranges that is being filled; by one process at a time, while any number read it as [`Kept`](super::Kept).
///
/// After power was cut or the process was killed at any moment, a range counts as fetched only if its file is whole and
/// durable: files, folders and table are synced, in this order, 64 ranges at a time. So much is asked for again then at
/// most. All calls block the thread, also inside [`Download::run`](super::Download::run), for as long as the disk takes.
///
/// Whether a file still is what was written is looked at before the server is asked whether it has changed; so each
/// download reads the whole folder.
#[derive(Debug)]
pub struct Keeper {
    folder: Folder,
    table: Table,
    log: File,
    batch: Vec<Came>,
    is_undecided: bool,
    /// Until this is dropped.
    _lock: Lock,
}

/// What came of a range.
#[derive(Debug)]
enum Came {
    Whole(Whole),
    Same(Range),
}

/// A range that came whole.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) range: Range,
    /// One member of gzip.
    pub(super) file: Vec<u8>,
    pub(super) lines: u32,
    pub(super) etag: Option<HeaderValue>,
}

impl Keeper {
    /// Opens a folder, or makes it.
    ///
    /// # Errors
    /// As [`KeepError`].
    pub fn open(
        path: impl AsRef<Path>,
        kind: HashKind,
        completeness: Completeness,
        start: Start,
    ) -> Result<Self, KeepError> {
        let folder = Folder::new(path.as_ref());
        fs::create_dir_all(folder.path())?;
        let lock = Lock::hold(&folder.lock())?.ok_or(KeepError::Locked)?;
        let table = match File::open(folder.table()) {
            Ok(log) => Some(Table::read(&mut BufReader::new(log))?.ok_or(KeepError::NoTable)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let (table, octets) = match table {
            Some((table, _)) if table.kind != kind => return Err(KeepError::Kind(table.kind)),
            Some((table, octets)) if !table.is_long() => (table, octets),
            Some((table, _)) => anew(&folder, &table)?,
            None => anew(&folder, &Table::new(kind, 0))?,
        };
        let log = OpenOptions::new().append(true).open(folder.table())?;
        // What is behind the last whole line was never told to be there.
        log.set_len(octets)?;
        let mut keeper = Self {
            folder,
            table,
            log,
            batch: Vec::new(),
            is_undecided: false,
            _lock: lock,
        };
        let mut lines = Vec::new();
        if keeper.table.completeness != completeness {
            lines.push(Line::Least(completeness));
        }
        if start == Start::Anew || keeper.table.is_ended() {
            lines.push(Line::Pass);
        }
        keeper.append(lines)?;
        Ok(keeper)
    }

    /// The kind of its hashes.
    #[must_use]
    pub fn kind(&self) -> HashKind {
        self.table.kind
    }

    /// Whether the range is kept, and has as many lines as it must have.
    #[must_use]
    pub fn is_known(&self, range: Range) -> bool {
        self.table.known(range).is_some()
    }

    /// Whether the range was asked for since this download began, and is known.
    #[must_use]
    pub fn is_settled(&self, range: Range) -> bool {
        self.table.is_settled(range)
    }

    /// The least number of lines that the range must have.
    pub(super) fn least(&self, range: Range) -> u32 {
        self.table.least(range)
    }

    /// The `ETag` of a range whose file is what was written.
    pub(super) fn etag(&self, range: Range) -> Option<HeaderValue> {
        let entry = self.table.known(range)?;
        let etag = HeaderValue::from_str(entry.etag.as_deref()?).ok()?;
        let file = self.folder.read(range).ok()?;
        let is_it =
            file.len() as u64 == u64::from(entry.octets) && crc32c::crc32c(&file) == entry.checksum;
        is_it.then_some(etag)
    }

    /// To be kept. What is refused of what became durable, see [`commit`](Self::commit).
    pub(super) fn put(&mut self, whole: Whole) -> Result<Vec<(Range, NotWhole)>, KeepError> {
        self.add(Came::Whole(whole))
    }

    /// Unchanged.
    pub(super) fn same(&mut self, range: Range) -> Result<Vec<(Range, NotWhole)>, KeepError> {
        self.add(Came::Same(range))
    }

    fn add(&mut self, came: Came) -> Result<Vec<(Range, NotWhole)>, KeepError> {
        self.batch.push(came);
        match self.batch.len() < BATCH {
            true => Ok(Vec::new()),
            false => self.commit(),
        }
    }

    /// Makes all that came durable, and then known. Those of which nothing was known before are judged together; those
    /// that have too few lines are not kept.
    pub(super) fn commit(&mut self) -> Result<Vec<(Range, NotWhole)>, KeepError> {
        let batch = std::mem::take(&mut self.batch);
        let wholes = batch.iter().filter_map(|came| match came {
            Came::Whole(whole) => Some(whole),
            Came::Same(_) => None,
        });
        let sizes: Vec<_> = wholes.map(|whole| whole.lines).collect();
        let least_first = self.table.least_with(&sizes);
        let mut refused = Vec::new();
        let mut kept = Vec::new();
        let mut lines = Vec::new();
        for came in batch {
            match came {
                Came::Same(range) => lines.push(Line::Same(range)),
                Came::Whole(whole) => {
                    let is_first = self.table.known(whole.range).is_none();
                    let least = match is_first {
                        true => least_first,
                        false => self.table.least(whole.range),
                    };
                    match whole.lines < least {
                        true => refused.push((
                            whole.range,
                            NotWhole::Few {
                                lines: whole.lines,
                                least,
                            },
                        )),
                        false => {
                            lines.push(line(&whole, is_first));
                            kept.push(whole);
                        }
                    }
                }
            }
        }
        self.decided()?;
        self.is_undecided = true;
        store(&self.folder, &kept)?;
        self.is_undecided = false;
        self.append(lines)?;
        Ok(refused)
    }

    /// Those that were kept while little was known, and have too few lines by what is known now.
    pub(super) fn outliers(&self) -> Vec<(Range, NotWhole)> {
        let few = |(range, lines)| {
            let least = self.table.least(range);
            (range, NotWhole::Few { lines, least })
        };
        self.table.outliers().map(few).collect()
    }

    /// Nothing is left to ask for.
    pub(super) fn end(&mut self) -> Result<(), KeepError> {
        self.append(vec![Line::End])
    }

    /// Lines count from when they are durable.
    fn append(&mut self, lines: Vec<Line>) -> Result<(), KeepError> {
        self.decided()?;
        if lines.is_empty() {
            return Ok(());
        }
        let text: String = lines.iter().map(Line::write).collect();
        self.is_undecided = true;
        self.log.write_all(text.as_bytes())?;
        self.log.sync_data()?;
        self.is_undecided = false;
        lines.into_iter().for_each(|line| self.table.apply(line));
        self.table.settle();
        Ok(())
    }

    fn decided(&self) -> Result<(), KeepError> {
        match self.is_undecided {
            true => Err(KeepError::Undecided),
            false => Ok(()),
        }
    }
}

fn line(whole: &Whole, is_first: bool) -> Line {
    let etag = whole.etag.as_ref().and_then(|etag| etag.to_str().ok());
    let entry = Entry {
        lines: whole.lines,
        octets: u32::try_from(whole.file.len()).unwrap_or(u32::MAX),
        checksum: crc32c::crc32c(&whole.file),
        is_first,
        etag: etag.map(Into::into),
    };
    Line::Range(whole.range, entry)
}

/// Files into their places, durably.
fn store(folder: &Folder, wholes: &[Whole]) -> io::Result<()> {
    let parts: BTreeSet<_> = wholes
        .iter()
        .map(|whole| folder.part(whole.range))
        .collect();
    let mut has_new = false;
    for part in &parts {
        match fs::create_dir(part) {
            Ok(()) => has_new = true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    let mut files = Vec::with_capacity(wholes.len());
    for whole in wholes {
        files.push(folder::write(&folder.temporary(whole.range), &whole.file)?);
    }
    // After all are written: the first sync takes the others along on most file systems.
    files.iter().try_for_each(File::sync_all)?;
    for whole in wholes {
        fs::rename(folder.temporary(whole.range), folder.file(whole.range))?;
    }
    parts
        .iter()
        .try_for_each(|part| folder::sync_folder(part))?;
    match has_new {
        true => folder::sync_folder(folder.path()),
        false => Ok(()),
    }
}

/// Writes the table anew, with another number.
fn anew(folder: &Folder, table: &Table) -> Result<(Table, u64), KeepError> {
    let mut id = [0; 8];
    crypto::random(&mut id)?;
    let mut new = Table::new(table.kind, u64::from_be_bytes(id));
    let path = folder.table().with_extension("new");
    let mut log = BufWriter::new(File::create(&path)?);
    let first = new.first();
    log.write_all(first.as_bytes())?;
    let mut octets = first.len() as u64;
    for line in table.lines() {
        let text = line.write();
        log.write_all(text.as_bytes())?;
        octets += text.len() as u64;
        new.apply(line);
    }
    new.settle();
    let log = log.into_inner().map_err(io::IntoInnerError::into_error)?;
    log.sync_all()?;
    fs::rename(&path, folder.table())?;
    folder::sync_folder(folder.path())?;
    Ok((new, octets))
}
