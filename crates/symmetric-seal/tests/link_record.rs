//! Links as octets: what is stored today is read tomorrow, and nothing else is read.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::*;
use symmetric_seal::link::{Event, Hint, Link, MAX_RECORD, Memo, RecordError, Terms, TermsError};

fn some_links() -> Vec<(&'static str, Link)> {
    let (t, later) = (start(), start() + 7 * DAY);
    let (p, r, s) = (proof(), reader(5), sender());
    let pending = Link::new(terms(), later, &s, t).unwrap();
    let hint = Hint::new("unser Café in Łódź").unwrap();
    let fresh = available(terms().hint(hint).bind_link(), later, t);
    let locked = guess(&guess(&fresh, t + seconds(1)).link, t + seconds(2)).link;
    let read = after(&fresh, release(&p, &r), t + seconds(3));
    let reply = Event::Reply {
        reader: &r,
        digest: [6; 32],
    };
    let replied = after(&read, reply, t + seconds(4));
    vec![
        ("pending", pending),
        ("locked", locked),
        ("read", read.clone()),
        ("replied", replied.clone()),
        ("reply-erased", after(&replied, Event::Tick, t + 29 * DAY)),
        (
            "destroyed",
            after(&read, Event::Destroy { reader: &r }, t + HOUR),
        ),
        (
            "revoked",
            after(&fresh, Event::Revoke { sender: &s }, t + HOUR),
        ),
        ("expired", after(&fresh, Event::Tick, later)),
    ]
}

/// The same with a memo.
fn with_memo() -> Vec<(&'static str, Link)> {
    let memo = Memo::new(b"tell alice".to_vec()).unwrap();
    let (t, later) = (start(), start() + 7 * DAY);
    let fresh = available(terms().memo(memo), later, t);
    let read = after(&fresh, release(&proof(), &reader(5)), t + seconds(3));
    vec![("fresh", fresh), ("read", read)]
}

/// Lines of a name and octets in hexadecimal digits, as the first release wrote them.
const FIRST: &str = include_str!("data/links-format-1.txt");

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn octets(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    let octet = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(octet).collect()
}

#[test]
fn what_the_first_release_wrote_is_read_and_written_alike() {
    let lines: Vec<_> = FIRST
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    for ((name, link), (of, stored)) in some_links().iter().zip(&lines) {
        assert_eq!(name, of);
        assert_eq!(hex(&link.encode()), *stored, "{name}");
        assert_eq!(Link::decode(&octets(stored)).as_ref(), Ok(link), "{name}");
    }
    assert_eq!(lines.len(), some_links().len());
}

#[test]
fn a_later_format_is_told_from_damage() {
    let mut octets = some_links()[0].1.encode();
    octets[0] = 3;
    assert_eq!(Link::decode(&octets), Err(RecordError::Format { found: 3 }));
    // The second one has a memo.
    octets[0] = 2;
    assert_eq!(Link::decode(&octets), Err(RecordError::Damaged));
    octets[0] = 0;
    assert_eq!(Link::decode(&octets), Err(RecordError::Damaged));
    assert_eq!(Link::decode(&[]), Err(RecordError::Damaged));
}

#[test]
fn a_record_is_whole_or_none_and_there_is_one_for_each_link() {
    for (name, link) in some_links().into_iter().chain(with_memo()) {
        let octets = link.encode();
        assert_eq!(Link::decode(&octets).as_ref(), Ok(&link), "{name}");
        for length in 0..octets.len() {
            assert!(Link::decode(&octets[..length]).is_err(), "{name} {length}");
        }
        assert!(
            Link::decode(&[&octets[..], &[0]].concat()).is_err(),
            "{name}"
        );
        // Whatever else can be read is written as it was read.
        for at in 0..octets.len() {
            for bit in 0..8 {
                let mut other = octets.clone();
                other[at] ^= 1 << bit;
                if let Ok(read) = Link::decode(&other) {
                    assert_eq!(read.encode(), other, "{name} {at}");
                    assert_ne!(read, link);
                }
            }
        }
    }
}

#[test]
fn the_greatest_link_keeps_the_limit_and_fits_in_a_record_of_a_store() {
    let hint = Hint::new(&"\u{10348}".repeat(Hint::MAX_CHARS)).unwrap();
    let memo = Memo::new(vec![7; Memo::MAX_OCTETS]).unwrap();
    for wrong in [0, Memo::MAX_OCTETS + 1] {
        assert_eq!(Memo::new(vec![7; wrong]), Err(TermsError::Memo));
    }
    let terms = Terms::new().views(250).hint(hint).memo(memo);
    let mut link = available(terms, start() + DAY, start());
    for of in 0..250 {
        link = after(
            &link,
            release(&proof(), &reader(of)),
            start() + seconds(of.into()),
        );
    }
    let reply = Event::Reply {
        reader: &reader(7),
        digest: [6; 32],
    };
    let octets = after(&link, reply, start() + seconds(300)).encode();
    assert!(
        octets.len() > 13_800 && octets.len() <= MAX_RECORD,
        "{}",
        octets.len()
    );
    const { assert!(MAX_RECORD <= 64 * 1024) };
    assert!(Link::decode(&octets).is_ok());
    let sealed = [&octets[..], &vec![0; MAX_RECORD]].concat();
    assert_eq!(Link::decode(&sealed), Err(RecordError::Damaged));
}

#[test]
fn nothing_that_opens_or_proves_is_in_a_record() {
    for (name, link) in some_links().into_iter().chain(with_memo()) {
        let octets = link.encode();
        for secret in [[1; 16], [2; 16], [5; 16]] {
            let found = octets.windows(16).any(|some| some == secret);
            assert!(!found, "{name}: {secret:?}");
        }
        let shown = format!("{link:?}");
        assert!(
            !shown.contains("Caf") && !shown.contains("alice") && shown.len() < 200,
            "{shown}"
        );
    }
}
