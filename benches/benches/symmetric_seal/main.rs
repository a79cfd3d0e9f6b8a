//! 64 MiB sealed and opened beside rPGP, Sequoia, age and gpg, and beside the bare cipher, in turn within one run:
//! `cargo xtask bench symmetric-seal`. It prints tables as those of docs/performance.md.
//!
//! The password costs next to nothing here on every side; what Argon2 costs is a table of its own. Every opening checks the
//! length of what came out. The fastest of the rounds counts: what else the machine does makes a round slower, never
//! faster. With `--quick` there are few rounds.
#![allow(missing_docs, clippy::unwrap_used)]

mod bare;
mod gpg;
mod ours;
mod peers;

use std::process::ExitCode;
use std::time::Instant;

pub(crate) const SIZE: usize = 64 << 20;
pub(crate) const PASSWORD: &str = "correct horse";

/// Something measured: what is to be ready before the clock starts, and the run.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) run: Box<dyn FnMut() -> f64>,
}

impl Row {
    pub(crate) fn new(name: &'static str, mut run: impl FnMut() + 'static) -> Self {
        Self::timed(name, move || {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
    }

    /// `run` says how long what counts took.
    pub(crate) fn timed(name: &'static str, run: impl FnMut() -> f64 + 'static) -> Self {
        Self {
            name,
            run: Box::new(run),
        }
    }
}

/// Content that does not repeat.
pub(crate) fn content() -> Vec<u8> {
    let words = (0_u32..).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes());
    words.take(SIZE / 4).flatten().collect()
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // What `cargo test --benches` asks for.
    if args.iter().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let quick = args.iter().any(|arg| arg == "--quick" || arg == "--test");
    let rounds = if quick { 2 } else { 15 };
    let mut faults = Vec::new();

    println!("Sequoia's backend: {}\n", peers::sequoia_backend());
    let bare = table("bare", rounds, bare::rows());
    let cipher = bare[0].1;
    for (what, ours, peers) in [
        (
            "sealing to a discarding sink",
            ours::seal_discarding(),
            peers::seal_discarding(),
        ),
        (
            "sealing into a reused buffer",
            ours::seal_reused(),
            peers::seal_reused(),
        ),
        (
            "opening to a discarding sink",
            ours::open_discarding(),
            peers::open_discarding(),
        ),
        (
            "opening into a reused buffer",
            ours::open_reused(),
            peers::open_reused(),
        ),
    ] {
        let count = ours.len();
        let rows = table(what, rounds, ours.into_iter().chain(peers).collect());
        let (ours, peers) = rows.split_at(count);
        // The slowest of ours beside the fastest peer.
        let slowest = ours.iter().map(|row| row.1).fold(0.0, f64::max);
        let fastest = peers.iter().map(|row| row.1).fold(f64::MAX, f64::min);
        let times = fastest / slowest;
        println!("at least {times:.1} times the fastest peer\n");
        if times < 3.0 {
            faults.push(format!("{what}: {times:.2} times the fastest peer, not 3"));
        }
        if what == "sealing to a discarding sink" {
            let best = ours.iter().map(|row| row.1).fold(f64::MAX, f64::min);
            let worst = cipher / slowest;
            println!(
                "of the bare cipher: {:.2} at best, {worst:.2} at worst\n",
                cipher / best
            );
            if worst < 0.35 {
                faults.push(format!("{what}: {worst:.2} of the bare cipher, not 0.35"));
            }
        }
    }
    table("fresh buffers", rounds, ours::fresh());
    match gpg::rows() {
        Ok(rows) => drop(table("gpg, a process each time", rounds.min(3), rows)),
        Err(why) => println!("not run: gpg ({why})\n"),
    }
    table(
        "Argon2 alone (time, not speed)",
        rounds.min(5),
        peers::argon2(),
    );
    for fault in &faults {
        println!("not as promised: {fault}");
    }
    match faults.is_empty() || quick {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Prints and gives the seconds of the fastest round of each, in turns.
fn table(what: &str, rounds: usize, mut rows: Vec<Row>) -> Vec<(&'static str, f64)> {
    let mut best = vec![f64::MAX; rows.len()];
    for _ in 0..rounds {
        for (row, best) in rows.iter_mut().zip(&mut best) {
            *best = best.min((row.run)());
        }
    }
    println!("| {what} | ms | MB/s |\n|-|-:|-:|");
    let rows: Vec<_> = rows.iter().map(|row| row.name).zip(best).collect();
    for (name, seconds) in &rows {
        let speed = SIZE as f64 / 1e6 / seconds;
        println!("| {name} | {:.1} | {speed:.0} |", seconds * 1e3);
    }
    println!();
    rows
}
