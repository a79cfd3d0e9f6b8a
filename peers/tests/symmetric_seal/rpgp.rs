//! rPGP.

use std::io::Read;

use pgp::composed::{Message, MessageBuilder};
use pgp::crypto::aead::{AeadAlgorithm, ChunkSize};
use pgp::crypto::sym::SymmetricKeyAlgorithm::AES256;
use pgp::types::StringToKey;
use rand_0_8::thread_rng;

use crate::sizes::{FEW, MANY, around, content};
use crate::{PASSWORD, WAYS, Way, opens_here, seal, sealer};

pub(crate) fn seals(mode: AeadAlgorithm, chunk: ChunkSize, content: &[u8]) -> Vec<u8> {
    let s2k = StringToKey::new_argon2(thread_rng(), 1, 1, 6);
    let mut builder = MessageBuilder::from_bytes("", content.to_vec()).seipd_v2(
        thread_rng(),
        AES256,
        mode,
        chunk,
    );
    let password = PASSWORD.into();
    builder
        .encrypt_with_password(thread_rng(), s2k, &password)
        .unwrap();
    builder.to_vec(thread_rng()).unwrap()
}

/// What rPGP reads, or that it does not.
pub(crate) fn opens(message: &[u8]) -> Result<Vec<u8>, String> {
    let message = match message.starts_with(b"-") {
        true => Message::from_armor(message).map(|(message, _)| message),
        false => Message::from_bytes(message),
    };
    let message = message.map_err(|why| why.to_string())?;
    let opened = message.decrypt_with_password(&PASSWORD.into());
    let mut opened = opened.map_err(|why| why.to_string())?;
    let mut content = Vec::new();
    opened
        .read_to_end(&mut content)
        .map_err(|why| why.to_string())?;
    Ok(content)
}

#[track_caller]
fn opens_there(message: &[u8], content: &[u8]) {
    assert!(opens(message).unwrap() == content);
}

#[test]
fn ours_is_opened_by_rpgp() {
    for way in WAYS {
        for octets in [0, 1] {
            opens_there(&seal(way, &content(octets)), &content(octets));
        }
        for chunks in FEW {
            around(chunks, 1 << 16, |content| seal(way, content), opens_there);
        }
    }
    let armored = sealer()
        .armored()
        .seal(b"hello", &crate::password())
        .unwrap();
    opens_there(armored.message(), b"hello");
}

#[test]
fn theirs_of_rpgp_is_opened_here() {
    for mode in [AeadAlgorithm::Gcm, AeadAlgorithm::Ocb] {
        for octets in [0, 1] {
            opens_here(
                &seals(mode, ChunkSize::C64KiB, &content(octets)),
                &content(octets),
            );
        }
        for chunks in FEW {
            for (chunk, octets) in [(ChunkSize::C64KiB, 1 << 16), (ChunkSize::C256B, 256)] {
                around(
                    chunks,
                    octets,
                    |content| seals(mode, chunk, content),
                    opens_here,
                );
            }
        }
    }
}

#[test]
fn many_chunks_go_both_ways_with_rpgp() {
    for chunks in MANY {
        around(
            chunks,
            1 << 16,
            |content| seal(Way::Memory, content),
            opens_there,
        );
        let theirs = |content: &[u8]| seals(AeadAlgorithm::Gcm, ChunkSize::C64KiB, content);
        around(chunks, 1 << 16, theirs, opens_here);
    }
}
