//! Breach alerts: whoever has an account is told when his address appears in a breach. `breach-check` asks and remembers;
//! here it is wired to accounts, mail and time. Nothing is asked unless the configuration names a service.
//!
//! ```text
//! accounts ── watched ──► Monitor ── step, at most one request each ──► the service of breaches
//!                            │ next_alerts
//!                            ▼
//!            tell ── one commit: the mail, and a record that it is told ── then the alert is acknowledged
//!                                               │
//!                                  told ── the page of the account lists it, until its user dismisses it
//! ```
//!
//! Each alert is told once, whatever ends when, at however many nodes: the record that goes with the mail is the mark by
//! which the next one knows, and stays when it is dismissed. A full mailbox waits, and keeps nobody else from hearing. A
//! user is known to the monitor by who owns the account ([`Owner`]): what was still to be told to somebody who is gone is told
//! to nobody, and whoever gets the address later is asked about anew.
//!
//! | record | what |
//! |---|---|
//! | `breach-…` | the crate's |
//! | `("mail.breach-key",)` | the octet 1, and 16 octets by which the key is known that this store is used with |
//! | `("mail.breach-watch", owner)` | see `watched` |
//! | `("mail.breach-told", address, ...)` | see `told` |

mod key;
mod tell;
pub(crate) mod told;
mod watched;
mod words;

pub(crate) use told::erase;

use crate::{
    accounts::{Accounts, Owner},
    clock::Clock,
    config::{AGENT, Config},
    log::Causes,
    mailbox::Mailboxes,
    secret_file::{self, Fault},
    service::Stop,
};
use breach_check::{
    Answer, Http, HttpFault,
    addresses::{self, ApiKey, Client, NotAService, Service},
    fetch::{Fetcher, Unfit},
    monitor::{self, Monitor, MonitorKey, NotAUser, Settings, Step, UserId},
};
use record_store::AnyStore;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{
    fmt::Write,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tracing::{info, warn};

/// How often all accounts are looked at, for who is new and who is gone.
const ACCOUNTS_EVERY: Duration = Duration::from_secs(5 * 60);
/// How often it is looked at what other nodes have found, and the store tried again.
const EVERY: Duration = Duration::from_secs(60);
/// What is to be done at once waits so long, whoever says so how often.
const BREATH: Duration = Duration::from_millis(100);
/// Requests after which what was found is told.
const STEPS: usize = 100;
/// Most octets of the file with the key of the subscription.
const MAX_KEY_FILE: usize = 4096;

/// Why there are no breach alerts.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file with the key of the subscription cannot be read.
    #[error("cannot read {} (breach_alerts.key_file)", .0.display())]
    KeyFile(PathBuf, #[source] io::Error),
    /// A file of keys can be read by others than its owner.
    #[error("{} can be read by others than its owner", .0.display())]
    Exposed(PathBuf),
    /// The first line is no key.
    #[error("the first line of {} is no key of a subscription", .0.display())]
    ApiKey(PathBuf),
    /// The service cannot be one.
    #[error("breach_alerts.service makes no sense")]
    Service(#[from] NotAService),
    /// The file of authorities cannot be read.
    #[error("cannot read {} (breach_alerts.authorities)", .0.display())]
    Authorities(PathBuf, #[source] io::Error),
    /// A file holds no certificate.
    #[error("no certificates in {}", .0.display())]
    NoCertificates(PathBuf),
    /// Nobody is trusted.
    #[error("the system trusts no certificate authority")]
    NoTrust,
    /// No TLS.
    #[error("no TLS")]
    Tls(#[from] Unfit),
    /// There is no place for the key that hashes users.
    #[error(
        "breach_alerts.monitor_key_file names no file, and there is no place for one beside data_dir"
    )]
    NoPlace,
    /// The file would be copied with the store.
    #[error("{} lies in the folder of the store that it hashes for", .0.display())]
    Inside(PathBuf),
    /// The file cannot be read or made.
    #[error("cannot use {} (breach_alerts.monitor_key_file)", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The file is not one of this kind.
    #[error("{} is no file of a key of breach alerts", .0.display())]
    Malformed(PathBuf),
    /// The store was used with a file that is not there.
    #[error(
        "{} is missing, with which this store was used: bring it back, or copy it from another node", .0.display()
    )]
    Missing(PathBuf),
    /// The store was used with another key.
    #[error(
        "{} has another key than this store was used with: copy the file of another node, or bring the old one back",
        .0.display()
    )]
    Other(PathBuf),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] record_store::Error),
    /// Whether the store took it is not known.
    #[error("the store gave no answer")]
    Unknown,
    /// No random numbers.
    #[error("no random numbers")]
    Random,
    /// The monitor cannot be made.
    #[error("addresses cannot be watched")]
    Monitor(#[from] monitor::Error),
}

/// Tells users in which breaches they are.
#[derive(Debug)]
pub(crate) struct Alerts<H = Fetcher> {
    monitor: Monitor<Arc<AnyStore>, Heard<H>>,
    accounts: Arc<Accounts>,
    mailboxes: Arc<Mailboxes>,
    clock: Clock,
    hostname: String,
}

/// As the configuration says; nothing if it names no service.
pub(crate) async fn open(
    config: &Config,
    store: Arc<AnyStore>,
    accounts: Arc<Accounts>,
    mailboxes: Arc<Mailboxes>,
    clock: Clock,
) -> Result<Option<Alerts>, Error> {
    let settings = &config.breach_alerts;
    let (Some(base), Some(file)) = (&settings.service, &settings.key_file) else {
        return Ok(None);
    };
    let service = Service::new(base, api_key(file)?, AGENT)?;
    let fetcher = match base.starts_with("http:") {
        true => Fetcher::loopback_without_tls(),
        false => {
            let roots = Arc::new(authorities(settings.authorities.as_deref())?);
            Fetcher::new(Arc::new(crate::tls::provider()), roots)?
        }
    };
    let key = key::open(config, &store, clock.now()).await?;
    let parts = (accounts, mailboxes, clock);
    Alerts::new(config, store, (fetcher, service, key), parts).map(Some)
}

fn api_key(file: &Path) -> Result<ApiKey, Error> {
    let text = secret_file::read(file, MAX_KEY_FILE).map_err(|fault| match fault {
        Fault::File(error) => Error::KeyFile(file.into(), error),
        Fault::Exposed => Error::Exposed(file.into()),
        Fault::Malformed => Error::ApiKey(file.into()),
    })?;
    let line = text.lines().next().unwrap_or_default();
    ApiKey::new(line.trim()).map_err(|_| Error::ApiKey(file.into()))
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut authorities = RootCertStore::empty();
    let Some(file) = file else {
        authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return match authorities.is_empty() {
            true => Err(Error::NoTrust),
            false => Ok(authorities),
        };
    };
    let text = std::fs::read(file).map_err(|error| Error::Authorities(file.into(), error))?;
    let none = || Error::NoCertificates(file.into());
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|_| none())?;
        authorities.add(certificate).map_err(|_| none())?;
    }
    match authorities.is_empty() {
        true => Err(none()),
        false => Ok(authorities),
    }
}

/// Who an account's owner is to the monitor.
fn user_of(owner: &Owner) -> Result<UserId, NotAUser> {
    let mut hex = String::with_capacity(2 * owner.len());
    for octet in owner {
        let _ = write!(hex, "{octet:02x}");
    }
    UserId::new(&hex)
}

/// The client, with an ear for what the monitor waits out in silence.
#[derive(Debug)]
struct Heard<H>(H);

impl<H: Http> Http for Heard<H> {
    async fn send(
        &self,
        request: axum::http::Request<()>,
        limit: usize,
    ) -> Result<Answer, HttpFault> {
        let answer = self.0.send(request, limit).await?;
        if answer.response.status() == axum::http::StatusCode::TOO_MANY_REQUESTS {
            warn!(
                "the service of breaches has had too many requests, and is left alone for as long as it says"
            );
        }
        Ok(answer)
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl<H: Http> Alerts<H> {
    fn new(
        config: &Config,
        store: Arc<AnyStore>,
        (http, service, key): (H, Service, MonitorKey),
        (accounts, mailboxes, clock): (Arc<Accounts>, Arc<Mailboxes>, Clock),
    ) -> Result<Self, Error> {
        let client = Client::new(Heard(http), service);
        Ok(Self {
            monitor: Monitor::new(store, client, key, Settings::default())?,
            accounts,
            mailboxes,
            clock,
            hostname: config.hostname.clone(),
        })
    }

    /// Asks the service what is to be asked now; when there is more.
    pub(crate) async fn ask(&self) -> SystemTime {
        for _ in 0..STEPS {
            let now = self.clock.now();
            match self.monitor.step(now).await {
                Ok(Step::Waited(until) | Step::Idle(until)) => return until,
                Ok(Step::PlanLacks { users }) => warn!(
                    users,
                    "the plan of breach_alerts.service has neither k-anonymity nor the search of their domain: so many users \
                     are NOT told of breaches"
                ),
                // What was found is told before more is asked.
                Ok(Step::Alerted(_)) => return now,
                Ok(_) => {}
                Err(error) => {
                    let code = match &error {
                        monitor::Error::Service(error) => error.code(),
                        _ => "monitor",
                    };
                    warn!(code, error = %Causes(&error), "{}", meaning(&error));
                    return now + EVERY;
                }
            }
        }
        self.clock.now()
    }

    async fn watch_and_log(&self) {
        match self.watch().await {
            Ok(watched) if watched.is_nothing() => {}
            Ok(watched) => info!(?watched, "who is told of breaches has changed"),
            Err(error) => warn!(error = %Causes(&*error), "who is new is not watched yet"),
        }
    }

    async fn tell_and_log(&self) {
        match self.tell().await {
            Ok(told) if told.is_nothing() => {}
            Ok(told) => info!(?told, "users were told of breaches"),
            Err(error) => {
                warn!(error = %Causes(&*error), "what users are to be told of breaches waits")
            }
        }
    }
}

/// What a failure means for the operator.
fn meaning(error: &monitor::Error) -> &'static str {
    match error {
        monitor::Error::Service(addresses::Error::Key) => {
            "the service of breaches does not take the key of breach_alerts.key_file: nobody is told of new breaches"
        }
        monitor::Error::Service(_) => "the service of breaches gives no answer",
        _ => "breaches are asked for later",
    }
}

/// Watches, asks and tells until the service stops. What is under way then is broken off: nothing is lost by it.
pub(crate) async fn work<H: Http>(
    alerts: Arc<Alerts<H>>,
    mut stop: Stop,
    _alive: mpsc::Sender<()>,
) {
    let mut looked: Option<Instant> = None;
    loop {
        let round = async {
            if looked.is_none_or(|at| at.elapsed() >= ACCOUNTS_EVERY) {
                alerts.watch_and_log().await;
                looked = Some(Instant::now());
            }
            let until = alerts.ask().await;
            alerts.tell_and_log().await;
            until
        };
        let until = tokio::select! {
            biased;
            () = stop.requested() => return,
            until = round => until,
        };
        let wait = until.duration_since(alerts.clock.now());
        let wait = wait.unwrap_or_default().clamp(BREATH, EVERY);
        tokio::select! {
            biased;
            () = stop.requested() => return,
            () = sleep(wait) => {}
        }
    }
}

#[cfg(test)]
mod tests;
