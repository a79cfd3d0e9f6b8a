//! What it costs in memory, counted by the allocator: sealing and opening of streams take the same whatever their length,
//! and hostile messages take next to nothing, so that Argon2, which takes a MiB at least here, did not run.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "danger-weak-kdf")]

use std::io::{self, Cursor, Read, Write};
use std::sync::{Mutex, MutexGuard};

use peak_alloc::PeakAlloc;
use symmetric_seal::{Limits, OpenError, Opener, Passphrase, Profile, Refusal, Sealer};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// One test at a time, as they share the allocator.
static ONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Octets that `run` had allocated at most, beyond what was there before.
fn peak(run: impl FnOnce()) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    run();
    ALLOCATOR.peak_usage().saturating_sub(before)
}

fn password() -> Passphrase {
    Passphrase::from_unprepared_octets("correct horse")
}

fn sealer() -> Sealer {
    Sealer::new().profile(Profile::WEAK_FOR_TESTS)
}

/// A message of so many octets is made while it is read: neither it nor its content is ever in memory.
fn stream(octets: u64) -> usize {
    peak(|| {
        let receipt = sealer()
            .seal_stream(io::repeat(7).take(octets), io::sink(), &password())
            .unwrap();
        assert_eq!(receipt.content_length(), octets);
    })
}

const MIB: u64 = 1 << 20;
/// What threads of the runtime and of the test take meanwhile: nothing beside what is not in memory.
const NOISE: usize = 32 << 10;

#[test]
fn sealing_takes_the_same_memory_for_any_length() {
    let _alone = alone();
    // The first use sets up what stays.
    stream(MIB);
    let small = stream(MIB);
    let large = stream(64 * MIB);
    assert!(small < 400 << 10, "{small}");
    assert!(small.abs_diff(large) < NOISE, "{small} {large}");
    // The mutation: what keeps the message is seen.
    let kept = peak(|| drop(sealer().seal(&[7; 1 << 20], &password()).unwrap()));
    assert!(kept > 1 << 20, "{kept}");
}

/// A file on disk: the memory counted is the opener's.
fn sealed_file(octets: u64) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    let content = io::repeat(7).take(octets);
    sealer()
        .seal_stream(content, &mut file, &password())
        .unwrap();
    io::Seek::rewind(&mut file).unwrap();
    file
}

fn drain(mut reader: impl Read) -> u64 {
    let mut buffer = [0; 4096];
    let mut all = 0;
    loop {
        match reader.read(&mut buffer).unwrap() {
            0 => return all,
            read => all += read as u64,
        }
    }
}

#[test]
fn opening_of_streams_takes_the_same_memory_for_any_length() {
    let _alone = alone();
    let mut costs = Vec::new();
    for octets in [MIB, 32 * MIB] {
        let (one, other) = (sealed_file(octets), sealed_file(octets));
        costs.push(peak(|| {
            let reader = Opener::new().open_seekable(one, &password()).unwrap();
            assert_eq!(drain(reader), octets);
        }));
        costs.push(peak(|| {
            let reader = Opener::new().open_stream_unverified(other, &password());
            assert_eq!(drain(reader.unwrap()), octets);
        }));
    }
    assert!(costs[0] < 400 << 10, "{costs:?}");
    for (small, large) in [(costs[0], costs[2]), (costs[1], costs[3])] {
        assert!(small.abs_diff(large) < NOISE, "{costs:?}");
    }
}

#[test]
fn opening_in_place_takes_nothing_but_the_message() {
    let _alone = alone();
    let message = sealer()
        .seal(&[7; 4 << 20], &password())
        .unwrap()
        .into_message();
    let cost = peak(|| {
        let opened = Opener::new().open(message, &password()).unwrap();
        assert_eq!(opened.content().len(), 4 << 20);
    });
    assert!(cost < 128 << 10, "{cost}");
}

/// Octets of a session key packet, of a message that costs 64 MiB to try.
fn costly() -> Vec<u8> {
    let message = Sealer::new()
        .seal(b"hello", &password())
        .unwrap()
        .into_message();
    assert_eq!(message[..2], [0xc3, 85]);
    message
}

#[test]
fn hostile_messages_cost_no_memory() {
    let _alone = alone();
    let good = costly();
    let (session_key, data) = good.split_at(87);
    let changed = |at: usize, octet: u8| {
        let mut message = good.clone();
        message[at] = octet;
        message
    };
    let hostile: Vec<(&str, Vec<u8>, Option<Refusal>)> = vec![
        ("2^31 KiB", changed(26, 31), Some(Refusal::Argon2Memory)),
        ("512 MiB", changed(26, 19), Some(Refusal::Argon2Memory)),
        ("255 passes", changed(24, 255), Some(Refusal::Argon2Passes)),
        ("255 lanes", changed(25, 255), Some(Refusal::Argon2Lanes)),
        (
            "10,000 session keys",
            [&session_key.repeat(10_000), data].concat(),
            Some(Refusal::SecondSessionKey),
        ),
        (
            "chunks of 2^261",
            changed(92, 255),
            Some(Refusal::ChunkSize),
        ),
        (
            "a session key of 4 GiB",
            [&[0xc3, 255, 255, 255, 255, 255], &good[2..]].concat(),
            Some(Refusal::SessionKeyLength),
        ),
        (
            "data of 4 GiB",
            [session_key, &[0xd2, 255, 255, 255, 255, 255], &data[2..]].concat(),
            Some(Refusal::MessageTooLong),
        ),
        (
            "data of 127 MiB",
            [session_key, &[0xd2, 255, 7, 240, 0, 0], &data[2..]].concat(),
            Some(Refusal::Truncated),
        ),
        (
            "parts of an octet",
            parts(session_key, data),
            Some(Refusal::Truncated),
        ),
        (
            "nothing at the end",
            good[..good.len() - 1].to_vec(),
            Some(Refusal::Truncated),
        ),
        (
            "garbage at the end",
            [&good[..], b"garbage"].concat(),
            Some(Refusal::TrailingData),
        ),
    ];
    for (what, message, why) in hostile {
        let (mut error, mut seen) = (None, None);
        let cost = peak(|| error = Opener::new().open(message.clone(), &password()).err());
        assert_eq!(error.unwrap().refusal(), why, "{what}");
        // The message itself was copied.
        let own = message.len() + (16 << 10);
        assert!(cost < own, "{what}: {cost}");
        let cost = peak(|| seen = Opener::new().inspect(&message).err());
        assert_eq!(seen.unwrap().refusal(), why, "{what}");
        assert!(cost < 32 << 10, "{what}: {cost}");
    }
    // The mutation: where the limit allows it, Argon2 takes its memory.
    let cost = peak(|| drop(Opener::new().open(good, &password()).unwrap()));
    assert!(cost > 64 << 20, "{cost}");
}

/// A million parts, and the end is missing.
fn parts(session_key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut message = [session_key, &[0xd2, 0xe9], &data[2..]].concat();
    message.resize(87 + 2 + 512, 0);
    message.extend([0xe0, 0].repeat(1_000_000));
    message
}

/// An endless stream of hostile text.
struct Flood(&'static [u8]);

impl Read for Flood {
    fn read(&mut self, mut out: &mut [u8]) -> io::Result<usize> {
        let room = out.len();
        while !out.is_empty() {
            let most = out.len().min(self.0.len());
            out.write_all(&self.0[..most])?;
        }
        Ok(room)
    }
}

#[test]
fn floods_cost_no_memory() {
    let _alone = alone();
    let mut limits = Limits::default();
    limits.max_message = MIB;
    let opener = Opener::new().limits(limits);
    let begin = "-----BEGIN PGP MESSAGE-----\n";
    for (start, flood, why) in [
        (begin, &b"Comment: no\n"[..], Refusal::ArmorHeaders),
        (begin, b"C", Refusal::ArmorLine),
        ("", b"\n", Refusal::MessageTooLong),
        ("", b"A", Refusal::ArmorLine),
    ] {
        let mut error = None;
        let cost = peak(|| {
            let from = Cursor::new(start).chain(Flood(flood));
            error = opener.open_stream_unverified(from, &password()).err();
        });
        let why = Some(why);
        assert_eq!(
            error.as_ref().and_then(OpenError::refusal),
            why,
            "{error:?}"
        );
        assert!(cost < 32 << 10, "{cost}");
    }
}
