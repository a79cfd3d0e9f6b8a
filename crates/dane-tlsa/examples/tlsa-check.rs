//! Judges the certificates of a server by TLSA records, and says why.
//!
//! Exit status: 0 a verdict, 2 bad input.

#[path = "tlsa-check/arguments.rs"]
mod arguments;

use arguments::{Arguments, Command};
use dane_tlsa::{Class, Crypto, Matcher, Roots, RrSet, Verdict};
use std::{
    io::{ErrorKind, Write},
    process::ExitCode,
    sync::Arc,
    time::SystemTime,
};

fn main() -> ExitCode {
    match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Command::Check(arguments)) => {
            let verdict = check(&arguments);
            print(&report(&arguments, &verdict))
        }
        Ok(Command::Help) => print(arguments::HELP),
        Err(why) => {
            eprintln!("tlsa-check: {why}\n{}", arguments::USAGE);
            ExitCode::from(2)
        }
    }
}

#[allow(clippy::disallowed_methods)] // a program has a clock
fn check(arguments: &Arguments) -> Verdict {
    let records: Vec<_> = arguments.records.iter().map(|(r, _)| r.clone()).collect();
    // Whoever runs this says what the records are.
    let records = RrSet::new(records).assume_secure();
    let usable = match arguments.any_usage {
        true => records.usable_with_roots(Arc::new(Roots::new(arguments.roots.clone()))),
        false => records.usable_for_smtp(),
    };
    let Some(usable) = usable else {
        return Verdict::unusable();
    };
    let now = arguments.at.unwrap_or_else(SystemTime::now);
    Matcher::new(usable, arguments.references.clone(), Crypto::aws_lc_rs())
        .with_end_entity_names(arguments.names)
        .check(&arguments.end_entity, &arguments.intermediates, now)
}

fn report(arguments: &Arguments, verdict: &Verdict) -> String {
    let class = match verdict.class() {
        Class::Match => "match",
        Class::NameMismatch => "name-mismatch",
        Class::Expired => "expired",
        Class::Untrusted => "untrusted",
        Class::NoMatch => "no-match",
        Class::Unusable => "unusable",
    };
    let mut records = arguments.records.iter();
    // As it was given: it may have been written in another way than it prints.
    let record = records.find(|(record, _)| Some(record) == verdict.record());
    let record = record.map(|(_, text)| text.as_str());
    if arguments.json {
        let json = serde_json::json!({
            "verdict": class,
            "record": record,
            "depth": verdict.depth(),
            "reason": verdict.reason().code(),
        });
        return format!("{json}\n");
    }
    let mut text = format!("{class}: {}\n", verdict.reason());
    if let (Some(record), Some(depth)) = (record, verdict.depth()) {
        text.push_str(&format!("record {record}\nat depth {depth}\n"));
    }
    text.push_str(&format!("reason {}\n", verdict.reason().code()));
    if let Some(result) = verdict.reason().tls_rpt() {
        text.push_str(&format!("in a TLS report {result}\n"));
    }
    text
}

/// A reader that has seen enough may go.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => {
            eprintln!("tlsa-check: {why}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
