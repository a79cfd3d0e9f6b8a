//! `examples/login.rs` as people use it.
#![cfg(feature = "store")]
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use twofactor::otp::{Otp, Parameters, Secret};

const PASSWORD: &str = "correct horse";

/// The example, which cargo builds together with the tests unless only some are asked for.
fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path
        .join("examples")
        .join(format!("login{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        let args = ["build", "-q", "-p", "twofactor", "--features", "store"];
        let cargo = Command::new(env!("CARGO"))
            .args(args)
            .args(["--example", "login"])
            .status();
        assert!(cargo.unwrap().success());
    }
    path
}

/// A service of its own.
struct World(TempDir);

impl World {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn start(&self, user: &str, args: &[&str]) -> Child {
        Command::new(program())
            .arg(user)
            .args(args)
            .env("LOGIN_DB", self.0.path().join("login.db"))
            .env("LOGIN_STDIN", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What it prints, and what it says where it exits with `status`.
    #[track_caller]
    fn says(&self, user: &str, args: &[&str], typed: &[&str], status: i32) -> (String, String) {
        let mut child = self.start(user, args);
        // Whoever is refused reads no more.
        let _ = child
            .stdin
            .take()
            .unwrap()
            .write_all(format!("{}\n", typed.join("\n")).as_bytes());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{args:?}: {output:?}");
        let text = |octets| String::from_utf8(octets).unwrap();
        (text(output.stdout), text(output.stderr))
    }

    /// Enrols as somebody does who looks at the screen: the app, and what is printed.
    fn enrol(&self, user: &str) -> (Otp, String) {
        let mut child = self.start(user, &["enrol"]);
        let mut input = child.stdin.take().unwrap();
        writeln!(input, "{PASSWORD}").unwrap();
        let mut screen = BufReader::new(child.stderr.take().unwrap());
        let key = shown(&mut screen);
        let app = Otp::new(Parameters::totp(), Secret::from_base32(&key).unwrap());
        typed(&mut input, &app);
        let mut out = String::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        assert!(child.wait().unwrap().success());
        (app, out)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// The key under the QR code.
fn shown(screen: &mut BufReader<ChildStderr>) -> String {
    let (mut line, mut is_drawn) = (String::new(), false);
    loop {
        line.clear();
        assert!(screen.read_line(&mut line).unwrap() > 0, "no key was shown");
        is_drawn |= line.contains('▀') || line.contains('█');
        if let Some((_, key)) = line.split_once("by hand: ") {
            assert!(is_drawn, "no QR code was shown");
            return key.trim().to_owned();
        }
    }
}

fn typed(input: &mut ChildStdin, app: &Otp) {
    writeln!(input, "{}", code(app, 0)).unwrap();
}

/// The code so many steps from now: each opens once, and those that come before and after now open, too.
fn code(app: &Otp, steps: i64) -> String {
    let now = app.step_at(SystemTime::now());
    app.code_at(now.saturating_add_signed(steps))
        .expose()
        .to_owned()
}

#[test]
fn an_account_from_its_first_password_to_its_last_recovery_code() {
    let (world, ann) = (World::new(), "ann@example.org");
    // Nobody yet: the same answer as for a wrong password.
    let (_, told) = world.says(ann, &["login"], &[PASSWORD], 1);
    assert!(told.contains("2fa.wrong"), "{told}");
    world.says(ann, &["password"], &[PASSWORD], 0);
    let (_, told) = world.says(ann, &["login"], &["wrong"], 1);
    assert!(told.contains("2fa.wrong"), "{told}");
    let (said, _) = world.says(ann, &["login"], &[PASSWORD], 0);
    assert!(said.contains("in, by Password"), "{said}");
    is_private(&world.file("login.db.key"));
    is_private(&world.file("login.db.cookie"));

    let (app, on) = world.enrol(ann);
    let app_password = on
        .split_once("for mail programs: ")
        .unwrap()
        .1
        .trim()
        .to_owned();
    let recovery: Vec<&str> = on
        .lines()
        .filter(|line| line.trim().len() == 19 && line.matches('-').count() == 3)
        .map(str::trim)
        .collect();
    assert_eq!(recovery.len(), 10, "{on}");

    // The code of the next step, which a clock that is ahead shows.
    let ahead = code(&app, 1);
    let (said, _) = world.says(ann, &["login", "--remember"], &[PASSWORD, &ahead], 0);
    assert!(
        said.contains("in, by Otp; 10 recovery codes left"),
        "{said}"
    );
    let (said, _) = world.says(ann, &["login"], &[PASSWORD], 0);
    assert!(said.contains("in, by RememberedDevice"), "{said}");

    // On another device the same code opens nothing, and the user is told.
    std::fs::remove_file(world.file("login.db.cookie")).unwrap();
    let (_, told) = world.says(ann, &["login"], &[PASSWORD, &ahead], 1);
    assert!(told.contains("2fa.replayed"), "{told}");
    let (said, _) = world.says(ann, &["recover"], &[PASSWORD, recovery[0]], 0);
    assert!(
        said.contains("in, by Recovery; 9 recovery codes left"),
        "{said}"
    );
    std::fs::remove_file(world.file("login.db.cookie")).unwrap();
    let (_, told) = world.says(ann, &["recover"], &[PASSWORD, recovery[0]], 1);
    assert!(told.contains("2fa.wrong"), "{told}");
    let away = Duration::from_secs(300);
    let late = app.code_at(app.step_at(SystemTime::now() - away));
    let (_, told) = world.says(ann, &["login"], &[PASSWORD, late.expose()], 1);
    assert!(
        told.contains("2fa.drifted") && told.contains("differ by -"),
        "{told}"
    );

    let (said, _) = world.says(ann, &["mail", "imap"], &[&app_password], 0);
    assert!(said.contains("in, by AppPassword"), "{said}");
    let (_, told) = world.says(ann, &["mail", "imap"], &[PASSWORD], 1);
    assert!(told.contains("2fa.app-password-wanted"), "{told}");
    let (_, told) = world.says(ann, &["mail", "sign"], &[&app_password], 1);
    assert!(told.contains("2fa.scope"), "{told}");

    let (told, _) = world.says(ann, &["events"], &[], 0);
    for event in [
        "2fa.enrolled",
        "2fa.duplicate-code",
        "2fa.recovery-used",
        "2fa.new-device",
    ] {
        assert!(told.contains(event), "{event}: {told}");
    }
    let (told, _) = world.says(ann, &["events"], &[], 0);
    assert!(told.is_empty(), "{told}");
}

#[test]
fn what_opens_the_account_is_listed_and_revoked() {
    let (world, bob) = (World::new(), "bob@example.org");
    world.says(bob, &["password"], &[PASSWORD], 0);
    world.says(bob, &["login"], &[PASSWORD], 0);
    let (said, _) = world.says(bob, &["mint", "Thunderbird"], &[PASSWORD], 0);
    let app = said.trim().to_owned();
    world.says(bob, &["mail", "pop3"], &[&app], 0);
    let (said, _) = world.says(bob, &["devices"], &[PASSWORD], 0);
    let line = said
        .lines()
        .find(|line| line.starts_with("app password "))
        .unwrap();
    assert!(
        line.ends_with("\"Thunderbird\" (imap, pop3, smtp), used"),
        "{line}"
    );
    let id = line.split(' ').nth(2).unwrap();
    assert_eq!(
        said.lines()
            .filter(|line| line.starts_with("device "))
            .count(),
        1
    );
    world.says(bob, &["revoke", id], &[PASSWORD], 0);
    let (_, told) = world.says(bob, &["mail", "pop3"], &[&app], 1);
    assert!(told.contains("2fa.wrong"), "{told}");
}

#[test]
fn what_cannot_be_done_is_told_and_no_secret_is() {
    let world = World::new();
    world.says("ann", &["what"], &[], 2);
    world.says("ann", &["mail", "nntp"], &["a"], 2);
    world.says("", &["login"], &["a"], 2);
    world.says("ann", &["password"], &[PASSWORD], 0);
    std::fs::write(world.file("login.db.key"), "SECRET").unwrap();
    let (_, told) = world.says("ann", &["login"], &[PASSWORD], 2);
    assert!(
        !told.contains("SECRET") && !told.contains(PASSWORD),
        "{told}"
    );
}

#[cfg(unix)]
fn is_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{}", path.display());
}

#[cfg(not(unix))]
fn is_private(path: &Path) {
    assert!(path.exists());
}
