//! Where what is kept lies, and how a file gets there whole.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::Range;

/// The folder of kept ranges: 4,096 folders by the first three characters, each with 256 files.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn table(&self) -> PathBuf {
        self.0.join("table")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The folder of a range.
    pub(super) fn part(&self, range: Range) -> PathBuf {
        self.0.join(format!("{:03X}", range.number() >> 8))
    }

    /// One member of gzip.
    pub(super) fn file(&self, range: Range) -> PathBuf {
        self.part(range).join(format!("{range}.gz"))
    }

    pub(super) fn temporary(&self, range: Range) -> PathBuf {
        self.part(range).join(format!("{range}.new"))
    }

    pub(super) fn read(&self, range: Range) -> io::Result<Vec<u8>> {
        fs::read(self.file(range))
    }
}

/// Writes a file, whose content is not durable before it is synced.
pub(super) fn write(path: &Path, octets: &[u8]) -> io::Result<File> {
    let mut file = File::create(path)?;
    file.write_all(octets)?;
    Ok(file)
}

/// What was renamed into a folder stays there from here on.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(path)?.sync_all(),
        // There a folder cannot be opened, and a rename is journalled by the file system.
        false => Ok(()),
    }
}
