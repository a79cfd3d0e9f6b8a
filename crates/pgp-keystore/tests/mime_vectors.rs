//! Examples of RFC 9788 and RFC 3156, with keys of our own, as theirs are S/MIME's or nobody's.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{days, key, limits, to};
use pgp_keystore::mime::{Protected, Verdict, decrypt, verify};
use pgp_keystore::{Form, Profile, Reason, plan_send, sign_detached};
use toml::{Table, Value};

fn crlf(text: &str) -> String {
    text.trim_start_matches('\n').replace('\n', "\r\n")
}

fn check(case: &Table, headers: &Protected) {
    let name = case["name"].as_str().unwrap();
    let subject = case["subject"].as_str();
    assert_eq!(headers.value("Subject"), subject, "{name}");
    let hidden = headers.fields.iter().filter(|f| f.is_confidential());
    let hidden: Vec<&str> = hidden.map(|f| f.name.as_str()).collect();
    let wanted = case["confidential"].as_array().unwrap().iter();
    let wanted: Vec<&str> = wanted.map(|v| v.as_str().unwrap()).collect();
    assert_eq!(hidden, wanted, "{name}");
    assert_eq!(
        headers.differ(),
        case["differ"].as_bool().unwrap(),
        "{name}"
    );
    assert!(headers.named("HP-Outer").next().is_none(), "{name}");
}

#[test]
fn rfc_9788_examples() {
    let file: Table = include_str!("vectors/rfc9788.toml").parse().unwrap();
    let (ann, bob) = (key(Profile::Compat, "ann"), key(Profile::Compat, "bob"));
    let (by, certificate) = (ann.certificate(), bob.certificate());
    let plan = plan_send(&[to("bob", &certificate)], days(1));
    let cases = file["case"].as_array().unwrap();
    assert!(cases.len() >= 7);
    for case in cases.iter().filter_map(Value::as_table) {
        let text = |name: &str| crlf(case[name].as_str().unwrap());
        let (outer, payload) = (text("outer"), text("payload"));
        if case["layers"].as_str() == Some("encrypted") {
            let octets = payload.as_bytes();
            let armored = plan.encrypt(octets, Some(&ann), days(1), Form::Armored);
            let armored = String::from_utf8(armored.unwrap()).unwrap();
            let message = encrypted(&outer, &armored);
            let found = decrypt(message.as_bytes(), &[&bob], &[&by], days(1), &limits()).unwrap();
            check(case, &found.headers);
            let shown = mail_parser::MessageParser::default();
            let shown = shown.parse(found.message()).unwrap();
            let body = shown
                .text_bodies()
                .chain(shown.html_bodies())
                .next()
                .unwrap();
            let body = String::from_utf8_lossy(body.contents()).into_owned();
            assert_eq!(body, text("body"), "{}", case["name"]);
        } else {
            let signature = sign_detached(&ann, payload.as_bytes(), days(1), Form::Armored);
            let signature = String::from_utf8(signature.unwrap()).unwrap();
            let message = signed(&outer, &payload, &signature);
            let found = verify(message.as_bytes(), &[&by], days(1), &limits()).unwrap();
            assert_eq!(found.parts[0].verification.valid().count(), 1);
            check(case, &found.headers);
        }
    }
}

/// The structure of the example in RFC 3156 §4.
fn encrypted(outer: &str, armored: &str) -> String {
    let armored = armored.replace("\r\n", "\n").replace('\n', "\r\n");
    format!(
        "{outer}Mime-Version: 1.0\r\n\
         Content-Type: multipart/encrypted; boundary=foo;\r\n   protocol=\"application/pgp-encrypted\"\r\n\r\n\
         --foo\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n\
         --foo\r\nContent-Type: application/octet-stream\r\n\r\n{armored}\r\n--foo--\r\n"
    )
}

/// The structure of the example in RFC 3156 §5.
fn signed(outer: &str, content: &str, signature: &str) -> String {
    let signature = signature.replace("\r\n", "\n").replace('\n', "\r\n");
    format!(
        "{outer}Mime-Version: 1.0\r\n\
         Content-Type: multipart/signed; boundary=bar; micalg=pgp-sha512;\r\n  protocol=\"application/pgp-signature\"\r\n\r\n\
         --bar\r\n{content}\r\n--bar\r\n\
         Content-Type: application/pgp-signature\r\n\r\n{signature}\r\n--bar--\r\n"
    )
}

#[test]
fn rfc_3156_example_of_a_signed_message() {
    // §5: the lines between the marks are what is signed, with the line ends of mail; the last one belongs to the boundary.
    let content = "Content-Type: text/plain; charset=iso-8859-1\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\n\
        =A1Hola!\r\n\r\n\
        Did you know that talking to yourself is a sign of senility?\r\n\r\n\
        It's generally a good idea to encode lines that begin with\r\n\
        From=20because some mail transport agents will insert a greater-\r\n\
        than (>) sign, thus invalidating the signature.\r\n\r\n\
        Also, in some cases it might be desirable to encode any   =20\r\n\
        trailing whitespace that occurs on lines in order to ensure  =20\r\n\
        that the message signature is not invalidated when passing =20\r\n\
        a gateway that modifies such whitespace (like BITNET). =20\r\n\r\n\
        me\r\n";
    let ann = key(Profile::Compat, "ann");
    let by = ann.certificate();
    let outer = "From: Ann <ann@example.org>\r\nTo: Bob <bob@example.org>\r\n";
    let verdict = |signed_octets: &str| {
        let signature = sign_detached(&ann, signed_octets.as_bytes(), days(1), Form::Armored);
        let signature = String::from_utf8(signature.unwrap()).unwrap();
        let message = signed(outer, content, &signature);
        let found = verify(message.as_bytes(), &[&by], days(1), &limits()).unwrap();
        assert_eq!(found.parts[0].content, content.as_bytes());
        found.verdict()
    };
    assert_eq!(verdict(content), Verdict::Signed);
    // The mutations: one line end more or less, other line ends, blanks at the ends taken away, and decoded before.
    for other in [
        format!("{content}\r\n"),
        content.trim_end().to_owned(),
        content.replace("\r\n", "\n"),
        content.replace("=20\r\n", "\r\n"),
        content.replace("=20", " "),
    ] {
        assert_eq!(
            verdict(&other),
            Verdict::NotValid(Reason::Altered),
            "{other}"
        );
    }
}
