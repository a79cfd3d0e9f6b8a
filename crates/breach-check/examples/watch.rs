//! Watches addresses, and prints in which breaches they are: each breach once ever, over as many runs as you like.
//!
//! ```text
//! cargo run -p breach-check --features fetch,store --example watch -- --key-file key.txt --addresses mine.txt
//! ```
//!
//! Six hexadecimal characters of the hash of each address are sent, which needs a plan with k-anonymity; domains that the
//! subscription searches are searched whole. What was told is kept in `--store`, with the key of its hashes beside it.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use breach_check::addresses::{Address, ApiKey, Client, Service};
use breach_check::fetch::Fetcher;
use breach_check::monitor::{
    Age, Alert, Monitor, MonitorKey, Ownership, Settings, Step, UserId, WholeAddresses,
};
use clap::Parser;
use record_store::Sqlite;

type Watch = Monitor<Sqlite, Fetcher>;

/// Watches addresses, and prints in which breaches they are.
#[derive(Parser)]
struct Args {
    /// A file with one address a line; `-` is what is typed.
    #[arg(long, default_value = "-")]
    addresses: PathBuf,
    /// A file with the key of the subscription.
    #[arg(long)]
    key_file: PathBuf,
    /// What was told.
    #[arg(long, default_value = "watch.db")]
    store: PathBuf,
    /// The service.
    #[arg(long, default_value = "https://haveibeenpwned.com/api/v3")]
    base: String,
    /// The addresses are yours: sensitive breaches are told as well.
    #[arg(long)]
    mine: bool,
    /// Send whole addresses if the plan has no k-anonymity.
    #[arg(long)]
    send_whole_addresses: bool,
    /// Forget the addresses instead of watching them.
    #[arg(long)]
    forget: bool,
    /// End once there is nothing to do for now.
    #[arg(long)]
    once: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let key = std::fs::read_to_string(&args.key_file)?;
    let agent = concat!("breach-check-watch/", env!("CARGO_PKG_VERSION"));
    let service = Service::new(&args.base, ApiKey::new(key.trim())?, agent)?;
    let client = Client::new(fetcher(&args.base)?, service);
    let mut settings = Settings::default();
    if args.send_whole_addresses {
        settings.whole_addresses = WholeAddresses::Send;
    }
    let secret = secret(&args.store.with_extension("key"))?;
    let monitor = Monitor::new(Sqlite::open(&args.store)?, client, secret, settings)?;
    let ownership = match args.mine {
        true => Ownership::Proven,
        false => Ownership::Claimed,
    };
    for line in lines(&args.addresses)? {
        let address = Address::parse(&line)?;
        let user = UserId::new(address.as_str())?;
        match args.forget {
            true => monitor.remove(&user, now()).await?,
            false => drop(monitor.watch(&user, &address, ownership, now()).await?),
        }
    }
    if args.forget {
        return Ok(());
    }
    loop {
        let (until, is_idle) = match monitor.step(now()).await {
            Ok(Step::Waited(until)) => (until, false),
            Ok(Step::Idle(until)) => (until, true),
            Ok(Step::PlanLacks { users }) => {
                eprintln!("{users} addresses are NOT watched: the plan has no k-anonymity");
                continue;
            }
            Ok(_) => (now(), false),
            Err(error) => {
                let cause = error.source().map(ToString::to_string).unwrap_or_default();
                eprintln!("{error}: {cause}");
                if !error.is_temporary() {
                    return Err(error.into());
                }
                (now(), false)
            }
        };
        tell(&monitor).await?;
        if is_idle && args.once {
            return Ok(());
        }
        let wait = until.duration_since(now()).unwrap_or_default();
        tokio::time::sleep(wait).await;
    }
}

/// Prints what is to be told; once it is printed, it counts as told.
async fn tell(monitor: &Watch) -> Result<(), Box<dyn Error>> {
    loop {
        let alerts = monitor.next_alerts(None, None, now()).await?;
        if alerts.is_empty() {
            return Ok(());
        }
        for alert in alerts {
            writeln!(std::io::stdout(), "{}", line(&alert))?;
            monitor.acknowledge(&alert.key, now()).await?;
        }
    }
}

fn line(alert: &Alert) -> String {
    let age = match alert.age {
        Age::Before => "older",
        Age::Since => "new",
    };
    let address = alert.address.as_str();
    let Some(facts) = &alert.facts else {
        return format!("{address}: {} ({age}; nothing more is known)", alert.breach);
    };
    let doubt = if facts.is_verified {
        ""
    } else {
        "; not verified"
    };
    let lost = facts.data_classes.join(", ");
    format!(
        "{address}: {} of {} ({age}{doubt}): {lost}",
        facts.title, facts.breach_date
    )
}

/// The example is a program: it has a clock.
#[allow(clippy::disallowed_methods)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Over TLS, but to this machine.
fn fetcher(base: &str) -> Result<Fetcher, Box<dyn Error>> {
    if base.starts_with("http:") {
        return Ok(Fetcher::loopback_without_tls());
    }
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(Fetcher::new(provider, Arc::new(roots))?)
}

/// The key of the hashes, made at the first run.
fn secret(path: &Path) -> Result<MonitorKey, Box<dyn Error>> {
    let mut octets = [0; 32];
    if path.exists() {
        std::fs::File::open(path)?.read_exact(&mut octets)?;
    } else {
        aws_lc_rs::rand::fill(&mut octets).map_err(|_| "no randomness")?;
        let mut file = std::fs::File::create_new(path)?;
        file.write_all(&octets)?;
        file.sync_all()?;
    }
    Ok(MonitorKey::new(octets))
}

fn lines(path: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let text = match path == Path::new("-") {
        true => std::io::read_to_string(std::io::stdin())?,
        false => std::fs::read_to_string(path)?,
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}
