//! Judges a message, or an envelope alone, and says why.
//!
//! Exit status: 0 a verdict, 1 no verdict, 2 a mistake in the usage.

#[path = "msg-check/arguments.rs"]
mod arguments;
#[path = "msg-check/report.rs"]
mod report;

use arguments::{Arguments, Command};
use mail_dns::{Hickory, Resolver, ZoneFile};
use msg_validate::{Context, Limits, Validator, Verdict};
use std::{
    borrow::Cow,
    error::Error,
    io::{ErrorKind, Read, Write},
    process::ExitCode,
    time::{Instant, SystemTime},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Command::Check(arguments)) => arguments,
        Ok(Command::Help) => return print(arguments::HELP),
        Err(why) => {
            eprintln!("msg-check: {why}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match check(&arguments).await {
        Ok(text) => print(&text),
        Err(why) => {
            eprintln!("msg-check: {}", with_sources(&*why));
            ExitCode::FAILURE
        }
    }
}

/// An error, and what caused it: none of them repeats the next.
fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

async fn check(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    if arguments.ip.is_none() && !(arguments.helo.is_empty() && arguments.mail_from.is_empty()) {
        eprintln!("msg-check: note: without --ip there is no SPF, whatever the envelope says");
    }
    let original = match &arguments.message {
        Some(path) => Some(read(path).map_err(|why| format!("{}: {why}", path.display()))?),
        None => None,
    };
    let message = original.as_deref().map(with_crlf);
    let context = context(arguments);
    let verdict = match &arguments.zone {
        Some(path) => {
            let text = read(path).map_err(|why| format!("{}: {why}", path.display()))?;
            let file =
                ZoneFile::parse(&text).map_err(|why| format!("{}: {why}", path.display()))?;
            for what in file.left_out() {
                eprintln!("msg-check: warning: {what}");
            }
            judge(file.into_zone(), message.as_deref(), &context).await
        }
        None => judge(Hickory::system()?, message.as_deref(), &context).await,
    };
    let converted = matches!(message, Some(Cow::Owned(_)));
    Ok(if arguments.json {
        report::json(&verdict, message.is_some(), converted)
    } else {
        report::text(&verdict, converted)
    })
}

#[allow(clippy::disallowed_methods)] // a program has a clock
async fn judge<R: Resolver>(resolver: R, message: Option<&[u8]>, context: &Context) -> Verdict {
    let deadline = Instant::now() + Limits::default().time;
    let validator = Validator::new(resolver);
    match message {
        Some(message) => validator.validate(message, context, deadline).await,
        None => validator.validate_envelope(context, deadline).await,
    }
}

#[allow(clippy::disallowed_methods)] // a program has a clock
fn context(arguments: &Arguments) -> Context {
    let now = arguments.at.unwrap_or_else(SystemTime::now);
    match arguments.ip {
        Some(ip) => Context::smtp(ip, &*arguments.helo, &*arguments.mail_from, now),
        None => Context::bare(now),
    }
}

/// A file, or standard input for `-`.
fn read(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    if path.as_os_str() != "-" {
        return std::fs::read(path);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Gives lines CRLF where they all end in a bare LF, as files on disk do; a mixture is left as it
/// is, because it is a finding.
fn with_crlf(message: &[u8]) -> Cow<'_, [u8]> {
    let lines = message.iter().filter(|&&octet| octet == b'\n').count();
    if lines == 0 || message.windows(2).any(|pair| pair == b"\r\n") {
        return Cow::Borrowed(message);
    }
    let mut converted = Vec::with_capacity(message.len() + lines);
    for &octet in message {
        if octet == b'\n' {
            converted.push(b'\r');
        }
        converted.push(octet);
    }
    Cow::Owned(converted)
}

/// A reader who has seen enough is no failure; a verdict that could not be written is none.
fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => {
            eprintln!("msg-check: {why}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
