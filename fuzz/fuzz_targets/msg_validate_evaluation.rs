//! Any message from anywhere, with any DNS: the evaluation ends within its budget, the order in
//! which answers come does not matter, and whatever is added to the message in the form of an
//! unusable signature never raises the grade.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_dns::{Failure, Mx, Name, Record, Txt, Zone};
use msg_validate::{Context, Evaluation, Limits, Verdict};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::UNIX_EPOCH,
};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Which answer of a wave comes first.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    First,
    Last,
}

/// One question is one step; more would mean that the budget does not hold.
fn judge(message: &[u8], context: &Context, zone: &Zone, order: Order) -> Verdict {
    let limits = Limits::default();
    let most = limits.dns_queries;
    let mut evaluation = Evaluation::new(message, context, limits);
    let mut asked = 0;
    while !evaluation.need().is_empty() {
        let mut wave = evaluation.need().to_vec();
        if order == Order::Last {
            wave.reverse();
        }
        for query in wave {
            asked += 1;
            evaluation.answer(&query, zone.answer(&query), context.now());
        }
    }
    assert!(asked <= most);
    evaluation.finish().expect("nothing is open")
}

/// A record of a type other than TXT, by the first octet of its text.
fn other_record(text: &[u8]) -> Option<Record> {
    let (kind, data) = text.split_first()?;
    let host = || Name::from_octets(data).ok();
    let address = || str::from_utf8(data).ok()?.parse::<IpAddr>().ok();
    match kind {
        b'@' => address().map(Record::from),
        b'>' => host().map(Record::Cname),
        b'<' => host().map(|exchange| {
            Record::Mx(Mx {
                preference: 10,
                exchange,
            })
        }),
        b'^' => host().map(Record::Ptr),
        _ => None,
    }
}

// Lines up to an empty one are `NAME TEXT` of TXT records, `NAME !` of time-outs, `NAME @ADDRESS`,
// `NAME >ALIAS`, `NAME <EXCHANGE`, and `* ^HOST` for a name of the client; the line after them is
// the reverse-path; the rest is the message.
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
        let name = match name {
            b"*" => Ok(Name::reverse(CLIENT)),
            name => Name::from_octets(name),
        };
        let Ok(name) = name else {
            continue;
        };
        match text.get(1..).unwrap_or_default() {
            b"!" => zone.fail(name, Failure::Timeout),
            text => {
                let record = other_record(text).unwrap_or_else(|| Record::Txt(Txt::new([text])));
                zone.insert(name, record);
            }
        }
    }
    let mail_from = String::from_utf8_lossy(line()).into_owned();
    let context = Context::smtp(CLIENT, "mx.example.org", mail_from, UNIX_EPOCH);
    if rest.starts_with(b" ") || rest.starts_with(b"\t") {
        return; // what folds nothing would become part of the signature
    }
    let before = judge(rest, &context, &zone, Order::First);
    assert_eq!(judge(rest, &context, &zone, Order::Last), before);
    let signed = [
        &b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org\r\n"[..],
        rest,
    ]
    .concat();
    let after = judge(&signed, &context, &zone, Order::First);
    assert!(after.grade() <= before.grade());
});
