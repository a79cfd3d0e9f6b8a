//! Names, fields and pages.

use super::http::{ask, clear, get, raw, tls};
use super::world::{SEALED, SITE, World};
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use symmetric_seal::link::Terms;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let world = World::new().await;
    let page = format!("/s/{ID}");
    let challenge = format!("/api/links/{ID}/challenge");
    for (method, host, path, status) in [
        ("GET", SITE, "/", 200),
        ("HEAD", SITE, "/", 200),
        ("GET", SITE, "/seal", 200),
        ("HEAD", SITE, "/seal", 200),
        ("GET", SITE, "/seal/x", 404),
        ("GET", SITE, "/api/seal", 405),
        ("POST", SITE, "/api/seal", 400),
        ("GET", SITE, "/assets/nothing.js", 404),
        ("GET", SITE, "/licences", 200),
        ("GET", SITE, "/nowhere", 404),
        ("GET", SITE, &page, 404),
        ("POST", SITE, &challenge, 404),
        ("DELETE", SITE, "/", 405),
        ("GET", SEALED, &page, 200),
        ("HEAD", SEALED, &page, 200),
        ("GET", SEALED, "/", 404),
        ("GET", SEALED, "/seal", 404),
        ("POST", SEALED, "/api/seal", 404),
        ("GET", SEALED, "/licences", 200),
        ("GET", SEALED, "/assets/nothing.js", 404),
        ("GET", SEALED, "/assets/../sealed.html", 404),
        ("GET", SEALED, &challenge, 405),
        ("POST", SEALED, &page, 405),
        ("POST", SEALED, &challenge, 400),
        ("GET", SEALED, "/s/%ff", 200),
        ("GET", SEALED, "/assets/%ff", 400),
    ] {
        let answer = ask(&world, method, host, path, "", b"").await;
        assert_eq!(answer.status, status, "{method} {host}{path}");
        let field = |name| answer.field(name);
        assert_eq!(
            field("strict-transport-security"),
            "max-age=31536000; includeSubDomains"
        );
        assert_eq!(field("cache-control"), "no-store");
        assert_eq!(field("referrer-policy"), "no-referrer");
        assert_eq!(field("x-content-type-options"), "nosniff");
        assert_eq!(field("x-frame-options"), "DENY");
        assert_eq!(field("cross-origin-opener-policy"), "same-origin");
        assert_eq!(field("cross-origin-resource-policy"), "same-origin");
        assert_eq!(field("cross-origin-embedder-policy"), "require-corp");
        assert!(field("permissions-policy").contains("camera=()"));
        assert!(field("x-robots-tag").contains("noindex"));
        let policy = field("content-security-policy");
        for part in [
            "default-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        for part in [
            "unsafe-inline",
            "'unsafe-eval'",
            "http:",
            "https:",
            "*",
            "blob:",
        ] {
            assert!(!policy.contains(part), "{policy}");
        }
        let scripts = host == SEALED || path == "/seal" || path.starts_with("/assets/");
        assert_eq!(policy.contains("wasm-unsafe-eval"), scripts, "{path}");
        assert_eq!(policy.contains("script-src"), scripts, "{path}");
        assert!(answer.all("set-cookie").is_empty() && answer.all("server").is_empty());
        assert!(answer.all("access-control-allow-origin").is_empty());
        if method == "HEAD" {
            assert!(answer.body.is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_a_link_consumes_nothing_and_tells_nothing() {
    let world = World::new().await;
    let issued = world.link(b"Subject: x\r\n\r\n", Terms::new(), None).await;
    let path = format!("/s/{}", *issued.id.to_text());
    let page = get(&world, SEALED, &path).await;
    // Link scanners look often, and with all that they have.
    for method in ["GET", "HEAD", "OPTIONS", "GET"] {
        ask(&world, method, SEALED, &path, "", b"").await;
    }
    assert_eq!(
        page.body,
        get(&world, SEALED, &format!("/s/{ID}")).await.body,
        "the same for all"
    );
    let status = world.links.status(&issued.id, &issued.sender, world.now());
    let status = status.await.unwrap().granted().unwrap();
    assert!(status.released.is_empty());
    assert_eq!(status.wrong_proofs, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_two_names_are_served_each_on_connections_of_its_own() {
    let world = World::new().await;
    let get = |host: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    for (sni, host, status) in [
        (SITE, SITE, 200),
        (SITE, "MAIL.B.TEST:8443", 200),
        (SITE, SEALED, 421),
        (SEALED, SITE, 421),
        (SITE, "elsewhere.test", 421),
        ("localhost", SITE, 421),
        ("127.0.0.1", SITE, 200),
        ("127.0.0.1", "127.0.0.1", 421),
    ] {
        let answer = raw(&world, sni, get(host).as_bytes()).await;
        assert_eq!(answer.status, status, "{sni} {host}");
        assert_eq!(answer.all("strict-transport-security").len(), 1);
    }
    let twice =
        format!("GET / HTTP/1.1\r\nHost: {SITE}\r\nHost: {SEALED}\r\nConnection: close\r\n\r\n");
    assert_eq!(raw(&world, SITE, twice.as_bytes()).await.status, 421);
    assert_eq!(
        raw(&world, SITE, b"GET / HTTP/1.0\r\n\r\n").await.status,
        421
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn http_leads_to_https_and_says_nothing_else() {
    let world = World::new().await;
    let port = world.https().port();
    let ask = async |method: &str, host: &str| {
        let text = format!(
            "{method} /s/{ID}?x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        );
        clear(world.http(), text.as_bytes()).await
    };
    for host in [SITE, SEALED] {
        let answer = ask("GET", host).await;
        assert_eq!(answer.status, 308);
        assert_eq!(
            answer.field("location"),
            format!("https://{host}:{port}/s/{ID}?x")
        );
        // RFC 6797 §7.2.
        assert!(answer.all("strict-transport-security").is_empty());
        assert_eq!(ask("POST", host).await.status, 403);
    }
    let elsewhere = ask("GET", "elsewhere.test").await;
    assert_eq!(elsewhere.status, 421);
    assert!(elsewhere.all("location").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_page_loads_is_there_whole_and_compressed() {
    let world = World::new().await;
    for (host, path) in [(SEALED, format!("/s/{ID}")), (SITE, "/seal".into())] {
        let page = get(&world, host, &path).await;
        assert_eq!(page.field("content-type"), "text/html; charset=utf-8");
        let html = String::from_utf8(page.body).unwrap();
        let assets: Vec<&str> = html
            .split('"')
            .filter(|part| part.starts_with("/assets/"))
            .collect();
        assert_eq!(assets.len(), 2);
        for path in assets {
            let plain = get(&world, host, path).await;
            assert_eq!(plain.status, 200);
            assert!(plain.all("content-encoding").is_empty());
            let gzip = ask(
                &world,
                "GET",
                host,
                path,
                "Accept-Encoding: br, gzip\r\n",
                b"",
            )
            .await;
            assert_eq!(gzip.field("content-encoding"), "gzip");
            assert_eq!(gzip.field("content-type"), plain.field("content-type"));
            assert_eq!(gzip.body[..2], [0x1f, 0x8b]);
            assert!(gzip.body.len() < plain.body.len() / 2);
            // Nothing of a page comes from elsewhere.
            let text = String::from_utf8(plain.body).unwrap();
            assert!(!text.contains("import(\"http") && !text.contains("url(http"));
        }
        assert!(!html.contains("http:") && !html.contains("https:"));
    }
    let licences = String::from_utf8(get(&world, SEALED, "/licences").await.body).unwrap();
    for name in ["argon2id", "dompurify", "openpgp", "postal-mime"] {
        assert!(licences.contains(&format!("\n{name} ")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_no_http_is_refused() {
    let world = World::new().await;
    let long = format!(
        "GET / HTTP/1.1\r\nHost: {SITE}\r\nX: {}\r\n\r\n",
        "x".repeat(20_000)
    );
    assert_eq!(raw(&world, SITE, long.as_bytes()).await.status, 431);
    let many = format!(
        "GET / HTTP/1.1\r\nHost: {SITE}\r\n{}\r\n",
        "X: y\r\n".repeat(100)
    );
    assert_eq!(raw(&world, SITE, many.as_bytes()).await.status, 431);
    // RFC 9112 §6.1 and §11.2: two lengths could be two requests.
    let both = format!(
        "POST /x HTTP/1.1\r\nHost: {SITE}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n123456"
    );
    assert_eq!(raw(&world, SITE, both.as_bytes()).await.status, 400);
    assert_eq!(raw(&world, SITE, b"EHLO mail\r\n\r\n").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_for_http_alone() {
    let world = World::new().await;
    for (protocols, accepted) in [
        (&[][..], true),
        (&["http/1.1"][..], true),
        (&["h2", "http/1.1"][..], true),
        (&["h2"][..], false),
        (&["imap"][..], false),
    ] {
        let mut config = tls(&world.certificate());
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(world.https()).await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from(SITE).unwrap();
        let connected = connector.connect(name, stream).await;
        assert_eq!(connected.is_ok(), accepted, "{protocols:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_does_not_keep_the_service_from_ending() {
    let world = World::new().await;
    let connector = TlsConnector::from(Arc::new(tls(&world.certificate())));
    let stream = TcpStream::connect(world.https()).await.unwrap();
    let name = ServerName::try_from(SITE).unwrap();
    let _idle = connector.connect(name, stream).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(60), world.server.shut_down());
    ended.await.expect("it ends");
}
