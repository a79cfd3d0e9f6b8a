//! A client that does what ours must not do: it believes every certificate, follows redirects, takes
//! what comes for as long as it comes, and an end for the end.

use crate::{
    server::{HOST, Server, URI},
    support::{everything, plain_client_of},
};
use rustls::pki_types::ServerName;
use std::{sync::Arc, time::Duration};
use tls_policy::rustls::UnauthenticatedPeer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Head and body of the answer, at most so many octets of both; and no wait for a single octet that is
/// longer than a minute.
pub(crate) async fn get(server: &Server, most: usize) -> (String, Vec<u8>) {
    get_path(server, URI, most).await
}

async fn get_path(server: &Server, uri: &str, most: usize) -> (String, Vec<u8>) {
    let path = uri.strip_prefix(&format!("https://{HOST}")).unwrap();
    let anybody = UnauthenticatedPeer::new(Arc::new(everything()));
    let config = plain_client_of(Arc::new(anybody), everything());
    let stream = TcpStream::connect(("127.0.0.1", server.port))
        .await
        .unwrap();
    let name = ServerName::try_from(HOST).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while answer.len() < most {
        let mut octets = [0; 4096];
        match timeout(Duration::from_secs(59), stream.read(&mut octets)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(more)) => answer.extend_from_slice(&octets[..more]),
            Err(_) => panic!("nothing came for a minute"),
        }
    }
    let at = answer.windows(4).position(|end| end == b"\r\n\r\n");
    let body = at.map_or_else(Vec::new, |at| answer.split_off(at + 4));
    (String::from_utf8_lossy(&answer).into_owned(), body)
}

/// As a browser does.
pub(crate) async fn get_following(server: &Server, most: usize) -> Vec<u8> {
    let mut uri = URI.to_owned();
    for _ in 0..5 {
        let (head, body) = get_path(server, &uri, most).await;
        let location = head
            .lines()
            .find_map(|line| line.strip_prefix("location: "));
        match location {
            Some(location) => uri = location.to_owned(),
            None => return body,
        }
    }
    panic!("no end of redirects")
}
