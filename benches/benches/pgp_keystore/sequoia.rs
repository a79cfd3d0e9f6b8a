//! Plain Sequoia, as its examples have it: with all that is chosen at hand, with parsed certificates at hand, and parsing
//! each time.

use std::collections::HashMap;
use std::hint::black_box;
use std::io::{Read, Write};
use std::rc::Rc;
use std::time::SystemTime;

use sequoia_openpgp as openpgp;

use openpgp::cert::CertParser;
use openpgp::cert::raw::RawCertParser;
use openpgp::crypto::{KeyPair, SessionKey};
use openpgp::packet::key::{PublicParts, UnspecifiedRole};
use openpgp::packet::{Key, PKESK, SKESK};
use openpgp::parse::Parse;
use openpgp::parse::stream::{
    DecryptionHelper, DecryptorBuilder, DetachedVerifierBuilder, MessageLayer, MessageStructure,
    VerificationHelper,
};
use openpgp::policy::StandardPolicy;
use openpgp::serialize::stream::{Encryptor, LiteralWriter, Message, Recipient, Signer};
use openpgp::types::{Features, HashAlgorithm, SymmetricAlgorithm};
use openpgp::{Cert, Fingerprint, KeyHandle, KeyID};

use crate::Row;
use crate::inputs::{CERTIFICATES, Inputs, KEYS};
use crate::ours::InTurn;

/// What the rows of the crate are held against.
const CHOSEN: &str = "sequoia, key chosen";
const PARSED: &str = "sequoia, parsed";
const PARSING: &str = "sequoia, parsing each time";

#[derive(Default)]
struct Index {
    by_fingerprint: HashMap<Fingerprint, usize>,
    by_key_id: HashMap<KeyID, usize>,
    by_address: HashMap<String, usize>,
}

impl Index {
    fn add(&mut self, at: usize, cert: &Cert) {
        for key in cert.keys() {
            self.by_fingerprint.insert(key.key().fingerprint(), at);
            self.by_key_id.insert(key.key().keyid(), at);
        }
        for user_id in cert.userids() {
            if let Ok(Some(address)) = user_id.userid().email_normalized() {
                self.by_address.insert(address, at);
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.by_address.len(), CERTIFICATES);
        assert_eq!(self.by_fingerprint.len(), 3 * CERTIFICATES);
        assert_eq!(self.by_key_id.len(), 3 * CERTIFICATES);
    }
}

fn parser(inputs: &Inputs) -> CertParser<'_> {
    CertParser::from_bytes(black_box(&inputs.keyring)).unwrap()
}

pub(crate) fn import(inputs: &Rc<Inputs>) -> Vec<Row> {
    let (one, two, three) = (inputs.clone(), inputs.clone(), inputs.clone());
    vec![
        Row::of("sequoia, split, not parsed", CERTIFICATES, move || {
            let raw = RawCertParser::from_bytes(black_box(&one.keyring)).unwrap();
            let all = raw.map(|raw| (raw.as_ref().unwrap().fingerprint(), raw));
            assert_eq!(all.collect::<HashMap<_, _>>().len(), CERTIFICATES);
        }),
        Row::of("sequoia, index", CERTIFICATES, move || {
            let (mut index, mut all) = (Index::default(), Vec::new());
            for (at, cert) in parser(&two).enumerate() {
                let cert = cert.unwrap();
                index.add(at, &cert);
                all.push(cert);
            }
            index.check();
            black_box(all);
        }),
        Row::of("sequoia, index, judged", CERTIFICATES, move || {
            let (mut index, mut all) = (Index::default(), Vec::new());
            for (at, cert) in parser(&three).enumerate() {
                let cert = cert.unwrap();
                index.add(at, &cert);
                black_box(encryption_key(&cert, three.now));
                all.push(cert);
            }
            index.check();
            black_box(all);
        }),
    ]
}

fn parsed(octets: &[u8]) -> Cert {
    Cert::from_bytes(octets).unwrap()
}

fn signing_key(cert: &Cert, now: SystemTime) -> KeyPair {
    let policy = StandardPolicy::at(now);
    let keys = cert.keys().unencrypted_secret().with_policy(&policy, now);
    let mut keys = keys.supported().alive().revoked(false).for_signing();
    let key = keys.next().unwrap().key().clone();
    key.into_keypair().unwrap()
}

fn encryption_key(cert: &Cert, now: SystemTime) -> Key<PublicParts, UnspecifiedRole> {
    let policy = StandardPolicy::at(now);
    let keys = cert.keys().with_policy(&policy, now);
    let mut keys = keys
        .supported()
        .alive()
        .revoked(false)
        .for_transport_encryption();
    keys.next().unwrap().key().clone()
}

fn signature(pair: KeyPair, content: &[u8], now: SystemTime) -> Vec<u8> {
    let mut out = Vec::new();
    let signer = Signer::new(Message::new(&mut out), pair).unwrap();
    let signer = signer.hash_algo(HashAlgorithm::SHA512).unwrap();
    let mut signer = signer.creation_time(now).detached().build().unwrap();
    signer.write_all(black_box(content)).unwrap();
    signer.finalize().unwrap();
    out
}

pub(crate) fn first(inputs: &Rc<Inputs>) -> Vec<Row> {
    let (one, other) = (inputs.clone(), inputs.clone());
    vec![
        Row::of("sequoia, first signature of a key", KEYS, move || {
            for octets in &one.keys {
                let pair = signing_key(&parsed(octets), one.now);
                black_box(signature(pair, &one.content, one.now));
            }
        }),
        Row::of("sequoia, first encryption to a key", KEYS, move || {
            for octets in &other.certificates {
                let key = encryption_key(&parsed(octets), other.now);
                black_box(encrypted(&[key], &other));
            }
        }),
    ]
}

pub(crate) fn sign(inputs: &Rc<Inputs>) -> Vec<Row> {
    let cert = parsed(&inputs.keys[0]);
    let pair = signing_key(&cert, inputs.now);
    let (one, two, three) = (inputs.clone(), inputs.clone(), inputs.clone());
    vec![
        Row::new(CHOSEN, move || {
            black_box(signature(pair.clone(), &one.content, one.now));
        }),
        Row::new(PARSED, move || {
            let pair = signing_key(&cert, two.now);
            black_box(signature(pair, &two.content, two.now));
        }),
        Row::new(PARSING, move || {
            let pair = signing_key(&parsed(black_box(&three.keys[0])), three.now);
            black_box(signature(pair, &three.content, three.now));
        }),
    ]
}

/// Contents and their signatures, enough that nobody sees one twice in a run of the bench.
pub(crate) fn signed(inputs: &Inputs) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pair = signing_key(&parsed(&inputs.keys[0]), inputs.now);
    let contents = inputs.contents(2 * (crate::ROUNDS + 10)).into_iter();
    let signed = contents.map(|content| {
        let signature = signature(pair.clone(), &content, inputs.now);
        (content, signature)
    });
    signed.collect()
}

struct Verifier<'a>(&'a Cert);

impl VerificationHelper for Verifier<'_> {
    fn get_certs(&mut self, _: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        Ok(vec![self.0.clone()])
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        let good = structure.iter().any(|layer| match layer {
            MessageLayer::SignatureGroup { results } => results.iter().any(Result::is_ok),
            _ => false,
        });
        assert!(good);
        Ok(())
    }
}

fn verified(cert: &Cert, content: &[u8], signature: &[u8], now: SystemTime) {
    let policy = StandardPolicy::at(now);
    let verifier = DetachedVerifierBuilder::from_bytes(signature).unwrap();
    let verifier = verifier.with_policy(&policy, now, Verifier(cert));
    verifier.unwrap().verify_bytes(content).unwrap();
}

pub(crate) fn verify(inputs: &Rc<Inputs>) -> Vec<Row> {
    let cert = parsed(&inputs.certificates[0]);
    let (now, own) = (inputs.now, inputs.clone());
    // Other contents than those of the other row, as the process remembers them; and ours is not the first.
    let mut signed = signed(inputs);
    let half = signed.split_off(signed.len() / 2);
    let mut one = half.into_iter().cycle_rc();
    let mut other = signed.into_iter().cycle_rc();
    vec![
        Row::new(PARSED, move || {
            let (content, signature) = &*one();
            verified(&cert, content, signature, now);
        }),
        Row::new(PARSING, move || {
            let (content, signature) = &*other();
            let cert = parsed(black_box(&own.certificates[0]));
            verified(&cert, content, signature, now);
        }),
    ]
}

fn encrypted(keys: &[Key<PublicParts, UnspecifiedRole>], inputs: &Inputs) -> Vec<u8> {
    let mut out = Vec::new();
    let recipients = keys.iter().map(|key| {
        let features = Features::empty().set_seipdv1();
        Recipient::new(features, KeyHandle::from(key.keyid()), key)
    });
    let message = Encryptor::for_recipients(Message::new(&mut out), recipients);
    let message = message.symmetric_algo(SymmetricAlgorithm::AES256);
    let mut literal = LiteralWriter::new(message.build().unwrap())
        .build()
        .unwrap();
    literal.write_all(black_box(&inputs.content)).unwrap();
    literal.finalize().unwrap();
    out
}

pub(crate) fn encrypt(inputs: &Rc<Inputs>) -> Vec<Row> {
    let certs: Vec<Cert> = inputs.certificates[..10]
        .iter()
        .map(|c| parsed(c))
        .collect();
    let (now, one, two, three) = (inputs.now, inputs.clone(), inputs.clone(), inputs.clone());
    let keys = |certs: &[Cert], now| {
        certs
            .iter()
            .map(|cert| encryption_key(cert, now))
            .collect::<Vec<_>>()
    };
    let chosen = keys(&certs, now);
    vec![
        Row::new(CHOSEN, move || {
            black_box(encrypted(&chosen, &one));
        }),
        Row::new(PARSED, move || {
            black_box(encrypted(&keys(&certs, now), &two));
        }),
        Row::new(PARSING, move || {
            let certs: Vec<Cert> = black_box(&three.certificates)[..10]
                .iter()
                .map(|c| parsed(c))
                .collect();
            black_box(encrypted(&keys(&certs, now), &three));
        }),
    ]
}

/// To the first key, by Sequoia, for everybody to open.
pub(crate) fn message(inputs: &Inputs) -> Vec<u8> {
    let key = encryption_key(&parsed(&inputs.certificates[0]), inputs.now);
    encrypted(&[key], inputs)
}

struct Opener(HashMap<KeyID, KeyPair>);

impl Opener {
    fn new(cert: &Cert, now: SystemTime) -> Self {
        let policy = StandardPolicy::at(now);
        let keys = cert.keys().unencrypted_secret().with_policy(&policy, now);
        let keys = keys.supported().for_transport_encryption();
        let pairs = keys.map(|key| {
            let pair = key.key().clone().into_keypair().unwrap();
            (key.key().keyid(), pair)
        });
        Self(pairs.collect())
    }
}

impl VerificationHelper for &Opener {
    fn get_certs(&mut self, _: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        Ok(Vec::new())
    }

    fn check(&mut self, _: MessageStructure<'_>) -> openpgp::Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for &Opener {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        _: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> openpgp::Result<Option<Cert>> {
        for pkesk in pkesks {
            let Some(pair) = self.0.get(&KeyID::from(pkesk.recipient())) else {
                continue;
            };
            let mut pair = pair.clone();
            let key = pkesk.decrypt(&mut pair, algorithm);
            if key.is_some_and(|(algorithm, key)| decrypt(algorithm, &key)) {
                break;
            }
        }
        Ok(None)
    }
}

fn opened(message: &[u8], opener: &Opener, inputs: &Inputs) {
    let policy = StandardPolicy::at(inputs.now);
    let decryptor = DecryptorBuilder::from_bytes(black_box(message)).unwrap();
    let mut decryptor = decryptor.with_policy(&policy, inputs.now, opener).unwrap();
    let mut content = Vec::new();
    decryptor.read_to_end(&mut content).unwrap();
    assert_eq!(content.len(), inputs.content.len());
}

pub(crate) fn decrypt(inputs: &Rc<Inputs>) -> Vec<Row> {
    let message = Rc::new(message(inputs));
    let cert = parsed(&inputs.keys[0]);
    let chosen = Opener::new(&cert, inputs.now);
    let (one, two, three) = (inputs.clone(), inputs.clone(), inputs.clone());
    let (first, second) = (message.clone(), message.clone());
    vec![
        Row::new(CHOSEN, move || opened(&first, &chosen, &one)),
        Row::new(PARSED, move || {
            opened(&second, &Opener::new(&cert, two.now), &two);
        }),
        Row::new(PARSING, move || {
            let cert = parsed(black_box(&three.keys[0]));
            opened(&message, &Opener::new(&cert, three.now), &three);
        }),
    ]
}
