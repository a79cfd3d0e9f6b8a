//! Lines and replies over a stream.

use std::{io, ops::Range, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};
use zeroize::Zeroize;

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

/// For the last words to a client that may not listen, or not stop to speak.
pub(crate) const GOODBYE: Duration = Duration::from_secs(5);

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

    /// Overwrites what was used: a password may have been in it.
    pub(crate) fn forget(&mut self) {
        if let Some(used) = self.buffer.get_mut(..self.used) {
            used.zeroize();
        }
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

    /// Sends what is to be sent and says goodbye as the protocol below wants it. The other side may
    /// be gone, or may not read: that is waited for no longer than [`GOODBYE`].
    pub(crate) async fn close(&mut self) {
        let _ = timeout(GOODBYE, self.finish()).await;
    }

    /// Closes while the other side still speaks. What it says is thrown away, for [`GOODBYE`] at
    /// most: a connection that is dropped with unread octets is reset, and a reset can overtake the
    /// reply that tells why.
    pub(crate) async fn break_off(&mut self) {
        self.input = Input::default();
        let end = async {
            self.finish().await?;
            let mut waste = [0; 4096];
            while self.stream.read(&mut waste).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = timeout(GOODBYE, end).await;
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.stream.shutdown().await
    }

    pub(crate) fn into_stream(self) -> S {
        self.stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

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

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_listen_is_left() {
        for breaks_off in [false, true] {
            let (mut far, near) = tokio::io::duplex(16);
            let mut wire = Wire::new(near);
            wire.out = vec![b'x'; 1000];
            let start = Instant::now();
            match breaks_off {
                true => wire.break_off().await,
                false => wire.close().await,
            }
            assert_eq!(start.elapsed(), GOODBYE);
            drop(wire);
            let mut heard = Vec::new();
            far.read_to_end(&mut heard).await.unwrap();
            assert_eq!(heard.len(), 16);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_is_heard_by_whoever_still_speaks() {
        let (far, near) = tokio::io::duplex(1000);
        let (mut hear, mut speak) = tokio::io::split(far);
        let speaking = tokio::spawn(async move {
            for _ in 0..1000 {
                speak.write_all(&[b'a'; 100]).await.unwrap();
            }
        });
        let mut wire = Wire::new(near);
        wire.out.extend_from_slice(b"550 no");
        let mut heard = Vec::new();
        let (read, ()) = tokio::join!(hear.read_to_end(&mut heard), wire.break_off());
        read.unwrap();
        drop(wire);
        assert_eq!(heard, b"550 no");
        // It could say all that it had to say.
        speaking.await.unwrap();
    }

    #[test]
    fn what_was_used_can_be_forgotten() {
        let mut input = Input {
            buffer: b"PASS secret\r\nSTAT\r\n".to_vec(),
            used: 0,
        };
        input.line().unwrap().unwrap();
        input.forget();
        assert!(!input.buffer.windows(3).any(|w| w == b"sec"));
        assert_eq!(input.rest(), b"STAT\r\n");
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
