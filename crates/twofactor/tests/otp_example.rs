//! `examples/otp.rs` as people use it.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use twofactor::otp::parse_uri;

/// The example, which cargo builds together with the tests unless only some are asked for.
fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path
        .join("examples")
        .join(format!("otp{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        let args = ["build", "-q", "-p", "twofactor", "--example", "otp"];
        let built = Command::new(env!("CARGO")).args(args).status().unwrap();
        assert!(built.success());
    }
    path
}

fn run(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(program())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever is refused reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What it prints, where it exits with `status`.
#[track_caller]
fn says(args: &[&str], input: &str, status: i32) -> String {
    let output = run(args, input);
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_secret_is_made_shown_and_used() {
    let made = run(&["new", "Example Mail", "alice@example.org"], "");
    assert!(made.status.success());
    let uri = String::from_utf8(made.stdout).unwrap();
    let account = parse_uri(&uri).unwrap();
    let shown = String::from_utf8(made.stderr).unwrap();
    assert!(shown.contains("▀") && shown.contains(&**account.otp.secret().manual_key()));

    let code = says(&["code"], &uri, 0);
    assert!(says(&["check", code.trim()], &uri, 0).starts_with("right: step "));
    let typed = format!("{} {}", &code[..3], code[3..].trim());
    says(&["check", &typed], &uri, 0);

    // Five minutes old, and of a clock that is five minutes ahead.
    let at = |now: SystemTime| {
        let code = account.otp.code_at(account.otp.step_at(now));
        says(&["check", code.expose()], &uri, 1)
    };
    let away = Duration::from_secs(300);
    // A step may end in between.
    let told = at(SystemTime::now() - away);
    assert!(
        told.contains("300 s ago") || told.contains("330 s ago"),
        "{told}"
    );
    let told = at(SystemTime::now() + away);
    assert!(
        told.contains("in 300 s") || told.contains("in 270 s"),
        "{told}"
    );
}

#[test]
fn counters_are_looked_ahead() {
    let uri = "otpauth://hotp/alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&counter=0";
    assert_eq!(says(&["code"], uri, 0), "755224\n");
    assert_eq!(says(&["check", "520489"], uri, 0), "right: counter 9\n");
    let later = uri.replace("counter=0", "counter=9");
    assert_eq!(says(&["check", "755224"], &later, 1), "wrong\n");
}

#[test]
fn exports_are_read_and_written() {
    let uris = "otpauth://totp/Example:alice?secret=JBSWY3DPEHPK3PXP&issuer=Example&algorithm=SHA1&digits=6&period=30\n\
        otpauth://hotp/bob?secret=GEZDGNBVGY3TQOJQ&algorithm=SHA512&digits=8&counter=7\n";
    let export = says(&["export"], uris, 0);
    assert!(export.starts_with("otpauth-migration://offline?data="));
    assert_eq!(says(&["read"], &export, 0), uris);

    // An account with MD5 beside another: one is read, and the other told.
    let mixed = "otpauth-migration://offline?data=ChUKCkhlbGxvId6tvu8SAWEgBCgBMAIKFQoKSGVsbG8h3q2%2B7xIBYiABKAEwAg%3D%3D";
    let output = run(&["read"], mixed);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("account 1 left out: the URI wants an algorithm"),
        "{told}"
    );
    let read = String::from_utf8(output.stdout).unwrap();
    assert!(read.starts_with("otpauth://totp/b?") && read.lines().count() == 1);
}

#[test]
fn what_is_wrong_is_told_and_not_repeated() {
    for (args, input) in [
        (&["code"][..], ""),
        (&["code"], "otpauth://totp/a?secret=SECRETSECRET0"),
        (
            &["check", "12345x"],
            "otpauth://totp/a?secret=JBSWY3DPEHPK3PXP",
        ),
        (&["new", "a:b", "alice"], ""),
        (&["read"], "otpauth-migration://offline?data=SECRET"),
        (&["what"], ""),
    ] {
        let output = run(args, input);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            !told.contains("SECRET") && !told.contains("12345"),
            "{told}"
        );
    }
}
