//! A child process that is killed, and what it told until then.

pub(crate) mod child;
pub(crate) mod ledger;
mod passkeys;
pub(crate) mod store;
mod token;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use twofactor::decision::Throttle;
use twofactor::passkey::RelyingParty;
use twofactor::{Client, Cost, Keyring, TwoFactor, UserId};

use crate::soft::{ORIGIN, PARTY};
pub(crate) use ledger::damage;
pub(crate) use store::Manner;

pub(crate) fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + second)
}

pub(crate) fn ann() -> UserId {
    UserId::new("ann").unwrap()
}

pub(crate) fn stranger() -> Client<'static> {
    Client::web("192.0.2.1".parse().unwrap(), None)
}

/// One that waits after so many failures.
pub(crate) fn service<R: record_store::Records>(store: R, free: u8) -> TwoFactor<R> {
    let mut throttle = Throttle::nist();
    throttle.free = free;
    let begun = TwoFactor::builder(store).keys(Keyring::new(1, [7; 32]));
    let party = RelyingParty::new(PARTY, "Example Mail", ORIGIN).unwrap();
    let begun = begun.issuer("Example Mail").throttle(throttle);
    let begun = begun.relying_party(party);
    begun.recovery_cost(Cost::DANGER_FOR_TESTS).build().unwrap()
}

/// One thing that the child is going to do, or has done.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) did: bool,
    pub(crate) what: String,
    pub(crate) second: u64,
    pub(crate) args: Vec<String>,
}

/// What is left of it.
pub(crate) struct Killed {
    _folder: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) told: Vec<Report>,
}

/// Kills a child before or after its commit of this number; nothing if it made fewer.
pub(crate) fn kill_at(number: usize, after: bool, manner: Manner) -> Option<Killed> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let order = format!("{number}|{after}|1");
    let (mut child, mut lines) = spawn(&path, &order, manner);
    let mut told = Vec::new();
    let stopped = loop {
        let line = lines.next().map(Result::unwrap);
        match line.as_deref().map(report) {
            Some(Some(report)) if report.what == "stop" => break true,
            Some(Some(report)) => told.push(report),
            Some(None) => {}
            None => break false,
        }
    };
    let _ = child.kill(); // SIGKILL
    let status = child.wait().unwrap();
    assert!(stopped || status.success(), "the child failed: {told:#?}");
    stopped.then_some(Killed {
        _folder: folder,
        path,
        told,
    })
}

/// Kills a child after a random number of reports, at whatever it does then.
pub(crate) fn kill_in_storm(manner: Manner) -> Killed {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let random = |most: u64| RandomState::new().hash_one(&path) % most;
    let (wanted, spins) = (random(150) + 1, random(200_000));
    let (mut child, mut lines) = spawn(&path, "never|false|40", manner);
    let mut told = Vec::new();
    while (told.len() as u64) < wanted {
        let line = lines.next().expect("the child ended by itself").unwrap();
        told.extend(report(&line));
    }
    for _ in 0..spins {
        std::hint::spin_loop();
    }
    child.kill().unwrap(); // SIGKILL
    // What it said until then; the last line may be torn.
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    told.extend(rest.iter().filter_map(|line| report(line)));
    child.wait().unwrap();
    Killed {
        _folder: folder,
        path,
        told,
    }
}

type Lines = std::io::Lines<BufReader<ChildStdout>>;

fn spawn(path: &std::path::Path, order: &str, manner: Manner) -> (Child, Lines) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_works", "--nocapture"])
        .env(
            "TWOFACTOR_KILL",
            format!("{}|{order}|{}", manner.name(), path.display()),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

/// libtest's own words may stand before the first report of a line.
fn report(line: &str) -> Option<Report> {
    let (_, report) = line.split_once("tell ")?;
    // Whole lines only.
    let mut words = report.strip_suffix(" .")?.split(' ');
    Some(Report {
        did: words.next()? == "did",
        what: words.next()?.to_owned(),
        second: words.next()?.parse().ok()?,
        args: words.map(str::to_owned).collect(),
    })
}
