//! Messages of `symmetric-seal` opened by other implementations, and theirs opened by it: rPGP and Sequoia as libraries,
//! and as programs OpenPGP.js in Node (`openpgpjs/`), `sq`, `rsop` and `gpg` of Debian.
//!
//! Sizes are those at which chunks begin and end: the content of 0 and 1 octet, and plaintext (the literal packet with its
//! head) of one octet less than, as much as, and one more than 1, 2, 3, 16 and 1,024 chunks.
#![allow(clippy::unwrap_used)] // a test

mod openpgpjs;
mod programs;
mod rpgp;
#[cfg(feature = "_openpgp")]
mod sequoia;
mod sizes;

use std::io::{Cursor, Read, Write};

use symmetric_seal::{Commitment, Opener, Passphrase, Profile, Sealer};

#[cfg(not(feature = "_openpgp"))]
#[test]
fn sequoia_has_a_backend() {
    panic!(
        "Sequoia is not tested without cryptography; try\n  cargo test -p peers --features crypto-openssl"
    );
}

const PASSWORD: &str = "correct horse";

fn password() -> Passphrase {
    Passphrase::from_unprepared_octets(PASSWORD)
}

fn sealer() -> Sealer {
    Sealer::new().profile(Profile::WEAK_FOR_TESTS)
}

/// The way of a message out of ours.
#[derive(Clone, Copy, Debug)]
enum Way {
    Memory,
    Stream,
}

const WAYS: [Way; 2] = [Way::Memory, Way::Stream];

fn seal(way: Way, content: &[u8]) -> Vec<u8> {
    match way {
        Way::Memory => sealer().seal(content, &password()).unwrap().into_message(),
        Way::Stream => {
            let mut writer = sealer().start(Vec::new(), &password()).unwrap();
            writer.write_all(content).unwrap();
            writer.finish().unwrap().0
        }
    }
}

/// Opens a message in all ways; it is of a tool that does not bind.
#[track_caller]
fn opens_here(message: &[u8], content: &[u8]) {
    let mut limits = symmetric_seal::Limits::default();
    limits.max_plaintext = 80 << 20;
    let opener = Opener::new().limits(limits);
    let opened = opener.open(message.to_vec(), &password()).unwrap();
    assert!(opened.content() == content);
    assert_eq!(opened.commitment(), Commitment::Unbound);
    let mut read = Vec::new();
    let mut reader = opener
        .open_seekable(Cursor::new(message), &password())
        .unwrap();
    reader.read_to_end(&mut read).unwrap();
    assert!(read == content);
    read.clear();
    let mut reader = opener.open_stream_unverified(message, &password()).unwrap();
    reader.read_to_end(&mut read).unwrap();
    assert!(read == content);
}
