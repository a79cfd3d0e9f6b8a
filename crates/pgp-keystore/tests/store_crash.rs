//! `kill -9` in the middle of commits: whatever was told is there (keys made, taken in, changed, put into another
//! custody, chosen, met, published, given out, removed), with its secrets, and nothing is half there.
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

use common::store::{LASTS, dump, id, kind, open, passphrase, store};
use common::{key, now};
use pgp_keystore::custody::Custody;
use pgp_keystore::store::{Event, Query};
use pgp_keystore::{
    Fingerprint, Form, Generate, Profile, Protection, Unlocked, Use, sign_detached, wkd,
};
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
    let wanted = usize::try_from(RandomState::new().hash_one(&path) % 40).unwrap() + 1;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_generates", "--nocapture"])
        .env("PGP_STORE_CRASH", &path)
        .env("PGP_STORE_MANNER", manner)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut told, mut all, mut killed) = (Vec::new(), 0, false);
    // What it said until it was killed is read to the end: it may have removed what was told before.
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // libtest's own words may stand before the first report of a line.
        let line = line.unwrap();
        if let Some((_, report)) = line.split_once("done ") {
            let words = report.split(' ').map(str::to_owned);
            all += usize::from(!report.starts_with("will "));
            told.push(words.collect::<Vec<_>>());
        }
        if all == wanted && !killed {
            child.kill().unwrap(); // SIGKILL
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child ended by itself");
    damage(&path, &told)
}

fn damage(path: &Path, told: &[Vec<String>]) -> Vec<String> {
    let records = Sqlite::open(path).unwrap();
    let all = dump(&records);
    let store = store(records);
    let ann = store.account(id("ann"));
    let session = block_on(ann.unlock(&passphrase(), LASTS, now())).unwrap();
    let log = block_on(ann.log(None, 1000, now())).unwrap();
    let keys = block_on(ann.keys(now())).unwrap();
    let mut damage = Vec::new();
    let fingerprint = |text: &str| -> Fingerprint { text.parse().unwrap() };
    let sign = |keys: &[&Unlocked]| {
        let signs = |key: &&Unlocked| sign_detached(key, b"", now(), Form::Binary).is_ok();
        keys.iter().all(signs)
    };
    let directory = store.directory();
    let is_served = |address: &str| {
        let (local, domain) = address.split_once('@').unwrap();
        block_on(directory.lookup(domain, &wkd::hash(local), now()))
            .is_ok_and(|found| found.is_some())
    };
    // What was to be removed may be gone, told or not.
    let will: Vec<&str> = told
        .iter()
        .filter(|report| report[0] == "will")
        .map(|report| report[1].as_str())
        .collect();
    for report in told {
        let (what, of) = (report[0].as_str(), report[1].as_str());
        let there = match what {
            "will" => true,
            "key" => {
                let query = Query::Address(of.into());
                let found = block_on(ann.find(&query, now())).unwrap();
                let gone = found.is_empty() && will.contains(&of);
                let signs = block_on(ann.with_keys(&session, &found, sign, now()));
                gone || (!found.is_empty() && signs.is_ok_and(|signs| signs))
            }
            "custody" => keys
                .iter()
                .any(|own| own.certificate == fingerprint(of) && own.custody == Custody::Server),
            "default" => {
                let default = ann.default_key(Use::Sign, Some(&report[2]), now());
                block_on(default).unwrap() == Some(fingerprint(of))
            }
            "met" => {
                let pin = block_on(ann.pin(&report[2], now())).unwrap();
                pin.is_some_and(|pin| pin.certificate == fingerprint(of))
            }
            "published" => is_served(of),
            "exported" => log.iter().any(|entry| {
                entry.event == Event::SecretsExported && entry.certificate == Some(fingerprint(of))
            }),
            "removed" => {
                let query = Query::Address(of.into());
                block_on(ann.find(&query, now())).unwrap().is_empty()
            }
            other => panic!("{other}"),
        };
        if !there {
            damage.push(format!("lost {report:?}"));
        }
    }
    // A key that was not told may be there, but then whole; and of what was removed nothing is left.
    let count = |wanted: &str| all.iter().filter(|(key, _)| kind(key) == wanted).count();
    let whole = [count("cert"), count("secret")];
    if whole != [keys.len(); 2] {
        damage.push(format!("half {whole:?}"));
    }
    for own in keys {
        if block_on(ann.with_keys(&session, &[own.certificate], |_| (), now())).is_err() {
            damage.push(format!("closed {}", own.certificate));
        }
        let view = block_on(ann.certificate(own.certificate, now()));
        let view = view.unwrap().unwrap().at(now());
        for address in view.addresses() {
            let query = Query::Address(address.into());
            if block_on(ann.find(&query, now())).unwrap() != [own.certificate] {
                damage.push(format!("not found: {address}"));
            }
        }
        // Those that were generated have the revocation of their birth.
        let generated = view.addresses().any(|address| address.starts_with("ann"));
        let revocation = block_on(ann.revocation(own.certificate, now())).unwrap();
        if generated != revocation.is_some() {
            damage.push(format!("revocation {}", own.certificate));
        }
    }
    // The rows of the directory are those of the account's list.
    let list = block_on(ann.published(now())).unwrap();
    let rows = all
        .iter()
        .filter(|(key, _)| key.namespace() == "pgp-keystore-directory");
    if rows.count() != list.len() || !list.iter().all(|(address, _)| is_served(address)) {
        damage.push("row and list apart".to_owned());
    }
    for entry in all.iter().filter(|(key, _)| kind(key) == "address") {
        let of = entry.0.parts().last().unwrap().bytes().to_vec();
        let is = |(key, _): &(record_store::Key, Vec<u8>)| {
            kind(key) == "cert" && key.parts().last().unwrap().bytes() == of
        };
        if !all.iter().any(is) {
            damage.push(format!("leads nowhere: {:?}", entry.0));
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
    let tell = |report: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "done {report}").unwrap();
        out.flush().unwrap();
    };
    // One change, and its report: after it, or in the mutation before it.
    let step = |report: String, change: &mut dyn FnMut()| {
        if early {
            tell(report.clone());
        }
        change();
        if !early {
            tell(report);
        }
    };
    for n in 0..60 {
        let address = |name: &str| format!("{name}{n}@example.org");
        let new = Generate::new(Profile::Modern, now()).user_id(format!("<{}>", address("ann")));
        let (mut new, mut own) = (Some(new), None);
        step(format!("key {}", address("ann")), &mut || {
            let new = new.take().unwrap();
            let made = ann.generate(&session, new, Custody::Passphrase, now());
            own = Some(block_on(made).unwrap());
        });
        let own = own.unwrap();
        step(format!("key {}", address("second")), &mut || {
            let text = format!("<{}>", address("second"));
            let edit = move |key: &mut Unlocked| key.add_user_id(&text, now());
            block_on(ann.edit(&session, own, edit, now())).unwrap();
        });
        let theirs = key(Profile::Compat, &format!("import{n}"));
        let locked = theirs.lock(&Protection::None).unwrap();
        let octets = locked.export(Form::Binary).unwrap();
        step(format!("key {}", address("import")), &mut || {
            let import = ann.import_key(&session, octets.clone(), None, Custody::Passphrase, now());
            block_on(import).unwrap();
        });
        step(format!("custody {own}"), &mut || {
            block_on(ann.set_custody(&session, own, Custody::Server, now())).unwrap();
        });
        let work = address("work");
        step(format!("default {own} {work}"), &mut || {
            block_on(ann.set_default(Use::Sign, Some(&work), Some(own), now())).unwrap();
        });
        let peer = address("peer");
        step(format!("met {own} {peer}"), &mut || {
            block_on(ann.meet(&peer, own, now())).unwrap();
        });
        step(format!("published {}", address("ann")), &mut || {
            block_on(ann.publish(own, &address("ann"), now())).unwrap();
        });
        step(format!("exported {own}"), &mut || {
            let export = ann.export_key(&session, own, Protection::None, Form::Binary, now());
            block_on(export).unwrap();
        });
        tell(format!("will {}", address("import")));
        step(format!("removed {}", address("import")), &mut || {
            assert!(block_on(ann.remove(theirs.fingerprint(), now())).unwrap());
        });
    }
    // Until it is killed.
    let mut nothing = String::new();
    std::io::stdin().read_line(&mut nothing).unwrap();
}
