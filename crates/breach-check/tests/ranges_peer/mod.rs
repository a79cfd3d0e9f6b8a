//! Peers: servers on loopback that answer octet by octet what they are told, and record all that is sent to them.
#![allow(dead_code)] // Each test uses a part.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use breach_check::{HashKind, PasswordHash, Range};

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The connection stays for the next request.
    Next,
    /// It is closed.
    Close,
    /// It stays open, and nothing more comes.
    Silence,
}

type Script = dyn Fn(&str, usize) -> (Vec<u8>, Then) + Send + Sync;

/// A server without TLS whose answers are octets.
pub(crate) struct Peer {
    address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

#[derive(Default)]
struct Record {
    connections: usize,
    requests: usize,
    octets: Vec<u8>,
    silent: Vec<TcpStream>,
}

impl Peer {
    /// The script is given the head of a request and its number, from 0.
    pub(crate) fn new(
        script: impl Fn(&str, usize) -> (Vec<u8>, Then) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let record = Arc::new(Mutex::new(Record::default()));
        let (script, shared): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&record));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                shared.lock().unwrap().connections += 1;
                let (script, record) = (Arc::clone(&script), Arc::clone(&shared));
                std::thread::spawn(move || serve(stream, &*script, &record));
            }
        });
        Self { address, record }
    }

    /// Always the same.
    pub(crate) fn saying(octets: impl Into<Vec<u8>>, then: Then) -> Self {
        let octets = octets.into();
        Self::new(move |_, _| (octets.clone(), then))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.record.lock().unwrap().connections
    }

    pub(crate) fn requests(&self) -> usize {
        self.record.lock().unwrap().requests
    }

    /// Every octet that came.
    pub(crate) fn octets(&self) -> Vec<u8> {
        self.record.lock().unwrap().octets.clone()
    }
}

fn serve(mut stream: TcpStream, script: &Script, record: &Mutex<Record>) {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            match stream.read(&mut octet) {
                Ok(1) => {
                    head.push(octet[0]);
                    record.lock().unwrap().octets.push(octet[0]);
                }
                _ => return,
            }
        }
        let number = {
            let mut record = record.lock().unwrap();
            record.requests += 1;
            record.requests - 1
        };
        let (octets, then) = script(std::str::from_utf8(&head).unwrap(), number);
        if stream.write_all(&octets).is_err() {
            return;
        }
        match then {
            Then::Next => {}
            Then::Close => return drop(stream.shutdown(Shutdown::Both)),
            Then::Silence => return record.lock().unwrap().silent.push(stream),
        }
    }
}

/// An answer with `Content-Length`.
pub(crate) fn whole(status: &str, fields: &[&str], body: &[u8]) -> Vec<u8> {
    let length = format!("content-length: {}", body.len());
    head(status, &[&[&*length], fields].concat(), body)
}

pub(crate) fn head(status: &str, fields: &[&str], body: &[u8]) -> Vec<u8> {
    let mut octets = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for field in fields {
        octets.extend_from_slice(field.as_bytes());
        octets.extend_from_slice(b"\r\n");
    }
    octets.extend_from_slice(b"\r\n");
    octets.extend_from_slice(body);
    octets
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A range of so many lines, that are the same for the same range and number.
pub(crate) fn text(kind: HashKind, range: Range, lines: u64) -> String {
    let step = (1_u64 << 48) / lines.max(1);
    let all: Vec<_> = (0..lines)
        .map(|line| {
            let at = step * line + u64::from(range.number()) % step.min(1 << 20);
            let rest = kind.hex_len() - 5 - 12;
            format!("{at:012X}{:0>rest$}:{}", "", line + 1)
        })
        .collect();
    all.join("\r\n")
}

/// Which parts of hashes are in these octets that are longer than five characters: what must never leave.
pub(crate) fn leaks(octets: &[u8], hashes: &[PasswordHash]) -> Vec<String> {
    let octets = String::from_utf8_lossy(octets).to_uppercase();
    let mut leaks = Vec::new();
    for hash in hashes {
        let hex = hash.hex();
        // Six that follow each other, wherever they are in the hash.
        let parts = (0..hex.len() - 5).map(|at| &hex[at..at + 6]);
        leaks.extend(
            parts
                .filter(|part| octets.contains(part))
                .map(str::to_owned),
        );
    }
    leaks
}
