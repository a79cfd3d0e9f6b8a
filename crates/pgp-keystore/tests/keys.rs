//! Keys: made, changed, locked, merged, read and written.
#![cfg(feature = "_backend")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{DAY, days, key, limits, now, profiles};
use pgp_keystore::{
    Certificate, Error, Form, Generate, Kdf, Key, Limits, Passphrase, Profile, Protection, Reason,
    Revocation, RevocationReason, Secret, State, Unlocked, Use, import,
};

#[test]
fn each_profile_has_a_key_for_each_use() {
    for profile in profiles() {
        let key = key(profile, "ann");
        let view = key.at(now());
        assert_eq!(view.reason, Reason::Valid);
        assert_eq!(view.addresses().collect::<Vec<_>>(), ["ann@example.org"]);
        for purpose in [Use::Certify, Use::Sign, Use::Encrypt] {
            assert_eq!(view.keys_for(purpose).count(), 1, "{profile} {purpose:?}");
        }
        let version = if profile == Profile::Compat { 4 } else { 6 };
        assert_eq!(key.fingerprint().version(), version);
        let strong = view.keys.iter().all(|k| k.algorithm.is_post_quantum());
        assert_eq!(strong, profile == Profile::PostQuantum);
    }
}

#[test]
fn what_is_exported_is_imported() {
    for profile in profiles() {
        let key = key(profile, "ann");
        for form in [Form::Armored, Form::Binary] {
            let public = key.certificate().export(form).unwrap();
            assert_eq!(Certificate::parse(&public).unwrap(), key.certificate());
            let secret = key.lock(&Protection::None).unwrap().export(form).unwrap();
            let read = Key::parse(&secret).unwrap();
            assert_eq!(read.certificate(), key.certificate());
            // Where a certificate is wanted, no secret comes in.
            let public_only = Certificate::parse(&secret).unwrap();
            assert_eq!(public_only, key.certificate());
            assert!(Key::parse(&public).is_err());
        }
    }
}

#[test]
fn keys_are_locked_by_argon2_or_as_gnupg_reads_them() {
    let (right, wrong) = (Passphrase::from("correct"), Passphrase::from("horse"));
    // Without optimisation Argon2 takes seconds; so each profile has one of the two.
    for (profile, protection, kdf) in [
        (
            Profile::Compat,
            Protection::GnuPg(right.clone()),
            Kdf::Iterated,
        ),
        (
            Profile::Modern,
            Protection::Argon2(right.clone()),
            Kdf::Argon2,
        ),
    ] {
        let locked = key(profile, "ann").lock(&protection).unwrap();
        let view = locked.at(now());
        assert!(
            view.keys.iter().all(|k| k.secret == Secret::Protected(kdf)),
            "{view:?}"
        );
        assert_eq!(locked.unlock(&wrong).unwrap_err(), Error::WrongPassphrase);
        assert_eq!(
            locked.unlock_unprotected().unwrap_err(),
            Error::WrongPassphrase
        );
        let read = Key::parse(&locked.export(Form::Armored).unwrap()).unwrap();
        let changed = read
            .change_passphrase(&right, &Protection::GnuPg(wrong.clone()))
            .unwrap();
        assert!(changed.unlock(&right).is_err());
        let unlocked = changed.unlock(&wrong).unwrap();
        assert!(
            unlocked
                .at(now())
                .keys
                .iter()
                .all(|k| k.secret == Secret::Unprotected)
        );
    }
}

#[test]
fn an_export_that_wants_too_much_memory_is_not_unlocked() {
    let passphrase = Passphrase::from("correct");
    let locked = key(Profile::Modern, "ann")
        .lock(&Protection::Argon2(passphrase.clone()))
        .unwrap();
    let octets = locked.export(Form::Binary).unwrap();
    // The parameters t=3, p=4, m=16 follow the salt; 31 would be two terabytes.
    let at = octets.windows(3).position(|w| w == [3, 4, 16]).unwrap();
    let with = |memory: u8| {
        let mut changed = octets.clone();
        changed[at + 2] = memory;
        Key::parse(&changed)
            .unwrap()
            .unlock(&passphrase)
            .unwrap_err()
    };
    assert!(matches!(with(31), Error::Limit { .. }));
    assert!(matches!(with(19), Error::Limit { .. }));
    // The mutation: with little memory it is tried, and does not fit, as it is not what was written.
    assert_eq!(with(10), Error::WrongPassphrase);
}

#[test]
fn expiry_moves_all_components_those_that_are_over_too() {
    for profile in profiles() {
        let new = Generate::new(profile, now()).user_id("Ann <ann@example.org>");
        let mut key = new.expires(days(10)).create().unwrap().key;
        key.add_user_id("Ann <ann@example.net>", now()).unwrap();
        key.add_subkey(Use::Authenticate, profile, Some(days(5)), now())
            .unwrap();
        let late = days(20);
        assert_eq!(key.at(late).reason, Reason::Expired);
        key.set_expiry(Some(days(100)), late).unwrap();
        let view = key.at(late);
        assert_eq!(view.reason, Reason::Valid);
        assert_eq!(view.expires, Some(days(100)));
        assert_eq!(view.keys.len(), 4);
        for part in &view.keys {
            assert_eq!(
                (part.reason, part.expires),
                (Reason::Valid, Some(days(100))),
                "{profile}"
            );
        }
        assert!(view.keys_for(Use::Sign).next().is_some());
        // Whichever user ID a reader prefers says the same.
        assert_eq!(view.addresses().count(), 2);
        assert_eq!(view.addresses().next(), Some("ann@example.org"));
        assert_eq!(key.at(days(101)).reason, Reason::Expired);
        key.set_expiry(None, days(101)).unwrap();
        assert_eq!(key.at(days(5_000)).reason, Reason::Valid);
        assert_eq!(
            key.set_expiry(Some(now() - DAY), days(102)),
            Err(Error::Time)
        );
    }
}

#[test]
fn user_ids_come_go_and_are_shown() {
    for profile in profiles() {
        let mut key = key(profile, "ann");
        let (old, new) = ("ann <ann@example.org>", "Ann <ann@example.net>");
        key.add_user_id(new, now()).unwrap();
        assert_eq!(key.at(now()).addresses().next(), Some("ann@example.org"));
        key.set_primary_user_id(new, now()).unwrap();
        assert_eq!(key.at(now()).addresses().next(), Some("ann@example.net"));
        key.revoke_user_id(old, "changed", days(1)).unwrap();
        let view = key.at(days(1));
        assert_eq!(view.addresses().collect::<Vec<_>>(), ["ann@example.net"]);
        let revoked = view.user_ids.iter().find(|u| u.text == old).unwrap();
        assert_eq!(revoked.reason, Reason::UserIdInvalid);
        let no_such = Err(Error::NoSuch {
            what: "valid user ID",
        });
        assert_eq!(key.revoke_user_id(old, "", days(1)), no_such);
        assert_eq!(key.set_primary_user_id(old, days(1)), no_such);
        key.add_user_id(old, days(2)).unwrap();
        assert_eq!(key.at(days(2)).addresses().count(), 2);
        assert_eq!(view.reason, Reason::Valid);
    }
}

#[test]
fn a_rotated_subkey_is_superseded_and_the_new_one_counts() {
    for profile in profiles() {
        let mut key = key(profile, "ann");
        for purpose in [Use::Sign, Use::Encrypt] {
            let old = key.at(now()).keys_for(purpose).next().unwrap().fingerprint;
            let new = key.rotate_subkey(purpose, profile, None, days(1)).unwrap();
            let view = key.at(days(1));
            let usable: Vec<_> = view.keys_for(purpose).map(|k| k.fingerprint).collect();
            assert_eq!(usable, [new], "{profile}");
            let before = view.keys.iter().find(|k| k.fingerprint == old).unwrap();
            assert_eq!(before.reason, Reason::Superseded);
            let again = key.revoke_subkey(old, RevocationReason::Retired, "", days(1));
            assert!(matches!(again, Err(Error::NoSuch { .. })));
        }
        // Extension does not bring back what was revoked.
        key.set_expiry(Some(days(50)), days(2)).unwrap();
        assert_eq!(key.at(days(3)).keys_for(Use::Encrypt).count(), 1);
    }
}

#[test]
fn the_revocation_made_at_birth_revokes_and_no_other_does() {
    for profile in profiles() {
        let ann = Generate::new(profile, now())
            .user_id("Ann")
            .create()
            .unwrap();
        let bob = Generate::new(profile, now())
            .user_id("Bob")
            .create()
            .unwrap();
        for form in [Form::Armored, Form::Binary] {
            let kept = ann.revocation.export(form).unwrap();
            let read = Revocation::parse(&kept).unwrap();
            assert_eq!(read.of(), Some(ann.key.fingerprint()));
            let revoked = ann.key.certificate().revoke_with(&read).unwrap();
            assert_eq!(revoked.at(now()).reason, Reason::Compromised);
            assert_eq!(
                bob.key.certificate().revoke_with(&read),
                Err(Error::Different)
            );
        }
        assert_eq!(ann.key.certificate().at(now()).reason, Reason::Valid);
        assert!(Revocation::parse(b"-----BEGIN PGP PUBLIC KEY BLOCK-----").is_err());
    }
}

#[test]
fn a_revoked_key_is_not_changed_any_more() {
    let mut key = key(Profile::Modern, "ann");
    key.revoke(RevocationReason::Retired, "gone", days(1))
        .unwrap();
    assert_eq!(key.at(days(1)).reason, Reason::Retired);
    assert_eq!(key.at(now()).reason, Reason::Valid);
    let error = key.set_expiry(None, days(2)).unwrap_err();
    assert!(matches!(
        error,
        Error::Unusable {
            why: Reason::Retired,
            ..
        }
    ));
    let words = "x".repeat(256);
    let error = key
        .revoke(RevocationReason::Retired, &words, days(1))
        .unwrap_err();
    assert!(matches!(error, Error::Limit { .. }));
}

#[test]
fn what_two_writers_did_is_all_there_after_a_merge() {
    for profile in profiles() {
        let key = key(profile, "ann").lock(&Protection::None).unwrap();
        let open = || key.unlock_unprotected().unwrap();
        let (mut one, mut two) = (open(), open());
        one.add_user_id("Ann <ann@example.net>", days(1)).unwrap();
        one.add_subkey(Use::Sign, profile, None, days(1)).unwrap();
        two.set_expiry(Some(days(100)), days(2)).unwrap();
        let (one, two) = (one.certificate(), two.certificate());
        let merged = one.merge(&two).unwrap();
        let other = two.merge(&one).unwrap();
        let octets = |c: &Certificate| c.export(Form::Binary).unwrap();
        assert_eq!(octets(&merged), octets(&other));
        assert_eq!(octets(&merged.merge(&one).unwrap()), octets(&merged));
        let view = merged.at(days(3));
        assert_eq!((view.addresses().count(), view.keys.len()), (2, 4));
        assert_eq!(view.expires, Some(days(100)));
        assert_eq!(
            one.merge(&common::key(profile, "bob").certificate()),
            Err(Error::Different)
        );
    }
}

#[test]
fn secrets_are_merged_the_same_in_any_order() {
    let full = key(Profile::Compat, "ann");
    let locked = full.lock(&Protection::GnuPg("a".into())).unwrap();
    let again = full.lock(&Protection::GnuPg("b".into())).unwrap();
    let open = full.lock(&Protection::None).unwrap();
    let octets = |key: &Key| key.export(Form::Binary).unwrap();
    let one = locked.merge_key(&again).unwrap();
    let two = again.merge_key(&locked).unwrap();
    assert_eq!(octets(&one), octets(&two));
    let better = one.merge_key(&open).unwrap();
    assert!(better.unlock_unprotected().is_ok());
    assert!(open.merge_key(&one).unwrap().unlock_unprotected().is_ok());
    // A merge with the public part never loses or takes a secret.
    assert_eq!(
        octets(&locked.merge(&full.certificate()).unwrap()),
        octets(&locked)
    );
}

#[test]
fn a_minimal_export_has_one_user_id_and_what_counts() {
    for profile in profiles() {
        let mut key = key(profile, "ann");
        key.add_user_id("Ann <ann@example.net>", now()).unwrap();
        key.rotate_subkey(Use::Encrypt, profile, None, now())
            .unwrap();
        for day in 1..5 {
            key.set_expiry(Some(days(100 + day)), days(day)).unwrap();
        }
        let whole = key.certificate();
        let small = whole
            .export_minimal(Some("ANN@example.net"), days(9), Form::Binary)
            .unwrap();
        assert!(small.len() < whole.export(Form::Binary).unwrap().len() / 2);
        let view = Certificate::parse(&small).unwrap().at(days(9));
        assert_eq!(view.addresses().collect::<Vec<_>>(), ["ann@example.net"]);
        assert_eq!(
            (view.reason, view.expires),
            (Reason::Valid, Some(days(104)))
        );
        assert_eq!(view.keys.len(), 3);
        assert!(
            whole
                .export_minimal(Some("bob@example.net"), days(9), Form::Binary)
                .is_err()
        );
        let error = whole
            .export_minimal(None, days(105), Form::Binary)
            .unwrap_err();
        assert!(matches!(
            error,
            Error::Unusable {
                why: Reason::Expired,
                ..
            }
        ));
    }
}

#[test]
fn keyrings_armored_blocks_and_garbage_are_told_apart() {
    let ann = key(Profile::Compat, "ann");
    let bob = key(Profile::Modern, "bob");
    let locked = bob.lock(&Protection::None).unwrap();
    let mut ring = ann.certificate().export(Form::Binary).unwrap();
    ring.extend(locked.export(Form::Binary).unwrap());
    let imported = import(&ring, &limits()).unwrap();
    assert_eq!((imported.keys.len(), imported.certificates.len()), (1, 1));

    let mut text = b"Dear all,\r\nmy key:\r\n\r\n".to_vec();
    text.extend(ann.certificate().export(Form::Armored).unwrap());
    text.extend(b"\n-- \nand Bob's, which he must not send:\n");
    text.extend(locked.export(Form::Armored).unwrap());
    let imported = import(&text, &limits()).unwrap();
    assert_eq!((imported.keys.len(), imported.certificates.len()), (1, 1));
    assert!(imported.refused.is_empty());

    for garbage in [
        &b""[..],
        b"hello",
        b"\xff\xff\xff",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
    ] {
        match import(garbage, &limits()) {
            Err(error) => assert!(matches!(error, Error::Malformed { .. }), "{error}"),
            Ok(imported) => assert_eq!(imported.keys.len() + imported.certificates.len(), 0),
        }
    }
    assert!(matches!(
        Certificate::parse(&ring),
        Err(Error::Malformed { .. })
    ));
}

/// What `key` would look like with `extra` more user IDs.
fn crowded(key: &Unlocked, extra: usize) -> Vec<u8> {
    let mut key = key
        .lock(&Protection::None)
        .unwrap()
        .unlock_unprotected()
        .unwrap();
    for n in 0..extra {
        key.add_user_id(&format!("Ann <ann{n}@example.org>"), now())
            .unwrap();
    }
    key.certificate().export(Form::Binary).unwrap()
}

#[test]
fn limits_refuse_and_without_them_the_same_is_taken() {
    let octets = crowded(&key(Profile::Modern, "ann"), 8);
    let with = |change: fn(&mut Limits)| {
        let mut limits = limits();
        change(&mut limits);
        import(&octets, &limits)
    };
    type Change = fn(&mut Limits);
    let one_by_one: [(&str, Change); 6] = [
        ("user IDs", |l| l.max_user_ids = 8),
        ("subkeys", |l| l.max_subkeys = 1),
        ("signatures of a certificate", |l| l.max_signatures = 11),
        ("octets of a certificate", |l| l.max_certificate = 1_000),
        ("packets of a certificate", |l| l.max_packets = 20),
        ("octets of a user ID", |l| l.max_user_id = 10),
    ];
    for (what, change) in one_by_one {
        let refused = with(change).unwrap().refused;
        let Some(Error::Limit { what: said, .. }) = refused.first().map(|r| &r.error) else {
            panic!("{what}: {refused:?}")
        };
        assert_eq!(*said, what);
        assert!(refused[0].fingerprint.is_some());
    }
    assert!(matches!(
        with(|l| l.max_import = 100),
        Err(Error::Limit { .. })
    ));
    assert!(matches!(
        with(|l| l.max_certificates = 0),
        Err(Error::Limit { .. })
    ));
    // The mutation: one more in each, and it is taken.
    let exact = with(|l| {
        (
            l.max_user_ids,
            l.max_subkeys,
            l.max_signatures,
            l.max_packets,
        ) = (9, 2, 12, 24);
    });
    assert_eq!(exact.unwrap().certificates.len(), 1);
}

#[test]
fn a_component_of_another_certificate_does_not_count() {
    // Ann's primary key with Bob's user ID and subkeys: each is there, none is bound.
    let (ann, bob) = (key(Profile::Modern, "ann"), key(Profile::Modern, "bob"));
    let (ann, bob) = (ann.certificate(), bob.certificate());
    let mut mixed = ann.export(Form::Binary).unwrap();
    let of_bob = bob.export(Form::Binary).unwrap();
    // The primary key packet: one octet of header, one of length.
    mixed.extend(&of_bob[2 + usize::from(of_bob[1])..]);
    let view = Certificate::parse(&mixed).unwrap().at(now());
    assert_eq!(view.fingerprint, ann.fingerprint());
    assert_eq!(view.addresses().collect::<Vec<_>>(), ["ann@example.org"]);
    assert_eq!(
        view.keys
            .iter()
            .filter(|k| k.reason == Reason::Valid)
            .count(),
        3
    );
}

#[test]
fn nothing_printed_for_a_log_holds_names_or_secrets() {
    let key = key(Profile::Modern, "ann");
    let locked = key.lock(&Protection::None).unwrap();
    let texts = [
        format!("{key:?}"),
        format!("{locked:?}"),
        format!("{:?}", key.certificate()),
        format!("{:?}", key.at(now())),
    ];
    assert!(
        texts
            .iter()
            .all(|text| !text.contains("ann@") && text.len() < 1_500),
        "{texts:?}"
    );
}

#[test]
fn a_key_of_the_future_does_not_count_yet() {
    let key = key(Profile::Compat, "ann");
    let early = now() - DAY;
    assert_eq!(key.at(early).reason, Reason::NotYetValid);
    assert_eq!(key.at(early).reason.state(), State::Expired);
}
