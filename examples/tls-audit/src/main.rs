//! See the README.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use clap::Parser;
use tls_audit::Arguments;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = tls_audit::run(&arguments, SystemTime::now(), Instant::now()).await;
    match done {
        Ok((text, status)) => match std::io::stdout().lock().write_all(text.as_bytes()) {
            // A reader who has seen enough is no failure.
            Err(why) if why.kind() != ErrorKind::BrokenPipe => {
                eprintln!("tls-audit: {why}");
                ExitCode::from(2)
            }
            _ => ExitCode::from(status),
        },
        Err(why) => {
            eprintln!("tls-audit: {why}");
            ExitCode::from(2)
        }
    }
}
