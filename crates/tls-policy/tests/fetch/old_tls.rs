//! Servers that know nothing newer than TLS 1.1.

use crate::{
    server::{HOST, Server, far, fetch, fetcher, request, zone},
    support::{Ca, now},
};
use rustls::{Error, PeerIncompatible};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};
use tls_policy::fetch::FetchError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A ServerHello of this version, without extensions (RFC 5246 §7.4.1.3).
fn hello(minor: u8) -> Vec<u8> {
    let mut hello = vec![3, minor];
    hello.extend([7; 32]); // random
    hello.extend([0, 0xC0, 0x2B, 0]); // no session, ECDHE-ECDSA-AES128-GCM-SHA256, no compression
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![0x16, 3, minor, 0, length + 4, 2, 0, 0, length];
    record.extend(hello);
    record
}

async fn answered(minor: u8) -> FetchError {
    let ca = Ca::new();
    let server = Server::raw(move |mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(&hello(minor)).await;
        let _ = stream.shutdown().await;
    })
    .await;
    fetch(&ca, &server).await.unwrap_err()
}

#[tokio::test]
async fn tls_1_1_is_refused() {
    let old = PeerIncompatible::ServerDoesNotSupportTls12Or13;
    let old = FetchError::Handshake(Error::PeerIncompatible(old));
    for minor in [0, 1, 2] {
        assert_eq!(answered(minor).await, old, "{minor}");
    }
    // Mutation: the same in TLS 1.2 is not refused for its version.
    assert_ne!(answered(3).await, old);
}

/// `openssl s_server`, which answers every request with a page about the connection.
#[tokio::test]
#[ignore = "interop: needs openssl"]
async fn interop_openssl_a_policy_host_with_tls_1_1_is_refused() {
    let ca = Ca::new();
    let made = ca.issue(&[HOST]);
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (
        folder.path().join("chain.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&chain, &made.chain).unwrap();
    std::fs::write(&key, &made.key).unwrap();
    for (version, good) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let mut server = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-www", version])
            .args(["-cipher", "ALL:@SECLEVEL=0"])
            .arg("-cert")
            .arg(&chain)
            .arg("-cert_chain")
            .arg(&chain)
            .arg("-key")
            .arg(&key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let mut lines = lines.map(Result::unwrap);
        let port = lines.find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok());
        let fetcher = fetcher(&ca, zone(), port.unwrap());
        let answer = fetcher.policy(&request(), now(), far()).await;
        let _ = server.stdin.take().unwrap().write_all(b"Q\n");
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!(answer.is_ok(), good, "{version}: {answer:?}");
    }
}
