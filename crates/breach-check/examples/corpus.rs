//! A corpus of breached passwords: build it, update it, ask it.
//!
//! ```console
//! $ cargo run --release -p breach-check --example corpus -- build pwned.pages --ranges ranges
//! $ cargo run --release -p breach-check --example corpus -- build pwned.pages --sorted pwned-passwords-sha1.txt
//! $ cargo run --release -p breach-check --example corpus -- update pwned.pages --ranges ranges
//! $ cargo run --release -p breach-check --example corpus -- lookup pwned.pages
//! $ cargo run --release -p breach-check --example corpus -- verify pwned.pages --key minisign.pub
//! $ cargo run --release -p breach-check --example corpus -- stats pwned.pages
//! ```
//!
//! `ranges` is a folder that `examples/ranges.rs` has filled. Exit status: 0 for a password that was not seen, 1 for one that
//! was, 2 if it is not known or something failed.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use breach_check::corpus::{
    self, Builder, Corpus, Facts, Lines, Progress, Size, Update, signature_beside,
};
use breach_check::ranges::{Kept, KeptError};
use breach_check::{HashKind, PasswordHash, Range, Sighting};
use clap::{Args, Parser, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use zeroize::Zeroizing;

#[derive(Parser)]
#[command(about = "A corpus of breached passwords: one file, one page a look-up")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make a corpus.
    Build(Build),
    /// Put ranges that were fetched anew in the place of what a corpus has of them. One that was cut short is ended first.
    Update {
        /// The corpus. Who looks up in it meanwhile is not disturbed.
        corpus: PathBuf,
        /// A folder of kept ranges. Of those that it does not have, the corpus keeps what it has.
        #[arg(long)]
        ranges: PathBuf,
    },
    /// Ask whether a password was seen. It is asked for without echo, or read from the first line of standard input.
    Lookup {
        /// The corpus.
        corpus: PathBuf,
        /// A hash in hexadecimal instead of a password.
        #[arg(long)]
        hash: Option<String>,
    },
    /// Read all of it, and check that it is what was written.
    Verify {
        /// The corpus.
        corpus: PathBuf,
        /// A public key of minisign; `CORPUS.minisig` must be its signature over the first 4,096 octets.
        #[arg(long)]
        key: Option<PathBuf>,
    },
    /// What it says of itself.
    Stats {
        /// The corpus.
        corpus: PathBuf,
    },
}

#[derive(Args)]
struct Build {
    /// The corpus; what has this name is replaced once it is whole.
    corpus: PathBuf,
    #[command(flatten)]
    from: From,
    /// Bits kept of each hash, 16 to 32: at 32, one password in 2^28 is taken for another.
    #[arg(long, default_value_t = 32)]
    key_bits: u8,
    /// Which hashes a sorted text has.
    #[arg(long, value_enum, default_value = "sha1")]
    kind: Kind,
    /// How many hashes there are, about; else they are counted first.
    #[arg(long)]
    entries: Option<u64>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct From {
    /// `HASH:COUNT` lines in the order of the hashes.
    #[arg(long)]
    sorted: Option<PathBuf>,
    /// A folder of kept ranges. Those that it does not have are unknown to the corpus, too.
    #[arg(long)]
    ranges: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Sha1,
    Ntlm,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().what {
        What::Build(build) => build.run().map(|facts| show(&facts)),
        What::Update { corpus, ranges } => update(&corpus, &ranges).map(|facts| show(&facts)),
        What::Lookup { corpus, hash } => look_up(&corpus, hash),
        What::Verify { corpus, key } => verify(&corpus, key.as_deref()),
        What::Stats { corpus } => Corpus::open(corpus)
            .map(|corpus| show(&corpus.facts()))
            .map_err(Into::into),
    };
    done.unwrap_or_else(|error| {
        eprint!("corpus: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            eprint!(": {error}");
            cause = error.source();
        }
        eprintln!();
        ExitCode::from(2)
    })
}

impl Build {
    fn run(&self) -> Result<Facts, Box<dyn Error>> {
        match (&self.from.sorted, &self.from.ranges) {
            (Some(text), _) => self.of_text(text),
            (_, Some(folder)) => self.of_ranges(&Kept::open(folder)?, modified(folder)?),
            _ => Err("nothing to make it of".into()),
        }
    }

    fn of_text(&self, text: &Path) -> Result<Facts, Box<dyn Error>> {
        let kind = match self.kind {
            Kind::Sha1 => HashKind::Sha1,
            Kind::Ntlm => HashKind::Ntlm,
        };
        let lines = |what| -> Result<_, Box<dyn Error>> {
            let bar = bar(
                File::open(text)?.metadata()?.len(),
                what,
                "{bytes} of {total_bytes}",
            );
            Ok(Lines::new(kind, bar.wrap_read(File::open(text)?)))
        };
        let entries = match self.entries {
            Some(entries) => entries,
            None => {
                let mut entries = 0;
                for line in lines("counting")? {
                    line?;
                    entries += 1;
                }
                entries
            }
        };
        let mut builder = self.builder(kind, entries, modified(text)?)?;
        for line in lines("building")? {
            let (hash, count) = line?;
            builder.push(&hash, count)?;
        }
        Ok(builder.finish()?)
    }

    fn of_ranges(&self, kept: &Kept, date: SystemTime) -> Result<Facts, Box<dyn Error>> {
        let mut entries = self.entries.unwrap_or_default();
        if self.entries.is_none() {
            let mut known = 0;
            let count = |range| {
                if let Some(suffixes) = suffixes(kept, range)? {
                    entries += suffixes.len() as u64;
                    known += 1;
                }
                Ok(())
            };
            each("counting", count)?;
            // Pages are for all ranges, of which some may come later.
            entries = entries * u64::from(Range::COUNT) / u64::max(known, 1);
        }
        let mut builder = self.builder(kept.kind(), entries, date)?;
        let push = |range| {
            match suffixes(kept, range)? {
                None => builder.gap(range)?,
                Some(suffixes) => {
                    for (hash, count) in suffixes.hashes() {
                        builder.push(&hash, count)?;
                    }
                }
            }
            Ok(())
        };
        each("building", push)?;
        Ok(builder.finish()?)
    }

    fn builder(
        &self,
        kind: HashKind,
        entries: u64,
        date: SystemTime,
    ) -> Result<Builder, Box<dyn Error>> {
        let size = Size::Entries(entries);
        Ok(Builder::create(
            &self.corpus,
            kind,
            self.key_bits,
            size,
            date,
        )?)
    }
}

fn update(path: &Path, folder: &Path) -> Result<Facts, Box<dyn Error>> {
    let kept = Kept::open(folder)?;
    let date = modified(folder)?;
    let pages = Corpus::open(path)?.facts().pages;
    let reading = bar(pages.into(), "updating", "page {pos} of {len}");
    let told = reading.clone();
    let tell = move |progress| match progress {
        Progress::Read(pages) => told.set_position(pages.into()),
        Progress::Journal => told.set_message("writing"),
        _ => {}
    };
    let mut update = Update::begin_with(path, tell)?;
    for range in Range::all() {
        if let Some(suffixes) = suffixes(&kept, range)? {
            update.range(range, suffixes.hashes().map(Ok::<_, corpus::Error>))?;
        }
    }
    let facts = update.finish(date)?;
    reading.finish_and_clear();
    Ok(facts)
}

/// Does it to each range, with a bar that grows.
fn each(
    what: &'static str,
    mut of: impl FnMut(Range) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let bar = bar(Range::COUNT.into(), what, "range {pos} of {len}");
    for range in Range::all() {
        of(range)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// What is kept of a range; none if it was never fetched whole.
fn suffixes(
    kept: &Kept,
    range: Range,
) -> Result<Option<breach_check::ranges::Suffixes>, KeptError> {
    match kept.suffixes(range) {
        Ok(suffixes) => Ok(Some(suffixes)),
        Err(KeptError::Unknown(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn look_up(corpus: &Path, hash: Option<String>) -> Result<ExitCode, Box<dyn Error>> {
    let corpus = Corpus::open(corpus)?;
    let kind = corpus.facts().kind;
    let hash = match hash {
        Some(hex) => PasswordHash::from_hex(kind, &hex).ok_or("this is no such hash")?,
        None => PasswordHash::of(kind, &password()?),
    };
    Ok(match corpus.lookup(&hash)? {
        Sighting::Seen(class) => {
            println!("seen {class}");
            ExitCode::from(1)
        }
        Sighting::NotSeen => {
            println!("not seen");
            ExitCode::SUCCESS
        }
        _ => {
            println!("not known: the corpus lacks this range");
            ExitCode::from(2)
        }
    })
}

fn password() -> Result<Zeroizing<String>, Box<dyn Error>> {
    if std::io::stdin().is_terminal() {
        return Ok(Zeroizing::new(rpassword::prompt_password("Password: ")?));
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line)?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(line)
}

fn verify(path: &Path, key: Option<&Path>) -> Result<ExitCode, Box<dyn Error>> {
    let corpus = Corpus::open(path)?;
    if let Some(key) = key {
        corpus.is_signed(&std::fs::read_to_string(key)?, &signature_beside(path)?)?;
        println!("signed by this key");
    }
    let bar = bar(
        corpus.facts().pages.into(),
        "verifying",
        "page {pos} of {len}",
    );
    corpus.verify(|pages| bar.set_position(pages.into()))?;
    bar.finish_and_clear();
    println!("whole");
    Ok(ExitCode::SUCCESS)
}

fn show(facts: &Facts) -> ExitCode {
    let date = facts
        .source_date
        .and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    println!(
        "hashes:         {:?}, {} key bits",
        facts.kind, facts.key_bits
    );
    println!(
        "entries:        {}, of which {} overflow",
        facts.entries, facts.overflow
    );
    println!(
        "pages:          {} of 4 KiB, {:.2} bits an entry",
        facts.pages,
        facts.bits_per_entry()
    );
    println!(
        "unknown ranges: {} of {}",
        facts.unknown_ranges,
        Range::COUNT
    );
    println!("generation:     {}", facts.generation);
    println!(
        "source:         {} seconds after 1970",
        date.unwrap_or_default().as_secs()
    );
    println!("root:           {}", facts.root);
    ExitCode::SUCCESS
}

fn bar(length: u64, what: &'static str, shown: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template(&format!("{{msg}} {{wide_bar}} {shown}, {{eta}} left"));
    let bar = ProgressBar::new(length).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    std::fs::metadata(path)?.modified()
}
