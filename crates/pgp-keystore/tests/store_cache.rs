//! What is kept parsed in memory is never older than what is stored, and never another account's.
#![cfg(all(feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::now;
use common::store::id;
use pgp_keystore::store::{Inline, Query, Store};
use pgp_keystore::{Certificate, Form, Generate, Profile, Unlocked};
use pollster::block_on;
use record_store::Memory;

fn key() -> Unlocked {
    let new = Generate::new(Profile::Compat, now()).user_id("Bob <bob@example.org>");
    new.create().unwrap().key
}

fn octets(certificate: &Certificate) -> Vec<u8> {
    certificate.export(Form::Binary).unwrap()
}

fn addresses(store: &Store<Arc<Memory>, Inline>, account: &str) -> Vec<String> {
    let query = Query::Address("bob@example.org".to_owned());
    let account = store.account(id(account));
    let found = block_on(account.certificates(&query, now())).unwrap();
    let views = found.iter().map(|certificate| certificate.at(now()));
    let mut all: Vec<String> = views
        .flat_map(|view| view.addresses().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn what_another_server_has_stored_is_seen_and_what_it_removed_is_gone() {
    let records = Arc::new(Memory::new());
    let here = Store::new(Arc::clone(&records), Inline);
    let there = Store::new(Arc::clone(&records), Inline);
    let mut bob = key();
    let of = bob.fingerprint();
    let ann = here.account(id("ann"));
    block_on(ann.import(octets(&bob.certificate()), now())).unwrap();
    for _ in 0..2 {
        assert_eq!(addresses(&here, "ann"), ["bob@example.org"]);
    }
    bob.add_user_id("Bob <bob@example.net>", now()).unwrap();
    let newer = octets(&bob.certificate());
    block_on(there.account(id("ann")).import(newer.clone(), now())).unwrap();
    for store in [&here, &there, &here] {
        assert_eq!(
            addresses(store, "ann"),
            ["bob@example.net", "bob@example.org"]
        );
    }
    assert!(block_on(there.account(id("ann")).remove(of, now())).unwrap());
    assert!(addresses(&here, "ann").is_empty());
    assert!(block_on(ann.certificate(of, now())).unwrap().is_none());
    // It comes back as something else than it was.
    let other = key();
    block_on(ann.import(octets(&other.certificate()), now())).unwrap();
    block_on(there.account(id("ann")).import(newer, now())).unwrap();
    assert_eq!(addresses(&here, "ann").len(), 3);
}

#[test]
fn each_account_sees_its_own_copy() {
    let store = Store::new(Arc::new(Memory::new()), Inline);
    let mut bob = key();
    let older = octets(&bob.certificate());
    bob.add_user_id("Bob <bob@example.net>", now()).unwrap();
    // Both are the first record of their account, and names are prefixes of each other.
    let import = |account, octets| {
        let account = store.account(id(account));
        block_on(account.import(octets, now())).unwrap();
    };
    import("ann", older);
    import("ann2", octets(&bob.certificate()));
    for _ in 0..2 {
        assert_eq!(addresses(&store, "ann"), ["bob@example.org"]);
        assert_eq!(addresses(&store, "ann2").len(), 2);
        assert!(addresses(&store, "an").is_empty());
    }
}

#[test]
fn it_makes_no_difference_whether_there_is_one() {
    let records = Arc::new(Memory::new());
    let with = Store::new(Arc::clone(&records), Inline);
    let without = Store::new(records, Inline).with_cache(0);
    let bob = key();
    let ann = with.account(id("ann"));
    block_on(ann.import(octets(&bob.certificate()), now())).unwrap();
    let read = |store: &Store<Arc<Memory>, Inline>| {
        let ann = store.account(id("ann"));
        let found = block_on(ann.certificate(bob.fingerprint(), now()));
        found.unwrap().unwrap()
    };
    let all = [read(&with), read(&with), read(&without)];
    assert!(all.iter().all(|one| *one == bob.certificate()));
}
