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
        if cfg!(feature = "fetch") {
            build.args(["--features", "fetch"]);
        }
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
    let both = ["--fetch", "example.org", "--record", "v=STSv1; id=1;"];
    assert_eq!(run(&both, b"").0, Some(2));
    if cfg!(not(feature = "fetch")) {
        let (status, _, said) = run(&["--fetch", "example.org"], b"");
        assert!(status == Some(2) && said.contains("feature"), "{said}");
    }
    let (status, text, _) = run(&["--help"], b"");
    assert!(status == Some(0) && text.contains("--record"), "{text}");
}

/// A resolver on loopback that has one answer for each type, with the question in front.
#[cfg(feature = "fetch")]
fn resolver(txt: &'static [u8], address: [u8; 4]) -> std::net::SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        loop {
            let mut query = [0; 1500];
            let (length, peer) = socket.recv_from(&mut query).unwrap();
            // The question is the first name after the header, and two numbers of two octets.
            let end = query[12..].iter().position(|octet| *octet == 0).unwrap() + 17;
            assert!(end <= length);
            let data = match query[end - 3] {
                1 => Some(address.to_vec()),
                16 => Some([&[u8::try_from(txt.len()).unwrap()], txt].concat()),
                _ => None,
            };
            let mut answer = query[..end].to_vec();
            let answers = u8::from(data.is_some());
            answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, answers, 0, 0, 0, 0]);
            if let Some(data) = data {
                let kind = &query[end - 4..end - 2];
                answer.extend([&[0xC0, 12], kind, &[0, 1, 0, 0, 0, 60, 0]].concat());
                answer.push(u8::try_from(data.len()).unwrap());
                answer.extend(data);
            }
            socket.send_to(&answer, peer).unwrap();
        }
    });
    server
}

/// As far as one comes without the Internet: the record is found, and the policy host leads inside.
#[cfg(feature = "fetch")]
#[test]
fn what_a_sender_finds_is_told() {
    let fetch = |server: std::net::SocketAddr| {
        let server = server.to_string();
        run(
            &["--fetch", "example.org", "--dns", &server, "--no-wildcards"],
            b"",
        )
    };
    let (status, text, said) = fetch(resolver(b"v=STSv1; id=2027;", [10, 0, 0, 1]));
    let wanted = "good   record: policy 2027\n\
        wrong  policy: the host's address 10.0.0.1 is not global (fetch.not-global); senders see none\n";
    assert_eq!((status, &*text), (Some(1), wanted), "{said}");
    let (status, text, _) = fetch(resolver(b"v=spf1 -all", [10, 0, 0, 1]));
    let wanted = "wrong  record: none, or several; senders see no policy\n";
    assert_eq!((status, &*text), (Some(1), wanted));
    let (status, text, _) = fetch(resolver(b"v=STSv1; id=a b;", [10, 0, 0, 1]));
    assert!(
        status == Some(1) && text.starts_with("wrong  record: "),
        "{text}"
    );
    let (status, ..) = run(&["--fetch", "example.org", "--dns", "nowhere"], b"");
    assert_eq!(status, Some(2));
    let (status, ..) = run(&["--fetch", "a b.example"], b"");
    assert_eq!(status, Some(2));
}
