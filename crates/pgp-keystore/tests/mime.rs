//! PGP/MIME that is signed, and put together anew by an attacker.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use common::mail::{MESSAGE, signed, text, verdict, verified};
use common::{days, key, limits, now, profiles, to};
use pgp_keystore::mime::{
    Coverage, Fault, Kind, MimeError, Outside, Scheme, Sender, Verdict, inspect, read_inline, sign,
    verify,
};
use pgp_keystore::{
    Error, Form, Generate, Profile, Reason, plan_send, sign_cleartext, sign_detached, sign_inline,
};

#[test]
fn a_signed_message_is_what_rfc_3156_says_and_survives_relays() {
    for profile in profiles() {
        let ann = key(profile, "ann");
        let message = text(&sign(MESSAGE.as_bytes(), &ann, days(1)).unwrap());
        assert_eq!(
            inspect(message.as_bytes(), &limits()).unwrap().kind,
            Kind::Signed
        );
        assert!(message.is_ascii());
        for line in message.split("\r\n") {
            assert!(line.len() <= 998 && !line.contains(['\r', '\n']) && !line.ends_with(' '));
            assert!(!line.starts_with("From "));
        }
        assert!(message.contains("micalg=\"pgp-sha512\""));
        assert!(message.contains("hp=\"clear\""));
        assert!(!message.contains("Carol"), "Bcc was written");
        let found = verified(&message, &ann).unwrap();
        assert_eq!(found.verdict(), Verdict::Signed);
        assert_eq!(found.coverage, Coverage::Whole);
        assert_eq!(found.sender, Sender::Named(ann.fingerprint()));
        assert_eq!(found.headers.scheme, Some(Scheme::Clear));
        assert_eq!(found.headers.value("subject"), Some("Dinner plans"));
        assert!(!found.headers.fields.iter().any(|f| f.is_confidential()));
        // What lies in a file has other line ends.
        let file = message.replace("\r\n", "\n");
        assert_eq!(verdict(&file, &ann), Verdict::Signed);
        // An independent reader finds the same text.
        let read = mail_parser::MessageParser::default();
        let read = read.parse(message.as_bytes()).unwrap();
        assert_eq!(read.body_text(0).unwrap(), "Grüße, \r\nFrom Ann\r\n");
    }
}

#[test]
fn the_hash_is_the_one_that_micalg_names() {
    let ann = key(Profile::Compat, "ann");
    let signature = sign_detached(&ann, b"x", days(1), Form::Binary).unwrap();
    // RFC 9580 §4.2.1 and §5.2.3: header, version, type, key algorithm, hash algorithm.
    let header = if signature[1] < 192 { 2 } else { 3 };
    assert_eq!(signature[header + 3], 10, "SHA-512 (RFC 9580 §9.5)");
}

#[test]
fn every_changed_octet_of_what_is_signed_is_noticed() {
    let (ann, message) = signed();
    let boundary = message.find("\r\n--=_openpgp").unwrap() + 2;
    let start = boundary + message[boundary..].find("\r\n").unwrap() + 2;
    let end = start + message[start..].find("\r\n--=_openpgp").unwrap();
    let mut noticed = 0;
    for at in start..end {
        let mut changed = message.clone().into_bytes();
        changed[at] ^= 1;
        let found = verify(&changed, &[&ann.certificate()], days(1), &limits());
        let good = found.is_ok_and(|found| found.verdict() == Verdict::Signed);
        assert!(!good, "octet {at}");
        noticed += 1;
    }
    assert!(noticed > 200);
    // The mutation: what is outside the part may change, and a line end at its end counts.
    assert_eq!(verdict(&message, &ann), Verdict::Signed);
    let longer = message.replacen(
        "\r\n--=_openpgp_0000000000000000\r\nContent-Type: application/pgp",
        "\r\n\r\n--=_openpgp_0000000000000000\r\nContent-Type: application/pgp",
        1,
    );
    assert_ne!(longer, message);
    assert_eq!(verdict(&longer, &ann), Verdict::NotValid(Reason::Altered));
}

#[test]
fn a_signature_that_is_none_is_not_valid_and_no_error() {
    let (ann, message) = signed();
    let at = message.find("-----BEGIN PGP SIGNATURE").unwrap();
    let end = message[at..].find("\r\n--=_").unwrap() + at;
    let broken = format!("{}nothing{}", &message[..at], &message[end..]);
    let found = verdict(&broken, &ann);
    assert_eq!(found, Verdict::NotValid(Reason::Malformed));
    let mallory = key(Profile::Compat, "mallory");
    let unknown = verdict(&message, &mallory);
    assert_eq!(unknown, Verdict::NotValid(Reason::UnknownKey));
    assert_eq!(unknown.code(), "pgp.unknown-key");
}

#[test]
fn a_signed_part_inside_something_unsigned_is_never_signed() {
    let (ann, message) = signed();
    let (header, body) = message.split_once("\r\n\r\n").unwrap();
    let at = header.find("Content-Type: multipart/signed").unwrap();
    let (own, content_type) = header.split_at(at);
    let wrapped = |before: &str, after: &str| {
        format!(
            "{own}Content-Type: multipart/mixed; boundary=\"evil\"\r\n\r\n{before}\
             --evil\r\n{content_type}\r\n\r\n{body}\r\n{after}--evil--\r\n"
        )
    };
    let part = "--evil\r\n\r\nPay Mallory.\r\n";
    for attack in [wrapped("", ""), wrapped(part, ""), wrapped("", part)] {
        let structure = inspect(attack.as_bytes(), &limits()).unwrap();
        assert_eq!(structure.kind, Kind::Partly);
        let found = verified(&attack, &ann).unwrap();
        assert_eq!(found.verdict(), Verdict::Partly, "{attack}");
        assert_eq!(found.coverage, Coverage::Part);
        assert_eq!(found.headers.scheme, None);
        // What is signed is said, and that it is valid.
        assert_eq!(found.parts.len(), 1);
        assert_eq!(found.parts[0].verification.valid().count(), 1);
        assert!(!text(&found.parts[0].content).contains("Mallory"));
    }
    // A message that was attached says nothing about the one that brings it.
    let attached = format!(
        "{own}Content-Type: multipart/mixed; boundary=\"evil\"\r\n\r\n--evil\r\n\
         Content-Type: message/rfc822\r\n\r\n{message}\r\n--evil--\r\n"
    );
    assert_eq!(verdict(&attached, &ann), Verdict::Unsigned);
    assert_eq!(
        inspect(attached.as_bytes(), &limits()).unwrap().kind,
        Kind::Plain
    );
    // The mutation: not wrapped, it is signed.
    assert_eq!(verdict(&message, &ann), Verdict::Signed);
}

#[test]
fn a_third_part_or_a_second_signature_part_is_no_signed_message() {
    let (ann, message) = signed();
    let close = message.rfind("--=_openpgp").unwrap();
    let boundary = &message[close..message.len() - 4];
    for more in [
        "\r\nPay Mallory.",
        "Content-Type: application/pgp-signature\r\n\r\nx",
    ] {
        let attack = format!(
            "{}{boundary}\r\n{more}\r\n{}",
            &message[..close],
            &message[close..]
        );
        assert_eq!(verified(&attack, &ann).unwrap_err(), Fault::Parts.into());
        let kind = inspect(attack.as_bytes(), &limits()).unwrap().kind;
        assert_eq!(kind, Kind::Malformed(Fault::Parts));
    }
    // Around the parts is nothing that anybody shows, and nothing that is said to be signed.
    let around =
        message.replacen("\r\n\r\n--=_", "\r\n\r\nPay Mallory.\r\n--=_", 1) + "Pay Mallory.\r\n";
    let found = verified(&around, &ann).unwrap();
    assert_eq!(found.verdict(), Verdict::Signed);
    assert!(!text(&found.parts[0].content).contains("Mallory"));
}

#[test]
fn what_two_readers_would_read_differently_is_malformed() {
    let (ann, message) = signed();
    let one = |from: &str, to: &str| {
        let changed = message.replacen(from, to, 1);
        assert_ne!(changed, message, "{from}");
        match verified(&changed, &ann) {
            Err(MimeError::Malformed(fault)) => fault,
            other => panic!("{to}: {other:?}"),
        }
    };
    for (from, to, fault) in [
        (
            "Content-Type: multipart/signed",
            "Content-Type: text/plain\r\nContent-Type: multipart/signed",
            Fault::Duplicate,
        ),
        ("; boundary", "; boundary=x; boundary", Fault::ContentType),
        (
            ";\r\n boundary",
            "; boundary*=''x;\r\n boundary",
            Fault::ContentType,
        ),
        ("; protocol=", "; x-protocol=", Fault::Protocol),
        (";\r\n protocol=", ";\r\n x-protocol=", Fault::Protocol),
        (
            "MIME-Version",
            "MIME-Version: 1.0\r\nno field\r\nMIME-Version",
            Fault::Header,
        ),
        ("MIME-Version", "X: y\r\n \r\nMIME-Version", Fault::Header),
        ("From Ann", "From\rAnn", Fault::LineEnds),
        ("=46rom Ann\r\n", "=46rom Ann\n", Fault::LineEnds),
        ("=46rom Ann", "=46rom\0Ann", Fault::Nul),
        (
            "=46rom Ann\r\n",
            "--=_openpgp_0000000000000000x\r\n",
            Fault::AmbiguousBoundary,
        ),
        (
            "Content-Type: application/pgp-signature",
            "Content-Type: application/octet-stream",
            Fault::PartType,
        ),
    ] {
        if !message.contains(from) {
            continue;
        }
        assert_eq!(one(from, to), fault, "{to}");
    }
    let cut = &message[..message.len() - 6];
    assert_eq!(verified(cut, &ann).unwrap_err(), Fault::Unterminated.into());
    // In other words for the same, it is the same.
    let same = message
        .replacen(
            "Content-Type: multipart/signed; ",
            "content-type : (a comment) Multipart/Signed;\r\n\t",
            1,
        )
        .replacen(
            "boundary=\"=_openpgp_0000000000000000\"",
            "boundary*0=\"=_openpgp_\"; boundary*1*=0000000000000000",
            1,
        );
    assert_ne!(same, message);
    assert_eq!(verdict(&same, &ann), Verdict::Signed);
}

#[test]
fn a_boundary_in_the_message_is_not_taken_for_ours() {
    let ann = key(Profile::Compat, "ann");
    let inner = "From: ann@example.org\r\n\r\n--=_openpgp_0000000000000000\r\n\r\n--=_openpgp_0000000000000001--\r\n";
    let message = text(&sign(inner.as_bytes(), &ann, days(1)).unwrap());
    assert!(message.contains("boundary=\"=_openpgp_0000000000000002\""));
    assert_eq!(verdict(&message, &ann), Verdict::Signed);
}

#[test]
fn who_signed_must_be_who_it_is_from() {
    let (ann, message) = signed();
    let mallory = key(Profile::Compat, "mallory");
    // She signs what says that it is from Ann.
    let forged = text(&sign(MESSAGE.as_bytes(), &mallory, days(1)).unwrap());
    let found = verified(&forged, &mallory).unwrap();
    assert_eq!(found.verdict(), Verdict::SenderDiffers);
    assert_eq!(found.sender, Sender::Other(mallory.fingerprint()));
    // She makes her certificate name Ann: from here on it matters whose it is known to be.
    let named = Generate::new(Profile::Compat, now()).user_id("<ANN@example.org>");
    let named = named.create().unwrap().key;
    let forged = text(&sign(MESSAGE.as_bytes(), &named, days(1)).unwrap());
    assert_eq!(verdict(&forged, &named), Verdict::Signed);
    // She sends on what Ann signed as if it were from her, or from two.
    for outer in [
        "From: mallory@example.org",
        "From: ann@example.org, mallory@example.org",
        "From: mallory@example.org\r\nFrom: ann@example.org",
        "X-From: ann@example.org",
    ] {
        let sent = message.replacen("From: Ann <ann@example.org>", outer, 1);
        let found = verified(&sent, &ann).unwrap();
        assert_eq!(
            (found.verdict(), found.sender),
            (Verdict::SenderDiffers, Sender::Unclear),
            "{outer}"
        );
    }
    // A name that looks like an address is none.
    let name = MESSAGE.replace(
        "Ann <ann@example.org>",
        "\"ann@example.org\" <mallory@example.org>",
    );
    let tricked = text(&sign(name.as_bytes(), &ann, days(1)).unwrap());
    assert_eq!(verdict(&tricked, &ann), Verdict::SenderDiffers);
}

#[test]
fn another_header_outside_than_the_signed_one_is_noticed() {
    let (ann, message) = signed();
    for (from, to) in [
        ("Subject: Dinner plans", "Subject: Pay Mallory"),
        ("Subject: Dinner plans\r\n", ""),
        (
            "Subject: Dinner plans",
            "Subject: Dinner plans\r\nSubject: Pay Mallory",
        ),
        ("To: Bob", "Reply-To: mallory@example.org\r\nTo: Bob"),
        ("To: Bob <bob@example.org>", "To: Dave <dave@example.org>"),
    ] {
        let changed = message.replacen(from, to, 1);
        assert_ne!(changed, message);
        assert_eq!(verdict(&changed, &ann), Verdict::HeadersDiffer, "{to}");
    }
    // What servers do is no such change: folds, fields of their own.
    let relayed = format!(
        "Received: by x\r\nX-Spam: no\r\n{}",
        message.replacen(
            "Subject: Dinner plans",
            "Subject:\r\n  Dinner\r\n\tplans",
            1
        )
    );
    let found = verified(&relayed, &ann).unwrap();
    assert_eq!(found.verdict(), Verdict::Signed);
    assert_eq!(found.headers.unprotected, ["X-Spam"]);
    let subject = found.headers.named("Subject").next().unwrap();
    assert_eq!(subject.outside, Outside::AsMeant);
}

#[test]
fn inline_blocks_are_read_and_never_cover_the_message() {
    let (ann, bob) = (key(Profile::Compat, "ann"), key(Profile::Compat, "bob"));
    let certificate = bob.certificate();
    let by = ann.certificate();
    let header = "From: ann@example.org\r\nSubject: x\r\n\r\n";
    let block = text(&sign_cleartext(&ann, "Dear Bob,\n- it is me\n", days(1)).unwrap());
    let block = block.replace("\r\n", "\n").replace('\n', "\r\n");
    let only = format!("{header}{block}");
    let more = format!("{header}{block}\r\nPay Mallory.\r\n");
    assert_eq!(
        inspect(only.as_bytes(), &limits()).unwrap().kind,
        Kind::Inline
    );
    for (message, coverage) in [(&only, Coverage::Text), (&more, Coverage::Part)] {
        let found = verified(message, &ann).unwrap();
        assert_eq!(
            (found.verdict(), found.coverage),
            (Verdict::Partly, coverage)
        );
        assert!(text(&found.parts[0].content).contains("- it is me"));
        assert!(!text(&found.parts[0].content).contains("Mallory"));
        let blocks = read_inline(message.as_bytes(), &[], &[&by], days(1), &limits()).unwrap();
        let octets = blocks[0].octets.clone();
        assert_eq!(message[header.len()..][octets].trim_end(), block.trim_end());
    }
    let altered = only.replacen("it is me", "it is not me", 1);
    assert_eq!(verdict(&altered, &ann), Verdict::NotValid(Reason::Altered));
    // Encrypted, and signed in armor.
    let plan = plan_send(&[to("bob", &certificate)], days(1));
    let sealed = text(
        &plan
            .encrypt(b"secret", Some(&ann), days(1), Form::Armored)
            .unwrap(),
    );
    let inline = text(&sign_inline(&ann, b"signed", days(1), Form::Armored).unwrap());
    let message = format!("{header}hi\n{sealed}\n{inline}\n").replace("\r\n", "\n");
    let blocks = read_inline(message.as_bytes(), &[&bob], &[&by], days(1), &limits()).unwrap();
    let contents: Vec<_> = blocks.iter().map(|b| b.outcome.as_ref().unwrap()).collect();
    assert_eq!(
        (
            contents[0].content.as_slice(),
            contents[1].content.as_slice()
        ),
        (&b"secret"[..], &b"signed"[..])
    );
    assert_eq!(
        contents[0].decrypted_by.map(|(c, _)| c),
        Some(bob.fingerprint())
    );
    assert!(contents[1].decrypted_by.is_none());
    let without = read_inline(message.as_bytes(), &[], &[&by], days(1), &limits()).unwrap();
    assert_eq!(
        without[0].outcome.as_ref().unwrap_err(),
        &Error::Undecryptable
    );
    assert!(!format!("{blocks:?}").contains("secret"));
}

#[test]
fn other_kinds_are_told_apart() {
    let kind = |content_type: &str| {
        let message = format!(
            "Content-Type: {content_type}\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\n"
        );
        inspect(message.as_bytes(), &limits()).unwrap().kind
    };
    assert_eq!(
        kind("application/pkcs7-mime; smime-type=enveloped-data"),
        Kind::Smime
    );
    assert_eq!(
        kind("multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b"),
        Kind::Smime
    );
    assert_eq!(kind("multipart/mixed; boundary=b"), Kind::Plain);
    assert_eq!(
        kind("multipart/signed; boundary=b"),
        Kind::Malformed(Fault::Protocol)
    );
    assert_eq!(
        kind("multipart/signed; protocol=\"x/y\"; boundary=b"),
        Kind::Plain
    );
    assert_eq!(inspect(b"", &limits()).unwrap().kind, Kind::Plain);
    let mut limits = limits();
    limits.max_message = 3;
    assert!(matches!(
        inspect(b"A: b\r\n", &limits),
        Err(MimeError::Limit { limit: 3, .. })
    ));
}
