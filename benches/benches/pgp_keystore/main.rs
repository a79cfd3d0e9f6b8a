//! pgp-keystore beside plain Sequoia, rPGP and gpg, with the same keys, in turn within one run:
//! `cargo xtask bench pgp-keystore`. It prints tables as those of docs/performance.md. With `-- --quick` there are few
//! rounds, and nothing is held to its promise.
//!
//! Sequoia remembers each signature that it has verified for the life of the process, which flatters whoever does the same
//! thing again. So there are tables of two kinds. In those that are "cold", each row is a process of its own, and does with
//! each key what it does once. In the others certificates are parsed and judged before the clock starts, and of many rounds
//! the fastest counts; each signature over content that is verified there is a new one. With `-- --instructions` these rows are
//! counted by Callgrind as well, which takes minutes. What parsing costs depends on what there is to parse: all of this is done
//! with new keys, and again with keys that have been extended and rotated for years.
#![allow(missing_docs, clippy::unwrap_used)]

mod account;
mod cold;
mod gpg;
mod inputs;
mod ours;
mod rpgp;
mod sequoia;

use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use inputs::Inputs;

/// Something measured: what is ready before the clock starts, and the run. It does so many things at once.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn FnMut()>,
    pub(crate) things: usize,
}

impl Row {
    /// `run` does one thing.
    pub(crate) fn new(name: &'static str, run: impl FnMut() + 'static) -> Self {
        Self::of(name, 1, run)
    }

    /// `run` does something with each of so many things.
    pub(crate) fn of(name: &'static str, things: usize, run: impl FnMut() + 'static) -> Self {
        Self {
            name,
            run: Box::new(run),
            things,
        }
    }

    /// Seconds for each thing, by the clock.
    #[inline(never)]
    pub(crate) fn time(&mut self) -> f64 {
        let start = Instant::now();
        (self.run)();
        start.elapsed().as_secs_f64() / self.things as f64
    }
}

/// What was measured, by name.
struct Measured(Vec<(&'static str, f64)>);

impl Measured {
    fn of(&self, name: &str) -> f64 {
        self.0.iter().find(|(n, _)| *n == name).unwrap().1
    }
}

/// What does not hold.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    /// That one takes at most so many times what another takes.
    fn most(&mut self, table: &Measured, one: &str, times: f64, other: &str) {
        let found = table.of(one) / table.of(other);
        println!("{one}: {found:.2} times {other}, at most {times}");
        if found > times {
            self.0
                .push(format!("{one}: {found:.2} times {other}, not {times}"));
        }
    }
}

/// How many times what another takes one takes, whatever that is.
fn tell(table: &Measured, one: &str, other: &str) {
    let found = table.of(one) / table.of(other);
    println!("{one}: {found:.2} times {other}");
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // What `cargo test --benches` asks for.
    if args.iter().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    if let Some(at) = args.iter().position(|arg| arg == cold::CHILD) {
        cold::child(&args[at + 1..]);
        return ExitCode::SUCCESS;
    }
    if let Some(code) = without_backtraces(&args) {
        return code;
    }
    let quick = args.iter().any(|arg| arg == "--quick" || arg == "--test");
    let inputs = Rc::new(Inputs::make());
    println!("backend of both: {}\n", pgp_keystore::backend());
    let mut faults = Faults::default();
    import(&inputs, quick, &mut faults);
    let aged = YEARS.map(|years| (years, Rc::new(Inputs::aged(years))));
    let ages = [(0, inputs.clone())].into_iter().chain(aged);
    let ages: Vec<(u32, Rc<Inputs>)> = ages.collect();
    for (years, inputs) in &ages {
        messages(*years, inputs, quick, &mut faults);
    }
    if args.iter().any(|arg| arg == "--instructions") {
        cold::instructions("import", &inputs, &mut faults);
        for (years, inputs) in &ages {
            age(*years, inputs);
            for what in MESSAGES {
                cold::instructions(what, inputs, &mut faults);
            }
        }
    }
    for fault in &faults.0 {
        println!("not as promised: {fault}");
    }
    match faults.0.is_empty() || quick {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Runs itself without backtraces: Sequoia makes errors that are none, at the end of each packet, and with `RUST_BACKTRACE` each
/// of them costs more than the packet.
fn without_backtraces(args: &[String]) -> Option<ExitCode> {
    const SWITCH: &str = "RUST_LIB_BACKTRACE";
    if std::env::var(SWITCH).is_ok_and(|set| set == "0") {
        return None;
    }
    let program = std::env::current_exe().unwrap();
    let mut again = std::process::Command::new(program);
    let done = again.args(args).env(SWITCH, "0").status().unwrap();
    Some(match done.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn import(inputs: &Rc<Inputs>, quick: bool, faults: &mut Faults) {
    let rounds = if quick { 1 } else { 5 };
    let mut table = cold::table("import, for each of 2,000, cold", "import", inputs, rounds);
    match gpg::import(inputs, if quick { 1 } else { 2 }) {
        Ok(seconds) => {
            let name = "gpg --import";
            println!("| {name} | {:.1} |\n", seconds * 1e6);
            table.0.push((name, seconds));
            faults.most(&table, "pgp-keystore, into an account", 0.1, name);
            faults.most(&table, "pgp-keystore, into an account, SQLite", 0.1, name);
        }
        Err(why) => println!("\nnot run: gpg ({why})\n"),
    }
    // That one keeps nothing, and compares with nothing.
    faults.most(
        &table,
        "pgp-keystore, into an account",
        1.0,
        "sequoia, index",
    );
    println!();
    cold::table("first use of a key, cold", "first", inputs, rounds);
    println!();
}

/// Of one thing each, short enough that some of them nobody disturbs. No signature over content is seen twice.
const ROUNDS: usize = 300;

/// How long keys have been used, in the tables of those that are not new.
const YEARS: [u32; 3] = [3, 6, 10];
/// From this age on, certificates at hand are promised to be twice as fast as parsing each time, whatever is done. They are
/// from six years on; this leaves room for a machine that is busy.
const PARSING_PREVAILS: u32 = 10;

const MESSAGES: [&str; 4] = [
    "sign 10 KiB",
    "verify 10 KiB",
    "encrypt 10 KiB to 10",
    "decrypt 10 KiB",
];

fn of_messages(what: &str, inputs: &Rc<Inputs>) -> Vec<Row> {
    let (mut rows, ours) = match what.split_once(' ').map_or(what, |(word, _)| word) {
        "sign" => (sequoia::sign(inputs), ours::sign(inputs)),
        "verify" => (sequoia::verify(inputs), ours::verify(inputs)),
        "encrypt" => (sequoia::encrypt(inputs), ours::encrypt(inputs)),
        _ => (sequoia::decrypt(inputs), ours::decrypt(inputs)),
    };
    rows.extend(ours);
    rows
}

/// The heading of the tables of one age.
fn age(years: u32, inputs: &Inputs) {
    let octets = inputs.certificates[0].len();
    println!("certificates of {years} years, {octets} octets\n");
}

/// With keys that have been used for so many years, of which there is the more to parse; of new ones, with the other peers,
/// too.
fn messages(years: u32, inputs: &Rc<Inputs>, quick: bool, faults: &mut Faults) {
    let rounds = if quick { 20 } else { ROUNDS };
    age(years, inputs);
    let has_peers = years == 0;
    let gpg = match has_peers {
        true => gpg::rows(inputs),
        false => Ok(Vec::new()),
    };
    if let Err(why) = &gpg {
        println!("not run: gpg ({why})\n");
    }
    let mut gpg = gpg.unwrap_or_default().into_iter();
    let beside_parsing = (years >= PARSING_PREVAILS).then_some(0.5);
    for what in MESSAGES {
        let mut all = of_messages(what, inputs);
        all.extend(has_peers.then(|| rpgp::row(what, inputs)));
        let table = table(what, rounds, all);
        if let Some(mut row) = gpg.next() {
            let times = (0..rounds.min(5)).map(|_| row.time());
            let best = times.fold(f64::MAX, f64::min);
            println!("| {} | {:.1} |", row.name, best * 1e6);
        }
        promised(&table, beside_parsing, faults);
    }
}

/// What holds always, and what beside parsing each time where so much is promised.
fn promised(table: &Measured, beside_parsing: Option<f64>, faults: &mut Faults) {
    println!();
    faults.most(table, "pgp-keystore", 1.2, "sequoia, parsed");
    let parsing = "sequoia, parsing each time";
    match beside_parsing {
        Some(times) => faults.most(table, "pgp-keystore", times, parsing),
        None => tell(table, "pgp-keystore", parsing),
    }
    println!();
}

/// Prints and gives the seconds of the fastest round of each, in turns.
fn table(what: &str, rounds: usize, mut rows: Vec<Row>) -> Measured {
    let mut best = vec![f64::MAX; rows.len()];
    for _ in 0..rounds {
        for (row, best) in rows.iter_mut().zip(&mut best) {
            *best = best.min(row.time());
        }
    }
    let rows = rows.iter().map(|row| row.name).zip(best);
    print(what, rows.collect())
}

fn print(what: &str, rows: Vec<(&'static str, f64)>) -> Measured {
    println!("| {what} | µs |\n|-|-:|");
    for (name, seconds) in &rows {
        println!("| {name} | {:.1} |", seconds * 1e6);
    }
    Measured(rows)
}
