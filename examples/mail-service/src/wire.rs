//! Lines and replies over a stream.

use std::{io, ops::Range};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A stream with what was read from it and not yet used, and what is to be written to it.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    stream: S,
    pub(crate) input: Input,
    pub(crate) out: Vec<u8>,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Input {
    buffer: Vec<u8>,
    used: usize,
}

/// Most octets of a command line, CR LF counted. RFC 5321 §4.5.3.1.4 asks for 512, and the
/// extensions that we offer for some 60 more.
pub(crate) const MAX_LINE: usize = 1024;

/// A line that is too long, or holds a NUL, a CR or an LF anywhere but at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl Input {
    /// The next whole line without its CR LF, and uses it up. None: it has not arrived.
    pub(crate) fn line(&mut self) -> Option<Result<Range<usize>, Broken>> {
        let rest = self.rest();
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return (rest.len() >= MAX_LINE).then_some(Err(Broken));
        };
        let line = rest.get(..end).and_then(|l| l.strip_suffix(b"\r"));
        let Some(line) = line.filter(|l| end < MAX_LINE && memchr::memchr2(b'\r', 0, l).is_none())
        else {
            return Some(Err(Broken));
        };
        let from = self.used;
        let line = from..from + line.len();
        self.used += end + 1;
        Some(Ok(line))
    }

    /// The octets of a line; good until the next [`Wire::fill`].
    pub(crate) fn get(&self, line: Range<usize>) -> &[u8] {
        self.buffer.get(line).unwrap_or_default()
    }

    /// Everything that is there.
    pub(crate) fn rest(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    /// Uses octets up.
    pub(crate) fn advance(&mut self, octets: usize) {
        self.used = self.buffer.len().min(self.used + octets);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            input: Input::default(),
            out: Vec::new(),
        }
    }

    /// Reads what has arrived, at least one octet and about `size` at most. Zero: the end.
    pub(crate) async fn fill(&mut self, size: usize) -> io::Result<usize> {
        let Input { buffer, used } = &mut self.input;
        buffer.drain(..*used);
        *used = 0;
        if buffer.is_empty() && buffer.capacity() > 4 * size {
            *buffer = Vec::new();
        }
        buffer.reserve(size);
        self.stream.read_buf(buffer).await
    }

    /// Writes what is to be written.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.stream.write_all(&self.out).await?;
            self.stream.flush().await?;
            self.out.clear();
            self.out.shrink_to(64 * 1024);
        }
        Ok(())
    }

    /// Says goodbye as the protocol below wants it; the other side may be gone.
    pub(crate) async fn close(&mut self) {
        let _ = self.flush().await;
        let _ = self.stream.shutdown().await;
    }

    pub(crate) fn into_stream(self) -> S {
        self.stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<Result<Vec<u8>, Broken>> {
        let mut input = Input {
            buffer: input.to_vec(),
            used: 0,
        };
        let mut lines = Vec::new();
        while let Some(line) = input.line() {
            let stop = line.is_err();
            lines.push(line.map(|range| input.get(range).to_vec()));
            if stop {
                break;
            }
        }
        lines
    }

    #[test]
    fn lines_end_with_cr_lf_only() {
        assert_eq!(lines(b"A\r\n\r\nB"), [Ok(b"A".to_vec()), Ok(vec![])]);
        for bad in [
            &b"A\n"[..],
            b"A\rB\r\n",
            b"A\0\r\n",
            b"A\r\r\n",
            &[b'x'; MAX_LINE],
        ] {
            assert_eq!(lines(bad), [Err(Broken)], "{bad:?}");
        }
    }
}
