//! Which passwords may be chosen, and who knows the breached ones.

use super::{Switch, must};
use breach_check::{CountClass, ranges::Base};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use url::{Host, Url};

/// Which passwords may be chosen. Nobody is asked about them unless one of `corpus` and `ranges` is set.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Password {
    /// A file of breached passwords. Relative to the configuration file.
    pub corpus: Option<PathBuf>,
    /// The URL of a service that has them.
    pub ranges: Option<String>,
    /// How often a password must have been seen to be refused.
    pub seen: u64,
    /// Fewest code points of a password that opens an account alone.
    pub length: usize,
    /// Whether usual changes of breached passwords are refused, too.
    pub tweaks: Switch,
}

impl Default for Password {
    fn default() -> Self {
        Self {
            corpus: None,
            ranges: None,
            seen: 1,
            length: 15,
            tweaks: Switch::Off,
        }
    }
}

impl Password {
    pub(super) fn within(&mut self, folder: &Path) {
        self.corpus = self.corpus.take().map(|file| folder.join(file));
    }

    /// The first setting that makes no sense, and what it must be.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        must(
            self.corpus.is_none() || self.ranges.is_none(),
            "password",
            "must name a corpus or ranges, not both",
        )?;
        must(
            self.ranges
                .as_deref()
                .is_none_or(|url| reach(url).is_some()),
            "password.ranges",
            "must be a URL of https:, without a query; http: only to a loopback address, 127.0.0.1 or [::1]",
        )?;
        must(self.seen > 0, "password.seen", "must be at least 1")?;
        // SP 800-63B-4 §3.1.1.2: eight at least; and 64 must always be allowed.
        must(
            (8..=64).contains(&self.length),
            "password.length",
            "must be from 8 to 64",
        )?;
        must(
            self.tweaks == Switch::Off || self.corpus.is_some(),
            "password.tweaks",
            "needs a corpus: a service would be told fifty ranges for each password",
        )
    }

    /// How often a password must have been seen, as it is counted.
    pub(crate) fn class(&self) -> CountClass {
        CountClass::of(self.seen).unwrap_or(CountClass::MAX)
    }
}

/// How a range service is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Tls,
    /// Without TLS, which never leaves the machine.
    Loopback,
}

/// How the service of this URL is reached; none if it may not be.
pub(crate) fn reach(url: &str) -> Option<Reach> {
    Base::new(url).ok()?;
    let url = Url::parse(url).ok()?;
    let loopback = match url.host()? {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(_) => false,
    };
    match (url.scheme(), loopback) {
        ("https", _) => Some(Reach::Tls),
        ("http", true) => Some(Reach::Loopback),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Option<&'static str> {
        let settings: Password = toml::from_str(text).unwrap();
        settings.check().err().map(|(key, _)| key)
    }

    #[test]
    fn settings_that_make_no_sense() {
        for (text, key) in [
            ("corpus = \"x\"\nranges = \"https://a.test\"", "password"),
            ("ranges = \"http://ranges.test\"", "password.ranges"),
            ("ranges = \"http://192.0.2.1:80\"", "password.ranges"),
            ("ranges = \"http://localhost:80\"", "password.ranges"),
            ("ranges = \"https://a.test/?x\"", "password.ranges"),
            ("ranges = \"ftp://a.test\"", "password.ranges"),
            ("seen = 0", "password.seen"),
            ("length = 7", "password.length"),
            ("length = 65", "password.length"),
            ("tweaks = \"on\"", "password.tweaks"),
            (
                "tweaks = \"on\"\nranges = \"https://a.test\"",
                "password.tweaks",
            ),
        ] {
            assert_eq!(wrong(text), Some(key), "{text}");
        }
        for text in [
            "",
            "length = 8\nseen = 1000",
            "corpus = \"x\"\ntweaks = \"on\"",
            "ranges = \"https://ranges.test/mine\"",
            "ranges = \"http://127.0.0.1:8080\"",
            "ranges = \"http://[::1]:8080/\"",
        ] {
            assert_eq!(wrong(text), None, "{text}");
        }
        assert!(toml::from_str::<Password>("corpora = \"x\"").is_err());
    }

    #[test]
    fn counts_are_powers_of_two_rounded_down() {
        let class = |seen| {
            let settings = Password {
                seen,
                ..Password::default()
            };
            settings.class().at_least()
        };
        assert_eq!([1, 5, 1023, 1024].map(class), [1, 4, 512, 1024]);
    }

    #[test]
    fn the_corpus_lies_beside_the_configuration() {
        let mut settings = Password {
            corpus: Some("pwned.pages".into()),
            ..Password::default()
        };
        settings.within(Path::new("/etc/mail"));
        assert_eq!(settings.corpus, Some("/etc/mail/pwned.pages".into()));
    }
}
