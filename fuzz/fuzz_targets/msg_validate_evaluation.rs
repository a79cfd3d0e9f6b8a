//! Any message from anywhere, with any DNS: the evaluation ends within its budget, and whatever is
//! added to the message in the form of an unusable signature never raises the grade.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_dns::{Failure, Name, Record, Txt, Zone};
use msg_validate::{Context, Evaluation, Limits, Verdict};
use std::time::UNIX_EPOCH;

/// One question is one step; more would mean that the budget does not hold.
fn judge(message: &[u8], context: &Context, zone: &Zone) -> Verdict {
    let limits = Limits::default();
    let most = limits.dns_queries;
    let mut evaluation = Evaluation::new(message, context, limits);
    let mut asked = 0;
    while !evaluation.need().is_empty() {
        for query in evaluation.need().to_vec() {
            asked += 1;
            evaluation.answer(&query, zone.answer(&query), context.now());
        }
    }
    assert!(asked <= most);
    evaluation.finish().expect("nothing is open")
}

// Lines up to an empty one are `NAME TEXT` of TXT records, `NAME !` of time-outs; the line after
// them is the reverse-path; the rest is the message.
fuzz_target!(|data: &[u8]| {
    let mut zone = Zone::new();
    let mut rest = data;
    let mut line = || {
        let end = rest.iter().position(|&o| o == b'\n').unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        line
    };
    loop {
        let record = line();
        if record.is_empty() {
            break;
        }
        let space = record.iter().position(|&o| o == b' ').unwrap_or(0);
        let (name, text) = record.split_at(space);
        let Ok(name) = Name::from_octets(name) else {
            continue;
        };
        match text.get(1..).unwrap_or_default() {
            b"!" => zone.fail(name, Failure::Timeout),
            text => zone.insert(name, Record::Txt(Txt::new([text]))),
        }
    }
    let mail_from = String::from_utf8_lossy(line()).into_owned();
    let context = Context::smtp(
        [192, 0, 2, 1].into(),
        "mx.example.org",
        mail_from,
        UNIX_EPOCH,
    );
    if rest.starts_with(b" ") || rest.starts_with(b"\t") {
        return; // what folds nothing would become part of the signature
    }
    let before = judge(rest, &context, &zone);
    let signed = [
        &b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org\r\n"[..],
        rest,
    ]
    .concat();
    let after = judge(&signed, &context, &zone);
    assert!(after.grade() <= before.grade());
});
