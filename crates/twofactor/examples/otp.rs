//! One-time passwords on the command line: what a server does at enrolment and login, and what an app does.
//!
//! ```console
//! $ otp new "Example Mail" alice@example.org > alice.uri
//! $ otp code < alice.uri
//! $ otp check 406058 < alice.uri
//! $ otp read < export.txt
//! $ otp export < all.uris
//! ```
//!
//! `new` makes a secret, shows its QR code and its key on standard error, and prints its URI. `code` prints the code of
//! now, or of a counter's next. `check` says whether a code is right, and if its clock is wrong, by how much. `read`
//! reads `otpauth://` and `otpauth-migration://` URIs, one a line, and prints each account as `otpauth://`. `export`
//! reads the same and prints `otpauth-migration://`. Secrets come from standard input, so that they are not seen in the
//! list of processes. It exits with 1 if the code is wrong or an account was left out, and with 2 if it could not do its
//! work.
//!
//! Here: `cargo run -p twofactor --example otp -- new "Example Mail" alice@example.org`.
#![allow(clippy::disallowed_methods)] // a program may read the clock

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::time::SystemTime;

use twofactor::otp::{
    Code, Imported, Issuer, LOOK_AHEAD, Label, Otp, Parameters, Qr, Window, migration, parse_uri,
};
use zeroize::Zeroizing;

const USAGE: &str = "usage: otp new ISSUER ACCOUNT | code | check CODE | read | export";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match *arguments {
        ["new", issuer, account] => new(issuer, account).map(|()| true),
        ["code"] => code().map(|()| true),
        ["check", code] => check(code),
        ["read"] => read(),
        ["export"] => export(),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("otp: {error}");
            ExitCode::from(2)
        }
    }
}

fn new(issuer: &str, account: &str) -> Outcome<()> {
    let otp = Otp::generate(Parameters::totp())?;
    let uri = otp.uri(&Issuer::new(issuer)?, &Label::new(account)?);
    eprint!("{}", *Qr::of(&uri)?.terminal());
    eprintln!("or by hand: {}", *otp.secret().manual_key());
    print(&uri)
}

fn code() -> Outcome<()> {
    let account = one()?;
    let now = || account.otp.step_at(SystemTime::now());
    let moving = account.counter.unwrap_or_else(now);
    print(account.otp.code_at(moving).expose())
}

/// Whether it is right, here and now. Whether it was used before is what a server has to know beside that.
fn check(typed: &str) -> Outcome<bool> {
    let (account, code) = (one()?, Code::parse(typed)?);
    let otp = &account.otp;
    let found = match account.counter {
        Some(next) => otp.find_from(&code, next, LOOK_AHEAD),
        None => otp.find_at(&code, SystemTime::now(), Window::default()),
    };
    let said = match (found.in_window.last(), found.outside) {
        (Some(at), _) if account.counter.is_some() => format!("right: counter {at}"),
        (Some(step), _) => format!("right: step {step}"),
        (None, Some(outside)) => format!("wrong now, and right {}", clock(outside.drift)),
        (None, None) => "wrong".to_owned(),
    };
    print(&said)?;
    Ok(!found.in_window.is_empty())
}

fn clock(drift: i64) -> String {
    let seconds = drift.unsigned_abs();
    match drift {
        ..0 => format!("{seconds} s ago: an old code, or a clock that is behind"),
        0.. => format!("in {seconds} s: the clock of the device is ahead of this one"),
    }
}

/// Whether all of the input could be used.
fn read() -> Outcome<bool> {
    let (accounts, all) = input()?;
    for account in &accounts {
        let counter = account.counter.unwrap_or(0);
        let (issuer, label) = (account.issuer.as_ref(), &account.label);
        print(&account.otp.uri_from(issuer, label, counter))?;
    }
    Ok(all)
}

/// Whether all of the input could be used.
fn export() -> Outcome<bool> {
    let (accounts, all) = input()?;
    let accounts: Vec<_> = accounts
        .iter()
        .map(|account| migration::Account {
            otp: &account.otp,
            issuer: account.issuer.as_ref(),
            label: &account.label,
            counter: account.counter.unwrap_or(0),
        })
        .collect();
    for uri in migration::write(&accounts)? {
        eprint!("{}", *Qr::of(&uri)?.terminal());
        print(&uri)?;
    }
    Ok(all)
}

/// The accounts in the input, and whether these are all.
fn input() -> Outcome<(Vec<Imported>, bool)> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().read_to_string(&mut text)?;
    let (mut accounts, mut all) = (Vec::new(), true);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if !line.trim().starts_with("otpauth-migration:") {
            accounts.push(parse_uri(line)?);
            continue;
        }
        let batch = migration::parse(line)?;
        eprintln!("export {} of {}", batch.index + 1, batch.size);
        for skipped in &batch.skipped {
            eprintln!("account {} left out: {}", skipped.at + 1, skipped.why);
        }
        all &= batch.skipped.is_empty();
        accounts.extend(batch.accounts);
    }
    Ok((accounts, all))
}

/// The only account of the input.
fn one() -> Outcome<Imported> {
    let (mut accounts, _) = input()?;
    match (accounts.pop(), accounts.is_empty()) {
        (Some(account), true) => Ok(account),
        _ => Err("one URI is wanted on standard input".into()),
    }
}

fn print(line: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
