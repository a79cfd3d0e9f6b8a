//! Programs. Some cannot open these messages, and say so in their way: GnuPG 2.2 and Debian's `sq`, which know nothing of
//! RFC 9580. Those of Debian 13 open them.

use std::io::Write;
use std::process::{Command, Stdio};

use symmetric_seal::Opener;

use crate::sizes::{FEW, MANY, around, content};
use crate::{PASSWORD, WAYS, Way, opens_here, password, seal, sealer};

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

/// As [`gpg`], of Debian's `sq` 0.27, which was written before RFC 9580. It asks for no password: it does not come to that.
fn sq(command: &[&str], message: &[u8]) -> (Option<i32>, String) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("message.pgp");
    std::fs::write(&file, message).unwrap();
    let done = Command::new("sq")
        .args(command)
        .arg(&file)
        .stdin(Stdio::null())
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
    let message = seal(Way::Memory, b"hello");
    let (_, said) = sq(&["packet", "dump"], &message);
    assert!(said.contains("unknown version"), "{said}");
    let (status, said) = sq(&["decrypt"], &message);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("Malformed OpenPGP message"), "{said}");
}

/// The table of expected failures in docs/sealed-messages.md.
#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_2_2_says_that_it_does_not_know_the_version() {
    let (status, said) = gpg(&seal(Way::Memory, b"hello"));
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("packet(3) with unknown version 6"), "{said}");
}

/// What a program of Debian 13 writes to standard output, or its status; `{}` is a file with the password.
fn debian_13(program: &str, command: &[&str], input: &[u8]) -> Result<Vec<u8>, Option<i32>> {
    let home = tempfile::tempdir().unwrap();
    let password = home.path().join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let password = password.display().to_string();
    let mut child = Command::new("sh")
        .arg(format!(
            "{}/../.tools/debian13/{program}",
            env!("CARGO_MANIFEST_DIR")
        ))
        .args(command.iter().map(|arg| arg.replace("{}", &password)))
        .env("HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Beside, as it may write before it has read all. What it does not want to read is not needed.
    let writer = std::thread::spawn(move || drop(to.write_all(&input)));
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap();
    match done.status.success() {
        true => Ok(done.stdout),
        false => Err(done.status.code()),
    }
}

const SQ: (&str, &[&str]) = ("sq", &["decrypt", "--password-file={}"]);
const RSOP: (&str, &[&str]) = ("rsop", &["decrypt", "--with-password={}"]);

fn opens_ours((program, command): (&str, &[&str])) {
    let opens_there = |message: &[u8], content: &[u8]| {
        assert!(debian_13(program, command, message).unwrap() == content);
    };
    for way in WAYS {
        for octets in [0, 1] {
            opens_there(&seal(way, &content(octets)), &content(octets));
        }
        for chunks in FEW {
            around(chunks, 1 << 16, |content| seal(way, content), opens_there);
        }
    }
    for chunks in MANY {
        around(
            chunks,
            1 << 16,
            |content| seal(Way::Stream, content),
            opens_there,
        );
    }
    let armored = sealer().armored().seal(b"hello", &password()).unwrap();
    opens_there(armored.message(), b"hello");
    // The mutation: what is damaged is not opened.
    let mut damaged = seal(Way::Memory, b"hello");
    damaged[140] ^= 1;
    assert!(debian_13(program, command, &damaged).is_err());
}

fn refused_here(message: &[u8]) -> Option<&'static str> {
    let refused = Opener::new().inspect(message).unwrap_err().refusal();
    refused.map(|why| why.code())
}

#[test]
#[ignore = "interop: needs sq13"]
fn interop_sq13_opens_ours() {
    opens_ours(SQ);
    // What it writes itself has an older session key packet, without Argon2.
    let command = ["encrypt", "--without-signature", "--with-password-file={}"];
    let theirs = debian_13("sq", &command, b"hello").unwrap();
    assert_eq!(refused_here(&theirs), Some("seal.session-key-version"));
}

#[test]
#[ignore = "interop: needs rsop"]
fn interop_rsop_opens_ours() {
    opens_ours(RSOP);
}

/// It has no cheap Argon2: 64 MiB each. Chunks and mode are such as it likes.
#[test]
#[ignore = "interop: needs rsop"]
fn interop_rsop_is_opened_here() {
    let seals = |profile: &str, form: &[&str], content: &[u8]| {
        let command = [&["encrypt", profile, "--with-password={}"], form].concat();
        debian_13("rsop", &command, content).unwrap()
    };
    for octets in [0, 1, 16_000, 200_000] {
        for form in [&["--no-armor"][..], &[]] {
            let message = seals("--profile=rfc9580", form, &content(octets));
            opens_here(&message, &content(octets));
        }
    }
    // What it is asked to write in the older form is no message of ours.
    let older = seals("--profile=rfc4880", &[], b"hello");
    assert_eq!(refused_here(&older), Some("seal.session-key-version"));
}
