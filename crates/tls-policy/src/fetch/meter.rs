//! How much may come over a connection.

use super::MAX_OCTETS;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that ends with an error once more than [`MAX_OCTETS`] have come: handshakes, tickets,
/// interim answers and chunks of one octet have no limit of their own but time.
#[derive(Debug)]
pub(super) struct Metered<S> {
    of: S,
    left: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("more octets than there may be")]
pub(super) struct TooMuch;

impl<S> Metered<S> {
    pub(super) fn new(of: S) -> Self {
        let left = MAX_OCTETS;
        Self { of, left }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.of).poll_read(cx, buf))?;
        let more = buf.filled().len().saturating_sub(before);
        Poll::Ready(match self.left.checked_sub(more) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(io::Error::other(TooMuch)),
        })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.of).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.of).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.of).poll_shutdown(cx)
    }
}
