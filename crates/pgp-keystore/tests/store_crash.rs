//! `kill -9` in the middle of commits: each key that was told is there, with its secrets, and nothing is half there.
//!
//! The test starts itself as a child process that generates, changes and tells; the parent kills it after a number of
//! reports, and looks at the file.
#![cfg(all(unix, feature = "store", feature = "_backend"))]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use common::now;
use common::store::{LASTS, dump, id, kind, open, passphrase, store};
use pgp_keystore::custody::Custody;
use pgp_keystore::store::Query;
use pgp_keystore::{Form, Generate, Profile, Unlocked, sign_detached};
use pollster::block_on;
use record_store::Sqlite;

const STORMS: usize = 8;

#[test]
fn kills_lose_no_key_that_was_told() {
    for storm in 0..STORMS {
        let damage = kill_in_storm("right");
        assert!(damage.is_empty(), "storm {storm}: {damage:?}");
    }
}

#[test]
fn mutation_a_key_told_before_its_commit_is_found_out() {
    let found = (0..40).any(|_| !kill_in_storm("tells early").is_empty());
    assert!(found, "the check is blind for lost keys");
}

/// Kills a child in the middle of its work; what is wrong with its file afterwards.
fn kill_in_storm(manner: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let wanted = usize::try_from(RandomState::new().hash_one(&path) % 12).unwrap() + 1;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_generates", "--nocapture"])
        .env("PGP_STORE_CRASH", &path)
        .env("PGP_STORE_MANNER", manner)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // libtest's own words may stand before the first report of a line.
        if let Some((_, address)) = line.unwrap().split_once("done ") {
            told.push(address.to_owned());
        }
        if told.len() == wanted {
            break;
        }
    }
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    assert_eq!(told.len(), wanted, "the child ended by itself");
    damage(&path, &told)
}

fn damage(path: &Path, told: &[String]) -> Vec<String> {
    let records = Sqlite::open(path).unwrap();
    let all = dump(&records);
    let store = store(records);
    let ann = store.account(id("ann"));
    let session = block_on(ann.unlock(&passphrase(), LASTS, now())).unwrap();
    let mut damage = Vec::new();
    let mut opens = |address: &String| {
        let found = block_on(ann.find(&Query::Address(address.clone()), now())).unwrap();
        let sign = |keys: &[&Unlocked]| {
            keys.iter()
                .all(|key| sign_detached(key, b"", now(), Form::Binary).is_ok())
        };
        let signs = block_on(ann.with_keys(&session, &found, sign, now()));
        if found.is_empty() || !signs.is_ok_and(|signs| signs) {
            damage.push(format!("lost {address}"));
        }
    };
    told.iter().for_each(&mut opens);
    // A key that was not told may be there, but then whole.
    let keys = block_on(ann.keys(now())).unwrap();
    let count = |wanted: &str| all.iter().filter(|(key, _)| kind(key) == wanted).count();
    let whole = [count("cert"), count("secret"), count("revocation")];
    if whole != [keys.len(); 3] {
        damage.push(format!("half {whole:?}"));
    }
    let sign = |_: &[&Unlocked]| ();
    for own in keys {
        if block_on(ann.with_keys(&session, &[own.certificate], sign, now())).is_err() {
            damage.push(format!("closed {}", own.certificate));
        }
    }
    damage
}

/// The child; by itself it is nothing.
#[test]
fn child_generates() {
    let Ok(path) = std::env::var("PGP_STORE_CRASH") else {
        return;
    };
    let early = std::env::var("PGP_STORE_MANNER").is_ok_and(|manner| manner == "tells early");
    let store = store(Sqlite::open(Path::new(&path)).unwrap());
    let ann = store.account(id("ann"));
    let (_, session) = open(&ann);
    let tell = |address: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "done {address}").unwrap();
        out.flush().unwrap();
    };
    for n in 0..60 {
        let address = format!("ann{n}@example.org");
        let new = Generate::new(Profile::Modern, now()).user_id(format!("<{address}>"));
        if early {
            tell(&address);
        }
        let of = block_on(ann.generate(&session, new, Custody::Passphrase, now())).unwrap();
        if !early {
            tell(&address);
        }
        let second = format!("second{n}@example.org");
        let text = format!("<{second}>");
        let edit = move |key: &mut Unlocked| key.add_user_id(&text, now());
        if early {
            tell(&second);
        }
        block_on(ann.edit(&session, of, edit, now())).unwrap();
        if !early {
            tell(&second);
        }
    }
    // Until it is killed.
    let mut nothing = String::new();
    std::io::stdin().read_line(&mut nothing).unwrap();
}
