//! Any packets, encrypted by rPGP for a known session key: what opens here is read by rPGP and by Sequoia, and is the same.
//! (They read more: compressed and signed data, the legacy format, marker packets.)
#![no_main]

use std::io::Read;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pgp::composed::Message;
use pgp::crypto::aead::{AeadAlgorithm, ChunkSize};
use pgp::crypto::sym::SymmetricKeyAlgorithm::AES256;
use pgp::packet::{PacketTrait, SymEncryptedProtectedData, SymKeyEncryptedSessionKey};
use pgp::types::StringToKey;
use rand_0_8::{SeedableRng, rngs::StdRng};
use sequoia_openpgp as sequoia;
use sequoia_openpgp::packet::{PKESK, SKESK};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::parse::stream::{
    DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper,
};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::types::SymmetricAlgorithm;
use symmetric_seal::{Opener, Passphrase};

const PASSWORD: &str = "correct horse";
const KEY: [u8; 32] = [9; 32];

/// The session key packet, always the same.
static SESSION_KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let s2k = StringToKey::Argon2 {
        salt: [7; 16],
        t: 1,
        p: 1,
        m_enc: 3,
    };
    let packet = SymKeyEncryptedSessionKey::encrypt_v6(
        StdRng::seed_from_u64(1),
        &PASSWORD.into(),
        &KEY[..].into(),
        s2k,
        AES256,
        AeadAlgorithm::Gcm,
    );
    written(&packet.expect("a session key packet"))
});

fn written(packet: &impl PacketTrait) -> Vec<u8> {
    let mut out = Vec::new();
    packet
        .to_writer_with_header(&mut out)
        .expect("memory takes it");
    out
}

fn rpgp(message: &[u8]) -> Result<Vec<u8>, String> {
    let said = |why: &dyn std::fmt::Display| why.to_string();
    let opened = Message::from_bytes(message).map_err(|why| said(&why))?;
    let mut opened = opened
        .decrypt_with_password(&PASSWORD.into())
        .map_err(|why| said(&why))?;
    let mut content = Vec::new();
    opened.read_to_end(&mut content).map_err(|why| said(&why))?;
    Ok(content)
}

struct Helper;

impl VerificationHelper for Helper {
    fn get_certs(&mut self, _: &[sequoia::KeyHandle]) -> sequoia::Result<Vec<sequoia::Cert>> {
        Ok(vec![])
    }

    fn check(&mut self, _: MessageStructure<'_>) -> sequoia::Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for Helper {
    fn decrypt(
        &mut self,
        _: &[PKESK],
        session_keys: &[SKESK],
        _: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &sequoia::crypto::SessionKey) -> bool,
    ) -> sequoia::Result<Option<sequoia::Cert>> {
        for packet in session_keys {
            let (algorithm, key) = packet.decrypt(&PASSWORD.into())?;
            if decrypt(algorithm, &key) {
                return Ok(None);
            }
        }
        Err(sequoia::Error::InvalidPassword.into())
    }
}

fn sequoia_reads(message: &[u8]) -> Result<Vec<u8>, String> {
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

fuzz_target!(|plain: &[u8]| {
    if plain.is_empty() {
        return;
    }
    let data = SymEncryptedProtectedData::encrypt_seipdv2(
        StdRng::seed_from_u64(2),
        AES256,
        AeadAlgorithm::Gcm,
        ChunkSize::C64B,
        &KEY,
        plain,
    );
    let data = data.expect("encrypted data");
    let message = [&SESSION_KEY[..], &written(&data)].concat();
    let password = Passphrase::from_unprepared_octets(PASSWORD);
    match Opener::new().open(message.clone(), &password) {
        Ok(opened) => {
            assert_eq!(rpgp(&message).as_deref(), Ok(opened.content()));
            assert_eq!(sequoia_reads(&message).as_deref(), Ok(opened.content()));
        }
        // It is authentic, and so it is refused for what is in it, never as damaged.
        Err(error) => assert!(error.refusal().is_some()),
    }
});
