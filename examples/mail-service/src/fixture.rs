//! A service for tests, without sockets and without a disk to wait for.

use crate::{Accounts, Chosen, Clock, Config, Resolver, service::Service};
use breach_check::{
    HashKind, PasswordHash,
    corpus::{Builder, Size},
};
use record_store::AnyStore;
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
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
        Self::at(Clock::system(), change).await
    }

    /// At the time of this clock.
    pub(crate) async fn at(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
        let fixture = Self::beside(clock, change).await;
        let password = Chosen::unchecked(PASSWORD);
        let accounts = Accounts::new(fixture.store.clone());
        let added = accounts.add(ACCOUNT, &password, SystemTime::UNIX_EPOCH);
        added.await.unwrap();
        fixture
    }

    /// Another node of a store that has the account.
    pub(crate) async fn beside(clock: Clock, change: impl FnOnce(&mut Config)) -> Self {
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
        let (service, store) = Service::new(config, clock).await.unwrap();
        Self {
            service: Box::leak(Box::new(service)),
            store,
            stop: watch::channel(None).0,
            _folder: folder,
        }
    }
}

/// Writes a corpus in which these passwords are, so often; of the ranges of those others nothing is known.
pub(crate) fn corpus(path: &Path, seen: &[(&str, u64)], unknown: &[&str]) {
    let (kind, size) = (HashKind::Sha1, Size::Pages(2));
    let mut seen: Vec<_> = seen
        .iter()
        .map(|(word, count)| (PasswordHash::sha1(word), *count))
        .collect();
    seen.sort_by_key(|(hash, _)| hash.octets().to_vec());
    let mut gaps: Vec<_> = unknown
        .iter()
        .map(|word| PasswordHash::sha1(word).range())
        .collect();
    gaps.sort();
    let mut builder = Builder::create(path, kind, 32, size, SystemTime::UNIX_EPOCH).unwrap();
    for gap in gaps {
        let before = seen.partition_point(|(hash, _)| hash.range() < gap);
        for (hash, count) in seen.drain(..before) {
            builder.push(&hash, count).unwrap();
        }
        builder.gap(gap).unwrap();
    }
    for (hash, count) in &seen {
        builder.push(hash, *count).unwrap();
    }
    builder.finish().unwrap();
}

/// A clock that stands until it is moved.
#[derive(Clone)]
pub(crate) struct Time(Arc<Mutex<SystemTime>>);

impl Time {
    pub(crate) fn new() -> Self {
        let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Self(Arc::new(Mutex::new(begin)))
    }

    pub(crate) fn clock(&self) -> Clock {
        let time = self.clone();
        Clock::from_fn(move || time.now())
    }

    pub(crate) fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    pub(crate) fn later(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

/// An account with an app for codes, as its user has it.
pub(crate) struct Enrolled {
    otp: twofactor::otp::Otp,
    pub(crate) recovery: Vec<Zeroizing<String>>,
    /// For POP3.
    pub(crate) app: Zeroizing<String>,
}

impl Enrolled {
    pub(crate) async fn new(fixture: &Fixture, time: &Time) -> Self {
        use twofactor::{Confirmed, NewAppPassword, Scope, otp};
        let factors = fixture.service.logins.two_factor();
        let user = crate::second_factor::user_of(ACCOUNT).unwrap();
        let label = otp::Label::new(ACCOUNT).unwrap();
        let enrolment = factors.enrol(&user, &label, otp::Parameters::default(), time.now());
        let enrolment = enrolment.await.unwrap();
        let otp = otp::parse_uri(&enrolment.uri()).unwrap().otp;
        let first = NewAppPassword {
            name: "Post",
            scopes: Scope::Pop3.into(),
        };
        // The code of the step before, so that the one of now is still good.
        let code = otp.code_at(otp.step_at(time.now()) - 1).expose().to_owned();
        let id = enrolment.id();
        let confirmed = factors.confirm(&user, &id, &code, Some(first), time.now());
        let Confirmed::On(on) = confirmed.await.unwrap() else {
            panic!("refused")
        };
        Self {
            otp,
            recovery: on
                .recovery
                .unwrap()
                .iter()
                .map(|code| code.text())
                .collect(),
            app: on.app_password.unwrap().text(),
        }
    }

    /// The code of this moment.
    pub(crate) fn code(&self, now: SystemTime) -> String {
        self.otp.code_at(self.otp.step_at(now)).expose().to_owned()
    }
}
