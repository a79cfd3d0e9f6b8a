//! `examples/msg-check.rs` as scripts use it: `tests/vectors/msg-check.toml`.
#![allow(missing_docs, clippy::unwrap_used)]

use serde::Deserialize;
use serde_json::Value;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

#[derive(Deserialize)]
struct Suite {
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    args: Vec<String>,
    zone: Option<String>,
    message: Option<String>,
    #[serde(default)]
    stdin: String,
    #[serde(default)]
    status: i32,
    json: Option<String>,
    #[serde(default)]
    text: Vec<String>,
    /// Something is said on standard error although there is a verdict.
    #[serde(default)]
    note: String,
}

/// The example, which cargo builds together with the tests unless only some are asked for.
fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path
        .join("examples")
        .join(format!("msg-check{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--package",
                "msg-validate",
                "--example",
                "msg-check",
            ])
            .status();
        assert!(built.unwrap().success());
    }
    path
}

fn run(program: &Path, case: &Case, folder: &Path) -> Output {
    let file = |name: &str, text: &Option<String>| {
        let path = folder.join(name);
        if let Some(text) = text {
            fs::write(&path, text).unwrap();
        }
        path.to_str().unwrap().to_owned()
    };
    let (zone, message) = (
        file("zone.json", &case.zone),
        file("message.eml", &case.message),
    );
    let filled = |arg: &String| arg.replace("ZONE", &zone).replace("MESSAGE", &message);
    let mut child = Command::new(program)
        .args(case.args.iter().map(filled))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that ends without reading is no failure of the test.
    let _ = child.stdin.take().unwrap().write_all(case.stdin.as_bytes());
    child.wait_with_output().unwrap()
}

/// Whether everything that is wanted is there; a list must be there as it is.
fn holds(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, value)| found.get(key).is_some_and(|found| holds(found, value))),
        _ => found == wanted,
    }
}

/// What nobody could read is not "a verdict".
#[test]
#[cfg(target_os = "linux")]
fn a_verdict_that_cannot_be_written_is_none() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut child = Command::new(program())
        .args(["--zone", "/dev/stdin", "--ip", "192.0.2.1"])
        .stdin(Stdio::piped())
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"{}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stderr.is_empty());
}

#[test]
fn does_what_its_usage_says() {
    let suite = include_str!("vectors/msg-check.toml");
    let suite: Suite = toml::from_str(suite).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let program = program();
    for case in &suite.case {
        let output = run(&program, case, folder.path());
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let at = format!("{}: {stdout}{stderr}", case.name);
        assert_eq!(output.status.code(), Some(case.status), "{at}");
        assert_eq!(stdout.is_empty(), case.status != 0, "{at}");
        let quiet = case.status == 0 && case.note.is_empty();
        assert_eq!(stderr.is_empty(), quiet, "{at}");
        assert!(stderr.contains(&case.note), "{at}");
        for text in &case.text {
            assert!(stdout.contains(text), "{text:?} is not in {at}");
        }
        if let Some(wanted) = &case.json {
            let found: Value = serde_json::from_str(&stdout).unwrap();
            let wanted: Value = serde_json::from_str(wanted).unwrap();
            assert!(holds(&found, &wanted), "{wanted} is not in {at}");
            let mut members: Vec<_> = found.as_object().unwrap().keys().collect();
            members.sort_unstable();
            let all = [
                "arc",
                "converted",
                "dkim",
                "dmarc",
                "grade",
                "reasons",
                "spf",
            ];
            assert_eq!(members, all, "{at}");
        }
    }
}
