//! What was changed on the way.

use std::io::{Cursor, Read};

use super::forge::{Forge, packet};
use super::{armored, content, open_all, open_any, password, sealer};
use crate::kdf::calls;
use crate::{OpenError, Opener, Passphrase, Refusal};

/// Every single bit of a whole message: there is no such thing as a harmless change.
#[test]
fn any_bit_flip_in_the_binary_form_fails() {
    let message = sealer().seal(b"hello", &password()).unwrap().into_message();
    for bit in 0..message.len() * 8 {
        let mut flipped = message.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(open_any(&Opener::new(), &flipped).is_err(), "bit {bit}");
    }
    assert!(open_all(&Opener::new(), &message).is_ok());
}

#[test]
fn any_bit_flip_in_the_armored_form_fails_or_changes_nothing() {
    let sealed = sealer().armored().seal(b"hello", &password()).unwrap();
    let message = sealed.into_message();
    let mut harmless = 0;
    for bit in 0..message.len() * 8 {
        let mut flipped = message.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok((content, _)) = open_any(&Opener::new(), &flipped) {
            assert_eq!(content, b"hello", "bit {bit}");
            harmless += 1;
        }
    }
    // An end of line that has become a tab or so is one that does.
    assert!(harmless < 20, "{harmless}");
}

/// What an attacker can do without the password, each fixed up so that the lengths are right: it shows after Argon2, which
/// has run once.
#[test]
fn chunks_stay_where_and_how_they_are() {
    let whole = Forge::four_chunks();
    let change = |change: &dyn Fn(&mut Forge)| {
        let mut forge = whole.clone();
        change(&mut forge);
        forge.message()
    };
    let damaged: [(&str, Vec<u8>); 10] = [
        ("a chunk less at the end", change(&|f| drop(f.chunks.pop()))),
        (
            "a chunk less at the start",
            change(&|f| drop(f.chunks.remove(0))),
        ),
        (
            "a chunk less in between",
            change(&|f| drop(f.chunks.remove(1))),
        ),
        (
            "a chunk twice",
            change(&|f| f.chunks.insert(1, f.chunks[1].clone())),
        ),
        ("two chunks swapped", change(&|f| f.chunks.swap(0, 1))),
        ("the last tag missing", change(&|f| f.last_tag.clear())),
        (
            "the last tag twice",
            change(&|f| f.last_tag = f.last_tag.repeat(2)),
        ),
        ("the last chunk cut", change(&|f| f.chunks[3].truncate(20))),
        (
            "the last tag of a chunk",
            change(&|f| f.last_tag = f.chunks[3][f.chunks[3].len() - 16..].to_vec()),
        ),
        ("an octet more at the end", change(&|f| f.last_tag.push(0))),
    ];
    for (what, message) in damaged {
        for message in [armored(&message), message] {
            let (error, calls) = calls::during(|| open_all(&Opener::new(), &message).unwrap_err());
            assert!(
                matches!(error, OpenError::PasswordOrDamage),
                "{what}: {error:?}"
            );
            // Once in each of three ways.
            assert_eq!(calls, 3, "{what}");
        }
    }
    for message in [armored(&whole.message()), whole.message()] {
        assert!(open_all(&Opener::new(), &message).is_ok());
    }
}

#[test]
fn a_chunk_of_another_message_does_not_fit() {
    let seal = || {
        sealer()
            .seal(&content(200_000), &password())
            .unwrap()
            .into_message()
    };
    let (mut one, other) = (seal(), seal());
    let second = 87 + 6 + 36 + 65_552..87 + 6 + 36 + 2 * 65_552;
    one[second.clone()].copy_from_slice(&other[second]);
    let error = open_all(&Opener::new(), &one).unwrap_err();
    assert!(matches!(error, OpenError::PasswordOrDamage));
}

#[test]
fn a_wrong_password_is_the_same_error_as_damage() {
    let message = sealer().seal(b"hello", &password()).unwrap().into_message();
    let mut damaged = message.clone();
    damaged[140] ^= 1;
    let wrong = Passphrase::from_unprepared_octets("incorrect horse");
    let one = Opener::new().open(message, &wrong).unwrap_err();
    let other = Opener::new().open(damaged, &password()).unwrap_err();
    assert_eq!(format!("{one:?} {one}"), format!("{other:?} {other}"));
    assert!(!one.is_temporary() && one.refusal().is_none());
}

/// Every way to cut a message off, in every form.
#[test]
fn a_message_that_is_cut_off_is_truncated() {
    let parts = Forge::four_chunks().message_in_parts(&[9, 6, 0]);
    let whole = sealer().seal(b"hello", &password()).unwrap().into_message();
    let text = armored(&whole);
    for message in [parts, whole] {
        assert!(open_all(&Opener::new(), &message).is_ok());
        for end in 0..message.len() {
            for cut in [&message[..end], &armored(&message[..end])] {
                let error = open_all(&Opener::new(), cut).unwrap_err();
                assert_eq!(error.refusal(), Some(Refusal::Truncated), "{end}");
            }
            // In memory its length is known before.
            let cut = message[..end].to_vec();
            let (opened, calls) = calls::during(|| Opener::new().open(cut, &password()));
            assert!(opened.is_err());
            assert_eq!(calls, 0, "{end}");
        }
    }
    // The line feed at the end may be missing.
    for end in 1..text.len() - 1 {
        let error = open_all(&Opener::new(), &text[..end]).unwrap_err();
        let why = error.refusal().unwrap();
        assert!(
            matches!(
                why,
                Refusal::Truncated | Refusal::NotOpenPgp | Refusal::Armor
            ),
            "{end} {why:?}"
        );
    }
}

/// The stream gives whole chunks as they come, and says at the end that the end is missing.
#[test]
fn an_unverified_stream_gives_what_is_authentic_and_then_fails() {
    let mut forge = Forge::four_chunks();
    forge.chunks.pop();
    let message = forge.message();
    let mut out = Vec::new();
    let mut reader = Opener::new()
        .open_stream_unverified(&message[..], &password())
        .unwrap();
    let error: OpenError = reader.read_to_end(&mut out).unwrap_err().into();
    assert!(matches!(error, OpenError::PasswordOrDamage));
    // Two chunks: that the third is the last is not true.
    assert_eq!(out, content(512 - 9));
    // It does not begin again.
    assert!(reader.read(&mut [0; 10]).is_err());
    // The others give nothing.
    assert!(Opener::new().open(message.clone(), &password()).is_err());
    assert!(
        Opener::new()
            .open_seekable(Cursor::new(&message), &password())
            .is_err()
    );
}

/// A file that is another one at the second pass.
struct Changing {
    passes: [Cursor<Vec<u8>>; 2],
    pass: usize,
}

impl Read for Changing {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.passes[self.pass].read(out)
    }
}

impl std::io::Seek for Changing {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        if let std::io::SeekFrom::Start(_) = to {
            self.pass = 1;
        }
        self.passes[self.pass].seek(to)
    }
}

#[test]
fn a_file_that_changes_between_the_passes_is_found_out() {
    let good = sealer()
        .seal(&content(200_000), &password())
        .unwrap()
        .into_message();
    let other = sealer()
        .seal(&content(200_000), &password())
        .unwrap()
        .into_message();
    let mut damaged = good.clone();
    damaged[150_000] ^= 1;
    let read = |second: &[u8]| {
        let passes = [Cursor::new(good.clone()), Cursor::new(second.to_vec())];
        let mut out = Vec::new();
        Opener::new()
            .open_seekable(Changing { passes, pass: 0 }, &password())
            .and_then(|mut reader| Ok(reader.read_to_end(&mut out)?))
            .map(|_| out)
    };
    assert!(read(&good).unwrap() == content(200_000));
    assert!(matches!(read(&other), Err(OpenError::PasswordOrDamage)));
    assert!(matches!(read(&damaged), Err(OpenError::PasswordOrDamage)));
    let short = read(&good[..good.len() - 1]).unwrap_err();
    assert_eq!(short.refusal(), Some(Refusal::Truncated));
}

/// A whole file is read where it begins, even if that is not at the start.
#[test]
fn a_message_is_read_from_where_the_file_is() {
    let message = sealer().seal(b"hello", &password()).unwrap().into_message();
    let mut file = Cursor::new([b"before", &message[..]].concat());
    file.set_position(6);
    let mut reader = Opener::new().open_seekable(file, &password()).unwrap();
    let mut out = String::new();
    reader.read_to_string(&mut out).unwrap();
    assert_eq!(out, "hello");
}

/// A message is the whole file.
#[test]
fn other_packets_after_it_are_refused() {
    let message = Forge::four_chunks().message();
    for after in [
        packet(21, &[0; 4]),
        packet(10, b"PGP"),
        vec![0],
        message.clone(),
    ] {
        let longer = [&message[..], &after].concat();
        for longer in [armored(&longer), longer] {
            let error = open_all(&Opener::new(), &longer).unwrap_err();
            assert_eq!(error.refusal(), Some(Refusal::TrailingData));
        }
    }
}
