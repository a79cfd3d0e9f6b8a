//! What accounts publish: absent or their own, one for each address, gone with the key, and nothing but public certificates.
#![cfg(all(feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::{Arc, Barrier};
use std::time::SystemTime;

use common::store::{LASTS, certificate, dump, generate, id, open, passphrase, setup, store};
use common::{days, key, now};
use pgp_keystore::custody::Custody;
use pgp_keystore::store::{Account, Event, Inline, MAX_PUBLISHED, Store, StoreError};
use pgp_keystore::{
    Certificate, Error, Fingerprint, Form, Profile, Reason, RevocationReason, Unlocked, wkd,
};
use pollster::block_on;
use record_store::faults::{Fault, Faulty};
use record_store::{Commit, Expect, Key, Memory, Outcome, Page, Prefix, Records, Swept, Versioned};

const ANN: &str = "ann@example.org";

/// What the directory gives for an address.
fn served<R: Records>(store: &Store<R, Inline>, address: &str, now: SystemTime) -> Option<Vec<u8>> {
    let (local, domain) = address.split_once('@').unwrap();
    let found = store.directory();
    block_on(found.lookup(domain, &wkd::hash(local), now)).unwrap()
}

fn read(octets: &[u8]) -> Certificate {
    Certificate::parse(octets).unwrap()
}

fn publish<R: Records>(
    account: &Account<'_, R, Inline>,
    of: Fingerprint,
    address: &str,
) -> Result<(), StoreError> {
    block_on(account.publish(of, address, now()))
}

/// The rows of the directory, and what accounts think that they publish.
fn rows(records: &impl Records) -> (usize, usize) {
    let all = dump(records);
    let of = |wanted: &dyn Fn(&Key) -> bool| all.iter().filter(|(key, _)| wanted(key)).count();
    let directory = of(&|key| key.namespace() == "pgp-keystore-directory");
    let lists = all.iter().filter(|(key, _)| {
        let kind = key.parts().nth(1);
        kind.is_some_and(|kind| kind.text() == Some("published"))
    });
    (
        directory,
        lists.map(|(_, value)| usize::from(value.len() > 1)).sum(),
    )
}

#[test]
fn what_is_published_is_found_with_one_user_id_and_no_secret() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let of = generate(&ann, &session, "ann", Custody::Passphrase);
    let edit = |key: &mut Unlocked| {
        key.add_user_id("Ann at work <Ann.Secret@example.net>", now())?;
        key.add_user_id("Ann again <ANN@example.org>", now())
    };
    block_on(ann.edit(&session, of, edit, now())).unwrap();
    assert_eq!(served(&store, ANN, now()), None);
    assert!(!block_on(store.directory().has("example.org", now())).unwrap());
    publish(&ann, of, "Ann@Example.ORG").unwrap();
    assert!(block_on(store.directory().has("EXAMPLE.org", now())).unwrap());

    let octets = served(&store, ANN, now()).unwrap();
    let found = read(&octets);
    assert_eq!(found.fingerprint(), of);
    let view = found.at(now());
    assert_eq!(view.reason, Reason::Valid);
    assert!(view.addresses().all(|address| address == ANN) && view.addresses().count() == 1);
    let says = |what: &[u8]| octets.windows(what.len()).any(|window| window == what);
    assert!(!says(b"Secret") && !says(b"work"));
    // The mutation: the whole certificate says it.
    let whole = block_on(ann.certificate(of, now())).unwrap().unwrap();
    let whole = whole.export(Form::Binary).unwrap();
    assert!(whole.windows(6).any(|window| window == b"Secret"));
    // Only of what was asked for, and in the domain that was asked.
    assert_eq!(served(&store, "ann.secret@example.net", now()), None);
    assert_eq!(served(&store, "ann@example.net", now()), None);
    assert_eq!(
        block_on(store.directory().lookup("example.org", "x", now())).unwrap(),
        None
    );

    // Twice is once; the log says it once.
    let before = dump(&records);
    publish(&ann, of, ANN).unwrap();
    assert_eq!(dump(&records), before);
    assert_eq!(
        block_on(ann.published(now())).unwrap(),
        [(ANN.to_owned(), of)]
    );
    let log = block_on(ann.log(None, 10, now())).unwrap();
    assert_eq!(log.last().unwrap().event, Event::Published);
    assert_eq!(rows(&records), (1, 1));
    assert!(block_on(ann.withdraw(ANN, now())).unwrap());
    assert!(!block_on(ann.withdraw(ANN, now())).unwrap());
    assert_eq!((served(&store, ANN, now()), rows(&records)), (None, (0, 0)));
}

#[test]
fn only_what_is_there_and_has_the_address_is_published() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let report = block_on(ann.import(certificate("ann"), now())).unwrap();
    let of = report.taken[0].certificate;
    let no_such = publish(&ann, of, "anna@example.org");
    assert!(matches!(
        no_such,
        Err(StoreError::Core(Error::NoSuch { .. }))
    ));
    let absent = publish(&ann, key(Profile::Compat, "ann").fingerprint(), ANN);
    assert!(matches!(absent, Err(StoreError::NoSuch { .. })));
    for text in ["ann", "ann@127.0.0.1", "", "ann@example.org/x"] {
        let none = publish(&ann, of, text);
        assert!(
            matches!(none, Err(StoreError::Core(Error::Malformed { .. }))),
            "{text}"
        );
    }
    publish(&ann, of, ANN).unwrap();
}

#[test]
fn the_first_account_has_the_address_until_it_withdraws() {
    let store = store(Memory::new());
    // Each is the beginning of the next, and one is called as the directory.
    let names = ["a", "an", "ann", "pgp-keystore-directory", "directory"];
    let of = names.map(|name| {
        let account = store.account(id(name));
        let report = block_on(account.import(certificate("ann"), now())).unwrap();
        report.taken[0].certificate
    });
    publish(&store.account(id("an")), of[1], ANN).unwrap();
    for (name, of) in names.iter().zip(of) {
        let result = publish(&store.account(id(name)), of, ANN);
        match *name {
            "an" => result.unwrap(),
            _ => assert!(matches!(result, Err(StoreError::Exists { .. })), "{name}"),
        }
        // What others may not do to it.
        if *name != "an" {
            assert!(!block_on(store.account(id(name)).withdraw(ANN, now())).unwrap());
            assert!(block_on(store.account(id(name)).remove(of, now())).unwrap());
            block_on(store.account(id(name)).erase(now())).unwrap();
        }
        assert_eq!(
            read(&served(&store, ANN, now()).unwrap()).fingerprint(),
            of_an(&of_list(&store))
        );
    }
    assert!(block_on(store.account(id("an")).withdraw(ANN, now())).unwrap());
    let ann = store.account(id("ann"));
    let report = block_on(ann.import(certificate("ann"), now())).unwrap();
    publish(&ann, report.taken[0].certificate, ANN).unwrap();
}

fn of_list<R: Records>(store: &Store<R, Inline>) -> Vec<(String, Fingerprint)> {
    block_on(store.account(id("an")).published(now())).unwrap()
}

fn of_an(list: &[(String, Fingerprint)]) -> Fingerprint {
    assert_eq!(list.len(), 1);
    list[0].1
}

#[test]
fn another_key_takes_the_place_and_what_is_over_says_so() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let old = generate(&ann, &session, "ann", Custody::Passphrase);
    let new = generate(&ann, &session, "ann", Custody::Passphrase);
    publish(&ann, old, ANN).unwrap();
    publish(&ann, new, ANN).unwrap();
    assert_eq!(
        read(&served(&store, ANN, now()).unwrap()).fingerprint(),
        new
    );
    // A change of the key is there at once.
    let before = served(&store, ANN, now()).unwrap();
    let edit = |key: &mut Unlocked| key.set_expiry(Some(days(30)), now());
    block_on(ann.edit(&session, new, edit, now())).unwrap();
    assert_ne!(served(&store, ANN, now()).unwrap(), before);
    let expired = read(&served(&store, ANN, days(31)).unwrap());
    assert_eq!(expired.at(days(31)).reason, Reason::Expired);
    let edit = |key: &mut Unlocked| key.revoke(RevocationReason::Compromised, "", now());
    block_on(ann.edit(&session, new, edit, now())).unwrap();
    let revoked = read(&served(&store, ANN, now()).unwrap());
    assert_eq!(revoked.at(now()).reason, Reason::Compromised);
    // The user ID goes, and the certificate stays: whoever asks for the address learns that, too.
    publish(&ann, old, ANN).unwrap();
    let edit = |key: &mut Unlocked| {
        key.add_user_id("Other <other@example.org>", now())?;
        key.revoke_user_id("ann <ann@example.org>", "", now())
    };
    block_on(ann.edit(&session, old, edit, now())).unwrap();
    let gone = read(&served(&store, ANN, now()).unwrap());
    let view = gone.at(now());
    assert_eq!((view.user_ids.len(), view.addresses().count()), (1, 0));
}

#[test]
fn what_is_removed_is_not_published() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let (one, two) = (
        generate(&ann, &session, "ann", Custody::Passphrase),
        generate(&ann, &session, "bob", Custody::Passphrase),
    );
    publish(&ann, one, ANN).unwrap();
    publish(&ann, two, "bob@example.org").unwrap();
    assert!(block_on(ann.remove(one, now())).unwrap());
    assert_eq!((served(&store, ANN, now()), rows(&records)), (None, (1, 1)));
    assert!(served(&store, "bob@example.org", now()).is_some());
    block_on(ann.erase(now())).unwrap();
    assert!(dump(&records).is_empty());
    let other = store.account(id("other"));
    let report = block_on(other.import(certificate("ann"), now())).unwrap();
    publish(&other, report.taken[0].certificate, ANN).unwrap();
}

#[test]
fn an_account_publishes_so_many_and_no_more() {
    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    // Certificates with forty-five user IDs each.
    let mut published = 0;
    let mut full = false;
    for n in 0..6 {
        let mut large = key(Profile::Compat, &format!("large{n}"));
        for m in 0..45 {
            large
                .add_user_id(&format!("<l{n}-{m}@example.org>"), now())
                .unwrap();
        }
        let of = large.fingerprint();
        let octets = large.certificate().export(Form::Binary).unwrap();
        block_on(ann.import(octets, now())).unwrap();
        for m in 0..45 {
            match publish(&ann, of, &format!("l{n}-{m}@example.org")) {
                Ok(()) => published += 1,
                Err(StoreError::Full { .. }) => full = true,
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert_eq!((published, full), (MAX_PUBLISHED, true));
    // All of them go at once.
    block_on(ann.erase(now())).unwrap();
    assert!(!block_on(store.directory().has("example.org", now())).unwrap());
}

/// How many of so many accounts have published for one address, all at once; and whether the directory has one of them.
fn winners<R: Records>(records: R) -> usize {
    const ACCOUNTS: usize = 8;
    let store = store(records);
    let start = Barrier::new(ACCOUNTS);
    std::thread::scope(|scope| {
        let task = |n: usize| {
            let (store, start) = (&store, &start);
            let octets = certificate("ann");
            scope.spawn(move || {
                let account = store.account(id(&format!("account{n}")));
                let report = block_on(account.import(octets, now())).unwrap();
                start.wait();
                match publish(&account, report.taken[0].certificate, ANN) {
                    Ok(()) => true,
                    Err(StoreError::Exists { .. }) => false,
                    Err(other) => panic!("{other}"),
                }
            })
        };
        let tasks: Vec<_> = (0..ACCOUNTS).map(task).collect();
        let won = tasks.into_iter().map(|task| task.join().unwrap());
        won.filter(|won| *won).count()
    })
}

#[test]
fn of_two_accounts_that_publish_at_once_one_wins() {
    for _ in 0..10 {
        assert_eq!(winners(Memory::new()), 1);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = record_store::Sqlite::open(folder.path().join("store.db")).unwrap();
    assert_eq!(winners(file), 1);
    // Without any chance: the other publishes between our look and our commit.
    let records = Arc::new(Faulty::new(Memory::new()));
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let report = block_on(ann.import(certificate("ann"), now())).unwrap();
    let theirs = certificate("ann");
    records.next([Fault::rival(move |memory: &Memory, now| {
        let other = Store::new(memory, Inline);
        let other = other.account(id("rival"));
        let report = block_on(other.import(theirs.clone(), now)).unwrap();
        publish(&other, report.taken[0].certificate, ANN).unwrap();
    })]);
    let late = publish(&ann, report.taken[0].certificate, ANN);
    assert!(matches!(late, Err(StoreError::Exists { .. })));
    assert_eq!(rows(&records), (1, 1));
    assert!(block_on(ann.published(now())).unwrap().is_empty());
}

/// The mutation: a store that expects nothing of the rows of the directory.
#[test]
fn mutation_rows_that_are_written_over_are_found_out() {
    struct Careless(Memory);
    impl Records for Careless {
        async fn get(
            &self,
            key: &Key,
            now: SystemTime,
        ) -> Result<Option<Versioned>, record_store::Error> {
            // Whoever looks, the place is free.
            match key.namespace() {
                "pgp-keystore-directory" => Ok(None),
                _ => self.0.get(key, now).await,
            }
        }
        async fn scan(
            &self,
            prefix: &Prefix,
            after: Option<&Key>,
            limit: usize,
            now: SystemTime,
        ) -> Result<Page, record_store::Error> {
            self.0.scan(prefix, after, limit, now).await
        }
        async fn commit(
            &self,
            commit: Commit,
            now: SystemTime,
        ) -> Result<Outcome, record_store::Error> {
            match self.0.commit(commit, now).await? {
                Outcome::Conflict(conflict)
                    if conflict.key.namespace() == "pgp-keystore-directory" =>
                {
                    self.0.commit(Commit::new(), now).await
                }
                other => Ok(other),
            }
        }
        async fn sweep(
            &self,
            now: SystemTime,
            budget: usize,
        ) -> Result<Swept, record_store::Error> {
            self.0.sweep(now, budget).await
        }
    }
    assert!(winners(Careless(Memory::new())) > 1, "the check is blind");
}

#[test]
fn a_failure_leaves_row_and_list_together() {
    let records = Arc::new(Faulty::new(Memory::new()));
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    block_on(ann.create(setup(), now())).unwrap();
    let session = block_on(ann.unlock(&passphrase(), LASTS, now())).unwrap();
    let of = generate(&ann, &session, "ann", Custody::Passphrase);
    for faults in [
        vec![],
        vec![Fault::Lost],
        vec![Fault::NotWritten],
        vec![Fault::NotWritten, Fault::Lost],
    ] {
        records.next(faults.clone());
        publish(&ann, of, ANN).unwrap();
        assert!(served(&store, ANN, now()).is_some(), "{faults:?}");
        assert_eq!(rows(&records), (1, 1), "{faults:?}");
        records.next(faults.clone());
        // After a lost answer it is not known who withdrew; gone it is.
        block_on(ann.withdraw(ANN, now())).unwrap();
        assert_eq!((served(&store, ANN, now()), rows(&records)), (None, (0, 0)));
    }
    publish(&ann, of, ANN).unwrap();
    for change in [true, false] {
        let before = dump(&records);
        records.next([Fault::Busy]);
        let failed = match change {
            true => block_on(ann.withdraw(ANN, now())).map(drop),
            false => block_on(ann.remove(of, now())).map(drop),
        };
        assert!(failed.unwrap_err().is_temporary());
        assert_eq!(dump(&records), before);
    }
    // A store that fails is not an empty directory.
    let path = format!("/.well-known/openpgpkey/hu/{}", wkd::hash("ann"));
    let request = wkd::parse("GET", "example.org", &path).unwrap();
    let serve = || block_on(store.directory().serve(&request, now())).status;
    assert_eq!(serve(), 200);
    records.fail_reads(true);
    assert_eq!(serve(), 503);
    records.fail_reads(false);
    // Erased with every answer lost.
    records.next([Fault::Lost, Fault::NotWritten, Fault::Lost]);
    block_on(ann.erase(now())).unwrap();
    assert!(dump(&records).is_empty());
    assert_eq!(serve(), 404);
}

#[test]
fn an_account_that_is_erased_while_it_publishes_leaves_no_row() {
    let records = Arc::new(Faulty::new(Memory::new()));
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let of = generate(&ann, &session, "ann", Custody::Passphrase);
    // Between the look and the first commit, and after it.
    for before in 0..2 {
        let rival = Fault::rival(move |memory: &Memory, now| {
            let other = Store::new(memory, Inline);
            let other = other.account(id("ann"));
            let edited = block_on(other.publish(of, ANN, now));
            assert!(edited.is_ok() == (before == 0), "{edited:?}");
        });
        let nothing = Fault::rival(|_: &Memory, _| ());
        records.next([vec![nothing; before * 2], vec![rival]].concat());
        block_on(ann.erase(now())).unwrap();
        assert!(dump(&records).is_empty());
    }
}

#[test]
fn a_damaged_row_is_no_certificate() {
    let records = Arc::new(Memory::new());
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    let report = block_on(ann.import(certificate("ann"), now())).unwrap();
    publish(&ann, report.taken[0].certificate, ANN).unwrap();
    let (at, octets) = dump(&records)
        .into_iter()
        .find(|(key, _)| key.namespace() == "pgp-keystore-directory")
        .unwrap();
    for cut in 0..octets.len() {
        let commit = Commit::new().put(&at, octets[..cut].to_vec(), Expect::Anything);
        assert!(matches!(
            block_on(records.commit(commit, now())),
            Ok(Outcome::Committed(_))
        ));
        let found = block_on(
            store
                .directory()
                .lookup("example.org", &wkd::hash("ann"), now()),
        );
        assert!(matches!(found, Err(StoreError::Damaged { .. })), "{cut}");
    }
    // It keeps nobody from leaving; nor does a damaged list.
    block_on(ann.erase(now())).unwrap();
    assert_eq!(rows(&records), (1, 0));
    let list = Key::new("pgp-keystore", ("ann", "published")).unwrap();
    let commit = Commit::new().put(&list, [1, 0xff], Expect::Anything);
    assert!(matches!(
        block_on(records.commit(commit, now())),
        Ok(Outcome::Committed(_))
    ));
    block_on(ann.erase(now())).unwrap();
    assert_eq!(dump(&records).len(), 1);
}
