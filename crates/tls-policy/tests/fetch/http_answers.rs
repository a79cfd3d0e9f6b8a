//! Answers that are none, that lie, or that have no end.

use crate::{
    naive,
    server::{HOST, POLICY, Serve, Server, Stream, answered, fetch, ok, says},
    support::Ca,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tls_policy::{
    fetch::{FetchError, MAX_FIELDS, MAX_HEAD, MAX_OCTETS},
    sts::{FetchFailure, MAX_POLICY},
    tlsrpt::ResultType,
};
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn no_redirect_is_followed() {
    let ca = Ca::new();
    for status in [301, 302, 303, 307, 308] {
        let seen = AtomicUsize::new(0);
        // The first request of each client is led elsewhere, to this very server.
        let server = Server::start(&ca.issue(&[HOST]), move |stream| {
            let answer = match seen.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => format!(
                    "HTTP/1.1 {status} Elsewhere\r\nlocation: https://{HOST}/elsewhere\r\n\
                     content-type: text/plain\r\ncontent-length: {}\r\n\r\n{POLICY}",
                    POLICY.len()
                )
                .into_bytes(),
                _ => ok("", POLICY),
            };
            says(answer)(stream)
        })
        .await;
        // Mutation: who follows gets a policy.
        let body = naive::get_following(&server, 10_000).await;
        assert_eq!(body, POLICY.as_bytes(), "{status}");
        assert_eq!(server.connections(), 2);
        let answer = fetch(&ca, &server).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().len()), (status, 0));
        assert_eq!(server.connections(), 3);
    }
}

#[tokio::test]
async fn a_redirect_to_itself_is_asked_for_once() {
    let ca = Ca::new();
    let to_itself = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}\r\n\r\n",
        crate::server::URI
    );
    let server = Server::start(&ca.issue(&[HOST]), says(to_itself)).await;
    assert_eq!(fetch(&ca, &server).await.unwrap().status(), 302);
    assert_eq!(server.connections(), 1);
}

/// Whether another status than 200 has a body or none, it is not read, and not waited for.
#[tokio::test]
async fn other_statuses_are_answers_without_a_body() {
    let ca = Ca::new();
    for status in [
        "204 No Content",
        "206 Part",
        "304 Not Modified",
        "404 Gone",
        "500 Oh",
        "101 Up",
    ] {
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\nx");
        let server = Server::start(&ca.issue(&[HOST]), move |mut stream: Stream| {
            let head = head.clone();
            async move {
                let _ = stream.write_all(head.as_bytes()).await;
                std::future::pending::<()>().await;
            }
        })
        .await;
        let answer = fetch(&ca, &server).await.unwrap();
        assert!(status.starts_with(answer.status().as_str()) && answer.body().is_empty());
    }
}

#[tokio::test]
async fn codings_that_nobody_asked_for() {
    for coding in [
        "gzip",
        "br",
        "deflate",
        "zstd",
        "identity, gzip",
        "",
        "gzip\r\ncontent-encoding: identity",
    ] {
        let answer = answered(ok(&format!("content-encoding: {coding}\r\n"), POLICY)).await;
        assert_eq!(answer.err(), Some(FetchError::Coding), "{coding}");
    }
    // Mutation: without the field it is a policy; `good.rs` has it with `identity`.
    assert!(answered(ok("", POLICY)).await.is_ok());
}

#[tokio::test]
async fn lengths_that_lie() {
    let with =
        |fields: &str| format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n{fields}\r\n\r\n");
    let length = |length: &str| with(&format!("content-length: {length}"));
    for (answer, error) in [
        // More than comes: an attacker who cuts the line must not shorten the list of hosts.
        (length("2000") + POLICY, FetchError::Broken),
        (length("65537") + POLICY, FetchError::TooLong),
        (length("9223372036854775807") + POLICY, FetchError::TooLong),
        (length("99999999999999999999") + POLICY, FetchError::NotHttp),
        (length("-1") + POLICY, FetchError::NotHttp),
        (length("+77") + POLICY, FetchError::NotHttp),
        (length("x") + POLICY, FetchError::NotHttp),
        (
            length("77\r\ncontent-length: 78") + POLICY,
            FetchError::NotHttp,
        ),
        (
            with("transfer-encoding: chunked") + "5\r\nabc",
            FetchError::Broken,
        ),
        (
            with("transfer-encoding: chunked") + "5\r\nabcde\r\n",
            FetchError::Broken,
        ),
        (
            with("transfer-encoding: chunked") + "zz\r\nabc\r\n0\r\n\r\n",
            FetchError::NotHttp,
        ),
        (
            with("transfer-encoding: chunked") + "fffffffffffffffff\r\na",
            FetchError::NotHttp,
        ),
        (
            with("transfer-encoding: chunked") + "1\r\nabc\r\n0\r\n\r\n",
            FetchError::NotHttp,
        ),
    ] {
        let got = answered(&answer).await;
        assert_eq!(got.err(), Some(error), "{answer}");
    }
    // Less than comes: the rest is not looked at.
    let short = answered(length("9") + POLICY).await.unwrap();
    assert_eq!(short.body(), b"version: ");
    let none = answered(length("0") + POLICY).await.unwrap();
    assert_eq!(none.body(), b"");
}

/// Without a length the end of the connection is the end of the body, and only the end that the server
/// has signed: what TLS calls truncation.
#[tokio::test]
async fn a_body_that_somebody_cuts_is_none() {
    let ca = Ca::new();
    let server = Server::start(&ca.issue(&[HOST]), |mut stream: Stream| async move {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n{POLICY}");
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.flush().await;
        // No close_notify.
        let (mut tcp, _) = stream.into_inner();
        let _ = tcp.shutdown().await;
    })
    .await;
    assert_eq!(fetch(&ca, &server).await.err(), Some(FetchError::Broken));
    // Mutation: who takes an end for the end has a policy.
    let (_, body) = naive::get(&server, 10_000).await;
    assert_eq!(body, POLICY.as_bytes());
}

#[tokio::test]
async fn what_is_no_http() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(2 * MAX_HEAD));
    let many = format!(
        "HTTP/1.1 200 OK\r\n{}\r\n",
        "x: y\r\n".repeat(MAX_FIELDS + 1)
    );
    for garbage in [
        "220 mx.example.org ESMTP\r\n",
        "version: STSv1\r\nmode: none\r\nmax_age: 1\r\n",
        "<html>\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: y\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: \0\r\n\r\n",
        "\0\0\x12\x04\0\0\0\0\0",
        &long,
        &many,
    ] {
        let got = answered(garbage).await;
        assert_eq!(got.err(), Some(FetchError::NotHttp), "{garbage:?}");
    }
    for broken in ["", "HTTP/1.1 200 OK\r\nx: y", "HTTP"] {
        let got = answered(broken).await;
        assert_eq!(got.err(), Some(FetchError::Broken), "{broken:?}");
    }
    // Mutation: as many fields as there may be, and nearly as long ones.
    let head = "HTTP/1.1 200 OK\r\n";
    for good in [
        format!("{head}{}\r\n", "x: y\r\n".repeat(MAX_FIELDS)),
        format!("{head}x: {}\r\n\r\n", "a".repeat(MAX_HEAD - 100)),
    ] {
        assert!(answered(&good).await.is_ok(), "{good}");
    }
}

/// Sends the beginning, and then the rest again and again, for as long as somebody takes it.
fn endless(beginning: &'static str, again: &'static str) -> Serve {
    let again: Arc<[u8]> = again.repeat(1 + 4000 / again.len()).into_bytes().into();
    Box::new(move |mut stream: Stream| {
        let again = Arc::clone(&again);
        Box::pin(async move {
            let _ = stream.write_all(beginning.as_bytes()).await;
            while stream.write_all(&again).await.is_ok() {}
        })
    })
}

#[tokio::test]
async fn what_has_no_end_is_not_waited_for() {
    let ca = Ca::new();
    let made = ca.issue(&[HOST]);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let extended = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;";
    let trailers = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n";
    for (beginning, again, error) in [
        (head, "mx: a.example\r\n", FetchError::TooLong),
        (chunked, "1\r\na\r\n", FetchError::TooLong),
        (chunked, "00000000000000000000", FetchError::TooLong),
        (extended, "a=b;", FetchError::NotHttp),
        (trailers, "x: y\r\n", FetchError::NotHttp),
        ("HTTP/1.1 200 OK\r\n", "x: y\r\n", FetchError::NotHttp),
        ("HTTP/1.1 200 ", "OK ", FetchError::NotHttp),
        ("", "HTTP/1.1 100 Continue\r\n\r\n", FetchError::TooLong),
        ("", "\r\n", FetchError::NotHttp),
    ] {
        let server = Server::start(&made, endless(beginning, again)).await;
        let got = fetch(&ca, &server).await;
        assert_eq!(got.err(), Some(error), "{beginning:?} {again:?}");
        // Mutation: who takes what comes takes more than we ever would.
        let (head, body) = naive::get(&server, 2 * MAX_OCTETS).await;
        assert!(head.len() + body.len() >= 2 * MAX_OCTETS);
    }
}

/// The octet after the last that may be is enough to know: nobody waits for the rest, which never comes.
#[tokio::test]
async fn the_first_octet_too_many_is_the_last_that_is_read() {
    let ca = Ca::new();
    let made = ca.issue(&[HOST]);
    let body = "\n".repeat(MAX_POLICY);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10000\r\n{body}\r\nffff\r\nx"
    );
    let closed = format!("HTTP/1.1 200 OK\r\n\r\n{body}x");
    for answer in [chunked, closed] {
        let server = Server::start(&made, move |mut stream: Stream| {
            let answer = answer.clone();
            async move {
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.flush().await;
                std::future::pending::<()>().await;
            }
        })
        .await;
        assert_eq!(fetch(&ca, &server).await.err(), Some(FetchError::TooLong));
    }
}

#[tokio::test]
async fn errors_say_what_they_mean() {
    let error = answered("").await.unwrap_err();
    assert_eq!(
        (error.code(), error.failure()),
        ("fetch.broken", FetchFailure::Network)
    );
    assert_eq!(error.result_type(), Some(ResultType::StsPolicyFetchError));
    assert_eq!(FetchError::TooLong.failure(), FetchFailure::TooLong);
    assert_eq!(FetchError::Timeout.failure(), FetchFailure::Timeout);
}
