//! A real GnuPG, in a home of its own.
#![allow(dead_code)] // each test program uses a part

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use tempfile::TempDir;

/// The passphrase of all its keys.
pub(crate) const PASSPHRASE: &str = "correct horse";

/// GnuPG has the real time only.
#[allow(clippy::disallowed_methods)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

pub(crate) struct Gpg {
    home: TempDir,
}

impl Gpg {
    pub(crate) fn new() -> Self {
        let home = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self { home }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Where it keeps the secret with this keygrip.
    pub(crate) fn secret_file(&self, grip: &str) -> PathBuf {
        self.path(&format!("private-keys-v1.d/{grip}.key"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("gpg");
        command
            .env("GNUPGHOME", self.home.path())
            .env("LC_ALL", "C");
        command.args(["--batch", "--yes", "--quiet", "--no-tty"]);
        if args.contains(&"--encrypt") {
            command.args(["--trust-model", "always"]);
        }
        command.args(["--pinentry-mode", "loopback", "--passphrase", PASSPHRASE]);
        command.args(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn output(&self, args: &[&str], input: &[u8]) -> Output {
        let mut child = self.command(args).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // Whether all of it was wanted is said by the exit status.
        let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// What must succeed.
    pub(crate) fn run(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.output(args, input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {args:?}: {said}");
        output.stdout
    }

    pub(crate) fn fails(&self, args: &[&str], input: &[u8]) -> bool {
        !self.output(args, input).status.success()
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.home.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// A new key of `NAME <NAME@example.org>`; its fingerprint.
    pub(crate) fn generate(
        &self,
        name: &str,
        algorithm: &str,
        purpose: &str,
        expires: &str,
    ) -> String {
        let user_id = format!("{name} <{name}@example.org>");
        let args = [
            "--quick-generate-key",
            &user_id,
            algorithm,
            purpose,
            expires,
        ];
        self.run(&args, b"");
        self.listed("fpr", name).swap_remove(0)
    }

    pub(crate) fn add(&self, of: &str, algorithm: &str, purpose: &str) {
        self.run(&["--quick-add-key", of, algorithm, purpose, "never"], b"");
    }

    /// What it lists of a key on lines of this kind, such as `fpr` and `grp`, in field 10.
    pub(crate) fn listed(&self, kind: &str, name: &str) -> Vec<String> {
        let args = ["--with-colons", "--with-keygrip", "--list-keys", name];
        let listed = String::from_utf8(self.run(&args, b"")).unwrap();
        let lines = listed.lines().map(|line| line.split(':'));
        let lines = lines.filter_map(|mut fields| match fields.next() == Some(kind) {
            true => fields.nth(8),
            false => None,
        });
        lines.map(str::to_owned).collect()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        end.env("GNUPGHOME", self.home.path())
            .args(["--kill", "all"])
            .output()
            .ok();
    }
}
