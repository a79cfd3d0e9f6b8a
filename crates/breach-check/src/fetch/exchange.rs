//! One request and its answer over one connection: the only file that names hyper.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use ::rustls::ClientConfig;
use http::{
    Request, Response, Uri,
    header::{HOST, TRANSFER_ENCODING},
    uri::{Authority, Parts, Scheme},
};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Error,
    body::{Body as _, Bytes, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::target::{Reach, Target};
use super::{MAX_FIELDS, MAX_HEAD};
use crate::{Answer, End, HttpFault};

/// A connection, by one of the two protocols.
#[derive(Debug)]
pub(super) enum Line {
    /// One request at a time.
    One(http1::SendRequest<Empty<Bytes>>),
    /// Many.
    Two(http2::SendRequest<Empty<Bytes>>),
}

/// What came of a request.
pub(super) enum Tried {
    /// And the connection, if it can be used again, and nobody else has it.
    Answered(Answer, Option<Line>),
    /// The connection was closed before anything of an answer came.
    Lost,
    Failed(HttpFault),
}

impl Line {
    pub(super) async fn open(target: &Target, reach: &Reach) -> Result<Self, HttpFault> {
        let (host, port) = &target.server;
        let stream = TcpStream::connect((host.as_str(), *port)).await;
        let stream = stream.map_err(|_| HttpFault::Unreachable)?;
        // Requests are small, and wait for nothing.
        let _ = stream.set_nodelay(true);
        match reach {
            Reach::LoopbackWithoutTls => Self::first(stream).await,
            Reach::Tls(config) => Self::secure(stream, Arc::clone(config), target).await,
        }
    }

    async fn secure(
        stream: TcpStream,
        config: Arc<ClientConfig>,
        target: &Target,
    ) -> Result<Self, HttpFault> {
        let connector = TlsConnector::from(config);
        let stream = connector.connect(target.name.clone(), stream).await;
        let stream = stream.map_err(|why| of_io(&why))?;
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Self::second(stream).await,
            _ => Self::first(stream).await,
        }
    }

    async fn first<S>(stream: S) -> Result<Self, HttpFault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MAX_HEAD).max_headers(MAX_FIELDS);
        let opened = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|why| of_http(&why))?;
        // Why it ended, is told to whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self::One(sender))
    }

    async fn second<S>(stream: S) -> Result<Self, HttpFault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        let most = u32::try_from(MAX_HEAD).unwrap_or(u32::MAX);
        builder.max_header_list_size(most);
        let opened = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|why| of_http(&why))?;
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self::Two(sender))
    }

    /// Whether it may be used.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::One(sender) => !sender.is_closed(),
            Self::Two(sender) => !sender.is_closed(),
        }
    }

    /// The same connection for another request, if it can carry several.
    pub(super) fn shared(&self) -> Option<Self> {
        match self {
            Self::One(_) => None,
            Self::Two(sender) => Some(Self::Two(sender.clone())),
        }
    }

    /// Sends the request as it is, and reads the answer.
    pub(super) async fn exchange(
        mut self,
        request: &Request<()>,
        target: &Target,
        limit: usize,
    ) -> Tried {
        let Some(request) = self.request(request, target) else {
            return Tried::Failed(HttpFault::Refused);
        };
        let sent = match &mut self {
            Self::One(sender) => match sender.ready().await {
                Ok(()) => sender.send_request(request).await,
                Err(_) => return Tried::Lost,
            },
            Self::Two(sender) => match sender.ready().await {
                Ok(()) => sender.send_request(request).await,
                Err(_) => return Tried::Lost,
            },
        };
        let answer = match sent {
            Ok(answer) => answer,
            Err(why) if why.is_parse() => return Tried::Failed(HttpFault::Refused),
            Err(_) => return Tried::Lost,
        };
        let (head, body) = answer.into_parts();
        let end = match self {
            Self::Two(_) => End::Stream,
            Self::One(_) if body.size_hint().exact().is_some() => End::Length,
            Self::One(_) => {
                let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
                match (codings.next(), codings.next()) {
                    (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"chunked") => {
                        End::Chunked
                    }
                    _ => End::Closed,
                }
            }
        };
        match read(body, limit, end).await {
            Ok(body) => {
                let line = (end != End::Closed && matches!(self, Self::One(_))).then_some(self);
                let response = Response::from_parts(head, body);
                Tried::Answered(Answer::new(response, end), line)
            }
            Err(fault) => Tried::Failed(fault),
        }
    }

    /// With the path alone and `Host` by HTTP/1.1; by HTTP/2 with the whole URL, of which frames are made.
    fn request(&self, request: &Request<()>, target: &Target) -> Option<Request<Empty<Bytes>>> {
        let mut sent = Request::new(Empty::new());
        *sent.method_mut() = request.method().clone();
        *sent.headers_mut() = request.headers().clone();
        *sent.uri_mut() = match self {
            Self::One(_) => {
                let host = target.authority.clone();
                sent.headers_mut().insert(HOST, host);
                target.path.clone().into()
            }
            Self::Two(_) => {
                let authority = Authority::try_from(target.authority.as_bytes()).ok()?;
                let mut parts = Parts::default();
                parts.scheme = Some(Scheme::HTTPS);
                parts.authority = Some(authority);
                parts.path_and_query = Some(target.path.clone());
                Uri::from_parts(parts).ok()?
            }
        };
        Some(sent)
    }
}

/// Up to `limit` octets; what comes after the first that is too many is not read.
async fn read(mut body: Incoming, limit: usize, end: End) -> Result<Vec<u8>, HttpFault> {
    let too_long = HttpFault::TooLong { most: limit };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_long);
    }
    let mut octets = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|why| of_http(&why))?;
        // Trailers say nothing that counts.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if octets.len() + data.len() > limit {
            return Err(too_long);
        }
        octets.extend_from_slice(&data);
    }
    // RFC 9113 §8.1: only END_STREAM ends a message; a stream can stop without.
    match end == End::Stream && !body.is_end_stream() {
        true => Err(HttpFault::Unreachable),
        false => Ok(octets),
    }
}

fn of_http(error: &Error) -> HttpFault {
    if error.is_parse() {
        return HttpFault::Refused;
    }
    let source = error.source();
    match source.and_then(|why| why.downcast_ref::<io::Error>()) {
        Some(why) => of_io(why),
        None => HttpFault::Unreachable,
    }
}

/// What is no TLS, a certificate that is not trusted, or what is no HTTP, will be so again.
fn of_io(error: &io::Error) -> HttpFault {
    let is_tls = error
        .get_ref()
        .is_some_and(|inner| inner.is::<::rustls::Error>());
    match error.kind() {
        _ if is_tls => HttpFault::Refused,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => HttpFault::Refused,
        _ => HttpFault::Unreachable,
    }
}
