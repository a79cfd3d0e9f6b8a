//! `examples/seal.rs` as people use it.
#![allow(clippy::unwrap_used)] // a test

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The example, which cargo builds together with the tests unless only some are asked for.
fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path
        .join("examples")
        .join(format!("seal{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        let args = ["build", "-q", "-p", "symmetric-seal", "--example", "seal"];
        assert!(
            Command::new(env!("CARGO"))
                .args(args)
                .status()
                .unwrap()
                .success()
        );
    }
    path
}

fn run(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(program())
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever is refused reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn works(folder: &Path, args: &[&str], input: &str) -> String {
    let output = run(folder, args, input);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn fails(folder: &Path, args: &[&str], input: &str, status: i32) -> String {
    let output = run(folder, args, input);
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

const PASSWORD: &str = "correct horse \n";

#[test]
fn files_are_sealed_opened_and_inspected() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let path = |name: &str| folder.join(name);
    std::fs::write(path("a"), &content).unwrap();
    let low = ["--profile", "low-memory", "--password-stdin", "a"];
    works(folder, &[&["seal"], &low[..]].concat(), PASSWORD);
    works(folder, &[&["seal", "--armor"], &low[..]].concat(), PASSWORD);
    let seen = works(folder, &["inspect", "a.asc"], "");
    assert!(seen.starts_with("profile    low-memory: 3 passes, 4 lanes, 32768 KiB\n"));
    assert!(seen.ends_with("form       armored\n"));

    // What is there stays.
    let said = fails(folder, &["open", "--password-stdin", "a.pgp"], PASSWORD, 1);
    assert!(said.contains("seal: a: "), "{said}");
    std::fs::remove_file(path("a")).unwrap();
    works(folder, &["open", "--password-stdin", "a.pgp"], PASSWORD);
    assert!(std::fs::read(path("a")).unwrap() == content);
    let out = ["open", "--password-stdin", "--output", "b", "a.asc"];
    // A no-break space, as another keyboard may type it.
    works(folder, &out, "correct horse\u{a0}\r\n");
    assert!(std::fs::read(path("b")).unwrap() == content);
}

#[test]
fn what_does_not_work_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("a"), "hello").unwrap();
    let seal = ["seal", "--profile", "low-memory", "--password-stdin", "a"];
    let said = fails(folder, &seal, "1234567\n", 1);
    assert!(said.contains("shorter than 8 octets"), "{said}");
    let said = fails(folder, &seal, "party 🥳 party\n", 1);
    assert!(said.contains("newer than Unicode 6.3"), "{said}");
    assert!(!folder.join("a.pgp").exists());
    works(folder, &seal, PASSWORD);
    let open = ["open", "--password-stdin", "--output", "b", "a.pgp"];
    // White space is of the password.
    let said = fails(folder, &open, "correct horse\n", 1);
    assert_eq!(said, "seal: wrong password or damaged message\n");
    let mut message = std::fs::read(folder.join("a.pgp")).unwrap();
    message[26] = 31;
    std::fs::write(folder.join("a.pgp"), message).unwrap();
    let said = fails(folder, &open, PASSWORD, 1);
    assert!(said.contains("(seal.argon2-memory)"), "{said}");
    assert!(!folder.join("b").exists());
}

#[test]
fn what_it_does_not_know_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &[][..],
        &["unseal", "a"],
        &["seal"],
        &["seal", "a", "b"],
        &["seal", "--password", "x", "a"],
        &["seal", "--profile", "weak", "a"],
        &["open", "--max-size", "x", "a"],
    ] {
        let said = fails(folder.path(), args, "", 2);
        assert!(said.contains("usage: seal"), "{said}");
    }
    assert!(works(folder.path(), &["--help"], "").starts_with("usage: seal"));
}
