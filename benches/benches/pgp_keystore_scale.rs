//! Look-ups among many certificates of many accounts in one SQLite file, beside the bare read of the same rows:
//! `cargo xtask bench pgp-keystore-scale`, of a fiftieth, and `cargo xtask deep certificates`, which is `-- --full`:
//! 1,000,000 certificates in 100,000 accounts.
//!
//! Each account has ten certificates. They are 10,000 different ones, each in a hundred accounts, for to generate a million
//! keys takes long and changes nothing: no account knows what is in another, and no row is shared.
//!
//! A look-up goes to an account at random. "Bare" is `Records::get` of the certificate's record by its key, made the same way,
//! from the same store in the same run, in turn with the look-ups; each kind visits accounts of its own, so that none finds
//! in SQLite's cache what another has read. More than twice the bare read, medians beside each other, fails
//! it, for `find` and for a certificate at hand; one that has to be parsed is told only.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use pgp_keystore::custody::AccountId;
use pgp_keystore::store::{Account, Inline, Query, Store};
use pgp_keystore::{Certificate, Fingerprint, Form, Generate, Profile};
use pollster::block_on;
use record_store::{Key, Records, Sqlite};

/// Of each account.
const OWN: usize = 10;
/// So many accounts have the same certificates.
const ALIKE: usize = 100;
const WRITERS: usize = 4;
/// Look-ups of each kind.
const ASKED: usize = 20_000;
/// Most of the bare read.
const MOST: f64 = 2.0;

struct Scale {
    accounts: usize,
}

impl Scale {
    fn certificates(&self) -> usize {
        self.accounts * OWN
    }

    /// Which certificates an account has: so many different sets as there are accounts that are not alike.
    fn sets(&self) -> usize {
        self.accounts.div_ceil(ALIKE)
    }
}

fn name(account: usize) -> AccountId {
    AccountId::new(format!("account{account}@example.org")).unwrap()
}

/// A set of certificates: what is imported, and by what each is found.
struct Set {
    keyring: Vec<u8>,
    known: Vec<Known>,
}

struct Known {
    of: Fingerprint,
    /// Of a subkey.
    key: Fingerprint,
    address: String,
}

fn set(number: usize, now: SystemTime) -> Set {
    let mut set = Set {
        keyring: Vec::new(),
        known: Vec::new(),
    };
    for one in 0..OWN {
        let address = format!("user{}@example.net", number * OWN + one);
        let new = Generate::new(Profile::Compat, now).user_id(format!("User <{address}>"));
        let certificate: Certificate = new.create().unwrap().key.certificate();
        set.keyring
            .extend(certificate.export(Form::Binary).unwrap());
        set.known.push(Known {
            of: certificate.fingerprint(),
            key: certificate.fingerprints().nth(2).unwrap(),
            address,
        });
    }
    set
}

/// Numbers without a pattern, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % limit as u64) as usize
    }
}

fn fill(file: &Path, scale: &Scale, sets: &[Set], now: SystemTime) {
    // Nothing of it has to outlive this run.
    let records = Sqlite::open_with_pragmas(file, "PRAGMA synchronous = OFF").unwrap();
    let store = Store::new(records, Inline).with_cache(0);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                for account in (writer..scale.accounts).step_by(WRITERS) {
                    let set = &sets[account % sets.len()];
                    let ann = store.account(name(account));
                    let report = block_on(ann.import(set.keyring.clone(), now)).unwrap();
                    assert_eq!(report.taken.len(), OWN);
                }
            });
        }
    });
}

/// What is asked, and what has to come out.
struct Asker<'a> {
    store: &'a Store<Arc<Sqlite>, Inline>,
    /// Those of the store.
    records: &'a Sqlite,
    now: SystemTime,
}

const KINDS: [&str; 8] = [
    "bare: `Records::get` of the certificate's record",
    "`find` by address",
    "`find` by fingerprint",
    "`find` by the fingerprint of a subkey",
    "`find` by key ID",
    "`certificate`, parsed",
    "`certificates` by address, parsed",
    "`certificates` by address, at hand",
];

impl Asker<'_> {
    fn ask(&self, kind: usize, account: usize, known: &Known) {
        let ann: Account<'_, Arc<Sqlite>, Inline> = self.store.account(name(account));
        let address = || Query::Address(known.address.clone());
        let query = match kind {
            0 => {
                let parts = (ann.id().as_str(), "cert", known.of.as_bytes());
                let key = Key::new("pgp-keystore", parts).unwrap();
                let found = block_on(self.records.get(&key, self.now)).unwrap().unwrap();
                assert!(found.value().unwrap().len() > 500);
                return;
            }
            1 => address(),
            2 => Query::Fingerprint(known.of),
            3 => Query::Fingerprint(known.key),
            4 => Query::KeyId(known.key.key_id()),
            5 => {
                let found = block_on(ann.certificate(known.of, self.now)).unwrap();
                assert_eq!(found.unwrap().fingerprint(), known.of);
                return;
            }
            _ => {
                let found = block_on(ann.certificates(&address(), self.now)).unwrap();
                assert_eq!(found.len(), 1);
                assert_eq!(found[0].fingerprint(), known.of);
                return;
            }
        };
        assert_eq!(block_on(ann.find(&query, self.now)).unwrap(), [known.of]);
    }

    /// Microseconds of each, in order.
    fn times(&self, scale: &Scale, sets: &[Set], asked: usize) -> Vec<Vec<f64>> {
        let mut random = Random(1);
        let mut times = vec![Vec::with_capacity(asked); KINDS.len()];
        for round in 0..asked {
            for step in 0..KINDS.len() {
                // None always comes after the same other one.
                let kind = (round + step * (1 + 2 * (round % 2))) % KINDS.len();
                let account = random.below(scale.accounts);
                let known = &sets[account % sets.len()].known[random.below(OWN)];
                if KINDS[kind].ends_with("at hand") {
                    self.ask(kind, account, known);
                }
                let start = Instant::now();
                self.ask(kind, account, known);
                times[kind].push(start.elapsed().as_secs_f64() * 1e6);
            }
        }
        for times in &mut times {
            times.sort_by(f64::total_cmp);
        }
        times
    }
}

fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    most.unwrap_or("unknown").trim().to_owned()
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // What `cargo test --benches` asks for.
    if args.iter().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let has = |wanted: &str| args.iter().any(|arg| arg == wanted);
    let given = args.iter().position(|arg| arg == "--accounts");
    let given = given.and_then(|at| args.get(at + 1)?.parse().ok());
    let scale = Scale {
        accounts: match given {
            Some(accounts) => accounts,
            None if has("--full") => 100_000,
            None if has("--quick") || has("--test") => 200,
            None => 2_000,
        },
    };
    let now = SystemTime::now();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.db");
    let start = Instant::now();
    let sets: Vec<Set> = (0..scale.sets()).map(|number| set(number, now)).collect();
    let generated = start.elapsed().as_secs_f64();
    let start = Instant::now();
    fill(&file, &scale, &sets, now);
    let filled = start.elapsed().as_secs_f64();
    println!(
        "{} certificates in {} accounts, of {} different ones, generated in {generated:.0} s; imported in {filled:.0} s by \
         {WRITERS} threads, {:.0} a second, without syncs",
        scale.certificates(),
        scale.accounts,
        scale.sets() * OWN,
        scale.certificates() as f64 / filled,
    );
    println!("backend: {}", pgp_keystore::backend());
    println!("file: {} MiB", fs::metadata(&file).unwrap().len() >> 20);
    println!("most memory while it was filled: {}\n", memory());
    let records = Arc::new(Sqlite::open(&file).unwrap());
    let store = Store::new(Arc::clone(&records), Inline);
    let asker = Asker {
        store: &store,
        records: &records,
        now,
    };
    let asked = if has("--quick") { 200 } else { ASKED };
    // The first ones open what is lazy.
    asker.times(&scale, &sets, asked / 20);
    let times = asker.times(&scale, &sets, asked);
    let at = |times: &[f64], part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!("| {asked} look-ups each | median µs | p99 µs | median of bare | p99 of bare |");
    println!("|-|-:|-:|-:|-:|");
    let (median, p99) = (at(&times[0], 0.5), at(&times[0], 0.99));
    let mut faults = Vec::new();
    for (kind, times) in KINDS.iter().zip(&times) {
        let (half, most) = (at(times, 0.5), at(times, 0.99));
        let ratio = half / median;
        println!(
            "| {kind} | {half:.1} | {most:.1} | {ratio:.2} | {:.2} |",
            most / p99
        );
        let is_bound = kind.starts_with("`find`") || kind.ends_with("at hand");
        if is_bound && ratio > MOST {
            faults.push(format!(
                "{kind}: {ratio:.2} times the bare read, not {MOST}"
            ));
        }
    }
    println!();
    for fault in &faults {
        println!("not as promised: {fault}");
    }
    match faults.is_empty() || has("--quick") || has("--test") {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
