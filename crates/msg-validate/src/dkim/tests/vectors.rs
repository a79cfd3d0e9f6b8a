//! `tests/vectors/dkim-*.toml`: each case names the section that it proves.
//!
//! A case is a literal tag list, signed here by the reference canonicalization, whatever it says;
//! so cases can be wrong in exactly one way. `{bh}` and `{b}` stand for what is computed.

use super::super::{body_hash, verify};
use super::*;
use crate::Limits;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use std::{
    fs,
    time::{Duration, SystemTime},
};

const MESSAGE: &str = "From: Joe <joe@example.org>\nTo: suzie@example.net\n\
    Subject: Is dinner ready?\nDate: Fri, 11 Jul 2003 21:00:37 -0700\n\n\
    Hi.\n\nWe lost the game.  Are you hungry yet?\n\nJoe.\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    #[serde(default)]
    case: Vec<Case>,
    #[serde(default)]
    body: Vec<Body>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    name: String,
    rfc: String,
    /// Each is signed on its own; the first one stands on top.
    #[serde(default = "default_tags")]
    tags: Vec<String>,
    /// LF is written for CRLF, unless `raw`.
    message: Option<String>,
    #[serde(default)]
    raw: bool,
    /// Canonicalizations that the signer uses.
    #[serde(default = "relaxed")]
    c: [String; 2],
    /// Fields that the signer signs, in order, as the lowest ones that are not signed yet.
    #[serde(default = "default_fields")]
    h: Vec<String>,
    l: Option<usize>,
    #[serde(default = "default_key")]
    key: String,
    /// Replaced after signing.
    #[serde(default)]
    after: Vec<[String; 2]>,
    dns: Option<Vec<[String; 2]>>,
    #[serde(default = "default_now")]
    now: u64,
    /// Of each signature, from the top.
    reasons: Vec<String>,
    results: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    name: String,
    rfc: String,
    body: String,
    simple: String,
    relaxed: String,
}

fn default_tags() -> Vec<String> {
    vec![
        "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=ed; h=from:to:subject:date; bh={bh}; b={b}".into(),
    ]
}

fn relaxed() -> [String; 2] {
    ["relaxed".into(), "relaxed".into()]
}

fn default_fields() -> Vec<String> {
    ["from", "to", "subject", "date"].map(Into::into).into()
}

fn default_key() -> String {
    "ed".into()
}

fn default_now() -> u64 {
    1_600_000_000
}

fn canon(name: &str) -> Canonicalization {
    match name {
        "simple" => Canonicalization::Simple,
        "relaxed" => Canonicalization::Relaxed,
        other => panic!("{other} is no canonicalization"),
    }
}

/// Fields with their CRLF, and the body.
fn cut(message: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut fields: Vec<Vec<u8>> = Vec::new();
    let mut rest = message;
    loop {
        let end = rest
            .windows(2)
            .position(|w| w == b"\r\n")
            .map_or(rest.len(), |at| at + 2);
        let (line, others) = rest.split_at(end);
        rest = others;
        match line {
            b"\r\n" | b"" => return (fields, rest.to_vec()),
            [b' ' | b'\t', ..] => fields.last_mut().unwrap().extend_from_slice(line),
            _ => fields.push(line.to_vec()),
        }
    }
}

impl Case {
    pub(crate) fn signed(&self) -> Vec<u8> {
        let mut message: Vec<u8> = self
            .message
            .as_deref()
            .unwrap_or(MESSAGE)
            .chars()
            .flat_map(|c| match (c, u8::try_from(c)) {
                ('\n', _) if !self.raw => b"\r\n".to_vec(),
                (_, Ok(octet)) if self.raw => vec![octet],
                _ => c.to_string().into_bytes(),
            })
            .collect();
        let [header, body] = [canon(&self.c[0]), canon(&self.c[1])];
        let key = match &*self.key {
            "ed" => ed25519(),
            "rsa2048" => rsa2048(),
            other => panic!("{other} is no key"),
        };
        let (fields, text) = cut(&message);
        let mut text = canonical_body(body, &text);
        text.truncate(self.l.unwrap_or(usize::MAX));
        let bh = STANDARD.encode(sha256(&text));
        for tags in self.tags.iter().rev() {
            let tags = tags.replace('\n', "\r\n").replace("{bh}", &bh);
            let blank = format!("DKIM-Signature: {}\r\n", tags.replace("{b}", ""));
            let mut left = fields.clone();
            let mut input = Vec::new();
            for name in &self.h {
                let is = |field: &Vec<u8>| {
                    let name = format!("{name}:");
                    field.len() > name.len()
                        && canonical_field(Canonicalization::Relaxed, field)
                            .starts_with(name.as_bytes())
                };
                if let Some(at) = left.iter().rposition(is) {
                    input.extend(canonical_field(header, &left.remove(at)));
                    input.extend_from_slice(b"\r\n");
                }
            }
            input.extend(canonical_field(header, blank.as_bytes()));
            let b = STANDARD.encode(key.0.sign(&sha256(&input)).unwrap());
            let field = format!("DKIM-Signature: {}\r\n", tags.replace("{b}", &b));
            message = [field.as_bytes(), &message].concat();
        }
        for [from, to] in &self.after {
            let from = from.replace('\n', "\r\n").into_bytes();
            let at = message.windows(from.len()).position(|w| w == from);
            let at = at.unwrap_or_else(|| panic!("{}: nothing to replace", self.name));
            let to = to.replace('\n', "\r\n").into_bytes();
            message.splice(at..at + from.len(), to);
        }
        message
    }

    #[cfg(feature = "second-opinion")]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.now)
    }

    /// The keys.
    pub(crate) fn zone(&self) -> Zone {
        let rsa = rsa2048().record().to_string();
        match &self.dns {
            Some(records) => zone(records.iter().map(|[n, t]| (&**n, &**t))),
            None => zone([
                ("ed._domainkey.example.org", ED25519_RECORD),
                ("rsa._domainkey.example.org", &*rsa),
            ]),
        }
    }

    pub(crate) fn check(&self) {
        let at = format!("{} (RFC {})", self.name, self.rfc);
        let (zone, now) = (self.zone(), self.now());
        let message = self.signed();
        let reports = verify(&message, now, &Limits::default(), |query| {
            zone.answer(query)
        });
        let reasons: Vec<_> = reports.iter().map(|r| r.reason().code()).collect();
        let text = String::from_utf8_lossy(&message);
        assert_eq!(reasons, self.reasons, "{at}\n{text}");
        let results: Vec<_> = reports.iter().map(|r| r.result().to_string()).collect();
        assert_eq!(results, self.results, "{at}\n{text}");
    }
}

#[test]
fn vectors() {
    let (mut passed, mut refused) = (0, 0);
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("dkim-") || !name.ends_with(".toml") {
            continue;
        }
        let suite: Suite = toml::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        for case in suite.case {
            case.check();
            match case.results.iter().any(|result| result == "pass") {
                true => passed += 1,
                false => refused += 1,
            }
        }
        for case in suite.body {
            let at = format!("{} (RFC {})", case.name, case.rfc);
            let hash = |canon| body_hash(canon, case.body.as_bytes());
            let want = |text: &str| sha256(text.as_bytes()).octets();
            assert_eq!(hash(Canonicalization::Simple), want(&case.simple), "{at}");
            assert_eq!(hash(Canonicalization::Relaxed), want(&case.relaxed), "{at}");
        }
    }
    assert!(passed > 0, "no vectors were run");
    assert!(refused > passed, "{refused} refusals, {passed} acceptances");
}
