//! `examples/policy.rs` as people use it, with a corpus and without.
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use breach_check::corpus::{Builder, Corpus, Size};
use breach_check::recheck::{Action, State};
use breach_check::{HashKind, PasswordHash, Range};

/// The example, which cargo builds together with the tests unless only some are asked for.
fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path
        .join("examples")
        .join(format!("policy{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        let args = ["build", "-q", "-p", "breach-check", "--example", "policy"];
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

/// What it prints, and its exit status.
fn says(args: &[&str], typed: &str) -> (String, i32) {
    let mut child = Command::new(program())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it has read.
    let _ = writeln!(child.stdin.take().unwrap(), "{typed}");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!said.contains(typed), "it shows the password");
    (said, output.status.code().unwrap())
}

/// A corpus of these, and without the ranges of those.
fn corpus(path: &Path, kind: HashKind, known: &[(&str, u64)], gaps: &[&str]) {
    let mut hashes: Vec<_> = known
        .iter()
        .map(|(text, count)| (PasswordHash::of(kind, text), *count))
        .collect();
    hashes.sort_by_key(|(hash, _)| hash.octets().to_vec());
    let mut builder =
        Builder::create(path, kind, 32, Size::Pages(2), SystemTime::UNIX_EPOCH).unwrap();
    let mut gaps: Vec<Range> = gaps
        .iter()
        .map(|text| PasswordHash::of(kind, text).range())
        .collect();
    gaps.sort();
    gaps.into_iter()
        .for_each(|range| builder.gap(range).unwrap());
    hashes
        .iter()
        .for_each(|(hash, count)| builder.push(hash, *count).unwrap());
    builder.finish().unwrap();
}

#[test]
fn a_person_is_told_what_a_corpus_knows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    for kind in [HashKind::Sha1, HashKind::Ntlm] {
        let known = [
            ("wrist orbit mango velvet", 70),
            ("gartenzwerg blau", 5000),
            ("Kaffeetasse2026", 300),
        ];
        corpus(&path, kind, &known, &["somewhere in a gap"]);
        let with = |more: &[&'static str], typed: &str| {
            let args = [&["--corpus", path.to_str().unwrap()], more].concat();
            let (said, status) = says(&args, typed);
            (said.split([':', '\n']).next().unwrap().to_owned(), status)
        };
        let is = |code: &str, status| (code.to_owned(), status);
        assert_eq!(
            with(&[], "wrist orbit mango velvet"),
            is("password.breached", 1)
        );
        assert_eq!(
            with(&["--seen", "7"], "wrist orbit mango velvet"),
            is("password.accepted", 0)
        );
        assert_eq!(
            with(&["--seen", "15"], "gartenzwerg blau"),
            is("password.common.seen", 1)
        );
        assert_eq!(with(&[], "Kaffeetasse2027"), is("password.accepted", 0));
        assert_eq!(
            with(&["--tweaks", "8"], "Kaffeetasse2027"),
            is("password.tweaked", 1)
        );
        assert_eq!(with(&[], "somewhere in a gap"), is("password.undecided", 2));
        assert_eq!(
            with(&["--second-factor"], "orbit-mango"),
            is("password.accepted", 0)
        );
        assert_eq!(
            with(&["--user", "ann.posthorn@example.org"], "AnnPosthorn-2026"),
            is("password.context.user", 1)
        );
    }
    let (said, _) = says(&["--german", "--second-factor"], "x7 kq");
    assert!(
        said.starts_with(
            "password.short: Dieses Passwort ist zu kurz: Nehmen Sie mindestens 8 Zeichen"
        ),
        "{said}"
    );
}

#[test]
fn without_a_corpus_or_with_a_damaged_one_nothing_is_accepted() {
    assert_eq!(says(&[], "wrist orbit mango velvet").1, 2);
    assert_eq!(says(&[], "x7 kq").1, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let with = |typed| says(&["--corpus", path.to_str().unwrap()], typed).1;
    assert_eq!(with("wrist orbit mango velvet"), 3);
    corpus(
        &path,
        HashKind::Sha1,
        &[("wrist orbit mango velvet", 1)],
        &[],
    );
    assert_eq!(with("wrist orbit mango velvet"), 1);
    let mut octets = std::fs::read(&path).unwrap();
    octets
        .iter_mut()
        .take(3 * 4096)
        .skip(4096)
        .for_each(|octet| *octet = !*octet);
    std::fs::write(&path, octets).unwrap();
    assert_eq!(with("wrist orbit mango velvet"), 3);
}

#[test]
fn a_login_is_looked_up_once_in_each_corpus() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("corpus");
    let (password, mut state) = (
        PasswordHash::sha1("wrist orbit mango velvet"),
        State::default(),
    );
    let mut acts = Vec::new();
    for known in [
        &[("another one", 3)][..],
        &[("another one", 3)],
        &[("another one", 3), ("wrist orbit mango velvet", 2)],
    ] {
        corpus(&path, HashKind::Sha1, known, &[]);
        let corpus = Corpus::open(&path).unwrap();
        let version = corpus.facts().root.into();
        acts.push(state.action(version));
        if state.action(version) == Action::LookUp {
            let seen_once = breach_check::CountClass::new(0).unwrap();
            state = state.answered(version, corpus.lookup(&password).unwrap(), seen_once);
        }
    }
    // The second corpus has the same entries as the first, so it is the same.
    assert_eq!(acts, [Action::LookUp, Action::Nothing, Action::LookUp]);
    assert!(state.must_change());
}
