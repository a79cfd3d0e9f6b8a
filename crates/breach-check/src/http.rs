//! The caller's HTTP client, as this crate sees it.

use std::future::Future;

/// The caller's HTTP client. Whoever writes it writes `async fn`.
///
/// It sends the request as it is, with nothing added that tells who asks, follows no redirect, and undoes no content
/// coding: a body comes as it was on the wire. Whether TLS is wanted, and whom it trusts, is its own business.
pub trait Http: Send + Sync {
    /// One request. `limit` is the most octets of the body that are of use; a longer one is a
    /// [`HttpFault::TooLong`].
    fn send(
        &self,
        request: http::Request<()>,
        limit: usize,
    ) -> impl Future<Output = Result<Answer, HttpFault>> + Send;
}

impl<H: Http> Http for &H {
    fn send(
        &self,
        request: http::Request<()>,
        limit: usize,
    ) -> impl Future<Output = Result<Answer, HttpFault>> + Send {
        (**self).send(request, limit)
    }
}

/// What came.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status, header fields, and the octets of the body.
    pub response: http::Response<Vec<u8>>,
    /// By what the client knows that the body is whole.
    pub end: End,
}

impl Answer {
    /// An answer.
    #[must_use]
    pub fn new(response: http::Response<Vec<u8>>, end: End) -> Self {
        Self { response, end }
    }
}

/// How the end of a body was told. What ends by the end of the connection may be cut anywhere, and nobody would notice.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `Content-Length`, and so many octets came (RFC 9112 §6.3).
    Length,
    /// The last chunk came (RFC 9112 §7.1).
    Chunked,
    /// A frame with `END_STREAM` came (RFC 9113 §8.1), or its like of HTTP/3.
    Stream,
    /// The connection was closed (RFC 9112 §6.3, case 8).
    Closed,
}

/// Why nothing came.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpFault {
    /// No connection, or it broke before the answer was whole.
    #[error("the server could not be reached, or went away")]
    Unreachable,
    /// It took too long.
    #[error("the server took too long")]
    TimedOut,
    /// More octets than are of use.
    #[error("the answer is longer than {most} octets")]
    TooLong {
        /// The limit.
        most: usize,
    },
    /// What came is no HTTP, or the certificate is not trusted.
    #[error("what came is not to be trusted, or is no HTTP")]
    Refused,
}

impl HttpFault {
    /// Whether a later try may help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut)
    }
}
