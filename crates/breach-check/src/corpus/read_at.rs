//! Where octets come from.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range as Span;
use std::sync::Mutex;

/// Octets that can be read at any place, by several at the same time.
pub trait ReadAt {
    /// Reads exactly so many octets, or fails.
    ///
    /// # Errors
    /// They are not there, or cannot be read.
    fn read_at(&self, at: u64, octets: &mut [u8]) -> io::Result<()>;

    /// How many octets there are.
    ///
    /// # Errors
    /// It cannot be found out.
    fn size(&self) -> io::Result<u64>;

    /// Whether they may change while they are read. What does not change is checked once.
    fn changes(&self) -> bool {
        true
    }
}

impl<R: ReadAt + ?Sized> ReadAt for &R {
    fn read_at(&self, at: u64, octets: &mut [u8]) -> io::Result<()> {
        (**self).read_at(at, octets)
    }

    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn changes(&self) -> bool {
        (**self).changes()
    }
}

/// A file, by positioned reads.
#[derive(Debug)]
pub struct FileAt(File);

impl FileAt {
    /// This file.
    #[must_use]
    pub fn new(file: File) -> Self {
        Self(file)
    }
}

impl ReadAt for FileAt {
    #[cfg(unix)]
    fn read_at(&self, at: u64, octets: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, octets, at)
    }

    #[cfg(windows)]
    fn read_at(&self, mut at: u64, mut octets: &mut [u8]) -> io::Result<()> {
        while !octets.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.0, octets, at) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    at += read as u64;
                    octets = octets.get_mut(read..).unwrap_or_default();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

/// Octets that the caller holds, and that nobody changes. Of a memory map of a file that may be updated in place, write
/// a [`ReadAt`] of your own that [changes](ReadAt::changes).
#[derive(Clone, Debug)]
pub struct Held<B>(B);

impl<B: AsRef<[u8]>> Held<B> {
    /// These octets.
    pub fn new(octets: B) -> Self {
        Self(octets)
    }
}

impl<B: AsRef<[u8]>> ReadAt for Held<B> {
    fn read_at(&self, at: u64, octets: &mut [u8]) -> io::Result<()> {
        let begin = usize::try_from(at).unwrap_or(usize::MAX);
        let end = begin.saturating_add(octets.len());
        let part = self.0.as_ref().get(begin..end);
        octets.copy_from_slice(part.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.as_ref().len() as u64)
    }

    fn changes(&self) -> bool {
        false
    }
}

/// A file behind HTTP, by the caller's client: it is given the octets that are wanted, to be asked for by `Range` (RFC
/// 9110 §14.2), and gives what a 206 brought. The file must never change: another `ETag` or length is an error, and then the
/// corpus is to be opened anew.
#[derive(Debug)]
pub struct HttpAt<F> {
    get: F,
    seen: Mutex<Option<(Option<String>, u64)>>,
}

/// A part of a file behind HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The octets.
    pub octets: Vec<u8>,
    /// `ETag`, if there is one.
    pub etag: Option<String>,
    /// Octets of the whole file, as `Content-Range` has it.
    pub total: u64,
}

impl Part {
    /// A part.
    #[must_use]
    pub fn new(octets: Vec<u8>, etag: Option<String>, total: u64) -> Self {
        Self {
            octets,
            etag,
            total,
        }
    }
}

impl<F: Fn(Span<u64>) -> io::Result<Part>> HttpAt<F> {
    /// Asks by this.
    pub fn new(get: F) -> Self {
        Self {
            get,
            seen: Mutex::default(),
        }
    }

    fn get(&self, span: Span<u64>) -> io::Result<Part> {
        let part = (self.get)(span)?;
        let (etag, total) = (part.etag.clone(), part.total);
        let mut seen = self.seen.lock().map_err(|_| ErrorKind::Other)?;
        let first = seen.get_or_insert_with(|| (etag.clone(), total));
        match *first == (etag, total) {
            true => Ok(part),
            false => Err(io::Error::new(
                ErrorKind::InvalidData,
                "the file has changed",
            )),
        }
    }
}

impl<F: Fn(Span<u64>) -> io::Result<Part>> ReadAt for HttpAt<F> {
    fn read_at(&self, at: u64, octets: &mut [u8]) -> io::Result<()> {
        let end = at
            .checked_add(octets.len() as u64)
            .ok_or(ErrorKind::InvalidInput)?;
        let part = self.get(at..end)?;
        if part.octets.len() != octets.len() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        octets.copy_from_slice(&part.octets);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        let known = self
            .seen
            .lock()
            .map_err(|_| ErrorKind::Other)?
            .as_ref()
            .map(|(_, total)| *total);
        match known {
            Some(total) => Ok(total),
            None => Ok(self.get(0..1)?.total),
        }
    }
}
