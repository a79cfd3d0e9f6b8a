//! RNP, the library of Thunderbird, by its programs `rnp` and `rnpkeys`.

use std::process::Command;

use pgp_keystore::Profile;
use tempfile::TempDir;

use crate::ours::Ours;
use crate::{Did, Peer, report};

pub(crate) struct Rnp;

impl Rnp {
    pub(crate) fn new() -> Self {
        Self
    }
}

struct Home(TempDir);

impl Home {
    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(ours: &Ours) -> Did<Self> {
        let home = Self::empty();
        home.put("key", &ours.key);
        home.run("rnpkeys", &["--import-keys", "key"], b"")?;
        Ok(home)
    }

    fn run(&self, program: &str, args: &[&str], input: &[u8]) -> Did<Vec<u8>> {
        let mut command = Command::new(program);
        command.arg("--homedir").arg(self.0.path());
        command.args(["--notty", "--password", ""]);
        command.args(args).current_dir(self.0.path());
        report::run(&mut command, input)
    }

    fn put(&self, name: &str, octets: &[u8]) {
        std::fs::write(self.0.path().join(name), octets).unwrap();
    }
}

impl Peer for Rnp {
    fn version(&mut self) -> String {
        let said = report::run(Command::new("rnp").arg("--version"), b"").unwrap();
        let said = String::from_utf8(said).unwrap();
        let line = said.lines().find(|line| line.starts_with("rnp ")).unwrap();
        line.into()
    }

    fn import(&mut self, ours: &Ours) -> Did<Vec<u8>> {
        let args = ["--export-key", &ours.fingerprint, "--output", "-"];
        Home::with(ours)?.run("rnpkeys", &args, b"")
    }

    /// The newest kind that it has, which is the one of number 22.
    fn export(&mut self, _: Profile) -> Did<Vec<u8>> {
        let home = Home::empty();
        let user_id = ["--userid", "Peer <peer@example.net>"];
        let generate = [&["--generate-key", "--expert"], &user_id[..]].concat();
        home.run("rnpkeys", &generate, b"22\n")?;
        let export = ["--secret", "--export-key", "Peer", "--output", "-"];
        home.run("rnpkeys", &export, b"")
    }

    fn encrypt(&mut self, ours: &Ours, content: &[u8]) -> Did<Vec<u8>> {
        let home = Home::with(ours)?;
        home.put("content", content);
        let of = &*ours.fingerprint;
        let args = ["--sign", "-u", of, "--encrypt", "-r", of, "--output", "-"];
        home.run("rnp", &[&args[..], &["content"]].concat(), b"")
    }

    fn decrypt(&mut self, ours: &Ours, message: &[u8]) -> Did<Vec<u8>> {
        let home = Home::with(ours)?;
        home.put("message", message);
        // It fails at signatures that are not valid.
        home.run("rnp", &["--decrypt", "--output", "-", "message"], b"")
    }

    fn sign(&mut self, ours: &Ours, content: &[u8]) -> Did<Vec<u8>> {
        let home = Home::with(ours)?;
        home.put("content", content);
        let args = ["--sign", "--detach", "-u", &ours.fingerprint];
        home.run(
            "rnp",
            &[&args[..], &["--output", "-", "content"]].concat(),
            b"",
        )
    }

    fn verify(&mut self, ours: &Ours, content: &[u8], signature: &[u8]) -> Did<()> {
        let home = Home::with(ours)?;
        home.put("content", content);
        home.put("content.sig", signature);
        let args = ["--verify", "--source", "content", "content.sig"];
        home.run("rnp", &args, b"").map(drop)
    }
}
