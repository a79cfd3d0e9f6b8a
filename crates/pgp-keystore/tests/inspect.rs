//! What a message says of keys, before any is at hand.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{days, key, limits, now, profiles, to};
use pgp_keystore::{
    Error, Form, Handle, Profile, Use, decrypt, issuers, plan_send, recipients, sign_cleartext,
    sign_detached, sign_inline, verify_detached,
};

const TEXT: &[u8] = b"Dear Bob,\r\n\r\nit is me.\r\n";

#[test]
fn who_signed_is_listed_without_any_key() {
    for profile in profiles() {
        let ann = key(profile, "ann");
        let view = ann.at(now());
        let signing = view.keys_for(Use::Sign).map(|key| key.fingerprint);
        let signing: Vec<_> = signing.collect();
        let mut messages = vec![sign_cleartext(&ann, "it is me\n", now()).unwrap()];
        for form in [Form::Armored, Form::Binary] {
            messages.push(sign_detached(&ann, TEXT, now(), form).unwrap());
            messages.push(sign_inline(&ann, TEXT, now(), form).unwrap());
        }
        for message in &messages {
            let named = issuers(message, now(), &limits()).unwrap();
            let fits = |handle: &Handle| signing.iter().any(|key| handle.names(*key));
            assert!(!named.is_empty() && named.iter().all(fits), "{named:?}");
        }
    }
}

#[test]
fn each_signer_of_several_is_listed_once() {
    let (ann, bob) = (key(Profile::Modern, "ann"), key(Profile::Compat, "bob"));
    let sign = |key| sign_detached(key, TEXT, now(), Form::Binary).unwrap();
    let both = [sign(&ann), sign(&bob), sign(&ann)].concat();
    let named = issuers(&both, now(), &limits()).unwrap();
    for key in [&ann, &bob] {
        let own = key.certificate().fingerprints().collect::<Vec<_>>();
        assert!(named.iter().any(|n| own.iter().any(|key| n.names(*key))));
    }
    let mut once = named.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), named.len());
    // As with the verification, there is a limit.
    let mut limits = limits();
    limits.max_message_signatures = 1;
    let over = issuers(&both, now(), &limits).unwrap_err();
    assert!(matches!(over, Error::Limit { .. }));
    let verified = verify_detached(TEXT, &both, &[], now(), &limits).unwrap_err();
    assert_eq!(verified, over);
}

#[test]
fn whom_a_message_is_for_is_listed_without_any_key() {
    let keys = profiles().into_iter().map(|p| key(p, "ann"));
    for (ann, bob) in keys.zip(profiles().into_iter().map(|p| key(p, "bob"))) {
        let certificates = (ann.certificate(), bob.certificate());
        let both = [to("ann", &certificates.0), to("bob", &certificates.1)];
        let plan = plan_send(&both, now());
        for form in [Form::Armored, Form::Binary] {
            let sealed = plan.encrypt(TEXT, None, now(), form).unwrap();
            let found = recipients(&sealed, &limits()).unwrap();
            assert_eq!((found.keys.len(), found.hidden, found.passwords), (2, 0, 0));
            for key in [&ann, &bob] {
                assert!(found.may_be(key.certificate().fingerprints()));
                let opened = decrypt(&sealed, &[key], &[], now(), &limits()).unwrap();
                assert!(found.keys.iter().any(|named| named.names(opened.by.1)));
            }
            let other = key(Profile::Compat, "carol").certificate();
            assert!(!found.may_be(other.fingerprints()));
        }
    }
}

/// A container of which nothing is read, after packets that are written by hand (RFC 9580 §5.1, §5.3).
fn before_container(packets: &[&[u8]]) -> Vec<u8> {
    let container = [&[0xd2, 60, 1][..], &[7; 59]].concat();
    [packets.concat(), container].concat()
}

#[test]
fn hidden_recipients_and_passwords_are_counted() {
    // Version 3 for key ID zero, X25519 of old: a point of two octets, and a wrapped key of two.
    let hidden = [&[0xc1, 17, 3][..], &[0; 8], &[18, 0, 9, 1, 1, 2, 5, 5]].concat();
    let mut named = hidden.clone();
    named[3..11].copy_from_slice(b"\x01\x02\x03\x04\x05\x06\x07\x08");
    // Version 4, AES-128, a salted S2K with SHA-256.
    let password = [&[0xc3, 12, 4, 7, 1, 8][..], b"saltsalt"].concat();
    let message = before_container(&[&hidden, &named, &password, &named]);
    let found = recipients(&message, &limits()).unwrap();
    assert_eq!((found.keys.len(), found.hidden, found.passwords), (1, 1, 1));
    assert_eq!(found.keys[0].to_string(), "0102030405060708");
    assert!(found.may_be(key(Profile::Compat, "anybody").certificate().fingerprints()));
    let named = before_container(&[&named]);
    let found = recipients(&named, &limits()).unwrap();
    assert!(!found.may_be(key(Profile::Compat, "anybody").certificate().fingerprints()));
    let mut limits = limits();
    limits.max_recipients = 3;
    let over = recipients(&message, &limits).unwrap_err();
    assert!(matches!(over, Error::Limit { limit: 3, .. }), "{over}");
}

#[test]
fn what_names_nobody_is_an_error_and_not_an_empty_list() {
    let ann = key(Profile::Modern, "ann");
    let certificate = ann.certificate();
    let plan = plan_send(&[to("ann", &certificate)], now());
    let sealed = plan.encrypt(TEXT, None, now(), Form::Binary).unwrap();
    let signed = sign_inline(&ann, TEXT, now(), Form::Binary).unwrap();
    let public = certificate.export(Form::Binary).unwrap();
    assert_eq!(
        recipients(&signed, &limits()).unwrap_err(),
        Error::NotEncrypted
    );
    for octets in [&b""[..], b"Dear Ann", &public, &sealed[..20]] {
        let error = recipients(octets, &limits()).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
        let error = issuers(octets, days(1), &limits()).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
    let error = issuers(&sealed, now(), &limits()).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    // What goes over the limit of a message is not read at all.
    let mut small = limits();
    small.max_message = 10;
    for error in [
        issuers(&signed, now(), &small).unwrap_err(),
        recipients(&sealed, &small).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Limit { .. }), "{error}");
    }
}
