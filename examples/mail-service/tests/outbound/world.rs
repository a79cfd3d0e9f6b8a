//! Where a letter is sent.

use crate::peer::{Ca, Identity, Peer, Script};
use mail_dns::{Security, Zone};
use mail_service::{
    Address, Clock, Config,
    outbound::{Fate, Letter, Outbound, Report, Timeouts, Validating},
};
use record_store::AnyStore;
use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

pub(crate) const HOUR: u64 = 3600;
pub(crate) const BODY: &str = "From: alice@a.test\r\nSubject: s\r\n\r\nThe secret.\r\n";

/// The policy host: a server that speaks HTTPS.
pub(crate) struct PolicyHost {
    says: Arc<Mutex<Option<String>>>,
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for PolicyHost {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PolicyHost {
    async fn start(identity: &Identity) -> Self {
        let says = Arc::new(Mutex::new(None::<String>));
        let listener = TcpListener::bind((ip(200), 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (acceptor, policy) = (TlsAcceptor::from(identity.config()), Arc::clone(&says));
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                let (acceptor, policy) = (acceptor.clone(), policy.lock().unwrap().clone());
                // A client that leaves is the end of it.
                tokio::spawn(async move { answer(&acceptor, stream, policy).await.ok() });
            }
        });
        Self { says, port, task }
    }

    /// This policy from now on, or nothing.
    pub(crate) fn says(&self, policy: Option<&str>) {
        *self.says.lock().unwrap() = policy.map(str::to_owned);
    }
}

async fn answer(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    policy: Option<String>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(acceptor.accept(stream).await?);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let response = match policy {
        None => "HTTP/1.1 503 Not now\r\nContent-Length: 0\r\n\r\n".to_owned(),
        Some(policy) => format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{policy}",
            policy.len()
        ),
    };
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
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
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
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
            policy_host: PolicyHost::start(&ca.issue("mta-sts.b.test")).await,
            ca,
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
        let (store, port) = (Arc::clone(&self.store), self.policy_host.port);
        let resolver = Validating::Zone(zone);
        let outbound = Outbound::on_loopback(&self.config, store, clock, resolver, port).unwrap();
        let mut timeouts = Timeouts::default();
        timeouts.quit = Duration::from_millis(200);
        outbound.with_timeouts(timeouts)
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
    with_policy(zone, "1")
}

/// With an MTA-STS record of this identity.
pub(crate) fn with_policy(zone: Zone, id: &str) -> Zone {
    zone.txt("_mta-sts.b.test", &format!("v=STSv1; id={id};"))
        .and_then(|zone| zone.address("mta-sts.b.test", ip(200)))
        .unwrap()
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
