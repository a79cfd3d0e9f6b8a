//! GnuPG, which has no library to call: a process each time, its start included, with an agent that runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Instant;

use tempfile::TempDir;

use crate::Row;
use crate::inputs::{CERTIFICATES, Inputs};

struct Gpg(TempDir);

impl Gpg {
    fn new() -> Result<Self, String> {
        tempfile::tempdir().map(Self).map_err(|why| why.to_string())
    }

    fn write(&self, name: &str, octets: &[u8]) -> Result<(), String> {
        fs::write(self.0.path().join(name), octets).map_err(|why| why.to_string())
    }

    fn run(&self, args: &[&str]) -> Result<Vec<u8>, String> {
        let home: &Path = self.0.path();
        let done = Command::new("gpg")
            .arg("--homedir")
            .arg(home)
            .args(["--batch", "--yes", "--quiet", "--trust-model", "always"])
            .args(["--no-auto-check-trustdb"])
            .args(args)
            .current_dir(home)
            .stdin(Stdio::null())
            .output()
            .map_err(|why| why.to_string())?;
        match done.status.success() {
            true => Ok(done.stdout),
            false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
        }
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // It leaves an agent behind that sits in this folder.
        let _ = Command::new("gpgconf")
            .arg("--homedir")
            .arg(self.0.path())
            .args(["--kill", "gpg-agent"])
            .status();
    }
}

/// Seconds for each certificate, into a new folder.
pub(crate) fn import(inputs: &Inputs, rounds: usize) -> Result<f64, String> {
    let mut best = f64::MAX;
    for _ in 0..rounds {
        let gpg = Gpg::new()?;
        gpg.write("keyring", &inputs.keyring)?;
        let start = Instant::now();
        gpg.run(&["--import", "keyring"])?;
        best = best.min(start.elapsed().as_secs_f64());
        let listed = gpg.run(&["--with-colons", "--list-keys"])?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let count = listed.lines().filter(|l| l.starts_with("pub:")).count();
        if count != CERTIFICATES {
            return Err(format!("{count} certificates in its keyring"));
        }
    }
    Ok(best / CERTIFICATES as f64)
}

/// Signing, verifying, encrypting to ten, decrypting.
pub(crate) fn rows(inputs: &Inputs) -> Result<Vec<Row>, String> {
    let gpg = Rc::new(Gpg::new()?);
    gpg.write("key", &inputs.keys[0])?;
    gpg.write("certificates", &inputs.certificates[..10].concat())?;
    gpg.write("content", &inputs.content)?;
    gpg.write("message", &crate::sequoia::message(inputs))?;
    gpg.run(&["--import", "key", "certificates"])?;
    let sign =
        "--output - --digest-algo SHA512 --local-user user0@example.org --detach-sign content";
    let sign: Vec<&str> = sign.split(' ').collect();
    gpg.write("signature", &gpg.run(&sign)?)?;
    let mut encrypt: Vec<String> = "--output - --compress-algo none --cipher-algo AES256"
        .split(' ')
        .map(str::to_owned)
        .collect();
    let to = (0..10).flat_map(|n| ["--recipient".to_owned(), format!("user{n}@example.org")]);
    encrypt.extend(to);
    encrypt.extend(["--encrypt".to_owned(), "content".to_owned()]);
    let row = |name, args: Vec<String>| {
        let gpg = gpg.clone();
        Row::of(name, 1, move || {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            gpg.run(&args).unwrap();
        })
    };
    let owned = |args: &[&str]| args.iter().map(|&arg| arg.to_owned()).collect();
    Ok(vec![
        row("gpg, a process", owned(&sign)),
        row(
            "gpg, a process",
            owned(&["--verify", "signature", "content"]),
        ),
        row("gpg, a process", encrypt),
        row(
            "gpg, a process",
            owned(&["--output", "-", "--decrypt", "message"]),
        ),
    ])
}
