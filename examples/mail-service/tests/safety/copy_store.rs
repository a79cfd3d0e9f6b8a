//! `copy-store`: SQLite to PostgreSQL and back, killed in its middle, compared in the end.

use std::process::{Child, Command, Output, Stdio};
use std::time::SystemTime;

use pollster::block_on;
use record_store::{AnyStore, Commit, Expect, Key, Large, Outcome, Records, copy};

use crate::common::service::{Options, Service};
use crate::common::smtp::Smtp;
use crate::common::{Peer, eventually, ids, letter};
use crate::postgres::Postgres;

fn copy_store(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mail-service"));
    command
        .arg("copy-store")
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn done(mut command: Command) -> Result<String, String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    match status.success() {
        true => Ok(text),
        false => Err(text),
    }
}

/// Fills a store with records that take a while to copy.
fn fill(location: &str) {
    let (store, now) = (AnyStore::open(location).unwrap(), SystemTime::UNIX_EPOCH);
    let write = |number: u64, size: usize| {
        let value: Vec<u8> = (0..size).map(|at| (number as usize + at) as u8).collect();
        let value = block_on(Large::stage(&store, &value, now)).unwrap();
        let key = Key::new("test", number).unwrap();
        let put = Commit::new().put_large(&key, &value, Expect::Absent);
        let outcome = block_on(store.commit(put, now)).unwrap();
        assert!(matches!(outcome, Outcome::Committed(_)));
    };
    (0..600).for_each(|number| write(number, 20_000));
    (600..606).for_each(|number| write(number, 3_000_000));
}

/// Starts a copy, and kills it once this record is there.
fn kill_in_its_middle(from: &str, to: &str, record: u64) {
    let mut child: Child = copy_store(&[from, to]).spawn().unwrap();
    let mut target = None;
    eventually("some of it is there", || {
        assert!(child.try_wait().unwrap().is_none(), "it was too fast");
        // An SQLite file that another process is about to make may be busy.
        target = target.take().or_else(|| AnyStore::open(to).ok());
        let Some(target) = &target else { return false };
        let key = Key::new("test", record).unwrap();
        block_on(target.get(&key, SystemTime::UNIX_EPOCH)).is_ok_and(|found| found.is_some())
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let target = target.unwrap();
    assert!(block_on(copy::is_unfinished(&target, SystemTime::UNIX_EPOCH)).unwrap());
}

#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_copy_store_goes_both_ways_and_on_after_kill_9() {
    let database = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let (old, new, url) = (file("old.db"), file("new/store.db"), database.url());
    fill(&old);
    let another = file("another.db");
    drop(AnyStore::open(&another).unwrap());
    for (from, to) in [(&old, &url), (&url, &new)] {
        for record in [1, 300, 603] {
            kill_in_its_middle(from, to, record);
            let other = done(copy_store(&[&another, to])).unwrap_err();
            assert!(other.contains("copy of another source"), "{other}");
        }
        let said = done(copy_store(&[from, to])).unwrap();
        assert!(
            said.starts_with("606 records, 30000000 octets: the same in both"),
            "{said}"
        );
        // As after a run that was killed in its very last commit.
        let said = done(copy_store(&[from, to])).unwrap();
        assert!(said.contains("the same in both, 0 of them"), "{said}");
        let said = done(copy_store(&[&another, to])).unwrap_err();
        assert!(said.contains("not empty"), "{said}");
        let said = done(copy_store(&[from, to, "--verify"])).unwrap();
        assert!(said.starts_with("606 records"), "{said}");
    }
    // There and back again is the same.
    done(copy_store(&[&old, &new, "--verify"])).unwrap();
    database.sql("DELETE FROM record_store.record WHERE position('test'::bytea in key) = 1 AND version % 7 = 0");
    let said = done(copy_store(&[&old, &url, "--verify"])).unwrap_err();
    assert!(said.contains("records differ"), "{said}");
}

/// A service moves to a database: first beside its work, then for good; and its mail is there.
#[test]
#[ignore = "interop: needs postgres"]
fn interop_postgres_copy_store_moves_a_service() {
    let database = Postgres::start();
    let url = database.url();
    let mut old = Service::start();
    let deliver = |service: &Service, id| {
        let mut session = Smtp::open(service.smtp()).unwrap();
        session.deliver(&letter(id, 2_000)).unwrap().expect(250);
    };
    deliver(&old, "before");
    let file = format!("sqlite:{}", old.data().join("mail.db").display());
    let said = done(copy_store(&[&file, &url, "--unfinished"])).unwrap();
    assert!(said.contains("unfinished"), "{said}");
    deliver(&old, "meanwhile");

    // Nobody starts on it by mistake.
    let config = old.data().join("new.toml");
    std::fs::write(&config, format!("store = \"{url}\"")).unwrap();
    let mut early = Command::new(env!("CARGO_BIN_EXE_mail-service"));
    early.args(["serve", "--config"]).arg(&config);
    let mut add = Command::new(env!("CARGO_BIN_EXE_mail-service"));
    add.args(["user", "list", "--config"]).arg(&config);
    for command in [early, add] {
        let said = done(command).unwrap_err();
        assert!(said.contains("unfinished copy"), "{said}");
    }

    old.terminate();
    assert!(old.wait().success());
    done(copy_store(&[&file, &url])).unwrap();
    let new = Service::start_with(&Options::default().join(&url));
    deliver(&new, "after");
    assert_eq!(ids(&new.stored()), ["after", "before", "meanwhile"]);
    // From now on it is no copy any more.
    assert!(done(copy_store(&[&file, &url])).is_err());
}

#[test]
fn copy_store_says_what_it_does_not_understand() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("a.db").display());
    fill(&file);
    for (from, to, why) in [
        ("memory:", &*file, "must be sqlite:PATH"),
        ("sqlite:/no/such.db", &file, "/no/such.db"),
        (&file, &file, "the same"),
        ("postgres://h/d", "postgres://h/d", "the same"),
        (&file, "mysql://h/d", "unknown kind of store"),
    ] {
        let said = done(copy_store(&[from, to])).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}
