//! Judges an MTA-STS record, a policy file and MX hosts, without a network.
//!
//! Exit status: 0 good, 1 something is wrong, 2 a mistake in the usage.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;

use tls_policy::sts::{MAX_POLICY, Mode, Policy, Record};

const USAGE: &str = "usage: sts-check [--record TEXT] [--policy FILE] [MX-HOST ...]

  --record TEXT   the TXT record at _mta-sts.DOMAIN, its strings put together
  --policy FILE   the policy as it is served; - reads standard input
  MX-HOST         the domain's MX hosts: a policy that enforces must name each";

#[derive(Debug, Default)]
struct Arguments {
    record: Option<String>,
    policy: Option<String>,
    hosts: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) if why.is_empty() => {
            return print(&format!("{USAGE}\n"));
        }
        Err(why) => {
            eprintln!("sts-check: {why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let policy = match arguments.policy.as_deref().map(read).transpose() {
        Ok(policy) => policy,
        Err(why) => {
            eprintln!("sts-check: {why}");
            return ExitCode::from(2);
        }
    };
    let (text, faults) = judge(&arguments, policy.as_deref());
    match faults {
        0 => print(&text),
        _ => {
            print(&text);
            ExitCode::FAILURE
        }
    }
}

/// A reader who has seen enough is no failure; a verdict that could not be written is none.
fn print(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => {
            eprintln!("sts-check: {why}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// An empty error asks for help.
fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
        match &*word {
            "--record" => arguments.record = Some(value()?),
            "--policy" => arguments.policy = Some(value()?),
            "--help" | "-h" => return Err(String::new()),
            other if other.starts_with('-') => return Err(format!("unknown option {other}")),
            _ => arguments.hosts.push(word),
        }
    }
    match arguments {
        Arguments {
            record: None,
            policy: None,
            ..
        } => Err("neither a record nor a policy".into()),
        arguments => Ok(arguments),
    }
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    // One octet more than a policy may have shows that it has too many.
    let most = MAX_POLICY as u64 + 1;
    let read = match path {
        "-" => io::stdin().lock().take(most).read_to_end(&mut bytes),
        path => File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)),
    };
    read.map(|_| bytes).map_err(|why| format!("{path}: {why}"))
}

/// What to print, and how much of it is wrong.
fn judge(arguments: &Arguments, policy: Option<&[u8]>) -> (String, usize) {
    let (mut text, mut faults) = (String::new(), 0);
    let mut say = |good: bool, what: &str| {
        faults += usize::from(!good);
        let mark = if good { "good " } else { "wrong" };
        // A string takes all that is written.
        let _ = writeln!(text, "{mark}  {what}");
    };
    match arguments.record.as_deref().map(str::parse::<Record>) {
        Some(Ok(record)) => say(true, &format!("record: policy {}", record.id())),
        Some(Err(why)) => say(false, &format!("record: {why}; senders see no policy")),
        None => {}
    }
    match policy.map(Policy::from_octets) {
        Some(Ok(policy)) => {
            let days = policy.max_age().as_secs() / 86_400;
            let mode = policy.mode();
            let what = format!("policy: mode {mode}, kept for {days} days after each fetch");
            say(true, &what);
            if mode != Mode::None && days < 7 {
                say(
                    false,
                    "policy: kept for less than a week, it protects little (RFC 8461 §3.2)",
                );
            }
            for host in &arguments.hosts {
                let (good, what) = match (mode, policy.names(host)) {
                    (Mode::None, _) => (true, "no policy holds for it"),
                    (_, true) => (true, "named; its certificate must be valid for this name"),
                    (Mode::Enforce, false) => (false, "not named: senders do not deliver to it"),
                    (Mode::Testing, false) => (false, "not named: senders report it"),
                };
                say(good, &format!("{}: {what}", host.escape_default()));
            }
        }
        Some(Err(why)) => say(false, &format!("policy: {why}; senders see no policy")),
        None => {}
    }
    (text, faults)
}
