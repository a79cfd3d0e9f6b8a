//! A service in this process, with a clock that tests set, and links made by the crate.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use mail_service::{Accounts, Chosen, Clock, Config, Server};
use record_store::AnyStore;
use symmetric_seal::link::{LinkSecret, Terms};
use symmetric_seal::store::{Issued, Links};
use symmetric_seal::{Passphrase, Profile, Sealed, Sealer};

pub(crate) const SITE: &str = "mail.b.test";
pub(crate) const SEALED: &str = "sealed.b.test";
pub(crate) const PASSWORD: &str = "drei Räder & ein Fluß";
/// Who seals, and logs in with the same password.
pub(crate) const ACCOUNT: &str = "alice@b.test";

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) links: Links<Arc<AnyStore>>,
    pub(crate) store: Arc<AnyStore>,
    config: Config,
    now: Arc<Mutex<SystemTime>>,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings other than the defaults.
    pub(crate) async fn with(settings: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let any = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let mut config = Config::default();
        config.hostname = SITE.into();
        config.domains = vec!["b.test".into()];
        config.data_dir = folder.path().join("data");
        config.web.sealed_host = Some(SEALED.into());
        config.listen.smtp = any.clone();
        config.listen.pop3s = Vec::new();
        config.listen.https = any.clone();
        config.listen.http = any;
        std::fs::write(folder.path().join("zone.json"), "{}").unwrap();
        config.resolver = mail_service::Resolver::Zone(folder.path().join("zone.json"));
        settings(&mut config);
        // A browser has the machine's clock, so tests begin at its time.
        let now = Arc::new(Mutex::new(SystemTime::now()));
        let server = Server::start(config.clone(), clock(&now)).await.unwrap();
        // Another handle on the same file, as the program has that makes links.
        let store = Arc::new(config.open_store().unwrap());
        Self {
            server,
            links: Links::new(store.clone()),
            store,
            config,
            now,
            folder,
        }
    }

    /// Makes the account of a sender.
    pub(crate) async fn account(&self) {
        let password = Chosen::unchecked(PASSWORD);
        let accounts = Accounts::new(self.store.clone());
        accounts.add(ACCOUNT, &password, self.now()).await.unwrap();
    }

    /// The service ends, and another one begins.
    pub(crate) async fn restart(mut self) -> Self {
        self.server.shut_down().await;
        let server = Server::start(self.config.clone(), clock(&self.now)).await;
        self.server = server.unwrap();
        self
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn now(&self) -> SystemTime {
        *self.now.lock().unwrap()
    }

    pub(crate) fn later(&self, by: Duration) {
        *self.now.lock().unwrap() += by;
    }

    pub(crate) fn https(&self) -> SocketAddr {
        self.server.https()[0]
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.server.http()[0]
    }

    /// The certificate, made by the service itself.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("data/certificate.pem")
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// A link to this mail, for some hours.
    pub(crate) async fn link(
        &self,
        mail: &[u8],
        terms: Terms,
        secret: Option<&LinkSecret>,
    ) -> Issued {
        let sealed = seal(mail, secret);
        let (now, proof) = (self.now(), sealed.receipt().proof_hash());
        let issued = self
            .links
            .issue(terms, now + hours(6), sealed.message(), proof, now);
        issued.await.unwrap()
    }

    /// A link that was made at that time, for so many hours, to a message that was changed after it was sealed.
    pub(crate) async fn sealed(
        &self,
        mail: &[u8],
        for_hours: u64,
        at: SystemTime,
        change: impl FnOnce(&mut [u8]),
    ) -> Issued {
        let sealed = seal(mail, None);
        let (proof, expires) = (sealed.receipt().proof_hash(), at + hours(for_hours));
        let mut message = sealed.into_message();
        change(&mut message);
        let issued = self.links.issue(Terms::new(), expires, &message, proof, at);
        issued.await.unwrap()
    }
}

fn clock(now: &Arc<Mutex<SystemTime>>) -> Clock {
    let now = now.clone();
    Clock::from_fn(move || *now.lock().unwrap())
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

pub(crate) fn seal(mail: &[u8], secret: Option<&LinkSecret>) -> Sealed {
    let password = Passphrase::for_sealing(PASSWORD).unwrap();
    let password = match secret {
        Some(secret) => password.bound_to(secret),
        None => password,
    };
    let sealer = Sealer::new().profile(Profile::LOW_MEMORY);
    sealer.seal(mail, &password).unwrap()
}
