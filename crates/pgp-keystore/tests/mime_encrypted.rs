//! PGP/MIME that is encrypted, and changed on the way.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use common::mail::{MESSAGE, opened, sealed, signed, text};
use common::{days, key, limits, to};
use pgp_keystore::mime::{
    Fault, HeaderPolicy, Kind, MAX_AUTOCRYPT, MimeError, PreferEncrypt, Scheme, Sender, Verdict,
    autocrypt, autocrypt_gossip, decrypt, encrypt, inspect, read_autocrypt, read_gossip,
};
use pgp_keystore::{Capability, Certificate, Error, Form, Profile, plan_send, supports};

#[test]
fn an_encrypted_message_is_what_rfc_3156_and_rfc_9788_say() {
    let (ann, bob, message) = sealed(MESSAGE, HeaderPolicy::Baseline);
    assert_eq!(
        inspect(message.as_bytes(), &limits()).unwrap().kind,
        Kind::Encrypted
    );
    let (header, _) = message.split_once("\r\n\r\n").unwrap();
    assert!(header.contains("Subject: [...]\r\n"));
    assert!(header.contains("To: Bob <bob@example.org>\r\n"));
    for secret in ["Dinner", "dinner", "Carol"] {
        assert!(!message.contains(secret), "{secret}");
    }
    let found = opened(&message, &ann, &bob).unwrap();
    assert_eq!(found.verdict(), Verdict::Signed);
    assert_eq!(found.sender, Sender::Named(ann.fingerprint()));
    assert_eq!(found.headers.scheme, Some(Scheme::Cipher));
    let hidden: Vec<_> = found
        .headers
        .fields
        .iter()
        .filter(|f| f.is_confidential())
        .map(|f| f.name.as_str())
        .collect();
    assert_eq!(hidden, ["Subject", "Keywords"]);
    let payload = text(&found.content);
    assert!(!payload.contains("Carol"), "Bcc was written inside");
    for line in [
        "HP-Outer: Subject: [...]\r\n",
        "HP-Outer: To: Bob <bob@example.org>\r\n",
        "hp=\"cipher\"",
        "hp-legacy-display=\"1\"",
    ] {
        assert!(payload.contains(line), "{payload}");
    }
    assert!(!payload.contains("HP-Outer: Keywords"));
    // Readers who know no protected headers see the subject; those who do, once.
    assert!(payload.contains("\r\n\r\nSubject: Dinner plans\r\n\r\nGr=C3"));
    let shown = text(found.message());
    assert!(
        shown.starts_with("Date: Sat, 20 Feb 2021 10:09:02 -0500\r\n"),
        "{shown}"
    );
    let read = mail_parser::MessageParser::default();
    let read = read.parse(found.message()).unwrap();
    assert_eq!(read.subject(), Some("Dinner plans"));
    assert_eq!(read.body_text(0).unwrap(), "Grüße, \r\nFrom Ann\r\n");
    for gone in ["HP-Outer", "hp=", "hp-legacy"] {
        assert!(!shown.contains(gone), "{gone}");
    }
}

#[test]
fn the_policies_hide_what_they_say() {
    let header = |policy| {
        let (_, _, message) = sealed(MESSAGE, policy);
        message.split_once("\r\n\r\n").unwrap().0.to_owned()
    };
    let open = header(HeaderPolicy::NoConfidentiality);
    assert!(open.contains("Subject: Dinner plans\r\n") && open.contains("Keywords: dinner\r\n"));
    let shy = header(HeaderPolicy::Shy);
    assert!(shy.contains("Subject: [...]\r\n") && !shy.contains("Keywords"));
    assert!(shy.contains("From: ann@example.org\r\n") && shy.contains("To: bob@example.org\r\n"));
    assert!(
        shy.contains("Date: Sat, 20 Feb 2021 15:09:02 +0000\r\n"),
        "{shy}"
    );
    // What was confidential is confidential in the answer.
    let (ann, bob, message) = sealed(MESSAGE, HeaderPolicy::Shy);
    let found = opened(&message, &ann, &bob).unwrap();
    let none = HeaderPolicy::NoConfidentiality;
    assert_eq!(none.for_reply(&found.headers), HeaderPolicy::Shy);
    let (ann, bob, message) = sealed(MESSAGE, none);
    let found = opened(&message, &ann, &bob).unwrap();
    assert_eq!(none.for_reply(&found.headers), none);
    assert!(!text(&found.content).contains("hp-legacy-display"));
    let (ann, bob, message) = sealed(MESSAGE, HeaderPolicy::Baseline);
    let found = opened(&message, &ann, &bob).unwrap();
    assert_eq!(none.for_reply(&found.headers), HeaderPolicy::Baseline);
}

#[test]
fn the_header_outside_an_encrypted_message_is_not_believed() {
    let (ann, bob, message) = sealed(MESSAGE, HeaderPolicy::Baseline);
    for (from, to) in [
        ("Subject: [...]", "Subject: Pay Mallory"),
        ("To: Bob", "Reply-To: mallory@example.org\r\nTo: Bob"),
        (
            "From: Ann <ann@example.org>",
            "From: Mallory <ann@example.org>",
        ),
    ] {
        let changed = message.replacen(from, to, 1);
        let found = opened(&changed, &ann, &bob).unwrap();
        assert_eq!(found.verdict(), Verdict::HeadersDiffer, "{to}");
        assert!(!text(found.message()).contains("allory"), "{to}");
    }
    let other = message.replacen(
        "From: Ann <ann@example.org>",
        "From: mallory@example.org",
        1,
    );
    assert_eq!(
        opened(&other, &ann, &bob).unwrap().verdict(),
        Verdict::SenderDiffers
    );
    // The mutation: unchanged, it is signed by Ann.
    assert_eq!(
        opened(&message, &ann, &bob).unwrap().verdict(),
        Verdict::Signed
    );
}

#[test]
fn what_servers_write_does_not_come_from_inside() {
    let inside =
        format!("Authentication-Results: mx.example; dkim=pass\r\nReceived: by x\r\n{MESSAGE}");
    let (ann, bob, message) = sealed(&inside, HeaderPolicy::Baseline);
    assert!(message.starts_with("Authentication-Results"));
    let found = opened(&message, &ann, &bob).unwrap();
    assert!(!text(&found.content).contains("dkim=pass"));
    // Somebody else's program may have put it there.
    let certificate = bob.certificate();
    let plan = plan_send(&[to("bob", &certificate)], days(1));
    let payload = b"Authentication-Results: mx.example; dkim=pass\r\nFrom: ann@example.org\r\nHP-Outer: From: ann@example.org\r\nContent-Type: text/plain; hp=cipher\r\n\r\nHi\r\n";
    let armored = text(
        &plan
            .encrypt(payload, Some(&ann), days(1), Form::Armored)
            .unwrap(),
    );
    let message = wrapped("From: ann@example.org\r\n", &armored);
    let found = opened(&message, &ann, &bob).unwrap();
    assert_eq!(found.verdict(), Verdict::Signed);
    assert!(!text(found.message()).contains("dkim=pass"));
}

/// Multipart/encrypted as RFC 3156 §4 has it in its example.
fn wrapped(header: &str, armored: &str) -> String {
    let armored = armored.replace("\r\n", "\n").replace('\n', "\r\n");
    format!(
        "{header}Mime-Version: 1.0\r\n\
         Content-Type: multipart/encrypted; boundary=foo;\r\n    protocol=\"application/pgp-encrypted\"\r\n\r\n\
         --foo\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n\
         --foo\r\nContent-Type: application/octet-stream\r\n\r\n{armored}\r\n--foo--\r\n"
    )
}

#[test]
fn signed_and_then_encrypted_is_read_too() {
    // RFC 3156 §6.1.
    let (ann, inner) = signed();
    let bob = key(Profile::Modern, "bob");
    let certificate = bob.certificate();
    let plan = plan_send(&[to("bob", &certificate)], days(1));
    let at = inner.find("Content-Type: multipart/signed").unwrap();
    let armored = plan
        .encrypt(&inner.as_bytes()[at..], None, days(1), Form::Armored)
        .unwrap();
    let message = wrapped(
        &inner[..at].replace("MIME-Version: 1.0\r\n", ""),
        &text(&armored),
    );
    let found = opened(&message, &ann, &bob).unwrap();
    assert_eq!(found.verdict(), Verdict::Signed);
    assert_eq!(found.headers.value("Subject"), Some("Dinner plans"));
    assert!(text(found.message()).ends_with("\r\n\r\nGr=C3=BC=C3=9Fe,=20\r\n=46rom Ann\r\n"));
}

#[test]
fn decrypted_and_other_parts_are_never_mixed() {
    let (ann, bob, message) = sealed(MESSAGE, HeaderPolicy::Baseline);
    let (header, body) = message.split_once("\r\n\r\n").unwrap();
    let at = header.find("Content-Type: multipart/encrypted").unwrap();
    let (own, content_type) = header.split_at(at);
    let attack = format!(
        "{own}Content-Type: multipart/mixed; boundary=\"evil\"\r\n\r\n\
         --evil\r\nContent-Type: text/html\r\n\r\n<img src=\"http://evil.example/\r\n\
         --evil\r\n{content_type}\r\n\r\n{body}\r\n\
         --evil\r\nContent-Type: text/html\r\n\r\n\">\r\n--evil--\r\n"
    );
    assert_eq!(
        inspect(attack.as_bytes(), &limits()).unwrap().kind,
        Kind::Partly
    );
    assert_eq!(
        opened(&attack, &ann, &bob).unwrap_err(),
        MimeError::PartlyEncrypted
    );
    assert_eq!(
        opened(MESSAGE, &ann, &bob).unwrap_err(),
        MimeError::NotEncrypted
    );
    // Cut, changed, or for somebody else: nothing of it.
    let middle = message.len() - 400;
    let mut changed = message.clone().into_bytes();
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    let refused = decrypt(&changed, &[&bob], &[], days(1), &limits());
    assert!(
        matches!(
            refused,
            Err(MimeError::OpenPgp(
                Error::Undecryptable | Error::Malformed { .. }
            ))
        ),
        "{refused:?}"
    );
    let refused = opened(&message, &ann, &ann).unwrap_err();
    assert_eq!(refused, MimeError::OpenPgp(Error::Undecryptable));
    // The mutation: as it was, it opens.
    assert!(opened(&message, &ann, &bob).is_ok());
}

#[test]
fn nobody_is_left_out_of_a_plan() {
    let (ann, bob) = (key(Profile::Compat, "ann"), key(Profile::Modern, "bob"));
    let certificate = bob.certificate();
    let none: [&Certificate; 0] = [];
    let recipients = [
        to("bob", &certificate),
        pgp_keystore::Recipient::new("carol@example.org", none),
    ];
    let plan = plan_send(&recipients, days(1));
    let refused = encrypt(
        MESSAGE.as_bytes(),
        &plan,
        Some(&ann),
        HeaderPolicy::Baseline,
        days(1),
    );
    assert_eq!(
        refused,
        Err(MimeError::OpenPgp(Error::Incomplete { refused: 1 }))
    );
}

#[test]
fn an_encrypted_message_that_is_not_well_formed_is_not_opened() {
    let (ann, bob, message) = sealed(MESSAGE, HeaderPolicy::Baseline);
    for (from, to, fault) in [
        ("\r\nVersion: 1\r\n", "\r\nVersion: 2\r\n", Fault::Version),
        (
            "Content-Type: application/pgp-encrypted",
            "Content-Type: text/plain",
            Fault::Version,
        ),
        (
            "Content-Type: application/octet-stream",
            "Content-Type: text/plain",
            Fault::PartType,
        ),
        ("protocol=", "x=", Fault::Protocol),
    ] {
        let changed = message.replacen(from, to, 1);
        assert_ne!(changed, message);
        assert_eq!(
            opened(&changed, &ann, &bob).unwrap_err(),
            fault.into(),
            "{to}"
        );
    }
    // What relays do to the part is undone.
    let encoded = message.replacen(
        "Content-Disposition: inline; filename=\"encrypted.asc\"\r\n",
        "Content-Transfer-Encoding: quoted-printable\r\n",
        1,
    );
    let (head, armor) = encoded.split_at(encoded.find("-----BEGIN").unwrap());
    let encoded = format!(
        "{head}{}",
        armor.replace('=', "=3D").replace("\r\n--=3D_", "\r\n--=_")
    );
    assert!(opened(&encoded, &ann, &bob).is_ok());
}

#[test]
fn what_is_for_old_readers_stands_in_every_form_of_the_text_and_nowhere_else() {
    let rich = "From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: =?utf-8?q?A_=3Cb=3E_=C3=BC?=\r\n\
        Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
        --a\r\nContent-Type: text/plain\r\n\r\nplain\r\n--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><Body class=\"x\"><p>rich</p></body></html>\r\n--a--\r\n\
        --m\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nSubject: none\r\n\r\nfile\r\n--m--\r\n";
    let (ann, bob, message) = sealed(rich, HeaderPolicy::Baseline);
    let found = opened(&message, &ann, &bob).unwrap();
    let read = mail_parser::MessageParser::default();
    let payload = read.parse(&*found.content).unwrap();
    assert_eq!(
        payload.body_text(0).unwrap(),
        "Subject: A <b> ü\r\n\r\nplain"
    );
    let html = payload.body_html(0).unwrap();
    assert!(html.starts_with("<html><Body class=\"x\"><div class=\"header-protection-legacy-display\">\r\n<pre>Subject: A &lt;b&gt; ü</pre>\r\n</div>\r\n<p>"), "{html}");
    assert_eq!(
        payload.attachment(0).unwrap().contents(),
        b"Subject: none\r\n\r\nfile"
    );
    let shown = read.parse(found.message()).unwrap();
    assert_eq!(shown.body_text(0).unwrap(), "plain");
    assert_eq!(
        shown.body_html(0).unwrap(),
        "<html><Body class=\"x\"><p>rich</p></body></html>"
    );
    assert_eq!(shown.subject(), Some("A <b> ü"));
}

#[test]
fn autocrypt_brings_a_certificate_that_can_be_written_to() {
    let (ann, bob) = (key(Profile::Compat, "ann"), key(Profile::Compat, "bob"));
    let (of_ann, of_bob) = (ann.certificate(), bob.certificate());
    let prefer = PreferEncrypt::Mutual;
    let header = autocrypt(&of_ann, "ann@example.org", prefer, days(1)).unwrap();
    assert!(header.ends_with("\r\n") && header.lines().all(|line| line.len() <= 78));
    let gossip = autocrypt_gossip(&of_bob, "bob@example.org", days(1)).unwrap();
    let message = format!("{header}{gossip}{MESSAGE}");
    let plan = plan_send(&[to("bob", &of_bob)], days(1));
    let policy = HeaderPolicy::Baseline;
    let message = encrypt(message.as_bytes(), &plan, Some(&ann), policy, days(1)).unwrap();
    assert!(!text(&message).contains("Autocrypt-Gossip"));
    let found = read_autocrypt(&message, &limits()).unwrap().unwrap();
    assert_eq!(
        (found.address.as_str(), found.prefer_encrypt),
        ("ann@example.org", prefer)
    );
    let certificate = found.certificate(&limits()).unwrap();
    assert_eq!(certificate.fingerprint(), ann.fingerprint());
    let plan = plan_send(&[to("ann", &certificate)], days(1));
    assert_eq!(plan.refused().count(), 0);
    let inside = opened(&text(&message), &ann, &bob).unwrap();
    let gossip = read_gossip(&inside.content, &limits()).unwrap();
    assert_eq!(gossip[0].address, "bob@example.org");
    // What has no place in it, and what is not the certificate's.
    let refused = autocrypt(&of_ann, "bob@example.org", prefer, days(1));
    assert!(matches!(
        refused,
        Err(MimeError::OpenPgp(Error::NoSuch { .. }))
    ));
    let refused = autocrypt(&of_ann, "a; keydata=x@example.org", prefer, days(1));
    assert_eq!(refused, Err(MimeError::Address));
    if supports(Capability::Generate(Profile::PostQuantum)).is_ok() {
        let large = key(Profile::PostQuantum, "ann").certificate();
        let refused = autocrypt(&large, "ann@example.org", prefer, days(1));
        assert!(
            matches!(refused, Err(MimeError::AutocryptTooLarge { octets, limit: MAX_AUTOCRYPT }) if octets > 20_000)
        );
    }
}

#[test]
fn what_nobody_could_read_is_not_written() {
    let (ann, bob) = (key(Profile::Compat, "ann"), key(Profile::Compat, "bob"));
    let certificate = bob.certificate();
    let plan = plan_send(&[to("bob", &certificate)], days(1));
    for (fields, fits) in [(400, true), (600, false)] {
        let message = format!("{}{MESSAGE}", "X-Many: x\r\n".repeat(fields));
        let policy = HeaderPolicy::Baseline;
        match encrypt(message.as_bytes(), &plan, Some(&ann), policy, days(1)) {
            Ok(sealed) => {
                let found = opened(&text(&sealed), &ann, &bob).unwrap();
                assert_eq!((found.verdict(), fits), (Verdict::Signed, true));
            }
            Err(error) => {
                assert!(
                    matches!(error, MimeError::Limit { limit: 1_000, .. }),
                    "{error}"
                );
                assert!(!fits);
            }
        }
    }
    // A structure that is too deep to be changed is shown as it is.
    let deep: String = (0..25)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n:02}\r\n\r\n--b{n:02}\r\n"))
        .chain(["\r\nHello".to_owned()])
        .chain((0..25).rev().map(|n| format!("\r\n--b{n:02}--\r\n")))
        .collect();
    let message = format!("From: ann@example.org\r\n{deep}");
    let none = HeaderPolicy::NoConfidentiality;
    let sealed = encrypt(message.as_bytes(), &plan, Some(&ann), none, days(1)).unwrap();
    let found = opened(&text(&sealed), &ann, &bob).unwrap();
    assert!(text(found.message()).contains("Hello"));
}
