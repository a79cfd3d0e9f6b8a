//! TLS reports that are posted.

use crate::{
    server::{HOST, Server, Stream, far, fetcher, zone},
    support::{Ca, now},
};
use http::{Request, StatusCode};
use std::sync::{Arc, Mutex};
use tls_policy::{
    fetch::{FetchError, RequestFault},
    tlsrpt::{Form, Report, TlsRptRecord, Tried, post, posted},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn report() -> Report {
    Report::new("Example", "tls@example.net", "1", (now(), now()), vec![])
}

#[tokio::test]
async fn a_report_arrives_and_the_status_counts() {
    let ca = Ca::new();
    let record = format!("v=TLSRPTv1; rua=https://{HOST}/v1/tls");
    let record: TlsRptRecord = record.parse().unwrap();
    let made = post(&record.destinations()[0], &report(), Form::Gzip).unwrap();
    let length = made.body().len();
    for (status, tried) in [
        (200, Tried::Accepted),
        (201, Tried::Accepted),
        (302, Tried::Refused),
        (503, Tried::Failed),
    ] {
        let got = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&got);
        let server = Server::start(&ca.issue(&[HOST]), move |mut stream: Stream| {
            let seen = Arc::clone(&seen);
            async move {
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.unwrap();
                *seen.lock().unwrap() = body;
                // What comes after the head has no end, and is not read.
                let head = format!("HTTP/1.1 {status} x\r\nlocation: https://{HOST}/\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
                while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
            }
        })
        .await;
        let fetcher = fetcher(&ca, zone(), server.port);
        let answer = fetcher.post(made.clone(), now(), far()).await;
        assert_eq!(posted(answer.unwrap()), tried, "{status}");
        assert_eq!(&*got.lock().unwrap(), made.body());
        let head = server.requests().concat();
        assert!(head.starts_with("POST /v1/tls HTTP/1.1\r\n"), "{head}");
        assert!(
            head.contains("content-type: application/tlsrpt+gzip\r\n"),
            "{head}"
        );
        assert!(
            head.contains(&format!("content-length: {length}\r\n")),
            "{head}"
        );
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn destinations_that_are_none() {
    let ca = Ca::new();
    let fetcher = fetcher(&ca, zone(), 1);
    let to = |uri: &str| Request::post(uri).body(Vec::new()).unwrap();
    for (request, fault) in [
        (to("http://mta-sts.example.org/"), RequestFault::Scheme),
        (to("https://mta-sts.example.org:25/"), RequestFault::Port),
        (to("https://[::1]/"), RequestFault::Host),
        (
            Request::get("https://mta-sts.example.org/")
                .body(Vec::new())
                .unwrap(),
            RequestFault::Method,
        ),
    ] {
        let error = fetcher.post(request, now(), far()).await.unwrap_err();
        assert_eq!(
            (&error, error.tried()),
            (&FetchError::Request(fault), Tried::Refused)
        );
    }
    let mut with = to("https://mta-sts.example.org/");
    with.headers_mut()
        .insert("authorization", "x".parse().unwrap());
    let error = fetcher.post(with, now(), far()).await.unwrap_err();
    assert_eq!(error, FetchError::Request(RequestFault::Field));
    // Nobody is there: perhaps later.
    let error = fetcher
        .post(to("https://mta-sts.example.org/"), now(), far())
        .await
        .unwrap_err();
    assert_eq!(error.tried(), Tried::Failed);
    assert_eq!(posted(StatusCode::OK), Tried::Accepted);
}
