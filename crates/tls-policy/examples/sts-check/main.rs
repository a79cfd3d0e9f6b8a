//! Judges an MTA-STS record, a policy file and MX hosts: without a network, or (feature `fetch`) as a
//! sender finds them.
//!
//! Exit status: 0 good, 1 something is wrong, 2 a mistake in the usage.

#[cfg(feature = "fetch")]
mod fetch;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;

use tls_policy::sts::{MAX_POLICY, Mode, Policy, Record};

const USAGE: &str = "usage: sts-check [--record TEXT] [--policy FILE] [MX-HOST ...]
       sts-check --fetch DOMAIN [--dns ADDRESS:PORT] [--no-wildcards] [MX-HOST ...]

  --record TEXT   the TXT record at _mta-sts.DOMAIN, its strings put together
  --policy FILE   the policy as it is served; - reads standard input
  --fetch DOMAIN  record and policy as a sender finds them (built with the feature `fetch`)
  --dns SERVER    asks this resolver instead of the system's
  --no-wildcards  refuses certificates with wildcards, as BSI TR-03108 recommends
  MX-HOST         the domain's MX hosts: a policy that enforces must name each";

/// What of the policy host's certificate.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(not(feature = "fetch"), allow(dead_code))]
enum Wildcards {
    #[default]
    Accepted,
    Refused,
}

#[derive(Debug, Default)]
struct Arguments {
    record: Option<String>,
    policy: Option<String>,
    fetch: Option<String>,
    dns: Option<String>,
    wildcards: Wildcards,
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
    let judged = match &arguments.fetch {
        None => given(&arguments),
        Some(domain) => fetched(&arguments, domain),
    };
    let (text, faults) = match judged {
        Ok(judged) => judged,
        Err(why) => {
            eprintln!("sts-check: {why}");
            return ExitCode::from(2);
        }
    };
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
            "--fetch" => arguments.fetch = Some(value()?),
            "--dns" => arguments.dns = Some(value()?),
            "--no-wildcards" => arguments.wildcards = Wildcards::Refused,
            "--help" | "-h" => return Err(String::new()),
            other if other.starts_with('-') => return Err(format!("unknown option {other}")),
            _ => arguments.hosts.push(word),
        }
    }
    match arguments {
        Arguments {
            record: None,
            policy: None,
            fetch: None,
            ..
        } => Err("neither a record nor a policy".into()),
        Arguments {
            fetch: Some(_),
            record,
            policy,
            ..
        } if record.is_some() || policy.is_some() => {
            Err("what is fetched is not given, too".into())
        }
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
type Judged = (String, usize);

fn given(arguments: &Arguments) -> Result<Judged, String> {
    let file = arguments.policy.as_deref().map(read).transpose()?;
    let mut judge = Judge::default();
    match arguments.record.as_deref().map(str::parse::<Record>) {
        Some(Ok(record)) => judge.say(true, &format!("record: policy {}", record.id())),
        Some(Err(why)) => judge.say(false, &format!("record: {why}; senders see no policy")),
        None => {}
    }
    match file.as_deref().map(Policy::from_octets) {
        Some(Ok(policy)) => judge.policy(&policy, &arguments.hosts),
        Some(Err(why)) => judge.say(false, &format!("policy: {why}; senders see no policy")),
        None => {}
    }
    Ok((judge.text, judge.faults))
}

#[cfg(feature = "fetch")]
fn fetched(arguments: &Arguments, domain: &str) -> Result<Judged, String> {
    let server = arguments.dns.as_deref();
    let (said, policy) = fetch::fetch(domain, server, arguments.wildcards)?;
    let mut judge = Judge::default();
    for (good, what) in said {
        judge.say(good, &what);
    }
    if let Some(policy) = policy {
        judge.policy(&policy, &arguments.hosts);
    }
    Ok((judge.text, judge.faults))
}

#[cfg(not(feature = "fetch"))]
fn fetched(_: &Arguments, _: &str) -> Result<Judged, String> {
    Err("--fetch needs the feature `fetch`".into())
}

#[derive(Debug, Default)]
struct Judge {
    text: String,
    faults: usize,
}

impl Judge {
    fn say(&mut self, good: bool, what: &str) {
        self.faults += usize::from(!good);
        let mark = if good { "good " } else { "wrong" };
        // A string takes all that is written.
        let _ = writeln!(self.text, "{mark}  {what}");
    }

    fn policy(&mut self, policy: &Policy, hosts: &[String]) {
        let days = policy.max_age().as_secs() / 86_400;
        let mode = policy.mode();
        let what = format!("policy: mode {mode}, kept for {days} days after each fetch");
        self.say(true, &what);
        if mode != Mode::None && days < 7 {
            self.say(
                false,
                "policy: kept for less than a week, it protects little (RFC 8461 §3.2)",
            );
        }
        for host in hosts {
            let (good, what) = match (mode, policy.names(host)) {
                (Mode::None, _) => (true, "no policy holds for it"),
                (_, true) => (true, "named; its certificate must be valid for this name"),
                (Mode::Enforce, false) => (false, "not named: senders do not deliver to it"),
                (Mode::Testing, false) => (false, "not named: senders report it"),
            };
            self.say(good, &format!("{}: {what}", host.escape_default()));
        }
    }
}
