//! What the listeners show of TLS: what the profile allows and nothing else; and new certificates without a restart.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

use crate::common::service::{Options, Service};
use crate::common::smtp::Smtp;
use crate::common::{Peer, eventually};

fn start(profile: &str) -> Service {
    Service::start_with(&Options::default().profile(profile))
}

/// Whether `openssl s_client` with these arguments comes to an end of the handshake, on SMTP and on POP3S.
fn connects(service: &Service, args: &str) -> bool {
    let smtp = service.smtp().to_string();
    let pop3s = service.pop3().to_string();
    let said = [
        s_client(&["-connect", &smtp, "-starttls", "smtp"], args),
        s_client(&["-connect", &pop3s], args),
    ];
    assert_eq!(said[0], said[1], "{args}: SMTP and POP3S differ");
    said[0]
}

fn s_client(to: &[&str], args: &str) -> bool {
    let mut command = Command::new("openssl");
    command
        .arg("s_client")
        .args(to)
        .args(args.split_whitespace());
    let out = command.arg("-brief").stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    // Refused by the client itself, it would prove nothing.
    for own in [
        "no ciphers available",
        "Error with command",
        "Usage",
        "no cipher match",
    ] {
        assert!(!text.contains(own), "{args}: {text}");
    }
    let done = text.contains("CONNECTION ESTABLISHED");
    let failed = text.contains("alert") || text.contains("error");
    assert!(done || failed, "{args}: {text}");
    done
}

#[test]
#[ignore = "interop: needs openssl"]
fn interop_openssl_finds_only_what_the_profile_of_the_service_allows() {
    let services = [start("normal"), start("bsi")];
    for (args, allowed) in [
        ("", [true, true]),
        ("-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256", [true, true]),
        (
            "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256",
            [true, false],
        ),
        ("-tls1_3 -groups P-256", [true, true]),
        ("-tls1_3 -groups X25519", [true, false]),
        ("-tls1_3 -groups P-521", [false, false]),
        (
            "-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384",
            [true, true],
        ),
        (
            "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0",
            [false, false],
        ),
        ("-tls1_2 -cipher kDHE:@SECLEVEL=0", [false, false]),
        ("-tls1_2 -cipher kRSA:@SECLEVEL=0", [false, false]),
        ("-tls1_1 -cipher ALL:@SECLEVEL=0", [false, false]),
        ("-tls1 -cipher ALL:@SECLEVEL=0", [false, false]),
    ] {
        for (service, allowed) in services.iter().zip(allowed) {
            assert_eq!(connects(service, args), allowed, "{args}");
        }
    }
}

/// Versions, and suites with their versions, that sslscan has found.
fn scan(to: &str, more: &[&str]) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut command = Command::new("sslscan");
    command.args(["--no-colour", "--no-heartbleed"]);
    let out = command.args(more).arg(to).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let line = |line: &&str| line.starts_with("Preferred ") || line.starts_with("Accepted ");
    let lines: Vec<&str> = text.lines().filter(line).collect();
    assert!(!lines.is_empty(), "{text}");
    let word = |line: &&str, at| {
        line.split_whitespace()
            .nth(at)
            .unwrap_or_default()
            .to_owned()
    };
    let versions = lines.iter().map(|line| word(line, 1)).collect();
    let suites = lines.iter().map(|line| word(line, 4)).collect();
    (versions, suites)
}

#[test]
#[ignore = "interop: needs sslscan"]
fn interop_sslscan_finds_only_what_the_profile_of_the_service_allows() {
    let set = |all: &[&str]| {
        all.iter()
            .map(|&one| one.to_owned())
            .collect::<BTreeSet<_>>()
    };
    let bsi = [
        "TLS_AES_256_GCM_SHA384",
        "TLS_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    ];
    let normal = [
        "TLS_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ];
    for (profile, suites) in [
        ("bsi", set(&bsi)),
        ("normal", set(&[&bsi[..], &normal].concat())),
    ] {
        let service = start(profile);
        for (to, more) in [
            (service.smtp().to_string(), &["--starttls-smtp"][..]),
            (service.pop3().to_string(), &[]),
        ] {
            let (versions, found) = scan(&to, more);
            assert_eq!(versions, set(&["TLSv1.2", "TLSv1.3"]), "{profile} {more:?}");
            assert_eq!(found, suites, "{profile} {more:?}");
        }
    }
}

/// A certificate of its own with its key, in the files of a folder.
struct Pair {
    folder: TempDir,
}

impl Pair {
    fn new() -> Self {
        let pair = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        pair.renew();
        pair
    }

    fn paths(&self) -> [PathBuf; 2] {
        ["chain.pem", "key.pem"].map(|name| self.folder.path().join(name))
    }

    /// Puts another one in its place.
    fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["mail.b.test".to_owned()]).unwrap();
        let [chain, key] = self.paths();
        std::fs::write(key, made.signing_key.serialize_pem()).unwrap();
        std::fs::write(chain, made.cert.pem()).unwrap();
        made.cert.der().clone()
    }
}

fn shown(service: &Service) -> CertificateDer<'static> {
    let session = Smtp::open(service.smtp()).unwrap().starttls().unwrap();
    session.0.certificate().expect("a server has a certificate")
}

fn read(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

#[test]
fn certificates_are_read_again_on_sighup_and_bad_ones_change_nothing() {
    let pair = Pair::new();
    let [chain, key] = pair.paths();
    let service = Service::start_with(&Options::default().certificate(&chain, &key));
    let first = read(&chain);
    assert_eq!(shown(&service), first);
    // A connection that is there goes on.
    let mut open = Smtp::open(service.smtp()).unwrap().starttls().unwrap();
    let second = pair.renew();
    // Nothing is read before it is asked for.
    assert_eq!(shown(&service), first);
    service.hang_up();
    eventually("the new certificate is shown", || shown(&service) == second);
    open.command("NOOP").unwrap().expect(250);
    // What cannot be used: another key's certificate, then none at all.
    let other = rcgen::generate_simple_self_signed(["mail.b.test".to_owned()]).unwrap();
    for text in [other.cert.pem(), "nonsense".to_owned()] {
        std::fs::write(&chain, text).unwrap();
        service.hang_up();
        let sees = service.warned("the old certificates stay");
        assert!(sees, "nobody was told");
        assert_eq!(shown(&service), second);
    }
    let third = pair.renew();
    service.hang_up();
    eventually("the third certificate is shown", || {
        shown(&service) == third
    });
}
