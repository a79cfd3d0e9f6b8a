//! The HTTPS client: HTTP/2 frame by frame, connections that are used again, and certificates.
#![cfg(feature = "fetch")]
#![allow(missing_docs, clippy::unwrap_used)]

mod ranges_peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use breach_check::fetch::{Fetcher, Limits};
use breach_check::{Answer, End, Http, HttpFault};
use ranges_peer::{Peer, Then, head, whole};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

const LIMIT: usize = 1_000;

/// Frames (RFC 9113 §4.1) as they are on the wire.
#[derive(Clone, Copy, Debug)]
enum Frame {
    /// `:status: 200`, and `content-length` if there is one.
    Head {
        ends: bool,
        length: Option<&'static str>,
    },
    Status(u8),
    Data {
        octets: &'static [u8],
        ends: bool,
    },
    Trailers,
    Reset(u32),
    GoAway,
    Junk,
}

impl Frame {
    fn octets(self, stream: u32) -> Vec<u8> {
        let (kind, flags, stream, payload) = match self {
            Self::Head { ends, length } => {
                // Static index 8 is `:status: 200`; 28 the name `content-length` in the table of HPACK.
                let mut block = vec![0x88];
                if let Some(length) = length {
                    block.extend([0x0F, 0x0D, u8::try_from(length.len()).unwrap()]);
                    block.extend(length.as_bytes());
                }
                (1, 4 | u8::from(ends), stream, block)
            }
            Self::Status(index) => (1, 4 | 1, stream, vec![0x80 | index]),
            Self::Data { octets, ends } => (0, u8::from(ends), stream, octets.to_vec()),
            Self::Trailers => (1, 4 | 1, stream, b"\x00\x01x\x01y".to_vec()),
            Self::Reset(code) => (3, 0, stream, code.to_be_bytes().to_vec()),
            Self::GoAway => (7, 0, 0, [0_u32.to_be_bytes(), 0_u32.to_be_bytes()].concat()),
            Self::Junk => (1, 4, stream, vec![0xFF; 5]),
        };
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut octets = length[1..].to_vec();
        octets.extend([kind, flags]);
        octets.extend(stream.to_be_bytes());
        octets.extend(payload);
        octets
    }
}

struct Tls {
    acceptor: TlsAcceptor,
    listener: TcpListener,
    root: CertificateDer<'static>,
    port: u16,
}

async fn tls(names: &[&str], protocol: &str) -> Tls {
    let names = names.iter().map(|name| (*name).to_owned());
    let made = rcgen::generate_simple_self_signed(names.collect::<Vec<_>>()).unwrap();
    let root = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config
        .with_no_client_auth()
        .with_single_cert(vec![root.clone()], key);
    let mut config = config.unwrap();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Tls {
        acceptor,
        listener,
        root,
        port,
    }
}

fn fetcher(root: &CertificateDer<'static>) -> Fetcher {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut limits = Limits::default();
    limits.time = Duration::from_secs(20);
    Fetcher::new(provider, Arc::new(roots))
        .unwrap()
        .limits(limits)
}

/// Reads frames until a request is there, and answers acknowledgements; the number of its stream.
async fn request(stream: &mut TlsStream<TcpStream>) -> Option<u32> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await.ok()?;
        match (head[3], head[4]) {
            (4, 0) => stream.write_all(&[0, 0, 0, 4, 1, 0, 0, 0, 0]).await.ok()?,
            (1, _) => return Some(u32::from_be_bytes([head[5], head[6], head[7], head[8]])),
            _ => {}
        }
    }
}

/// Answers each request with these frames, and closes after so many.
async fn frames(tls: Tls, frames: Vec<Frame>, requests: usize, connections: Arc<AtomicUsize>) {
    loop {
        let (stream, _) = tls.listener.accept().await.unwrap();
        let Ok(mut stream) = tls.acceptor.accept(stream).await else {
            continue;
        };
        connections.fetch_add(1, Ordering::SeqCst);
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        stream
            .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
            .await
            .unwrap();
        for _ in 0..requests {
            let Some(number) = request(&mut stream).await else {
                break;
            };
            let octets: Vec<_> = frames.iter().flat_map(|f| f.octets(number)).collect();
            if stream.write_all(&octets).await.is_err() {
                break;
            }
        }
        let _ = stream.shutdown().await;
    }
}

async fn ask(fetcher: &Fetcher, url: &str) -> Result<Answer, HttpFault> {
    let mut request = http::Request::new(());
    *request.uri_mut() = url.parse().unwrap();
    fetcher.send(request, LIMIT).await
}

async fn one(all: &[Frame]) -> Result<Answer, HttpFault> {
    let tls = tls(&["localhost"], "h2").await;
    let (fetcher, url) = (
        fetcher(&tls.root),
        format!("https://localhost:{}/", tls.port),
    );
    let server = tokio::spawn(frames(tls, all.to_vec(), 1, Arc::default()));
    let answer = ask(&fetcher, &url).await;
    server.abort();
    answer
}

#[tokio::test]
async fn a_stream_that_ends_is_an_answer() {
    use Frame::{Data, Head, Reset, Status, Trailers};
    let first = Data {
        octets: b"01234",
        ends: false,
    };
    let last = Data {
        octets: b"56789",
        ends: true,
    };
    for (frames, status, body) in [
        (
            &[
                Head {
                    ends: false,
                    length: None,
                },
                first,
                last,
            ][..],
            200,
            "0123456789",
        ),
        (
            &[
                Head {
                    ends: false,
                    length: Some("10"),
                },
                first,
                last,
            ],
            200,
            "0123456789",
        ),
        (
            &[
                Head {
                    ends: false,
                    length: None,
                },
                first,
                Trailers,
            ],
            200,
            "01234",
        ),
        (
            &[Head {
                ends: true,
                length: None,
            }],
            200,
            "",
        ),
        // 11 is `:status: 304`, 13 404.
        (&[Status(11)], 304, ""),
        (&[Status(13)], 404, ""),
        // The whole came, and a reset behind it takes nothing back.
        (
            &[
                Head {
                    ends: false,
                    length: None,
                },
                first,
                last,
                Reset(0),
            ],
            200,
            "0123456789",
        ),
    ] {
        let answer = one(frames).await.unwrap();
        assert_eq!(answer.end, End::Stream, "{frames:?}");
        assert_eq!(answer.response.status(), status, "{frames:?}");
        assert_eq!(answer.response.body(), body.as_bytes(), "{frames:?}");
    }
}

#[tokio::test]
async fn a_stream_that_stops_is_none() {
    use Frame::{Data, GoAway, Head, Junk, Reset, Trailers};
    let start = Head {
        ends: false,
        length: None,
    };
    let ten = Head {
        ends: false,
        length: Some("10"),
    };
    let data = Data {
        octets: b"01234",
        ends: false,
    };
    let last = Data {
        octets: b"56789",
        ends: true,
    };
    for frames in [
        &[][..],
        &[Reset(0)],
        &[Reset(7)],
        &[start],
        // The connection is closed.
        &[start, data],
        &[start, data, GoAway],
        &[ten, data],
        // NO_ERROR, INTERNAL_ERROR, CANCEL (RFC 9113 §7).
        &[start, data, Reset(0)],
        &[start, data, Reset(2)],
        &[start, data, Reset(8)],
        &[ten, data, Reset(0)],
        &[start, Reset(0)],
        // Another length than was said.
        &[ten, last],
        &[ten, data, data, last],
        &[ten, data, Trailers],
        &[start, data, Junk],
        &[Junk],
    ] {
        let answer = one(frames).await;
        assert!(answer.is_err(), "{frames:?}: {answer:?}");
    }
}

#[tokio::test]
async fn connections_are_shared_and_opened_anew() {
    let start = Frame::Head {
        ends: false,
        length: None,
    };
    let last = Frame::Data {
        octets: b"x",
        ends: true,
    };
    let tls = tls(&["localhost"], "h2").await;
    let (fetcher, url) = (
        fetcher(&tls.root),
        format!("https://localhost:{}/", tls.port),
    );
    let connections = Arc::new(AtomicUsize::new(0));
    let server = frames(tls, vec![start, last], 20, Arc::clone(&connections));
    let server = tokio::spawn(server);
    // Many at once: one connection.
    let all = (0..10).map(|_| ask(&fetcher, &url));
    for answer in futures_util::future::join_all(all).await {
        assert_eq!(answer.unwrap().response.body(), b"x");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    // It is closed after 20, and the next goes over another.
    for _ in 0..30 {
        assert_eq!(ask(&fetcher, &url).await.unwrap().response.body(), b"x");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2);
    server.abort();
}

#[tokio::test]
async fn one_that_was_closed_meanwhile_is_replaced_once() {
    // Each second request is answered by closing.
    let peer = Peer::new(|_, number| match number % 2 {
        0 => (whole("200 OK", &[], b"x"), Then::Next),
        _ => (Vec::new(), Then::Close),
    });
    let fetcher = Fetcher::loopback_without_tls();
    for _ in 0..5 {
        let answer = ask(&fetcher, &peer.url()).await.unwrap();
        assert_eq!(
            (&**answer.response.body(), answer.end),
            (&b"x"[..], End::Length)
        );
    }
    assert_eq!((peer.requests(), peer.connections()), (9, 5));
    // Over a new connection it is not tried again.
    let peer = Peer::saying(Vec::new(), Then::Close);
    assert_eq!(
        ask(&fetcher, &peer.url()).await.unwrap_err(),
        HttpFault::Unreachable
    );
    assert_eq!(peer.requests(), 1);
}

#[tokio::test]
async fn idle_connections_are_bounded() {
    let peer = Peer::saying(whole("200 OK", &[], b"x"), Then::Next);
    let mut limits = Limits::default();
    limits.idle = 0;
    let fetcher = Fetcher::loopback_without_tls().limits(limits);
    for _ in 0..3 {
        ask(&fetcher, &peer.url()).await.unwrap();
    }
    assert_eq!(peer.connections(), 3);
}

#[tokio::test]
async fn the_end_is_said_as_it_was() {
    let chunked = &["transfer-encoding: chunked"][..];
    for (octets, end) in [
        (whole("200 OK", &[], b"x"), End::Length),
        (whole("200 OK", &[], b""), End::Length),
        (head("304 Not Modified", &[], b""), End::Length),
        (
            head("200 OK", chunked, b"1\r\nx\r\n0\r\n\r\n"),
            End::Chunked,
        ),
        (
            head("200 OK", chunked, b"1\r\nx\r\n0\r\na: b\r\n\r\n"),
            End::Chunked,
        ),
        (head("200 OK", &[], b"x"), End::Closed),
        (
            head("200 OK", &["transfer-encoding: gzip"], b"x"),
            End::Closed,
        ),
        (
            head(
                "200 OK",
                &["transfer-encoding: gzip, chunked"],
                b"1\r\nx\r\n0\r\n\r\n",
            ),
            End::Closed,
        ),
    ] {
        let peer = Peer::saying(octets.clone(), Then::Close);
        let answer = ask(&Fetcher::loopback_without_tls(), &peer.url()).await;
        let answer = answer.unwrap();
        assert_eq!(answer.end, end, "{}", String::from_utf8_lossy(&octets));
    }
}

#[tokio::test]
async fn what_is_too_long_is_not_read() {
    let fetcher = Fetcher::loopback_without_tls();
    let too_long = HttpFault::TooLong { most: LIMIT };
    let long = vec![b'x'; LIMIT + 1];
    let peer = Peer::saying(whole("200 OK", &[], &long), Then::Close);
    assert_eq!(ask(&fetcher, &peer.url()).await.unwrap_err(), too_long);
    let peer = Peer::saying(head("200 OK", &[], &long), Then::Close);
    assert_eq!(ask(&fetcher, &peer.url()).await.unwrap_err(), too_long);
    let peer = Peer::saying(whole("200 OK", &[], &long[1..]), Then::Close);
    assert!(ask(&fetcher, &peer.url()).await.is_ok());
    let field = format!("x: {}", "x".repeat(100));
    for fields in [101, 200] {
        let fields = vec![&*field; fields];
        let peer = Peer::saying(head("200 OK", &fields, b""), Then::Close);
        assert_eq!(
            ask(&fetcher, &peer.url()).await.unwrap_err(),
            HttpFault::Refused
        );
    }
    let field = format!("x: {}", "x".repeat(17_000));
    let peer = Peer::saying(head("200 OK", &[&field], b""), Then::Close);
    assert_eq!(
        ask(&fetcher, &peer.url()).await.unwrap_err(),
        HttpFault::Refused
    );
}

#[tokio::test]
async fn no_redirect_is_followed_and_nobody_else_is_asked() {
    let other = Peer::saying(whole("200 OK", &[], b"x"), Then::Next);
    let location = format!("location: {}/", other.url());
    let peer = Peer::saying(
        whole("307 Temporary Redirect", &[&location], b""),
        Then::Next,
    );
    let fetcher = Fetcher::loopback_without_tls();
    let answer = ask(&fetcher, &peer.url()).await.unwrap();
    assert_eq!(answer.response.status(), 307);
    assert_eq!(other.connections(), 0);
    for url in [
        "https://127.0.0.1:1/",
        "http://192.0.2.1/",
        "http://localhost:1/",
    ] {
        assert_eq!(
            ask(&fetcher, url).await.unwrap_err(),
            HttpFault::Refused,
            "{url}"
        );
    }
}

#[tokio::test]
async fn certificates_are_verified() {
    async fn asked(names: &[&str], url_host: &str, trusted: bool) -> Result<Answer, HttpFault> {
        let server = tls(names, "h2").await;
        let other = tls(names, "h2").await;
        let root = match trusted {
            true => &server.root,
            false => &other.root,
        };
        let (fetcher, url) = (
            fetcher(root),
            format!("https://{url_host}:{}/", server.port),
        );
        let end = vec![Frame::Head {
            ends: true,
            length: None,
        }];
        let server = tokio::spawn(frames(server, end, 1, Arc::default()));
        let answer = ask(&fetcher, &url).await;
        server.abort();
        answer
    }
    assert!(asked(&["localhost"], "localhost", true).await.is_ok());
    assert!(asked(&["127.0.0.1"], "127.0.0.1", true).await.is_ok());
    let refused = HttpFault::Refused;
    assert_eq!(
        asked(&["localhost"], "localhost", false).await.unwrap_err(),
        refused
    );
    assert_eq!(
        asked(&["example.org"], "localhost", true)
            .await
            .unwrap_err(),
        refused
    );
    // No TLS at all.
    let tls = tls(&["localhost"], "h2").await;
    let (root, url) = (tls.root.clone(), format!("https://localhost:{}/", tls.port));
    let server = tokio::spawn(async move {
        let (mut stream, _) = tls.listener.accept().await.unwrap();
        stream
            .write_all(b"220 mx.example.org ESMTP\r\n")
            .await
            .unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    assert_eq!(ask(&fetcher(&root), &url).await.unwrap_err(), refused);
    server.abort();
    // And none is spoken where it is wanted.
    let peer = Peer::saying(whole("200 OK", &[], b"x"), Then::Close);
    assert_eq!(
        ask(&fetcher(&root), &peer.url()).await.unwrap_err(),
        refused
    );
}

#[tokio::test]
async fn http_1_is_spoken_in_tls_too() {
    let tls = tls(&["localhost"], "http/1.1").await;
    let (fetcher, url) = (
        fetcher(&tls.root),
        format!("https://localhost:{}/a?b", tls.port),
    );
    let server = tokio::spawn(async move {
        let (stream, _) = tls.listener.accept().await.unwrap();
        let mut stream = tls.acceptor.accept(stream).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(&whole("200 OK", &[], b"x")).await.unwrap();
        stream.flush().await.unwrap();
        (String::from_utf8(head).unwrap(), tls.port)
    });
    let answer = ask(&fetcher, &url).await.unwrap();
    assert_eq!(answer.end, End::Length);
    let (head, port) = server.await.unwrap();
    assert_eq!(
        head,
        format!("GET /a?b HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n")
    );
}
