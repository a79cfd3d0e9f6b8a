//! The DANE cases of OpenSSL's own tests (`danetest.in`, `dane-cross.in`): verdict, class and depth
//! of every case. They are read from a folder, `LETTERLOCK_VECTORS` or `../shared/vectors` beside
//! the workspace, and are no part of this project.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(feature = "aws-lc-rs")]

use dane_tlsa::{Class, Crypto, EndEntityNames, Matcher, References, Roots, RrSet, Tlsa, Verdict};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

/// One case: a header, records, certificates.
struct Case {
    at: String,
    records: Vec<Tlsa>,
    chain: Vec<CertificateDer<'static>>,
    names: EndEntityNames,
    /// An `X509_V_ERR_…`.
    error: u32,
    depth: Option<usize>,
}

#[test]
#[ignore = "conformance: needs OpenSSL's DANE cases"]
fn conformance_openssl_dane() {
    let folder = std::env::var_os("LETTERLOCK_VECTORS").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../../shared/vectors"
            ))
        },
        PathBuf::from,
    );
    let folder = folder.join("openssl-dane");
    let (mut passed, mut failed) = (0, Vec::new());
    for (cases, host, roots) in [
        ("danetest.in", "example.com", "danetest.pem"),
        ("dane-cross.in", "server.example", "cross-root.pem"),
    ] {
        let roots = certificates(&std::fs::read_to_string(folder.join(roots)).unwrap());
        for case in read(&folder.join(cases)) {
            let verdict = judge(&case, host, &roots);
            let class = match case.error {
                0 => Class::Match,
                20 => Class::Untrusted,
                62 => Class::NameMismatch,
                65 => Class::NoMatch,
                other => panic!("{}: unknown error {other}", case.at),
            };
            if (verdict.class(), verdict.depth()) == (class, case.depth) {
                passed += 1;
            } else {
                let Case {
                    at, error, depth, ..
                } = case;
                failed.push(format!("{at}: {verdict:?}, not {error} at {depth:?}"));
            }
        }
    }
    println!("openssl_dane: {passed} of {}", passed + failed.len());
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(passed > 0, "no case was run");
}

fn judge(case: &Case, host: &str, roots: &[CertificateDer<'static>]) -> Verdict {
    let records = RrSet::new(case.records.clone()).assume_secure();
    let roots = Arc::new(Roots::new(roots.iter().cloned()));
    let Some(usable) = records.usable_with_roots(roots) else {
        return Verdict::unusable();
    };
    // 2026, in which all that the suite holds are valid.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_000_000);
    let (end_entity, rest) = case.chain.split_first().unwrap();
    Matcher::new(
        usable,
        References::new([host]).unwrap(),
        Crypto::aws_lc_rs(),
    )
    .with_end_entity_names(case.names)
    .check(end_entity, rest, now)
}

fn read(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim()));
    let mut cases = Vec::new();
    while let Some((at, line)) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let header: Vec<i32> = line.split(' ').map(|n| n.parse().unwrap()).collect();
        let [records, chain, no_names, error, depth] = header[..] else {
            panic!("{}:{at}: no header: {line}", path.display());
        };
        let mut content = lines.by_ref().map(|(_, line)| line);
        let mut next = || {
            content
                .by_ref()
                .find(|l| !l.is_empty() && !l.starts_with('#'))
                .unwrap()
        };
        let records = (0..records).map(|_| next().parse().unwrap()).collect();
        let mut pem = String::new();
        for _ in 0..chain {
            loop {
                let line = next();
                pem.push_str(line);
                pem.push('\n');
                if line.starts_with("-----END") {
                    break;
                }
            }
        }
        cases.push(Case {
            at: format!("{}:{at}", path.file_name().unwrap().display()),
            records,
            chain: certificates(&pem),
            names: match no_names {
                0 => EndEntityNames::Checked,
                _ => EndEntityNames::Ignored,
            },
            error: error.try_into().unwrap(),
            depth: depth.try_into().ok(),
        });
    }
    cases
}

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    let all: Result<_, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    all.unwrap()
}
