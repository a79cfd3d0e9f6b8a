//! symmetric-seal.

use std::hint::black_box;
use std::io::{self, Cursor, Read, Write};
use std::time::Instant;

use symmetric_seal::{Limits, Opener, Passphrase, Profile, Sealer};

use crate::{PASSWORD, Row, SIZE, content};

fn password() -> Passphrase {
    Passphrase::from_unprepared_octets(PASSWORD)
}

fn sealer() -> Sealer {
    Sealer::new().profile(Profile::WEAK_FOR_TESTS)
}

fn opener() -> Opener {
    let mut limits = Limits::default();
    limits.max_plaintext = SIZE as u64;
    Opener::new().limits(limits)
}

fn message() -> Vec<u8> {
    sealer()
        .seal(&content(), &password())
        .unwrap()
        .into_message()
}

/// What writers make that are not told how long it will be: with partial lengths.
fn message_in_parts() -> Vec<u8> {
    let mut message = Vec::new();
    sealer()
        .seal_stream(&content()[..], &mut message, &password())
        .unwrap();
    message
}

fn seal_sized(content: &[u8], sink: impl Write) {
    let mut writer = sealer()
        .start_sized(sink, &password(), content.len() as u64)
        .unwrap();
    writer.write_all(black_box(content)).unwrap();
    black_box(writer.finish().unwrap().1);
}

pub(crate) fn seal_discarding() -> Vec<Row> {
    let (one, other) = (content(), content());
    vec![
        Row::new("symmetric-seal, length known", move || {
            seal_sized(&one, io::sink())
        }),
        Row::new("symmetric-seal, streamed", move || {
            let receipt = sealer().seal_stream(black_box(&other[..]), io::sink(), &password());
            black_box(receipt.unwrap());
        }),
    ]
}

pub(crate) fn seal_reused() -> Vec<Row> {
    let (one, other) = (content(), content());
    let (mut first, mut second) = (message(), message_in_parts());
    vec![
        Row::new("symmetric-seal, length known", move || {
            first.clear();
            seal_sized(&one, &mut first);
        }),
        Row::new("symmetric-seal, streamed", move || {
            second.clear();
            let receipt = sealer().seal_stream(black_box(&other[..]), &mut second, &password());
            black_box(receipt.unwrap());
        }),
    ]
}

/// Reads to the end in pieces of 64 KiB.
pub(crate) fn drain(mut reader: impl Read, mut sink: impl Write) {
    let (mut buffer, mut all) = (vec![0; 1 << 16], 0);
    loop {
        let read = reader.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        sink.write_all(black_box(&buffer[..read])).unwrap();
        all += read;
    }
    assert_eq!(all, SIZE);
}

/// Reads to the end into a buffer that was used before.
pub(crate) fn fill(mut reader: impl Read, buffer: &mut Vec<u8>) {
    buffer.clear();
    reader.read_to_end(buffer).unwrap();
    assert_eq!(black_box(&*buffer).len(), SIZE);
}

pub(crate) fn open_discarding() -> Vec<Row> {
    let (one, other) = (message(), message_in_parts());
    vec![
        Row::new("symmetric-seal, unverified stream", move || {
            let reader = opener().open_stream_unverified(black_box(&one[..]), &password());
            drain(reader.unwrap(), io::sink());
        }),
        Row::new("symmetric-seal, unverified stream, in parts", move || {
            let reader = opener().open_stream_unverified(black_box(&other[..]), &password());
            drain(reader.unwrap(), io::sink());
        }),
    ]
}

pub(crate) fn open_reused() -> Vec<Row> {
    let (one, mut out) = (message(), content());
    vec![
        Row::new("symmetric-seal, unverified stream", move || {
            let reader = opener().open_stream_unverified(black_box(&one[..]), &password());
            fill(reader.unwrap(), &mut out);
        }),
        Row::timed("symmetric-seal, open(Vec) in place", in_place(message())),
        Row::timed(
            "symmetric-seal, open(Vec) in place, in parts",
            in_place(message_in_parts()),
        ),
    ]
}

/// The message is where it was received; how it came there does not count.
fn in_place(message: Vec<u8>) -> impl FnMut() -> f64 {
    let mut buffer = message.clone();
    move || {
        buffer.clear();
        buffer.extend(&message);
        let start = Instant::now();
        let opened = opener()
            .open(std::mem::take(&mut buffer), &password())
            .unwrap();
        let took = start.elapsed().as_secs_f64();
        assert_eq!(opened.content().len(), SIZE);
        buffer = opened.into_content();
        took
    }
}

pub(crate) fn fresh() -> Vec<Row> {
    let (one, other, third) = (content(), message(), message());
    let copied = one.clone();
    vec![
        Row::new("memcpy into a fresh buffer", move || {
            black_box(black_box(&copied).to_vec());
        }),
        Row::new("symmetric-seal, seal() into a fresh buffer", move || {
            black_box(sealer().seal(black_box(&one), &password()).unwrap());
        }),
        Row::new("symmetric-seal, open() of a fresh copy", move || {
            let opened = opener()
                .open(black_box(&other).to_vec(), &password())
                .unwrap();
            assert_eq!(opened.content().len(), SIZE);
        }),
        Row::new("symmetric-seal, open_seekable(), both passes", move || {
            let reader = opener().open_seekable(Cursor::new(black_box(&third)), &password());
            drain(reader.unwrap(), io::sink());
        }),
    ]
}
