//! Sequoia.

use std::io::{Read, Write};

use sequoia_openpgp::crypto::{Password, S2K, SessionKey};
use sequoia_openpgp::packet::skesk::SKESK6;
use sequoia_openpgp::packet::{PKESK, SKESK};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::parse::stream::{
    DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper,
};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::Serialize;
use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter, Message};
use sequoia_openpgp::types::{AEADAlgorithm, SymmetricAlgorithm};
use sequoia_openpgp::{Cert, KeyHandle, Packet, Result};

use crate::sizes::{FEW, MANY, around, content};
use crate::{PASSWORD, WAYS, Way, opens_here, seal, sealer};

struct Helper;

impl VerificationHelper for Helper {
    fn get_certs(&mut self, _: &[KeyHandle]) -> Result<Vec<Cert>> {
        Ok(vec![])
    }

    fn check(&mut self, _: MessageStructure<'_>) -> Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for Helper {
    fn decrypt(
        &mut self,
        _: &[PKESK],
        session_keys: &[SKESK],
        _: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> Result<Option<Cert>> {
        let password: Password = PASSWORD.into();
        for packet in session_keys {
            let (algorithm, key) = packet.decrypt(&password)?;
            if decrypt(algorithm, &key) {
                return Ok(None);
            }
        }
        Err(sequoia_openpgp::Error::InvalidPassword.into())
    }
}

/// What Sequoia reads, or that it does not.
pub(crate) fn opens(message: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let policy = StandardPolicy::new();
    let opened = DecryptorBuilder::from_bytes(message)
        .and_then(|builder| builder.with_policy(&policy, None, Helper));
    let mut opened = opened.map_err(|why| why.to_string())?;
    let mut content = Vec::new();
    opened
        .read_to_end(&mut content)
        .map_err(|why| why.to_string())?;
    Ok(content)
}

/// Its `Encryptor` knows no Argon2, so the session key packet is made by hand. Chunks have 4 KiB.
pub(crate) fn seals(mode: AEADAlgorithm, content: &[u8]) -> Vec<u8> {
    let aes = SymmetricAlgorithm::AES256;
    let key = SessionKey::new(32).unwrap();
    let mut salt = [0; 16];
    sequoia_openpgp::crypto::random(&mut salt).unwrap();
    let s2k = S2K::Argon2 {
        salt,
        t: 1,
        p: 1,
        m: 6,
    };
    let packet = SKESK6::with_password(aes, aes, mode, s2k, &key, &PASSWORD.into()).unwrap();
    let mut out = Vec::new();
    Packet::SKESK(packet.into()).serialize(&mut out).unwrap();
    let message = Message::new(&mut out);
    let message = Encryptor::with_session_key(message, aes, key).unwrap();
    let message = message.aead_algo(mode).build().unwrap();
    let mut writer = LiteralWriter::new(message).build().unwrap();
    writer.write_all(content).unwrap();
    writer.finalize().unwrap();
    out
}

#[track_caller]
fn opens_there(message: &[u8], content: &[u8]) {
    assert!(opens(message).unwrap() == content);
}

#[test]
fn ours_is_opened_by_sequoia() {
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
fn theirs_of_sequoia_is_opened_here() {
    // Not every backend has OCB.
    let modes = [AEADAlgorithm::GCM, AEADAlgorithm::OCB].into_iter();
    for mode in modes.filter(AEADAlgorithm::is_supported) {
        for octets in [0, 1] {
            opens_here(&seals(mode, &content(octets)), &content(octets));
        }
        for chunks in FEW {
            around(chunks, 4096, |content| seals(mode, content), opens_here);
        }
    }
}

#[test]
fn many_chunks_go_both_ways_with_sequoia() {
    for chunks in MANY {
        around(
            chunks,
            1 << 16,
            |content| seal(Way::Stream, content),
            opens_there,
        );
        let theirs = |content: &[u8]| seals(AEADAlgorithm::GCM, content);
        around(chunks, 4096, theirs, opens_here);
    }
}
