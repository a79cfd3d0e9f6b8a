//! What commands have in common: secrets that are typed and not shown, files, moments, the store.

use mail_service::{Clock, Config, Error as ServiceError};
use record_store::AnyStore;
use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};
use zeroize::Zeroizing;

pub(crate) const DAY: u64 = 24 * 60 * 60;

/// A line that is not shown: from the terminal, or the next one of standard input.
pub(crate) fn secret(prompt: &str) -> io::Result<Zeroizing<String>> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt).map(Zeroizing::new);
    }
    let mut line = Zeroizing::new(String::new());
    io::stdin().read_line(&mut line)?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(line)
}

/// A line that may be seen.
pub(crate) fn line(prompt: &str) -> io::Result<String> {
    eprint!("{prompt}");
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// One that is new: at a terminal typed twice.
pub(crate) fn new_secret(prompt: &str) -> Result<Zeroizing<String>, Box<dyn Error>> {
    let text = secret(prompt)?;
    if io::stdin().is_terminal() && *text != *secret("Once more: ")? {
        return Err("the two differ".into());
    }
    Ok(text)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let read = std::fs::read(path);
    read.map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Writes to a file that must not exist, readable by its owner alone, or to standard output.
pub(crate) fn write(path: Option<&Path>, octets: &[u8]) -> Result<(), Box<dyn Error>> {
    let Some(path) = path else {
        return Ok(io::stdout().write_all(octets)?);
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(octets)?;
        file.sync_all()
    });
    written.map_err(|error| format!("{}: {error}", path.display()).into())
}

pub(crate) fn in_days(time: SystemTime, now: SystemTime) -> String {
    let hours = |d: Duration| {
        format!(
            "{}.{} days",
            d.as_secs() / DAY,
            d.as_secs() % DAY * 10 / DAY
        )
    };
    match time.duration_since(now) {
        Ok(later) => format!("in {}", hours(later)),
        Err(earlier) => format!("{} ago", hours(earlier.duration())),
    }
}

/// The store of the service, which may be running.
pub(crate) async fn open(config: &Config) -> Result<Arc<AnyStore>, Box<dyn Error>> {
    config.prepare()?;
    let store = Arc::new(config.open_store()?);
    match record_store::copy::is_unfinished(&*store, Clock::system().now()).await? {
        true => Err(ServiceError::Unfinished.into()),
        false => Ok(store),
    }
}
