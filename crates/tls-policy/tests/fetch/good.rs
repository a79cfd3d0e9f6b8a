//! What is fetched, and what is sent for it.

use crate::{
    server::{
        HOST, POLICY, Server, answered, far, fetch, fetcher, fetcher_with, ok, request, says, zone,
    },
    support::{Ca, now},
};
use http::Request;
use rcgen::PKCS_RSA_SHA256;
use tls_policy::{
    fetch::{CertificateFault, FetchError, RequestFault},
    rustls::Profile,
    sts::MAX_POLICY,
};

#[tokio::test]
async fn a_policy_comes_and_nothing_is_sent_but_the_request() {
    let ca = Ca::new();
    let server = Server::start(&ca.issue(&[HOST]), says(ok("", POLICY))).await;
    let answer = fetch(&ca, &server).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain");
    assert_eq!(answer.body(), POLICY.as_bytes());
    let version = env!("CARGO_PKG_VERSION");
    let wanted = [
        "GET /.well-known/mta-sts.txt HTTP/1.1",
        "host: mta-sts.example.org",
        &format!("user-agent: tls-policy/{version}"),
        "accept-encoding: identity",
        "connection: close",
    ];
    let requests = server.requests();
    let [head] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert_eq!(head.trim_end().lines().collect::<Vec<_>>(), wanted);
}

#[tokio::test]
async fn a_fetcher_fetches_again_and_resumes_nothing() {
    let ca = Ca::new();
    let server = Server::start(&ca.issue(&[HOST]), says(ok("set-cookie: a=b\r\n", POLICY))).await;
    let fetcher = fetcher(&ca, zone(), server.port);
    for _ in 0..3 {
        let answer = fetcher.policy(&request(), now(), far()).await.unwrap();
        assert_eq!(answer.body(), POLICY.as_bytes());
    }
    assert_eq!(server.connections(), 3);
    assert!(
        server
            .requests()
            .iter()
            .all(|head| !head.contains("cookie"))
    );
}

#[tokio::test]
async fn framings_of_http() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
    let closed = format!("{head}\r\n{POLICY}");
    let chunked = format!(
        "{head}transfer-encoding: chunked\r\n\r\n1;a=b\r\nv\r\n{:x}\r\n{}\r\n0\r\nx: y\r\n\r\n",
        POLICY.len() - 1,
        &POLICY[1..]
    );
    let interim = format!("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n{closed}");
    let old = closed.replace("HTTP/1.1", "HTTP/1.0");
    let identity = String::from_utf8(ok("content-encoding: identity\r\n", POLICY)).unwrap();
    for answer in [closed, chunked, interim, old, identity] {
        let got = answered(&answer).await;
        assert_eq!(
            got.as_ref().map(|got| &got.body()[..]),
            Ok(POLICY.as_bytes()),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn as_much_as_there_may_be() {
    let body = vec![b'\n'; MAX_POLICY];
    let answer = answered(ok("", &body)).await.unwrap();
    assert_eq!(answer.body().len(), MAX_POLICY);
}

#[tokio::test]
async fn the_profile_is_kept_to() {
    let ca = Ca::new();
    let rsa = ca.issue_with(&[HOST], &PKCS_RSA_SHA256, |_| {});
    for (made, bsi) in [(ca.issue(&[HOST]), true), (rsa, false)] {
        let server = Server::start(&made, says(ok("", POLICY))).await;
        assert!(fetch(&ca, &server).await.is_ok());
        let fetcher = fetcher_with(Profile::Bsi, &ca, zone(), server.port);
        let answer = fetcher.policy(&request(), now(), far()).await;
        assert_eq!(answer.is_ok(), bsi, "{answer:?}");
    }
}

#[tokio::test]
async fn requests_that_are_not_sent() {
    let ca = Ca::new();
    let server = Server::start(&ca.issue(&[HOST]), says(ok("", POLICY))).await;
    let fetcher = fetcher(&ca, zone(), server.port);
    let get = |uri: &str| Request::get(uri).body(()).unwrap();
    let with = |name: &str| {
        let request = Request::get("https://mta-sts.example.org/").header(name, "x");
        request.body(()).unwrap()
    };
    for (request, fault) in [
        (get("http://mta-sts.example.org/"), RequestFault::Scheme),
        (get("https://mta-sts.example.org:80/"), RequestFault::Port),
        (
            get(&format!("https://{HOST}:{}/", server.port)),
            RequestFault::Port,
        ),
        (
            get("https://user@mta-sts.example.org/"),
            RequestFault::Credentials,
        ),
        (get("https://127.0.0.1/"), RequestFault::Host),
        (
            Request::head("https://mta-sts.example.org/")
                .body(())
                .unwrap(),
            RequestFault::Method,
        ),
        (
            Request::post("https://mta-sts.example.org/")
                .body(())
                .unwrap(),
            RequestFault::Method,
        ),
        (with("cookie"), RequestFault::Field),
        (with("authorization"), RequestFault::Field),
        (with("host"), RequestFault::Field),
        (with("content-type"), RequestFault::Field),
    ] {
        let answer = fetcher.policy(&request, now(), far()).await;
        assert_eq!(
            answer.err(),
            Some(FetchError::Request(fault)),
            "{request:?}"
        );
    }
    assert_eq!(server.connections(), 0);
    // Mutation: the same host, as it should be.
    assert!(
        fetcher
            .policy(&get("https://mta-sts.example.org/"), now(), far())
            .await
            .is_ok()
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_callers_time_counts_and_no_other() {
    let ca = Ca::new();
    let server = Server::start(&ca.issue(&[HOST]), says(ok("", POLICY))).await;
    let fetcher = fetcher(&ca, zone(), server.port);
    let day = std::time::Duration::from_secs(24 * 3600);
    for (now, fault) in [
        (now() + 14 * 366 * day, CertificateFault::Expired),
        (now() - 8 * 366 * day, CertificateFault::NotYetValid),
    ] {
        let answer = fetcher.policy(&request(), now, far()).await;
        assert_eq!(answer.err(), Some(FetchError::Certificate(fault)));
    }
}
