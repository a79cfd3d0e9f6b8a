//! Where the store is: a file, a database, or the memory of this process.

use super::Config;
use record_store::{AnyStore, Sqlite};
use serde::Deserialize;
use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// A store's location as the configuration has it. What is shown of it has no password.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Location(String);

/// Why a store cannot be opened.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file with the password cannot be read.
    #[error("cannot read the store's password in {}", .0.display())]
    Password(PathBuf, #[source] io::Error),
    /// A password was given for a location that has one, or that names no user.
    #[error("a password was given for a store whose location has one already, or names no user")]
    Superfluous,
    /// The store cannot be opened.
    #[error("cannot open the store {location}")]
    Store {
        /// Which.
        location: Location,
        /// Why.
        source: record_store::Error,
    },
}

impl From<&str> for Location {
    fn from(location: &str) -> Self {
        Self(location.into())
    }
}

impl From<String> for Location {
    fn from(location: String) -> Self {
        Self(location)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.database() {
            // No user, no password, no parameters, which may be one.
            Some(Database { host, .. }) if self.is_plain() => write!(f, "postgres://{host}"),
            Some(_) => f.write_str("postgres://..."),
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The parts of `postgres://USER:PASSWORD@HOST:PORT/DATABASE?PARAMETERS`.
struct Database<'a> {
    user: Option<&'a str>,
    /// With port and database.
    host: &'a str,
    parameters: &'a str,
}

impl Location {
    fn sqlite(&self) -> Option<&str> {
        self.0.strip_prefix("sqlite:")
    }

    /// The file of an SQLite store.
    pub fn path(&self) -> Option<&Path> {
        self.sqlite().map(Path::new)
    }

    /// Whether several nodes may use it at the same time.
    pub fn is_shared(&self) -> bool {
        self.database().is_some()
    }

    /// Whether it ends with the process.
    pub(crate) fn is_memory(&self) -> bool {
        self.0 == "memory:"
    }

    fn database(&self) -> Option<Database<'_>> {
        let schemes = ["postgres://", "postgresql://"];
        let rest = schemes.iter().find_map(|s| self.0.strip_prefix(s))?;
        // As record-store reads it: a password may hold a question mark, and an at sign.
        let from = rest.find('@').unwrap_or(0);
        let (_, query) = rest.split_at(from);
        let base = query.find('?').map_or(rest.len(), |at| from + at);
        let (base, parameters) = rest.split_at(base);
        let (user, host) = match base.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, base),
        };
        Some(Database {
            user,
            host,
            parameters,
        })
    }

    /// Whether nobody can take a part of a password for the host: a password with an at sign, or with a question mark
    /// before one, is not written as it should be.
    fn is_plain(&self) -> bool {
        let (before, _) = self.0.split_once('?').unwrap_or((&self.0, ""));
        let ats = |text: &str| text.matches('@').count();
        ats(before) <= 1 && ats(before) == ats(&self.0)
    }

    /// Whether it is one that can be opened, as far as one can see.
    pub(super) fn is_known(&self) -> bool {
        self.sqlite().is_some_and(|path| !path.is_empty())
            || self.database().is_some()
            || self.is_memory()
    }

    /// Whether a password may be put into it: it names a user of a database, and no password.
    pub fn lacks_password(&self) -> bool {
        let user = self.database().and_then(|database| database.user);
        user.is_some_and(|user| !user.is_empty() && !user.contains(':'))
    }

    fn with_password(&self, password: &str) -> Result<Zeroizing<String>, Error> {
        let Some(Database {
            user: Some(user),
            host,
            parameters,
        }) = self.database().filter(|_| self.lacks_password())
        else {
            return Err(Error::Superfluous);
        };
        let password: Zeroizing<String> = Zeroizing::new(
            password
                .bytes()
                .map(|octet| format!("%{octet:02X}"))
                .collect(),
        );
        Ok(Zeroizing::new(format!(
            "postgres://{user}:{}@{host}{parameters}",
            *password
        )))
    }

    /// What `record_store::AnyStore::open` takes. A database's password, if the location has none, comes
    /// from the first line of a file, or else from `PGPASSWORD`, as PostgreSQL's own programs read it.
    fn resolve(&self, password: Option<&Path>) -> Result<Zeroizing<String>, Error> {
        if let Some(path) = password {
            let read = fs::read_to_string(path).map(Zeroizing::new);
            let text = read.map_err(|error| Error::Password(path.into(), error))?;
            return self.with_password(text.lines().next().unwrap_or_default());
        }
        match env::var("PGPASSWORD").map(Zeroizing::new) {
            Ok(password) if self.lacks_password() => self.with_password(&password),
            _ => Ok(Zeroizing::new(self.0.clone())),
        }
    }

    /// Opens it. Paths are relative to the working directory.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(&self, password: Option<&Path>) -> Result<AnyStore, Error> {
        let location = self.resolve(password)?;
        AnyStore::open(&location).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: record_store::Error) -> Error {
        let location = self.clone();
        Error::Store { location, source }
    }
}

impl Config {
    /// Makes the data folder and the store's file, readable for their owner alone: mail lies in
    /// them. What exists keeps its mode.
    ///
    /// # Errors
    /// The folder or the file cannot be made.
    pub fn prepare(&self) -> io::Result<()> {
        let told = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        private_folder()
            .create(&self.data_dir)
            .map_err(|error| told(&self.data_dir, error))?;
        let Some(path) = self.store.sqlite() else {
            return Ok(());
        };
        let path = self.data_dir.join(path);
        make_private(&path).map_err(|error| told(&path, error))
    }

    /// Opens the store.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open_store(&self) -> Result<AnyStore, Error> {
        let location = self.store_location();
        match location.sqlite() {
            Some(path) if !self.danger_store_pragmas.is_empty() => {
                Sqlite::open_with_pragmas(path, &self.danger_store_pragmas)
                    .map(AnyStore::Sqlite)
                    .map_err(|source| location.failed(source))
            }
            _ => location.open(self.store_password_file.as_deref()),
        }
    }

    /// The folder of the store's file, if it has one.
    pub(crate) fn store_folder(&self) -> Option<PathBuf> {
        let path = self.data_dir.join(self.store.sqlite()?);
        path.parent().map(Path::to_path_buf)
    }

    /// The store's location, a file's with its whole path.
    fn store_location(&self) -> Location {
        match self.store.sqlite() {
            Some(path) => format!("sqlite:{}", self.data_dir.join(path).display()).into(),
            None => self.store.clone(),
        }
    }
}

/// Makes a store's file and the folders above it, readable for their owner alone, unless they are
/// there.
///
/// # Errors
/// They cannot be made.
pub fn make_private(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        private_folder().create(parent)?;
    }
    let mut file = fs::OpenOptions::new();
    file.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file.open(path).map(drop)
}

fn private_folder() -> fs::DirBuilder {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for (location, shown) in [
            ("postgres://u:secret@h:5/d", "postgres://h:5/d"),
            ("postgresql://u:s%40e@h/d?sslmode=disable", "postgres://h/d"),
            ("postgres://h/d?password=secret", "postgres://h/d"),
            // Whose parts are not certain.
            (
                "postgresql://u:se?cr@et@h/d?sslmode=disable",
                "postgres://...",
            ),
            ("postgres://u:se?c@re?t@h/d", "postgres://..."),
            ("postgres://u:se@cret?@h/d", "postgres://..."),
            ("postgres://h/d?user=a@b&password=secret", "postgres://..."),
            ("postgres://h/d?password=a@secret", "postgres://..."),
            ("postgres://u:secret@%2Frun/d?user=a@b", "postgres://..."),
            ("sqlite:mail.db", "sqlite:mail.db"),
        ] {
            let location = Location::from(location);
            assert_eq!(location.to_string(), shown);
            assert_eq!(format!("{location:?}"), shown);
        }
        let config = Config {
            store: "postgres://u:secret@h/d".into(),
            ..Config::default()
        };
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn a_password_comes_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        fs::write(&file, "a@b:c/d?e%\nand more\n").unwrap();
        let resolve = |location: &str| Location::from(location).resolve(Some(&file));
        assert_eq!(
            *resolve("postgres://u@h/d?sslmode=disable").unwrap(),
            "postgres://u:%61%40%62%3A%63%2F%64%3F%65%25@h/d?sslmode=disable"
        );
        for superfluous in [
            "postgres://u:p@h/d",
            "postgres://h/d",
            "sqlite:mail.db",
            "memory:",
        ] {
            let error = resolve(superfluous);
            assert!(matches!(error, Err(Error::Superfluous)), "{superfluous}");
        }
        fs::remove_file(&file).unwrap();
        let error = resolve("postgres://u@h/d").unwrap_err().to_string();
        assert!(error.contains("password"), "{error}");
    }
}
