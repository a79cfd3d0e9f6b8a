//! Both opinions of any message with any records: none asks the network, the second never raises the
//! grade, and each difference is known or a reason. Of a message that was signed here, whatever it is,
//! and of SPF records of plain terms, no unknown difference is left.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_dns::{Name, Record, Txt, Zone};
use msg_validate::{
    Context, Evaluation, Limits, Reason, SecondOpinion, Verdict,
    dkim::{Canonicalization, Signer, SigningKey},
    second_opinion::Difference,
};
use std::{sync::LazyLock, time::UNIX_EPOCH};

static SECOND: LazyLock<SecondOpinion> =
    LazyLock::new(|| SecondOpinion::new().expect("no network"));

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    match kind % 3 {
        0 => any(rest),
        1 => signed(kind / 3, rest),
        _ => plain_spf(rest),
    }
});

fn evaluated<'m>(message: &'m [u8], context: &'m Context, zone: &Zone) -> Evaluation<'m> {
    let mut evaluation = Evaluation::new(message, context, Limits::default());
    while !evaluation.need().is_empty() {
        for query in evaluation.need().to_vec() {
            evaluation.answer(&query, zone.answer(&query), context.now());
        }
    }
    evaluation
}

fn opinions(message: &[u8], zone: &Zone) -> (Verdict, Vec<Difference>) {
    let client = [192, 0, 2, 1].into();
    let context = Context::smtp(client, "mx.example.org", "joe@example.org", UNIX_EPOCH);
    let alone = evaluated(message, &context, zone).finish();
    let alone = alone.expect("nothing is open");
    let both = evaluated(message, &context, zone).finish_with(&SECOND);
    let (verdict, differences) = both.expect("nothing is open");
    assert!(verdict.grade() <= alone.grade());
    let second = |reason: &&Reason| reason.code().starts_with("second-opinion.");
    let reasons = verdict.reasons().iter().filter(second).count();
    let unknown = differences.iter().filter(|d| d.known().is_none()).count();
    assert_eq!(reasons, unknown);
    (verdict, differences)
}

/// Lines up to an empty one are `NAME TEXT` of TXT records; the rest is the message.
fn any(data: &[u8]) {
    let mut zone = Zone::new();
    let mut lines = data.split(|&octet| octet == b'\n');
    let mut used = 0;
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        used += line.len() + 1;
        let space = line.iter().position(|&o| o == b' ').unwrap_or(line.len());
        let (name, text) = line.split_at(space);
        if let Ok(name) = Name::from_octets(name) {
            zone.insert(
                name,
                Record::Txt(Txt::new([text.get(1..).unwrap_or_default()])),
            );
        }
    }
    opinions(data.get(used + 1..).unwrap_or_default(), &zone);
}

/// What is signed is judged alike, whatever it is.
fn signed(how: u8, message: &[u8]) {
    let key = SigningKey::from_ed25519_seed(&[7; 32]).expect("any seed will do");
    let record = key.record().to_string();
    let zone = Zone::new()
        .txt("s._domainkey.example.org", &record)
        .and_then(|zone| zone.txt("_dmarc.example.org", "v=DMARC1; p=reject"))
        .expect("names");
    let canon = |bit| match how & bit {
        0 => Canonicalization::Relaxed,
        _ => Canonicalization::Simple,
    };
    let signer = Signer::new("example.org", "s", key).expect("a signer");
    let signer = signer.canonicalized(canon(1), canon(2));
    // What cannot be signed gets a header section that can. SMTP ends every line.
    // Control characters, which mail-auth takes for white space in a header, stay out.
    let mut message = message.to_vec();
    for octet in &mut message {
        if octet.is_ascii_control() && !b"\t\r\n".contains(octet) {
            *octet = b'x';
        }
    }
    if !message.ends_with(b"\r\n") {
        message.extend_from_slice(b"\r\n");
    }
    let mut field = signer.sign(&message, UNIX_EPOCH);
    if field.is_err() {
        message.splice(..0, *b"From: joe@example.org\r\nSubject: Hi\r\n\r\n");
        field = signer.sign(&message, UNIX_EPOCH);
    }
    let Ok(field) = field else { return };
    let whole = [field.as_bytes(), &message].concat();
    let (verdict, differences) = opinions(&whole, &zone);
    let ours = verdict.dkim().first().expect("a signature");
    let of_it = |d: &&Difference| d.known().is_none() && d.text().contains("DKIM signature of");
    let unknown = differences.iter().find(of_it);
    assert_eq!(unknown, None, "{ours:?}");
}

/// Each octet is a term of one of four records.
fn plain_spf(terms: &[u8]) {
    let mut zone = Zone::new();
    for (host, octet) in ["a.example", "b.example", "c.example"].iter().zip(0..) {
        zone = zone
            .address(host, [192, 0, 2, octet])
            .and_then(|zone| zone.mx(host, 10, host))
            .expect("names");
    }
    let mut records = [const { String::new() }; 4].map(|_| "v=spf1".to_owned());
    for (i, &octet) in terms.iter().take(16).enumerate() {
        let Some(record) = records.get_mut(i % 4) else {
            continue;
        };
        let host = ["a.example", "b.example", "c.example"][usize::from(octet >> 3) % 3];
        let qualifier = ["", "-", "~", "?"][usize::from(octet >> 5) % 4];
        record.push_str(&match octet % 5 {
            0 => format!(" include:{host}"),
            1 => format!(" {qualifier}a:{host}"),
            2 => format!(" {qualifier}mx:{host}"),
            3 => format!(" {qualifier}ip4:192.0.2.0/{}", octet >> 3),
            _ => format!(" {qualifier}all"),
        });
    }
    let names = ["example.org", "a.example", "b.example", "c.example"];
    for (name, record) in names.iter().zip(&records) {
        zone = zone.txt(name, record).expect("a name");
    }
    let (_, differences) = opinions(b"From: joe@example.org\r\n\r\nHi\r\n", &zone);
    let unknown = differences.iter().find(|d| d.known().is_none());
    assert_eq!(unknown, None, "{records:?}");
}
