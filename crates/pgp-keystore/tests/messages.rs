//! Messages: signed, encrypted, opened, forged.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{days, key, limits, now, profiles, to};
use pgp_keystore::{
    Aead, Capability, Certificate, Container, Error, Form, Profile, Reason, Recipient,
    RevocationReason, Secrecy, State, Unlocked, Use, decrypt, plan_send, remembered_signatures,
    sign_cleartext, sign_detached, sign_inline, supports, verify, verify_detached,
};

const TEXT: &[u8] = b"Dear Bob,\r\n\r\nit is me.\r\n";

fn detached(content: &[u8], signature: &[u8], by: &[&Certificate]) -> Reason {
    let result = verify_detached(content, signature, by, days(1), &limits()).unwrap();
    assert_eq!(result.signatures.len(), 1);
    result.signatures[0].reason
}

#[test]
fn a_signature_is_valid_and_says_whose_it_is() {
    for profile in profiles() {
        let ann = key(profile, "ann");
        let certificate = ann.certificate();
        for form in [Form::Armored, Form::Binary] {
            let signature = sign_detached(&ann, TEXT, days(1), form).unwrap();
            let result = verify_detached(TEXT, &signature, &[&certificate], days(1), &limits());
            let result = result.unwrap();
            assert_eq!(result.state(), Some(State::Valid));
            let check = result.valid().next().unwrap();
            assert_eq!(check.signer, Some(ann.fingerprint()));
            assert_eq!(check.created, Some(days(1)));
            assert_eq!(check.signer_now, Some(Reason::Valid));
            let message = sign_inline(&ann, TEXT, days(1), form).unwrap();
            let (content, result) = verify(&message, &[&certificate], days(1), &limits()).unwrap();
            assert_eq!(
                (content.as_slice(), result.state()),
                (TEXT, Some(State::Valid))
            );
        }
        let message = sign_cleartext(&ann, "it is me\n- not you\n", days(1)).unwrap();
        let (content, result) = verify(&message, &[&certificate], days(1), &limits()).unwrap();
        assert_eq!(result.state(), Some(State::Valid), "{result:?}");
        assert!(String::from_utf8(content).unwrap().contains("- not you"));
    }
}

#[test]
fn whoever_is_not_known_signs_as_nobody() {
    let (ann, bob) = (key(Profile::Modern, "ann"), key(Profile::Modern, "bob"));
    let signature = sign_detached(&ann, TEXT, days(1), Form::Binary).unwrap();
    assert_eq!(detached(TEXT, &signature, &[]), Reason::UnknownKey);
    assert_eq!(
        detached(TEXT, &signature, &[&bob.certificate()]),
        Reason::UnknownKey
    );
    let both = [&bob.certificate(), &ann.certificate()];
    assert_eq!(detached(TEXT, &signature, &both), Reason::Valid);
}

#[test]
fn any_flipped_bit_of_content_or_signature_is_not_valid() {
    for profile in profiles() {
        let ann = key(profile, "ann");
        let certificate = ann.certificate();
        let signature = sign_detached(&ann, TEXT, days(1), Form::Binary).unwrap();
        // Of the large ones every 37th bit.
        let step = if profile == Profile::PostQuantum {
            37
        } else {
            1
        };
        for bit in 0..TEXT.len() * 8 {
            let mut content = TEXT.to_vec();
            content[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                detached(&content, &signature, &[&certificate]),
                Reason::Altered
            );
        }
        let unhashed = unhashed_area(&signature);
        for bit in (0..signature.len() * 8).step_by(step) {
            if unhashed.contains(&(bit / 8)) {
                continue;
            }
            let mut changed = signature.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let result = verify_detached(TEXT, &changed, &[&certificate], days(1), &limits());
            let valid = result.is_ok_and(|result| result.valid().next().is_some());
            assert!(!valid, "{profile}: bit {bit} of {}", signature.len() * 8);
        }
        // The mutation: unchanged, it is valid.
        assert_eq!(detached(TEXT, &signature, &[&certificate]), Reason::Valid);
    }
}

/// The octets of a binary signature packet that are no part of what is signed: they are hints, and the digest's prefix.
fn unhashed_area(signature: &[u8]) -> std::ops::Range<usize> {
    // RFC 9580 §4.2.1, §5.2.3.
    let header = match signature[1] {
        0..=191 => 2,
        192..=223 => 3,
        _ => 6,
    };
    let version = signature[header];
    let width = if version == 6 { 4 } else { 2 };
    let number = |at: usize| {
        signature[at..at + width]
            .iter()
            .fold(0, |n, o| n << 8 | usize::from(*o))
    };
    let hashed = header + 4;
    let unhashed = hashed + width + number(hashed);
    unhashed + width..unhashed + width + number(unhashed)
}

#[test]
fn time_decides_and_is_told() {
    let mut ann = pgp_keystore::Generate::new(Profile::Compat, now())
        .user_id("Ann <ann@example.org>")
        .expires(days(10))
        .create()
        .unwrap()
        .key;
    let signature = sign_detached(&ann, TEXT, days(5), Form::Binary).unwrap();
    let check = |certificate: &Certificate, now| {
        let result = verify_detached(TEXT, &signature, &[certificate], now, &limits()).unwrap();
        (result.signatures[0].reason, result.signatures[0].signer_now)
    };
    let certificate = ann.certificate();
    assert_eq!(
        check(&certificate, days(6)),
        (Reason::Valid, Some(Reason::Valid))
    );
    // Made when the key counted, read when it does so no more.
    assert_eq!(
        check(&certificate, days(20)),
        (Reason::Valid, Some(Reason::Expired))
    );
    assert_eq!(check(&certificate, days(4)).0, Reason::SignatureInFuture);
    let late = sign_detached(&ann, TEXT, days(20), Form::Binary).unwrap_err();
    assert!(
        matches!(
            late,
            Error::Unusable {
                why: Reason::Expired,
                ..
            }
        ),
        "{late}"
    );
    ann.revoke(RevocationReason::Superseded, "", days(7))
        .unwrap();
    assert_eq!(
        check(&ann.certificate(), days(8)),
        (Reason::Valid, Some(Reason::Superseded))
    );
    ann.revoke(RevocationReason::Compromised, "", days(8))
        .unwrap();
    assert_eq!(check(&ann.certificate(), days(8)).0, Reason::Compromised);
}

#[test]
fn what_a_key_of_others_revoked_signs_is_revoked_only_if_it_fits() {
    // A forgery under a revoked key is a forgery, not a revoked signature.
    let mut ann = key(Profile::Modern, "ann");
    let signature = sign_detached(&ann, TEXT, days(1), Form::Binary).unwrap();
    ann.revoke(RevocationReason::Compromised, "", days(1))
        .unwrap();
    let certificate = ann.certificate();
    assert_eq!(
        detached(TEXT, &signature, &[&certificate]),
        Reason::Compromised
    );
    assert_eq!(
        detached(b"other", &signature, &[&certificate]),
        Reason::Altered
    );
}

#[test]
fn messages_are_opened_by_each_recipient_and_nobody_else() {
    for profile in profiles() {
        let keys: Vec<Unlocked> = ["ann", "bob", "eve"]
            .iter()
            .map(|n| key(profile, n))
            .collect();
        let [ann, bob, eve] = &keys[..] else {
            unreachable!()
        };
        let (a, b) = (ann.certificate(), bob.certificate());
        let plan = plan_send(&[to("ann", &a), to("bob", &b)], days(1));
        assert_eq!(plan.readers().count(), 2);
        let v2 = supports(Capability::Aead(Aead::Ocb)).is_ok() && profile != Profile::Compat;
        let container = if v2 {
            Container::V2(Aead::Ocb)
        } else {
            Container::V1
        };
        assert_eq!(plan.container(), Some(container));
        let strong = profile == Profile::PostQuantum;
        let secrecy = if strong {
            Secrecy::PostQuantum
        } else {
            Secrecy::Classical
        };
        assert_eq!(plan.secrecy(), secrecy);
        for form in [Form::Armored, Form::Binary] {
            let sealed = plan.encrypt(TEXT, Some(ann), days(1), form).unwrap();
            for reader in [ann, bob] {
                let opened = decrypt(&sealed, &[eve, reader], &[&a], days(1), &limits()).unwrap();
                assert_eq!(opened.content.as_slice(), TEXT);
                assert_eq!(opened.by.0, reader.fingerprint());
                assert_eq!(opened.container, container);
                assert_eq!(opened.verification.state(), Some(State::Valid));
            }
            let error = decrypt(&sealed, &[eve], &[&a], days(1), &limits()).unwrap_err();
            assert_eq!(error, Error::Undecryptable);
        }
    }
}

#[test]
fn nothing_of_a_changed_message_is_released() {
    for profile in [Profile::Compat, Profile::Modern] {
        let ann = key(profile, "ann");
        let certificate = ann.certificate();
        let plan = plan_send(&[to("ann", &certificate)], days(1));
        let content = vec![b'x'; 2_000];
        let sealed = plan
            .encrypt(&content, Some(&ann), days(1), Form::Binary)
            .unwrap();
        for at in (0..sealed.len()).step_by(7) {
            let mut changed = sealed.clone();
            changed[at] ^= 0x10;
            let opened = decrypt(&changed, &[&ann], &[&certificate], days(1), &limits());
            // A hint may change, such as a key ID: then it is opened, or not, but never with other content.
            if let Ok(opened) = opened {
                assert_eq!(opened.content.as_slice(), content, "octet {at}");
                assert_eq!(
                    opened.verification.state(),
                    Some(State::Valid),
                    "octet {at}"
                );
            }
        }
        for length in 0..sealed.len() {
            let cut = decrypt(
                &sealed[..length],
                &[&ann],
                &[&certificate],
                days(1),
                &limits(),
            );
            assert!(cut.is_err(), "{length} octets");
        }
        assert!(decrypt(&sealed, &[&ann], &[&certificate], days(1), &limits()).is_ok());
    }
}

#[test]
fn old_mail_stays_readable() {
    for profile in profiles() {
        let mut ann = key(profile, "ann");
        let before = ann.certificate();
        let plan = plan_send(&[to("ann", &before)], days(1));
        let sealed = plan.encrypt(TEXT, None, days(1), Form::Binary).unwrap();
        ann.rotate_subkey(Use::Encrypt, profile, None, days(2))
            .unwrap();
        let after = ann.certificate();
        let next = plan_send(&[to("ann", &after)], days(3));
        assert_ne!(plan.readers().next(), next.readers().next());
        ann.set_expiry(Some(days(10)), days(4)).unwrap();
        ann.revoke(RevocationReason::Retired, "", days(5)).unwrap();
        let opened = decrypt(&sealed, &[&ann], &[], days(20), &limits()).unwrap();
        assert_eq!(opened.content.as_slice(), TEXT);
        assert_eq!(opened.verification.state(), None);
    }
}

#[test]
fn a_plan_says_whom_it_leaves_out_and_why() {
    let mut old = key(Profile::Compat, "bob");
    old.revoke(RevocationReason::Superseded, "", days(1))
        .unwrap();
    let (ann, old) = (key(Profile::Modern, "ann").certificate(), old.certificate());
    let new = key(Profile::Compat, "bob").certificate();
    let both = Recipient::new("bob@example.org", [&old, &new]);
    let plan = plan_send(
        &[
            to("ann", &ann),
            both,
            Recipient::new("eve@example.org", [&old]),
        ],
        days(2),
    );
    let [of_ann, of_bob, of_eve] = plan.entries() else {
        panic!()
    };
    assert!(of_ann.passed_over.is_empty());
    assert_eq!(
        of_bob.chosen.as_ref().unwrap().certificate,
        new.fingerprint()
    );
    assert_eq!(of_bob.passed_over[0].reason, Reason::Superseded);
    assert!(of_eve.chosen.is_none());
    assert!(of_eve.to_string().contains("pgp.superseded"), "{of_eve}");
    // One who reads version 1 only holds all back, and is named.
    assert_eq!(plan.container(), Some(Container::V1));
    assert_eq!(plan.holds_back().collect::<Vec<_>>(), [new.fingerprint()]);
    let error = plan.encrypt(TEXT, None, days(2), Form::Binary).unwrap_err();
    assert_eq!(error, Error::Incomplete { refused: 1 });
    assert!(
        plan.without_refused()
            .encrypt(TEXT, None, days(2), Form::Binary)
            .is_ok()
    );
    let nobody = plan_send(&[], days(2));
    assert!(nobody.encrypt(TEXT, None, days(2), Form::Binary).is_err());
    let named = plan_send(&[to("somebody-else", &ann)], days(2));
    assert!(
        named.entries()[0]
            .to_string()
            .contains("does not name this address")
    );
}

#[test]
fn no_weaker_key_is_used_beside_a_post_quantum_one() {
    if supports(Capability::Generate(Profile::PostQuantum)).is_err() {
        return;
    }
    let mut ann = key(Profile::PostQuantum, "ann");
    // The weaker one is newer.
    ann.add_subkey(Use::Encrypt, Profile::Modern, None, days(1))
        .unwrap();
    let certificate = ann.certificate();
    assert_eq!(certificate.at(days(2)).keys_for(Use::Encrypt).count(), 2);
    let plan = plan_send(&[to("ann", &certificate)], days(2));
    assert_eq!(plan.readers().count(), 1);
    assert_eq!(plan.secrecy(), Secrecy::PostQuantum);
    // The mutation: without the stronger one the weaker one is taken.
    let strong = plan.readers().next().unwrap();
    ann.revoke_subkey(strong, RevocationReason::Retired, "", days(2))
        .unwrap();
    let certificate = ann.certificate();
    assert_eq!(
        plan_send(&[to("ann", &certificate)], days(3)).secrecy(),
        Secrecy::Classical
    );
}

#[test]
fn limits_of_messages_refuse_and_without_them_the_same_is_opened() {
    let ann = key(Profile::Modern, "ann");
    let certificate = ann.certificate();
    let plan = plan_send(&[to("ann", &certificate)], days(1));
    let sealed = plan
        .encrypt(&[b'x'; 10_000], Some(&ann), days(1), Form::Binary)
        .unwrap();
    let signed = sign_inline(&ann, &[b'x'; 10_000], days(1), Form::Binary).unwrap();
    let mut limits = limits();
    limits.max_plaintext = 9_999;
    let error = decrypt(&sealed, &[&ann], &[], days(1), &limits).unwrap_err();
    assert!(
        matches!(error, Error::Limit { limit: 9_999, .. }),
        "{error}"
    );
    let error = verify(&signed, &[], days(1), &limits).unwrap_err();
    assert!(
        matches!(error, Error::Limit { limit: 9_999, .. }),
        "{error}"
    );
    limits.max_plaintext = 10_000;
    assert!(decrypt(&sealed, &[&ann], &[], days(1), &limits).is_ok());
    assert!(verify(&signed, &[], days(1), &limits).is_ok());
    limits.max_session_keys = 0;
    let error = decrypt(&sealed, &[&ann], &[], days(1), &limits).unwrap_err();
    assert!(matches!(error, Error::Limit { limit: 0, .. }), "{error}");
    limits.max_message = sealed.len() - 1;
    let error = decrypt(&sealed, &[&ann], &[], days(1), &limits).unwrap_err();
    assert!(matches!(error, Error::Limit { .. }), "{error}");
}

#[test]
fn many_signatures_are_not_all_looked_at() {
    let ann = key(Profile::Modern, "ann");
    let one = sign_detached(&ann, TEXT, days(1), Form::Binary).unwrap();
    let certificate = ann.certificate();
    let many = one.repeat(limits().max_message_signatures * 2);
    let check = |many: &[u8]| verify_detached(TEXT, many, &[&certificate], days(1), &limits());
    assert!(check(&many).is_ok());
    let error = check(&[many, one].concat()).unwrap_err();
    assert!(matches!(error, Error::Limit { .. }), "{error}");
}

#[test]
fn what_is_not_encrypted_is_told_apart_from_what_cannot_be_opened() {
    let ann = key(Profile::Modern, "ann");
    let signed = sign_inline(&ann, TEXT, days(1), Form::Binary).unwrap();
    let open = |octets: &[u8]| decrypt(octets, &[&ann], &[], days(1), &limits()).unwrap_err();
    assert_eq!(open(&signed), Error::NotEncrypted);
    assert!(matches!(open(b""), Error::Malformed { .. }));
    assert!(matches!(open(b"Dear Ann"), Error::Malformed { .. }));
}

#[test]
fn signatures_of_messages_are_not_remembered_by_the_library() {
    let ann = key(Profile::Compat, "ann");
    let certificate = ann.certificate();
    let sign = |n: u32| sign_detached(&ann, &n.to_be_bytes(), days(1), Form::Binary).unwrap();
    // The first one verifies the certificate, too.
    assert_eq!(
        detached(&0_u32.to_be_bytes(), &sign(0), &[&certificate]),
        Reason::Valid
    );
    let before = remembered_signatures();
    for n in 1..20_u32 {
        assert_eq!(
            detached(&n.to_be_bytes(), &sign(n), &[&certificate]),
            Reason::Valid
        );
    }
    // Other tests of this program may run at the same time where tests share a process; nextest gives each its own.
    if std::env::var_os("NEXTEST").is_some() {
        assert_eq!(remembered_signatures(), before);
    }
    // The mutation: a certificate's own signatures are.
    let other = key(Profile::Compat, "bob").certificate();
    assert_eq!(other.at(now()).reason, Reason::Valid);
    assert!(remembered_signatures() > before);
}

#[test]
fn a_stump_of_a_container_is_undecryptable() {
    let ann = key(Profile::Compat, "ann");
    let certificate = ann.certificate();
    let plan = plan_send(&[to("ann", &certificate)], days(1));
    let sealed = plan.encrypt(TEXT, None, days(1), Form::Binary).unwrap();
    // The header of the container, then as much of it as the library looks at before it believes that the rest is there.
    assert_eq!(sealed[0], 0xc1);
    let header = 2 + usize::from(sealed[1]);
    assert_eq!(sealed[header], 0xd2);
    for length in 18..60 {
        let mut body = sealed[header..].to_vec();
        body.truncate(2 + length);
        body[1] = u8::try_from(length).unwrap();
        let stump = [&sealed[..header], &body].concat();
        let error = decrypt(&stump, &[&ann], &[], days(1), &limits()).unwrap_err();
        assert_eq!(error, Error::Undecryptable, "{length}");
    }
}
