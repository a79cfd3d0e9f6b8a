//! Asks a validating resolver on this machine what DANE says of a domain, and shows every step with
//! its DNSSEC status: `tlsa-lookup [--resolver ADDRESS:PORT] [--port PORT] [--host] [--ask-insecure-mx] NAME`.
//!
//! `--host`: the name is a host, and no MX records are asked for. Exit status: 0 if something is known
//! of every host, 1 if a look-up failed, 2 for a usage error.

use dane_tlsa::{HostLookup, InsecureMx, Lookup, Route, Step, Tlsa, Walk, Walked};
use mail_dns::{AdStub, Outcome, Record};
use std::{
    net::SocketAddr,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

const USAGE: &str =
    "usage: tlsa-lookup [--resolver ADDRESS:PORT] [--port PORT] [--host] [--ask-insecure-mx] NAME";

struct Options {
    stub: AdStub,
    walk: Walk,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Result<Vec<String>, _> = std::env::args_os()
        .skip(1)
        .map(|arg| arg.into_string().map_err(|_| "not UTF-8".to_owned()))
        .collect();
    match args.and_then(options) {
        Ok(options) => ask(options).await,
        Err(why) => {
            eprintln!("tlsa-lookup: {why}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn options(args: Vec<String>) -> Result<Options, String> {
    let mut resolver = SocketAddr::from(([127, 0, 0, 1], 53));
    let (mut port, mut host, mut mx, mut name) = (Walk::SMTP, false, InsecureMx::Stop, None);
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg}: no value"));
        match &*arg {
            "--resolver" => resolver = value()?.parse().map_err(|why| format!("{arg}: {why}"))?,
            "--port" => port = value()?.parse().map_err(|why| format!("{arg}: {why}"))?,
            "--host" => host = true,
            "--ask-insecure-mx" => mx = InsecureMx::Ask,
            _ if arg.starts_with("--") || name.is_some() => {
                return Err(format!("{arg}: what is that?"));
            }
            _ => name = Some(arg.parse().map_err(|why| format!("{arg}: {why}"))?),
        }
    }
    let name = name.ok_or("no name given")?;
    let walk = match host {
        true => Walk::host(name, port),
        false => Walk::mail_to_port(name, port),
    };
    Ok(Options {
        stub: AdStub::new(resolver).map_err(|why| why.to_string())?,
        walk: walk.with_insecure_mx(mx),
    })
}

#[allow(clippy::disallowed_methods)] // a program has a clock
async fn ask(Options { stub, walk }: Options) -> ExitCode {
    let deadline = Instant::now() + Duration::from_secs(20);
    match stub.is_validating(deadline).await {
        Ok(true) => {}
        Ok(false) => println!("The resolver does not validate: everything will look unsigned."),
        Err(why) => println!("The resolver says nothing of the root: {why}."),
    }
    let walked = walk.run(&stub, SystemTime::now(), deadline).await;
    print(&walked)
}

fn print(walked: &Walked) -> ExitCode {
    walked.steps.iter().for_each(step);
    let mut failed = false;
    match walked.route {
        Route::Hosts => println!(
            "mail: {} hosts, {:?}",
            walked.hosts.len(),
            walked.mx_security
        ),
        Route::NullMx => println!("mail: the domain takes none, {:?}", walked.mx_security),
        Route::NoSuchDomain => println!("mail: no such domain, {:?}", walked.mx_security),
        Route::Failed(why) => {
            println!("mail: {why} ({})", why.code());
            failed = true;
        }
    }
    for host in &walked.hosts {
        println!("\n{}", host.host);
        host.steps.iter().for_each(step);
        failed |= verdict(host);
    }
    match failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// What was found of a host; whether it is nothing.
fn verdict(host: &HostLookup) -> bool {
    let code = host.lookup.code();
    match &host.lookup {
        Lookup::Secure(records) => {
            let usable = records.usable_for_smtp();
            let usable = usable.map_or(0, |usable| usable.records().len());
            let all = records.records().len();
            println!("  => {all} records, {usable} usable for SMTP ({code})");
            let names: Vec<String> = host.names.iter().map(ToString::to_string).collect();
            println!("     names, the first for SNI: {}", names.join(", "));
        }
        Lookup::SecureDenial => println!("  => no records, proved ({code})"),
        Lookup::Insecure => println!("  => unsigned ({code})"),
        Lookup::Failed(why) => println!("  => {why}: no mail now ({code})"),
    }
    matches!(host.lookup, Lookup::Failed(_))
}

fn step(Step { query, answer, .. }: &Step) {
    let (security, ttl) = (answer.security(), answer.ttl().as_secs());
    match answer.outcome() {
        Outcome::Records(records) => {
            println!("  {query}: {security:?}, {ttl} s");
            records
                .iter()
                .for_each(|record| println!("    {}", text(record)));
        }
        Outcome::NoData => println!("  {query}: no data, {security:?}, {ttl} s"),
        Outcome::NxDomain => println!("  {query}: does not exist, {security:?}, {ttl} s"),
        Outcome::Failure(why) => println!("  {query}: {why}"),
    }
}

fn text(record: &Record) -> String {
    match record {
        Record::A(address) => address.to_string(),
        Record::Aaaa(address) => address.to_string(),
        Record::Mx(mx) => format!("{} {}", mx.preference, mx.exchange),
        Record::Cname(name) => format!("alias of {name}"),
        Record::Tlsa(data) => match Tlsa::from_rdata(data) {
            Ok(record) => record.to_string(),
            Err(why) => format!("not usable: {why}"),
        },
        other => format!("{other:?}"),
    }
}
