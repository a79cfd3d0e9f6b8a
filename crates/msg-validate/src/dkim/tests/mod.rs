//! Vectors and properties of DKIM.

mod properties;
mod reference;
mod vectors;

#[cfg(feature = "second-opinion")]
pub(crate) use vectors::Case;

use super::{Canonicalization, crypto};
use mail_dns::{Failure, Record, Txt, Zone};

/// The seed and the public key of RFC 8032 §7.1, test 1, which RFC 8463 uses too.
const ED25519_SEED: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];
const ED25519_RECORD: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const RSA2048_PEM: &str = include_str!("../../../tests/data/dkim-rsa2048.pem");

fn ed25519() -> super::SigningKey {
    super::SigningKey::from_ed25519_seed(&ED25519_SEED).unwrap()
}

fn rsa2048() -> super::SigningKey {
    super::SigningKey::from_pem(RSA2048_PEM).unwrap()
}

fn canonical_body(canon: Canonicalization, body: &[u8]) -> Vec<u8> {
    match canon {
        Canonicalization::Simple => reference::simple_body(body),
        Canonicalization::Relaxed => reference::relaxed_body(body),
    }
}

fn canonical_field(canon: Canonicalization, field: &[u8]) -> Vec<u8> {
    match canon {
        Canonicalization::Simple => reference::simple_field(field),
        Canonicalization::Relaxed => reference::relaxed_field(field),
    }
}

fn sha256(octets: &[u8]) -> crypto::Hash {
    let mut hash = crypto::Sha256::new();
    hash.update(octets);
    hash.finish()
}

/// A zone of TXT records; a text that is `TIMEOUT` is a time-out.
fn zone<'a>(records: impl IntoIterator<Item = (&'a str, &'a str)>) -> Zone {
    let mut zone = Zone::new();
    for (name, text) in records {
        let name = name.parse().unwrap();
        if text == "TIMEOUT" {
            zone.fail(name, Failure::Timeout);
        } else {
            zone.insert(name, Record::Txt(Txt::from_text(text)));
        }
    }
    zone
}
