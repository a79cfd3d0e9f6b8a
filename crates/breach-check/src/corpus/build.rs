//! Making a corpus of hashes that come in order.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range as Span;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::geometry::Geometry;
use super::header::Header;
use super::page::{self, Entry, PAGE};
use super::tail::{self, ENTRY, GAP};
use super::verify::Rooting;
use super::{Error, Facts, Root};
use crate::lock::Lock;
use crate::{CountClass, HashKind, PasswordHash, Range};

/// How large a corpus is to be.
#[allow(clippy::exhaustive_enums)] // a number of entries or of pages; there is no third
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As many pages as so many entries fill to 93 %. It need not be exact; a few per cent more still fit.
    Entries(u64),
    /// So many pages, as another corpus has.
    Pages(u32),
}

/// Most entries that the tail may have, beside one in sixteen of all: small corpora are uneven.
pub(crate) const FEW: u64 = 4096;

/// Makes a corpus, in memory that does not grow with it: a page, and what is written next. What it has made appears under
/// its name when it is finished, and whole; if it is dropped before, nothing does.
#[derive(Debug)]
pub struct Builder {
    path: PathBuf,
    part: PathBuf,
    out: Pages,
    finished: bool,
    /// Held until nothing is left to be written or removed.
    _lock: Lock,
}

/// The pages on their way out.
struct Pages {
    file: BufWriter<File>,
    /// What overflows waits in a file without a name.
    spool: BufWriter<File>,
    kind: HashKind,
    geometry: Geometry,
    source: i64,
    rooting: Rooting,
    /// The page that is being filled, and its entries so far.
    number: u32,
    entries: Vec<Entry>,
    total: u64,
    overflow: u64,
    pushed: u64,
    last: Option<PasswordHash>,
    gaps: Vec<Span<u32>>,
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages")
            .field("number", &self.number)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Begins a corpus of this name; what is there already stays until [`finish`](Self::finish). Its pages are a function of
    /// kind, key bits, number of pages, hashes, counts and gaps alone.
    ///
    /// For as long as it lasts, a lock is held on a file beside the corpus, of its name and `.lock`, which stays.
    ///
    /// # Errors
    /// [`Error::Locked`] if another builder or an [`Update`](super::Update) of this name is under way; no file can be made,
    /// or there is no corpus of this shape.
    pub fn create(
        path: impl AsRef<Path>,
        kind: HashKind,
        key_bits: u8,
        size: Size,
        source_date: SystemTime,
    ) -> Result<Self, Error> {
        let geometry = match size {
            Size::Entries(entries) => Geometry::for_entries(key_bits, entries),
            Size::Pages(pages) => Geometry::new(key_bits, pages.into()),
        };
        let geometry = geometry.ok_or(Error::Shape)?;
        let path = path.as_ref().to_owned();
        let lock = super::lock(&path)?;
        let part = with_suffix(&path, ".part");
        let file = File::create(&part)?;
        let mut out = Pages {
            file: BufWriter::with_capacity(1 << 20, file),
            spool: BufWriter::new(nameless(&part)?),
            kind,
            geometry,
            source: seconds(source_date),
            rooting: Rooting::new(),
            number: 0,
            entries: Vec::new(),
            total: 0,
            overflow: 0,
            pushed: 0,
            last: None,
            gaps: Vec::new(),
        };
        out.file.write_all(&[0; PAGE])?;
        Ok(Self {
            path,
            part,
            out,
            finished: false,
            _lock: lock,
        })
    }

    /// The next hash, and how often it was seen; at zero it is left out.
    ///
    /// # Errors
    /// It is of another kind, or not above the one before; or it cannot be written.
    pub fn push(&mut self, hash: &PasswordHash, count: u64) -> Result<(), Error> {
        self.out.push(hash, count)
    }

    /// That nothing is known of a range. To be told in order; hashes in it may have been pushed all the same, and are not
    /// looked at.
    ///
    /// # Errors
    /// It is not above the one before.
    pub fn gap(&mut self, range: Range) -> Result<(), Error> {
        self.out.gap(range)
    }

    /// Writes the rest, syncs, and puts it in the place of what has the name.
    ///
    /// # Errors
    /// It cannot be written, or too much overflows. Then what was there before is as it was.
    pub fn finish(mut self) -> Result<Facts, Error> {
        let facts = self.out.finish()?;
        fs::rename(&self.part, &self.path)?;
        self.finished = true;
        sync_folder(&self.path)?;
        Ok(facts)
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody knows it yet; what stays is written over by the next.
            let _ = fs::remove_file(&self.part);
        }
    }
}

impl Pages {
    fn push(&mut self, hash: &PasswordHash, count: u64) -> Result<(), Error> {
        self.pushed += 1;
        if hash.kind() != self.kind {
            return Err(Error::Kind {
                corpus: self.kind,
                asked: hash.kind(),
            });
        }
        if self
            .last
            .as_ref()
            .is_some_and(|last| hash.octets() <= last.octets())
        {
            return Err(Error::Unordered {
                number: self.pushed,
            });
        }
        self.last = Some(hash.clone());
        let Some(count) = CountClass::of(count) else {
            return Ok(());
        };
        let cell = self.geometry.cell(hash.prefix());
        while self.number < cell.page {
            self.close()?;
        }
        match self
            .entries
            .last_mut()
            .filter(|last| last.place == cell.place)
        {
            Some(last) => last.count = last.count.max(count),
            None => self.entries.push(Entry {
                place: cell.place,
                count,
            }),
        }
        // A page holds fewer than two thousand; what overflows it by far is not spread as hashes are.
        match self.entries.len() > 1 << 20 {
            true => Err(Error::TooUneven),
            false => Ok(()),
        }
    }

    fn gap(&mut self, range: Range) -> Result<(), Error> {
        let number = range.number();
        match self.gaps.last_mut() {
            Some(last) if number < last.end => {
                return Err(Error::Unordered {
                    number: number.into(),
                });
            }
            Some(last) if number == last.end => last.end += 1,
            _ => self.gaps.push(number..number + 1),
        }
        Ok(())
    }

    /// Writes the page that is being filled.
    fn close(&mut self) -> Result<(), Error> {
        let (page, rest) = page::write(self.geometry, self.number, &self.entries);
        self.file.write_all(&*page)?;
        self.rooting.page(&page);
        for entry in rest {
            self.spool.write_all(&tail::octets(self.number, *entry))?;
        }
        self.total += self.entries.len() as u64;
        self.overflow += rest.len() as u64;
        self.entries.clear();
        self.number += 1;
        match self.overflow > self.total / 16 + FEW {
            true => Err(Error::TooUneven),
            false => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<Facts, Error> {
        while self.number < self.geometry.pages() {
            self.close()?;
        }
        self.spool.flush()?;
        let spool = self.spool.get_mut();
        spool.seek(SeekFrom::Start(0))?;
        let mut spool = BufReader::new(spool);
        let mut octets = [0; ENTRY];
        for _ in 0..self.overflow {
            spool.read_exact(&mut octets)?;
            self.rooting.tail(&octets);
            self.file.write_all(&octets)?;
        }
        for gap in &self.gaps {
            let mut octets = [0; GAP];
            octets[..4].copy_from_slice(&gap.start.to_le_bytes());
            octets[4..].copy_from_slice(&gap.end.to_le_bytes());
            self.rooting.tail(&octets);
            self.file.write_all(&octets)?;
        }
        let rooting = std::mem::replace(&mut self.rooting, Rooting::new());
        let (Root(root), tail_crc) = rooting.finish();
        let header = Header {
            kind: self.kind,
            geometry: self.geometry,
            entries: self.total,
            generation: 1,
            source: self.source,
            tail_entries: self.overflow,
            gaps: self.gaps.len() as u64,
            root,
            tail_crc,
        };
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&*header.write())?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(header.facts(self.gaps.iter().map(|gap| gap.end - gap.start).sum()))
    }
}

/// A name with something behind it.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A file beside another that ends with its handle.
fn nameless(beside: &Path) -> io::Result<File> {
    let path = with_suffix(beside, ".tail");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)?;
    // Where an open file cannot be removed, it stays.
    let _ = fs::remove_file(&path);
    Ok(file)
}

/// Makes names in the folder of a file durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Seconds since 1970, below zero for what was before.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |secs| -secs),
    }
}
