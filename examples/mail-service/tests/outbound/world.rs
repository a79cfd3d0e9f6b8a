//! Where a letter is sent.

use crate::peer::{Ca, Identity, Peer, Script};
use http::{Request, Response};
use mail_dns::{Security, Zone};
use mail_service::{
    Address, Clock, Config,
    outbound::{Fate, Fetch, Fetched, Letter, Outbound, Report, Timeouts, Validating},
};
use record_store::AnyStore;
use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tls_policy::sts::FetchFailure;

pub(crate) const HOUR: u64 = 3600;
pub(crate) const BODY: &str = "From: alice@a.test\r\nSubject: s\r\n\r\nThe secret.\r\n";

/// What the policy host of every domain answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct PolicyHost(Arc<Mutex<Option<String>>>);

impl PolicyHost {
    /// This policy from now on, or nothing.
    pub(crate) fn says(&self, policy: Option<&str>) {
        *self.0.lock().unwrap() = policy.map(str::to_owned);
    }
}

impl Fetch for PolicyHost {
    fn fetch<'a>(
        &'a self,
        _: &'a Request<()>,
    ) -> Pin<Box<dyn Future<Output = Fetched> + Send + 'a>> {
        let policy = self.0.lock().unwrap().clone();
        Box::pin(async move {
            let policy = policy.ok_or(FetchFailure::Network)?;
            let response = Response::builder().header("content-type", "text/plain");
            Ok(response.body(policy.into_bytes()).unwrap())
        })
    }
}

/// Everything but the zone.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) store: Arc<AnyStore>,
    now: Arc<Mutex<SystemTime>>,
    pub(crate) ca: Ca,
    pub(crate) policy_host: PolicyHost,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = Ca::new();
        let mut config = Self::config(folder.path(), free_port());
        std::fs::write(folder.path().join("ca.pem"), &ca.pem).unwrap();
        config.outbound.authorities = Some(folder.path().join("ca.pem"));
        change(&mut config);
        config.prepare().unwrap();
        Self {
            store: Arc::new(config.open_store().unwrap()),
            config,
            now: Arc::new(Mutex::new(UNIX_EPOCH + Duration::from_secs(1_800_000_000))),
            ca,
            policy_host: PolicyHost::default(),
            _folder: folder,
        }
    }

    pub(crate) fn config(folder: &Path, port: u16) -> Config {
        let mut config = Config::default();
        config.hostname = "mx.a.test".into();
        config.domains = vec!["a.test".into()];
        config.secure = [("secure.a.test".to_owned(), "a.test".to_owned())].into();
        config.data_dir = folder.join("data");
        config.outbound.port = port;
        config
    }

    /// A sender in this world, to whom the DNS says this.
    pub(crate) fn outbound(&self, zone: Zone) -> Outbound {
        let now = Arc::clone(&self.now);
        let clock = Clock::from_fn(move || *now.lock().unwrap());
        let fetch = Arc::new(self.policy_host.clone());
        let outbound = Outbound::new(&self.config, Arc::clone(&self.store), clock, fetch).unwrap();
        let mut timeouts = Timeouts::default();
        timeouts.quit = Duration::from_millis(200);
        outbound
            .with_resolver(Validating::Zone(zone))
            .with_timeouts(timeouts)
    }

    pub(crate) fn now(&self) -> SystemTime {
        *self.now.lock().unwrap()
    }

    pub(crate) fn pass(&self, hours: u64) {
        *self.now.lock().unwrap() += Duration::from_secs(hours * HOUR);
    }

    /// A server at the n-th address of this process.
    pub(crate) async fn peer(&self, n: u8, script: Script, identity: &Identity) -> Peer {
        Peer::at(ip(n), self.config.outbound.port, script, identity).await
    }

    /// `b.test`, whose mail exchangers are the first n addresses, best first.
    pub(crate) fn zone(&self, hosts: u8, security: Security) -> Zone {
        let mut zone = Zone::new().with_security(security);
        for n in 1..=hosts {
            let host = host(n);
            zone = zone.mx("b.test", u16::from(n) * 10, &host).unwrap();
            zone = zone.address(&host, ip(n)).unwrap();
        }
        zone
    }

    /// The TLSA record of the n-th host is of this certificate.
    pub(crate) fn tlsa(&self, zone: Zone, n: u8, identity: &Identity) -> Zone {
        let owner = format!("_{}._tcp.{}", self.config.outbound.port, host(n));
        zone.tlsa(&owner, &identity.tlsa()).unwrap()
    }
}

/// With an MTA-STS record.
pub(crate) fn with_sts(zone: Zone) -> Zone {
    zone.txt("_mta-sts.b.test", "v=STSv1; id=1;").unwrap()
}

pub(crate) const ENFORCE: &str = "version: STSv1\nmode: enforce\nmx: mx1.b.test\nmax_age: 604800\n";

pub(crate) fn host(n: u8) -> String {
    format!("mx{n}.b.test")
}

/// All of 127.0.0.0/8 is this machine; tests in other processes have other addresses.
pub(crate) fn ip(n: u8) -> IpAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high, low, n).into()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind((ip(1), 0)).unwrap();
    listener.local_addr().unwrap().port()
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn letter() -> Letter {
    letter_from("alice@a.test", BODY)
}

pub(crate) fn letter_from(from: &str, message: &str) -> Letter {
    Letter::new(
        Some(address(from)),
        vec![address("bob@b.test")],
        message.into(),
    )
    .unwrap()
}

/// Why the only recipient has it not: deferred or returned, status and code.
pub(crate) fn refused(report: &Report) -> (&'static str, &str, &str) {
    let (_, fate) = &report.fates[0];
    let kind = match fate {
        Fate::Delivered(reply) => panic!("delivered: {reply}"),
        Fate::Deferred(_) => "deferred",
        Fate::Bounced(_) => "returned",
    };
    let why = report.why().unwrap();
    (kind, &why.status, why.code)
}
