//! Asks for a password without showing it, and says whether it may be used, and what to do if not.
//!
//! ```console
//! $ policy --service "Example Mail" --user ann@example.org --corpus pwned.pages
//! Password:
//! password.breached: This password is known from breaches, …
//! ```
//!
//! Nothing of it leaves the machine. Without a corpus only the rules are looked at, so no password is accepted: `undecided` is
//! the best that is said. The exit status is 0 for accepted, 1 for refused, 2 for undecided, 3 if the corpus cannot be read.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use breach_check::corpus::{Corpus, Error};
use breach_check::policy::{Candidate, Context, Language, Policy, Verdict};
use breach_check::{CountClass, PasswordHash, Sighting, Unknown};
use clap::Parser;
use zeroize::Zeroizing;

#[derive(Parser)]
#[command(about = "Says whether a password may be used")]
struct Options {
    /// The name of the service.
    #[arg(long)]
    service: Option<String>,
    /// A name or an address of the user; several times for several.
    #[arg(long)]
    user: Vec<String>,
    /// A corpus of breached passwords.
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// The password never opens without a second factor: eight characters are enough.
    #[arg(long)]
    second_factor: bool,
    /// Refuse what was seen so often at least, as a class: n is 2^n times.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..16))]
    seen: u8,
    /// Refuse small changes of what was seen so often at least, as a class.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..16))]
    tweaks: Option<u8>,
    /// Speak German.
    #[arg(long)]
    german: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(Verdict::Accepted) => ExitCode::SUCCESS,
        Ok(Verdict::Undecided(_)) => ExitCode::from(2),
        Ok(_) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("policy: {why}");
            ExitCode::from(3)
        }
    }
}

fn run(options: &Options) -> Result<Verdict, Error> {
    let corpus = options.corpus.as_ref().map(Corpus::open).transpose()?;
    let mut policy = match options.second_factor {
        true => Policy::with_second_factor(),
        false => Policy::single_factor(),
    };
    policy = policy.breached(class(options.seen));
    if let Some(tweaks) = options.tweaks {
        policy = policy.tweaked(class(tweaks));
    }
    if let Some(corpus) = &corpus {
        policy = policy.hashes(corpus.facts().kind);
    }
    let mut context = Context::new();
    if let Some(service) = &options.service {
        context = context.service(service);
    }
    for user in &options.user {
        context = context.user(user);
    }
    let language = if options.german {
        Language::German
    } else {
        Language::English
    };

    eprintln!("{}", policy.guidance(language));
    let candidate = Candidate::new(&ask()?);
    let source = |hash: PasswordHash| match &corpus {
        Some(corpus) => corpus.lookup(&hash),
        None => Ok(Sighting::Unknown(Unknown::NoAnswer)),
    };
    let verdict = policy.check(&candidate, &context, source)?;
    if verdict.reasons().is_empty() {
        println!("{}", verdict.code());
        verdict
            .guidance(language)
            .iter()
            .for_each(|text| println!("  {text}"));
    }
    for reason in verdict.reasons() {
        println!("{}: {}", reason.code(), reason.guidance(language));
    }
    if let Some(hint) = candidate.hint().filter(|_| verdict.is_accepted()) {
        println!("{}: {}", hint.code(), hint.guidance(language));
    }
    #[cfg(feature = "zxcvbn")]
    {
        let advice = breach_check::policy::Advice::of(&candidate, &context);
        println!("about 10^{:.0} guesses", advice.guesses_log10());
        advice
            .guidance(language)
            .iter()
            .for_each(|text| println!("  {text}"));
    }
    Ok(verdict)
}

fn class(number: u8) -> CountClass {
    CountClass::new(number).unwrap_or(CountClass::MAX)
}

/// From the terminal, where it is not shown, or the first line of standard input.
fn ask() -> io::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password("Password: ").map(Zeroizing::new);
    }
    let mut line = Zeroizing::new(String::new());
    io::stdin().read_line(&mut line)?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(line)
}
