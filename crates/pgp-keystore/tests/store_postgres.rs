//! The key store on a PostgreSQL server of one's own, from two nodes: races, tenancy, and commits of which nobody knows.
#![cfg(all(target_os = "linux", feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;
#[path = "../../record-store/tests/common/postgres.rs"]
mod postgres;

use std::sync::Arc;

use common::changes::{Changes, TASKS};
use common::now;
use common::store::{LASTS, certificate, dump, generate, id, open, passphrase, setup, store};
use pgp_keystore::custody::{Custody, KekFile};
use pgp_keystore::store::{Done, Inline, Query, Store, StoreError};
use pgp_keystore::{Form, Generate, Profile, Unlocked, Use, sign_detached};
use pollster::block_on;
use record_store::Postgres;
use record_store::faults::{Fault, Faulty};

fn node(server: &postgres::Postgres) -> Store<Postgres, Inline> {
    store(Postgres::open(&server.url()).unwrap()).with_quotas(Changes::quotas())
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_of_changes_of_a_key_on_two_nodes_none_is_lost() {
    let server = postgres::Postgres::start();
    let (one, two) = (node(&server), node(&server));
    let changes = Changes::begin(&one, 13);
    let nodes: Vec<_> = (0..TASKS)
        .map(|n| if n.is_multiple_of(2) { &one } else { &two })
        .collect();
    changes.run(&nodes);
    assert_eq!(changes.lost(&two), [""; 0]);
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_one_new_certificate_on_two_nodes_is_added_once() {
    let server = postgres::Postgres::start();
    let (one, two) = (node(&server), node(&server));
    for n in 0..5 {
        let bob = certificate(&format!("bob{n}"));
        let done: Vec<Done> = std::thread::scope(|scope| {
            let import = |node: usize| {
                let (store, bob) = (
                    if node.is_multiple_of(2) { &one } else { &two },
                    bob.clone(),
                );
                scope.spawn(move || block_on(store.account(id("ann")).import(bob, now())))
            };
            let tasks: Vec<_> = (0..TASKS).map(import).collect();
            let tasks = tasks.into_iter().map(|task| task.join().unwrap());
            tasks.map(|report| report.unwrap().taken[0].done).collect()
        });
        let added = done.iter().filter(|done| **done == Done::Added).count();
        assert_eq!((added, done.len()), (1, TASKS), "{done:?}");
    }
    let ann = two.account(id("ann"));
    assert_eq!(block_on(ann.list(None, 100, now())).unwrap().len(), 5);
    assert_eq!(block_on(ann.log(None, 100, now())).unwrap().len(), 5);
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_accounts_whose_names_begin_alike_see_nothing_of_each_other() {
    let server = postgres::Postgres::start();
    let names = ["a", "an", "ann", "ann/x"];
    let kek = Arc::new(KekFile::generate().unwrap());
    let node = || node(&server).with_kek(kek.clone());
    let (one, two) = (node(), node());
    let keys = names.map(|name| {
        let account = one.account(id(name));
        let (_, session) = open(&account);
        block_on(account.import(certificate("bob"), now())).unwrap();
        generate(&account, &session, "ann", Custody::Server)
    });
    for (name, of) in names.iter().zip(keys) {
        let account = two.account(id(name));
        let list = block_on(account.list(None, 100, now())).unwrap();
        assert_eq!(list.len(), 2, "{name}");
        for other in keys.into_iter().filter(|other| *other != of) {
            assert!(!list.contains(&other));
            let query = Query::Fingerprint(other);
            assert_eq!(block_on(account.find(&query, now())).unwrap(), []);
            assert!(
                block_on(account.certificate(other, now()))
                    .unwrap()
                    .is_none()
            );
        }
        // What one node has stored, the other one uses.
        let session = block_on(account.unlock_by_server(LASTS, now())).unwrap();
        let sign = |keys: &[&Unlocked]| sign_detached(keys[0], b"", now(), Form::Binary).is_ok();
        assert!(block_on(account.with_keys(&session, &[of], sign, now())).unwrap());
    }
    // Whoever goes takes nothing of others along.
    block_on(one.account(id("an")).erase(now())).unwrap();
    let left = dump(&Postgres::open(&server.url()).unwrap());
    let of = |name: &str| {
        let own = left.iter().map(|(key, _)| key.parts().next().unwrap());
        own.filter(|part| part.text() == Some(name)).count()
    };
    assert_eq!(of("an"), 0);
    assert!(of("a") > 10 && of("a") == of("ann") && of("ann") == of("ann/x"));
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_what_is_told_is_stored_though_nobody_knew() {
    let server = postgres::Postgres::start();
    let records = Arc::new(Faulty::new(Postgres::open(&server.url()).unwrap()));
    let store = store(Arc::clone(&records));
    let ann = store.account(id("ann"));
    records.next([Fault::NotWritten, Fault::Lost]);
    block_on(ann.create(setup(), now())).unwrap();
    let session = block_on(ann.unlock(&passphrase(), LASTS, now())).unwrap();
    let other = node(&server);
    let other = other.account(id("ann"));
    let there = |address: &str| {
        let query = Query::Address(address.into());
        block_on(other.find(&query, now())).unwrap().len()
    };
    for (n, faults) in [
        vec![Fault::Lost],
        vec![Fault::NotWritten],
        vec![Fault::NotWritten, Fault::Lost],
    ]
    .into_iter()
    .enumerate()
    {
        let new = Generate::new(Profile::Modern, now()).user_id(format!("<k{n}@example.org>"));
        records.next(faults.clone());
        let of = block_on(ann.generate(&session, new, Custody::Passphrase, now())).unwrap();
        records.next(faults.clone());
        let text = format!("<e{n}@example.org>");
        let edit = move |key: &mut Unlocked| key.add_user_id(&text, now());
        block_on(ann.edit(&session, of, edit, now())).unwrap();
        records.next(faults.clone());
        block_on(ann.set_default(Use::Sign, None, Some(of), now())).unwrap();
        records.next(faults);
        block_on(ann.import(certificate(&format!("i{n}")), now())).unwrap();
        for kind in ["k", "e", "i"] {
            assert_eq!(there(&format!("{kind}{n}@example.org")), 1);
        }
        let default = block_on(other.default_key(Use::Sign, None, now())).unwrap();
        assert_eq!(default, Some(of));
    }
    // Each change has one entry in the log: created, and four of each round.
    assert_eq!(block_on(other.log(None, 100, now())).unwrap().len(), 13);
    // The mutation: what fails is not told, and not there.
    records.next([Fault::Busy]);
    let failed = block_on(ann.import(certificate("late"), now())).unwrap_err();
    assert!(matches!(failed, StoreError::Records(_)) && failed.is_temporary());
    assert_eq!(there("late@example.org"), 0);
}
