//! What holds for any message.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::OnceLock;

use common::{days, key, limits, to};
use pgp_keystore::mime::{
    HeaderPolicy, Kind, MimeError, Sender, Verdict, decrypt, encrypt, inspect, read_autocrypt,
    read_gossip, sign, verify,
};
use pgp_keystore::{Profile, Unlocked, plan_send};
use proptest::prelude::*;

fn keys() -> &'static (Unlocked, Unlocked) {
    static KEYS: OnceLock<(Unlocked, Unlocked)> = OnceLock::new();
    KEYS.get_or_init(|| (key(Profile::Compat, "ann"), key(Profile::Compat, "bob")))
}

/// Text as people and programs write it, with what is hard about it.
fn body() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[ -~]{0,100}",
        "\\PC{0,40}[ \t]{0,2}",
        Just("From here".to_owned()),
        Just("--=_openpgp_0000000000000000".to_owned()),
        Just("--b--".to_owned()),
        Just("-----BEGIN PGP MESSAGE-----".to_owned()),
        "x{990,1010}",
        Just(".".to_owned()),
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\r\n"))
}

#[derive(Clone, Debug)]
struct Message {
    text: String,
    subject: String,
    body: String,
}

fn message() -> impl Strategy<Value = Message> {
    let subject = prop_oneof![
        "[!-~]([ -~]{0,60}[!-~])?",
        "=\\?utf-8\\?q\\?[a-z=_]{0,5}\\?="
    ];
    let encoding = prop::sample::select(vec!["7bit", "8bit", "binary"]);
    let kind = prop::sample::select(vec!["plain", "html"]);
    let more = prop::sample::select(vec![
        "",
        "Keywords: a,\r\n b\r\n",
        "Bcc: carol@example.org\r\n",
        "Received: by x; today\r\n",
        "HP-Outer: Subject: none\r\n",
        "Date: Sat, 20 Feb 2021 10:09:02 -0500 \r\n",
    ]);
    (subject, body(), encoding, kind, more).prop_map(|(subject, body, encoding, kind, more)| {
        let text = format!(
            "From: Ann <ann@example.org>\r\n{more}To: bob@example.org\r\nSubject: {subject}\r\n\
             Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"
        );
        Message {
            text,
            subject,
            body,
        }
    })
}

/// The text of a message by an independent reader.
fn text_of(message: &[u8]) -> String {
    let read = mail_parser::MessageParser::default();
    let read = read.parse(message).unwrap();
    let bodies = read.text_bodies().chain(read.html_bodies());
    let first = bodies.map(|part| part.contents().to_vec()).next();
    String::from_utf8(first.unwrap_or_default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_signed_verifies_and_is_as_it_was(message in message()) {
        let (ann, _) = keys();
        let signed = sign(message.text.as_bytes(), ann, days(1)).unwrap();
        let found = verify(&signed, &[&ann.certificate()], days(1), &limits()).unwrap();
        prop_assert_eq!(found.verdict(), Verdict::Signed);
        let subject = message.subject.split(' ').filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        prop_assert_eq!(found.headers.value("Subject"), Some(subject.as_str()));
        prop_assert!(!String::from_utf8_lossy(&signed).contains("carol"));
        prop_assert_eq!(text_of(&found.parts[0].content), message.body.clone());
        // What relays do to the ends of lines and to `From `.
        let relayed = String::from_utf8(signed.clone()).unwrap();
        let lines = relayed.split("\r\n").map(|line| match line.starts_with("From ") {
            true => format!(">{line}"),
            false => line.trim_end().to_owned(),
        });
        let relayed = lines.collect::<Vec<_>>().join("\r\n");
        let found = verify(relayed.as_bytes(), &[&ann.certificate()], days(1), &limits()).unwrap();
        prop_assert_eq!(found.verdict(), Verdict::Signed);
    }

    #[test]
    fn what_is_encrypted_decrypts_to_what_it_was(
        message in message(),
        policy in prop::sample::select(vec![
            HeaderPolicy::NoConfidentiality, HeaderPolicy::Baseline, HeaderPolicy::Shy,
        ]),
    ) {
        let (ann, bob) = keys();
        let certificate = bob.certificate();
        let plan = plan_send(&[to("bob", &certificate)], days(1));
        let sealed = encrypt(message.text.as_bytes(), &plan, Some(ann), policy, days(1)).unwrap();
        prop_assert_eq!(inspect(&sealed, &limits()).unwrap().kind, Kind::Encrypted);
        let found = decrypt(&sealed, &[bob], &[&ann.certificate()], days(1), &limits()).unwrap();
        prop_assert_eq!(found.verdict(), Verdict::Signed);
        prop_assert_eq!(found.sender, Sender::Named(ann.fingerprint()));
        prop_assert_eq!(text_of(found.message()), message.body.clone());
        let again = inspect(found.message(), &limits()).unwrap().kind;
        prop_assert!(matches!(again, Kind::Plain | Kind::Inline));
        let inside = String::from_utf8_lossy(&found.content).into_owned();
        prop_assert!(!inside.contains("carol"));
    }

    #[test]
    fn no_octets_whatever_are_signed_by_ann_but_her_own(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let (ann, bob) = keys();
        let by = ann.certificate();
        if let Ok(found) = verify(&octets, &[&by], days(1), &limits()) {
            prop_assert!(!matches!(found.verdict(), Verdict::Signed | Verdict::Partly));
        }
        prop_assert!(decrypt(&octets, &[bob], &[&by], days(1), &limits()).is_err());
        inspect(&octets, &limits()).unwrap();
        let _: Result<_, MimeError> = read_autocrypt(&octets, &limits());
        let _: Result<_, MimeError> = read_gossip(&octets, &limits());
    }
}
