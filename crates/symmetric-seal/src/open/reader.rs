//! What is read from an opened stream.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use zeroize::Zeroizing;

use super::Commitment;
use super::body::{Body, Source};
use crate::cipher::ChunkCipher;
use crate::crypto::{Failed, TAG};
use crate::error::OpenError;
use crate::header::Header;
use crate::limits::Limits;
use crate::literal::{Reader, Step};
use crate::packet::Length;

/// Decrypts a chunk at a time, in one buffer.
pub(super) struct Chunks<B> {
    body: Body<Source<B>>,
    cipher: ChunkCipher,
    /// A chunk, its tag, and sixteen octets more: what is last is known only from what follows.
    buffer: Zeroizing<Vec<u8>>,
    /// The size of a chunk in the buffer; smaller than it might be if the message is.
    chunk: usize,
    /// Octets behind the chunk's tag that belong to what follows.
    ahead: usize,
    literal: Reader,
    /// Plaintext in the buffer that was not read yet.
    from: usize,
    to: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// The last tag was right.
    Over,
    Failed,
}

impl<B: BufRead> Chunks<B> {
    pub(super) fn new(
        source: Source<B>,
        header: &Header,
        cipher: ChunkCipher,
        limits: &Limits,
    ) -> Result<Self, OpenError> {
        let chunk = match header.first {
            Length::Last(all) => all.min(header.chunk() as u64) as usize,
            Length::Part(_) => header.chunk(),
        };
        let mut buffer = Vec::new();
        let room = chunk + 2 * TAG;
        let reserved = buffer.try_reserve_exact(room);
        reserved.map_err(|_| OpenError::NoMemory)?;
        buffer.resize(room, 0);
        Ok(Self {
            body: Body::new(source, header.first),
            cipher,
            buffer: Zeroizing::new(buffer),
            chunk,
            ahead: 0,
            literal: Reader::new(limits.max_plaintext),
            from: 0,
            to: 0,
            state: State::Reading,
        })
    }

    /// Decrypts the next chunk, unless it was the last one. A chunk that is the last is given only if all is right.
    fn advance(&mut self) -> Result<(), OpenError> {
        // Whatever fails in here fails for good.
        let state = std::mem::replace(&mut self.state, State::Failed);
        if state != State::Reading {
            self.state = state;
            return match state {
                State::Failed => Err(OpenError::PasswordOrDamage),
                _ => Ok(()),
            };
        }
        (self.from, self.to) = (0, 0);
        let kept = self.chunk + TAG;
        self.buffer.copy_within(kept..kept + self.ahead, 0);
        let room = self.buffer.get_mut(self.ahead..).ok_or(Failed)?;
        let filled = self.ahead + self.body.fill(room)?;
        let last = self.body.at_end()?;
        let plain = filled.saturating_sub(2 * TAG);
        // Nothing but the last tag is left if the chunk before was full.
        if plain > 0 {
            let (sealed, tags) = self.buffer.split_at_mut_checked(plain).ok_or(Failed)?;
            let tag = tags.get(..TAG).ok_or(Failed)?;
            self.cipher.open(sealed, tag)?;
        } else if filled != TAG || self.cipher.chunks() == 0 {
            return Err(OpenError::PasswordOrDamage);
        }
        // What the plaintext is about is checked before any of it is given.
        let mut ahead = self.literal.clone();
        run(&mut ahead, self.buffer.get(..plain).ok_or(Failed)?)?;
        if last {
            let tag = self.buffer.get(filled.saturating_sub(TAG)..filled);
            self.cipher.finish_opening(tag.ok_or(Failed)?)?;
            self.body.finish()?;
            ahead.finish()?;
            self.state = State::Over;
        } else {
            self.ahead = TAG;
            self.state = State::Reading;
        }
        self.to = plain;
        Ok(())
    }

    /// To the end, giving nothing.
    pub(super) fn verify(mut self) -> Result<(ChunkCipher, u64), OpenError> {
        while self.state != State::Over {
            self.advance()?;
            let plain = self.buffer.get(..self.to).unwrap_or_default();
            run(&mut self.literal, plain)?;
        }
        Ok((self.cipher, self.literal.content()))
    }

    fn read(&mut self, out: &mut [u8]) -> Result<usize, OpenError> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            while self.from < self.to {
                let most = self.to.min(self.from + out.len());
                let plain = self.buffer.get(self.from..most).unwrap_or_default();
                let step = self.literal.step(plain)?;
                self.from += step.octets();
                if let Step::Content(octets) = step
                    && let Some((plain, out)) = plain.get(..octets).zip(out.get_mut(..octets))
                {
                    out.copy_from_slice(plain);
                    return Ok(octets);
                }
            }
            if self.state == State::Over {
                return Ok(0);
            }
            self.advance()?;
        }
    }
}

fn run(reader: &mut Reader, mut plain: &[u8]) -> Result<(), OpenError> {
    while !plain.is_empty() {
        let step = reader.step(plain)?;
        plain = plain.get(step.octets()..).unwrap_or_default();
    }
    Ok(())
}

/// Content of a message that was verified to its end before this was made.
///
/// Reading fails only if what is read from fails, or has changed since.
pub struct VerifiedReader<R> {
    chunks: Chunks<BufReader<R>>,
    content: u64,
    commitment: Commitment,
}

impl<R: Read> VerifiedReader<R> {
    pub(super) fn new(chunks: Chunks<BufReader<R>>, content: u64, commitment: Commitment) -> Self {
        Self {
            chunks,
            content,
            commitment,
        }
    }

    /// Octets of the content.
    #[must_use]
    pub fn content_length(&self) -> u64 {
        self.content
    }

    /// Whether the message has one session key only.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        self.commitment
    }
}

impl<R: Read> Read for VerifiedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.chunks.read(out)?)
    }
}

/// Without plaintext and keys.
impl<R> fmt::Debug for VerifiedReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedReader")
            .field("content", &self.content)
            .field("commitment", &self.commitment)
            .finish_non_exhaustive()
    }
}

/// Content of a message of which not more than what was read is verified.
///
/// What comes out is what the sender wrote, in its place. Whether all of it came is known only when reading says that it
/// is over; if it fails instead, what came before must be undone. The error that it fails with converts into an
/// [`OpenError`].
pub struct UnverifiedReader<R> {
    chunks: Chunks<BufReader<R>>,
    commitment: Commitment,
}

impl<R: Read> UnverifiedReader<R> {
    pub(super) fn new(
        mut chunks: Chunks<BufReader<R>>,
        commitment: Commitment,
    ) -> Result<Self, OpenError> {
        chunks.advance()?;
        Ok(Self { chunks, commitment })
    }

    /// Whether the message has one session key only.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        self.commitment
    }
}

impl<R: Read> Read for UnverifiedReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.chunks.read(out)?)
    }
}

/// Without plaintext and keys.
impl<R> fmt::Debug for UnverifiedReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedReader")
            .field("commitment", &self.commitment)
            .finish_non_exhaustive()
    }
}
