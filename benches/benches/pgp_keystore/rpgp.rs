//! rPGP, with its keys parsed. It has no policy: it checks no dates, no revocations, and of the bindings only that they are
//! signed, in the row that says so.

use std::hint::black_box;
use std::rc::Rc;

use pgp::composed::{
    Deserializable, DetachedSignature, Message, MessageBuilder, SignedPublicKey, SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm::AES256;
use pgp::ser::Serialize;
use rand_0_8::thread_rng;

use crate::Row;
use crate::inputs::{CERTIFICATES, Inputs};
use crate::ours::InTurn;

const NAME: &str = "rPGP, no policy";

pub(crate) fn import(inputs: &Rc<Inputs>) -> Vec<Row> {
    let (one, other) = (inputs.clone(), inputs.clone());
    let parse = |inputs: &Inputs| {
        let keyring = black_box(inputs.keyring.clone());
        let all = SignedPublicKey::from_bytes_many(std::io::Cursor::new(keyring));
        let all = all.unwrap().map(Result::unwrap).collect::<Vec<_>>();
        assert_eq!(all.len(), CERTIFICATES);
        all
    };
    vec![
        Row::of("rPGP, parsed", CERTIFICATES, move || {
            black_box(parse(&one));
        }),
        Row::of("rPGP, bindings verified", CERTIFICATES, move || {
            for certificate in parse(&other) {
                certificate.verify_bindings().unwrap();
            }
        }),
    ]
}

fn certificate(octets: &[u8]) -> SignedPublicKey {
    SignedPublicKey::from_bytes(octets).unwrap()
}

pub(crate) fn row(what: &str, inputs: &Rc<Inputs>) -> Row {
    let (own, none) = (inputs.clone(), pgp::types::Password::empty());
    let secret = SignedSecretKey::from_bytes(&inputs.keys[0][..]).unwrap();
    // The signing subkey comes first, the encryption subkey second.
    if what.starts_with("sign") {
        return Row::new(NAME, move || {
            let signature = DetachedSignature::sign_binary_data(
                thread_rng(),
                &secret.secret_subkeys[0].key,
                &none,
                HashAlgorithm::Sha512,
                black_box(&own.content[..]),
            );
            black_box(signature.unwrap().to_bytes().unwrap());
        });
    }
    if what.starts_with("verify") {
        let certificate = certificate(&inputs.certificates[0]);
        let mut next = crate::sequoia::signed(inputs).into_iter().cycle_rc();
        return Row::new(NAME, move || {
            let (content, signature) = &*next();
            let signature = DetachedSignature::from_bytes(&signature[..]).unwrap();
            let key = &certificate.public_subkeys[0];
            signature.verify(key, black_box(content)).unwrap();
        });
    }
    if what.starts_with("encrypt") {
        let some = inputs.certificates[..10].iter();
        let to: Vec<_> = some.map(|octets| certificate(octets)).collect();
        return Row::new(NAME, move || {
            let content = black_box(own.content.clone());
            let builder = MessageBuilder::from_bytes("", content);
            let mut builder = builder.seipd_v1(thread_rng(), AES256);
            for certificate in &to {
                let key = &certificate.public_subkeys[1];
                builder.encrypt_to_key(thread_rng(), key).unwrap();
            }
            black_box(builder.to_vec(thread_rng()).unwrap());
        });
    }
    let message = crate::sequoia::message(inputs);
    Row::new(NAME, move || {
        let opened = Message::from_bytes(black_box(&message[..])).unwrap();
        let mut opened = opened.decrypt(&none, &secret).unwrap();
        assert_eq!(opened.as_data_vec().unwrap().len(), own.content.len());
    })
}
