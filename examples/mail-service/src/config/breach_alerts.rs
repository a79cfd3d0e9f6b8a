//! Breach alerts: whom to ask, and with which keys.

use super::{Config, must, openpgp::resolved};
use breach_check::addresses::{ApiKey, Service};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Who is told when his address appears in a breach. Off unless a service is named.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreachAlerts {
    /// The service that is asked: the base of an API of version 3 of Have I Been Pwned, by `https:`, or by `http:` at a
    /// loopback address. None: nobody is asked anything.
    pub service: Option<String>,
    /// A file whose first line is the key of the subscription. Relative to the configuration file.
    pub key_file: Option<PathBuf>,
    /// The file of the key that hashes whom the store speaks of, outside of `data_dir` and of whatever backs up the store;
    /// none: beside `data_dir`, with `.breach-alerts-key` behind its name. The first start makes it. Relative to the
    /// configuration file.
    pub monitor_key_file: Option<PathBuf>,
    /// Certificates in PEM of the authorities that are trusted for the service; none: those that the system trusts.
    /// Relative to the configuration file.
    pub authorities: Option<PathBuf>,
}

/// What the default file has behind the name of `data_dir`.
const BESIDE: &str = ".breach-alerts-key";

impl BreachAlerts {
    pub(super) fn within(&mut self, folder: &Path) {
        for file in [
            &mut self.key_file,
            &mut self.monitor_key_file,
            &mut self.authorities,
        ] {
            *file = file.take().map(|file| folder.join(file));
        }
    }

    /// The first setting that makes no sense, and what it must be.
    pub(super) fn check(&self, config: &Config) -> Result<(), (&'static str, String)> {
        let Some(base) = &self.service else {
            // Whoever has set these believes that it is on.
            let others = [&self.key_file, &self.monitor_key_file, &self.authorities];
            return must(
                others.iter().all(|file| file.is_none()),
                "breach_alerts.service",
                "must name the service, or nothing of breach_alerts must be set",
            );
        };
        // Any key tells whether the base is one.
        let is_base = ApiKey::new("key").and_then(|key| Service::new(base, key, AGENT));
        must(
            is_base.is_ok(),
            "breach_alerts.service",
            "must be an https: address without a query, or http: and a loopback address, for the key is sent with each request",
        )?;
        must(
            self.key_file.is_some(),
            "breach_alerts.key_file",
            "must name the file with the key of the subscription",
        )?;
        must(
            config.monitor_key_is_outside(),
            "breach_alerts.monitor_key_file",
            "must lie outside of data_dir and of the store's folder: with a copy of both together everybody can look for an \
             address",
        )
    }
}

/// Who asks, as the service wants to know.
pub(crate) const AGENT: &str = "letterlock-mail-service";

impl Config {
    /// The file of the key that hashes users; none if there is no place for it beside `data_dir`.
    pub(crate) fn monitor_key_file(&self) -> Option<PathBuf> {
        if let Some(file) = &self.breach_alerts.monitor_key_file {
            return Some(file.clone());
        }
        let folder = std::path::absolute(&self.data_dir).ok()?;
        let mut name = folder.file_name()?.to_owned();
        name.push(BESIDE);
        Some(folder.with_file_name(name))
    }

    /// Whether the key lies apart from what it hashes, links followed as far as they exist.
    pub(crate) fn monitor_key_is_outside(&self) -> bool {
        let Some(file) = self.monitor_key_file() else {
            return false;
        };
        let file = resolved(&file);
        let store = self.store_folder();
        let mut folders = std::iter::once(self.data_dir.clone()).chain(store);
        folders.all(|folder| !file.starts_with(resolved(&folder)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Error;

    fn load(text: &str) -> Result<Config, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path)
    }

    #[test]
    fn off_by_default_and_on_by_a_service_and_its_key() {
        assert_eq!(
            load("").unwrap().breach_alerts,
            BreachAlerts::default(),
            "nobody is asked anything"
        );
        let on = "[breach_alerts]\nkey_file = \"key\"\nauthorities = \"ca.pem\"\nservice = ";
        for service in [
            "\"https://haveibeenpwned.com/api/v3\"",
            "\"http://127.0.0.1:8080/api/v3\"",
            "\"http://[::1]/v3/\"",
        ] {
            let config = load(&format!("{on}{service}")).unwrap();
            let alerts = config.breach_alerts;
            let folder = config.data_dir.parent().unwrap();
            assert_eq!(alerts.key_file, Some(folder.join("key")));
            assert_eq!(alerts.authorities, Some(folder.join("ca.pem")));
        }
    }

    #[test]
    fn what_makes_no_sense_is_said_with_its_name() {
        let on = "[breach_alerts]\nservice = \"https://a.example\"\n";
        for (text, key) in [
            (
                "service = \"http://a.example/v3\"\nkey_file = \"k\"",
                "breach_alerts.service",
            ),
            (
                "service = \"http://192.0.2.1/v3\"\nkey_file = \"k\"",
                "breach_alerts.service",
            ),
            (
                "service = \"https://k@a.example\"\nkey_file = \"k\"",
                "breach_alerts.service",
            ),
            (
                "service = \"https://a.example?k\"\nkey_file = \"k\"",
                "breach_alerts.service",
            ),
            (
                "service = \"a.example\"\nkey_file = \"k\"",
                "breach_alerts.service",
            ),
            ("key_file = \"k\"", "breach_alerts.service"),
            ("monitor_key_file = \"k\"", "breach_alerts.service"),
            ("service = \"https://a.example\"", "breach_alerts.key_file"),
            (
                "service = \"https://a.example\"\nkey_file = \"k\"\nmonitor_key_file = \"data/key\"",
                "breach_alerts.monitor_key_file",
            ),
        ] {
            let error = load(&format!("[breach_alerts]\n{text}")).unwrap_err();
            assert!(error.to_string().contains(key), "{text}: {error}");
        }
        assert!(load(&format!("{on}key_file = \"k\"\nkey = \"k\"")).is_err());
        load(&format!("{on}key_file = \"k\"")).unwrap();
    }

    #[test]
    fn the_key_of_hashes_lies_beside_the_data() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            data_dir: folder.path().join("data"),
            ..Config::default()
        };
        let beside = folder.path().join("data.breach-alerts-key");
        assert_eq!(config.monitor_key_file(), Some(beside));
        assert!(config.monitor_key_is_outside());
        config.breach_alerts.monitor_key_file = Some(folder.path().join("data/key"));
        assert!(!config.monitor_key_is_outside());
    }
}
