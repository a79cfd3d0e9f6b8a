//! OpenPGP.js, the version of `openpgpjs/package-lock.json`, in Node.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pgp_keystore::Profile;
use serde_json::{Value, json};

use crate::ours::Ours;
use crate::{Did, Peer};

/// A process that answers line by line.
pub(crate) struct Node {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Node {
    pub(crate) fn new() -> Self {
        let mut child = Command::new("node")
            .arg("keys.mjs")
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/openpgpjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (requests, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let answers = BufReader::new(answers);
        Self {
            child,
            requests,
            answers,
        }
    }

    fn answer(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn ask(&mut self, request: &Value) -> Did<Vec<u8>> {
        let answer = self.answer(request);
        match answer["octets"].as_str() {
            Some(octets) => Ok(STANDARD.decode(octets).unwrap()),
            None => Err(answer["error"].as_str().unwrap().to_owned()),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap()
}

impl Peer for Node {
    fn version(&mut self) -> String {
        let answer = self.answer(&json!({"do": "version"}));
        answer["text"].as_str().unwrap().into()
    }

    fn import(&mut self, ours: &Ours) -> Did<Vec<u8>> {
        self.ask(&json!({"do": "import", "key": text(&ours.key)}))
    }

    /// The newest kind that it has, but for Compat.
    fn export(&mut self, profile: Profile) -> Did<Vec<u8>> {
        let v6 = profile != Profile::Compat;
        self.ask(&json!({"do": "generate", "v6": v6}))
    }

    fn encrypt(&mut self, ours: &Ours, content: &[u8]) -> Did<Vec<u8>> {
        self.ask(&json!({
            "do": "encrypt",
            "key": text(&ours.key),
            "certificate": text(&ours.certificate),
            "content": STANDARD.encode(content),
        }))
    }

    fn decrypt(&mut self, ours: &Ours, message: &[u8]) -> Did<Vec<u8>> {
        self.ask(&json!({
            "do": "decrypt",
            "key": text(&ours.key),
            "certificate": text(&ours.certificate),
            "message": STANDARD.encode(message),
        }))
    }

    fn sign(&mut self, ours: &Ours, content: &[u8]) -> Did<Vec<u8>> {
        self.ask(&json!({
            "do": "sign",
            "key": text(&ours.key),
            "content": STANDARD.encode(content),
        }))
    }

    fn verify(&mut self, ours: &Ours, content: &[u8], signature: &[u8]) -> Did<()> {
        let request = json!({
            "do": "verify",
            "certificate": text(&ours.certificate),
            "content": STANDARD.encode(content),
            "signature": STANDARD.encode(signature),
        });
        self.ask(&request).map(drop)
    }
}
