//! What it costs in memory, counted by the allocator: sealing and opening of streams take the same whatever their length,
//! and hostile messages take next to nothing, so that Argon2, which would take 32 MiB for them, did not run.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "danger-weak-kdf")]

use std::io::{self, Cursor, Read, Write};
use std::sync::{Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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

/// Octets of a session key packet, of a message that costs 32 MiB to try.
fn costly() -> Vec<u8> {
    let message = Sealer::new()
        .profile(Profile::LOW_MEMORY)
        .seal(b"hello", &password())
        .unwrap()
        .into_message();
    assert_eq!(message[..2], [0xc3, 85]);
    message
}

/// A message, what is wrong with it, and why it is refused.
type Hostile = (&'static str, Vec<u8>, Refusal);

/// What is refused before Argon2 by whoever has the whole message; first what is refused by whoever reads a stream, too.
fn hostile() -> [Vec<Hostile>; 2] {
    let good = costly();
    let (session_key, data) = good.split_at(87);
    let changed = |at: usize, octet: u8| {
        let mut message = good.clone();
        message[at] = octet;
        message
    };
    let at_once = vec![
        ("2^31 KiB", changed(26, 31), Refusal::Argon2Memory),
        ("512 MiB", changed(26, 19), Refusal::Argon2Memory),
        ("255 passes", changed(24, 255), Refusal::Argon2Passes),
        ("255 lanes", changed(25, 255), Refusal::Argon2Lanes),
        (
            "10,000 session keys",
            [&session_key.repeat(10_000), data].concat(),
            Refusal::SecondSessionKey,
        ),
        ("chunks of 2^261", changed(92, 255), Refusal::ChunkSize),
        (
            "a session key of 4 GiB",
            [&[0xc3, 255, 255, 255, 255, 255], &good[2..]].concat(),
            Refusal::SessionKeyLength,
        ),
        (
            "data of 4 GiB",
            [session_key, &[0xd2, 255, 255, 255, 255, 255], &data[2..]].concat(),
            Refusal::MessageTooLong,
        ),
    ];
    let at_the_end = vec![
        (
            "data of 127 MiB",
            [session_key, &[0xd2, 255, 7, 240, 0, 0], &data[2..]].concat(),
            Refusal::Truncated,
        ),
        (
            "parts of an octet",
            parts(session_key, data),
            Refusal::Truncated,
        ),
        (
            "nothing at the end",
            good[..good.len() - 1].to_vec(),
            Refusal::Truncated,
        ),
        (
            "garbage at the end",
            [&good[..], b"garbage"].concat(),
            Refusal::TrailingData,
        ),
    ];
    [at_once, at_the_end]
}

/// What a try may cost beside Argon2, whatever the message is: buffers of a chunk, of the reader and of the armor.
const BUFFERS: usize = 400 << 10;

#[test]
fn hostile_messages_cost_no_memory() {
    let _alone = alone();
    let [at_once, at_the_end] = hostile();
    for (what, message, why) in at_once.into_iter().chain(at_the_end) {
        for message in [armored(&message), message] {
            let (mut error, mut seen) = (None, None);
            let cost = peak(|| error = Opener::new().open(message.clone(), &password()).err());
            assert_eq!(error.unwrap().refusal(), Some(why), "{what}");
            // The message itself was copied.
            let own = message.len() + (16 << 10);
            assert!(cost < own, "{what}: {cost}");
            let cost = peak(|| seen = Opener::new().inspect(&message).err());
            assert_eq!(seen.unwrap().refusal(), Some(why), "{what}");
            assert!(cost < 32 << 10, "{what}: {cost}");
        }
    }
    // The mutation: where the limit allows it, Argon2 takes its memory.
    let cost = peak(|| drop(Opener::new().open(costly(), &password()).unwrap()));
    assert!(cost > 32 << 20, "{cost}");
}

#[test]
fn hostile_streams_cost_no_memory() {
    let _alone = alone();
    let [at_once, at_the_end] = hostile();
    let argon2 = 32 << 20;
    let all = at_once.into_iter().map(|hostile| (hostile, 32 << 10));
    let all = all.chain(at_the_end.into_iter().map(|h| (h, argon2 + BUFFERS)));
    for ((what, message, why), most) in all {
        // Its first chunk is not authentic, which a stream shows before its end.
        let why = (what != "parts of an octet").then_some(why);
        for message in [armored(&message), message] {
            for cost in streamed(&message, |error| {
                assert_eq!(error.refusal(), why, "{what}");
            }) {
                assert!(cost < most, "{what}: {cost}");
            }
        }
    }
}

/// What both ways to read a stream cost, which must fail.
fn streamed(message: &[u8], judge: impl Fn(OpenError)) -> [usize; 2] {
    let (mut seekable, mut unverified) = (None, None);
    let costs = [
        peak(|| {
            let reader = Opener::new().open_seekable(Cursor::new(message), &password());
            seekable = reader.err();
        }),
        peak(|| {
            let reader = Opener::new().open_stream_unverified(message, &password());
            let read = reader.and_then(|mut reader| Ok(io::copy(&mut reader, &mut io::sink())?));
            unverified = read.err();
        }),
    ];
    for error in [seekable, unverified] {
        judge(error.expect("it must not open"));
    }
    costs
}

/// What only who has the password can know: it costs one run of Argon2, and no memory beside.
#[test]
fn damaged_messages_cost_no_memory() {
    let _alone = alone();
    let message = sealer()
        .seal(&[7; 1 << 19], &password())
        .unwrap()
        .into_message();
    // Session key packet; tag, length and head of the data; then chunks and their tags.
    let (start, chunk) = (87 + 6 + 36, (1 << 16) + 16);
    let whole = Pieces {
        head: message[..start].to_vec(),
        chunks: message[start..message.len() - 16]
            .chunks(chunk)
            .map(<[u8]>::to_vec)
            .collect(),
        last_tag: message[message.len() - 16..].to_vec(),
    };
    assert!(whole.message() == message && whole.chunks.len() == 9);
    let change = |change: &dyn Fn(&mut Pieces)| {
        let mut pieces = whole.clone();
        change(&mut pieces);
        pieces.message()
    };
    for (what, message) in [
        ("swapped", change(&|p| p.chunks.swap(3, 4))),
        ("reordered", change(&|p| p.chunks[..8].reverse())),
        ("a chunk less", change(&|p| drop(p.chunks.remove(5)))),
        ("the end missing", change(&|p| p.chunks.truncate(5))),
        ("the final tag missing", change(&|p| p.last_tag.clear())),
    ] {
        for message in [armored(&message), message] {
            let mut error = None;
            let cost = peak(|| error = Opener::new().open(message.clone(), &password()).err());
            assert!(matches!(error, Some(OpenError::PasswordOrDamage)), "{what}");
            assert!(cost < message.len() + BUFFERS, "{what}: {cost}");
            for cost in streamed(&message, |error| {
                assert!(matches!(error, OpenError::PasswordOrDamage), "{what}");
            }) {
                assert!(cost < BUFFERS, "{what}: {cost}");
            }
        }
    }
}

#[derive(Clone)]
struct Pieces {
    head: Vec<u8>,
    chunks: Vec<Vec<u8>>,
    last_tag: Vec<u8>,
}

impl Pieces {
    /// The length of the data is that of what is there.
    fn message(&self) -> Vec<u8> {
        let data = [self.chunks.concat(), self.last_tag.clone()].concat();
        let mut message = self.head.clone();
        let length = u32::try_from(36 + data.len()).unwrap();
        message[88..93].copy_from_slice(&[&[255][..], &length.to_be_bytes()].concat());
        message.extend(data);
        message
    }
}

/// RFC 9580 §6.2.
fn armored(message: &[u8]) -> Vec<u8> {
    let mut text = b"-----BEGIN PGP MESSAGE-----\n\n".to_vec();
    for line in message.chunks(48) {
        text.extend(STANDARD.encode(line).as_bytes());
        text.push(b'\n');
    }
    text.extend(b"-----END PGP MESSAGE-----\n");
    text
}

/// Two hundred thousand parts, and the end is missing.
fn parts(session_key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut message = [session_key, &[0xd2, 0xe9], &data[2..]].concat();
    message.resize(87 + 2 + 512, 0);
    message.extend([0xe0, 0].repeat(200_000));
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
