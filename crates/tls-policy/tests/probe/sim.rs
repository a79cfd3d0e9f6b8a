//! A server that exists on paper: it reads a ClientHello with a reader of its own, and answers octets.

use std::collections::BTreeMap;

use tls_policy::probe::{
    Authentication, ClientHello, Failure, KeyExchange, Outcome, Reader, Suite, Version,
};

/// How it says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Alert(u8),
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefers {
    Its,
    Clients,
}

#[derive(Clone, Debug)]
pub(crate) struct Sim {
    pub(crate) versions: Vec<Version>,
    pub(crate) suites: Vec<u16>,
    pub(crate) curves: Vec<u16>,
    pub(crate) groups: Vec<u16>,
    pub(crate) schemes: Vec<u16>,
    pub(crate) prefers: Prefers,
    pub(crate) refusal: Refusal,
    /// An ECDSA certificate on this curve wants it offered, as OpenSSL has it.
    pub(crate) certificate_curve: Option<u16>,
    pub(crate) prime_bits: u16,
    pub(crate) extensions: Vec<u16>,
    pub(crate) compresses: bool,
    pub(crate) ssl2: bool,
}

/// What a ClientHello says, as read by somebody who has not written it.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) record_version: u16,
    pub(crate) version: u16,
    pub(crate) session: usize,
    pub(crate) suites: Vec<u16>,
    pub(crate) compressions: Vec<u8>,
    pub(crate) extensions: BTreeMap<u16, Vec<u8>>,
    pub(crate) message: usize,
}

/// Panics at whatever is malformed: the writer's fault.
pub(crate) fn hear(octets: &[u8]) -> Heard {
    let u16_at = |at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
    assert_eq!(octets[0], 22);
    assert_eq!(usize::from(u16_at(3)), octets.len() - 5);
    assert_eq!((octets[5], octets[6]), (1, 0));
    assert_eq!(usize::from(u16_at(7)), octets.len() - 9);
    let mut at = 9 + 2 + 32;
    let session = usize::from(octets[at]);
    at += 1 + session;
    let count = usize::from(u16_at(at)) / 2;
    let suites = (0..count).map(|n| u16_at(at + 2 + 2 * n)).collect();
    at += 2 + 2 * count;
    let length = usize::from(octets[at]);
    let compressions = octets[at + 1..at + 1 + length].to_vec();
    at += 1 + length;
    let mut extensions = BTreeMap::new();
    if at < octets.len() {
        assert_eq!(at + 2 + usize::from(u16_at(at)), octets.len());
        at += 2;
        while at < octets.len() {
            let (code, length) = (u16_at(at), usize::from(u16_at(at + 2)));
            let data = octets[at + 4..at + 4 + length].to_vec();
            assert!(
                extensions.insert(code, data).is_none(),
                "extension {code} twice"
            );
            at += 4 + length;
        }
    }
    assert_eq!(at, octets.len());
    Heard {
        record_version: u16_at(1),
        version: u16_at(9),
        session,
        suites,
        compressions,
        extensions,
        message: octets.len() - 5,
    }
}

impl Heard {
    /// Of an extension that is a list of numbers behind its length.
    pub(crate) fn list(&self, code: u16) -> Option<Vec<u16>> {
        let data = self.extensions.get(&code)?;
        let skip = if code == 43 { 1 } else { 2 };
        let pairs = data[skip..].chunks(2);
        Some(
            pairs
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect(),
        )
    }
}

impl Sim {
    /// What comes of it, as the reader reads it.
    pub(crate) fn answer(&self, hello: &ClientHello) -> Outcome {
        let octets = hello.write(&[0x5A; ClientHello::RANDOM]);
        let mut reader = Reader::new(hello.clone());
        if octets[0] & 0x80 != 0 {
            return self.ssl2(reader);
        }
        let heard = hear(&octets);
        match self.octets(&heard) {
            None => match self.refusal {
                Refusal::Alert(code) => reader.push(&[21, 3, 1, 0, 2, 2, code]).unwrap(),
                Refusal::Close => reader.closed(),
            },
            Some(octets) => {
                // One octet at a time: whatever is cut anywhere is read the same.
                let mut outcome = None;
                for octet in &octets {
                    assert_eq!(outcome, None, "octets after the end");
                    outcome = reader.push(&[*octet]);
                }
                outcome.unwrap_or(Outcome::Failed(Failure::Timeout))
            }
        }
    }

    fn ssl2(&self, mut reader: Reader) -> Outcome {
        let outcome = match (self.ssl2, self.refusal) {
            // A ServerHello of SSL 2.0, as far as anybody reads it.
            (true, _) => reader.push(&[0x80, 11, 4, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]),
            (false, Refusal::Close) => return reader.closed(),
            // What it is to a server that knows TLS alone.
            (false, Refusal::Alert(_)) => reader.push(&[21, 3, 1, 0, 2, 2, 50]),
        };
        outcome.unwrap()
    }

    fn octets(&self, heard: &Heard) -> Option<Vec<u8>> {
        let offered: Vec<u16> = match heard.list(43) {
            Some(versions) => versions,
            None => (0x300..=heard.version).rev().collect(),
        };
        let has = |v: &&Version| offered.contains(&v.code());
        let version = *self.versions.iter().filter(has).max()?;
        if heard.suites.contains(&0x5600) && self.versions.iter().any(|v| *v > version) {
            return self.clone().with_refusal(86);
        }
        let usable = |code: &u16| {
            let suite = Suite::new(*code);
            let fits = suite.fits(version) && self.suites.contains(code);
            fits && heard.suites.contains(code) && self.can(suite, version, heard)
        };
        let suite = match self.prefers {
            Prefers::Its => self.suites.iter().copied().find(usable)?,
            Prefers::Clients => heard.suites.iter().copied().find(usable)?,
        };
        Some(self.write(Suite::new(suite), version, heard))
    }

    /// An alert in place of an answer.
    fn with_refusal(self, code: u8) -> Option<Vec<u8>> {
        Some(vec![21, 3, 1, 0, 2, 2, code])
    }

    fn pick(&self, own: &[u16], theirs: Option<Vec<u16>>) -> Option<u16> {
        let theirs = theirs?;
        let mut both = match self.prefers {
            Prefers::Its => own
                .iter()
                .copied()
                .filter(|c| theirs.contains(c))
                .collect::<Vec<_>>(),
            Prefers::Clients => theirs.into_iter().filter(|c| own.contains(c)).collect(),
        };
        both.truncate(1);
        both.pop()
    }

    fn can(&self, suite: Suite, version: Version, heard: &Heard) -> bool {
        if version == Version::Tls13 {
            return self.pick(&self.groups, heard.list(10)).is_some();
        }
        let curve = match suite.key_exchange() {
            // SSL 3.0 knows no curves.
            Some(KeyExchange::Ecdhe) if version == Version::Ssl30 => false,
            Some(KeyExchange::Ecdhe) => {
                let bound = self
                    .certificate_curve
                    .filter(|_| suite.authentication() == Some(Authentication::Ecdsa));
                let there = |c: u16| heard.list(10).is_some_and(|theirs| theirs.contains(&c));
                self.pick(&self.curves, heard.list(10)).is_some() && bound.is_none_or(there)
            }
            _ => true,
        };
        curve && (!signs(suite, version) || self.pick(&self.schemes, heard.list(13)).is_some())
    }

    fn write(&self, suite: Suite, version: Version, heard: &Heard) -> Vec<u8> {
        let mut body = version.min(Version::Tls12).code().to_be_bytes().to_vec();
        let retry = version == Version::Tls13;
        match retry {
            true => body.extend(RETRY),
            false => body.extend([9; 32]),
        }
        body.push(0);
        body.extend(suite.code().to_be_bytes());
        let compressed = self.compresses && !retry && heard.compressions.contains(&1);
        body.push(u8::from(compressed));
        let mut extensions: Vec<u8> = Vec::new();
        if retry {
            let group = self.pick(&self.groups, heard.list(10)).unwrap();
            extensions.extend([0, 43, 0, 2, 3, 4, 0, 51, 0, 2]);
            extensions.extend(group.to_be_bytes());
        } else {
            for code in &self.extensions {
                // RFC 7366 §3: with an AEAD it has no meaning.
                let cbc = *code != 22 || suite.is_cbc();
                let scsv = *code == 0xFF01 && heard.suites.contains(&0xFF);
                if (heard.extensions.contains_key(code) || scsv) && cbc {
                    extensions.extend(code.to_be_bytes());
                    match *code {
                        0xFF01 => extensions.extend([0, 1, 0]),
                        15 => extensions.extend([0, 1, 1]),
                        _ => extensions.extend([0, 0]),
                    }
                }
            }
        }
        if !extensions.is_empty() {
            body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
            body.extend(extensions);
        }
        let mut messages = message(2, &body);
        if version < Version::Tls13 {
            if suite.authentication() != Some(Authentication::Anonymous) {
                let kind = suite.authentication().map_or(0, |a| a as u8);
                messages.extend(message(11, &[0, 0, 5, 0, 0, 2, 0x30, kind]));
            }
            messages.extend(self.exchange(suite, version, heard));
            messages.extend(message(14, &[]));
        }
        // Records that cut messages wherever it hurts.
        let version = version.min(Version::Tls12).code().to_be_bytes();
        let mut records = Vec::new();
        for part in messages.chunks(7) {
            records.extend([22, version[0], version[1], 0, part.len() as u8]);
            records.extend(part);
        }
        records
    }

    fn exchange(&self, suite: Suite, version: Version, heard: &Heard) -> Vec<u8> {
        let mut body = match suite.key_exchange() {
            Some(KeyExchange::Ecdhe) => {
                let curve = self.pick(&self.curves, heard.list(10)).unwrap();
                let [high, low] = curve.to_be_bytes();
                vec![3, high, low, 2, 4, 5]
            }
            Some(KeyExchange::Dhe) => {
                let octets = usize::from(self.prime_bits / 8);
                let mut body = u16::try_from(octets).unwrap().to_be_bytes().to_vec();
                body.extend(vec![0xFF; octets]);
                body.extend([0, 1, 2, 0, 1, 7]);
                body
            }
            _ => return Vec::new(),
        };
        if suite.authentication() != Some(Authentication::Anonymous) {
            if version == Version::Tls12 {
                let scheme = self.pick(&self.schemes, heard.list(13)).unwrap();
                body.extend(scheme.to_be_bytes());
            }
            body.extend([0, 1, 0xEE]);
        }
        message(12, &body)
    }
}

pub(crate) fn signs(suite: Suite, version: Version) -> bool {
    let ephemeral = [Some(KeyExchange::Ecdhe), Some(KeyExchange::Dhe)];
    version == Version::Tls12
        && ephemeral.contains(&suite.key_exchange())
        && suite.authentication() != Some(Authentication::Anonymous)
}

pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind, a, b, c], body].concat()
}

/// RFC 8446 §4.1.3.
pub(crate) const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];
