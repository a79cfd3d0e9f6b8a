//! Programs that cannot open these messages, and how they say so: GnuPG 2.2, which knows nothing of RFC 9580.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::{PASSWORD, Way, seal};

/// What a program says on standard error, and its status, when it is to decrypt a message.
fn gpg(message: &[u8]) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("message.pgp");
    std::fs::write(&file, message).unwrap();
    let mut child = Command::new("gpg")
        .arg("--homedir")
        .arg(home.path())
        .args([
            "--batch",
            "--pinentry-mode",
            "loopback",
            "--passphrase-fd",
            "0",
            "--decrypt",
        ])
        .arg(&file)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(PASSWORD.as_bytes())
        .unwrap();
    let done = child.wait_with_output().unwrap();
    let kill = ["--kill", "gpg-agent"];
    let _ = Command::new("gpgconf")
        .arg("--homedir")
        .arg(home.path())
        .args(kill)
        .status();
    assert!(done.stdout.is_empty());
    (
        done.status.code(),
        String::from_utf8_lossy(&done.stderr).into_owned(),
    )
}

/// As [`gpg`], of Debian's `sq` 0.27, which was written before RFC 9580.
fn sq(message: &[u8]) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("message.pgp");
    std::fs::write(&file, message).unwrap();
    let done = Command::new("sq")
        .args(["packet", "dump"])
        .arg(&file)
        .output()
        .unwrap();
    let said = [done.stdout, done.stderr].concat();
    (
        done.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
#[ignore = "interop: needs sq"]
fn interop_sq_of_debian_does_not_know_the_version() {
    let (_, said) = sq(&seal(Way::Memory, b"hello"));
    assert!(said.contains("unknown version"), "{said}");
}

/// The table of expected failures in docs/sealed-messages.md.
#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_2_2_says_that_it_does_not_know_the_version() {
    let (status, said) = gpg(&seal(Way::Memory, b"hello"));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("packet(3) with unknown version 6"), "{said}");
}
