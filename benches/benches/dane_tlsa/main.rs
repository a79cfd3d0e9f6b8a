//! DANE beside webpki and beside OpenSSL, in turn within one run: `cargo xtask bench dane-tlsa`. It prints the tables
//! of docs/performance.md.
//!
//! Every round checks its result. Of many short rounds the fastest counts; instructions are counted by Callgrind, in
//! runs of this program and of OpenSSL's harness, as the difference of two runs.
#![allow(missing_docs, clippy::unwrap_used)]

mod chain;
mod measure;
mod openssl;
mod ours;

use chain::Chain;
use measure::{count, fastest, own, row};
use openssl::OpenSsl;
use ours::Way;
use std::{
    process::{Command, ExitCode},
    time::SystemTime,
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
