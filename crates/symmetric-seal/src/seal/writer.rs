use std::fmt;
use std::io::{self, Read, Write};

use zeroize::Zeroizing;

use super::{Receipt, Sealer, Sink};
use crate::cipher::ChunkCipher;
use crate::crypto::TAG;
use crate::error::SealError;
use crate::header::DATA_HEAD;
use crate::literal::{LITERAL, LITERAL_HEAD};
use crate::packet::{kind, part, write_length};

const CHUNK: usize = Sealer::CHUNK;
/// A part of the literal packet is two to the power of this.
const PART_EXPONENT: u8 = 13;
const PART: usize = 1 << PART_EXPONENT;
/// In the buffer: the octet before a chunk, for the length of a part.
const FRONT: usize = 1;
/// After a chunk: the length of a part, and the tag.
const BACK: usize = 1 + TAG;
/// The parts into which the first full chunk is cut, so that the head of the data fits before it: their exponents.
const FIRST_PARTS: [u8; 3] = [16, 5, 2];
const _: () = assert!(1 << 16 | 1 << 5 | 1 << 2 == DATA_HEAD + CHUNK);

/// Whether the content's length is known before it comes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    Unknown,
    Known(u64),
}

/// How the literal packet says how long it is.
#[derive(Clone, Copy, Debug)]
enum Inner {
    /// It has said so, and so many octets are to come.
    Whole(u64),
    /// In parts; the length of the one at hand goes where this is in the plaintext.
    Parts(usize),
}

/// How the encrypted data's packet says how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outer {
    /// It has not said so yet.
    Open,
    /// It has said it all.
    Whole,
    /// The first parts were written, with one full chunk.
    Parts,
}

/// Seals what is written to it. [`finish`](Self::finish) must be called, or there is no message.
///
/// Plaintext is kept in one buffer, in which it is encrypted, and which is overwritten when this is dropped.
pub struct SealWriter<W: Write> {
    sink: Sink<W>,
    cipher: ChunkCipher,
    data_head: [u8; DATA_HEAD],
    /// From `FRONT` the plaintext that is not encrypted yet; the rest is room.
    buffer: Zeroizing<Vec<u8>>,
    /// Octets of plaintext in the buffer.
    filled: usize,
    inner: Inner,
    outer: Outer,
    receipt: Receipt,
    /// How much content there has to be.
    announced: Option<u64>,
    /// Something went wrong, so that there will be no message.
    broken: bool,
}

impl<W: Write> SealWriter<W> {
    pub(super) fn new(
        sink: Sink<W>,
        session_key: &[u8],
        data_head: [u8; DATA_HEAD],
        cipher: ChunkCipher,
        length: Length,
        receipt: Receipt,
    ) -> Result<Self, SealError> {
        let room = FRONT + CHUNK + BACK.max(PART + 2);
        let mut writer = Self {
            sink,
            cipher,
            data_head,
            buffer: Zeroizing::new(vec![0; room]),
            filled: 0,
            inner: Inner::Parts(1),
            outer: Outer::Open,
            receipt,
            announced: match length {
                Length::Known(octets) => Some(octets),
                Length::Unknown => None,
            },
            broken: false,
        };
        writer.sink.write_all(session_key)?;
        writer.begin(length)?;
        Ok(writer)
    }

    fn begin(&mut self, length: Length) -> Result<(), SealError> {
        self.append(&[LITERAL]);
        let known = match length {
            Length::Known(content) => Packets::of(content)?.map(|packets| (content, packets)),
            Length::Unknown => None,
        };
        if let Some((content, packets)) = known {
            let (octets, used) = write_length(packets.literal);
            self.append(octets.get(..used).unwrap_or_default());
            self.inner = Inner::Whole(content);
            self.open_data(packets.data)?;
        } else {
            // In its place there will be the length of the first part.
            self.append(&[0]);
        }
        self.append(&LITERAL_HEAD);
        Ok(())
    }

    /// Writes how the data's packet begins, if it is of one length.
    fn open_data(&mut self, length: u32) -> Result<(), SealError> {
        let (octets, used) = write_length(length);
        self.sink.write_all(&[0xc0 | kind::ENCRYPTED])?;
        self.sink
            .write_all(octets.get(..used).unwrap_or_default())?;
        self.sink.write_all(&self.data_head)?;
        self.outer = Outer::Whole;
        Ok(())
    }

    /// Puts octets that have room into the buffer.
    fn append(&mut self, octets: &[u8]) {
        let start = FRONT + self.filled;
        if let Some(room) = self.buffer.get_mut(start..start + octets.len()) {
            room.copy_from_slice(octets);
            self.filled += octets.len();
        }
    }

    /// How much content there is room for before something has to be done.
    fn space(&self) -> usize {
        match self.inner {
            Inner::Whole(_) => CHUNK.saturating_sub(self.filled),
            // The length of a part is not content; what comes before `at` is complete.
            Inner::Parts(at) => (at + 1 + PART).saturating_sub(self.filled),
        }
    }

    /// After so much content was put into the buffer.
    fn advance(&mut self, octets: usize) -> Result<(), SealError> {
        let came = octets as u64;
        self.receipt.content += came;
        if let Inner::Whole(left) = &mut self.inner {
            *left = left.checked_sub(came).ok_or(SealError::Length)?;
        }
        if self.announced.is_some_and(|a| self.receipt.content > a) {
            return Err(SealError::Length);
        }
        if self.space() == 0
            && let Inner::Parts(at) = self.inner
        {
            self.set(at, part(PART_EXPONENT));
            self.inner = Inner::Parts(self.filled);
            self.append(&[0]);
        }
        self.encrypt_full()
    }

    fn set(&mut self, at: usize, octet: u8) {
        if let Some(place) = self.buffer.get_mut(FRONT + at) {
            *place = octet;
        }
    }

    /// Encrypts and writes a chunk if there is one of which nothing can change any more.
    fn encrypt_full(&mut self) -> Result<(), SealError> {
        let settled = match self.inner {
            Inner::Whole(_) => self.filled,
            Inner::Parts(at) => at,
        };
        match settled >= CHUNK {
            true => self.encrypt_chunk(),
            false => Ok(()),
        }
    }

    fn encrypt_chunk(&mut self) -> Result<(), SealError> {
        let rest = self.filled.checked_sub(CHUNK).ok_or(SealError::Broken)?;
        let chunk = FRONT..FRONT + CHUNK;
        let tag = {
            let plain = self.buffer.get_mut(chunk.clone());
            self.cipher.seal(plain.ok_or(SealError::Broken)?)?
        };
        // The tag goes behind the chunk, for one write; what is there comes back.
        let back = chunk.end..chunk.end + BACK;
        let mut saved = Zeroizing::new([0; BACK]);
        let place = self.buffer.get_mut(back.clone());
        let place = place.ok_or(SealError::Broken)?;
        saved.copy_from_slice(place);
        if let [length, place @ ..] = place {
            *length = part(4);
            place.copy_from_slice(&tag);
        }
        self.write_chunk(&tag)?;
        if let Some(place) = self.buffer.get_mut(back) {
            place.copy_from_slice(&*saved);
        }
        self.buffer.copy_within(chunk.end..chunk.end + rest, FRONT);
        self.filled = rest;
        if let Inner::Parts(at) = &mut self.inner {
            *at = at.saturating_sub(CHUNK);
        }
        Ok(())
    }

    /// Writes the full chunk that is encrypted in the buffer, with its tag behind it.
    fn write_chunk(&mut self, tag: &[u8; TAG]) -> Result<(), SealError> {
        let chunk = FRONT..FRONT + CHUNK;
        match self.outer {
            Outer::Whole => {
                self.write_buffer(chunk)?;
                self.sink.write_all(tag)?;
            }
            Outer::Parts => {
                self.set_front(part(16));
                self.write_buffer(0..chunk.end + BACK)?;
            }
            Outer::Open => {
                // RFC 9580 §4.2.1.4: a first part has at least 512 octets.
                let [first, second, third] = FIRST_PARTS;
                let cut = |exponent: u8| 1_usize << exponent;
                self.sink
                    .write_all(&[0xc0 | kind::ENCRYPTED, part(first)])?;
                self.sink.write_all(&self.data_head)?;
                let one = chunk.start + cut(first) - DATA_HEAD;
                let two = one + cut(second);
                self.write_buffer(chunk.start..one)?;
                self.sink.write_all(&[part(second)])?;
                self.write_buffer(one..two)?;
                self.sink.write_all(&[part(third)])?;
                self.write_buffer(two..chunk.end + BACK)?;
                self.outer = Outer::Parts;
            }
        }
        Ok(())
    }

    fn set_front(&mut self, octet: u8) {
        if let Some(front) = self.buffer.first_mut() {
            *front = octet;
        }
    }

    fn write_buffer(&mut self, range: std::ops::Range<usize>) -> Result<(), SealError> {
        let octets = self.buffer.get(range).ok_or(SealError::Broken)?;
        Ok(self.sink.write_all(octets)?)
    }

    fn take(&mut self, content: &[u8]) -> Result<usize, SealError> {
        let (taken, _) = content.split_at(content.len().min(self.space()));
        self.append(taken);
        self.advance(taken.len())?;
        Ok(taken.len())
    }

    /// Reads straight into the buffer, to the end.
    pub(super) fn copy_from(&mut self, from: &mut impl Read) -> Result<(), SealError> {
        loop {
            let (start, space) = (FRONT + self.filled, self.space());
            let room = self.buffer.get_mut(start..start + space);
            match from.read(room.ok_or(SealError::Broken)?) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    self.filled += read;
                    self.advance(read)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Encrypts what is left and writes the last tag.
    ///
    /// # Errors
    /// [`SealError`]: writing failed, now or before, or less content came than was announced.
    pub fn finish(mut self) -> Result<(W, Receipt), SealError> {
        if self.broken {
            return Err(SealError::Broken);
        }
        if self.announced.is_some_and(|a| self.receipt.content != a) {
            return Err(SealError::Length);
        }
        self.settle()?;
        if self.filled >= CHUNK && (self.filled > CHUNK || self.outer != Outer::Open) {
            self.encrypt_chunk()?;
        }
        let rest = self.filled;
        let mut tags = Vec::with_capacity(2 * TAG);
        if rest > 0 {
            let plain = self.buffer.get_mut(FRONT..FRONT + rest);
            tags.extend(self.cipher.seal(plain.ok_or(SealError::Broken)?)?);
        }
        tags.extend(self.cipher.finish_sealing()?);
        let (octets, used) = match self.outer {
            Outer::Whole => ([0; 5], 0),
            Outer::Parts => write_length((rest + tags.len()) as u32),
            Outer::Open => {
                self.open_data((DATA_HEAD + rest + tags.len()) as u32)?;
                ([0; 5], 0)
            }
        };
        self.sink
            .write_all(octets.get(..used).unwrap_or_default())?;
        self.write_buffer(FRONT..FRONT + rest)?;
        self.sink.write_all(&tags)?;
        Ok((self.sink.finish()?, self.receipt))
    }

    /// Writes the length of the literal packet's last part.
    fn settle(&mut self) -> Result<(), SealError> {
        let at = match self.inner {
            Inner::Whole(_) => return Ok(()),
            Inner::Parts(at) => at,
        };
        // It is less than a part, so one octet or two.
        let length = self.filled.saturating_sub(at + 1);
        let (octets, used) = write_length(length as u32);
        let content = FRONT + at + 1;
        self.buffer
            .copy_within(content..content + length, content + used - 1);
        let place = self.buffer.get_mut(content - 1..content - 1 + used);
        let octets = octets.get(..used).ok_or(SealError::Broken)?;
        place.ok_or(SealError::Broken)?.copy_from_slice(octets);
        self.filled += used - 1;
        Ok(())
    }
}

/// What packets say of their lengths, when they say it at once.
struct Packets {
    /// The literal packet's content.
    literal: u32,
    /// The encrypted data's.
    data: u32,
}

impl Packets {
    /// `None` for what is too long to be said at once.
    fn of(content: u64) -> Result<Option<Self>, SealError> {
        let literal = content.checked_add(LITERAL_HEAD.len() as u64);
        let literal = literal.ok_or(SealError::Length)?;
        let Ok(short) = u32::try_from(literal) else {
            return Ok(None);
        };
        let (_, used) = write_length(short);
        let plain = literal + 1 + used as u64;
        let tags = (plain.div_ceil(CHUNK as u64) + 1) * TAG as u64;
        let data = u32::try_from(DATA_HEAD as u64 + plain + tags);
        Ok(data.ok().map(|data| Self {
            literal: short,
            data,
        }))
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        if self.broken {
            return Err(SealError::Broken.into());
        }
        if content.is_empty() {
            return Ok(0);
        }
        let taken = self.take(content);
        self.broken = taken.is_err();
        Ok(taken?)
    }

    /// Flushes nothing: what is not a whole chunk cannot be encrypted yet.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Without plaintext and keys.
impl<W: Write> fmt::Debug for SealWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealWriter")
            .field("receipt", &self.receipt)
            .finish_non_exhaustive()
    }
}
