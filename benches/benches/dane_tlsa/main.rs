//! DANE beside webpki and beside OpenSSL, in turn within one run: `cargo xtask bench dane-tlsa`. It prints the tables
//! of docs/performance.md.
//!
//! Every round checks its result. Of many short rounds the fastest counts; instructions are counted by Callgrind, in
//! runs of this program and of OpenSSL's harness, as the difference of two runs.
#![allow(missing_docs, clippy::unwrap_used)]

mod chain;
mod openssl;
mod ours;

use chain::Chain;
use openssl::OpenSsl;
use ours::Way;
use std::{
    process::{Command, ExitCode},
    time::{Duration, Instant, SystemTime},
};

const WHATS: [&str; 2] = ["verify", "handshake"];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // What `cargo test --benches` asks for.
    if args.iter().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let chain = Chain::new();
    // What Callgrind is to count.
    if let [count, what, times] = &args[..]
        && count == "--count"
    {
        let mut run = ready(what, &chain).unwrap();
        (0..times.parse().unwrap()).for_each(|_| run());
        return ExitCode::SUCCESS;
    }
    let peer = OpenSsl::new(&chain);
    if let Err(why) = &peer {
        eprintln!("not run: OpenSSL ({why})");
    }
    let valgrind = Command::new("valgrind").arg("--version").output().is_ok();
    if !valgrind {
        eprintln!("not run: instruction counts (no valgrind)");
    }
    let mut page = String::new();
    let mut faults = Vec::new();
    for what in WHATS {
        page += &format!(
            "\n| {what} | µs | instructions | instructions beside webpki |\n|-|-:|-:|-:|\n"
        );
        let mut base = None;
        for way in Way::ALL {
            let name = format!("{what}-{}", way.name());
            let micros = fastest(&mut *ready(&name, &chain).unwrap());
            let instructions = valgrind.then(|| count(|times| own(&name, times)));
            let base = *base.get_or_insert((micros, instructions));
            let library = match way {
                Way::Pkix => "rustls with webpki",
                Way::DaneEe => "dane-tlsa, 3 1 1",
                Way::DaneTa => "dane-tlsa, 2 1 1 of the root",
            };
            page += &row(library, micros, instructions, base.1);
            if way == Way::DaneEe {
                faults.extend(promise(what, (micros, instructions), base));
            }
        }
        for way in Way::ALL {
            let Ok(peer) = &peer else { break };
            let name = format!("{what}-{}", way.name());
            let micros = (0..20)
                .map(|_| peer.time(&name, 20))
                .fold(f64::MAX, f64::min);
            let command = |times| peer.command(&name, times);
            let instructions = valgrind.then(|| count(command));
            let library = match way {
                Way::Pkix => "OpenSSL, PKIX",
                Way::DaneEe => "OpenSSL, 3 1 1",
                Way::DaneTa => "OpenSSL, 2 1 1 of the root",
            };
            page += &row(library, micros, instructions, base.and_then(|b| b.1));
        }
    }
    println!("{page}");
    for fault in &faults {
        println!("not as promised: {fault}");
    }
    match faults.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

type Cost = (f64, Option<u64>);

/// What is not so.
fn promise(what: &str, (micros, own): Cost, (base_micros, base): Cost) -> Option<String> {
    let (own, base) = own.zip(base)?;
    match what {
        "verify" if base < 200 * own => Some(format!(
            "DANE-EE is only {:.0} times cheaper than webpki's path building",
            base as f64 / own as f64
        )),
        "handshake" if own > base || micros > base_micros => {
            Some("a handshake with DANE-EE is slower than one with webpki".into())
        }
        _ => None,
    }
}

fn row(library: &str, micros: f64, instructions: Option<u64>, base: Option<u64>) -> String {
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    let ratio = instructions.zip(base);
    let ratio = ratio.map(|(own, base)| format!("{:.4}", own as f64 / base as f64));
    let instructions = text(instructions.map(|count| count.to_string()));
    format!(
        "| {library} | {micros:.2} | {instructions} | {} |\n",
        text(ratio)
    )
}

/// `verify-pkix`, `handshake-dane-ee` and so on.
fn ready(name: &str, chain: &Chain) -> Option<Box<dyn FnMut()>> {
    let (what, way) = name.split_once('-')?;
    let way = Way::ALL.into_iter().find(|w| w.name() == way)?;
    match what {
        "verify" => Some(ours::verify(way, chain, SystemTime::now())),
        "handshake" => Some(ours::handshake(way, chain)),
        _ => None,
    }
}

/// This program, doing something so many times.
fn own(name: &str, times: u32) -> Vec<String> {
    let program = std::env::current_exe().unwrap().display().to_string();
    vec![program, "--count".into(), name.into(), times.to_string()]
}

/// Instructions of one. Making the keys costs a run more or less by chance: what is cheap is done often, so that it
/// does not matter.
fn count(command: impl Fn(u32) -> Vec<String>) -> u64 {
    match difference(&command, 55) {
        ..100_000 => difference(&command, 20_000),
        dear => dear,
    }
}

/// Instructions of one, by the difference of two runs.
fn difference(command: &impl Fn(u32) -> Vec<String>, many: u32) -> u64 {
    const FEW: u32 = 5;
    let [few, all] = [FEW, many].map(|times| {
        let said = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .args(command(times))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        let counted = said.lines().find_map(|line| line.split_once("Collected :"));
        let counted = counted.and_then(|(_, number)| number.trim().parse::<u64>().ok());
        counted.unwrap_or_else(|| panic!("Callgrind gave no count: {said}"))
    });
    all.saturating_sub(few) / u64::from(many - FEW)
}

/// Microseconds of the fastest round.
fn fastest(run: &mut dyn FnMut()) -> f64 {
    const ALL: Duration = Duration::from_millis(1500);
    const ROUND: Duration = Duration::from_micros(300);
    run();
    let start = Instant::now();
    run();
    let once = start.elapsed().max(Duration::from_nanos(50));
    let calls = (ROUND.as_nanos() / once.as_nanos()).clamp(1, 10_000) as u32;
    let (mut best, start) = (f64::MAX, Instant::now());
    while start.elapsed() < ALL {
        let start = Instant::now();
        (0..calls).for_each(|_| run());
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    best
}
