//! Our configurations beside those of plain rustls, in turn within one run, and the decision:
//! `cargo xtask bench tls-policy`. It prints the tables of docs/performance.md.
//!
//! Every round checks its result: version, group, and that nothing was resumed. Of many short rounds the fastest counts;
//! instructions are counted by Callgrind, in runs of this program, as the difference of two runs.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../dane_tlsa/chain.rs"]
#[allow(dead_code)] // made for OpenSSL, too
mod chain;
mod handshake;
#[path = "../dane_tlsa/measure.rs"]
mod measure;

use chain::Chain;
use handshake::Way;
use measure::{count, fastest, own, row};
use std::{
    hint::black_box,
    process::{Command, ExitCode},
};
use tls_policy::{DaneFact, Facts, Floor, MemoryFact, MxFact, StsFact, decide};

/// How much more than plain rustls with the same group ours may cost, in instructions, in percent. The key exchange draws
/// random numbers again where the first do not fit.
const MOST: u64 = 3;

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
    let valgrind = Command::new("valgrind").arg("--version").output().is_ok();
    if !valgrind {
        eprintln!("not run: instruction counts (no valgrind)");
    }
    let cost = |name: &str| {
        let micros = fastest(&mut *ready(name, &chain).unwrap());
        (micros, valgrind.then(|| count(|times| own(name, times))))
    };
    let mut page = String::new();
    let mut faults = Vec::new();
    for (peer, ours) in Way::BESIDE {
        let (peer_micros, peer_count) = cost(peer.name());
        page += &format!(
            "\n| whole handshake, {} | µs | instructions | instructions beside plain rustls |\n|-|-:|-:|-:|\n",
            peer.group()
        );
        page += &row(peer.text(), peer_micros, peer_count, peer_count);
        for way in ours {
            let (micros, own) = cost(way.name());
            page += &row(way.text(), micros, own, peer_count);
            // Of two names the path is verified once for each.
            let dearer = own.zip(peer_count).filter(|_| way != &Way::NormalTwoNames);
            if dearer.is_some_and(|(own, peer)| own * 100 > peer * (100 + MOST)) {
                faults.push(format!("{} costs more than {}", way.text(), peer.text()));
            }
        }
    }
    page += "\n| decision | µs | instructions |\n|-|-:|-:|\n";
    for (name, text, ..) in DECISIONS {
        let (micros, instructions) = cost(name);
        let instructions = instructions.map_or_else(|| "-".into(), |count| count.to_string());
        page += &format!("| {text} | {micros:.4} | {instructions} |\n");
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

type DecisionOf = (
    &'static str,
    &'static str,
    DaneFact,
    StsFact,
    Floor,
    &'static str,
);

/// Name, what is decided, the facts, and the reason that has to come out.
const DECISIONS: [DecisionOf; 3] = [
    (
        "decide-nothing",
        "a domain that shows nothing",
        DaneFact::Insecure,
        StsFact::None,
        Floor::Opportunistic,
        "nothing.asked",
    ),
    (
        "decide-sts",
        "MTA-STS, enforced",
        DaneFact::Insecure,
        StsFact::Enforce,
        Floor::Opportunistic,
        "sts.enforce",
    ),
    (
        "decide-dane",
        "DANE, for a sender who demands a verified peer",
        DaneFact::Usable,
        StsFact::Enforce,
        Floor::Verified,
        "dane.usable",
    ),
];

fn ready(name: &str, chain: &Chain) -> Option<Box<dyn FnMut()>> {
    if let Some(way) = Way::named(name) {
        return Some(handshake::run(way, chain));
    }
    let (_, _, dane, sts, floor, reason) = *DECISIONS.iter().find(|of| of.0 == name)?;
    let mx_set = match dane {
        DaneFact::Usable => MxFact::Secure,
        _ => MxFact::Insecure,
    };
    let facts = Facts::new("example.org", "mx.example.org", mx_set)
        .dane(dane)
        .sts(sts)
        .memory(MemoryFact::Nothing);
    Some(Box::new(move || {
        let decision = decide(black_box(&facts), black_box(floor));
        assert!(decision.reason().code() == reason, "{decision}");
    }))
}
