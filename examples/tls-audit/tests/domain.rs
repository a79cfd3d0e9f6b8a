//! A whole domain on loopback: a zone in a file, an MX host with STARTTLS by rustls, and the report.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use mail_dns::{Security, Zone};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tls_audit::{Arguments, Dns, Net, Roots, Source, Target, Validates, examine, host, looked_up};
use tls_policy::audit::{Dnssec, Protocol, Tlsa};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

struct World {
    folder: tempfile::TempDir,
    port: u16,
    der: CertificateDer<'static>,
    acceptor: TlsAcceptor,
}

/// SMTP up to STARTTLS, and what rustls has for TLS.
async fn serve(mut stream: TcpStream, acceptor: TlsAcceptor) -> std::io::Result<()> {
    stream.write_all(b"220 mx.a.test ESMTP\r\n").await?;
    heard(&mut stream).await?;
    stream
        .write_all(b"250-mx.a.test\r\n250 STARTTLS\r\n")
        .await?;
    heard(&mut stream).await?;
    stream.write_all(b"220 ready\r\n").await?;
    let mut stream = acceptor.accept(stream).await?;
    heard(&mut stream).await?;
    stream.write_all(b"221 bye\r\n").await?;
    stream.shutdown().await
}

/// A line, whatever it says.
async fn heard<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<usize> {
    stream.read(&mut [0; 1024]).await
}

async fn world() -> World {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let names = ["mx.a.test".to_string(), "mta-sts.a.test".to_string()];
    let params = CertificateParams::new(names).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("roots.pem"), certificate.pem()).unwrap();
    let der = certificate.der().clone();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let for_mail = acceptor.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = for_mail.clone();
            // A handshake that fails is what the audit wants to see.
            tokio::spawn(async move { serve(stream, acceptor).await.ok() });
        }
    });
    World {
        folder,
        port: address.port(),
        der,
        acceptor,
    }
}

impl World {
    /// A policy host that has this to say; its port.
    async fn policy_host(&self, answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = self.acceptor.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let _ = heard(&mut stream).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        port
    }

    fn zone(&self, records: &str) -> PathBuf {
        let path = self.folder.path().join("zone.json");
        fs::write(&path, records).unwrap();
        path
    }

    fn arguments(&self, zone: &Path, more: &[&str]) -> Arguments {
        let (port, roots) = (self.port.to_string(), self.folder.path().join("roots.pem"));
        let words = [
            "tls-audit",
            "--pause",
            "0",
            "--timeout",
            "30",
            "--mx-port",
            &port,
            "--roots",
        ];
        let mut words: Vec<&str> = words.to_vec();
        words.extend([roots.to_str().unwrap(), "--zone", zone.to_str().unwrap()]);
        words.extend(more);
        Arguments::parse_from(words)
    }
}

async fn run(arguments: &Arguments) -> (String, u8) {
    tls_audit::run(arguments, SystemTime::now(), Instant::now())
        .await
        .unwrap()
}

const GOOD: &str = r#"{
    "a.test": [["MX", 10, "mx.a.test"], ["TXT", ["v=spf1 mx -all"]]],
    "mx.a.test": [["A", "127.0.0.1"]],
    "_dmarc.a.test": [["TXT", ["v=DMARC1; p=reject; rua=mailto:d@a.test"]]],
    "_smtp._tls.a.test": [["TXT", ["v=TLSRPTv1; rua=mailto:t@b.test"]]],
    "key._domainkey.a.test": [["TXT", ["v=DKIM1; p="]]]
}"#;

#[tokio::test]
async fn a_domain_on_loopback_is_known_as_it_is() {
    let world = world().await;
    let zone = world.zone(GOOD);
    let (text, status) = run(&world.arguments(&zone, &["--facts", "a.test"])).await;
    assert_eq!(status, 0);
    let facts: Value = serde_json::from_str(&text).unwrap();
    let at = |path: &str| {
        facts
            .pointer(path)
            .unwrap_or_else(|| panic!("{path}: {text}"))
            .clone()
    };
    assert_eq!(at("/domain/spf/known/value/valid/all"), "fail");
    assert_eq!(at("/domain/spf/known/value/valid/lookups"), 1);
    assert_eq!(at("/domain/dmarc/known/value/valid/policy"), "reject");
    assert_eq!(at("/domain/dkim_node/known/value"), true);
    assert_eq!(
        at("/domain/tlsrpt_record/known/value/0"),
        "v=TLSRPTv1; rua=mailto:t@b.test"
    );
    assert_eq!(
        at("/domain/sts_record/known/value"),
        Value::Array(Vec::new())
    );
    // A file validates nothing.
    assert_eq!(at("/domain/dnssec/unknown/cause"), "not-visible");
    assert_eq!(at("/hosts/0/name"), "mx.a.test");
    assert_eq!(at("/hosts/0/addresses/known/value/0"), "127.0.0.1");
    assert_eq!(at("/services/0/starttls/known/value"), true);
    let tls = |name: &str| at(&format!("/services/0/tls/{name}/known/value"));
    assert_eq!(
        (tls("tls13"), tls("tls12"), tls("tls11")),
        (true.into(), true.into(), false.into())
    );
    assert_eq!(tls("suites13")["accepted"].as_array().unwrap().len(), 3);
    assert_eq!(
        tls("suites12")["accepted"],
        serde_json::json!([0xCCA9, 0xC02C, 0xC02B])
    );
    assert_eq!(tls("early_data"), false);
    assert_eq!(
        at("/services/0/chains/known/value/0/trusted/known/value"),
        true
    );
    assert_eq!(
        at("/services/0/chains/known/value/0/name_matches/known/value"),
        true
    );
}

/// 3 0 0 with the certificate that the host shows, or with another one.
#[tokio::test]
async fn dane_is_held_against_what_the_host_shows() {
    let world = world().await;
    let net = Net::new(Duration::from_secs(30), Duration::ZERO);
    let target = Target {
        host: "mx.a.test".into(),
        protocol: Protocol::Smtp,
        address: SocketAddr::from(([127, 0, 0, 1], world.port)),
    };
    let (now, instant) = (SystemTime::now(), Instant::now());
    let service = examine(&net, &target, 100, &Roots::new([]), now).await;
    let full = [&[3, 0, 0], &*world.der].concat();
    // Another key's digest.
    let other = [&[3, 1, 1], &[0; 32][..]].concat();
    for (record, matches) in [(full, true), (other, false)] {
        let zone = Zone::new().with_security(Security::Secure);
        let zone = zone.mx("a.test", 10, "mx.a.test").unwrap();
        let zone = zone.address("mx.a.test", [127, 0, 0, 1]).unwrap();
        let zone = zone.tlsa("_25._tcp.mx.a.test", &record).unwrap();
        let dns = Dns::new(
            Source::Zone(zone),
            Validates::Yes,
            now,
            instant + Duration::from_secs(30),
        );
        let (domain, name) = ("a.test".parse().unwrap(), "mx.a.test".parse().unwrap());
        let found = looked_up(&dns, &domain).await;
        assert_eq!(found[0].host, name);
        let facts = host(&dns, &name, found.first(), &service.facts.chains, now).await;
        assert_eq!(
            facts.tlsa_matches.get(),
            Some(&matches),
            "{:?}",
            facts.tlsa_matches
        );
        assert_eq!(facts.tlsa_dnssec.get(), Some(&Dnssec::Secure));
        let shown = Tlsa::new(3, record[1], record[2], true);
        assert_eq!(facts.tlsa.get().unwrap(), &[shown]);
    }
}

#[tokio::test]
async fn a_zone_can_be_taken_for_signed() {
    let world = world().await;
    let zone = world.zone(GOOD);
    let arguments = world.arguments(&zone, &["--facts", "--zone-is-signed", "a.test"]);
    let facts: Value = serde_json::from_str(&run(&arguments).await.0).unwrap();
    let at = |path: &str| {
        facts
            .pointer(path)
            .unwrap_or_else(|| panic!("{path}: {facts}"))
    };
    assert_eq!(at("/domain/mx_dnssec/known/value"), "secure");
    assert_eq!(at("/hosts/0/dnssec/known/value"), "secure");
    assert_eq!(at("/hosts/0/tlsa_dnssec/known/value"), "secure");
    assert_eq!(at("/hosts/0/tlsa/known/value"), &Value::Array(Vec::new()));
}

#[tokio::test]
async fn the_report_is_for_people_or_for_programs_and_facts_can_be_judged_again() {
    let world = world().await;
    let zone = world.zone(GOOD);
    let (facts, _) = run(&world.arguments(&zone, &["--facts", "a.test"])).await;
    let saved = world.folder.path().join("facts.json");
    fs::write(&saved, facts).unwrap();
    let again = [
        "--facts-from",
        saved.to_str().unwrap(),
        "--set",
        "TR_03108@2.0,TR_03182@1.0,TR_02102_2@2026-01",
    ];
    let (people, status) = run(&world.arguments(&zone, &[&again[..], &["a.test"]].concat())).await;
    let (json, same) =
        run(&world.arguments(&zone, &[&again[..], &["--json", "a.test"]].concat())).await;
    let report: Value = serde_json::from_str(&json).unwrap();
    // rustls offers ChaCha20 and X25519, which BSI does not list.
    assert_eq!((status, same), (1, 1), "{people}");
    let verdict = |rule: &str| {
        let rows = report["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["rule"] == rule);
        row.unwrap_or_else(|| panic!("{rule}: {json}"))["verdict"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(verdict("versions"), "met");
    assert_eq!(verdict("suites-1.3"), "not-met");
    assert_eq!(verdict("TR-03108-10-M"), "met");
    assert!(
        !format!("{people}{json}")
            .to_lowercase()
            .contains("certified")
    );
    assert!(people.contains("TLS_CHACHA20_POLY1305_SHA256"), "{people}");
}

#[tokio::test]
async fn a_host_that_is_not_there_and_a_name_that_is_none_are_told_apart() {
    let world = world().await;
    let zone = world.zone(r#"{"a.test": [["TIMEOUT"]], "b.test": [["A", "127.0.0.1"]]}"#);
    let (text, _) = run(&world.arguments(&zone, &["--facts", "a.test"])).await;
    let facts: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        facts.pointer("/domain/mx/unknown/cause").unwrap(),
        "time-out",
        "{text}"
    );
    // A host, because there are no MX records; nobody listens.
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let service = format!("imaps:{free}");
    let (text, _) =
        run(&world.arguments(&zone, &["--facts", "--service", &service, "b.test"])).await;
    let facts: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        facts
            .pointer("/services/0/reachable/unknown/cause")
            .unwrap(),
        "refused",
        "{text}"
    );
    assert!(facts.get("domain").is_none());
    let wrong = world.arguments(&zone, &["a..test"]);
    assert!(
        tls_audit::run(&wrong, SystemTime::now(), Instant::now())
            .await
            .is_err()
    );
}

/// The policy is fetched from the host that the DNS names, and read by the rules; what is no policy is refused.
#[tokio::test]
async fn the_mta_sts_policy_is_fetched_and_judged() {
    const POLICY: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 59\r\n\r\n\
        version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 604800\n";
    const GONE: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let records = GOOD.replacen(
        '{',
        r#"{ "_mta-sts.a.test": [["TXT", ["v=STSv1; id=1;"]]], "mta-sts.a.test": [["A", "127.0.0.1"]],"#,
        1,
    );
    let world = world().await;
    let zone = world.zone(&records);
    for (answer, says, verdict) in [(POLICY, "text", "met"), (GONE, "refused", "not-met")] {
        let port = world.policy_host(answer).await.to_string();
        let more = ["--policy-port-on-loopback", &port, "--budget", "4"];
        let facts = world.arguments(&zone, &[&more[..], &["--facts", "a.test"]].concat());
        let (text, _) = run(&facts).await;
        let facts: Value = serde_json::from_str(&text).unwrap();
        let body = &facts["domain"]["sts_policy"]["known"]["value"];
        assert!(body[says].is_string(), "{says}: {body}");
        let report = [&more[..], &["--json", "--set", "TR_03108@2.0", "a.test"]].concat();
        let (text, _) = run(&world.arguments(&zone, &report)).await;
        let report: Value = serde_json::from_str(&text).unwrap();
        let rows = report["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["rule"] == "TR-03108-07-R");
        assert_eq!(row.unwrap()["verdict"], verdict, "{text}");
    }
}

/// What only the operator knows comes from a file, and counts for nobody else.
#[tokio::test]
async fn what_the_operator_says_counts_for_his_own_service_alone() {
    let world = world().await;
    let zone = world.zone(GOOD);
    let own = world.folder.path().join("own.json");
    let said = r#"{ "subject": "own", "name": "a.test", "attestations":
        [{ "topic": "security-concept", "by": "R. Operator", "on": "2026-11-01" }] }"#;
    fs::write(&own, said).unwrap();
    let more = ["--budget", "4", "--json", "--set", "TR_03108@2.0"];
    for (own, verdict) in [(Some(&own), "attested"), (None, "not-applicable")] {
        let mut words: Vec<&str> = more.to_vec();
        if let Some(own) = own {
            words.extend(["--own", own.to_str().unwrap()]);
        }
        words.push("a.test");
        let (text, _) = run(&world.arguments(&zone, &words)).await;
        let report: Value = serde_json::from_str(&text).unwrap();
        let rows = report["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["rule"] == "TR-03108-13-M");
        assert_eq!(row.unwrap()["verdict"], verdict, "{text}");
    }
}
