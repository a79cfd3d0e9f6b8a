//! What holds for every message.

use super::super::{
    Canonicalization, DkimReason, DkimResult, Keys, Signer, body_hash, verify, verify_with,
};
use super::*;
use crate::Limits;
use proptest::{collection::vec, prelude::*, sample::select};
use std::time::{Duration, SystemTime};

const BOTH: [Canonicalization; 2] = [Canonicalization::Simple, Canonicalization::Relaxed];

/// Bodies of what matters to canonicalization, in runs that cross the blocks of the scan.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        select(vec![
            " ", "\t", "\r\n", "\r", "\n", "x", " \r\n", "\r\n\r\n"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        (select(vec![b' ', b'\t', b'x', b'\n']), 0..140_usize).prop_map(|(o, n)| vec![o; n]),
        vec(any::<u8>(), 0..20),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Values of fields, in runs that cross the blocks of the scan; no line is empty.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(vec![
            " ",
            "  ",
            "\t",
            "\r\n x",
            "\r\n\t  x",
            "\r",
            "x",
            "x y"
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,40}",
    ];
    vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000)
}

fn passes(message: &[u8], zone: &Zone) -> bool {
    let reports = verify(message, now(), &Limits::default(), |query| {
        zone.answer(query)
    });
    reports
        .iter()
        .any(|report| report.result() == DkimResult::Pass)
}

fn signed(header: Canonicalization, body: Canonicalization, message: &str) -> (String, Zone) {
    let zone = zone([("ed._domainkey.example.org", ED25519_RECORD)]);
    let signer = Signer::new("example.org", "ed", ed25519()).unwrap();
    let field = signer
        .canonicalized(header, body)
        .sign(message.as_bytes(), now())
        .unwrap();
    (format!("{field}{message}"), zone)
}

proptest! {
    #[test]
    fn bodies_are_canonicalized_as_by_the_reference(body in body()) {
        for canon in BOTH {
            let want = sha256(&canonical_body(canon, &body)).octets();
            prop_assert_eq!(body_hash(canon, &body), want, "{:?} {:?}", canon, body);
        }
    }

    #[test]
    fn fields_are_canonicalized_as_by_the_reference(first in value(), second in value()) {
        use super::super::header;
        use crate::message::Message;
        let fields = [format!("A: {first}z\r\n"), format!("B :{second}z\r\n")];
        let text = format!("{}{}\r\n", fields[0], fields[1]);
        let message = Message::parse(text.as_bytes(), &Limits::default());
        let [a, b] = message.fields() else { panic!("{text:?}") };
        for canon in BOTH {
            let [want_a, want_b] = [0, 1].map(|at| canonical_field(canon, fields[at].as_bytes()));
            let want = sha256(&[&*want_a, b"\r\n", &*want_b].concat()).octets();
            let got = header::hash(canon, &[a], b, 0..0);
            prop_assert_eq!(got.octets(), want, "{:?} {:?}", canon, text);
        }
    }

    #[test]
    fn a_prefix_of_the_canonical_body_is_what_l_says(body in body(), limit in 0..300_usize) {
        for canon in BOTH {
            let whole = canonical_body(canon, &body);
            let got = super::super::body::hash_of_first(canon, &body, limit as u64);
            let want = whole.get(..limit).map(|first| sha256(first).octets());
            prop_assert_eq!(got.map(|hash| hash.octets()), want);
        }
    }

    #[test]
    fn what_is_signed_passes_and_no_changed_bit_does(
        subject in "[a-z \t]{0,40}",
        text in "[a-z]{1,20}( [a-z]{1,20}){0,20}",
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        for (header, body) in [(BOTH[0], BOTH[0]), (BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
            let message = format!("From: a@example.org\r\nSubject: {subject}.\r\n\r\n{text}\r\n");
            let (good, zone) = signed(header, body, &message);
            prop_assert!(passes(good.as_bytes(), &zone));
            // The message; the signature field itself has parts that mean nothing (`b=`'s folds).
            let mut bad = good.into_bytes();
            let start = bad.len() - message.len();
            let at = start + at.index(message.len());
            bad[at] ^= 1 << bit;
            let (fields, text) = bad.split_at(bad.len() - text.len() - 2);
            let original = message.as_bytes().split_at(message.len() - text.len()).1;
            // A flip between space and tab, and of what ends the body, may mean nothing.
            let same = canonical_body(body, text) == canonical_body(body, original);
            let in_body = at >= fields.len();
            // RFC 6376 §3.4.2: a relaxed field name has no case.
            let names = [0..4, 21..28].map(|name| start + name.start..start + name.end);
            let in_name = names.iter().any(|name| name.contains(&at));
            let renamed = in_name && bit == 5 && header == BOTH[1];
            if !(in_body && same || renamed) {
                prop_assert!(!passes(&bad, &zone), "{}", String::from_utf8_lossy(&bad));
            }
        }
    }

    #[test]
    fn nothing_panics(message in vec(any::<u8>(), 0..400), key in vec(any::<u8>(), 0..100)) {
        let mut all = b"From: a@b.example\r\nDKIM-Signature: ".to_vec();
        all.extend_from_slice(&message);
        let mut zone = Zone::new();
        let name = "s._domainkey.example.org".parse().unwrap();
        zone.insert(name, Record::Txt(Txt::new([&*key])));
        passes(&all, &zone);
    }

    #[test]
    fn relaxed_survives_folding(words in vec("[a-z]{1,9}", 1..9), folds in vec(0..4_usize, 9)) {
        let space = [" ", "\t", "\r\n ", " \r\n\t "];
        let plain = words.join(" ");
        let message = format!("From: a@example.org\r\nSubject: {plain}\r\n\r\nx\r\n");
        let (good, zone) = signed(BOTH[1], BOTH[1], &message);
        let folded: String =
            words.iter().zip(&folds).map(|(w, f)| format!("{}{w}", space[*f])).collect();
        let bad = good.replace(&format!("Subject: {plain}"), &format!("SUBJECT:{folded}"));
        prop_assert!(passes(bad.as_bytes(), &zone), "{bad}");
    }
}

/// The mutation for the property above: with the signed octets and the signature of another
/// message, nothing passes; with its own, it does.
#[test]
fn signatures_belong_to_one_message() {
    let one = "From: a@example.org\r\n\r\none\r\n";
    let two = "From: a@example.org\r\n\r\ntwo\r\n";
    let (signed_one, zone) = signed(BOTH[1], BOTH[1], one);
    assert!(passes(signed_one.as_bytes(), &zone));
    let moved = signed_one.replace(one, two);
    assert!(!passes(moved.as_bytes(), &zone));
}

#[test]
fn signers_refuse_what_would_not_arrive_as_signed() {
    use super::super::{SignError, SigningKey};
    let signer = Signer::new("example.org", "ed", ed25519()).unwrap();
    for (message, want) in [
        ("From: a@example.org\n\nx\n", SignError::LineEnds),
        ("From: a@example.org\r\n\r\nx\ry\r\n", SignError::LineEnds),
        ("Subject: x\r\n\r\nx\r\n", SignError::From),
        (
            "From: a@a.example\r\nFrom: b@b.example\r\n\r\n",
            SignError::From,
        ),
        ("From: a@example.org\r\nno field\r\n\r\n", SignError::Header),
    ] {
        assert_eq!(
            signer.sign(message.as_bytes(), now()),
            Err(want),
            "{message:?}"
        );
    }
    for (domain, selector) in [
        ("org", "s"),
        ("", "s"),
        ("example.org", ""),
        ("a b.example", "s"),
    ] {
        assert!(
            Signer::new(domain, selector, ed25519()).is_err(),
            "{domain} {selector}"
        );
    }
    assert!(SigningKey::from_der(&[1, 2, 3]).is_err());
}

#[test]
fn signatures_of_both_types_pass_and_oversign() {
    use super::super::{Coverage, SigningKey};
    let message = format!(
        "From: a@example.org\r\nTo: b@example.net\r\nMIME-Version: 1.0\r\nX: y\r\n\r\n{}\r\n",
        "word ".repeat(2000)
    );
    let keys: [fn() -> SigningKey; 2] = [rsa2048, ed25519];
    for key in keys {
        let record = key().record().to_string();
        let zone = zone([("s._domainkey.example.org", &*record)]);
        for (header, body) in [(BOTH[0], BOTH[0]), (BOTH[1], BOTH[1])] {
            let signer = Signer::new("example.org", "s", key()).unwrap();
            let signer = signer
                .canonicalized(header, body)
                .expiring_after(Duration::from_secs(9));
            let field = signer.sign(message.as_bytes(), now()).unwrap();
            assert!(field.lines().all(|line| line.len() <= 78), "{field}");
            let all = format!("{field}{message}");
            let reports = verify(all.as_bytes(), now(), &Limits::default(), |q| {
                zone.answer(q)
            });
            let [report] = &*reports else { panic!() };
            assert_eq!(
                report.result(),
                DkimResult::Pass,
                "{:?}\n{all}",
                report.reason()
            );
            assert_eq!(report.expires_at(), Some(1_600_000_009));
            assert_eq!(report.covers("From"), Coverage::Oversigned);
            assert_eq!(report.covers("mime-version"), Coverage::Signed);
            assert_eq!(report.covers("X"), Coverage::Unsigned);
            assert!(!report.has_weak_key() && !report.is_testing());
        }
    }
}

#[test]
fn aligned_signatures_come_first_where_there_are_too_many() {
    use super::super::Signatures;
    use crate::message::Message;
    use mail_dns::{Name, Query, RecordType};
    let plain = "From: a@example.org\r\n\r\nx\r\n";
    let (good, zone) = signed(BOTH[1], BOTH[1], plain);
    let bh = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let noise = format!(
        "DKIM-Signature: v=1; a=rsa-sha256; d=spam.example; s=x; h=from; bh={bh}; b=AA\r\n"
    );
    let all = format!("{}{good}", noise.repeat(20));
    let limits = Limits::default();
    let message = Message::parse(all.as_bytes(), &limits);
    // Without From's domain, or if it is nobody's relative, the topmost ones are looked at.
    for (from, want) in [
        ("example.org", true),
        ("mail.example.org", true),
        ("org", true),
        ("other.org", false),
        ("", false),
    ] {
        let from = Some(from).filter(|from| !from.is_empty());
        let from: Option<Name> = from.map(|from| from.parse().unwrap());
        let mut signatures = Signatures::parse(&message, &limits, from.as_ref());
        let look_up = |name: &Name| Some(zone.answer(&Query::new(name.clone(), RecordType::Txt)));
        let reports = signatures.verify(look_up, &Keys::new(), now()).unwrap();
        assert_eq!(reports.len(), limits.signatures + 1);
        assert_eq!(reports.iter().any(|r| r.result() == DkimResult::Pass), want);
    }
}

/// What is remembered is what a text means, never what a name has.
#[test]
fn a_key_that_was_read_is_not_used_once_the_dns_says_otherwise() {
    let (message, good) = signed(BOTH[1], BOTH[1], "From: a@example.org\r\n\r\nx\r\n");
    let revoked = zone([("ed._domainkey.example.org", "v=DKIM1; k=ed25519; p=")]);
    let keys = Keys::new();
    for (zone, want) in [
        (&good, DkimReason::Valid),
        (&revoked, DkimReason::KeyRevoked),
        (&Zone::new(), DkimReason::NoKey),
        (&good, DkimReason::Valid),
    ] {
        let answer = |query: &mail_dns::Query| zone.answer(query);
        let reports = verify_with(message.as_bytes(), now(), &Limits::default(), &keys, answer);
        assert_eq!(reports[0].reason(), want);
    }
}
