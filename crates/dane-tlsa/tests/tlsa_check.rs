//! `examples/tlsa-check.rs` as scripts use it.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(feature = "aws-lc-rs")]

mod common;

use common::{HOST, record, zoo::zoo};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The example, which cargo builds together with the tests unless only some are asked for.
fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path
        .join("examples")
        .join(format!("tlsa-check{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        let args = [
            "build",
            "--quiet",
            "--package",
            "dane-tlsa",
            "--example",
            "tlsa-check",
        ];
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

struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn chain(&self, names: &[&str]) -> String {
        self.file(&format!("{}.pem", names.join("-")), &zoo().pem(names))
    }
}

fn run(args: &[&str]) -> Output {
    Command::new(program()).args(args).output().unwrap()
}

/// The JSON of a run for the host, in 2026.
fn json(args: &[&str]) -> Value {
    let fixed = ["--host", HOST, "--at", "1780272000", "--json"];
    let output = run(&[&fixed, args].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn tlsa(text: &str) -> String {
    record(zoo(), text).to_string()
}

#[test]
fn verdicts_of_every_class() {
    let scene = Scene::new();
    let of = |names: &[&str]| scene.chain(names);
    let roots = scene.file("roots.pem", &zoo().pem(&["root"]));
    let others = scene.file("others.pem", &zoo().pem(&["other-root"]));
    for (chain, records, more, verdict, depth, reason) in [
        (
            of(&["leaf", "int"]),
            &["3 1 1 leaf"][..],
            &[][..],
            "match",
            json!(0),
            "dane.match",
        ),
        (
            of(&["leaf", "int"]),
            &["3 1 1 leaf~", "2 0 2 int"],
            &[],
            "match",
            json!(1),
            "dane.match",
        ),
        (
            of(&["leaf"]),
            &["2 1 0 int"],
            &[],
            "match",
            json!(0),
            "dane.match",
        ),
        (
            of(&["leaf-expired"]),
            &["3 1 1 leaf-expired"],
            &[],
            "match",
            json!(0),
            "dane.match",
        ),
        (
            of(&["leaf-other"]),
            &["3 1 1 leaf-other"],
            &[],
            "name-mismatch",
            json!(0),
            "dane.name-mismatch",
        ),
        (
            of(&["leaf-other"]),
            &["3 1 1 leaf-other"],
            &["--no-name-check"],
            "match",
            json!(0),
            "dane.match",
        ),
        (
            of(&["leaf-other", "int"]),
            &["2 1 1 int"],
            &["--no-name-check"],
            "name-mismatch",
            json!(1),
            "dane.name-mismatch",
        ),
        (
            of(&["leaf-other", "int"]),
            &["2 1 1 int"],
            &["--reference", "other.example"],
            "match",
            json!(1),
            "dane.match",
        ),
        (
            of(&["leaf-expired", "int"]),
            &["2 1 1 int"],
            &[],
            "expired",
            json!(1),
            "dane.expired",
        ),
        (
            of(&["leaf-future", "int"]),
            &["2 1 1 int"],
            &[],
            "expired",
            json!(1),
            "dane.not-yet-valid",
        ),
        (
            of(&["leaf-forged", "int"]),
            &["2 1 1 int"],
            &[],
            "untrusted",
            json!(1),
            "dane.bad-signature",
        ),
        (
            of(&["leaf", "int"]),
            &["3 1 1 leaf~"],
            &[],
            "no-match",
            Value::Null,
            "dane.no-match",
        ),
        (
            of(&["leaf", "int"]),
            &["1 1 1 leaf"],
            &[],
            "unusable",
            Value::Null,
            "dane.unusable",
        ),
        (
            of(&["leaf", "int"]),
            &["3 1 1 leaf-"],
            &[],
            "unusable",
            Value::Null,
            "dane.unusable",
        ),
        (
            of(&["leaf", "int"]),
            &["1 1 1 leaf"],
            &["--any-usage", "--roots", &roots],
            "match",
            json!(0),
            "dane.match",
        ),
        (
            of(&["leaf", "int"]),
            &["0 0 1 root"],
            &["--any-usage", "--roots", &roots],
            "match",
            json!(2),
            "dane.match",
        ),
        (
            of(&["leaf"]),
            &["1 1 1 leaf", "0 0 0 int"],
            &["--any-usage", "--roots", &roots],
            "match",
            json!(0),
            "dane.match",
        ),
        (
            of(&["leaf", "int"]),
            &["1 1 1 leaf"],
            &["--any-usage", "--roots", &others],
            "untrusted",
            json!(0),
            "dane.unknown-issuer",
        ),
        (
            of(&["leaf", "int"]),
            &["1 1 1 leaf"],
            &["--any-usage"],
            "untrusted",
            json!(0),
            "dane.unknown-issuer",
        ),
    ] {
        let records: Vec<String> = records.iter().map(|text| tlsa(text)).collect();
        let options = records.iter().flat_map(|record| ["--tlsa", record]);
        let args: Vec<&str> = options
            .chain(more.iter().copied())
            .chain([&*chain])
            .collect();
        let got = json(&args);
        assert_eq!(got["verdict"], verdict, "{got} {args:?}");
        assert_eq!(got["depth"], depth, "{got}");
        assert_eq!(got["reason"], reason, "{got}");
        match depth {
            Value::Null => assert_eq!(got["record"], Value::Null),
            _ => assert!(
                records.iter().any(|record| got["record"] == **record),
                "{got}"
            ),
        }
    }
}

/// It names the record in the words that it was given in.
#[test]
fn the_record_is_the_one_that_was_given() {
    let scene = Scene::new();
    let chain = scene.chain(&["leaf"]);
    let upper = tlsa("3 1 1 leaf").to_uppercase();
    let got = json(&["--tlsa", &upper, &chain]);
    assert_eq!(got["record"], *upper);
}

#[test]
fn without_json_it_is_text() {
    let scene = Scene::new();
    let (record, chain) = (tlsa("3 1 1 leaf~"), scene.chain(&["leaf"]));
    let output = run(&["--host", HOST, "--tlsa", &record, &chain]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("no-match: no TLSA record is about"),
        "{text}"
    );
    assert!(
        text.contains("\nreason dane.no-match\nin a TLS report validation-failure\n"),
        "{text}"
    );
}

#[test]
fn bad_input_is_refused_with_status_2() {
    let scene = Scene::new();
    let (record, chain) = (tlsa("3 1 1 leaf"), scene.chain(&["leaf"]));
    let empty = scene.file("empty.pem", "");
    let garbage = scene.file(
        "garbage.pem",
        &common::zoo::pem_block("CERTIFICATE", b"garbage"),
    );
    let broken = scene.file(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
    );
    let missing = Path::new(&chain).with_file_name("missing.pem");
    let missing = missing.to_str().unwrap();
    let good = ["--host", HOST, "--tlsa", &record];
    assert_eq!(
        run(&[&good[..], &[&*chain]].concat()).status.code(),
        Some(0)
    );
    for bad in [
        &[][..],
        &["--host", HOST, &chain],
        &["--tlsa", &record, &chain],
        &["--host", HOST, "--tlsa", &record],
        &["--host", "a..b", "--tlsa", &record, &chain],
        &["--host", "192.0.2.1", "--tlsa", &record, &chain],
        &["--host", HOST, "--tlsa", "3 1 1", &chain],
        &["--host", HOST, "--tlsa", "3 1 1 xyz", &chain],
        &["--host", HOST, "--tlsa", "3 1 1 abc", &chain],
        &["--host", HOST, "--tlsa", "300 1 1 ab", &chain],
        &["--host", HOST, "--tlsa", &record, "--at", "soon", &chain],
        &["--host", HOST, "--tlsa", &record, "--at", "-1", &chain],
        &["--host", HOST, "--tlsa", &record, "--json=yes", &chain],
        &["--host", HOST, "--tlsa", &record, "--unknown", &chain],
        &["--host", HOST, "--tlsa", &record, "--roots", &empty, &chain],
        &[
            "--host", HOST, "--tlsa", &record, "--roots", missing, &chain,
        ],
        &["--host", HOST, "--tlsa", &record, &chain, &chain],
        &["--host", HOST, "--host", HOST, "--tlsa", &record, &chain],
        &["--host", HOST, "--tlsa", &record, &empty],
        &["--host", HOST, "--tlsa", &record, &garbage],
        &["--host", HOST, "--tlsa", &record, &broken],
        &["--host", HOST, "--tlsa", &record, missing],
        &["--host", HOST, "--tlsa", &record, &chain, "--reference"],
    ] {
        let output = run(bad);
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        assert!(output.stdout.is_empty());
        assert!(!output.stderr.is_empty());
    }
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}
