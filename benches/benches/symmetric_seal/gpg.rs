//! GnuPG, which has no library to call: a process each time, its start and its key derivation (kept small) included.

use std::io::Write;
use std::process::{Command, Stdio};
use std::rc::Rc;

use tempfile::TempDir;

use crate::{PASSWORD, Row, content};

struct Gpg(TempDir);

impl Gpg {
    fn run(&self, args: &[&str]) -> Result<(), String> {
        let home = self.0.path();
        let mut child = Command::new("gpg")
            .arg("--homedir")
            .arg(home)
            .args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"])
            .args(["--passphrase-fd", "0", "--s2k-count", "1024"])
            .args(args)
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|why| why.to_string())?;
        let mut stdin = child.stdin.take().ok_or("no standard input")?;
        stdin
            .write_all(PASSWORD.as_bytes())
            .map_err(|why| why.to_string())?;
        drop(stdin);
        let done = child.wait_with_output().map_err(|why| why.to_string())?;
        match done.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
        }
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // It leaves an agent behind that sits in this folder.
        let kill = ["--kill", "gpg-agent"];
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.0.path())
            .args(kill)
            .status();
    }
}

const SEAL: [&str; 5] = [
    "--cipher-algo",
    "AES256",
    "--compress-algo",
    "none",
    "--symmetric",
];

pub(crate) fn rows() -> Result<Vec<Row>, String> {
    let gpg = Rc::new(Gpg(tempfile::tempdir().map_err(|why| why.to_string())?));
    std::fs::write(gpg.0.path().join("plain"), content()).map_err(|why| why.to_string())?;
    let seal = |out| [&SEAL[..], &["--output", out, "plain"]].concat();
    gpg.run(&seal("sealed"))?;
    let other = gpg.clone();
    let discard = [&["--output", "-"][..], &SEAL, &["plain"]].concat();
    Ok(vec![
        Row::new("gpg --symmetric AES256, to nowhere", move || {
            gpg.run(&discard).unwrap()
        }),
        Row::new("gpg --decrypt, to nowhere", move || {
            other
                .run(&["--output", "-", "--decrypt", "sealed"])
                .unwrap();
        }),
    ])
}
