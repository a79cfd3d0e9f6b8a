//! `examples/tlsa-publish.rs` as scripts use it, beside OpenSSL's digests: `tests/data/publish.toml`.
#![allow(clippy::unwrap_used)] // a test
#![cfg(all(feature = "aws-lc-rs", feature = "lint"))]

use serde::Deserialize;
use std::{path::PathBuf, process::Command};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    args: Vec<String>,
    /// All of standard output.
    #[serde(default)]
    lines: Vec<String>,
    /// Each in standard error.
    #[serde(default)]
    notes: Vec<String>,
    #[serde(default)]
    status: i32,
}

#[derive(Deserialize)]
struct Suite {
    case: Vec<Case>,
}

/// The example, which cargo builds together with the tests unless only some are asked for.
fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let name = format!("tlsa-publish{}", std::env::consts::EXE_SUFFIX);
    let path = path.join("examples").join(name);
    if !path.exists() {
        let args = ["build", "-q", "-p", "dane-tlsa", "--features", "lint"];
        let built = Command::new(env!("CARGO"))
            .args(args)
            .args(["--example", "tlsa-publish"])
            .status();
        assert!(built.unwrap().success());
    }
    path
}

#[test]
fn vectors() {
    let suite: Suite = toml::from_str(include_str!("data/publish.toml")).unwrap();
    assert!(suite.case.len() >= 12);
    let (program, folder) = (
        program(),
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/publish"),
    );
    for case in suite.case {
        let run = Command::new(&program)
            .args(&case.args)
            .current_dir(folder)
            .output()
            .unwrap();
        let (out, said) = (
            String::from_utf8(run.stdout).unwrap(),
            String::from_utf8(run.stderr).unwrap(),
        );
        assert_eq!(
            run.status.code(),
            Some(case.status),
            "{}: {said}",
            case.name
        );
        assert_eq!(out.lines().collect::<Vec<_>>(), case.lines, "{}", case.name);
        for note in case.notes {
            assert!(said.contains(&note), "{}: {note} in {said}", case.name);
        }
    }
}
