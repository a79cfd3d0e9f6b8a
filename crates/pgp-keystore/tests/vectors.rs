//! The samples of RFC 9580, Appendix A. Those of the Argon2 passphrase messages are not here: messages to passphrases are
//! not read.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{limits, now};
use pgp_keystore::{
    Aead, Capability, Certificate, Container, Error, Key, Reason, State, decrypt, supports, verify,
};
use toml::Table;

fn cases() -> Vec<Table> {
    let data: Table = include_str!("vectors/rfc9580.toml").parse().unwrap();
    let cases = data["case"].as_array().unwrap();
    cases
        .iter()
        .map(|case| case.as_table().unwrap().clone())
        .collect()
}

fn of(kind: &str) -> impl Iterator<Item = Table> {
    cases()
        .into_iter()
        .filter(move |case| case["kind"].as_str() == Some(kind))
}

fn text<'a>(case: &'a Table, name: &str) -> &'a str {
    case[name].as_str().unwrap()
}

fn key() -> Key {
    let case = of("key").next().unwrap();
    Key::parse(text(&case, "input").as_bytes()).unwrap()
}

#[test]
fn the_samples_of_the_rfc_are_read() {
    let mut ran = 0;
    let key = key();
    let own = key.unlock_unprotected().unwrap();
    for case in cases() {
        let (rfc, input) = (text(&case, "rfc"), text(&case, "input").as_bytes());
        match text(&case, "kind") {
            "certificate" => {
                let certificate = Certificate::parse(input).unwrap();
                assert_eq!(
                    certificate.fingerprint().to_string(),
                    text(&case, "fingerprint"),
                    "{rfc}"
                );
                assert_eq!(certificate.at(now()).reason, Reason::Valid, "{rfc}");
                assert_eq!(key.certificate(), certificate, "{rfc}");
            }
            "key" => assert_eq!(
                key.fingerprint().to_string(),
                text(&case, "fingerprint"),
                "{rfc}"
            ),
            "signed" => {
                let by = key.certificate();
                let (content, result) = verify(input, &[&by], now(), &limits()).unwrap();
                assert_eq!(result.state(), Some(State::Valid), "{rfc}: {result:?}");
                let expected = text(&case, "content").trim_end();
                assert_eq!(
                    String::from_utf8(content)
                        .unwrap()
                        .trim_end()
                        .replace("\r\n", "\n"),
                    expected
                );
                // One other letter, and it is altered.
                let other = text(&case, "input").replacen("tofu", "tofa", 1);
                if other != text(&case, "input") {
                    let (_, result) = verify(other.as_bytes(), &[&by], now(), &limits()).unwrap();
                    assert_eq!(result.signatures[0].reason, Reason::Altered, "{rfc}");
                }
            }
            "encrypted" => {
                let opened = decrypt(input, &[&own], &[], now(), &limits());
                match supports(Capability::Aead(Aead::Ocb)) {
                    Ok(()) => {
                        let opened = opened.unwrap();
                        assert_eq!(opened.content.as_slice(), text(&case, "content").as_bytes());
                        assert_eq!(opened.container, Container::V2(Aead::Ocb));
                    }
                    // Expected of an old Nettle.
                    Err(missing) => assert_eq!(opened.unwrap_err(), Error::Unsupported(missing)),
                }
            }
            kind => panic!("{rfc}: {kind}"),
        }
        ran += 1;
    }
    assert_eq!(ran, 5);
}
