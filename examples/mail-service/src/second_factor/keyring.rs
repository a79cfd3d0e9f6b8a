//! The keys that seeds of second factors are sealed with: a file apart from the store, which the first start makes.
//!
//! ```text
//! letterlock-second-factor-keys-1
//! index 1                            the key that names and networks are hashed with
//! 2 9f86…                            64 hexadecimal digits; the first key seals, all open
//! 1 60303…
//! ```
//!
//! Lines that begin with `#` say what you like. The store knows by a hash which keys it is used with: neither a second node
//! with a file of its own nor a service whose file is lost begins with other keys, with which no app's code would be right.

use crate::{
    config::Config,
    secret_file::{self, Fault},
};
use record_store::{AnyStore, Commit, Expect, Key, Outcome, Records};
use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::SystemTime,
};
use twofactor::{BuildError, Keyring, KeyringError};
use zeroize::Zeroizing;

const HEAD: &str = "letterlock-second-factor-keys-1";
/// Most keys of a file.
const MAX_KEYS: usize = 64;
/// Most octets of a file.
const MAX_FILE: usize = 16 << 10;
const MARK: &str = "mail.factor-keys";
const FORMAT: u8 = 1;

/// Why there are no second factors, and so no logins.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no place for the file.
    #[error("second_factor.keyring names no file, and there is no place for one beside data_dir")]
    NoPlace,
    /// The file would be copied with the store.
    #[error(
        "{} lies in the folder of what it opens: a copy of both opens every seed", .0.display()
    )]
    Inside(PathBuf),
    /// The file cannot be read or made.
    #[error("cannot use {} (second_factor.keyring)", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The file can be read by others than its owner.
    #[error("{} can be read by others than its owner", .0.display())]
    Exposed(PathBuf),
    /// The file is not one of this kind.
    #[error("{} is no file of keys of second factors", .0.display())]
    Malformed(PathBuf),
    /// The store was used with a file that is not there.
    #[error(
        "{} is missing, with which this store was used: bring it back, or copy it from another node", .0.display()
    )]
    Missing(PathBuf),
    /// The store was used with other keys.
    #[error(
        "{} has other keys than this store was used with: copy the file of another node, or bring the old one back",
        .0.display()
    )]
    Other(PathBuf),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] record_store::Error),
    /// Whether the store took it is not known.
    #[error("the store gave no answer")]
    Unknown,
    /// A setting makes no sense.
    #[error("second factors cannot be set up")]
    Build(#[from] BuildError),
    /// The keys do not go together.
    #[error("the keys of second factors do not go together")]
    Keyring(#[from] KeyringError),
    /// No random numbers.
    #[error("no random numbers")]
    Random,
    /// There are as many keys as there may be.
    #[error("no more than {MAX_KEYS} keys")]
    TooMany,
}

/// The keys of a file.
pub struct Keys {
    keys: Vec<(u32, Zeroizing<[u8; 32]>)>,
    index: u32,
}

/// How many.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.keys.len())
    }
}

impl Keys {
    /// One new key, in memory.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate() -> Result<Self, Error> {
        let keys = vec![(1, random()?)];
        Ok(Self { keys, index: 1 })
    }

    /// A new key before these, to seal from now on.
    ///
    /// # Errors
    /// [`Error::Random`], [`Error::TooMany`].
    pub fn rotated(mut self) -> Result<Self, Error> {
        let last = self.keys.iter().map(|(id, _)| *id).max().unwrap_or(0);
        let id = last.checked_add(1).ok_or(Error::TooMany)?;
        self.keys.insert(0, (id, random()?));
        match self.keys.len() {
            ..=MAX_KEYS => Ok(self),
            _ => Err(Error::TooMany),
        }
    }

    /// As the crate takes them.
    pub(crate) fn keyring(&self) -> Result<Keyring, Error> {
        let mut keys = self.keys.iter();
        // What is read from a file has at least one.
        let (id, key) = keys.next().ok_or(Error::Random)?;
        let keyring = keys.try_fold(Keyring::new(*id, key.clone()), |keyring, (id, key)| {
            keyring.also(*id, key.clone())
        })?;
        Ok(keyring.index(self.index)?)
    }

    /// Reads the text of a file.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim);
        if lines.next() != Some(HEAD) || text.len() > MAX_FILE {
            return None;
        }
        let (mut keys, mut index) = (Vec::new(), None);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, value) = line.split_once(' ')?;
            if name == "index" {
                index = index.xor(Some(value.parse().ok()?));
                continue;
            }
            let id: u32 = name.parse().ok()?;
            if keys.iter().any(|(known, _)| *known == id) {
                return None;
            }
            keys.push((id, secret_file::digits(value)?));
        }
        let index = index.filter(|index| keys.iter().any(|(id, _)| id == index))?;
        (keys.len() <= MAX_KEYS).then_some(Self { keys, index })
    }

    /// The text of its file. It is as secret as the keys.
    fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE));
        text.push_str(&format!("{HEAD}\nindex {}\n", self.index));
        for (id, key) in &self.keys {
            text.push_str(&format!("{id} "));
            secret_file::push_digits(key, &mut text);
            text.push('\n');
        }
        text
    }

    /// Reads a file, which its owner alone may read.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Exposed`], [`Error::Malformed`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = secret_file::read(path, MAX_FILE).map_err(|fault| match fault {
            Fault::File(error) => Error::File(path.into(), error),
            Fault::Exposed => Error::Exposed(path.into()),
            Fault::Malformed => Error::Malformed(path.into()),
        })?;
        Self::parse(&text).ok_or_else(|| Error::Malformed(path.into()))
    }

    /// Writes a new file, readable by its owner alone, and durable when this returns. One that is there is never
    /// overwritten.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn write_new(&self, path: &Path) -> Result<(), Error> {
        secret_file::write_new(path, &self.text()).map_err(|error| Error::File(path.into(), error))
    }

    /// Puts these in the place of a file, or leaves it as it is.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn replace(&self, path: &Path) -> Result<(), Error> {
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        self.write_new(&new)?;
        let moved = std::fs::rename(&new, path).and_then(|()| secret_file::sync_folder(path));
        moved.map_err(|error| Error::File(path.into(), error))
    }

    /// By which the store knows them again. It says nothing of the keys.
    fn mark(keyring: &Keyring) -> Vec<u8> {
        let hash = keyring.keyed_hash("mail-service", b"keys of second factors");
        [&[FORMAT][..], &hash[..]].concat()
    }
}

fn random() -> Result<secret_file::Key, Error> {
    secret_file::random().ok_or(Error::Random)
}

/// Where the file is, or will be.
///
/// # Errors
/// [`Error::NoPlace`], [`Error::Inside`].
pub(crate) fn place(config: &Config) -> Result<PathBuf, Error> {
    let place = config.keyring_file().ok_or(Error::NoPlace)?;
    match config.keyring_is_outside() {
        true => Ok(place),
        false => Err(Error::Inside(place)),
    }
}

/// The keys that this store is used with; new ones the first time.
pub(super) async fn open(
    config: &Config,
    store: &AnyStore,
    now: SystemTime,
) -> Result<Keyring, Error> {
    if config.store.is_memory() {
        // What they seal ends with the process, and so do they.
        return Keys::generate()?.keyring();
    }
    let place = place(config)?;
    let mark = Key::new(MARK, ())?;
    let known = store.get(&mark, now).await?;
    let keys = match (Keys::read(&place), &known) {
        (Err(Error::File(_, error)), None) if error.kind() == io::ErrorKind::NotFound => {
            let keys = Keys::generate()?;
            keys.write_new(&place)?;
            keys
        }
        (Err(Error::File(path, error)), Some(_)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::Missing(path));
        }
        (keys, _) => keys?,
    };
    let keyring = keys.keyring()?;
    let value = Keys::mark(&keyring);
    let found = match known {
        Some(found) => found,
        None => {
            let commit = Commit::new().put(&mark, &*value, Expect::Absent);
            match store.commit(commit, now).await? {
                Outcome::Committed(_) => return Ok(keyring),
                // Another node was faster: with the same file, one hopes.
                Outcome::Conflict(conflict) => conflict.found.ok_or(Error::Unknown)?,
                Outcome::Unknown => return Err(Error::Unknown),
            }
        }
    };
    match found.value()? == value {
        true => Ok(keyring),
        false => Err(Error::Other(place)),
    }
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

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let keys = Keys::generate().unwrap().rotated().unwrap();
        let text = keys.text();
        let again = Keys::parse(&format!("{}# a word\n\n", *text)).unwrap();
        assert_eq!((again.index, again.text()), (1, keys.text()));
        assert_eq!(again.keys[0].0, 2, "the new one seals");
        let line = text.lines().nth(2).unwrap();
        for bad in [
            text.replace("index 1", "index 3"),
            text.replace("index 1\n", ""),
            text.replace("index 1", "index 1\nindex 1"),
            text.replace("-keys-1", "-keys-2"),
            format!("{}{line}\n", *text),
            text.replace(line, &line[..line.len() - 1]),
            text.replace(line, &format!("{line}0")),
            String::new(),
        ] {
            assert!(Keys::parse(&bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{keys:?}"), "Keys(2)");
    }

    #[tokio::test]
    async fn the_first_start_makes_them_and_no_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let (config, now) = (config(&folder), SystemTime::UNIX_EPOCH);
        config.prepare().unwrap();
        let store = config.open_store().unwrap();
        open(&config, &store, now).await.unwrap();
        let place = place(&config).unwrap();
        let first = Keys::read(&place).unwrap().text();
        open(&config, &store, now).await.unwrap();
        assert_eq!(Keys::read(&place).unwrap().text(), first);
        // A newer key is one more; those that the store is used with are still there.
        Keys::read(&place)
            .unwrap()
            .rotated()
            .unwrap()
            .replace(&place)
            .unwrap();
        open(&config, &store, now).await.unwrap();
        // A file that is lost, and one that is another's.
        std::fs::remove_file(&place).unwrap();
        let lost = open(&config, &store, now).await;
        assert!(matches!(lost, Err(Error::Missing(_))), "{lost:?}");
        Keys::generate().unwrap().write_new(&place).unwrap();
        let other = open(&config, &store, now).await;
        assert!(matches!(other, Err(Error::Other(_))), "{other:?}");
        // The mutation: with a store that knows nothing of it, the same file is taken.
        let empty = AnyStore::open("memory:").unwrap();
        open(&config, &empty, now).await.unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nobody_else_may_read_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (config, now) = (config(&folder), SystemTime::UNIX_EPOCH);
        config.prepare().unwrap();
        let store = config.open_store().unwrap();
        open(&config, &store, now).await.unwrap();
        let place = place(&config).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&place), 0o600);
        std::fs::set_permissions(&place, PermissionsExt::from_mode(0o640)).unwrap();
        let exposed = open(&config, &store, now).await;
        assert!(matches!(exposed, Err(Error::Exposed(_))), "{exposed:?}");
    }
}
