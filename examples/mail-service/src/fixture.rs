//! A service for tests, without sockets and without a disk to wait for.

use crate::{Accounts, Clock, Config, Resolver, service::Service};
use record_store::AnyStore;
use std::{sync::Arc, time::SystemTime};
use tempfile::TempDir;
use tokio::{sync::watch, time::Instant};
use zeroize::Zeroizing;

/// Who has a mailbox there.
pub(crate) const ACCOUNT: &str = "joe@b.test";
pub(crate) const PASSWORD: &str = "long enough";

/// A service without sockets. Its folder lives as long.
pub(crate) struct Fixture {
    pub(crate) service: &'static Service,
    pub(crate) store: Arc<AnyStore>,
    pub(crate) stop: watch::Sender<Option<Instant>>,
    _folder: TempDir,
}

impl Fixture {
    pub(crate) async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let zone = folder.path().join("zone.json");
        std::fs::write(&zone, "{}").unwrap();
        let mut config = Config {
            hostname: "mx.b.test".into(),
            domains: vec!["b.test".into()],
            data_dir: folder.path().into(),
            store: "memory:".into(),
            resolver: Resolver::Zone(zone),
            ..Config::default()
        };
        change(&mut config);
        let (service, store) = Service::new(config, Clock::system()).unwrap();
        let password = Zeroizing::new(PASSWORD.to_owned());
        let accounts = Accounts::new(store.clone());
        let added = accounts.add(ACCOUNT, &password, SystemTime::UNIX_EPOCH);
        added.await.unwrap();
        Self {
            service: Box::leak(Box::new(service)),
            store,
            stop: watch::channel(None).0,
            _folder: folder,
        }
    }
}
