//! The configuration file (TOML). `mail-service.toml` beside this crate documents every setting.

mod breach_alerts;
mod openpgp;
mod outbound;
mod password;
mod second_factor;
mod store;
mod web;

pub(crate) use self::breach_alerts::AGENT;
pub use self::breach_alerts::BreachAlerts;
pub use self::openpgp::OpenPgp;
pub use self::outbound::{Dnssec, Outbound};
pub use self::password::Password;
pub(crate) use self::password::{Reach, reach};
pub use self::second_factor::SecondFactor;
pub use self::store::{Error as StoreError, Location, make_private};
pub use self::web::Web;

use crate::{accounts, secure::Secure};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use tracing_subscriber::EnvFilter;

/// Everything that can be set.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The name of this server in greetings and header fields.
    pub hostname: String,
    /// Where everything that must be kept is kept. Relative to the configuration file.
    pub data_dir: PathBuf,
    /// `sqlite:PATH` (relative to `data_dir`), `postgres://USER@HOST/DATABASE`, or `memory:`.
    pub store: Location,
    /// A file whose first line is the password of the database. Relative to the configuration file.
    pub store_password_file: Option<PathBuf>,
    /// SQL that the store runs first. For tests that must fail (`PRAGMA synchronous = OFF`): it can
    /// lose mail.
    #[doc(hidden)]
    pub danger_store_pragmas: String,
    /// The domains whose mail is delivered here.
    pub domains: Vec<String>,
    /// Secure domains, each with the one of `domains` whose accounts it is for: every account has an
    /// address there, without set-up, that gets mail over TLS only, and sends to verified peers only.
    pub secure: BTreeMap<String, String>,
    /// The account that gets mail for `postmaster` (RFC 5321 §4.5.1).
    pub postmaster: Option<String>,
    /// What becomes of mail that raises the alarm.
    pub alarm: Alarm,
    /// The language of alarm notices.
    pub language: Language,
    /// Where DNS answers come from.
    pub resolver: Resolver,
    /// Whether mail-auth judges each message too.
    pub second_opinion: Switch,
    /// Threads that work on connections; none: as many as the machine has, at most four.
    pub workers: Option<usize>,
    /// Addresses to listen on.
    pub listen: Listen,
    /// Certificate and key.
    pub tls: Tls,
    /// Outgoing mail.
    pub outbound: Outbound,
    /// OpenPGP keys of the accounts.
    pub openpgp: OpenPgp,
    /// Second factors of the accounts.
    pub second_factor: SecondFactor,
    /// Who is told when his address appears in a breach.
    pub breach_alerts: BreachAlerts,
    /// Which passwords may be chosen.
    pub password: Password,
    /// The HTTPS site.
    pub web: Web,
    /// Bounds.
    pub limits: Limits,
    /// Logging.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            data_dir: "data".into(),
            store: "sqlite:mail.db".into(),
            store_password_file: None,
            danger_store_pragmas: String::new(),
            domains: vec!["localhost".into()],
            secure: BTreeMap::new(),
            postmaster: None,
            alarm: Alarm::default(),
            language: Language::default(),
            resolver: Resolver::default(),
            second_opinion: Switch::default(),
            workers: None,
            listen: Listen::default(),
            tls: Tls::default(),
            outbound: Outbound::default(),
            openpgp: OpenPgp::default(),
            second_factor: SecondFactor::default(),
            breach_alerts: BreachAlerts::default(),
            password: Password::default(),
            web: Web::default(),
            limits: Limits::default(),
            log: Log::default(),
        }
    }
}

/// What becomes of mail that raises the alarm.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alarm {
    /// Suspicious and forged mail arrives inside of a notice that explains.
    #[default]
    Wrap,
    /// Mail arrives as it came; header fields tell.
    Header,
    /// As `wrap`, but what the author's domain asks to reject is refused.
    Refuse,
}

/// A language that people read.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
}

/// Where DNS answers come from.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resolver {
    /// The resolvers of the system.
    #[default]
    System,
    /// These resolvers.
    Servers(Vec<SocketAddr>),
    /// A file of records, the format of `msg-check --zone`: for tests.
    Zone(PathBuf),
}

/// On or off.
#[allow(clippy::exhaustive_enums)] // there is no third
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// No.
    #[default]
    Off,
    /// Yes.
    On,
}

/// Addresses to listen on.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// SMTP with STARTTLS.
    pub smtp: Vec<SocketAddr>,
    /// POP3 over TLS.
    pub pop3s: Vec<SocketAddr>,
    /// The site, over HTTPS.
    pub https: Vec<SocketAddr>,
    /// HTTP that leads to HTTPS, and does nothing else.
    pub http: Vec<SocketAddr>,
}

impl Default for Listen {
    fn default() -> Self {
        let loopback = |port| vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
        Self {
            smtp: loopback(2525),
            pop3s: loopback(9955),
            https: Vec::new(),
            http: Vec::new(),
        }
    }
}

/// Certificate and key.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The chain in PEM, the server's certificate first. Without one, a self-signed certificate is
    /// made in `data_dir`.
    pub certificate: Option<PathBuf>,
    /// The private key in PEM.
    pub key: Option<PathBuf>,
    /// What listeners offer and take.
    pub profile: Profile,
}

/// Versions, suites, groups and keys of TLS, as lists of what may be used.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// What mail servers of these years have in common and is not broken.
    #[default]
    Normal,
    /// What BSI TR-02102-2 recommends, as far as rustls has it: peers without it get no TLS.
    Bsi,
}

/// Bounds on what others can make the service do.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most octets of a message.
    pub message_octets: usize,
    /// Most octets of a line of a message, CR LF counted.
    pub line_octets: usize,
    /// Most recipients of a transaction.
    pub recipients: usize,
    /// Most errors of an SMTP client.
    pub errors: usize,
    /// Most connections at a time, per protocol. Both protocols together must stay under what
    /// `ulimit -n` allows: often 1024.
    pub connections: usize,
    /// Most connections at a time from one address (IPv6: one /64), per protocol.
    pub connections_per_address: usize,
    /// Most octets of messages that are being received or judged at a time.
    pub octets_in_flight: usize,
    /// Seconds without an octet until an SMTP connection is closed (RFC 5321 §4.5.3.2.7 asks for
    /// five minutes).
    pub smtp_idle_seconds: u64,
    /// Seconds for one transaction, from the end of the last one to the end of its message.
    pub transaction_seconds: u64,
    /// Seconds without an octet until a POP3 connection is closed (RFC 1939 §3: at least ten
    /// minutes).
    pub pop3_idle_seconds: u64,
    /// Seconds until a POP3 client must have logged in.
    pub login_seconds: u64,
    /// Seconds for the judgement of a message, its DNS queries included.
    pub validation_seconds: u64,
    /// Most `Received` fields of a message (RFC 5321 §6.3).
    pub received_fields: usize,
    /// Most octets of an account's mailbox.
    pub mailbox_octets: u64,
    /// Most messages of an account's mailbox.
    pub mailbox_messages: u64,
    /// Failed logins in an hour after which a network (IPv4: a /24, IPv6: a /56) must wait, whoever was meant. Who has
    /// logged in from there within 30 days, or on a known device, does not wait for what others did.
    pub login_failures: u32,
    /// Threads that compute Argon2.
    pub password_threads: usize,
    /// Logins that may wait for such a thread.
    pub password_queue: usize,
    /// Seconds that a shutdown waits for accepted work.
    pub shutdown_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_octets: 50 * 1024 * 1024,
            line_octets: 1000,
            recipients: 100,
            errors: 20,
            connections: 450,
            connections_per_address: 50,
            octets_in_flight: 256 * 1024 * 1024,
            smtp_idle_seconds: 300,
            transaction_seconds: 1800,
            pop3_idle_seconds: 600,
            login_seconds: 60,
            validation_seconds: 5,
            received_fields: 30,
            mailbox_octets: 2 * 1024 * 1024 * 1024,
            mailbox_messages: 100_000,
            login_failures: 1000,
            password_threads: 1,
            password_queue: 32,
            shutdown_seconds: 30,
        }
    }
}

/// What a message can have, so that it fits into the store together with a notice about it.
const MOST_OCTETS: usize = 250 * 1024 * 1024;
/// A delivery is one commit, and takes two of its [`record_store::MAX_OPERATIONS`] for a recipient.
const MOST_RECIPIENTS: usize = 400;

/// Logging, to standard error.
#[non_exhaustive]
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The shape of a line.
    pub format: LogFormat,
    /// What is logged, as a `tracing` filter: `info`, or `mail_service=debug`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".into(),
        }
    }
}

/// The shape of a line of the log.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Why there is no configuration.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no configuration.
    #[error("cannot understand {}", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// A setting makes no sense.
    #[error("{}: {key} {rule}", path.display())]
    Setting {
        /// Where it stands.
        path: PathBuf,
        /// Which.
        key: &'static str,
        /// What it must be.
        rule: String,
    },
}

impl Config {
    /// Reads a file; relative paths in it are relative to the folder that it lies in.
    ///
    /// # Errors
    /// [`Error`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.into(),
            source,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|source| Error::Parse {
            path: path.into(),
            source: Box::new(discreet(source, &text)),
        })?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        config.data_dir = folder.join(&config.data_dir);
        for file in [
            &mut config.tls.certificate,
            &mut config.tls.key,
            &mut config.store_password_file,
        ] {
            *file = file.take().map(|f| folder.join(f));
        }
        config.outbound.within(folder);
        config.openpgp.within(folder);
        config.second_factor.within(folder);
        config.breach_alerts.within(folder);
        config.password.within(folder);
        if let Resolver::Zone(zone) = &mut config.resolver {
            *zone = folder.join(&zone);
        }
        config.check().map_err(|(key, rule)| Error::Setting {
            path: path.into(),
            key,
            rule,
        })?;
        Ok(config)
    }

    /// The first setting that makes no sense, and what it must be.
    fn check(&self) -> Result<(), (&'static str, String)> {
        self.limits.check()?;
        self.outbound.check()?;
        let name = &self.hostname;
        if !name.is_ascii() || canonical(name).is_none() {
            let rule = format!("must be a domain name in ASCII, not {name:?}");
            return Err(("hostname", rule));
        }
        if let Some(domain) = self.domains.iter().find(|d| canonical(d).is_none()) {
            return Err(("domains", format!("must be domain names, not {domain:?}")));
        }
        Secure::new(&self.secure, &self.domains).map_err(|error| ("secure", error.to_string()))?;
        if let Some(postmaster) = &self.postmaster
            && !self.delivers_to(postmaster)
        {
            let rule = format!("must be an address in one of the domains, not {postmaster:?}");
            return Err(("postmaster", rule));
        }
        must(
            self.store.is_known(),
            "store",
            "must be \"sqlite:PATH\", \"postgres://USER@HOST/DATABASE\" or \"memory:\"",
        )?;
        must(
            !matches!(&self.resolver, Resolver::Servers(servers) if servers.is_empty()),
            "resolver.servers",
            "must name a server",
        )?;
        must(self.workers != Some(0), "workers", "must be at least 1")?;
        must(
            !self.listen.smtp.is_empty()
                || !self.listen.pop3s.is_empty()
                || !self.listen.https.is_empty(),
            "listen",
            "must name an address",
        )?;
        must(
            self.listen.http.is_empty() || !self.listen.https.is_empty(),
            "listen.http",
            "leads to HTTPS: listen.https must name an address, too",
        )?;
        self.web.check(self)?;
        self.openpgp.check(self)?;
        self.second_factor.check(self)?;
        self.breach_alerts.check(self)?;
        self.password.check()?;
        must(
            self.tls.certificate.is_some() == self.tls.key.is_some(),
            "tls",
            "must name both, certificate and key, or none",
        )?;
        EnvFilter::try_new(&self.log.filter)
            .map(drop)
            .map_err(|error| ("log.filter", format!("must be a filter: {error}")))
    }

    /// Whether mail for this address is delivered here. An account of another domain never gets any.
    pub fn delivers_to(&self, address: &str) -> bool {
        let Ok(account) = accounts::parse(address) else {
            return false;
        };
        let domain = account.rsplit_once('@').map(|(_, domain)| domain);
        let mut ours = self.domains.iter().filter_map(|domain| canonical(domain));
        ours.any(|ours| Some(ours.as_str()) == domain)
    }

    /// Threads that work on connections.
    pub fn worker_threads(&self) -> usize {
        let machine = || std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or_else(|| machine().min(4))
    }
}

/// An error shows the line that it is about, unless that may hold a password.
fn discreet(mut error: toml::de::Error, text: &str) -> toml::de::Error {
    let about = error.span().unwrap_or(0..text.len());
    let before = text.get(..about.start).unwrap_or_default();
    let from = before.rfind('\n').unwrap_or(0);
    let rest = text.get(about.end..).unwrap_or_default();
    let to = about.end + rest.find('\n').unwrap_or(rest.len());
    if text
        .get(from..to)
        .is_none_or(|lines| lines.contains("postgres"))
    {
        error.set_input(None);
    }
    error
}

/// A domain as the parts of the service compare it, if mail can be addressed to it.
fn canonical(domain: &str) -> Option<String> {
    let account = accounts::parse(&format!("postmaster@{domain}")).ok()?;
    let (_, domain) = account.rsplit_once('@')?;
    (!domain.starts_with('[')).then(|| domain.to_owned())
}

/// What a setting must be, if it is not.
fn must(is: bool, key: &'static str, rule: &str) -> Result<(), (&'static str, String)> {
    match is {
        true => Ok(()),
        false => Err((key, rule.to_owned())),
    }
}

impl Limits {
    /// The first limit under which the service could not do its work, and what it must be.
    fn check(&self) -> Result<(), (&'static str, String)> {
        for (key, value, least, most) in [
            ("limits.message_octets", self.message_octets, 1, MOST_OCTETS),
            // RFC 5321 §4.5.3.1.6: a text line may have 1000 octets, CR LF counted.
            ("limits.line_octets", self.line_octets, 1000, MOST_OCTETS),
            ("limits.recipients", self.recipients, 1, MOST_RECIPIENTS),
            ("limits.errors", self.errors, 1, usize::MAX),
            ("limits.connections", self.connections, 1, usize::MAX),
            (
                "limits.connections_per_address",
                self.connections_per_address,
                1,
                usize::MAX,
            ),
            ("limits.password_threads", self.password_threads, 1, 64),
        ] {
            if value < least {
                return Err((key, format!("must be at least {least}, not {value}")));
            }
            if value > most {
                return Err((key, format!("must be at most {most}, not {value}")));
            }
        }
        must(
            self.login_failures > 0,
            "limits.login_failures",
            "must be at least 1",
        )?;
        // RFC 1939 §3: the timer "MUST be of at least 10 minutes' duration".
        must(
            self.pop3_idle_seconds >= 600,
            "limits.pop3_idle_seconds",
            "must be at least 600",
        )
    }

    pub(crate) fn smtp_idle(&self) -> Duration {
        Duration::from_secs(self.smtp_idle_seconds)
    }

    pub(crate) fn transaction(&self) -> Duration {
        Duration::from_secs(self.transaction_seconds)
    }

    pub(crate) fn pop3_idle(&self) -> Duration {
        Duration::from_secs(self.pop3_idle_seconds)
    }

    pub(crate) fn login(&self) -> Duration {
        Duration::from_secs(self.login_seconds)
    }

    pub(crate) fn validation(&self) -> Duration {
        Duration::from_secs(self.validation_seconds)
    }

    pub(crate) fn shutdown(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds)
    }
}

#[cfg(test)]
mod tests;
