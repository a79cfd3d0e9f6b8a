//! How peers are run, and what becomes of the results: lines in the folder `OPENPGP_MATRIX`, if it is set, of which
//! `cargo xtask deep` makes docs/openpgp-interop.md.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{BACKEND, Did, Operation};

/// What the program wrote to standard output; else its status and what it said.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Did<Vec<u8>> {
    let mut child = command
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Beside, as it may write before it has read all. What it does not want to read is not needed.
    let writer = std::thread::spawn(move || drop(to.write_all(&input)));
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap();
    match done.status.success() {
        true => Ok(done.stdout),
        false => {
            let said = String::from_utf8_lossy(&done.stderr);
            Err(format!("{}: {}", done.status, said.trim()))
        }
    }
}

/// The rows of one peer, in one build.
pub(crate) struct Report {
    peer: String,
    lines: String,
}

impl Report {
    pub(crate) fn new(peer: &str, version: &str) -> Self {
        let backend = pgp_keystore::backend();
        Self {
            peer: peer.into(),
            lines: format!("peer\t{peer}\t{version}\t{backend}\n"),
        }
    }

    pub(crate) fn absent(&mut self, profile: &str, why: &str) {
        writeln!(self.lines, "absent\t{profile}\t{why}").unwrap();
    }

    pub(crate) fn row(
        &mut self,
        profile: &str,
        operation: Operation,
        did: &Did<()>,
        reason: Option<&str>,
    ) {
        let operation = format!("{operation:?}").to_lowercase();
        let (word, why) = match did {
            Ok(()) => ("works", ""),
            Err(_) => ("fails", reason.unwrap_or("for no known reason")),
        };
        writeln!(self.lines, "row\t{profile}\t{operation}\t{word}\t{why}").unwrap();
    }

    pub(crate) fn write(&self) {
        if let Some(folder) = std::env::var_os("OPENPGP_MATRIX") {
            let file = format!("{BACKEND}-{}.tsv", self.peer);
            std::fs::write(Path::new(&folder).join(file), &self.lines).unwrap();
        }
    }
}
