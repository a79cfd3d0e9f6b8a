//! Passkeys in a store: a challenge is answered once, by whoever it was for.
#![cfg(all(feature = "passkey", feature = "store"))]
#![allow(missing_docs, clippy::unwrap_used)]

mod soft;

use std::time::Duration;

use pollster::block_on;
use record_store::{Key, Memory, Records};
use soft::service::*;
use soft::{Browser, Device, ORIGIN};
use twofactor::passkey::{LIFETIME, Unusable};
use twofactor::{
    Error, Event, First, Keyring, Kind, NewAppPassword, PasskeyChallenge, PasskeyConfirmed,
    PasskeyLogin, Refusal, Scopes, Second, TwoFactor,
};

#[test]
fn another_hands_authenticator_registers_and_logs_in() {
    let (store, ann) = (Memory::new(), ann());
    let tf = service(&store);
    assert!(matches!(password(&tf, &ann), First::Passed(_)));
    let mut browser = Browser::default();
    let asked = begin(&tf, &ann);
    let created = browser.create(ORIGIN, &asked.options);
    let PasskeyConfirmed::On(enrolled) = confirm(&tf, &ann, &asked.id, &created).unwrap() else {
        panic!("refused")
    };
    assert!(events(&tf, &ann).contains(&Event::Enrolled(Kind::Passkey)));
    let passkeys = block_on(tf.passkeys(&ann, now())).unwrap();
    assert_eq!(passkeys.len(), 1);
    assert_eq!(passkeys[0].id(), enrolled.passkey);
    assert_eq!(passkeys[0].last_used(), None);
    for _ in 0..3 {
        let pending = pending(&tf, &ann);
        let asked = ask(&tf, &pending);
        let got = browser.get(ORIGIN, &asked.options);
        let in_ = answer(&tf, &pending, &asked.id.to_string().parse().unwrap(), &got);
        assert!(passed(in_));
        // Once.
        let again = refused(answer(&tf, &pending, &asked.id, &got));
        assert_eq!(again, Refusal::Answer(Unusable::Gone));
        assert_eq!(again.code(), "passkey.gone");
    }
    // Its counter was stored each time.
    let passkeys = block_on(tf.passkeys(&ann, now())).unwrap();
    assert!(passkeys[0].last_used().is_some());
    assert_eq!(count(&store, "2fa-challenge"), 0);
}

#[test]
fn the_first_second_factor_brings_recovery_codes_and_an_app_password() {
    let (store, ann) = (Memory::new(), ann());
    let tf = service(&store);
    let first = NewAppPassword {
        name: "Phone",
        scopes: Scopes::MAIL,
    };
    let confirm = |device: &Device, first| {
        let asked = begin(&tf, &ann);
        let created = device.create(&asked.options);
        let confirmed = tf.confirm_passkey(&ann, &asked.id, &created, "Pocket", first, now());
        match block_on(confirmed).unwrap() {
            PasskeyConfirmed::On(enrolled) => enrolled,
            PasskeyConfirmed::Refused(why) => panic!("{why:?}"),
        }
    };
    let enrolled = confirm(&Device::p256(b"one"), Some(first));
    let codes = enrolled.recovery.unwrap();
    assert_eq!(codes.iter().count(), 10);
    let app = enrolled.app_password.unwrap();
    // What is stored opens with what was shown, and with nothing else.
    let get = |key: Key| {
        let found = block_on(store.get(&key, now())).unwrap().unwrap();
        found.value().unwrap().to_vec()
    };
    for code in codes.iter() {
        let key = Key::new("2fa-recovery", ("ann", u64::from(code.selector()))).unwrap();
        let hash = String::from_utf8(get(key)).unwrap();
        assert!(code.check(&hash).unwrap());
    }
    let key = Key::new("2fa-app", ("ann", u64::from(app.id().number()))).unwrap();
    let digest = app.digest();
    assert!(get(key).windows(32).any(|octets| octets == digest));
    assert_eq!(
        (count(&store, "2fa-recovery"), count(&store, "2fa-app")),
        (10, 1)
    );
    let told = events(&tf, &ann);
    for kind in [Kind::Passkey, Kind::Recovery, Kind::AppPassword] {
        assert!(told.contains(&Event::Enrolled(kind)), "{kind:?}");
    }
    match password(&tf, &ann) {
        First::Second(_, methods) => {
            assert_eq!((methods.passkeys, methods.recovery_codes), (1, 10))
        }
        other => panic!("{other:?}"),
    }
    // The second one brings nothing.
    let enrolled = confirm(&Device::p256(b"two"), Some(first));
    assert!(enrolled.recovery.is_none() && enrolled.app_password.is_none());
    assert_eq!(
        (count(&store, "2fa-recovery"), count(&store, "2fa-app")),
        (10, 1)
    );
    // The codes go with the last, and not before.
    for (passkey, left) in block_on(tf.passkeys(&ann, now()))
        .unwrap()
        .iter()
        .zip([10, 0])
    {
        block_on(tf.remove_passkey(&ann, passkey.id(), now())).unwrap();
        assert_eq!(count(&store, "2fa-recovery"), left);
    }
    assert_eq!(count(&store, "2fa-app"), 1);
    let enrolled = confirm(&Device::p256(b"three"), None);
    assert!(enrolled.recovery.is_some() && enrolled.app_password.is_none());
    assert_eq!(
        (count(&store, "2fa-recovery"), count(&store, "2fa-app")),
        (10, 1)
    );
    // A name that is none is refused before anything is taken.
    let asked = begin(&tf, &user("bob"));
    let created = Device::p256(b"bobs").create(&asked.options);
    let (bob, first) = (user("bob"), NewAppPassword { name: "", ..first });
    let bad = tf.confirm_passkey(&bob, &asked.id, &created, "Pocket", Some(first), now());
    assert!(matches!(block_on(bad), Err(Error::Name { most: 64 })));
    let good = block_on(tf.confirm_passkey(&bob, &asked.id, &created, "Pocket", None, now()));
    assert!(matches!(good, Ok(PasskeyConfirmed::On(_))));
}

#[test]
fn a_challenge_is_of_no_use_to_anybody_else() {
    let tf = service(Memory::new());
    let (ann, bob) = (ann(), user("bob"));
    let (anns, bobs) = (Device::p256(b"anns"), Device::p256(b"bobs"));
    // Bob has also registered a credential with the name of Ann's, so that it is one that he has.
    let forged = Device::p256(b"anns");
    register(&tf, &ann, &anns);
    register(&tf, &bob, &bobs);
    register(&tf, &bob, &forged);
    let (of_ann, of_bob) = (pending(&tf, &ann), pending(&tf, &bob));
    let asked = ask(&tf, &of_ann);
    for device in [&anns, &bobs, &forged] {
        let got = device.get(&asked.options);
        let why = refused(answer(&tf, &of_bob, &asked.id, &got));
        assert_eq!(why, Refusal::Answer(Unusable::Gone));
    }
    // Nobody has taken it away from Ann.
    assert!(passed(answer(
        &tf,
        &of_ann,
        &asked.id,
        &anns.get(&asked.options)
    )));
    // Bob's passkeys do not open Ann's account, whatever they are called.
    for (device, why) in [(&bobs, Unusable::Unknown), (&forged, Unusable::Signature)] {
        let asked = ask(&tf, &of_ann);
        let got = device.get(&asked.options);
        let refused = refused(answer(&tf, &of_ann, &asked.id, &got));
        assert_eq!(refused, Refusal::Answer(why));
    }
    // Ann's answer to Bob's challenge.
    let (asked, own) = (ask(&tf, &of_bob), ask(&tf, &of_ann));
    let got = anns.get(&asked.options);
    let why = refused(answer(&tf, &of_ann, &own.id, &got));
    assert_eq!(why, Refusal::Answer(Unusable::Challenge));
    // Registrations, too.
    let asked = begin(&tf, &ann);
    let created = Device::p256(b"new").create(&asked.options);
    let confirmed = confirm(&tf, &bob, &asked.id, &created).unwrap();
    assert!(matches!(
        confirmed,
        PasskeyConfirmed::Refused(Refusal::Answer(Unusable::Gone))
    ));
}

#[test]
fn one_ceremony_is_not_the_other() {
    let (tf, ann, device) = (service(Memory::new()), ann(), Device::p256(b"one"));
    register(&tf, &ann, &device);
    let pending = pending(&tf, &ann);
    let asked = begin(&tf, &ann);
    let got = device.get(&asked.options);
    let why = refused(answer(&tf, &pending, &asked.id, &got));
    assert_eq!(why, Refusal::Answer(Unusable::Ceremony));
    let asked = ask(&tf, &pending);
    let created = Device::p256(b"two").create(&asked.options);
    let confirmed = confirm(&tf, &ann, &asked.id, &created).unwrap();
    assert!(matches!(
        confirmed,
        PasskeyConfirmed::Refused(Refusal::Answer(Unusable::Ceremony))
    ));
    assert_eq!(block_on(tf.passkeys(&ann, now())).unwrap().len(), 1);
}

#[test]
fn whatever_is_answered_the_challenge_is_gone() {
    let (store, ann, device) = (Memory::new(), ann(), Device::p256(b"one"));
    let tf = service(&store);
    register(&tf, &ann, &device);
    let pending = pending(&tf, &ann);
    for (bad, why) in [
        ("", Unusable::Malformed),
        (&"x".repeat(20_000), Unusable::TooLong),
    ] {
        let asked = ask(&tf, &pending);
        let got = device.get(&asked.options);
        let refusal = refused(answer(&tf, &pending, &asked.id, bad));
        assert_eq!(refusal, Refusal::Answer(why));
        let refusal = refused(answer(&tf, &pending, &asked.id, &got));
        assert_eq!(refusal, Refusal::Answer(Unusable::Gone));
        let asked = begin(&tf, &ann);
        let created = Device::p256(b"two").create(&asked.options);
        for answer in [bad, &created] {
            let confirmed = confirm(&tf, &ann, &asked.id, answer).unwrap();
            assert!(matches!(confirmed, PasskeyConfirmed::Refused(_)));
        }
    }
    assert_eq!(count(&store, "2fa-challenge"), 0);
    let asked = begin(&tf, &ann);
    let long = block_on(tf.confirm_passkey(&ann, &asked.id, "", &"n".repeat(65), None, now()));
    assert!(matches!(long, Err(Error::Name { most: 64 })));
}

#[test]
fn after_five_minutes_it_is_gone() {
    let (tf, ann, device) = (service(Memory::new()), ann(), Device::p256(b"one"));
    register(&tf, &ann, &device);
    let pending = pending(&tf, &ann);
    let last = LIFETIME - Duration::from_millis(1);
    for (later, in_) in [(LIFETIME, false), (last, true)] {
        let asked = ask(&tf, &pending);
        let got = device.get(&asked.options);
        let client = client();
        let second = tf.passkey(&pending, &client, &asked.id, &got, now() + later);
        match block_on(second).unwrap() {
            Second::Passed(_) => assert!(in_),
            Second::Refused(why) => {
                assert_eq!((why, in_), (Refusal::Answer(Unusable::Gone), false));
            }
        }
    }
}

#[test]
fn a_copied_authenticator_is_refused_and_told_of() {
    let (tf, ann) = (service(Memory::new()), ann());
    let mut device = Device::p256(b"one");
    register(&tf, &ann, &device);
    let pending = pending(&tf, &ann);
    for (counter, in_) in [(7, true), (7, false), (6, false), (8, true)] {
        device.counter = counter;
        let asked = ask(&tf, &pending);
        let second = answer(&tf, &pending, &asked.id, &device.get(&asked.options));
        match in_ {
            true => assert!(passed(second)),
            false => assert_eq!(refused(second), Refusal::Answer(Unusable::Copied)),
        }
    }
    let told = events(&tf, &ann);
    let copied = told.iter().filter(|event| **event == Event::CopiedPasskey);
    assert_eq!(copied.count(), 2);
}

#[test]
fn what_was_begun_before_the_factors_changed_is_over() {
    let (tf, ann, device) = (service(Memory::new()), ann(), Device::p256(b"one"));
    register(&tf, &ann, &device);
    let before = pending(&tf, &ann);
    let asked = ask(&tf, &before);
    let got = device.get(&asked.options);
    register(&tf, &ann, &Device::p256(b"two"));
    assert_eq!(
        refused(answer(&tf, &before, &asked.id, &got)),
        Refusal::Stale
    );
    let begun = block_on(tf.passkey_challenge(&before, now())).unwrap();
    assert!(matches!(begun, PasskeyLogin::Refused(Refusal::Stale)));
    // Removing, too; and what is removed opens nothing.
    let before = pending(&tf, &ann);
    let (first, second) = (ask(&tf, &before), ask(&tf, &before));
    let passkeys = block_on(tf.passkeys(&ann, now())).unwrap();
    let one = passkeys
        .iter()
        .find(|it| it.credential().as_octets() == b"one");
    let id = one.unwrap().id();
    assert!(passed(answer(
        &tf,
        &before,
        &first.id,
        &device.get(&first.options)
    )));
    block_on(tf.remove_passkey(&ann, id, now())).unwrap();
    let got = device.get(&second.options);
    assert_eq!(
        refused(answer(&tf, &before, &second.id, &got)),
        Refusal::Stale
    );
    assert!(events(&tf, &ann).contains(&Event::Removed(Kind::Passkey)));
    let now_ = pending(&tf, &ann);
    let asked = ask(&tf, &now_);
    let got = device.get(&asked.options);
    let why = refused(answer(&tf, &now_, &asked.id, &got));
    assert_eq!(why, Refusal::Answer(Unusable::Unknown));
    let again = block_on(tf.remove_passkey(&ann, id, now()));
    assert!(matches!(again, Err(Error::NoSuch { what: "passkey" })));
    // Ten minutes after the password.
    let late = block_on(tf.passkey_challenge(&now_, now() + Duration::from_secs(600))).unwrap();
    assert!(matches!(late, PasskeyLogin::Refused(Refusal::Stale)));
}

#[test]
fn there_are_at_most_32_of_each() {
    let (store, ann) = (Memory::new(), ann());
    let tf = service(&store);
    let device = Device::p256(b"device 0");
    register(&tf, &ann, &device);
    for n in 1..31 {
        register(&tf, &ann, &Device::p256(format!("device {n}").as_bytes()));
    }
    // Two that began while there was room for one.
    let (first, second) = (begin(&tf, &ann), begin(&tf, &ann));
    let created = |n: &[u8], asked: &PasskeyChallenge| Device::p256(n).create(&asked.options);
    let on = confirm(&tf, &ann, &first.id, &created(b"a", &first)).unwrap();
    assert!(matches!(on, PasskeyConfirmed::On(_)));
    let full = confirm(&tf, &ann, &second.id, &created(b"b", &second));
    assert!(matches!(full, Err(Error::TooMany { most: 32, .. })));
    let full = block_on(tf.passkey_registration(&ann, "ann", now()));
    assert!(matches!(full, Err(Error::TooMany { most: 32, .. })));
    assert_eq!(count(&store, "2fa-passkey"), 32);
    // Challenges: the oldest makes room.
    let pending = pending(&tf, &ann);
    let at = |n| now() + Duration::from_secs(n);
    let asked: Vec<_> = (1..=33)
        .map(
            |n| match block_on(tf.passkey_challenge(&pending, at(n))).unwrap() {
                PasskeyLogin::Ask(asked) => asked,
                PasskeyLogin::Refused(why) => panic!("{why:?}"),
            },
        )
        .collect();
    assert_eq!(count(&store, "2fa-challenge"), 32);
    let got = device.get(&asked[0].options);
    let why = refused(answer(&tf, &pending, &asked[0].id, &got));
    assert_eq!(why, Refusal::Answer(Unusable::Gone));
    let got = device.get(&asked[32].options);
    assert!(passed(answer(&tf, &pending, &asked[32].id, &got)));
}

#[test]
fn without_a_relying_party_there_are_no_passkeys() {
    let begun = TwoFactor::builder(Memory::new()).keys(Keyring::new(1, [7; 32]));
    let tf = begun.issuer("Example Mail").build().unwrap();
    let asked = block_on(tf.passkey_registration(&ann(), "ann", now()));
    assert!(matches!(
        asked,
        Err(Error::NoSuch {
            what: "relying party"
        })
    ));
}
