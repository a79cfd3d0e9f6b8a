//! OpenSSL beside this crate, in real handshakes on loopback: one `openssl s_server` for each chain,
//! to which `openssl s_client -dane_tlsa_domain` and rustls with our verifier connect, with every
//! usage, selector and digest. Verdict and class must be equal, but for a list of differences, each
//! of which must be found. `cargo xtask interop openssl` runs this.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]
#![cfg(all(feature = "rustls-0_23", feature = "aws-lc-rs"))]

mod common;

use common::{HOST, record, zoo::zoo};
use dane_tlsa::{
    Class, Crypto, DaneFailure, DaneVerifier, EndEntityNames, Matcher, References, Roots, RrSet,
};
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, Stdio},
    sync::Arc,
};

/// Chains, each with one fault at most: the server's certificate, and the rest.
const CHAINS: &[&[&str]] = &[
    &["leaf", "int", "root"],
    &["leaf", "int"],
    &["leaf"],
    &["leaf", "root"],
    &["leaf-other", "int", "root"],
    &["leaf-expired", "int", "root"],
    &["leaf-future", "int", "root"],
    &["leaf", "int-expired", "root"],
    &["leaf", "int", "root-expired"],
    &["leaf", "int", "root-cross", "other-root"],
    &["leaf", "int-cross", "other-root"],
    &["leaf-forged", "int", "root"],
    &["leaf", "int-forged", "root"],
    &["leaf", "int-no-ca", "root"],
    &["leaf", "int-no-sign", "root"],
    &["leaf-of-sub", "sub", "int-path0", "root"],
    &["leaf", "int-client", "root"],
    &["leaf-client", "int", "root"],
    &["leaf-sign-only", "int", "root"],
    &["leaf", "int-constrained", "root"],
    &["leaf", "int-permitted", "root"],
    &["leaf", "int-critical", "root"],
    &["leaf-critical", "int", "root"],
    &["leaf-wildcard", "int", "root"],
    &["self"],
    // The differences.
    &["leaf-cn", "int", "root"],
    &["leaf-partial", "int", "root"],
    &["leaf-ca", "int", "root"],
    &["leaf-v1", "int", "root"],
    &["self-ca"],
];

/// Beginnings of chains and of records, OpenSSL's class, ours, and why.
type Difference = (
    &'static [&'static str],
    &'static [&'static str],
    Class,
    Class,
    &'static str,
);

/// What the two may say differently. Everything else must be equal, and each of these be found.
const DIFFERENCES: &[Difference] = &[
    (
        &["leaf-cn"],
        &["0", "1", "2", "3"],
        Class::Match,
        Class::NameMismatch,
        "names come from the SAN alone",
    ),
    (
        &["leaf-partial"],
        &["0", "1", "2", "3"],
        Class::Match,
        Class::NameMismatch,
        "a partial wildcard stands for nothing",
    ),
    (
        &["leaf-ca"],
        &["0", "1", "2"],
        Class::Match,
        Class::Untrusted,
        "an authority is no server",
    ),
    (
        &["leaf-v1"],
        &["0", "1", "2"],
        Class::Match,
        Class::NoMatch,
        "usage 3 alone is about version 1",
    ),
    (
        &["leaf-critical"],
        &["0", "1", "2"],
        Class::Untrusted,
        Class::NoMatch,
        "usage 3 alone is about what webpki cannot read",
    ),
    (
        &["leaf-v1", "leaf-critical"],
        &["3"],
        Class::Match,
        Class::NameMismatch,
        "names come from what webpki can read",
    ),
    (
        &["self", "self-ca"],
        &["2 1 0"],
        Class::Match,
        Class::NoMatch,
        "a server's own key is no authority",
    ),
    (
        &["leaf int-expired"],
        &["2"],
        Class::Match,
        Class::Expired,
        "the dates of an anchor count, whether it has issued itself or not",
    ),
];

fn begins(chain: &[&str], start: &str) -> bool {
    let chain = chain.join(" ") + " ";
    chain.starts_with(&format!("{start} "))
}

struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// `openssl s_server` on a port of its own choice.
    fn start(folder: &std::path::Path, chain: &[&str]) -> Self {
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let key = common::zoo::pem_block("PRIVATE KEY", &zoo().key(chain[0]).serialize_der());
        let mut command = Command::new("openssl");
        command
            // A web server, because anything else ends where its input does.
            .args(["s_server", "-accept", "127.0.0.1:0", "-www"])
            .arg("-cert")
            .arg(file("leaf.pem", &zoo().pem(&chain[..1])))
            .arg("-key")
            .arg(file("key.pem", &key));
        if chain.len() > 1 {
            command
                .arg("-cert_chain")
                .arg(file("chain.pem", &zoo().pem(&chain[1..])));
        }
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map(Result::unwrap).find_map(|line| {
            line.strip_prefix("ACCEPT 127.0.0.1:")
                .map(|port| port.trim().parse().unwrap())
        });
        // What it says of each connection has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            port: port.unwrap(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "interop: needs openssl"]
fn interop_openssl_agrees_on_every_chain_and_record() {
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, zoo().pem(&["root"])).unwrap();
    let (mut compared, mut faults, mut unseen) =
        (0, Vec::new(), BTreeSet::from_iter(0..DIFFERENCES.len()));
    for chain in CHAINS {
        let server = Server::start(folder.path(), chain);
        let mut about: Vec<&str> = chain.to_vec();
        about.extend(["root", "int", "leaf-of-root"]);
        about.sort_unstable();
        about.dedup();
        for names in [EndEntityNames::Checked, EndEntityNames::Ignored] {
            let usages = if names == EndEntityNames::Checked {
                0..=3
            } else {
                3..=3
            };
            for usage in usages {
                for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
                    for name in &about {
                        // Of what is not sent one form is enough, besides the whole ones.
                        let sent = chain.contains(name);
                        if !sent && matching == 2 {
                            continue;
                        }
                        let fields = format!("{usage} {selector} {matching}");
                        let tlsa = format!("{fields} {name}");
                        let theirs = openssl(&server, &tlsa, names, &roots);
                        let ours = ours(&server, &tlsa, names);
                        compared += 1;
                        if theirs == ours {
                            continue;
                        }
                        let known = DIFFERENCES.iter().position(
                            |(chains, records, theirs_is, ours_is, _)| {
                                chains.iter().any(|start| begins(chain, start))
                                    && records.iter().any(|start| fields.starts_with(start))
                                    && (theirs, ours) == (*theirs_is, *ours_is)
                            },
                        );
                        match known {
                            Some(at) => {
                                unseen.remove(&at);
                            }
                            None => faults.push(format!(
                                "{chain:?} {tlsa} {names:?}: {theirs:?}, we {ours:?}"
                            )),
                        }
                    }
                }
            }
        }
    }
    println!("compared {compared} handshakes of each");
    assert!(
        faults.is_empty(),
        "{} of {compared}: {faults:#?}",
        faults.len()
    );
    let unseen: Vec<_> = unseen.into_iter().map(|at| DIFFERENCES[at]).collect();
    assert!(unseen.is_empty(), "no longer different: {unseen:?}");
    assert!(compared > 1000);
}

fn openssl(server: &Server, tlsa: &str, names: EndEntityNames, roots: &std::path::Path) -> Class {
    let record = record(zoo(), tlsa).to_string();
    let mut command = Command::new("openssl");
    command
        .args([
            "s_client",
            "-connect",
            &format!("127.0.0.1:{}", server.port),
        ])
        .args(["-dane_tlsa_domain", HOST, "-dane_tlsa_rrdata", &record])
        // The first fault is the verdict: otherwise it goes on, and the last one is.
        .args([
            "-verify_return_error",
            "-no-CApath",
            "-no-CAstore",
            "-CAfile",
        ])
        .arg(roots);
    if names == EndEntityNames::Ignored {
        command.arg("-dane_ee_no_namechecks");
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let code = text.lines().find_map(|line| {
        let code = line.trim().strip_prefix("Verify return code: ")?;
        code.split(' ').next()?.parse::<u32>().ok()
    });
    match code {
        Some(0) => Class::Match,
        Some(9 | 10) => Class::Expired,
        Some(62) => Class::NameMismatch,
        Some(65) => Class::NoMatch,
        Some(_) => Class::Untrusted,
        // It refuses the record before it connects.
        None if String::from_utf8_lossy(&output.stderr).contains("no usable TLSA") => {
            Class::Unusable
        }
        None => panic!("{tlsa}: {output:?}"),
    }
}

fn ours(server: &Server, tlsa: &str, names: EndEntityNames) -> Class {
    let records = RrSet::new([record(zoo(), tlsa)]).assume_secure();
    let roots = Roots::new(zoo().chain(&["root"]));
    let Some(usable) = records.usable_with_roots(Arc::new(roots)) else {
        return Class::Unusable;
    };
    let matcher = Matcher::new(
        usable,
        References::new([HOST]).unwrap(),
        Crypto::aws_lc_rs(),
    );
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = DaneVerifier::new(matcher.with_end_entity_names(names), provider);
    let config = Arc::new(verifier.client_config().unwrap());
    let mut client = rustls::ClientConnection::new(config, verifier.sni()).unwrap();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
    while client.is_handshaking() {
        let Err(error) = client.complete_io(&mut stream) else {
            continue;
        };
        let error = error
            .get_ref()
            .and_then(|e| e.downcast_ref::<rustls::Error>())
            .cloned();
        let failure = error.as_ref().and_then(DaneFailure::of).cloned();
        return failure
            .unwrap_or_else(|| panic!("{tlsa}: {error:?}"))
            .verdict()
            .class();
    }
    client.send_close_notify();
    let _ = client.complete_io(&mut stream);
    let _ = stream.flush();
    Class::Match
}
