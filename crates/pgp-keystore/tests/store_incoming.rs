//! Messages that arrive at an account: opened, judged, and told who is behind them.
#![cfg(all(feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::store::{LASTS, certificate, dump, generate, id, open, passphrase, store};
use common::{days, key, limits, now, to};
use pgp_keystore::custody::{Custody, CustodyError};
use pgp_keystore::store::{Inline, Query, Store, StoreError, Whose};
use pgp_keystore::{
    Certificate, Error, Form, Handle, Profile, Protection, Reason, Recipient, State, Trust,
    Unlocked, Use, issuers, plan_send, recipients, sign_cleartext, sign_detached, sign_inline,
};
use pollster::block_on;
use record_store::Memory;

const TEXT: &[u8] = b"Dear Ann,\r\n\r\nit is me.\r\n";
const BOB: Option<&str> = Some("Bob@Example.org");

fn public(key: &Unlocked) -> Vec<u8> {
    key.certificate().export(Form::Binary).unwrap()
}

#[test]
fn a_signature_says_who_made_it_and_since_when_that_one_is_known() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let (bob, eve) = (key(Profile::Compat, "bob"), key(Profile::Modern, "bob"));
    let check = |by: &Unlocked, from: Option<&str>| {
        let signature = sign_detached(by, TEXT, days(3), Form::Armored).unwrap();
        let signed = ann.verify_detached(TEXT.to_vec(), signature, from, days(3));
        let signed = block_on(signed).unwrap();
        let reason = signed.verification.signatures[0].reason;
        (reason, signed.known[0].map(|known| known.whose))
    };
    // Nobody is known.
    assert_eq!(check(&bob, BOB), (Reason::UnknownKey, None));
    // The certificates are here, and anybody can make one with this address.
    block_on(ann.import([public(&bob), public(&eve)].concat(), now())).unwrap();
    for by in [&bob, &eve] {
        assert_eq!(check(by, BOB), (Reason::Valid, Some(Whose::Claimed)));
        let (_, whose) = check(by, Some("carol@example.org"));
        assert_eq!(whose, Some(Whose::Stranger));
        assert_eq!(check(by, None), (Reason::Valid, None));
    }
    // One is met: from then on it is that one, and the other one is an alarm.
    block_on(ann.meet("bob@example.org", bob.fingerprint(), days(1))).unwrap();
    let (trust, since) = (Trust::FirstUse, days(1));
    let known = Whose::Pinned { trust, since };
    assert_eq!(check(&bob, BOB), (Reason::Valid, Some(known)));
    assert_eq!((known.trust(), known.since()), (trust, Some(since)));
    let pinned = bob.fingerprint();
    let changed = Whose::Changed {
        pinned,
        trust,
        since,
    };
    // The signature is as valid as before, so that nothing but the alarm tells them apart.
    assert_eq!(check(&eve, BOB), (Reason::Valid, Some(changed)));
    assert!(changed.is_alarm() && !known.is_alarm());
    assert_eq!((changed.trust(), changed.since()), (Trust::None, None));
    // Asking pins nothing, and puts nothing on record.
    let pin = block_on(ann.pin("bob@example.org", now()))
        .unwrap()
        .unwrap();
    assert!(pin.alarms.is_empty() && pin.certificate == bob.fingerprint());
    // The user has compared fingerprints.
    block_on(ann.set_trust(
        "bob@example.org",
        eve.fingerprint(),
        Trust::Verified,
        days(2),
    ))
    .unwrap();
    let (trust, since) = (Trust::Verified, days(2));
    let known = Whose::Pinned { trust, since };
    assert_eq!(check(&eve, BOB), (Reason::Valid, Some(known)));
    assert!(check(&bob, BOB).1.is_some_and(Whose::is_alarm));
    // With the trust `None`, whichever comes is taken: no alarm, and nobody vouches.
    block_on(ann.set_trust("bob@example.org", eve.fingerprint(), Trust::None, days(2))).unwrap();
    assert_eq!(check(&bob, BOB).1, Some(Whose::Claimed));
    // By itself, too.
    let of = bob.fingerprint();
    let known = block_on(ann.who(of, "bob@example.org", days(3))).unwrap();
    assert_eq!((known.certificate, known.whose), (of, Whose::Claimed));
    let nobody = key(Profile::Compat, "x").fingerprint();
    let unknown = block_on(ann.who(nobody, "bob@example.org", now()));
    assert!(matches!(unknown, Err(StoreError::NoSuch { .. })));
    let malformed = block_on(ann.who(of, "no address", now()));
    assert!(matches!(
        malformed,
        Err(StoreError::Core(Error::Malformed { .. }))
    ));
}

#[test]
fn messages_that_are_signed_inline_and_in_clear_text_are_verified() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let bob = key(Profile::Modern, "bob");
    block_on(ann.import(public(&bob), now())).unwrap();
    block_on(ann.meet("bob@example.org", bob.fingerprint(), now())).unwrap();
    for message in [
        sign_inline(&bob, b"it is me\n", now(), Form::Armored).unwrap(),
        sign_cleartext(&bob, "it is me\n", now()).unwrap(),
    ] {
        let (content, signed) = block_on(ann.verify(message, BOB, now())).unwrap();
        assert_eq!(content.trim_ascii_end(), b"it is me");
        assert_eq!(signed.verification.state(), Some(State::Valid));
        assert_eq!(signed.known[0].unwrap().whose.since(), Some(now()));
    }
    let neither = block_on(ann.verify(b"Dear Ann".to_vec(), BOB, now()));
    assert!(matches!(
        neither,
        Err(StoreError::Core(Error::Malformed { .. }))
    ));
    // An altered one is said to be so.
    let signature = sign_detached(&bob, TEXT, now(), Form::Binary).unwrap();
    let altered = ann.verify_detached(b"no".to_vec(), signature, BOB, now());
    let altered = block_on(altered).unwrap();
    assert_eq!(altered.verification.signatures[0].reason, Reason::Altered);
    assert_eq!(altered.known, [None]);
}

#[test]
fn a_message_is_opened_by_the_key_it_names_and_its_signer_is_found() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let keys = ["one", "two", "three"].map(|n| generate(&ann, &session, n, Custody::Passphrase));
    let served = generate(&ann, &session, "served", Custody::Server);
    let bob = key(Profile::Modern, "bob");
    let certificate = |of| block_on(ann.certificate(of, now())).unwrap().unwrap();
    let seal = |of, signer: Option<&Unlocked>| {
        let to = certificate(of);
        let plan = plan_send(&[Recipient::new("ann@example.org", [&to])], now());
        plan.encrypt(TEXT, signer, now(), Form::Armored).unwrap()
    };
    let decrypt = |session: &Arc<_>, message| block_on(ann.decrypt(session, message, BOB, now()));
    for of in keys {
        let message = seal(of, Some(&bob));
        let named = recipients(&message, &limits()).unwrap();
        assert_eq!(block_on(ann.openers(&named, now())).unwrap(), [of]);
        let received = decrypt(&session, message).unwrap();
        assert_eq!(received.opened.content.as_slice(), TEXT);
        assert_eq!(received.opened.by.0, of);
        let reason = received.opened.verification.signatures[0].reason;
        assert_eq!(
            (reason, &received.known[..]),
            (Reason::UnknownKey, &[None][..])
        );
    }
    block_on(ann.import(public(&bob), now())).unwrap();
    block_on(ann.meet("bob@example.org", bob.fingerprint(), now())).unwrap();
    let received = decrypt(&session, seal(keys[0], Some(&bob))).unwrap();
    assert_eq!(received.opened.verification.state(), Some(State::Valid));
    let known = received.known[0].unwrap();
    assert_eq!(known.certificate, bob.fingerprint());
    assert_eq!(known.whose.trust(), Trust::FirstUse);
    let unsigned = decrypt(&session, seal(keys[0], None)).unwrap();
    assert!(unsigned.known.is_empty() && unsigned.opened.verification.signatures.is_empty());

    // The server opens what it may, and says which keys are the user's alone.
    let server = block_on(ann.unlock_by_server(LASTS, now())).unwrap();
    assert!(decrypt(&server, seal(served, None)).is_ok());
    let closed = decrypt(&server, seal(keys[0], None)).unwrap_err();
    let wanted = CustodyError::UsersOnly;
    assert!(matches!(closed, StoreError::Core(Error::Custody(e)) if e == wanted));
    // For several of them, one that opens is enough.
    let both = [certificate(keys[1]), certificate(served)];
    let both = [to("a", &both[0]), to("b", &both[1])];
    let both = plan_send(&both, now()).encrypt(TEXT, None, now(), Form::Binary);
    assert_eq!(decrypt(&server, both.unwrap()).unwrap().opened.by.0, served);

    // A message for somebody else, and what is none.
    let other = bob.certificate();
    let other = plan_send(&[to("bob", &other)], now()).encrypt(TEXT, None, now(), Form::Binary);
    let other = decrypt(&session, other.unwrap()).unwrap_err();
    assert!(matches!(other, StoreError::Core(Error::Undecryptable)));
    let plain = sign_inline(&bob, TEXT, now(), Form::Binary).unwrap();
    let plain = decrypt(&session, plain).unwrap_err();
    assert!(matches!(plain, StoreError::Core(Error::NotEncrypted)));
    // A session of another account opens nothing here.
    let anna = store.account(id("anna"));
    let (_, strange) = open(&anna);
    let strange = decrypt(&strange, seal(keys[0], None)).unwrap_err();
    assert!(matches!(strange, StoreError::OtherAccount));
}

#[test]
fn signers_are_found_by_whatever_names_them() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let bob = key(Profile::Compat, "bob");
    block_on(ann.import([public(&bob), certificate("carol")].concat(), now())).unwrap();
    let signature = sign_detached(&bob, TEXT, now(), Form::Binary).unwrap();
    let named = issuers(&signature, now(), &limits()).unwrap();
    let found =
        |handles: &[Handle]| -> Vec<Certificate> { block_on(ann.signers(handles, now())).unwrap() };
    assert_eq!(found(&named), [bob.certificate()]);
    for key in bob.certificate().fingerprints() {
        let id = Handle::from(key.key_id());
        assert_eq!(found(&[key.into(), id, id]), [bob.certificate()]);
    }
    let nobody = key(Profile::Compat, "x").fingerprint();
    assert!(found(&[nobody.into(), nobody.key_id().into()]).is_empty());
    assert!(found(&[]).is_empty());
    // Another account sees nothing of it: the same question, and nobody is known.
    let other = Store::new(Arc::clone(&records), Inline);
    let other = other.account(id("an"));
    assert!(block_on(other.signers(&named, now())).unwrap().is_empty());
    let signed = other.verify_detached(TEXT.to_vec(), signature, BOB, now());
    let reason = block_on(signed).unwrap().verification.signatures[0].reason;
    assert_eq!(reason, Reason::UnknownKey);
    // And nothing of all this was written.
    let before = dump(&records);
    block_on(ann.who(bob.fingerprint(), "bob@example.org", now())).unwrap();
    assert_eq!(dump(&records), before);
}

/// An old key, and a new one that is the default: what was sent to the old one still opens.
#[test]
fn old_keys_keep_decrypting() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let import = |key: Unlocked| {
        let octets = key.lock(&Protection::None).unwrap().export(Form::Binary);
        let import = ann.import_key(&session, octets.unwrap(), None, Custody::Server, now());
        block_on(import).unwrap()
    };
    let mut old = key(Profile::Compat, "ann");
    let certificate = old.certificate();
    let message = plan_send(&[to("ann", &certificate)], now())
        .encrypt(TEXT, None, now(), Form::Binary)
        .unwrap();
    // Its subkey is replaced, and then the whole key is revoked and over.
    old.rotate_subkey(Use::Encrypt, Profile::Compat, None, days(1))
        .unwrap();
    old.revoke(pgp_keystore::RevocationReason::Superseded, "", days(2))
        .unwrap();
    let (old, new) = (import(old), import(key(Profile::Modern, "ann")));
    block_on(ann.set_default(Use::Encrypt, Some("ann@example.org"), Some(new), now())).unwrap();
    let session = block_on(ann.unlock(&passphrase(), LASTS, days(3))).unwrap();
    let received = block_on(ann.decrypt(&session, message, None, days(3))).unwrap();
    assert_eq!(received.opened.by.0, old);
    assert_eq!(received.opened.content.as_slice(), TEXT);
    for address in [None, Some("ann@example.org")] {
        let default = block_on(ann.default_key(Use::Encrypt, address, days(3)));
        assert_eq!(default.unwrap(), Some(new));
    }
    let both = block_on(ann.find(&Query::Address("ann@example.org".into()), now()));
    assert_eq!(both.unwrap().len(), 2);
    // The mutation: without the old key it does not open.
    let message = plan_send(&[to("ann", &certificate)], now())
        .encrypt(TEXT, None, now(), Form::Binary)
        .unwrap();
    block_on(ann.remove(old, now())).unwrap();
    let gone = block_on(ann.decrypt(&session, message, None, days(3))).unwrap_err();
    assert!(matches!(gone, StoreError::Core(Error::Undecryptable)));
}
