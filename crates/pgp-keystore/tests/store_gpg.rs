//! A key of a real GnuPG moves into an account, and out again.
#![cfg(all(unix, feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::SystemTime;

use common::limits;
use common::store::{LASTS, id, passphrase, setup, store};
use pgp_keystore::custody::Custody;
use pgp_keystore::store::Query;
use pgp_keystore::{Form, Passphrase, Protection, Unlocked, decrypt};
use pollster::block_on;
use record_store::Memory;
use tempfile::TempDir;

/// GnuPG has the real time only.
#[allow(clippy::disallowed_methods)]
fn now() -> SystemTime {
    SystemTime::now()
}

struct Gpg(TempDir);

impl Gpg {
    fn new() -> Self {
        let home = tempfile::Builder::new().prefix("gpg").tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self(home)
    }

    fn output(&self, passphrase: &str, args: &[&str]) -> Output {
        Command::new("gpg")
            .env("GNUPGHOME", self.0.path())
            .args([
                "--batch",
                "--yes",
                "--quiet",
                "--no-tty",
                "--trust-model",
                "always",
            ])
            .args(["--pinentry-mode", "loopback", "--passphrase", passphrase])
            .args(args)
            .output()
            .unwrap()
    }

    fn run(&self, passphrase: &str, args: &[&str]) -> Vec<u8> {
        let output = self.output(passphrase, args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {args:?}: {said}");
        output.stdout
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut end = Command::new("gpgconf");
        let _ = end
            .env("GNUPGHOME", self.0.path())
            .args(["--kill", "all"])
            .output();
    }
}

#[test]
#[ignore = "interop: needs gpg"]
fn interop_gpg_key_moves_into_an_account_and_out_again() {
    let gpg = Gpg::new();
    let user = "Ann <ann@example.org>";
    gpg.run(
        "old",
        &["--quick-gen-key", user, "default", "default", "never"],
    );
    let text = gpg.file("text", b"an older message");
    let older = gpg.run(
        "old",
        &[
            "--output",
            "-",
            "--encrypt",
            "--recipient",
            "ann@example.org",
            &text,
        ],
    );
    let export = gpg.run("old", &["--armor", "--export-secret-keys"]);

    let store = store(Memory::new());
    let ann = store.account(id("ann"));
    block_on(ann.create(setup(), now())).unwrap();
    let session = block_on(ann.unlock(&passphrase(), LASTS, now())).unwrap();
    let import = |open: &str| {
        let (export, open) = (export.clone(), Passphrase::from(open));
        block_on(ann.import_key(&session, export, Some(&open), Custody::Server, now()))
    };
    assert!(import("wrong").is_err());
    let of = import("old").unwrap();
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
    let (key, message) = (other.file("key", &out), other.file("message", &older));
    other.run("new", &["--import", &key]);
    assert_eq!(
        other.run("new", &["--decrypt", &message]),
        b"an older message"
    );
    let end = Command::new("gpgconf")
        .env("GNUPGHOME", other.0.path())
        .args(["--kill", "all"])
        .output();
    assert!(end.is_ok());
    assert!(
        !other
            .output("old", &["--decrypt", &message])
            .status
            .success()
    );
}
