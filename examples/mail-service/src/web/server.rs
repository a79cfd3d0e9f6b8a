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
use tokio_rustls::{TlsAcceptor, server::TlsStream};

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
    let stream = secure(&web.tls, stream).await?;
    let sni: Option<Arc<str>> = stream.get_ref().1.server_name().map(Arc::from);
    let shared = web.clone();
    let answer = move |request| answer(shared.clone(), client, sni.clone(), request);
    speak(stream, web.longest, stop, answer).await
}

/// Shakes hands, or gives up.
async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    tls: &Arc<ServerConfig>,
    stream: S,
) -> io::Result<TlsStream<S>> {
    let acceptor = TlsAcceptor::from(tls.clone());
    timeout(PATIENCE, acceptor.accept(stream)).await?
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
    if let Some(answer) = web.directory.answer(host, &request).await {
        return answer;
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;
    use std::future::{pending, ready};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
        sync::watch,
        time::sleep,
    };

    const LONGEST: Duration = Duration::from_secs(100);
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: b.test\r\n\r\n";

    /// How a connection ends that this client makes, and after how many seconds of the tests' own time.
    async fn lasts<C: Future<Output = ()> + Send + 'static, A: Future<Output = Response<Body>>>(
        client: impl FnOnce(DuplexStream) -> C,
        answer: impl Fn(Request<Incoming>) -> A,
        stop: Stop,
    ) -> (io::Result<()>, u64) {
        let (near, far) = duplex(1024);
        let (client, start) = (tokio::spawn(client(far)), Instant::now());
        let ended = speak(near, LONGEST, stop, answer).await;
        client.abort();
        (ended, start.elapsed().as_secs())
    }

    fn at_once(_: Request<Incoming>) -> impl Future<Output = Response<Body>> {
        ready(Response::new(Body::from("x")))
    }

    fn never(_: Request<Incoming>) -> impl Future<Output = Response<Body>> {
        pending()
    }

    async fn held(mut stream: DuplexStream, octets: &'static [u8]) {
        stream.write_all(octets).await.unwrap();
        pending().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_has_to_come_in_time() {
        let (sender, _receiver) = watch::channel(None);
        let stop = || Stop::of(&sender);
        for octets in [&b""[..], b"G", b"GET / HTTP/1.1\r\nHost: b.test\r\nX: "] {
            let (_, seconds) = lasts(|far| held(far, octets), at_once, stop()).await;
            assert_eq!(seconds, PATIENCE.as_secs(), "{octets:?}");
        }
        // An octet now and then does not help.
        let dribble = |mut far: DuplexStream| async move {
            for octet in REQUEST.iter().cycle() {
                let _ = far.write_all(&[*octet]).await;
                sleep(Duration::from_secs(4)).await;
            }
        };
        let (_, seconds) = lasts(dribble, at_once, stop()).await;
        assert_eq!(seconds, PATIENCE.as_secs());
        // Nor a request before it.
        let (_, seconds) = lasts(|far| held(far, REQUEST), at_once, stop()).await;
        assert_eq!(seconds, PATIENCE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_lasts_no_longer_than_it_may() {
        let (sender, _receiver) = watch::channel(None);
        let stop = || Stop::of(&sender);
        // One request after the other.
        let busy = |far: DuplexStream| async move {
            let (mut from, mut to) = tokio::io::split(far);
            tokio::spawn(async move { while from.read_u8().await.is_ok() {} });
            while to.write_all(REQUEST).await.is_ok() {
                sleep(Duration::from_secs(5)).await;
            }
        };
        let (ended, seconds) = lasts(busy, at_once, stop()).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(seconds, LONGEST.as_secs());
        // A client that does not read its answer, and an answer that does not come.
        let greedy =
            |mut far: DuplexStream| async move { while far.write_all(REQUEST).await.is_ok() {} };
        let large = |_| ready(Response::new(Body::from(vec![b'x'; 1 << 20])));
        let (ended, seconds) = lasts(greedy, large, stop()).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(seconds, LONGEST.as_secs());
        let (ended, seconds) = lasts(|far| held(far, REQUEST), never, stop()).await;
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(seconds, LONGEST.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_service_waits_for_what_is_under_way_and_not_for_ever() {
        // Asked for after a second, and waited for seven.
        let stops = async |sender: &watch::Sender<_>| {
            sleep(Duration::from_secs(1)).await;
            let end = Instant::now() + Duration::from_secs(7);
            sender.send(Some(end)).unwrap();
        };
        let (sender, _receiver) = watch::channel(None);
        let one = lasts(|far| held(far, REQUEST), never, Stop::of(&sender));
        let ((ended, seconds), ()) = tokio::join!(one, stops(&sender));
        assert!(ended.is_err());
        assert_eq!(seconds, 8);
        let soon = |_| async {
            sleep(Duration::from_secs(3)).await;
            Response::new(Body::empty())
        };
        let (sender, _receiver) = watch::channel(None);
        let one = lasts(|far| held(far, REQUEST), soon, Stop::of(&sender));
        let ((ended, seconds), ()) = tokio::join!(one, stops(&sender));
        assert!(ended.is_ok());
        assert_eq!(seconds, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn tls_has_to_stand_in_time() {
        let fixture = Fixture::new(|_| {}).await;
        let tls = tls(&fixture.service.tls.config);
        // A record of TLS that is announced and does not come.
        for octets in [&b""[..], &[22, 3, 1, 2, 0, 1]] {
            let (near, far) = duplex(1024);
            let (client, start) = (tokio::spawn(held(far, octets)), Instant::now());
            let ended = secure(&tls, near).await.map(drop);
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(start.elapsed(), PATIENCE);
            client.abort();
        }
    }
}
