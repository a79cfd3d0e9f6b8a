//! With mail-auth in the graph, hickory is built to read the machine's certificates, and its own
//! set-up fails where there are none. Ours must not, on a bare machine or in a container.
#![cfg(feature = "second-opinion")]
#![allow(missing_docs, clippy::unwrap_used)]

use mail_dns::Hickory;
use std::process::Command;

const NOWHERE: &str = "/nonexistent/certificates";

#[test]
fn a_resolver_needs_no_certificate_store() {
    // No test may set the environment that others run in: this one runs itself once more.
    if std::env::var_os("SSL_CERT_FILE").is_some_and(|file| file == NOWHERE) {
        Hickory::with_servers(&["192.0.2.1:53".parse().unwrap()]).unwrap();
        return;
    }
    let again = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_resolver_needs_no_certificate_store"])
        .envs([("SSL_CERT_FILE", NOWHERE), ("SSL_CERT_DIR", NOWHERE)])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}
