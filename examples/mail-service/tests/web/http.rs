//! A client for HTTP/1.1 that sends exactly what it is told, and reads exactly what comes.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::world::World;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn read(octets: &[u8]) -> Self {
        let end = octets
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .expect("an answer");
        let head = String::from_utf8(octets[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = octets[end + 4..].to_vec();
        Self { status, head, body }
    }

    /// The values of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        let named = lines.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value).collect()
    }

    /// The one value of a field.
    pub(crate) fn field(&self, name: &str) -> &str {
        match self.all(name)[..] {
            [value] => value,
            ref other => panic!("{name}: {other:?}"),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The stable code of a refusal.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn tls(certificate: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(certificate).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Answer {
    stream.write_all(request).await.unwrap();
    stream.flush().await.unwrap();
    let mut octets = Vec::new();
    // The end may come without a farewell.
    let _ = stream.read_to_end(&mut octets).await;
    Answer::read(&octets)
}

/// Sends octets over TLS for this name.
pub(crate) async fn raw(world: &World, name: &str, request: &[u8]) -> Answer {
    let stream = TcpStream::connect(world.https()).await.unwrap();
    let connector = TlsConnector::from(Arc::new(tls(&world.certificate())));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    talk(connector.connect(name, stream).await.unwrap(), request).await
}

/// As [`ask`], of a service that may be gone at any moment: then there is no answer.
pub(crate) async fn try_ask(
    address: SocketAddr,
    certificate: &Path,
    host: &str,
    path: &str,
    body: &[u8],
) -> Option<Answer> {
    let stream = TcpStream::connect(address).await.ok()?;
    let connector = TlsConnector::from(Arc::new(tls(certificate)));
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut stream = connector.connect(name, stream).await.ok()?;
    let request = request(
        "POST",
        host,
        path,
        "Content-Type: application/json\r\n",
        body,
    );
    stream.write_all(&request).await.ok()?;
    stream.flush().await.ok()?;
    let mut octets = Vec::new();
    let _ = stream.read_to_end(&mut octets).await;
    let whole = octets.windows(4).any(|w| w == b"\r\n\r\n");
    whole.then(|| Answer::read(&octets))
}

pub(crate) async fn clear(address: SocketAddr, request: &[u8]) -> Answer {
    talk(TcpStream::connect(address).await.unwrap(), request).await
}

pub(crate) async fn get(world: &World, host: &str, path: &str) -> Answer {
    ask(world, "GET", host, path, "", b"").await
}

/// `fields` are whole lines.
pub(crate) async fn ask(
    world: &World,
    method: &str,
    host: &str,
    path: &str,
    fields: &str,
    body: &[u8],
) -> Answer {
    raw(world, host, &request(method, host, path, fields, body)).await
}

fn request(method: &str, host: &str, path: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
