//! `mail-service key`, `sign` and `encrypt`, as people type them.

use std::fs;
use std::path::Path;

use crate::world::{Said, run};

const BOB: &str = "bob@b.test";
const LETTER: &str = "From: Bob <bob@b.test>\nTo: joe@x.test\nSubject: Lunch\n\nAt noon?\n";

/// A folder with a configuration and an account.
fn folder(openpgp: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "hostname = \"mail.b.test\"\ndomains = [\"b.test\"]\n[openpgp]\n{openpgp}\n[log]\nfilter = \"off\"\n"
    );
    fs::write(folder.path().join("mail-service.toml"), config).unwrap();
    fs::write(folder.path().join("letter.eml"), LETTER).unwrap();
    folder
}

fn with_account(openpgp: &str) -> tempfile::TempDir {
    let folder = folder(openpgp);
    let add = ["user", "add", BOB, "--password-stdin"];
    run(folder.path(), &add, "two lanterns over the harbour\n").done();
    folder
}

fn ready() -> tempfile::TempDir {
    let folder = with_account("kek = \"server.kek\"");
    run(folder.path(), &["key", "kek"], "").done();
    folder
}

fn key(folder: &Path, args: &[&str], lines: &str) -> Said {
    run(folder, &[&["key"], args].concat(), lines)
}

/// The fingerprint that a command has printed.
fn made(said: Said) -> String {
    let out = said.done();
    let of = out.trim().to_owned();
    assert!(
        of.len() >= 40 && of.chars().all(|c| c.is_ascii_hexdigit()),
        "{out}"
    );
    of
}

#[test]
fn the_servers_key_lies_outside_and_is_nobody_elses_to_read() {
    for inside in ["data/server.kek", "data/../data/deep/server.kek"] {
        let folder = folder(&format!("kek = \"{inside}\""));
        key(folder.path(), &["kek"], "").refused("openpgp.kek must lie outside of data_dir");
    }
    let folder = with_account("kek = \"server.kek\"");
    let folder = folder.path();
    key(folder, &["generate", BOB], "").refused("server.kek");
    let said = key(folder, &["kek"], "").done();
    assert!(said.trim().ends_with("server.kek"), "{said}");
    // One that is there is never overwritten.
    key(folder, &["kek"], "").refused("server.kek");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join("server.kek");
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        mode(0o640);
        key(folder, &["generate", BOB], "").refused("can be read by others");
        run(folder, &["serve"], "").refused("can be read by others");
        // The mutation.
        mode(0o600);
        made(key(folder, &["generate", BOB], ""));
    }
    let without = with_account("");
    let folder = without.path();
    key(folder, &["kek"], "").refused("openpgp.kek names no file");
    key(folder, &["generate", BOB], "").refused("openpgp.kek names no file");
}

#[test]
fn a_key_lives_its_life() {
    let folder = ready();
    let folder = folder.path();
    let said = key(
        folder,
        &["generate", BOB, "--name", "Bob", "--days", "100"],
        "",
    );
    assert!(said.told.contains("recovery key: "), "{said:?}");
    let first = made(said);
    // The recovery key is shown once.
    let said = key(
        folder,
        &["generate", BOB, "--profile", "modern", "--never"],
        "",
    );
    assert!(!said.told.contains("recovery key"), "{said:?}");
    let second = made(said);
    assert_eq!((first.len(), second.len()), (40, 64));
    let list = || key(folder, &["list", BOB], "").done();
    // The lines below the fingerprint, which alone stands at the beginning of a line.
    let about = |of: &str| {
        let list = list();
        let lines = list.lines().skip_while(|line| *line != of).skip(1);
        let own: Vec<&str> = lines.take_while(|line| line.starts_with(' ')).collect();
        own.join("\n")
    };
    assert!(about(&first).contains("ends: in 99."), "{}", list());
    assert!(about(&second).contains("ends: never"), "{}", list());
    key(folder, &["extend", BOB, &first, "--days", "1000"], "").done();
    assert!(about(&first).contains("ends: in 999."), "{}", list());
    for purpose in ["sign", "encrypt"] {
        key(folder, &["default", BOB, &first, "--use", purpose], "").done();
    }
    assert!(
        about(&first).contains("default: to sign and encrypt"),
        "{}",
        list()
    );
    assert!(!about(&second).contains("default"), "{}", list());
    // Which moves on when the key is revoked.
    let revoke = [
        "revoke",
        BOB,
        &first,
        "--reason",
        "superseded",
        "--words",
        "a new one",
    ];
    key(folder, &revoke, "").done();
    assert!(about(&first).contains("pgp.superseded"), "{}", list());
    assert!(
        about(&second).contains("default: to sign and encrypt"),
        "{}",
        list()
    );
    key(folder, &["extend", BOB, &first, "--days", "9"], "").refused("superseded");
    let unknown = "0".repeat(40);
    key(folder, &["extend", BOB, &unknown], "").refused("no such key");
    key(folder, &["list", "joe@b.test"], "").refused("no such account");
    key(folder, &["generate", BOB, "--name", "Eve <eve@x>"], "").refused("angle brackets");
}

#[test]
fn only_the_owner_opens_what_is_in_his_custody() {
    let folder = ready();
    let folder = folder.path();
    let generate = ["generate", BOB, "--custody", "passphrase"];
    let said = key(folder, &generate, "horse\n");
    let recovery = said
        .told
        .lines()
        .find_map(|l| l.strip_prefix("recovery key: "));
    let recovery = recovery.unwrap().to_owned();
    let of = made(said);
    // The server signs nothing with it, and asks.
    let sign = ["sign", "letter.eml", "--from", BOB];
    run(folder, &sign, "wrong\n").refused("does not open");
    assert!(
        run(folder, &sign, "horse\n")
            .done()
            .contains("multipart/signed")
    );
    let extend = ["extend", BOB, &of, "--days", "10"];
    key(folder, &extend, "wrong\n").refused("does not open");
    key(folder, &extend, "horse\n").done();
    // Whoever has lost the passphrase has the recovery key.
    let lines = format!("{}\ndonkey\n", recovery.to_lowercase());
    key(folder, &["passphrase", BOB, "--recovery"], &lines).done();
    key(folder, &extend, "horse\n").refused("does not open");
    key(folder, &extend, "donkey\n").done();
    key(folder, &["passphrase", BOB], "donkey\nmule\n").done();
    // And whoever has lost both revokes it by what was made at its birth.
    let revoke = ["revoke", BOB, &of, "--stored"];
    key(folder, &revoke, "").done();
    assert!(
        key(folder, &["list", BOB], "")
            .done()
            .contains("pgp.compromised")
    );
}

#[test]
fn an_export_comes_back_and_secrets_are_under_a_passphrase() {
    let (one, other) = (ready(), ready());
    let of = made(key(one.path(), &["generate", BOB], ""));
    let export = |args: &[&str], lines: &str| {
        let args = [&["export", BOB], args].concat();
        key(one.path(), &args, lines).done()
    };
    assert!(export(&[], "").starts_with("-----BEGIN PGP PUBLIC KEY BLOCK"));
    let minimal = export(&["--minimal"], "");
    assert!(minimal.len() <= export(&["--public"], "").len());
    for kind in ["--secret", "--secret-argon2"] {
        let file = other.path().join("key.asc");
        let secret = export(&[kind], "export\n");
        assert!(secret.starts_with("-----BEGIN PGP PRIVATE KEY BLOCK"));
        fs::write(&file, secret).unwrap();
        let import = ["import", BOB, "key.asc"];
        key(other.path(), &import, "wrong\n").refused("passphrase");
        let said = key(other.path(), &import, "export\n").done();
        assert_eq!(said, format!("{of} key\n"));
    }
    // Certificates of others, and what is none.
    fs::write(one.path().join("bob.asc"), minimal).unwrap();
    fs::write(one.path().join("x.asc"), "nothing of the kind").unwrap();
    key(one.path(), &["import", BOB, "x.asc"], "").refused("not a certificate or key");
    key(one.path(), &["import", BOB, "none.asc"], "").refused("No such file");
    let said = key(one.path(), &["import", BOB, "bob.asc"], "").done();
    assert_eq!(said, format!("{of} certificate, known\n"));
    // A file that is there stays.
    let out = ["export", BOB, "--out", "bob.asc"];
    key(one.path(), &out, "").refused("bob.asc");
}

#[test]
fn what_is_sent_is_signed_and_encrypted_by_a_plan_that_is_told() {
    let (bob, joe) = (ready(), ready());
    made(key(bob.path(), &["generate", BOB], ""));
    let sign = ["sign", "letter.eml", "--from", BOB];
    let signed = run(bob.path(), &sign, "").done();
    assert!(signed.starts_with("Autocrypt: addr=bob@b.test"));
    assert!(signed.contains("micalg=\"pgp-sha512\"") && signed.contains("At noon?"));
    let encrypt = ["encrypt", "letter.eml", "--from", BOB, "--to", "joe@x.test"];
    let said = run(bob.path(), &encrypt, "");
    assert!(said.told.contains("joe@x.test: no certificate"), "{said:?}");
    assert!(said.out.is_empty());
    said.refused("1 of the recipients cannot be encrypted to");
    // Joe's key, made elsewhere.
    run(
        joe.path(),
        &["user", "add", "joe@b.test", "--password-stdin"],
        "seven lamps along the canal\n",
    )
    .done();
    let of = made(key(
        joe.path(),
        &["generate", "joe@b.test", "--name", "Joe"],
        "",
    ));
    let export = key(joe.path(), &["export", "joe@b.test"], "").done();
    fs::write(bob.path().join("joe.asc"), export).unwrap();
    key(bob.path(), &["import", BOB, "joe.asc"], "").done();
    let to_joe = ["encrypt", "letter.eml", "--from", BOB, "--to", "joe@b.test"];
    let said = run(bob.path(), &to_joe, "");
    assert!(
        said.told.contains(&format!("joe@b.test: {of}, ")),
        "{said:?}"
    );
    assert!(
        said.told.contains("(your own, so that you can read it)"),
        "{said:?}"
    );
    assert!(said.told.contains("could read it: "), "{said:?}");
    let sealed = said.done();
    assert!(sealed.contains("multipart/encrypted") && !sealed.contains("noon"));
    assert!(!sealed.contains("Lunch"), "{sealed}");
    // A plan alone writes nothing.
    let plan = run(bob.path(), &[&to_joe[..], &["--plan"]].concat(), "");
    assert!(plan.told.contains(&of));
    assert_eq!(plan.done(), "");
    // In nobody else's name.
    let of_joe = LETTER.replace("bob@b.test", "joe@b.test");
    fs::write(bob.path().join("joe.eml"), of_joe).unwrap();
    let refused = "the field From must have the address bob@b.test";
    run(bob.path(), &["sign", "joe.eml", "--from", BOB], "").refused(refused);
    let both = LETTER.replace("<bob@b.test>", "<bob@b.test>, joe@b.test");
    fs::write(bob.path().join("both.eml"), both).unwrap();
    run(bob.path(), &["sign", "both.eml", "--from", BOB], "").refused(refused);
}

#[test]
fn what_is_published_is_the_accounts_own() {
    let folder = ready();
    let folder = folder.path();
    let of = made(key(folder, &["generate", BOB], ""));
    key(folder, &["withdraw", BOB], "").refused("publishes nothing");
    key(folder, &["publish", BOB, &of], "").done();
    key(folder, &["withdraw", BOB], "").done();
    let unknown = "0".repeat(40);
    key(folder, &["publish", BOB, &unknown], "").refused("no such key");
    key(folder, &["pin", BOB, "joe@x.test"], "").done();
}
