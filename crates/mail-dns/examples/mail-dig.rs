//! Asks the system's resolver: `mail-dig TYPE NAME...`, or `mail-dig NAME...` for all types.
//!
//! Exit status: 0 if there was an answer to every question, 1 if not, 2 for a usage error.

use mail_dns::{Hickory, Outcome, Query, Record, RecordType, Resolver};
use std::{
    error::Error,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Result<Vec<String>, _> = std::env::args_os()
        .skip(1)
        .map(|arg| arg.into_string().map_err(|_| "not UTF-8".to_owned()))
        .collect();
    match args.and_then(|args| queries(&args)) {
        Ok(queries) if !queries.is_empty() => ask(&queries).await,
        Ok(_) => usage("no name given"),
        Err(why) => usage(&why),
    }
}

fn usage(why: &str) -> ExitCode {
    let types = RecordType::ALL.map(|t| t.to_string()).join("|");
    eprintln!("mail-dig: {why}\nusage: mail-dig [{types}] NAME...");
    ExitCode::from(2)
}

fn queries(args: &[String]) -> Result<Vec<Query>, String> {
    let (types, names) = match args.split_first() {
        Some((first, rest)) if !rest.is_empty() => match first.parse() {
            Ok(record_type) => (vec![record_type], rest),
            Err(_) => (RecordType::ALL.to_vec(), args),
        },
        _ => (RecordType::ALL.to_vec(), args),
    };
    let mut queries = Vec::new();
    for text in names {
        let name = text.parse().map_err(|why| format!("{text}: {why}"))?;
        queries.extend(types.iter().map(|&t| Query::new(Clone::clone(&name), t)));
    }
    Ok(queries)
}

#[allow(clippy::disallowed_methods)] // a program has a clock
async fn ask(queries: &[Query]) -> ExitCode {
    let resolver = match Hickory::system() {
        Ok(resolver) => resolver,
        Err(why) => {
            let cause = why.source().map(|cause| format!(": {cause}"));
            eprintln!("mail-dig: {why}{}", cause.unwrap_or_default());
            return ExitCode::FAILURE;
        }
    };
    let mut status = ExitCode::SUCCESS;
    for query in queries {
        let deadline = Instant::now() + Duration::from_secs(10);
        let answer = resolver.resolve(query, SystemTime::now(), deadline).await;
        let (security, ttl) = (answer.security(), answer.ttl().as_secs());
        match answer.outcome() {
            Outcome::Records(records) => {
                println!("{query}: {} records, {security:?}, {ttl} s", records.len());
                records
                    .iter()
                    .for_each(|record| println!("  {}", text(record)));
            }
            Outcome::NoData => println!("{query}: no data, {security:?}, {ttl} s"),
            Outcome::NxDomain => println!("{query}: does not exist, {security:?}, {ttl} s"),
            Outcome::Failure(why) => {
                println!("{query}: {why}");
                status = ExitCode::FAILURE;
            }
        }
    }
    status
}

fn text(record: &Record) -> String {
    match record {
        Record::A(address) => address.to_string(),
        Record::Aaaa(address) => address.to_string(),
        Record::Mx(mx) => format!("{} {}", mx.preference, mx.exchange),
        Record::Ptr(name) | Record::Cname(name) => name.to_string(),
        Record::Txt(txt) => {
            let one = |chunk: &[u8]| format!("\"{}\"", chunk.escape_ascii());
            txt.chunks().map(one).collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    }
}
