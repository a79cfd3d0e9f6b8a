//! A key of a real GnuPG moves into an account, and out again.
#![cfg(all(unix, feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use common::gpg::{Gpg, PASSPHRASE, now};
use common::limits;
use common::store::{LASTS, id, passphrase, setup, store};
use pgp_keystore::custody::Custody;
use pgp_keystore::store::Query;
use pgp_keystore::{
    Algorithm, Capability, Form, Passphrase, Protection, Unlocked, decrypt, supports,
};
use pollster::block_on;
use record_store::Memory;

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_key_moves_into_an_account_and_out_again() {
    let gpg = Gpg::new();
    let user = "Ann <ann@example.org>";
    // RSA, unless this build has no secrets of that.
    let kind = match supports(Capability::Secret(Algorithm::Rsa)) {
        Ok(()) => "default",
        Err(_) => "future-default",
    };
    gpg.run(&["--quick-gen-key", user, kind, "default", "never"], b"");
    let encrypt = ["--encrypt", "--recipient", "ann@example.org"];
    let older = gpg.run(&encrypt, b"an older message");
    let export = gpg.run(&["--armor", "--export-secret-keys"], b"");

    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    block_on(ann.create(setup(), now())).unwrap();
    let session = block_on(ann.unlock(&passphrase(), LASTS, now())).unwrap();
    let import = |open: &str| {
        let (export, open) = (export.clone(), Passphrase::from(open));
        block_on(ann.import_key(&session, export, Some(&open), Custody::Server, now()))
    };
    assert!(import("wrong").is_err());
    let of = import(PASSPHRASE).unwrap();
    let found = block_on(ann.find(&Query::Address("ann@example.org".into()), now())).unwrap();
    assert_eq!(found, [of]);

    // The older message opens, for the server alone, too.
    let server = block_on(ann.unlock_by_server(LASTS, now())).unwrap();
    for session in [&session, &server] {
        let older = older.clone();
        let open = move |keys: &[&Unlocked]| decrypt(&older, keys, &[], now(), &limits());
        let opened = block_on(ann.with_keys(session, &[of], open, now()))
            .unwrap()
            .unwrap();
        assert_eq!(opened.content.as_slice(), b"an older message");
    }

    // Another GnuPG takes it, with its new passphrase and no other, and opens the message, too.
    let protection = Protection::GnuPg("new".into());
    let out = block_on(ann.export_key(&session, of, protection, Form::Armored, now())).unwrap();
    let other = Gpg::new();
    other.run(&["--passphrase", "new", "--import"], &out);
    let decrypt = |passphrase| ["--passphrase", passphrase, "--decrypt"];
    assert!(other.fails(&decrypt("old"), &older));
    assert_eq!(other.run(&decrypt("new"), &older), b"an older message");
}
