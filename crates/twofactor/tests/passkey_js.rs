//! The JavaScript module for pages, with a browser and an authenticator of Node.js behind it, and with Chromium's: what it
//! makes of the options, and that this crate takes what it gives. Needs Node.js, and fails without it.
#![cfg(feature = "passkey")]
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};
use twofactor::passkey::{
    Assertion, Attestation, Passkey, PasskeyName, RelyingParty, Unusable, UserHandle,
};

const ORIGIN: &str = "https://mail.example.org";
const ANN: [u8; 16] = *b"ann is this user";

struct Page {
    node: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Page {
    fn open(script: &str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/js");
        let mut node = Command::new("node")
            .arg(std::path::Path::new(folder).join(script))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs Node.js");
        let (to, from) = (node.stdin.take().unwrap(), node.stdout.take().unwrap());
        let from = BufReader::new(from);
        Self { node, to, from }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.to, "{question}").unwrap();
        self.read(question)
    }

    fn read(&mut self, question: &Value) -> Value {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{question}: {line}"))
    }

    fn answer(&mut self, question: &Value) -> String {
        let said = self.ask(question);
        let answer = said["answer"].as_str();
        answer.unwrap_or_else(|| panic!("{said}")).to_owned()
    }

    fn code(&mut self, question: &Value) -> String {
        self.ask(question)["code"].as_str().unwrap().to_owned()
    }

    fn close(mut self) {
        drop(self.to);
        assert!(self.node.wait().unwrap().success());
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn party() -> RelyingParty {
    RelyingParty::new("example.org", "Example Mail", ORIGIN).unwrap()
}

fn begin(have: &[Passkey]) -> (String, twofactor::passkey::Registration) {
    party()
        .begin_registration(UserHandle::new(ANN), "ann@example.org", have, now())
        .unwrap()
}

#[test]
fn a_page_registers_and_logs_in() {
    let (party, mut page) = (party(), Page::open("authenticator.mjs"));
    let (options, begun) = begin(&[]);
    let answer = page.answer(&json!({ "registration": options, "origin": ORIGIN }));
    let answer = Attestation::parse(&answer).unwrap();
    let name = PasskeyName::new("Laptop").unwrap();
    let made = party.finish_registration(&begun, &answer, &[], name, now());
    let have = [made.unwrap()];
    // The octets of the options came through as octets: the exclusion, too.
    let (options, _) = begin(&have);
    assert_eq!(page.code(&json!({ "again": options })), "passkey.present");
    let (options, begun) = party.begin_login(&have, now()).unwrap();
    let answer = page.answer(&json!({ "login": options }));
    let parsed = Assertion::parse(&answer).unwrap();
    let used = party.finish_login(&begun, &parsed, &have, now()).unwrap();
    assert!(used.user_verified && used.changed);
    // The handle of the user came through, too: with another's it is refused.
    let bobs = answer.replace(
        &BASE64URL_NOPAD.encode(&ANN),
        &BASE64URL_NOPAD.encode(b"bob is this user"),
    );
    assert_ne!(bobs, answer);
    let bobs = Assertion::parse(&bobs).unwrap();
    let judged = party.finish_login(&begun, &bobs, &have, now());
    assert_eq!(judged.err(), Some(Unusable::OtherUser));
    // The same page under another name.
    let (options, begun) = party.begin_login(&have, now()).unwrap();
    let answer = page.answer(&json!({ "login": options, "origin": "https://evil.example" }));
    let parsed = Assertion::parse(&answer).unwrap();
    let judged = party.finish_login(&begun, &parsed, &have, now());
    assert_eq!(judged.err(), Some(Unusable::Origin));
    page.close();
}

#[test]
fn what_goes_wrong_has_a_code() {
    let mut page = Page::open("authenticator.mjs");
    let (options, _) = begin(&[]);
    let login = r#"{"publicKey":{"challenge":"AAAA","rpId":"example.org","allowCredentials":[]}}"#;
    for (name, code) in [
        ("NotAllowedError", "passkey.cancelled"),
        ("AbortError", "passkey.cancelled"),
        ("InvalidStateError", "passkey.present"),
        ("SecurityError", "passkey.page"),
        ("NotSupportedError", "passkey.unsupported"),
        ("NotReadableError", "passkey.unsupported"),
    ] {
        assert_eq!(page.code(&json!({ "failing": [name, login] })), code);
    }
    assert_eq!(page.code(&json!({ "nothing": login })), "passkey.cancelled");
    for malformed in [
        "",
        "{",
        "null",
        "{}",
        r#"{"publicKey":{}}"#,
        &login.replace("AAAA", "AA=="),
        &options.replace("\"challenge\":\"", "\"challenge\":\"*"),
    ] {
        let said = page.ask(&json!({ "malformed": malformed }));
        let code = "passkey.options";
        assert_eq!(said["codes"], json!([code, code]), "{malformed}");
    }
    // Node.js is no browser; with what a browser has, it would be one.
    let said = page.ask(&json!({}));
    assert_eq!(said["supported"], json!([false, false, true, false]));
    page.close();
}

#[test]
fn octets_are_written_as_here() {
    let mut page = Page::open("authenticator.mjs");
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let octets = prop::collection::vec(any::<u8>(), 0..70);
    for _ in 0..300 {
        let octets = octets.new_tree(&mut runner).unwrap().current();
        let text = BASE64URL_NOPAD.encode(&octets);
        let said = page.ask(&json!({ "octets": text }));
        assert_eq!(said["numbers"], json!(octets));
        assert_eq!(
            (&said["text"], &said["buffer"]),
            (&json!(text), &json!(text))
        );
        let rest = octets.get(1..).unwrap_or_default();
        assert_eq!(said["view"], BASE64URL_NOPAD.encode(rest));
    }
    for bad in ["A", "AA==", "A+/A", "A A", "AA\n", "ä"] {
        let said = page.ask(&json!({ "octets": bad }));
        assert_eq!(said, json!({ "refused": true }), "{bad}");
    }
    page.close();
}

#[test]
#[ignore = "interop: needs chromium"]
fn interop_chromium_registers_and_logs_in_with_its_virtual_authenticators() {
    let mut page = Page::open("chromium.mjs");
    let origin = page.read(&Value::Null)["origin"]
        .as_str()
        .unwrap()
        .to_owned();
    let party = RelyingParty::new("localhost", "Example Mail", &origin).unwrap();
    let platform = json!({
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserVerified": true,
    });
    // A key with a PIN, one without, and an old one of U2F.
    let pin = json!({
        "protocol": "ctap2", "transport": "usb", "hasUserVerification": true, "isUserVerified": true,
    });
    let plain = json!({ "protocol": "ctap2", "transport": "usb" });
    let u2f = json!({ "protocol": "u2f", "transport": "usb" });
    for (authenticator, verified) in [(platform, true), (pin, true), (plain, false), (u2f, false)] {
        let said = page.ask(&json!({ "authenticator": authenticator }));
        assert_eq!(said, json!({ "supported": true }));
        let begin = |have: &[Passkey]| {
            party
                .begin_registration(UserHandle::new(ANN), "ann@example.org", have, now())
                .unwrap()
        };
        let (options, begun) = begin(&[]);
        let answer = page.answer(&json!({ "registration": options }));
        let answer = Attestation::parse(&answer).unwrap();
        let name = PasskeyName::new("Laptop").unwrap();
        let made = party.finish_registration(&begun, &answer, &[], name, now());
        let mut have = [made.unwrap()];
        let again = json!({ "registration": begin(&have).0 });
        assert_eq!(page.code(&again), "passkey.present");
        for _ in 0..2 {
            let (options, begun) = party.begin_login(&have, now()).unwrap();
            let answer = page.answer(&json!({ "login": options }));
            let parsed = Assertion::parse(&answer).unwrap();
            let used = party.finish_login(&begun, &parsed, &have, now()).unwrap();
            assert_eq!(used.user_verified, verified, "{authenticator}");
            have = [used.passkey];
            // It counts, so that the same answer is a copy.
            let again = party.finish_login(&begun, &parsed, &have, now());
            assert_eq!(again.err(), Some(Unusable::Copied));
        }
    }
    // A page may not ask for another domain's.
    let other = RelyingParty::new("example.org", "Example Mail", ORIGIN).unwrap();
    let begun = other.begin_registration(UserHandle::new(ANN), "ann", &[], now());
    let (options, _) = begun.unwrap();
    assert_eq!(
        page.code(&json!({ "registration": options })),
        "passkey.page"
    );
    page.close();
}
