//! All that an update does to the disk, so that a test can lose power between any two of these.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::corpus::build::sync_folder;
use crate::corpus::read_at::{FileAt, ReadAt};

/// The files of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Name {
    Corpus,
    /// The journal, whole.
    Journal,
    /// A journal that is being written.
    NewJournal,
    /// Its tail, until all pages are written.
    NewTail,
}

impl Name {
    /// The path of it, of this corpus.
    pub(crate) fn of(self, corpus: &Path) -> PathBuf {
        let mut path = OsString::from(corpus);
        path.push(match self {
            Self::Corpus => "",
            Self::Journal => ".journal",
            Self::NewJournal => ".journal-new",
            Self::NewTail => ".journal-tail",
        });
        path.into()
    }
}

pub(crate) trait Disk {
    type File: DiskFile;

    /// To read and write; `None` if there is none.
    fn open(&self, name: Name) -> io::Result<Option<Self::File>>;

    /// A new one, where there is none.
    fn create(&self, name: Name) -> io::Result<Self::File>;

    /// In place of what had that name.
    fn rename(&self, from: Name, to: Name) -> io::Result<()>;

    /// If it is there.
    fn remove(&self, name: Name) -> io::Result<()>;

    /// Until the names are as they were given, whatever happens.
    fn sync_names(&self) -> io::Result<()>;
}

pub(crate) trait DiskFile: ReadAt {
    fn write_at(&self, at: u64, octets: &[u8]) -> io::Result<()>;

    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Until octets and length are kept, whatever happens.
    fn sync(&self) -> io::Result<()>;
}

/// The folder of a corpus.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) corpus: PathBuf,
}

impl Disk for Folder {
    type File = Opened;

    fn open(&self, name: Name) -> io::Result<Option<Opened>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.of(&self.corpus));
        match file {
            Ok(file) => Opened::new(file).map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn create(&self, name: Name) -> io::Result<Opened> {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .open(name.of(&self.corpus))?;
        // Who may read the corpus reads its journal.
        #[cfg(unix)]
        file.set_permissions(fs::metadata(&self.corpus)?.permissions())?;
        Opened::new(file)
    }

    fn rename(&self, from: Name, to: Name) -> io::Result<()> {
        fs::rename(from.of(&self.corpus), to.of(&self.corpus))
    }

    fn remove(&self, name: Name) -> io::Result<()> {
        match fs::remove_file(name.of(&self.corpus)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn sync_names(&self) -> io::Result<()> {
        sync_folder(&self.corpus)
    }
}

/// A file to read and write.
#[derive(Debug)]
pub(crate) struct Opened {
    read: FileAt,
    write: File,
}

impl Opened {
    fn new(file: File) -> io::Result<Self> {
        let write = file.try_clone()?;
        Ok(Self {
            read: FileAt::new(file),
            write,
        })
    }
}

impl ReadAt for Opened {
    fn read_at(&self, at: u64, octets: &mut [u8]) -> io::Result<()> {
        self.read.read_at(at, octets)
    }

    fn size(&self) -> io::Result<u64> {
        self.read.size()
    }
}

impl DiskFile for Opened {
    fn write_at(&self, at: u64, octets: &[u8]) -> io::Result<()> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::write_all_at(&self.write, octets, at);
        #[cfg(windows)]
        {
            let (mut at, mut octets) = (at, octets);
            while !octets.is_empty() {
                let written = std::os::windows::fs::FileExt::seek_write(&self.write, octets, at)?;
                let Some(rest) = octets.get(written..).filter(|_| written > 0) else {
                    return Err(io::ErrorKind::WriteZero.into());
                };
                (at, octets) = (at + written as u64, rest);
            }
            Ok(())
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.write.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.write.sync_all()
    }
}

/// Octets at the end of a file, a few at a time.
#[derive(Debug)]
pub(crate) struct Append<F> {
    file: F,
    waiting: Vec<u8>,
    /// Where those that wait will be written.
    at: u64,
    /// CRC32C of all so far.
    crc: u32,
}

/// Octets that wait at most.
const WAITING: usize = 1 << 18;

impl<F: DiskFile> Append<F> {
    pub(crate) fn new(file: F) -> Self {
        Self {
            file,
            waiting: Vec::new(),
            at: 0,
            crc: 0,
        }
    }

    pub(crate) fn push(&mut self, octets: &[u8]) -> io::Result<()> {
        self.crc = crc32c::crc32c_append(self.crc, octets);
        self.waiting.extend_from_slice(octets);
        if self.waiting.len() >= WAITING {
            self.flush()?;
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(self.at, &self.waiting)?;
        self.at += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    pub(crate) fn len(&self) -> u64 {
        self.at + self.waiting.len() as u64
    }

    pub(crate) fn crc(&self) -> u32 {
        self.crc
    }

    pub(crate) fn file(&self) -> &F {
        &self.file
    }
}

/// Octets from one place in a file to another, in order.
#[derive(Debug)]
pub(crate) struct Stream {
    at: u64,
    end: u64,
    held: Vec<u8>,
    used: usize,
}

const READ: usize = 1 << 16;

impl Stream {
    pub(crate) fn new(at: u64, end: u64) -> Self {
        Self {
            at,
            end,
            held: Vec::new(),
            used: 0,
        }
    }

    /// The next octets, without going on behind them; `None` at the end.
    pub(crate) fn peek<const N: usize>(
        &mut self,
        file: &impl ReadAt,
    ) -> io::Result<Option<[u8; N]>> {
        if self.held.len() - self.used < N {
            self.held.drain(..self.used);
            self.used = 0;
            let len = usize::try_from(self.end - self.at).map_or(READ, |left| left.min(READ));
            let had = self.held.len();
            self.held.resize(had + len, 0);
            file.read_at(self.at, &mut self.held[had..])?;
            self.at += len as u64;
        }
        Ok(self.held[self.used..].first_chunk().copied())
    }

    /// Goes on behind what was last looked at.
    pub(crate) fn skip<const N: usize>(&mut self) {
        self.used = self.held.len().min(self.used + N);
    }

    /// All that is left, in parts.
    pub(crate) fn each(
        mut self,
        file: &impl ReadAt,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        take(&self.held[self.used..])?;
        self.held.resize(READ, 0);
        while self.at < self.end {
            let len = usize::try_from(self.end - self.at).map_or(READ, |left| left.min(READ));
            file.read_at(self.at, &mut self.held[..len])?;
            take(&self.held[..len])?;
            self.at += len as u64;
        }
        Ok(())
    }
}
