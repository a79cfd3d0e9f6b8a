//! OpenSSL's DANE and PKIX, through a harness in C that is compiled for the measurement.

use crate::chain::Chain;
use std::{path::PathBuf, process::Command};
use tempfile::TempDir;

pub(crate) struct OpenSsl {
    folder: TempDir,
    files: [PathBuf; 4],
}

impl OpenSsl {
    /// Compiles the harness; or says why there is none.
    pub(crate) fn new(chain: &Chain) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/dane_tlsa/openssl.c");
        let compiled = Command::new("cc")
            .args(["-O2", "-o"])
            .arg(folder.path().join("openssl"))
            .args([source, "-lssl", "-lcrypto"])
            .output()
            .map_err(|error| format!("cc: {error}"))?;
        if !compiled.status.success() {
            let said = String::from_utf8_lossy(&compiled.stderr);
            return Err(format!(
                "the harness does not compile (libssl-dev?): {said}"
            ));
        }
        let files = chain.write(folder.path());
        Ok(Self { folder, files })
    }

    /// The command that does something so many times.
    pub(crate) fn command(&self, what: &str, times: u32) -> Vec<String> {
        let mut command = vec![self.folder.path().join("openssl").display().to_string()];
        command.extend([what.to_owned(), times.to_string()]);
        command.extend(self.files.iter().map(|path| path.display().to_string()));
        command
    }

    /// Microseconds of CPU time that one takes, of so many.
    pub(crate) fn time(&self, what: &str, times: u32) -> f64 {
        let command = self.command(what, times);
        let said = Command::new(&command[0])
            .args(&command[1..])
            .output()
            .unwrap();
        assert!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
        String::from_utf8_lossy(&said.stdout)
            .trim()
            .parse()
            .unwrap()
    }
}
