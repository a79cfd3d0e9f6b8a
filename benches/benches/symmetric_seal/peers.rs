//! rPGP, Sequoia and age, each as its documentation has it, with chunks of 64 KiB where one can choose.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::iter;

use age::x25519::Identity;
use pgp::composed::{Message, MessageBuilder};
use pgp::crypto::aead::{AeadAlgorithm, ChunkSize};
use pgp::crypto::sym::SymmetricKeyAlgorithm::AES256;
use pgp::types::StringToKey;
use rand_0_8::thread_rng;
use sequoia_openpgp as sequoia;
use sequoia_openpgp::crypto::{S2K, SessionKey};
use sequoia_openpgp::packet::skesk::SKESK6;
use sequoia_openpgp::packet::{PKESK, SKESK};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::parse::stream::{
    DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper,
};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::Serialize;
use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter};
use sequoia_openpgp::types::{AEADAlgorithm, SymmetricAlgorithm};
use symmetric_seal::{Opener, Passphrase, Profile, Sealer};

use crate::ours::{drain, fill};
use crate::{PASSWORD, Row, content};

fn rpgp_seal(content: &[u8], sink: impl Write) {
    let s2k = StringToKey::new_argon2(thread_rng(), 1, 1, 6);
    let mut builder = MessageBuilder::from_reader("", black_box(content));
    builder.partial_chunk_size(1 << 16).unwrap();
    let mut builder = builder.seipd_v2(thread_rng(), AES256, AeadAlgorithm::Gcm, ChunkSize::C64KiB);
    builder
        .encrypt_with_password(thread_rng(), s2k, &PASSWORD.into())
        .unwrap();
    builder.to_writer(thread_rng(), sink).unwrap();
}

fn rpgp_open(message: &[u8]) -> impl Read {
    let opened = Message::from_bytes(black_box(message)).unwrap();
    opened.decrypt_with_password(&PASSWORD.into()).unwrap()
}

pub(crate) fn sequoia_backend() -> String {
    sequoia::crypto::backend()
}

fn sequoia_seal(content: &[u8], mut sink: impl Write + Send + Sync) {
    let (aes, gcm) = (SymmetricAlgorithm::AES256, AEADAlgorithm::GCM);
    let key = SessionKey::new(32).unwrap();
    let s2k = S2K::Argon2 {
        salt: [7; 16],
        t: 1,
        p: 1,
        m: 6,
    };
    let packet = SKESK6::with_password(aes, aes, gcm, s2k, &key, &PASSWORD.into()).unwrap();
    sequoia::Packet::SKESK(packet.into())
        .serialize(&mut sink)
        .unwrap();
    let message = sequoia::serialize::stream::Message::new(sink);
    let message = Encryptor::with_session_key(message, aes, key).unwrap();
    let message = message.aead_algo(gcm).build().unwrap();
    let mut writer = LiteralWriter::new(message).build().unwrap();
    writer.write_all(black_box(content)).unwrap();
    writer.finalize().unwrap();
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
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> sequoia::Result<Option<sequoia::Cert>> {
        let (algorithm, key) = session_keys[0].decrypt(&PASSWORD.into())?;
        assert!(decrypt(algorithm, &key));
        Ok(None)
    }
}

fn sequoia_open<'a>(message: &'a [u8], policy: &'a StandardPolicy<'_>) -> impl Read {
    let builder = DecryptorBuilder::from_bytes(black_box(message)).unwrap();
    builder.with_policy(policy, None, Helper).unwrap()
}

fn age_seal(key: &Identity, content: &[u8], sink: impl Write) {
    let recipient = key.to_public();
    let one = iter::once(&recipient as &dyn age::Recipient);
    let mut writer = age::Encryptor::with_recipients(one)
        .unwrap()
        .wrap_output(sink)
        .unwrap();
    writer.write_all(black_box(content)).unwrap();
    writer.finish().unwrap();
}

fn age_open(key: &Identity, message: &[u8]) -> impl Read {
    let one = iter::once(key as &dyn age::Identity);
    let opened = age::Decryptor::new(black_box(message))
        .unwrap()
        .decrypt(one);
    opened.unwrap()
}

pub(crate) fn seal_discarding() -> Vec<Row> {
    let (one, other, third, key) = (content(), content(), content(), Identity::generate());
    vec![
        Row::new("rPGP", move || rpgp_seal(&one, io::sink())),
        Row::new("Sequoia", move || sequoia_seal(&other, io::sink())),
        Row::new("age", move || age_seal(&key, &third, io::sink())),
    ]
}

pub(crate) fn seal_reused() -> Vec<Row> {
    let (one, other, third, key) = (content(), content(), content(), Identity::generate());
    let mut outs = [(); 3].map(|()| Vec::with_capacity(content().len() + (4 << 20)));
    let [mut first, mut second, mut last] = std::mem::take(&mut outs);
    vec![
        Row::new("rPGP", move || {
            first.clear();
            rpgp_seal(&one, &mut first);
        }),
        Row::new("Sequoia", move || {
            second.clear();
            sequoia_seal(&other, &mut second);
        }),
        Row::new("age", move || {
            last.clear();
            age_seal(&key, &third, &mut last);
        }),
    ]
}

/// What each opens is what it has sealed; of ours, which has the same chunks, rPGP's own.
fn messages(key: &Identity) -> [Vec<u8>; 3] {
    let content = content();
    let mut all = [vec![], vec![], vec![]];
    rpgp_seal(&content, &mut all[0]);
    sequoia_seal(&content, &mut all[1]);
    age_seal(key, &content, &mut all[2]);
    all
}

pub(crate) fn open_discarding() -> Vec<Row> {
    let key = Identity::generate();
    let [one, other, third] = messages(&key);
    // Sequoia's own chunks have 4 KiB; larger ones are better for it.
    let password = Passphrase::from_unprepared_octets(PASSWORD);
    let large = Sealer::new().profile(Profile::WEAK_FOR_TESTS);
    let large = large.seal(&content(), &password).unwrap().into_message();
    vec![
        Row::new("rPGP", move || drain(rpgp_open(&one), io::sink())),
        Row::new("Sequoia", move || {
            drain(sequoia_open(&other, &StandardPolicy::new()), io::sink());
        }),
        Row::new("Sequoia, a message of ours", move || {
            drain(sequoia_open(&large, &StandardPolicy::new()), io::sink());
        }),
        Row::new("age", move || drain(age_open(&key, &third), io::sink())),
    ]
}

pub(crate) fn open_reused() -> Vec<Row> {
    let key = Identity::generate();
    let [one, other, third] = messages(&key);
    let [mut a, mut b, mut c] = [(); 3].map(|()| content());
    vec![
        Row::new("rPGP", move || fill(rpgp_open(&one), &mut a)),
        Row::new("Sequoia", move || {
            fill(sequoia_open(&other, &StandardPolicy::new()), &mut b);
        }),
        Row::new("age", move || fill(age_open(&key, &third), &mut c)),
    ]
}

/// Browser's costs: three passes over 64 MiB in four lanes.
pub(crate) fn argon2() -> Vec<Row> {
    let password = Passphrase::from_unprepared_octets(PASSWORD);
    let message = Sealer::new().seal(b"", &password).unwrap();
    let parameters = *message.receipt().parameters();
    let theirs = StringToKey::new_argon2(thread_rng(), 3, 4, 16);
    vec![
        Row::new("symmetric-seal (argon2 0.6, lanes on threads)", move || {
            black_box(Opener::new().derive(&parameters, &password).unwrap());
        }),
        Row::new("rPGP (argon2 0.5)", move || {
            black_box(theirs.derive_key(PASSWORD.as_bytes(), 32).unwrap());
        }),
    ]
}
