//! The samples of RFC 9580, Appendix A, all of them; those that fail are expected to, and say why. Of RFC 9980 those that
//! another implementation made.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{days, limits, now, to};
use pgp_keystore::{
    Aead, Algorithm, Capability, Certificate, Container, Error, Kdf, Key, Passphrase, Profile,
    Reason, Secrecy, Secret, State, UnsupportedReason, decrypt, plan_send, sign_detached, supports,
    verify, verify_detached,
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

/// Octets that the RFC writes in hexadecimal.
fn octets(case: &Table) -> Vec<u8> {
    let digits = text(case, "hex").split_whitespace();
    digits
        .map(|octet| u8::from_str_radix(octet, 16).unwrap())
        .collect()
}

fn aead(name: &str) -> Aead {
    match name {
        "EAX" => Aead::Eax,
        "OCB" => Aead::Ocb,
        "GCM" => Aead::Gcm,
        name => panic!("{name}"),
    }
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
        let rfc = text(&case, "rfc");
        let input = case
            .get("input")
            .map_or("", |input| input.as_str().unwrap());
        let input = input.as_bytes();
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
            "bare" => {
                let certificate = Certificate::parse(&octets(&case)).unwrap();
                let fingerprint = certificate.fingerprint().to_string();
                assert_eq!(fingerprint, text(&case, "fingerprint"), "{rfc}");
                assert_eq!(certificate.at(now()).reason, Reason::Unbound, "{rfc}");
            }
            "detached" => {
                let by = of("bare").next().unwrap();
                let by = Certificate::parse(&octets(&by)).unwrap();
                let signature = octets(&case);
                let reason = |content: &[u8]| {
                    let result = verify_detached(content, &signature, &[&by], now(), &limits());
                    result.unwrap().signatures[0].reason
                };
                // It fits, and not over another content.
                assert_eq!(reason(text(&case, "content").as_bytes()), Reason::Unbound);
                assert_eq!(reason(b"OpenPGQ"), Reason::Altered, "{rfc}");
            }
            "locked" => {
                let locked = Key::parse(input).unwrap();
                assert_eq!(locked.certificate(), key.certificate(), "{rfc}");
                let protected =
                    |key: &pgp_keystore::KeyView| key.secret == Secret::Protected(Kdf::Argon2);
                assert!(locked.at(now()).keys.iter().all(protected), "{rfc}");
                let unlocked = locked.unlock(&Passphrase::from(text(&case, "passphrase")));
                assert!(matches!(unlocked, Err(Error::Limit { .. })), "{rfc}");
            }
            "password" => {
                let opened = decrypt(input, &[&own], &[], now(), &limits());
                let mode = case.get("aead").map(|mode| aead(mode.as_str().unwrap()));
                let missing = mode.map(|mode| supports(Capability::Aead(mode)));
                let expected = match missing {
                    // EAX on OpenSSL, OCB on an old Nettle.
                    Some(Err(missing)) => Error::Unsupported(missing),
                    _ => Error::Undecryptable,
                };
                assert_eq!(opened.unwrap_err(), expected, "{rfc}");
            }
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
    assert_eq!(ran, 14);
}

/// Made by rsop 0.12.0 (rPGP 0.21.0): its profile of RFC 9980.
#[test]
fn what_rsop_makes_of_rfc_9980_is_read() {
    let sample: Table = include_str!("vectors/rfc9980-rsop.toml").parse().unwrap();
    let at = days(60);
    let content = text(&sample, "content").as_bytes();
    let key = Key::parse(text(&sample, "key").as_bytes()).unwrap();
    let certificate = Certificate::parse(text(&sample, "certificate").as_bytes()).unwrap();
    let fingerprint = certificate.fingerprint().to_string();
    assert_eq!(fingerprint, text(&sample, "fingerprint"));
    let signature = text(&sample, "signature").as_bytes();
    let message = text(&sample, "message").as_bytes();
    let verified = |content: &[u8]| {
        let by = [&certificate];
        let result = verify_detached(content, signature, &by, at, &limits()).unwrap();
        result.signatures[0].reason
    };
    let own = key.unlock_unprotected().unwrap();
    let opened = decrypt(message, &[&own], &[&certificate], at, &limits());
    if let Err(missing) = supports(Capability::Generate(Profile::PostQuantum)) {
        // Expected of Nettle, and of OpenSSL before 3.5; and never taken for something else.
        assert_eq!(missing.reason, UnsupportedReason::Missing);
        assert_eq!(certificate.at(at).reason, Reason::Unsupported);
        assert_eq!(verified(content), Reason::Unsupported);
        // The mode comes first, which an old Nettle has not.
        let secret = Capability::Secret(Algorithm::MlKem768X25519);
        let missing = supports(Capability::Aead(Aead::Ocb)).and_then(|()| supports(secret));
        assert_eq!(
            opened.unwrap_err(),
            Error::Unsupported(missing.unwrap_err())
        );
        return;
    }
    let opened = opened.unwrap();
    assert_eq!(certificate.at(at).reason, Reason::Valid);
    assert_eq!(verified(content), Reason::Valid);
    assert_eq!(verified(b"another"), Reason::Altered);
    assert_eq!(opened.content.as_slice(), content);
    assert_eq!(opened.verification.state(), Some(State::Valid));
    assert_eq!(opened.container, Container::V2(Aead::Ocb));
    // As good as a key of ours.
    let plan = plan_send(&[to("peer", &certificate)], at);
    assert_eq!(plan.secrecy(), Secrecy::PostQuantum);
    let chosen = plan.entries()[0].chosen.as_ref().unwrap();
    assert_eq!(chosen.algorithm, Algorithm::MlKem768X25519);
    assert!(sign_detached(&own, content, at, Default::default()).is_ok());
}
