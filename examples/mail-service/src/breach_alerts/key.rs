//! The key that hashes users in the names of the monitor's records: a file apart from the store, which the first start makes.
//!
//! ```text
//! letterlock-breach-alerts-key-1
//! 9f86…                              64 hexadecimal digits
//! ```
//!
//! With another key everybody would be told everything anew. So the store knows by a hash which one it is used with, and
//! neither a second node with a file of its own nor a service whose file is lost begins with another.

use super::Error;
use crate::{
    config::Config,
    secret_file::{self, Fault},
};
use aws_lc_rs::hmac;
use breach_check::monitor::MonitorKey;
use record_store::{AnyStore, Commit, Expect, Key, Outcome, Records};
use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};
use zeroize::Zeroizing;

const HEAD: &str = "letterlock-breach-alerts-key-1";
/// Most octets of a file.
const MAX_FILE: usize = 4096;
const MARK: &str = "mail.breach-key";
const FORMAT: u8 = 1;

/// The key that this store is used with; a new one the first time.
pub(super) async fn open(
    config: &Config,
    store: &AnyStore,
    now: SystemTime,
) -> Result<MonitorKey, Error> {
    if config.store.is_memory() {
        // What it hashes ends with the process, and so does it.
        return Ok(MonitorKey::new(
            *secret_file::random().ok_or(Error::Random)?,
        ));
    }
    let place = place(config)?;
    let mark = Key::new(MARK, ())?;
    let known = store.get(&mark, now).await?;
    let key = match (read(&place), &known) {
        (Err(Error::File(_, error)), None) if error.kind() == io::ErrorKind::NotFound => {
            make(&place)?
        }
        (Err(Error::File(path, error)), Some(_)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::Missing(path));
        }
        (key, _) => key?,
    };
    let value = name(&key);
    let found = match known {
        Some(found) => found,
        None => {
            let commit = Commit::new().put(&mark, &*value, Expect::Absent);
            match store.commit(commit, now).await? {
                Outcome::Committed(_) => return Ok(MonitorKey::new(*key)),
                // Another node was faster: with the same file, one hopes.
                Outcome::Conflict(conflict) => conflict.found.ok_or(Error::Unknown)?,
                Outcome::Unknown => return Err(Error::Unknown),
            }
        }
    };
    match found.value()? == value {
        true => Ok(MonitorKey::new(*key)),
        false => Err(Error::Other(place)),
    }
}

/// Where the file is, or will be.
fn place(config: &Config) -> Result<PathBuf, Error> {
    let place = config.monitor_key_file().ok_or(Error::NoPlace)?;
    match config.monitor_key_is_outside() {
        true => Ok(place),
        false => Err(Error::Inside(place)),
    }
}

fn read(path: &Path) -> Result<secret_file::Key, Error> {
    let text = secret_file::read(path, MAX_FILE).map_err(|fault| match fault {
        Fault::File(error) => Error::File(path.into(), error),
        Fault::Exposed => Error::Exposed(path.into()),
        Fault::Malformed => Error::Malformed(path.into()),
    })?;
    parse(&text).ok_or_else(|| Error::Malformed(path.into()))
}

/// Lines that begin with `#` say what you like.
fn parse(text: &str) -> Option<secret_file::Key> {
    let mut lines = text.lines().map(str::trim);
    if lines.next() != Some(HEAD) {
        return None;
    }
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let key = secret_file::digits(lines.next()?)?;
    lines.next().is_none().then_some(key)
}

fn make(path: &Path) -> Result<secret_file::Key, Error> {
    let key = secret_file::random().ok_or(Error::Random)?;
    let mut text = Zeroizing::new(String::with_capacity(MAX_FILE));
    text.push_str(HEAD);
    text.push('\n');
    secret_file::push_digits(&key, &mut text);
    text.push('\n');
    secret_file::write_new(path, &text).map_err(|error| Error::File(path.into(), error))?;
    Ok(key)
}

/// By which the store knows it again. It says nothing of the key.
fn name(key: &secret_file::Key) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &**key);
    let hash = hmac::sign(&key, b"mail-service: key of breach alerts");
    let hash = hash.as_ref().iter().take(16);
    std::iter::once(FORMAT).chain(hash.copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn config(folder: &TempDir) -> Config {
        Config {
            data_dir: folder.path().join("data"),
            ..Config::default()
        }
    }

    #[tokio::test]
    async fn the_first_start_makes_it_and_no_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let (config, now) = (config(&folder), SystemTime::UNIX_EPOCH);
        config.prepare().unwrap();
        let store = config.open_store().unwrap();
        open(&config, &store, now).await.unwrap();
        let place = place(&config).unwrap();
        let first = std::fs::read_to_string(&place).unwrap();
        open(&config, &store, now).await.unwrap();
        assert_eq!(std::fs::read_to_string(&place).unwrap(), first);
        // A file that is lost, one that is another's, and one that is none.
        std::fs::remove_file(&place).unwrap();
        let lost = open(&config, &store, now).await;
        assert!(matches!(lost, Err(Error::Missing(_))), "{lost:?}");
        make(&place).unwrap();
        let other = open(&config, &store, now).await;
        assert!(matches!(other, Err(Error::Other(_))), "{other:?}");
        // The mutation: with a store that knows nothing of it, the same file is taken.
        let empty = AnyStore::open("memory:").unwrap();
        open(&config, &empty, now).await.unwrap();
        std::fs::write(&place, first.replace("-1\n", "-2\n")).unwrap();
        let none = open(&config, &store, now).await;
        assert!(matches!(none, Err(Error::Malformed(_))), "{none:?}");
    }

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let key = "07".repeat(32);
        let good = format!("{HEAD}\n# a word\n{key}\n");
        assert_eq!(*parse(&good).unwrap(), [7; 32]);
        for bad in [
            String::new(),
            key.clone(),
            format!("{HEAD}\n"),
            format!("{HEAD}\n{key}0\n"),
            format!("{HEAD}\n{key}\n{key}\n"),
        ] {
            assert!(parse(&bad).is_none(), "{bad}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (config, now) = (config(&folder), SystemTime::UNIX_EPOCH);
        config.prepare().unwrap();
        let store = config.open_store().unwrap();
        open(&config, &store, now).await.unwrap();
        let place = place(&config).unwrap();
        let mode = std::fs::metadata(&place).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&place, PermissionsExt::from_mode(0o640)).unwrap();
        let exposed = open(&config, &store, now).await;
        assert!(matches!(exposed, Err(Error::Exposed(_))), "{exposed:?}");
    }
}
