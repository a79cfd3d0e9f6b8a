//! An account in a store: keys made and used, certificates found, secrets where nobody else opens them.
#![cfg(all(feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::store::{LASTS, certificate, dump, generate, id, kind, open, passphrase, setup, store};
use common::{DAY, days, key, limits, now};
use pgp_keystore::custody::{Custody, CustodyError, KekError, KekFile, Session};
use pgp_keystore::store::{Account, Done, Event, Inline, Query, Quotas, Store, StoreError};
use pgp_keystore::{
    Certificate, Error, Fingerprint, Form, Generate, Key, Passphrase, Profile, Protection, Reason,
    Recipient, Unlocked, Use, decrypt, plan_send, sign_detached,
};
use pollster::block_on;
use record_store::{Commit, Expect, Memory, Outcome, Records};

fn can_sign<R: Records>(
    account: &Account<'_, R, Inline>,
    session: &Arc<Session>,
    of: Fingerprint,
) -> Result<(), StoreError> {
    let sign = |keys: &[&Unlocked]| sign_detached(keys[0], b"it is me", now(), Form::Binary);
    let signed = block_on(account.with_keys(session, &[of], sign, now()))?;
    Ok(signed.map(drop)?)
}

fn custody_error<T: std::fmt::Debug>(result: Result<T, StoreError>) -> CustodyError {
    match result {
        Err(StoreError::Core(Error::Custody(error))) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_is_made_found_and_used_and_its_secret_is_nowhere() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let of = generate(&ann, &session, "ann", Custody::Passphrase);
    let found = block_on(ann.certificate(of, now())).unwrap().unwrap();
    assert_eq!(found.fingerprint(), of);
    can_sign(&ann, &session, of).unwrap();

    // The revocation of its birth applies.
    let revocation = block_on(ann.revocation(of, now())).unwrap().unwrap();
    let revoked = found.revoke_with(&revocation).unwrap();
    assert_eq!(revoked.at(now()).reason, Reason::Compromised);

    // What it looks like open is in no record.
    let export = block_on(ann.export_key(&session, of, Protection::None, Form::Binary, now()));
    let (export, public) = (export.unwrap(), found.export(Form::Binary).unwrap());
    assert!(Key::parse(&export).unwrap().unlock_unprotected().is_ok());
    let secret: Vec<&[u8]> = export
        .windows(24)
        .filter(|window| !public.windows(24).any(|w| w == *window))
        .collect();
    assert!(secret.len() > 24);
    // An unlock with another session works as well, after a restart.
    let again = block_on(ann.unlock(&passphrase(), LASTS, now())).unwrap();
    can_sign(&ann, &again, of).unwrap();
    session.close();
    assert_eq!(
        custody_error(can_sign(&ann, &session, of)),
        CustodyError::SessionOver
    );

    let records = dump(&records);
    for (key, value) in &records {
        assert!(
            !secret.iter().any(|s| value.windows(24).any(|w| w == *s)),
            "{key:?}"
        );
    }
    let log = block_on(ann.log(None, 10, now())).unwrap();
    let events: Vec<Event> = log.iter().map(|entry| entry.event).collect();
    assert_eq!(
        events,
        [Event::Created, Event::Generated, Event::SecretsExported]
    );
}

#[test]
fn a_changed_passphrase_changes_one_record_and_the_recovery_key_still_opens() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let (recovery, session) = open(&ann);
    let keys = ["one", "two", "three"].map(|n| generate(&ann, &session, n, Custody::Passphrase));
    let before = dump(&records);
    let new = Passphrase::from("another");
    let cost = pgp_keystore::custody::Cost::LEAST;
    block_on(ann.change_passphrase(&session, &new, cost, now())).unwrap();
    let after = dump(&records);
    let changed: Vec<String> = after
        .iter()
        .filter(|record| !before.contains(record))
        .map(|(key, _)| kind(key))
        .collect();
    assert_eq!(changed, ["head", "log", "vault"]);

    let old = block_on(ann.unlock(&passphrase(), LASTS, now()));
    assert_eq!(custody_error(old), CustodyError::DoesNotOpen);
    for session in [
        block_on(ann.unlock(&new, LASTS, now())).unwrap(),
        block_on(ann.unlock_with_recovery(&recovery, LASTS, now())).unwrap(),
    ] {
        for of in keys {
            can_sign(&ann, &session, of).unwrap();
        }
    }
    let renewed = block_on(ann.change_recovery(&session, now())).unwrap();
    assert!(block_on(ann.unlock_with_recovery(&renewed, LASTS, now())).is_ok());
    let old = block_on(ann.unlock_with_recovery(&recovery, LASTS, now()));
    assert_eq!(custody_error(old), CustodyError::DoesNotOpen);
    // What is there is not set up again.
    let again = block_on(ann.create(setup(), now()));
    assert!(matches!(again, Err(StoreError::Exists { .. })));
}

#[test]
fn the_server_uses_what_it_may_and_a_backup_without_its_file_opens_nothing() {
    let records = Arc::new(Memory::new());
    let kek = Arc::new(KekFile::generate().unwrap());
    let here = Store::new(Arc::clone(&records), Inline).with_kek(kek.clone());
    let ann = here.account(id("ann"));
    let (_, session) = open(&ann);
    let served = generate(&ann, &session, "served", Custody::Server);
    let own = generate(&ann, &session, "own", Custody::Passphrase);
    let server = block_on(ann.unlock_by_server(LASTS, now())).unwrap();
    can_sign(&ann, &server, served).unwrap();
    assert_eq!(
        custody_error(can_sign(&ann, &server, own)),
        CustodyError::UsersOnly
    );
    let both = block_on(ann.with_keys(&server, &[served, own], |_| (), now()));
    assert_eq!(custody_error(both), CustodyError::UsersOnly);

    // The same records elsewhere: with another file, and with none.
    let other = Arc::new(KekFile::generate().unwrap());
    let stolen = Store::new(Arc::clone(&records), Inline).with_kek(other);
    let opened = block_on(stolen.account(id("ann")).unlock_by_server(LASTS, now()));
    assert_eq!(custody_error(opened), CustodyError::Kek(KekError::Refused));
    let bare = Store::new(Arc::clone(&records), Inline);
    let opened = block_on(bare.account(id("ann")).unlock_by_server(LASTS, now()));
    assert!(matches!(opened, Err(StoreError::NoKek)));
    // The mutation: with the file it does.
    let restored = Store::new(Arc::clone(&records), Inline).with_kek(kek.clone());
    let restored = restored.account(id("ann"));
    let opened = block_on(restored.unlock_by_server(LASTS, now())).unwrap();
    can_sign(&restored, &opened, served).unwrap();

    // A key changes hands; the server's key is changed; the server is sent away.
    block_on(ann.set_custody(&session, served, Custody::Passphrase, now())).unwrap();
    assert_eq!(
        custody_error(can_sign(&ann, &server, served)),
        CustodyError::UsersOnly
    );
    block_on(ann.set_custody(&session, own, Custody::Server, now())).unwrap();
    can_sign(&ann, &server, own).unwrap();
    let rotated = Arc::new(kek.rotated().unwrap());
    let moved = Store::new(Arc::clone(&records), Inline).with_kek(rotated.clone());
    let moved = moved.account(id("ann"));
    block_on(moved.rewrap_server(now())).unwrap();
    let opened = block_on(moved.unlock_by_server(LASTS, now())).unwrap();
    can_sign(&moved, &opened, own).unwrap();
    let old = block_on(ann.unlock_by_server(LASTS, now()));
    assert_eq!(custody_error(old), CustodyError::Kek(KekError::Refused));
    block_on(moved.forbid_server(now())).unwrap();
    let gone = block_on(moved.unlock_by_server(LASTS, now()));
    assert_eq!(
        custody_error(gone),
        CustodyError::NoSuchWay { way: "the server" }
    );
    block_on(moved.allow_server(&session, now())).unwrap();
    assert!(block_on(moved.unlock_by_server(LASTS, now())).is_ok());
}

#[test]
fn certificates_are_found_by_address_key_and_subkey() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let bob = key(Profile::Compat, "bob");
    let twice = [bob.certificate().export(Form::Armored).unwrap(), {
        let mut bob = bob
            .lock(&Protection::None)
            .unwrap()
            .unlock_unprotected()
            .unwrap();
        bob.add_user_id("Bob <BOB@Bücher.example>", days(1))
            .unwrap();
        bob.certificate().export(Form::Armored).unwrap()
    }];
    let report = block_on(ann.import(twice.concat(), now())).unwrap();
    let done: Vec<Done> = report.taken.iter().map(|taken| taken.done).collect();
    assert_eq!(
        (done, report.refused.len()),
        (vec![Done::Added, Done::Updated], 0)
    );
    let again = block_on(ann.import(twice.concat(), now())).unwrap();
    assert!(
        again
            .taken
            .iter()
            .all(|taken| taken.done == Done::Unchanged)
    );
    block_on(ann.import(certificate("carol"), now())).unwrap();

    let of = bob.fingerprint();
    let find = |query: Query| block_on(ann.find(&query, now())).unwrap();
    let address = |text: &str| find(Query::Address(text.into()));
    assert_eq!(address("bob@example.org"), [of]);
    assert_eq!(address("Bob@EXAMPLE.org"), [of]);
    assert_eq!(address("bob@xn--bcher-kva.example"), [of]);
    assert_eq!(address("bob@bücher.example"), [of]);
    assert_eq!(address("bo@example.org"), []);
    assert_eq!(address("no address"), []);
    for component in bob.certificate().fingerprints() {
        assert_eq!(find(Query::Fingerprint(component)), [of]);
        assert_eq!(find(Query::KeyId(component.key_id())), [of]);
    }
    assert_eq!(block_on(ann.list(None, 10, now())).unwrap().len(), 2);
    assert_eq!(
        block_on(ann.certificates(&Query::KeyId(of.key_id()), now()))
            .unwrap()
            .len(),
        1
    );

    assert!(block_on(ann.remove(of, now())).unwrap());
    assert!(!block_on(ann.remove(of, now())).unwrap());
    assert_eq!(address("bob@example.org"), []);
    assert_eq!(find(Query::KeyId(of.key_id())), []);
    // Nothing is left of it but the log.
    for (key, _) in dump(&records) {
        let named = key.parts().any(|part| part.bytes() == of.as_bytes());
        assert!(!named, "{key:?}");
    }
}

#[test]
fn a_key_of_gnupgs_form_comes_in_and_goes_out() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let old = key(Profile::Compat, "old");
    let locked = old.lock(&Protection::GnuPg("secret".into())).unwrap();
    let octets = locked.export(Form::Armored).unwrap();
    let import = |octets: Vec<u8>, passphrase: Option<&Passphrase>| {
        block_on(ann.import_key(&session, octets, passphrase, Custody::Server, now()))
    };
    let wrong = import(octets.clone(), Some(&Passphrase::from("wrong")));
    assert!(matches!(
        wrong,
        Err(StoreError::Core(Error::WrongPassphrase))
    ));
    assert!(block_on(ann.keys(now())).unwrap().is_empty());
    // The certificate alone may be here before.
    block_on(ann.import(octets.clone(), now())).unwrap();
    assert!(block_on(ann.keys(now())).unwrap().is_empty());
    let of = import(octets.clone(), Some(&Passphrase::from("secret"))).unwrap();
    assert_eq!(of, old.fingerprint());
    let keys = block_on(ann.keys(now())).unwrap();
    assert_eq!((keys.len(), keys[0].custody), (1, Custody::Server));
    // Again it changes nothing: not even the log.
    let before = dump(&records);
    import(octets, Some(&Passphrase::from("secret"))).unwrap();
    assert_eq!(dump(&records), before);
    // A newer message of old times is decrypted.
    let certificate = old.certificate();
    let plan = plan_send(&[Recipient::new("old@example.org", [&certificate])], now());
    let sealed = plan
        .encrypt(b"Dear old", None, now(), Form::Binary)
        .unwrap();
    let open = move |keys: &[&Unlocked]| decrypt(&sealed, keys, &[], now(), &limits());
    let opened = block_on(ann.with_keys(&session, &[of], open, now()))
        .unwrap()
        .unwrap();
    assert_eq!(opened.content.as_slice(), b"Dear old");
    let out = Protection::GnuPg("new".into());
    let out = block_on(ann.export_key(&session, of, out, Form::Armored, now())).unwrap();
    assert!(Key::parse(&out).unwrap().unlock(&"new".into()).is_ok());
}

#[test]
fn a_change_is_stored_and_an_error_changes_nothing() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let of = generate(&ann, &session, "ann", Custody::Passphrase);
    let edit = |key: &mut Unlocked| key.add_subkey(Use::Sign, Profile::Modern, None, days(1));
    let new = block_on(ann.edit(&session, of, edit, days(1))).unwrap_err();
    // The session was over by then.
    assert_eq!(custody_error::<()>(Err(new)), CustodyError::SessionOver);
    let session = block_on(ann.unlock(&passphrase(), LASTS, days(1))).unwrap();
    let new = block_on(ann.edit(&session, of, edit, days(1))).unwrap();
    let found = block_on(ann.find(&Query::Fingerprint(new), days(1))).unwrap();
    assert_eq!(found, [of]);
    let before = dump(&records);
    let fails = |key: &mut Unlocked| {
        key.add_user_id("Ann <two@example.org>", days(1))?;
        Err::<(), Error>(Error::Time)
    };
    let failed = block_on(ann.edit(&session, of, fails, days(1)));
    assert!(matches!(failed, Err(StoreError::Core(Error::Time))));
    assert_eq!(dump(&records), before);
    let stranger = key(Profile::Modern, "bob").fingerprint();
    let none = block_on(ann.edit(&session, stranger, |_| Ok(()), days(1)));
    assert!(matches!(none, Err(StoreError::NoSuch { .. })));
}

#[test]
fn the_default_is_what_was_chosen_as_long_as_it_counts() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let one = generate(&ann, &session, "one", Custody::Passphrase);
    let new = Generate::new(Profile::Modern, now() + DAY).user_id("<two@example.org>");
    let new = new.expires(days(30));
    let two = block_on(ann.generate(&session, new, Custody::Passphrase, now())).unwrap();
    let get = |address: Option<&str>, day: u32| {
        block_on(ann.default_key(Use::Sign, address, days(day))).unwrap()
    };
    let set = |address: Option<&str>, key: Option<Fingerprint>| {
        block_on(ann.set_default(Use::Sign, address, key, now()))
    };
    // The newest that counts, or the one with the address.
    assert_eq!(
        (get(None, 0), get(None, 2), get(None, 31)),
        (Some(one), Some(two), Some(one))
    );
    assert_eq!(get(Some("one@example.org"), 2), Some(one));
    set(None, Some(one)).unwrap();
    set(Some("work@example.org"), Some(two)).unwrap();
    assert_eq!(
        (get(None, 2), get(Some("WORK@example.org"), 2)),
        (Some(one), Some(two))
    );
    assert_eq!(get(Some("work@example.org"), 31), Some(one));
    // What the server signs with is another question.
    let server =
        || block_on(ann.default_key_in(Custody::Server, Use::Sign, None, days(2))).unwrap();
    assert_eq!(server(), None);
    let served = generate(&ann, &session, "served", Custody::Server);
    assert_eq!((server(), get(None, 2)), (Some(served), Some(one)));
    block_on(ann.remove(served, now())).unwrap();
    set(None, None).unwrap();
    assert_eq!(get(None, 2), Some(two));
    let stranger = key(Profile::Modern, "bob").fingerprint();
    assert!(matches!(
        set(None, Some(stranger)),
        Err(StoreError::NoSuch { .. })
    ));
    block_on(ann.remove(two, now())).unwrap();
    assert_eq!(get(Some("work@example.org"), 2), Some(one));
}

#[test]
fn quotas_hold_and_what_is_refused_says_so() {
    let mut quotas = Quotas::default();
    quotas.max_certificates = 3;
    quotas.max_keys = 1;
    quotas.max_peers = 2;
    let store = store(Memory::new()).with_quotas(quotas.clone());
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let of = generate(&ann, &session, "ann", Custody::Passphrase);
    let second = Generate::new(Profile::Modern, now()).user_id("<two@example.org>");
    let second = block_on(ann.generate(&session, second, Custody::Passphrase, now()));
    assert!(matches!(second, Err(StoreError::Full { what: "keys" })));
    let many: Vec<u8> = (0..10)
        .flat_map(|n| certificate(&format!("n{n}")))
        .collect();
    let report = block_on(ann.import(many.clone(), now())).unwrap();
    assert_eq!((report.taken.len(), report.refused.len()), (2, 8));
    let limit = |refused: &pgp_keystore::Refused| matches!(refused.error, Error::Limit { .. });
    assert!(report.refused.iter().all(limit));
    // There is room again.
    block_on(ann.remove(report.taken[0].certificate, now())).unwrap();
    let report = block_on(ann.import(many, now())).unwrap();
    let added = report
        .taken
        .iter()
        .filter(|taken| taken.done == Done::Added);
    assert_eq!(added.count(), 1);
    for (name, fits) in [("a", true), ("b", true), ("c", false), ("a", true)] {
        let met = block_on(ann.meet(&format!("{name}@example.org"), of, now()));
        assert_eq!(met.is_ok(), fits, "{name}");
    }
    // By octets, and one that is too large by itself.
    quotas.max_certificates = 100;
    quotas.max_octets = 2_000;
    let small = Store::new(Memory::new(), Inline).with_quotas(quotas.clone());
    let many: Vec<u8> = (0..10)
        .flat_map(|n| certificate(&format!("n{n}")))
        .collect();
    let report = block_on(small.account(id("ann")).import(many.clone(), now())).unwrap();
    assert!((1..4).contains(&report.taken.len()), "{report:?}");
    quotas.max_octets = 1 << 20;
    quotas.limits.max_certificate = 300;
    let tiny = Store::new(Memory::new(), Inline).with_quotas(quotas);
    let report = block_on(tiny.account(id("ann")).import(many, now())).unwrap();
    assert_eq!((report.taken.len(), report.refused.len()), (0, 10));
}

/// Rows that were moved by somebody who can write to the store, and the mutation: where they belong, they open.
#[test]
fn moved_rows_do_not_open() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let (ann, anna) = (store.account(id("ann")), store.account(id("anna")));
    let (_, session) = open(&ann);
    let (_, other) = open(&anna);
    let one = generate(&ann, &session, "one", Custody::Passphrase);
    let two = generate(&ann, &session, "two", Custody::Passphrase);
    let at = |account: &str, kind: &str, of: Fingerprint| {
        record_store::Key::new("pgp-keystore", (account, kind, of.as_bytes())).unwrap()
    };
    let read = |key: &record_store::Key| {
        let found = block_on(records.get(key, now())).unwrap().unwrap();
        found.value().unwrap().to_vec()
    };
    let write = |key: &record_store::Key, value: Vec<u8>| {
        let commit = Commit::new().put(key, value, Expect::Anything);
        assert!(matches!(
            block_on(records.commit(commit, now())),
            Ok(Outcome::Committed(_))
        ));
    };
    can_sign(&ann, &session, one).unwrap();
    // To another account, certificate and all.
    for kind in ["cert", "secret"] {
        write(&at("anna", kind, one), read(&at("ann", kind, one)));
    }
    assert_eq!(
        custody_error(can_sign(&anna, &other, one)),
        CustodyError::DoesNotOpen
    );
    // To another key.
    let right = read(&at("ann", "secret", two));
    write(&at("ann", "secret", two), read(&at("ann", "secret", one)));
    assert_eq!(
        custody_error(can_sign(&ann, &session, two)),
        CustodyError::DoesNotOpen
    );
    write(&at("ann", "secret", two), right);
    can_sign(&ann, &session, two).unwrap();
    // To a later version: the secrets of before, and the version that they say changed to fit.
    let before = read(&at("ann", "secret", two));
    let edit = |key: &mut Unlocked| key.add_user_id("Two <two@example.net>", now());
    block_on(ann.edit(&session, two, edit, now())).unwrap();
    let after = read(&at("ann", "secret", two));
    write(&at("ann", "secret", two), before.clone());
    assert!(matches!(
        can_sign(&ann, &session, two),
        Err(StoreError::Damaged { .. })
    ));
    let mut dressed = before;
    dressed[2..10].copy_from_slice(&after[2..10]);
    write(&at("ann", "secret", two), dressed);
    assert_eq!(
        custody_error(can_sign(&ann, &session, two)),
        CustodyError::DoesNotOpen
    );
    write(&at("ann", "secret", two), after);
    can_sign(&ann, &session, two).unwrap();
    // A vault of another account.
    let vault = |account: &str| record_store::Key::new("pgp-keystore", (account, "vault")).unwrap();
    let own = read(&vault("anna"));
    write(&vault("anna"), read(&vault("ann")));
    let opened = block_on(anna.unlock(&passphrase(), LASTS, now()));
    assert_eq!(custody_error(opened), CustodyError::DoesNotOpen);
    write(&vault("anna"), own);
    assert!(block_on(anna.unlock(&passphrase(), LASTS, now())).is_ok());
}

#[test]
fn the_log_is_bounded_and_read_in_pages() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    block_on(ann.import(certificate("bob"), now())).unwrap();
    let of = block_on(ann.list(None, 1, now())).unwrap()[0];
    use pgp_keystore::Trust;
    for n in 0..1_010 {
        let trust = if n % 2 == 0 {
            Trust::Verified
        } else {
            Trust::FirstUse
        };
        block_on(ann.set_trust("bob@example.org", of, trust, now())).unwrap();
    }
    let page = block_on(ann.log(None, 1000, now())).unwrap();
    assert_eq!(
        (page.len(), page[0].number, page[999].number),
        (1000, 11, 1010)
    );
    let next = block_on(ann.log(Some(1000), 5, now())).unwrap();
    assert_eq!(
        next.iter().map(|e| e.number).collect::<Vec<_>>(),
        [1001, 1002, 1003, 1004, 1005]
    );
    assert_eq!(next[0].address.as_deref(), Some("bob@example.org"));
}

#[test]
fn a_keyring_of_more_than_a_commit_holds_comes_in_whole() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    // Each has five rows of index, and some have many more.
    let mut ring: Vec<u8> = (0..150)
        .flat_map(|n| certificate(&format!("n{n}")))
        .collect();
    for n in 0..6 {
        let mut large = key(Profile::Compat, &format!("large{n}"));
        for m in 0..90 {
            let user_id = format!("{} <l{n}-{m}@example.org>", "x".repeat(700));
            large.add_user_id(&user_id, now()).unwrap();
        }
        ring.extend(large.certificate().export(Form::Binary).unwrap());
    }
    let report = block_on(ann.import(ring, now())).unwrap();
    assert_eq!((report.taken.len(), report.refused.len()), (156, 0));
    let count = |wanted: &str| {
        let records = dump(&records);
        records
            .iter()
            .filter(|(key, _)| kind(key) == wanted)
            .count()
    };
    assert_eq!((count("cert"), count("log")), (156, 156));
    assert_eq!((count("address"), count("key")), (156 + 6 * 90, 156 * 3));
    let found = block_on(ann.find(&Query::Address("l5-89@example.org".into()), now())).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn a_large_certificate_is_kept_whole() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let of = generate(&ann, &session, "ann", Custody::Passphrase);
    // More than one record holds.
    let grow = |key: &mut Unlocked| {
        for n in 0..90 {
            key.add_user_id(&format!("{} <a{n}@example.org>", "x".repeat(700)), now())?;
        }
        Ok(key.certificate())
    };
    let grown: Certificate = block_on(ann.edit(&session, of, grow, now())).unwrap();
    assert!(grown.export(Form::Binary).unwrap().len() > 64 << 10);
    assert_eq!(
        block_on(ann.certificate(of, now())).unwrap().unwrap(),
        grown
    );
    can_sign(&ann, &session, of).unwrap();
    let found = block_on(ann.find(&Query::Address("a89@example.org".into()), now())).unwrap();
    assert_eq!(found, [of]);
    assert!(block_on(ann.remove(of, now())).unwrap());
}
