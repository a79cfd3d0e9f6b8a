//! `cargo xtask bench smtp [MESSAGES]`: the service beside Postfix, in one run on one machine.
//!
//! smtp-source (Debian's postfix) sends the same signed message of 5 KiB over ten sessions to both in turn. The service
//! validates SPF, DKIM and DMARC, syncs and delivers; Postfix syncs its queue file and discards. CPU time is that of
//! the server's whole process tree. Every message must be in the mailbox, as Verified, or there is no result.
//! The table goes into docs/performance.md. Needs root (Postfix's master does).

mod cpu;
mod letter;
// The mailbox is read with the tests' client, of which this is not all.
#[allow(dead_code)]
#[path = "../../tests/common/pop3.rs"]
mod pop3;
mod servers;
#[allow(dead_code, clippy::unwrap_used)]
#[path = "../../tests/common/wire.rs"]
mod wire;

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use letter::Letter;
use servers::{MailService, Postfix, Server};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const SESSIONS: usize = 10;
const ROUNDS: usize = 3;

/// How smtp-source uses its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connections {
    /// One connection for all messages of a session.
    Kept,
    /// A new one for each message.
    New,
}

/// What some messages cost.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    messages: usize,
    cpu: Duration,
    wall: Duration,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.cpu += other.cpu;
        self.wall += other.wall;
    }

    fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.messages as f64
    }

    fn rate(&self) -> f64 {
        self.messages as f64 / self.wall.as_secs_f64()
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench smtp: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome {
    let messages = match std::env::args().nth(1) {
        Some(number) => number.parse()?,
        None => 2_000,
    };
    for tool in ["smtp-source", "postfix"] {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output()?;
        if !found.status.success() {
            return Err(format!("not run: {tool} is missing (apt-get install postfix)").into());
        }
    }
    let program = build()?;
    // Not /tmp, which may be memory, nor the target folder, which Postfix may not be allowed to enter.
    let folder = PathBuf::from(format!("/var/tmp/bench-smtp-{}", std::process::id()));
    let measured = measure(&program, &folder, messages);
    // What is left there is of no use.
    fs::remove_dir_all(&folder).ok();
    let table = measured?;
    println!("\n{table}");
    write(&table)
}

/// Builds the service as it is shipped, beside this program.
fn build() -> Outcome<PathBuf> {
    let this = std::env::current_exe()?;
    let release = this.parent().and_then(Path::parent);
    let release = release.ok_or("no folder of the build")?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "-p", "mail-service", "--bins"]);
    cargo
        .arg("--target-dir")
        .arg(release.parent().unwrap_or(release));
    if !cargo.status()?.success() {
        return Err("the service does not build".into());
    }
    Ok(release.join("mail-service"))
}

fn measure(program: &Path, folder: &Path, messages: usize) -> Outcome<String> {
    let letter = letter::sign()?;
    fs::create_dir_all(folder)?;
    let file = folder.join("letter");
    fs::write(&file, &letter.file)?;
    let service = MailService::start(program, &folder.join("mail-service"), &letter)?;
    let postfix = Postfix::start(&folder.join("postfix"))?;
    let servers: [&dyn Server; 2] = [&service, &postfix];

    let mut rows = Vec::new();
    let mut sent = 0;
    for connections in [Connections::Kept, Connections::New] {
        let mut costs = [Cost::default(); 2];
        // Round 0 warms up. The servers take turns, so that both see the same weather.
        for round in 0..=ROUNDS {
            let count = if round == 0 { messages / 4 } else { messages };
            sent += count;
            for (at, server) in servers.iter().enumerate() {
                let cost = one(*server, &file, connections, count)?;
                println!(
                    "{:16} {connections:?} round {round}: {:6.0} messages/s, {:6.0} µs CPU a message",
                    server.name(),
                    cost.rate(),
                    cost.cpu_micros()
                );
                if round > 0 {
                    costs[at].add(cost);
                }
            }
        }
        rows.push((connections, costs));
    }
    let high_water = cpu::high_water_mib(service.root())?;
    service.all_verified(sent)?;
    Ok(table(&letter, &rows, sent, high_water))
}

/// Sends `count` messages to one server and waits until its work is done.
fn one(server: &dyn Server, file: &Path, connections: Connections, count: usize) -> Outcome<Cost> {
    let before = cpu::of_tree(server.root())?;
    let mut source = Command::new("smtp-source");
    source.args([
        "-s",
        &SESSIONS.to_string(),
        "-m",
        &count.to_string(),
        "-M",
        "client.a.test",
    ]);
    source
        .args(["-f", letter::FROM, "-t", letter::TO, "-F"])
        .arg(file);
    if connections == Connections::Kept {
        source.arg("-d");
    }
    source.arg(server.address().to_string());
    let start = Instant::now();
    let out = source.output()?;
    let wall = start.elapsed();
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        return Err(format!("{}: smtp-source: {said}", server.name()).into());
    }
    server.settle()?;
    let cpu = cpu::of_tree(server.root())?.saturating_sub(before);
    Ok(Cost {
        messages: count,
        cpu,
        wall,
    })
}

fn table(
    letter: &Letter,
    rows: &[(Connections, [Cost; 2])],
    sent: usize,
    high_water: u64,
) -> String {
    let mut text = format!(
        "A message of {} octets, signed (RSA-2048), {SESSIONS} sessions, loopback, {ROUNDS} rounds in turn.\n\
         mail-service validated each one, synced and delivered it: all {sent} are in the mailbox, Verified. Postfix\n\
         synced and discarded them.\n\
         mail-service held at most {high_water} MiB.\n\n\
         | connections | server | CPU µs/message | messages/s | CPU beside Postfix |\n|-|-|-:|-:|-:|\n",
        letter.size
    );
    for (connections, [service, postfix]) in rows {
        let ratio = service.cpu.as_secs_f64() / postfix.cpu.as_secs_f64();
        for (name, cost, beside) in [
            ("mail-service", service, format!("{ratio:.2}")),
            ("Postfix, discard", postfix, "1".into()),
        ] {
            let (cpu, rate) = (cost.cpu_micros(), cost.rate());
            // To a String, this cannot fail.
            let _ = writeln!(
                text,
                "| {connections:?} | {name} | {cpu:.0} | {rate:.0} | {beside} |"
            );
        }
    }
    text
}

/// Puts the table into its section of docs/performance.md.
fn write(table: &str) -> Outcome {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance.md");
    let old = fs::read_to_string(&file).unwrap_or_else(|_| "# Performance\n".into());
    let section = format!(
        "## SMTP\n\n`cargo xtask bench smtp`, as root, with Debian's postfix. Read the ratios: the rest depends on the machine.\n\n{table}"
    );
    let new = match old.split_once("## SMTP\n") {
        Some((before, after)) => {
            let rest = after.find("\n## ").map_or("", |at| &after[at..]);
            format!("{before}{section}{rest}")
        }
        None => format!("{}\n\n{section}", old.trim_end()),
    };
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::write(&file, new)?;
    println!("written to docs/performance.md");
    Ok(())
}
