//! GnuPG 2.2, with a home of its own for each operation.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use pgp_keystore::Profile;
use tempfile::TempDir;

use crate::ours::Ours;
use crate::{Did, Peer, report};

pub(crate) struct Gpg;

impl Gpg {
    pub(crate) fn new() -> Self {
        Self
    }
}

/// A home, whose agent ends with it.
struct Home(TempDir);

impl Home {
    fn empty() -> Self {
        let home = tempfile::tempdir().unwrap();
        let own = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(home.path(), own).unwrap();
        Self(home)
    }

    fn with(ours: &Ours) -> Did<Self> {
        let home = Self::empty();
        home.gpg(&["--import"], &ours.key)?;
        Ok(home)
    }

    fn gpg(&self, args: &[&str], input: &[u8]) -> Did<Vec<u8>> {
        let mut command = Command::new("gpg");
        command.arg("--homedir").arg(self.0.path());
        command.args(["--batch", "--trust-model", "always"]);
        command.args(["--pinentry-mode", "loopback", "--passphrase", ""]);
        command.args(args).current_dir(self.0.path());
        report::run(&mut command, input)
    }

    fn put(&self, name: &str, octets: &[u8]) {
        std::fs::write(self.0.path().join(name), octets).unwrap();
    }

    /// What it did, if a valid signature of this key is what it says about it.
    fn valid(&self, args: &[&str], of: &Ours) -> Did<Vec<u8>> {
        let args = [&["--status-file", "status"], args].concat();
        let told = self.gpg(&args, b"")?;
        let status = std::fs::read(self.0.path().join("status")).unwrap();
        // It has notations in it, which need not be text.
        let status = String::from_utf8_lossy(&status);
        let valid = status
            .lines()
            .any(|line| line.starts_with("[GNUPG:] VALIDSIG ") && line.ends_with(&of.fingerprint));
        match valid {
            true => Ok(told),
            false => Err(format!("no valid signature: {status}")),
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        end.arg("--homedir").arg(self.0.path());
        let _ = end.args(["--kill", "gpg-agent"]).status();
    }
}

impl Peer for Gpg {
    fn version(&mut self) -> String {
        let said = report::run(Command::new("gpg").arg("--version"), b"").unwrap();
        let said = String::from_utf8(said).unwrap();
        said.lines().next().unwrap().into()
    }

    fn import(&mut self, ours: &Ours) -> Did<Vec<u8>> {
        Home::with(ours)?.gpg(&["--export", &ours.fingerprint], b"")
    }

    /// The newest kind that it has.
    fn export(&mut self, _: Profile) -> Did<Vec<u8>> {
        let home = Home::empty();
        let user_id = "Peer <peer@example.net>";
        home.gpg(&["--quick-generate-key", user_id, "future-default"], b"")?;
        home.gpg(&["--export-secret-keys"], b"")
    }

    fn encrypt(&mut self, ours: &Ours, content: &[u8]) -> Did<Vec<u8>> {
        let of = &*ours.fingerprint;
        let args = ["--sign", "--local-user", of, "--encrypt", "--recipient", of];
        Home::with(ours)?.gpg(&args, content)
    }

    fn decrypt(&mut self, ours: &Ours, message: &[u8]) -> Did<Vec<u8>> {
        let home = Home::with(ours)?;
        home.put("message", message);
        home.valid(&["--decrypt", "message"], ours)
    }

    fn sign(&mut self, ours: &Ours, content: &[u8]) -> Did<Vec<u8>> {
        let args = ["--local-user", &ours.fingerprint, "--detach-sign"];
        Home::with(ours)?.gpg(&args, content)
    }

    fn verify(&mut self, ours: &Ours, content: &[u8], signature: &[u8]) -> Did<()> {
        let home = Home::with(ours)?;
        home.put("content", content);
        home.put("signature", signature);
        home.valid(&["--verify", "signature", "content"], ours)
            .map(drop)
    }
}
