use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{BEGIN, END};

/// Octets in a line of 64 characters.
const LINE: usize = 48;
/// Lines that are written at once.
const LINES: usize = 128;

/// Writes an armor without header and without checksum.
pub(crate) struct ArmorWriter<W> {
    inner: W,
    /// Octets that do not fill a line.
    carry: Vec<u8>,
    text: Vec<u8>,
}

impl<W: Write> ArmorWriter<W> {
    pub(crate) fn new(mut inner: W) -> io::Result<Self> {
        inner.write_all(BEGIN)?;
        inner.write_all(b"\n\n")?;
        Ok(Self {
            inner,
            carry: Vec::with_capacity(LINE),
            text: Vec::with_capacity(LINES * (LINE / 3 * 4 + 1)),
        })
    }

    /// RFC 9580 §6.1: there is no checksum on data of version 2.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        if !self.carry.is_empty() {
            let last = std::mem::take(&mut self.carry);
            self.line(&last)?;
        }
        self.send()?;
        self.inner.write_all(END)?;
        self.inner.write_all(b"\n")?;
        Ok(self.inner)
    }

    fn line(&mut self, octets: &[u8]) -> io::Result<()> {
        let mut line = [0; LINE / 3 * 4];
        let used = STANDARD
            .encode_slice(octets, &mut line)
            .map_err(io::Error::other)?;
        self.text.extend(line.get(..used).unwrap_or_default());
        self.text.push(b'\n');
        match self.text.len() < LINES * (LINE / 3 * 4 + 1) {
            true => Ok(()),
            false => self.send(),
        }
    }

    fn send(&mut self) -> io::Result<()> {
        self.inner.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }
}

impl<W: Write> Write for ArmorWriter<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut rest = octets;
        if !self.carry.is_empty() {
            let missing = LINE - self.carry.len();
            let (filling, after) = rest.split_at(missing.min(rest.len()));
            self.carry.extend(filling);
            rest = after;
            if self.carry.len() < LINE {
                return Ok(octets.len());
            }
            let line = std::mem::replace(&mut self.carry, Vec::with_capacity(LINE));
            self.line(&line)?;
        }
        let mut lines = rest.chunks_exact(LINE);
        for line in &mut lines {
            self.line(line)?;
        }
        self.carry.extend(lines.remainder());
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
