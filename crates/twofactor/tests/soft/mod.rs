//! Browsers and authenticators made of software: webauthn-authenticator-rs's, and one that signs whatever it is told to.
#![allow(dead_code, missing_docs, unreachable_pub)] // each test uses some of it

#[cfg(feature = "store")]
pub mod service;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256,
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use webauthn_authenticator_rs::prelude::{Url, WebauthnAuthenticator as _};
use webauthn_authenticator_rs::softpasskey::SoftPasskey;

pub const ORIGIN: &str = "https://mail.example.org";
pub const PARTY: &str = "example.org";

/// A page and the authenticator behind it, as webauthn-authenticator-rs plays them.
pub struct Browser(SoftPasskey);

impl Default for Browser {
    fn default() -> Self {
        Self(SoftPasskey::new(true))
    }
}

impl Browser {
    pub fn create(&mut self, origin: &str, options: &str) -> String {
        let options = serde_json::from_str(options).unwrap();
        let made = self.0.do_registration(Url::parse(origin).unwrap(), options);
        serde_json::to_string(&made.unwrap()).unwrap()
    }

    pub fn get(&mut self, origin: &str, options: &str) -> String {
        let options = serde_json::from_str(options).unwrap();
        let got = self
            .0
            .do_authentication(Url::parse(origin).unwrap(), options);
        serde_json::to_string(&got.unwrap()).unwrap()
    }
}

/// The user was present.
pub const UP: u8 = 1;
/// The user was verified.
pub const UV: u8 = 4;
/// It can be backed up.
pub const BE: u8 = 8;
/// It is backed up.
pub const BS: u8 = 16;
const ATTESTED: u8 = 64;

pub enum Key {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(Box<rsa::KeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// An authenticator that signs what it is told to.
pub struct Device {
    key: Key,
    pub id: Vec<u8>,
    pub flags: u8,
    pub counter: u32,
    pub user: Option<Vec<u8>>,
    /// What browser and page claim.
    pub origin: String,
    pub party: String,
    pub cross_origin: Option<bool>,
    pub ceremony: Option<&'static str>,
}

impl Device {
    pub fn p256(id: &[u8]) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self::new(Key::P256(key), id)
    }

    /// The one whose [`pkcs8`](Self::pkcs8) that was.
    pub fn p256_again(id: &[u8], pkcs8: &[u8]) -> Self {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).unwrap();
        Self::new(Key::P256(key), id)
    }

    /// The private key, for another process.
    pub fn pkcs8(&self) -> Vec<u8> {
        match &self.key {
            Key::P256(key) => key.to_pkcs8v1().unwrap().as_ref().to_vec(),
            _ => panic!("only where a test needs it"),
        }
    }

    pub fn p384(id: &[u8]) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
        Self::new(Key::P384(key), id)
    }

    pub fn rsa(id: &[u8]) -> Self {
        let key = rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        Self::new(Key::Rsa(Box::new(key)), id)
    }

    pub fn ed25519(id: &[u8]) -> Self {
        Self::new(Key::Ed25519(Ed25519KeyPair::generate().unwrap()), id)
    }

    fn new(key: Key, id: &[u8]) -> Self {
        Self {
            key,
            id: id.to_vec(),
            flags: UP,
            counter: 0,
            user: None,
            origin: ORIGIN.to_owned(),
            party: PARTY.to_owned(),
            cross_origin: None,
            ceremony: None,
        }
    }

    pub fn create(&self, options: &str) -> String {
        let client = self.client("webauthn.create", options);
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let mut data = self.data(self.flags | ATTESTED);
        data.extend([[0; 16].as_slice(), &length, &self.id, &self.public()].concat());
        let attestation = cbor_map(&[
            (cbor_text("fmt"), cbor_text("none")),
            (cbor_text("attStmt"), cbor_map(&[])),
            (cbor_text("authData"), cbor_octets(&data)),
        ]);
        self.answer(json!({
            "attestationObject": BASE64URL_NOPAD.encode(&attestation),
            "clientDataJSON": BASE64URL_NOPAD.encode(client.as_bytes()),
            "transports": ["internal", "smart-card"],
        }))
    }

    pub fn get(&self, options: &str) -> String {
        let client = self.client("webauthn.get", options);
        let data = self.data(self.flags);
        let hash = digest(&SHA256, client.as_bytes());
        let signature = self.sign(&[&data, hash.as_ref()].concat());
        self.answer(json!({
            "authenticatorData": BASE64URL_NOPAD.encode(&data),
            "clientDataJSON": BASE64URL_NOPAD.encode(client.as_bytes()),
            "signature": BASE64URL_NOPAD.encode(&signature),
            "userHandle": self.user.as_deref().map(|user| BASE64URL_NOPAD.encode(user)),
        }))
    }

    fn answer(&self, response: Value) -> String {
        let id = BASE64URL_NOPAD.encode(&self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        })
        .to_string()
    }

    fn client(&self, ceremony: &str, options: &str) -> String {
        let options: Value = serde_json::from_str(options).unwrap();
        let mut client = json!({
            "type": self.ceremony.unwrap_or(ceremony),
            "challenge": options["publicKey"]["challenge"],
            "origin": self.origin,
            "other_keys_can_be_added_here": "do not compare clientDataJSON against a template",
        });
        if let Some(cross_origin) = self.cross_origin {
            client["crossOrigin"] = cross_origin.into();
        }
        client.to_string()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let party = digest(&SHA256, self.party.as_bytes());
        [party.as_ref(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn public(&self) -> Vec<u8> {
        let ec = |algorithm, curve, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            cbor_map(&[
                (cbor_int(1), cbor_int(2)),
                (cbor_int(3), cbor_int(algorithm)),
                (cbor_int(-1), cbor_int(curve)),
                (cbor_int(-2), cbor_octets(x)),
                (cbor_int(-3), cbor_octets(y)),
            ])
        };
        match &self.key {
            Key::P256(key) => ec(-7, 1, key.public_key().as_ref()),
            Key::P384(key) => ec(-35, 2, key.public_key().as_ref()),
            Key::Rsa(key) => {
                // RSAPublicKey of PKCS #1 with 2048 bits: the modulus from its 10th octet, the exponent at its end.
                let der = key.public_key().as_ref();
                let (n, e) = (&der[9..265], &der[der.len() - 3..]);
                cbor_map(&[
                    (cbor_int(1), cbor_int(3)),
                    (cbor_int(3), cbor_int(-257)),
                    (cbor_int(-1), cbor_octets(n)),
                    (cbor_int(-2), cbor_octets(e)),
                ])
            }
            Key::Ed25519(key) => cbor_map(&[
                (cbor_int(1), cbor_int(1)),
                (cbor_int(3), cbor_int(-8)),
                (cbor_int(-1), cbor_int(6)),
                (cbor_int(-2), cbor_octets(key.public_key().as_ref())),
            ]),
        }
    }

    fn sign(&self, data: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::P256(key) | Key::P384(key) => key.sign(&random, data).unwrap().as_ref().to_vec(),
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, data, &mut signature)
                    .unwrap();
                signature
            }
            Key::Ed25519(key) => key.sign(data).as_ref().to_vec(),
        }
    }
}

fn cbor_head(major: u8, number: u64) -> Vec<u8> {
    let major = major << 5;
    match number {
        0..24 => vec![major | u8::try_from(number).unwrap()],
        24..0x100 => vec![major | 24, u8::try_from(number).unwrap()],
        0x100..0x1_0000 => [
            &[major | 25][..],
            &u16::try_from(number).unwrap().to_be_bytes(),
        ]
        .concat(),
        _ => panic!("too much for an authenticator"),
    }
}

fn cbor_int(number: i64) -> Vec<u8> {
    match number < 0 {
        true => cbor_head(1, (-1 - number).unsigned_abs()),
        false => cbor_head(0, number.unsigned_abs()),
    }
}

fn cbor_octets(octets: &[u8]) -> Vec<u8> {
    [cbor_head(2, octets.len() as u64).as_slice(), octets].concat()
}

fn cbor_text(text: &str) -> Vec<u8> {
    [cbor_head(3, text.len() as u64).as_slice(), text.as_bytes()].concat()
}

fn cbor_map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut map = cbor_head(5, entries.len() as u64);
    for (key, value) in entries {
        map.extend([key.as_slice(), value].concat());
    }
    map
}
