//! HTTP/1.1 over TLS, with limits on everything that a client can make last.

use super::{Client, Web, headers::Place, hosts::Host, refusal::Refusal};
use crate::service::Stop;
use axum::{
    body::Body,
    http::{Request, Response},
    response::IntoResponse,
};
use hyper::{body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use std::{convert::Infallible, io, net::IpAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;

/// Seconds until TLS must stand, and until the header of a request must be there.
const PATIENCE: Duration = Duration::from_secs(15);
/// Octets of a request's line and header.
const HEADER_OCTETS: usize = 16 * 1024;
/// Fields of a request's header.
const HEADER_FIELDS: usize = 64;

/// The service's TLS, for HTTP/1.1: a client that wants to speak another protocol gets none (RFC 7301 §3.2), so that a
/// connection meant for another port cannot be turned to this one.
pub(super) fn tls(service: &Arc<ServerConfig>) -> Arc<ServerConfig> {
    let mut tls = ServerConfig::clone(service);
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(tls)
}

/// Serves one connection to its end.
pub(crate) async fn serve(
    web: &Arc<Web>,
    stream: TcpStream,
    client: IpAddr,
    stop: Stop,
) -> io::Result<()> {
    let acceptor = TlsAcceptor::from(web.tls.clone());
    let stream = timeout(PATIENCE, acceptor.accept(stream)).await??;
    let sni: Option<Arc<str>> = stream.get_ref().1.server_name().map(Arc::from);
    let shared = web.clone();
    let answer = move |request| answer(shared.clone(), client, sni.clone(), request);
    speak(stream, web.longest, stop, answer).await
}

async fn answer(
    web: Arc<Web>,
    client: IpAddr,
    sni: Option<Arc<str>>,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let host = web.hosts.of(&request, sni.as_deref());
    let place = Place::of(host, request.uri().path());
    let mut response = match host {
        Some(host) => {
            request.extensions_mut().insert(Client(client));
            routed(&web, host, request).await
        }
        None => Refusal::misdirected().into_response(),
    };
    web.headers.put(place, response.headers_mut());
    response
}

async fn routed(web: &Web, host: Host, request: Request<Incoming>) -> Response<Body> {
    match TowerToHyperService::new(web.router(host))
        .call(request)
        .await
    {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Speaks HTTP/1.1 until the client, the longest time or the end of the service ends it.
pub(super) async fn speak<S, A>(
    stream: S,
    longest: Duration,
    mut stop: Stop,
    answer: impl Fn(Request<Incoming>) -> A,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Future<Output = Response<Body>>,
{
    let service = hyper::service::service_fn(|request| {
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HEADER_OCTETS)
        .max_headers(HEADER_FIELDS);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let end = Instant::now() + longest;
    tokio::select! {
        ended = connection.as_mut() => return ended.map_err(io::Error::other),
        () = sleep_until(end) => return Err(io::ErrorKind::TimedOut.into()),
        () = stop.requested() => {}
    }
    // What is under way comes to its end, and nothing new begins.
    connection.as_mut().graceful_shutdown();
    let end = stop.end().map_or(end, |stop| stop.min(end));
    timeout_at(end, connection).await?.map_err(io::Error::other)
}
