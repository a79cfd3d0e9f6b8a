//! `examples/sts-check.rs` as scripts use it: what it prints, and its exit status.
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The example, which cargo builds together with the tests unless only some are asked for.
fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let name = format!("sts-check{}", std::env::consts::EXE_SUFFIX);
    let path = path.join("examples").join(name);
    if !path.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "tls-policy"]);
        let built = build.args(["--example", "sts-check"]).status();
        assert!(built.unwrap().success());
    }
    path
}

fn run(words: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut command = Command::new(program());
    command.args(words).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who reads nothing closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

const POLICY: &[u8] = b"version: STSv1\nmode: enforce\nmx: *.example.org\nmax_age: 604800\n";

#[test]
fn a_good_policy_is_told_and_so_is_a_host_that_nobody_would_reach() {
    let words = [
        "--record",
        "v=STSv1; id=1;",
        "--policy",
        "-",
        "a.example.org",
        "b.example",
    ];
    let (status, text, _) = run(&words[..5], POLICY);
    assert_eq!(status, Some(0), "{text}");
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("good "))
            .count(),
        3,
        "{text}"
    );
    let (status, text, _) = run(&words, POLICY);
    assert_eq!(status, Some(1), "{text}");
    let wanted = "wrong  b.example: not named: senders do not deliver to it";
    assert!(text.lines().any(|line| line == wanted), "{text}");
}

#[test]
fn modes_and_short_times_are_told() {
    let with = |mode: &str, max_age: &str| {
        let policy = format!("version: STSv1\nmode: {mode}\nmx: a.example\nmax_age: {max_age}\n");
        run(&["--policy", "-", "b.example"], policy.as_bytes())
    };
    let (status, text, _) = with("enforce", "86400");
    assert!(
        status == Some(1) && text.contains("less than a week"),
        "{text}"
    );
    let (status, text, _) = with("testing", "604800");
    assert!(
        status == Some(1) && text.contains("senders report it"),
        "{text}"
    );
    let (status, text, _) = with("none", "60");
    assert!(
        status == Some(0) && text.contains("no policy holds"),
        "{text}"
    );
}

#[test]
fn what_is_no_record_or_policy_is_told() {
    let (status, text, _) = run(&["--record", "v=STSv1", "--policy", "-"], b"<html>");
    assert_eq!((status, text.lines().count()), (Some(1), 2), "{text}");
    let long = [POLICY, &[b'\n'; 65_536]].concat();
    let (status, text, _) = run(&["--policy", "-"], &long);
    assert!(
        status == Some(1) && text.contains("more than 65536 octets"),
        "{text}"
    );
}

#[test]
fn mistakes_in_the_usage_are_not_verdicts() {
    let wrong: [&[&str]; 5] = [
        &[],
        &["a.example"],
        &["--policy"],
        &["--nothing", "x"],
        &["--policy", "/no/such/file"],
    ];
    for words in wrong {
        let (status, text, said) = run(words, b"");
        assert!(
            status == Some(2) && text.is_empty() && !said.is_empty(),
            "{words:?}"
        );
    }
    let (status, text, _) = run(&["--help"], b"");
    assert!(status == Some(0) && text.contains("--record"), "{text}");
}
