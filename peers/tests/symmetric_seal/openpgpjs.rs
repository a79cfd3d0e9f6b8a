//! OpenPGP.js, the version of `openpgpjs/package-lock.json`, in Node.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::sizes::{FEW, MANY, around, content};
use crate::{PASSWORD, WAYS, Way, opens_here, seal, sealer};

/// A process that answers line by line.
struct Node {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Node {
    fn new() -> Self {
        let mut child = Command::new("node")
            .arg("peer.mjs")
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

    fn ask(&mut self, request: &Value, wanted: &str) -> Result<Vec<u8>, String> {
        writeln!(self.requests, "{request}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        match answer[wanted].as_str() {
            Some(octets) => Ok(STANDARD.decode(octets).unwrap()),
            None => Err(answer["error"].as_str().unwrap().to_owned()),
        }
    }

    fn opens(&mut self, message: &[u8]) -> Result<Vec<u8>, String> {
        let request = json!({"open": STANDARD.encode(message), "password": PASSWORD});
        self.ask(&request, "content")
    }

    fn seals(&mut self, content: &[u8], chunk_octet: u8, way: Way) -> Vec<u8> {
        let request = json!({
            "seal": STANDARD.encode(content),
            "password": PASSWORD,
            "chunkOctet": chunk_octet,
            "parts": matches!(way, Way::Stream),
        });
        self.ask(&request, "message").unwrap()
    }

    #[track_caller]
    fn opens_there(&mut self, message: &[u8], content: &[u8]) {
        assert!(self.opens(message).unwrap() == content);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "interop: needs openpgpjs"]
fn interop_openpgpjs_opens_ours() {
    let mut node = Node::new();
    for way in WAYS {
        for octets in [0, 1] {
            node.opens_there(&seal(way, &content(octets)), &content(octets));
        }
        for chunks in FEW {
            around(
                chunks,
                1 << 16,
                |content| seal(way, content),
                |message, content| node.opens_there(message, content),
            );
        }
    }
    for chunks in MANY {
        around(
            chunks,
            1 << 16,
            |content| seal(Way::Memory, content),
            |message, content| node.opens_there(message, content),
        );
    }
    let armored = sealer()
        .armored()
        .seal(b"hello", &crate::password())
        .unwrap();
    node.opens_there(armored.message(), b"hello");
    // The mutation: what is damaged is not opened.
    let mut damaged = seal(Way::Memory, b"hello");
    damaged[140] ^= 1;
    assert!(node.opens(&damaged).is_err());
}

#[test]
#[ignore = "interop: needs openpgpjs"]
fn interop_openpgpjs_is_opened_here() {
    let mut node = Node::new();
    for way in WAYS {
        for octets in [0, 1] {
            opens_here(&node.seals(&content(octets), 10, way), &content(octets));
        }
        for (octet, chunk) in [(10, 1 << 16), (2, 256)] {
            for chunks in FEW {
                around(
                    chunks,
                    chunk,
                    |content| node.seals(content, octet, way),
                    opens_here,
                );
            }
        }
    }
    for chunks in MANY {
        around(
            chunks,
            1 << 16,
            |content| node.seals(content, 10, Way::Memory),
            opens_here,
        );
    }
}
