//! Decrypting where the message is.

use zeroize::Zeroize;

use crate::cipher::ChunkCipher;
use crate::crypto::{Failed, TAG};
use crate::error::OpenError;
use crate::header::DATA_HEAD;
use crate::literal::{Reader, Step};
use crate::packet::{Length, LengthReader};
use crate::refusal::Refusal;

/// Where the encrypted data are: in one piece, or in parts with lengths between them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    /// Behind the head.
    start: usize,
    first: Length,
}

impl Body {
    /// Goes along all the parts and keeps none of them, so that a million of them costs no memory.
    ///
    /// `start` is behind the head of the data, which the first length counts.
    pub(super) fn check(message: &[u8], start: usize, first: Length) -> Result<Self, Refusal> {
        let body = Self { start, first };
        let (mut at, mut length, mut data) = body.begin()?;
        loop {
            let here = usize::try_from(length.octets()).map_err(|_| Refusal::Truncated)?;
            at = at.checked_add(here).ok_or(Refusal::Truncated)?;
            data += here;
            if at > message.len() {
                return Err(Refusal::Truncated);
            }
            match length {
                Length::Last(_) if at < message.len() => return Err(Refusal::TrailingData),
                Length::Last(_) if data < 1 + TAG + TAG => return Err(Refusal::Truncated),
                Length::Last(_) => return Ok(body),
                Length::Part(_) => (at, length) = next_length(message, at)?,
            }
        }
    }

    /// Where the data begin, and how much there is in the first part.
    fn begin(&self) -> Result<(usize, Length, usize), Refusal> {
        let less = |octets: u64| octets.checked_sub(DATA_HEAD as u64);
        let length = match self.first {
            Length::Last(octets) => less(octets).map(Length::Last),
            Length::Part(octets) => less(octets).map(Length::Part),
        };
        Ok((self.start, length.ok_or(Refusal::Truncated)?, 0))
    }

    /// Moves the parts together, behind the head; says where the data end.
    fn join(&self, message: &mut [u8]) -> Result<usize, Refusal> {
        let (mut at, mut length, _) = self.begin()?;
        let mut end = at;
        loop {
            let here = usize::try_from(length.octets()).map_err(|_| Refusal::Truncated)?;
            if at != end && here > 0 {
                message.copy_within(at..at + here, end);
            }
            (at, end) = (at + here, end + here);
            match length {
                Length::Last(_) => return Ok(end),
                Length::Part(_) => (at, length) = next_length(message, at)?,
            }
        }
    }
}

/// The length that begins here, and where what it counts begins.
fn next_length(message: &[u8], at: usize) -> Result<(usize, Length), Refusal> {
    let mut reader = LengthReader::default();
    let octets = message.get(at..).unwrap_or_default().iter();
    for (read, octet) in octets.enumerate() {
        if let Some(length) = reader.octet(*octet) {
            return Ok((at + read + 1, length));
        }
    }
    Err(Refusal::Truncated)
}

/// Leaves the content in `message`, and nothing else; if it fails, something that must not be used.
pub(super) fn decrypt(
    message: &mut Vec<u8>,
    body: Body,
    chunk: usize,
    cipher: &mut ChunkCipher,
    max_plaintext: u64,
) -> Result<(), OpenError> {
    let end = body.join(message)?;
    let mut at = body.start;
    let last = end.checked_sub(TAG).ok_or(Failed)?;
    let mut reader = Reader::new(max_plaintext);
    let mut content = 0;
    while at < last {
        let size = (last - at).min(chunk + TAG);
        // A chunk has at least one octet.
        let plain = size.checked_sub(TAG).filter(|octets| *octets > 0);
        let plain = plain.ok_or(Failed)?;
        let sealed = message.get_mut(at..at + size).ok_or(Failed)?;
        let (sealed, tag) = sealed.split_at_mut_checked(plain).ok_or(Failed)?;
        cipher.open(sealed, tag)?;
        let mut place = at;
        while let Some(here) = message.get(place..at + plain).filter(|h| !h.is_empty()) {
            let step = reader.step(here)?;
            let next = place + step.octets();
            if let Step::Content(octets) = step {
                // To the content that is there already: that is shorter than what it came from.
                message.copy_within(place..next, content);
                content += octets;
            }
            place = next;
        }
        at += size;
    }
    let tag = message.get(last..end).ok_or(Failed)?;
    cipher.finish_opening(tag)?;
    reader.finish()?;
    // What is behind the content is plaintext, too: heads, padding, and what was moved.
    message.get_mut(content..).unwrap_or_default().zeroize();
    message.truncate(content);
    Ok(())
}
