//! OpenPGP: the file that lets the server use keys, and how much work it may take on.

use super::{Config, must};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// OpenPGP keys of the accounts.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenPgp {
    /// The file of the server's key-encryption key, outside of `data_dir` and of whatever backs up the store; none: the
    /// server can use no secret key, and only its owner's passphrase opens one. Relative to the configuration file.
    pub kek: Option<PathBuf>,
    /// How many threads compute at a time; none: as many as the machine has.
    pub threads: Option<usize>,
}

/// The most threads.
const MOST_THREADS: usize = 64;

impl OpenPgp {
    pub(super) fn within(&mut self, folder: &Path) {
        self.kek = self.kek.take().map(|file| folder.join(file));
    }

    /// The first setting that makes no sense, and what it must be.
    pub(super) fn check(&self, config: &Config) -> Result<(), (&'static str, String)> {
        must(
            config.kek_is_outside(),
            "openpgp.kek",
            "must lie outside of data_dir and of the store's folder: a copy of both together opens every key",
        )?;
        must(
            self.threads.is_none_or(|n| (1..=MOST_THREADS).contains(&n)),
            "openpgp.threads",
            "must be from 1 to 64",
        )
    }

    /// How many threads compute.
    pub(crate) fn threads(&self) -> usize {
        let machine = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(machine).clamp(1, MOST_THREADS)
    }
}

impl Config {
    /// Whether the key-encryption key lies apart from what it opens, links followed as far as they exist.
    pub(crate) fn kek_is_outside(&self) -> bool {
        let Some(kek) = &self.openpgp.kek else {
            return true;
        };
        let kek = resolved(kek);
        let store = self.store_folder();
        let mut folders = std::iter::once(self.data_dir.clone()).chain(store);
        folders.all(|folder| !kek.starts_with(resolved(&folder)))
    }
}

/// The path without links, as far as it exists.
pub(super) fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let known = path.ancestors().find_map(|folder| {
        let real = folder.canonicalize().ok()?;
        Some(real.join(path.strip_prefix(folder).ok()?))
    });
    known.unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(data: &Path, store: &str, kek: &Path) -> bool {
        let mut config = Config {
            data_dir: data.into(),
            store: store.into(),
            ..Config::default()
        };
        config.openpgp.kek = Some(kek.into());
        config.kek_is_outside()
    }

    #[test]
    fn the_key_lies_apart_from_what_it_opens() {
        let folder = tempfile::tempdir().unwrap();
        let (data, other) = (folder.path().join("data"), folder.path().join("other"));
        let inside = |kek: &Path| !outside(&data, "sqlite:mail.db", kek);
        for made in [false, true] {
            if made {
                std::fs::create_dir(&data).unwrap();
                std::fs::create_dir(&other).unwrap();
            }
            assert!(inside(&data.join("kek")), "{made}");
            assert!(inside(&data.join("deeper/kek")), "{made}");
            assert!(!inside(&other.join("kek")), "{made}");
            assert!(!inside(&folder.path().join("data.kek")), "{made}");
        }
        assert!(inside(&other.join("../data/kek")));
        assert!(!inside(&data.join("../kek")));
        // A store of its own folder counts as much.
        let store = format!("sqlite:{}", other.join("mail.db").display());
        assert!(!outside(&data, &store, &other.join("kek")));
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&data, &link).unwrap();
            assert!(inside(&link.join("kek")));
        }
    }
}
