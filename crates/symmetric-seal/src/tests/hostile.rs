//! Messages that want to cost something: refused with a reason, and Argon2 never runs.

use std::io::{self, Cursor, Read};

use super::forge::{Forge, Plan, literal, packet};
use super::{armored, content, open_all, password};
use crate::kdf::calls;
use crate::{Limits, OpenError, Opener, Refusal};

/// Refused in every way, `inspect` included, in both forms, before Argon2.
#[track_caller]
fn refused(message: &[u8], why: Refusal) {
    refused_by(&Opener::new(), message, why);
}

#[track_caller]
fn refused_by(opener: &Opener, message: &[u8], why: Refusal) {
    for message in [message, &armored(message)] {
        let (error, calls) = calls::during(|| open_all(opener, message).unwrap_err());
        assert_eq!((error.refusal(), calls), (Some(why), 0));
        let (inspected, calls) = calls::during(|| opener.inspect(message).unwrap_err());
        assert_eq!((inspected.refusal(), calls), (Some(why), 0));
        assert!(!error.is_temporary());
    }
}

/// Refused in every way, in both forms; of a stream it is known only when it is over, so there Argon2 has run.
#[track_caller]
fn refused_at_the_end(message: &[u8], why: Refusal) {
    for message in [message, &armored(message)] {
        let (error, calls) = calls::during(|| open_all(&Opener::new(), message).unwrap_err());
        assert_eq!((error.refusal(), calls), (Some(why), 2));
        let (error, calls) = calls::during(|| Opener::new().open(message.to_vec(), &password()));
        assert_eq!((error.unwrap_err().refusal(), calls), (Some(why), 0));
        let (error, calls) = calls::during(|| Opener::new().inspect(message));
        assert_eq!((error.unwrap_err().refusal(), calls), (Some(why), 0));
    }
}

fn forge() -> Forge {
    Plan::default().seal(&literal(b"hello"))
}

/// With the octets of the session key packet changed.
fn with_session_key(at: usize, octets: &[u8]) -> Vec<u8> {
    let mut forge = forge();
    forge.session_key[at..at + octets.len()].copy_from_slice(octets);
    forge.message()
}

fn with_head(at: usize, octet: u8) -> Vec<u8> {
    let mut forge = forge();
    forge.head[at] = octet;
    forge.message()
}

const PASSES: usize = 22;
const LANES: usize = 23;
const MEMORY: usize = 24;

#[test]
fn the_count_of_calls_counts() {
    // The mutation: what is not refused costs one, in each form and way.
    let message = forge().message();
    for message in [armored(&message), message] {
        let (opened, calls) = calls::during(|| open_all(&Opener::new(), &message));
        assert!(opened.is_ok());
        assert_eq!(calls, 3);
        let (opened, calls) = calls::during(|| Opener::new().open(message, &password()));
        assert!(opened.is_ok());
        assert_eq!(calls, 1);
    }
}

#[test]
fn costs_of_argon2() {
    refused(&with_session_key(MEMORY, &[31]), Refusal::Argon2Memory);
    refused(&with_session_key(MEMORY, &[19]), Refusal::Argon2Memory);
    for impossible in [0, 2, 32, 64, 255] {
        refused(&with_session_key(MEMORY, &[impossible]), Refusal::Argon2);
    }
    refused(&with_session_key(PASSES, &[255]), Refusal::Argon2Passes);
    refused(&with_session_key(PASSES, &[0]), Refusal::Argon2);
    refused(&with_session_key(LANES, &[255, 18]), Refusal::Argon2Lanes);
    refused(&with_session_key(LANES, &[0]), Refusal::Argon2);
    refused(&with_session_key(PASSES, &[8, 1, 18]), Refusal::Argon2Work);
    // The mutation: with other limits it is not refused.
    let limits = Limits {
        max_passes: 1,
        ..Limits::default()
    };
    let opener = Opener::new().limits(limits);
    assert!(opener.inspect(&forge().message()).is_ok());
    refused_by(
        &opener,
        &with_session_key(PASSES, &[2]),
        Refusal::Argon2Passes,
    );
}

#[test]
fn more_session_keys_than_one() {
    let forge = forge();
    let one = forge.session_key_packet();
    let data = packet(18, &forge.data());
    for count in [2, 10_000] {
        refused(
            &[one.repeat(count), data.clone()].concat(),
            Refusal::SecondSessionKey,
        );
    }
    // Whatever comes before counts, too.
    refused(
        &[packet(3, &[4; 13]), one.clone(), data.clone()].concat(),
        Refusal::SessionKeyVersion,
    );
    refused(
        &[one.clone(), packet(3, &[4; 13]), data.clone()].concat(),
        Refusal::SecondSessionKey,
    );
    refused(
        &[packet(1, &[6; 99]), one.clone(), data.clone()].concat(),
        Refusal::PublicKey,
    );
    refused(
        &[one.clone(), packet(1, &[6; 99]), data.clone()].concat(),
        Refusal::PublicKey,
    );
    refused(&data, Refusal::UnexpectedPacket);
    refused(&one, Refusal::Truncated);
}

#[test]
fn lengths_of_the_session_key() {
    for length in [0_usize, 1, 5, 31, 33, 34, 36, 60, 191, 70_000] {
        let mut forge = forge();
        forge.session_key.resize(37, 0);
        forge.session_key.resize(37 + length + 16, 0);
        refused(&forge.message(), Refusal::SessionKeyLength);
    }
    for (at, octet) in [(1, 34), (1, 36), (1, 0), (4, 19), (4, 21)] {
        refused(&with_session_key(at, &[octet]), Refusal::SessionKeyLength);
    }
    // A length of 4 GiB costs nothing.
    let huge = [&[0xc3, 0xff, 0xff, 0xff, 0xff, 0xff, 6][..], &[0; 500]].concat();
    refused(&huge, Refusal::SessionKeyLength);
    refused(
        &[&[0xc3, 0xff, 0xff, 0xff, 0xff, 0xff, 4][..], &[0; 500]].concat(),
        Refusal::SessionKeyVersion,
    );
}

#[test]
fn algorithms_that_are_not_ours() {
    for version in [0, 3, 4, 5, 7, 255] {
        refused(&with_session_key(0, &[version]), Refusal::SessionKeyVersion);
    }
    for cipher in [0, 1, 2, 7, 8, 10, 11, 255] {
        refused(&with_session_key(2, &[cipher]), Refusal::Cipher);
        refused(&with_head(1, cipher), Refusal::Cipher);
    }
    for mode in [0, 1, 2, 4, 100, 255] {
        // OCB has a longer nonce: there the lengths are wrong.
        let why = match mode {
            2 if cfg!(feature = "ocb") => Refusal::SessionKeyLength,
            _ => Refusal::Mode,
        };
        refused(&with_session_key(3, &[mode]), why);
        refused(&with_head(2, mode), Refusal::Mode);
    }
    for s2k in [0, 1, 2, 3, 5, 101] {
        refused(&with_session_key(5, &[s2k]), Refusal::S2k);
    }
    for version in [0, 1, 3, 255] {
        refused(&with_head(0, version), Refusal::DataVersion);
    }
}

#[test]
fn every_chunk_size_octet() {
    for octet in 0..=255_u8 {
        let message = with_head(3, octet);
        match octet {
            10 => assert!(open_all(&Opener::new(), &message).is_ok()),
            // Possible, and not authentic.
            0..=16 => assert!(matches!(
                open_all(&Opener::new(), &message),
                Err(OpenError::PasswordOrDamage)
            )),
            17.. => refused(&message, Refusal::ChunkSize),
        }
    }
    let limits = Limits {
        max_chunk: 65_536,
        ..Limits::default()
    };
    let opener = Opener::new().limits(limits);
    refused_by(&opener, &with_head(3, 11), Refusal::ChunkSize);
    for octet in 0..=16 {
        let plan = Plan {
            chunk_octet: octet,
            ..Plan::default()
        };
        let content = content(5000);
        let opened = open_all(&Opener::new(), &plan.seal(&literal(&content)).message());
        assert!(opened.unwrap().0 == content);
    }
}

#[test]
fn forms_of_packets() {
    let forge = forge();
    let (one, data) = (forge.session_key_packet(), forge.data());
    let with_data = |packet: &[u8]| [&one[..], packet].concat();
    // Legacy: types 3 and 11 have a place there, 18 has none.
    refused(
        &[&[0x8c, 85], &forge.session_key[..], &packet(18, &data)].concat(),
        Refusal::LegacyFormat,
    );
    refused(
        &[&[0x8f], &forge.session_key[..], &packet(18, &data)].concat(),
        Refusal::IndeterminateLength,
    );
    refused(&with_data(&[0xaf, 0, 0]), Refusal::IndeterminateLength);
    refused(&with_data(&packet(9, &data)), Refusal::DataVersion);
    refused(&with_data(&packet(20, &data)), Refusal::DataVersion);
    for kind in [2, 4, 8, 10, 11, 13, 21, 60] {
        refused(&with_data(&packet(kind, &data)), Refusal::UnexpectedPacket);
        refused(
            &[packet(kind, &data), forge.message()].concat(),
            Refusal::UnexpectedPacket,
        );
    }
    refused(
        &[&[0xc3, 0xe9][..], &[0; 512]].concat(),
        Refusal::PartialLength,
    );
    for empty in [&b""[..], b"\xc3", b"\xc3\xff\x00", &one] {
        refused(empty, Refusal::Truncated);
    }
    for other in [&b"hello"[..], b"\n\n", b"%PDF-1.7", &[0; 100]] {
        refused(other, Refusal::NotOpenPgp);
    }
    // Shorter than a head, a chunk of one octet and two tags can be.
    for length in 0..36 + 33 {
        refused(
            &with_data(&packet(18, &[&data[..36], &[0; 40]].concat()[..length])),
            match length {
                0 => Refusal::Truncated,
                _ if length < 36 => Refusal::Truncated,
                _ => Refusal::Truncated,
            },
        );
    }
}

#[test]
fn partial_lengths() {
    let forge = Forge::four_chunks();
    for parts in [&[9][..], &[9, 0], &[9, 0, 0, 0, 1, 1, 2, 7], &[9, 5, 5, 5]] {
        let message = forge.message_in_parts(parts);
        assert_eq!(open_all(&Opener::new(), &message).unwrap().0, content(900));
        assert!(Opener::new().inspect(&message).is_ok());
    }
    // Hundreds of parts of one octet, and nothing in the last one.
    let exponents = [&[9][..], &[0; 487]].concat();
    let all = forge.message_in_parts(&exponents);
    assert_eq!(open_all(&Opener::new(), &all).unwrap().0, content(900));
    for short in 0..9 {
        refused(&forge.message_in_parts(&[short]), Refusal::ShortFirstPart);
    }
    // A part of a GiB that is not there; more than any message may have.
    let huge = [
        &forge.session_key_packet()[..],
        &[0xd2, 0xfe],
        &forge.data(),
    ]
    .concat();
    refused(&huge, Refusal::MessageTooLong);
    let absent = [
        &forge.session_key_packet()[..],
        &[0xd2, 0xfa],
        &forge.data(),
    ]
    .concat();
    refused_at_the_end(&absent, Refusal::Truncated);
    let message = forge.message_in_parts(&[9, 5]);
    refused_at_the_end(&[&message[..], &[0]].concat(), Refusal::TrailingData);
}

#[test]
fn what_follows_the_message() {
    let message = forge().message();
    for garbage in [&b"\n"[..], b"\0", &message, &[0xff; 10_000]] {
        refused_at_the_end(&[&message[..], garbage].concat(), Refusal::TrailingData);
    }
}

#[test]
fn totals_have_limits() {
    let message = Forge::four_chunks().message();
    let with = |max_message: usize, max_plaintext| {
        let limits = Limits {
            max_message: max_message as u64,
            max_plaintext,
            ..Limits::default()
        };
        Opener::new().limits(limits)
    };
    assert!(open_all(&with(message.len(), 900), &message).is_ok());
    let opener = with(message.len() - 1, 900);
    let error = open_all(&opener, &message).unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::MessageTooLong));
    let error = open_all(&with(message.len(), 899), &message).unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::PlaintextTooLong));
    // Announced as longer than is allowed: nobody waits for it.
    let announced = [
        &forge().session_key_packet()[..],
        &[0xd2, 0xff, 0x7f, 0, 0, 0],
        &[2, 9, 3, 10],
        &[0; 40],
    ];
    refused(&announced.concat(), Refusal::MessageTooLong);
}

/// Without end.
struct Endless(Vec<u8>, &'static [u8], usize);

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let next = |at: usize| match self.0.get(at) {
            Some(octet) => *octet,
            None => self.1[(at - self.0.len()) % self.1.len()],
        };
        out.iter_mut()
            .zip(self.2..)
            .for_each(|(to, at)| *to = next(at));
        self.2 += out.len();
        Ok(out.len())
    }
}

#[test]
fn floods_end() {
    let head = b"-----BEGIN PGP MESSAGE-----\n".to_vec();
    let body = [&head[..], b"\n"].concat();
    let floods: [(Vec<u8>, &'static [u8], Refusal); 7] = [
        (head.clone(), b"Comment: no\n", Refusal::ArmorHeaders),
        (head, b"C", Refusal::ArmorLine),
        (body.clone(), b"A", Refusal::ArmorLine),
        (body, b"\n", Refusal::MessageTooLong),
        (vec![], b"\n", Refusal::MessageTooLong),
        (vec![], b"A", Refusal::ArmorLine),
        (vec![0xc3, 85], b"\x06", Refusal::SessionKeyLength),
    ];
    let limits = Limits {
        max_message: 1 << 20,
        ..Limits::default()
    };
    let opener = Opener::new().limits(limits);
    for (start, then, why) in floods {
        let endless = Endless(start, then, 0);
        let (error, calls) = calls::during(|| opener.open_stream_unverified(endless, &password()));
        let why = match why {
            // 6 is no cipher.
            Refusal::SessionKeyLength => Refusal::Cipher,
            other => other,
        };
        assert_eq!((error.unwrap_err().refusal(), calls), (Some(why), 0));
    }
}

/// Only who has the password can do these; they are found while decrypting, and nothing comes out.
#[test]
fn what_is_inside() {
    let inside = |plain: &[u8], why| {
        let message = Plan::default().seal(plain).message();
        let error = open_all(&Opener::new(), &message).unwrap_err();
        assert_eq!(error.refusal(), Some(why));
        assert!(
            Opener::new()
                .open_stream_unverified(Cursor::new(message), &password())
                .is_err()
        );
    };
    let hello = literal(b"hello");
    inside(&packet(8, &[0; 20]), Refusal::Compressed);
    inside(&Forge::four_chunks().message(), Refusal::Nested);
    inside(&packet(18, &[0; 20]), Refusal::Nested);
    inside(
        &[packet(4, &[0; 20]), hello.clone()].concat(),
        Refusal::UnexpectedPacket,
    );
    inside(
        &[hello.clone(), packet(2, &[0; 20])].concat(),
        Refusal::UnexpectedPacket,
    );
    inside(
        &[packet(21, &[0; 20]), hello.clone()].concat(),
        Refusal::UnexpectedPacket,
    );
    inside(
        &[hello.clone(), hello.clone()].concat(),
        Refusal::UnexpectedPacket,
    );
    inside(
        &[packet(10, b"PGP"), hello.clone()].concat(),
        Refusal::UnexpectedPacket,
    );
    inside(
        &[&[0xaf], &hello[2..]].concat(),
        Refusal::IndeterminateLength,
    );
    inside(&[&[0xac, 11], &hello[2..]].concat(), Refusal::LegacyFormat);
    inside(&hello[..hello.len() - 1], Refusal::Truncated);
    inside(&[&hello[..], b"x"].concat(), Refusal::NotOpenPgp);
    let padded = [hello, packet(21, &[0; 100_000])].concat();
    let opened = open_all(&Opener::new(), &Plan::default().seal(&padded).message());
    assert_eq!(opened.unwrap().0, b"hello");
}

#[test]
fn empty_plaintext_is_damage() {
    let error = open_all(&Opener::new(), &{
        let mut forge = Plan::default().seal(&literal(b"hello"));
        forge.chunks = vec![vec![0; 17]];
        forge.message()
    });
    assert!(matches!(error, Err(OpenError::PasswordOrDamage)));
    refused(&Plan::default().seal(&[]).message(), Refusal::Truncated);
}

#[cfg(feature = "ocb")]
#[test]
fn ocb_is_read() {
    let plan = Plan {
        mode: crate::Mode::Ocb,
        chunk_octet: 2,
        ..Plan::default()
    };
    let mut forge = plan.seal(&literal(&content(900)));
    assert_eq!(
        open_all(&Opener::new(), &forge.message()).unwrap().0,
        content(900)
    );
    let mut links = forge.message();
    assert_eq!(
        Opener::for_cheap_links()
            .open(links.clone(), &password())
            .unwrap_err()
            .refusal(),
        Some(Refusal::Mode)
    );
    links[100] ^= 1;
    assert!(open_all(&Opener::new(), &links).is_err());
    forge.chunks.swap(0, 1);
    assert!(open_all(&Opener::new(), &forge.message()).is_err());
}
