//! Encrypted data as they come in a stream.

use std::io::{self, BufRead, Read};

use crate::armor::{self, ArmorReader};
use crate::crypto::TAG;
use crate::error::OpenError;
use crate::header::{self, DATA_HEAD};
use crate::packet::Length;
use crate::refusal::Refusal;

/// Where a message comes from: its packets, with the armor taken off.
pub(super) enum Source<B> {
    Binary(Bounded<B>),
    Armored(Box<ArmorReader<Bounded<B>>>),
}

impl<B: BufRead> Source<B> {
    pub(super) fn new(mut from: B, max: u64) -> io::Result<Self> {
        let armored = from
            .fill_buf()?
            .first()
            .is_some_and(|o| armor::may_begin_with(*o));
        let from = Bounded {
            inner: from,
            left: max,
        };
        Ok(match armored {
            true => Self::Armored(Box::new(ArmorReader::new(from))),
            false => Self::Binary(from),
        })
    }

    pub(super) fn is_armored(&self) -> bool {
        matches!(self, Self::Armored(_))
    }
}

impl<B: BufRead> Read for Source<B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Binary(from) => from.read(out),
            Self::Armored(from) => from.read(out),
        }
    }
}

/// Gives so many octets, and fails if there are more.
#[derive(Debug)]
pub(super) struct Bounded<B> {
    inner: B,
    left: u64,
}

impl<B> Bounded<B> {
    fn count(&mut self, octets: usize) -> Result<(), OpenError> {
        let left = self.left.checked_sub(octets as u64);
        self.left = left.ok_or(Refusal::MessageTooLong)?;
        Ok(())
    }
}

impl<B: Read> Read for Bounded<B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.count(read)?;
        Ok(read)
    }
}

impl<B: BufRead> BufRead for Bounded<B> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = self.left;
        let buffer = self.inner.fill_buf()?;
        // One octet more than there may be is enough to know.
        if left == 0 && !buffer.is_empty() {
            return Err(OpenError::from(Refusal::MessageTooLong).into());
        }
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        Ok(buffer.get(..most).unwrap_or_default())
    }

    fn consume(&mut self, octets: usize) {
        self.left = self.left.saturating_sub(octets as u64);
        self.inner.consume(octets);
    }
}

/// The content of the encrypted data's packet behind its head, parts put together.
pub(super) struct Body<S> {
    source: S,
    /// What is left of the part.
    left: Length,
}

impl<S: Read> Body<S> {
    /// `first` counts the head, which was read.
    pub(super) fn new(source: S, first: Length) -> Self {
        let less = |octets: u64| octets.saturating_sub(DATA_HEAD as u64);
        let left = match first {
            Length::Last(octets) => Length::Last(less(octets)),
            Length::Part(octets) => Length::Part(less(octets)),
        };
        Self { source, left }
    }

    /// Whether it is over; reads the length of the next part if there is one.
    pub(super) fn at_end(&mut self) -> Result<bool, OpenError> {
        while self.left == Length::Part(0) {
            self.left = header::length(&mut self.source)?;
        }
        Ok(self.left == Length::Last(0))
    }

    /// Fills `out` unless the end comes before; says how much it filled.
    pub(super) fn fill(&mut self, out: &mut [u8]) -> Result<usize, OpenError> {
        let mut filled = 0;
        while filled < out.len() && !self.at_end()? {
            let rest = out.get_mut(filled..).unwrap_or_default();
            let left = usize::try_from(self.left.octets());
            let most = left.map_or(rest.len(), |left| left.min(rest.len()));
            let read = match self.source.read(rest.get_mut(..most).unwrap_or_default()) {
                Ok(0) => return Err(Refusal::Truncated.into()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(error.into()),
            };
            filled += read;
            self.left = match self.left {
                Length::Last(left) => Length::Last(left.saturating_sub(read as u64)),
                Length::Part(left) => Length::Part(left.saturating_sub(read as u64)),
            };
        }
        Ok(filled)
    }

    /// After the end: nothing follows.
    pub(super) fn finish(&mut self) -> Result<(), OpenError> {
        let mut after = [0];
        loop {
            return match self.source.read(&mut after) {
                Ok(0) => Ok(()),
                Ok(_) => Err(Refusal::TrailingData.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error.into()),
            };
        }
    }

    /// Passes over all of it and says how much it was.
    pub(super) fn skip(&mut self) -> Result<u64, OpenError> {
        let (mut scratch, mut all) = ([0; 4096], 0);
        loop {
            let filled = self.fill(&mut scratch)?;
            all += filled as u64;
            if filled < scratch.len() {
                break;
            }
        }
        self.finish()?;
        match all < (1 + TAG + TAG) as u64 {
            true => Err(Refusal::Truncated.into()),
            false => Ok(all),
        }
    }
}
