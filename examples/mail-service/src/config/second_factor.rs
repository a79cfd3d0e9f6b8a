//! Second factors: the file of their keys, and what apps show.

use super::{Config, must, openpgp::resolved};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Second factors of the accounts.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecondFactor {
    /// The file of the keys that seeds are sealed with, outside of `data_dir` and of whatever backs up the store; none:
    /// beside `data_dir`, with `.second-factor-keys` behind its name. The first start makes it. Relative to the
    /// configuration file.
    pub keyring: Option<PathBuf>,
    /// What apps show beside the code; none: `hostname`.
    pub issuer: Option<String>,
}

/// What the default file has behind the name of `data_dir`.
const BESIDE: &str = ".second-factor-keys";
/// Most octets of an issuer, as `twofactor` takes them.
const MAX_ISSUER: usize = 64;

impl SecondFactor {
    pub(super) fn within(&mut self, folder: &Path) {
        self.keyring = self.keyring.take().map(|file| folder.join(file));
    }

    /// The first setting that makes no sense, and what it must be.
    pub(super) fn check(&self, config: &Config) -> Result<(), (&'static str, String)> {
        must(
            config.keyring_is_outside(),
            "second_factor.keyring",
            "must lie outside of data_dir and of the store's folder: a copy of both together opens every seed",
        )?;
        let is_bad = |c: char| c == ':' || c.is_control();
        must(
            self.issuer.as_ref().is_none_or(|issuer| {
                (1..=MAX_ISSUER).contains(&issuer.len()) && !issuer.contains(is_bad)
            }),
            "second_factor.issuer",
            "must have 1 to 64 octets, without a colon or control characters",
        )
    }
}

impl Config {
    /// The file of the keys of second factors; none if there is no place for it beside `data_dir`.
    pub(crate) fn keyring_file(&self) -> Option<PathBuf> {
        if let Some(file) = &self.second_factor.keyring {
            return Some(file.clone());
        }
        let folder = std::path::absolute(&self.data_dir).ok()?;
        let mut name = folder.file_name()?.to_owned();
        name.push(BESIDE);
        Some(folder.with_file_name(name))
    }

    /// Whether the keys lie apart from what they open, links followed as far as they exist.
    pub(crate) fn keyring_is_outside(&self) -> bool {
        let Some(file) = self.keyring_file() else {
            return false;
        };
        let file = resolved(&file);
        let store = self.store_folder();
        let mut folders = std::iter::once(self.data_dir.clone()).chain(store);
        folders.all(|folder| !file.starts_with(resolved(&folder)))
    }

    /// What apps show beside the code.
    pub(crate) fn issuer(&self) -> String {
        let issuer = self.second_factor.issuer.as_ref();
        let name = issuer.unwrap_or(&self.hostname);
        // A host name may have 255 octets, and none of them is one that an issuer must not have.
        name.get(..name.len().min(MAX_ISSUER))
            .unwrap_or(name)
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_lie_beside_the_data_and_never_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let (data, other) = (folder.path().join("data"), folder.path().join("other"));
        let mut config = Config {
            data_dir: data.clone(),
            ..Config::default()
        };
        let beside = folder.path().join("data.second-factor-keys");
        assert_eq!(config.keyring_file(), Some(beside));
        assert!(config.keyring_is_outside());
        let mut outside = |keyring: &Path, store: &str| {
            config.second_factor.keyring = Some(keyring.into());
            config.store = store.into();
            config.keyring_is_outside()
        };
        assert!(!outside(&data.join("keys"), "sqlite:mail.db"));
        assert!(outside(&other.join("keys"), "sqlite:mail.db"));
        let store = format!("sqlite:{}", other.join("mail.db").display());
        assert!(!outside(&other.join("keys"), &store));
    }
}
