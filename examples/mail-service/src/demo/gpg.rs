//! A real GnuPG, with a home of its own that is removed in the end.

use std::{error::Error, path::Path, process::Command};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// One user of GnuPG.
pub(super) struct Gpg {
    home: TempDir,
}

/// What protects the keys.
pub(super) const PASSPHRASE: &str = "a passphrase of gpg";

type Octets = Result<Vec<u8>, Box<dyn Error>>;

impl Gpg {
    /// Whether there is one.
    pub(super) fn version() -> Option<String> {
        let output = Command::new("gpg").arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        text.lines().next().map(str::to_owned)
    }

    /// Without keys. The path of its home is short, as its sockets lie there.
    pub(super) fn new() -> std::io::Result<Self> {
        let home = tempfile::Builder::new().prefix("gpg-").tempdir()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self { home })
    }

    /// A path in its home.
    pub(super) fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    /// Runs it beside the service.
    pub(super) async fn run(&self, args: &[&str]) -> Octets {
        let mut command = Command::new("gpg");
        command
            .env("GNUPGHOME", self.home.path())
            .args(["--batch", "--yes", "--no-tty", "--trust-model", "always"])
            .args(["--pinentry-mode", "loopback", "--passphrase", PASSPHRASE])
            .args(args);
        let shown = args.join(" ");
        let output = spawn_blocking(move || command.output()).await??;
        match output.status.success() {
            true => Ok(output.stdout),
            false => {
                let said = String::from_utf8_lossy(&output.stderr);
                Err(format!("gpg {shown}: {said}").into())
            }
        }
    }

    /// As [`run`](Self::run), on these octets.
    pub(super) async fn on(&self, octets: &[u8], args: &[&str]) -> Octets {
        let file = self.path("input");
        std::fs::write(&file, octets)?;
        let args = [args, &[&file]].concat();
        self.run(&args).await
    }

    /// A key of today's default kind for this user ID.
    pub(super) async fn generate(&self, user_id: &str) -> Result<(), Box<dyn Error>> {
        let new = ["--quick-generate-key", user_id, "default", "default", "1y"];
        self.run(&new).await.map(drop)
    }
}

impl Drop for Gpg {
    /// Its agent outlives it otherwise.
    fn drop(&mut self) {
        let home: &Path = self.home.path();
        // Without an agent there is nothing to end.
        let _ = Command::new("gpgconf")
            .env("GNUPGHOME", home)
            .args(["--kill", "gpg-agent"])
            .output();
    }
}
