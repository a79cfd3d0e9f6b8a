//! Policy hosts that cannot prove that they are.

use crate::{
    naive,
    server::{HOST, POLICY, Server, far, fetch, fetcher, ok, plain, request, says, zone},
    support::{Ca, Made, now},
};
use rcgen::{PKCS_ECDSA_P256_SHA256, date_time_ymd};
use tls_policy::{
    fetch::{CertificateFault, FetchError},
    sts::FetchFailure,
    tlsrpt::ResultType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn self_signed() -> Made {
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    Made {
        chain: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
        leaf: made.cert.der().clone(),
    }
}

#[tokio::test]
async fn certificates_that_do_not_authenticate_the_host() {
    let ca = Ca::new();
    let until = |year| {
        ca.issue_with(&[HOST], &PKCS_ECDSA_P256_SHA256, |params| {
            params.not_after = date_time_ymd(year, 1, 1);
        })
    };
    let from = |year| {
        ca.issue_with(&[HOST], &PKCS_ECDSA_P256_SHA256, |params| {
            params.not_before = date_time_ymd(year, 1, 1);
        })
    };
    let named = |name: &str| ca.issue(&[name]);
    // The leaf without the intermediate that it needs.
    let mut alone = ca.issue(&[HOST]);
    alone.chain.truncate(alone.chain.find("-----END").unwrap());
    alone.chain += "-----END CERTIFICATE-----\n";
    for (made, fault) in [
        (until(2021), CertificateFault::Expired),
        (from(2030), CertificateFault::NotYetValid),
        (named("mx.example.org"), CertificateFault::OtherName),
        (named("example.org"), CertificateFault::OtherName),
        (named("mta-sts.example.net"), CertificateFault::OtherName),
        (named("a.mta-sts.example.org"), CertificateFault::OtherName),
        (named("*.mta-sts.example.org"), CertificateFault::OtherName),
        (named("*.org"), CertificateFault::OtherName),
        (named("127.0.0.1"), CertificateFault::OtherName),
        (self_signed(), CertificateFault::UnknownIssuer),
        (Ca::new().issue(&[HOST]), CertificateFault::UnknownIssuer),
        (alone, CertificateFault::UnknownIssuer),
    ] {
        let server = Server::start(&made, says(ok("", POLICY))).await;
        let error = fetch(&ca, &server).await.unwrap_err();
        assert_eq!(error, FetchError::Certificate(fault));
        assert_eq!(error.failure(), FetchFailure::Certificate);
        assert_eq!(error.result_type(), Some(ResultType::StsWebpkiInvalid));
        // No request was sent to whomever that was.
        assert_eq!(server.requests(), [""; 0]);
        // Mutation: who believes every certificate has a policy.
        let (_, body) = naive::get(&server, 10_000).await;
        assert_eq!(body, POLICY.as_bytes());
    }
    let server = Server::start(&named(HOST), says(ok("", POLICY))).await;
    assert!(fetch(&ca, &server).await.is_ok());
}

#[tokio::test]
async fn wildcards_are_accepted_or_refused_as_one_likes() {
    let ca = Ca::new();
    for (names, wildcard) in [
        (&["*.example.org"][..], true),
        // The wildcard that is not needed is one, too.
        (&[HOST, "*.example.net"], true),
        (&[HOST, "mta-sts.example.net"], false),
    ] {
        let server = Server::start(&ca.issue(names), says(ok("", POLICY))).await;
        assert!(fetch(&ca, &server).await.is_ok(), "{names:?}");
        let strict = fetcher(&ca, zone(), server.port).without_wildcards();
        let answer = strict.policy(&request(), now(), far()).await;
        let error = FetchError::Certificate(CertificateFault::Wildcard);
        assert_eq!(answer.err(), wildcard.then_some(error), "{names:?}");
        // One request is that of the first fetcher.
        let requests = if wildcard { 1 } else { 2 };
        assert!(
            server
                .requests()
                .iter()
                .filter(|head| !head.is_empty())
                .count()
                == requests
        );
    }
}

#[tokio::test]
async fn handshakes_that_come_to_nothing() {
    let ca = Ca::new();
    // Closed when the client has said hello; closed at once; something else than TLS.
    for answer in [
        "",
        "220 mx.example.org ESMTP\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "\x16\x03\x03\x00\x05\x02",
    ] {
        let server = Server::raw(move |mut stream| async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        })
        .await;
        let error = fetch(&ca, &server).await.unwrap_err();
        assert!(
            matches!(error, FetchError::Broken | FetchError::Handshake(_)),
            "{answer:?}: {error:?}"
        );
        assert_eq!(error.failure(), FetchFailure::Network);
    }
    // A server that speaks HTTP/2 only is told so, and hangs up.
    let mut config = plain(&ca.issue(&[HOST]));
    config.alpn_protocols = vec![b"h2".to_vec()];
    let server = Server::with(config, says(ok("", POLICY))).await;
    let error = fetch(&ca, &server).await.unwrap_err();
    assert!(matches!(error, FetchError::Handshake(_)), "{error:?}");
    // Mutation: the same with HTTP/1.1 besides.
    let mut config = plain(&ca.issue(&[HOST]));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = Server::with(config, says(ok("", POLICY))).await;
    assert!(fetch(&ca, &server).await.is_ok());
}
