//! Servers on loopback, and a fetcher that reaches them.

use crate::support::{Ca, Made, everything, now};
use http::{Request, Response};
use mail_dns::Zone;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tls_policy::{
    fetch::{FetchError, Fetcher, LoopbackForTests},
    rustls::Profile,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub(crate) const DOMAIN: &str = "example.org";
pub(crate) const HOST: &str = "mta-sts.example.org";
pub(crate) const URI: &str = "https://mta-sts.example.org/.well-known/mta-sts.txt";
pub(crate) const POLICY: &str =
    "version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\nmax_age: 604800\r\n";

pub(crate) type Stream = TlsStream<TcpStream>;
pub(crate) type Serve = Box<dyn Fn(Stream) -> Served + Send + Sync>;
pub(crate) type Served = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct Server {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Hands out TLS connections on which the head of a request has come.
    pub(crate) async fn start<F, W>(made: &Made, serve: F) -> Self
    where
        F: Fn(Stream) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        Self::with(plain(made), serve).await
    }

    pub(crate) async fn with<F, W>(config: ServerConfig, serve: F) -> Self
    where
        F: Fn(Stream) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (serve, requests) = (Arc::new(serve), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&requests);
        let server = Self::raw(move |stream| {
            let (acceptor, serve, seen) = (acceptor.clone(), Arc::clone(&serve), Arc::clone(&seen));
            async move {
                // Who is refused breaks off.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let head = head(&mut stream).await;
                seen.lock().unwrap().push(head);
                serve(stream).await;
            }
        });
        Self {
            requests,
            ..server.await
        }
    }

    /// Hands out TCP connections.
    pub(crate) async fn raw<F, W>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        Self::raw_at("127.0.0.1:0", serve).await
    }

    pub(crate) async fn raw_at<F, W>(address: &str, serve: F) -> Self
    where
        F: Fn(TcpStream) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // Time that is moved by hand does not wait for acknowledgements.
                stream.set_nodelay(true).unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream));
            }
        });
        let requests = Arc::default();
        Self {
            port,
            connections,
            requests,
        }
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// The heads of all requests.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A configuration that is none of ours.
pub(crate) fn plain(made: &Made) -> ServerConfig {
    let chain = CertificateDer::pem_slice_iter(made.chain.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(everything()))
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect::<Result<_, _>>().unwrap(), key)
        .unwrap()
}

async fn head(stream: &mut Stream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(octet) => head.push(octet),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Sends this, says that it is the end, and hangs up.
pub(crate) fn says(answer: impl AsRef<[u8]>) -> Serve {
    let answer: Arc<[u8]> = answer.as_ref().into();
    Box::new(move |mut stream: Stream| {
        let answer = Arc::clone(&answer);
        Box::pin(async move {
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        })
    })
}

/// A good answer with these fields and this body, and its length.
pub(crate) fn ok(fields: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n{fields}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The policy host, on loopback.
pub(crate) fn zone() -> Zone {
    let zone = Zone::new().address(HOST, [127, 0, 0, 1]).unwrap();
    zone.txt("_mta-sts.example.org", "v=STSv1; id=1;").unwrap()
}

pub(crate) fn fetcher<R>(ca: &Ca, resolver: R, port: u16) -> Fetcher<R> {
    fetcher_with(Profile::Normal, ca, resolver, port)
}

pub(crate) fn fetcher_with<R>(profile: Profile, ca: &Ca, resolver: R, port: u16) -> Fetcher<R> {
    let fetcher = Fetcher::new(resolver, profile, Arc::new(everything()), ca.roots()).unwrap();
    fetcher.reaching(LoopbackForTests::new(port))
}

pub(crate) fn request() -> Request<()> {
    Request::get(URI).body(()).unwrap()
}

/// Long after the fetcher's own limit.
pub(crate) fn far() -> Instant {
    Instant::now() + Duration::from_secs(24 * 3600)
}

pub(crate) async fn fetch(ca: &Ca, server: &Server) -> Result<Response<Vec<u8>>, FetchError> {
    let fetcher = fetcher(ca, zone(), server.port);
    fetcher.policy(&request(), now(), far()).await
}

/// What comes of one answer.
pub(crate) async fn answered(answer: impl AsRef<[u8]>) -> Result<Response<Vec<u8>>, FetchError> {
    let ca = Ca::new();
    let server = Server::start(&ca.issue(&[HOST]), says(answer)).await;
    fetch(&ca, &server).await
}
