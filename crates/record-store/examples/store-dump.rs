//! Shows what is in a store: `store-dump sqlite:PATH|postgres://... [NAMESPACE] [--at UNIXTIME]`.
//!
//! Without a namespace: each namespace with its records and octets. With one: each record with its version, size and
//! expiry. It changes no record, and a service may run meanwhile; a file or a schema of an earlier format is brought up
//! to this release's, as by every program that opens it, and a database without the schema gets it, if the user may. Exit
//! 0, 1 on an error, 2 on wrong usage.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pollster::block_on;
use record_store::{AnyStore, Error, Key, Prefix, Records, Versioned};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(order) = Order::read(&args) else {
        eprintln!("usage: store-dump sqlite:PATH|postgres://... [NAMESPACE] [--at UNIXTIME]");
        return ExitCode::from(2);
    };
    match run(&order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("store-dump: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Order {
    location: String,
    namespace: Option<String>,
    now: SystemTime,
}

impl Order {
    fn read(args: &[String]) -> Option<Self> {
        let (args, at) = match args {
            [args @ .., flag, at] if flag == "--at" => (args, Some(at.parse().ok()?)),
            args => (args, None),
        };
        let (location, namespace) = match args {
            [location] => (location, None),
            [location, namespace] => (location, Some(namespace.clone())),
            _ => return None,
        };
        let known = match location.split_once(':')? {
            // To open a file is to make it: a mistyped path must not.
            ("sqlite", path) => Path::new(path).is_file(),
            ("postgres" | "postgresql", _) => true,
            _ => false,
        };
        known.then(|| Self {
            location: location.clone(),
            namespace,
            now: now(at),
        })
    }
}

#[allow(clippy::disallowed_methods)] // a program, not a library
fn now(at: Option<u64>) -> SystemTime {
    at.map_or_else(SystemTime::now, |at| UNIX_EPOCH + Duration::from_secs(at))
}

fn run(order: &Order) -> Result<(), Error> {
    let store = AnyStore::open(&order.location)?;
    let Some(namespace) = &order.namespace else {
        let mut totals = BTreeMap::<String, (u64, u64)>::new();
        each(&store, &Prefix::all(), order.now, |key, record| {
            let (records, octets) = totals.entry(key.namespace().to_owned()).or_default();
            (*records, *octets) = (*records + 1, *octets + record.size());
        })?;
        for (namespace, (records, octets)) in totals {
            println!("{namespace}\t{records} records\t{octets} octets");
        }
        return Ok(());
    };
    each(
        &store,
        &Prefix::new(namespace, ())?,
        order.now,
        |key, record| {
            let expires = record
                .expires()
                .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let expires = expires.map_or_else(|| "never".into(), |at| at.as_secs().to_string());
            let (version, size) = (record.version().to_u64(), record.size());
            println!("{key:?}\tversion {version}\t{size} octets\texpires {expires}");
        },
    )
}

/// Calls the function with each record of the prefix.
fn each(
    store: &AnyStore,
    prefix: &Prefix,
    now: SystemTime,
    mut show: impl FnMut(&Key, &Versioned),
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = block_on(store.scan(prefix, after.as_ref(), 100, now))?;
        page.entries
            .iter()
            .for_each(|(key, record)| show(key, record));
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
