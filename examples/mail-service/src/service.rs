//! The service as a whole: its parts, its listeners, its end.

use crate::{
    accounts::Accounts,
    breach_alerts::{self, Alerts},
    clock::Clock,
    config::{Config, Limits, StoreError, Switch},
    directory::Directory,
    dns::{self, Dns},
    inbound::{self, Inbound},
    judge::{self, Judge},
    limits::{Share, Shares},
    log::{Causes, Network},
    login::{self, Logins},
    mailbox::{Mailboxes, Quota},
    openpgp::{self, OpenPgp},
    password, pop3,
    receipts::{self, Receipts},
    second_factor::{self, Notices},
    smtp::{self, command::Recipient, session::Lookup},
    tls,
    web::{self, Web},
    wire::GOODBYE,
};
use record_store::{AnyStore, Records, copy};
use std::{
    fmt,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};
use symmetric_seal::store::Links;
use tls_policy::{StoredMemory, rustls::Replaced, sts::StoredCache};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout},
};
use tracing::{Instrument, debug, debug_span, info, warn};

/// A running service. Dropping it stops accepting; [`shut_down`](Self::shut_down) does it well.
#[derive(Debug)]
pub struct Server {
    smtp: Vec<SocketAddr>,
    pop3s: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    http: Vec<SocketAddr>,
    service: Arc<Service>,
    stop: watch::Sender<Option<Instant>>,
    ended: mpsc::Receiver<()>,
    patience: Duration,
}

/// What connections share.
pub(crate) struct Service {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) tls: Arc<tls::ServerTls>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) mailboxes: Arc<Mailboxes>,
    pub(crate) inbound: Inbound,
    pub(crate) logins: Arc<Logins>,
    pub(crate) smtp_options: Arc<smtp::session::Options>,
    pub(crate) data_limits: smtp::data::Limits,
    /// Memory for the messages that are under way.
    pub(crate) room: Arc<Shares>,
    pub(crate) receipts: Arc<Receipts>,
    pub(crate) notices: Arc<Notices>,
    /// If a service of breaches is to be asked.
    pub(crate) breach_alerts: Option<Arc<Alerts>>,
    pub(crate) openpgp: Arc<OpenPgp>,
    /// Known once the port is, which links name.
    pub(crate) web: OnceLock<Arc<Web>>,
}

/// Why the service does not start.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder, or the store's file in it, cannot be made.
    #[error("cannot make {}", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store was opened, and then failed.
    #[error("the store cannot be read")]
    Read(#[from] record_store::Error),
    /// The store is not all of what it shall be.
    #[error("the store is an unfinished copy: run copy-store again")]
    Unfinished,
    /// No TLS.
    #[error("no TLS")]
    Tls(#[from] tls::Error),
    /// No DNS.
    #[error("no DNS")]
    Dns(#[from] dns::Error),
    /// A setting makes no sense.
    #[error("the configuration makes no sense")]
    Setting(#[from] inbound::Error),
    /// The hostname cannot stand in header fields.
    #[error("the hostname makes no sense")]
    Hostname(#[from] msg_validate::Error),
    /// No second opinion.
    #[error("no second opinion")]
    SecondOpinion(#[from] judge::SecondOpinionError),
    /// Threads for passwords could not be started.
    #[error("cannot start threads")]
    Threads(#[source] io::Error),
    /// No second factors.
    #[error("no second factors")]
    SecondFactor(#[source] second_factor::Error),
    /// No breach alerts.
    #[error("no breach alerts")]
    BreachAlerts(#[from] breach_alerts::Error),
    /// No rules for passwords.
    #[error("no rules for passwords")]
    Password(#[source] password::Error),
    /// No OpenPGP.
    #[error("no OpenPGP")]
    OpenPgp(#[from] openpgp::Error),
    /// No HTTPS site.
    #[error("no HTTPS")]
    Web(#[from] web::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] io::Error),
}

impl From<login::Error> for Error {
    fn from(error: login::Error) -> Self {
        match error {
            login::Error::Threads(error) => Self::Threads(error),
            login::Error::SecondFactor(error) => Self::SecondFactor(error),
            login::Error::Password(error) => Self::Password(error),
        }
    }
}

/// Whether the service is about to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<Option<Instant>>);

impl Stop {
    #[cfg(test)]
    pub(crate) fn of(stop: &watch::Sender<Option<Instant>>) -> Self {
        Self(stop.subscribe())
    }

    /// Returns when it is.
    pub(crate) async fn requested(&mut self) {
        // An error means that the server has been dropped.
        let _ = self.0.wait_for(Option::is_some).await;
    }

    /// When what is under way must have ended; none while nobody asks for it.
    pub(crate) fn end(&self) -> Option<Instant> {
        *self.0.borrow()
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    pub(crate) async fn new(config: Config, clock: Clock) -> Result<(Self, Arc<AnyStore>), Error> {
        let limits = &config.limits;
        config
            .prepare()
            .map_err(|error| Error::Folder(config.data_dir.clone(), error))?;
        let store = Arc::new(config.open_store()?);
        if copy::is_unfinished(&*store, clock.now()).await? {
            return Err(Error::Unfinished);
        }
        let accounts = Arc::new(Accounts::new(store.clone()));
        let mailboxes = Arc::new(Mailboxes::new(store.clone(), Quota::of(limits)));
        let dns = Dns::new(&config.resolver)?;
        let judge = Judge::new(dns, &config.hostname, limits.validation())?;
        let judge = match config.second_opinion {
            Switch::On => judge.with_second_opinion()?,
            Switch::Off => judge,
        };
        let openpgp = Arc::new(OpenPgp::new(&config, store.clone(), clock.clone())?);
        let inbound = Inbound::new(
            &config,
            mailboxes.clone(),
            judge,
            openpgp.clone(),
            clock.clone(),
        );
        let directory =
            Directory::new(&config, accounts.clone(), mailboxes.clone(), clock.clone())?;
        let mut smtp_options = smtp::session::Options::default();
        smtp_options.hostname.clone_from(&config.hostname);
        smtp_options.message_octets = limits.message_octets;
        smtp_options.recipients = limits.recipients;
        smtp_options.errors = limits.errors;
        smtp_options.secure.clone_from(directory.secure());
        let receipts = Receipts::new(
            &config,
            store.clone(),
            accounts.clone(),
            mailboxes.clone(),
            clock.clone(),
        );
        let logins = Arc::new(Logins::start(&config, store.clone(), clock.clone()).await?);
        let notices = Notices::new(
            &config,
            logins.clone(),
            accounts.clone(),
            mailboxes.clone(),
            clock.clone(),
        );
        let breach_alerts = breach_alerts::open(
            &config,
            store.clone(),
            accounts,
            mailboxes.clone(),
            clock.clone(),
        );
        let service = Self {
            receipts: Arc::new(receipts),
            notices: Arc::new(notices),
            breach_alerts: breach_alerts.await?.map(Arc::new),
            openpgp,
            tls: Arc::new(tls::ServerTls::load(&config, clock.now())?),
            directory: Arc::new(directory),
            mailboxes,
            inbound,
            logins,
            smtp_options: Arc::new(smtp_options),
            data_limits: smtp::data::Limits {
                message: limits.message_octets,
                line: limits.line_octets,
            },
            room: room(limits),
            web: OnceLock::new(),
            clock,
            config,
        };
        Ok((service, store))
    }
}

impl Service {
    /// The origin of the site, if there is one.
    pub(crate) fn site(&self) -> Option<String> {
        let first = self.config.listen.https.first()?.port();
        let port = self.web.get().map(|web| web.port());
        Some(
            self.config
                .origin_at(port.or(self.config.web.port).unwrap_or(first)),
        )
    }
}

/// One network gets a quarter, and the largest message a place. A buffer that grows by doubling may
/// be twice as large as what it holds.
fn room(limits: &Limits) -> Arc<Shares> {
    let one = limits.message_octets.saturating_mul(2);
    let all = limits.octets_in_flight.max(one);
    Shares::new(all, one.max(all / 4))
}

impl Server {
    /// Opens everything and listens.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn start(config: Config, clock: Clock) -> Result<Self, Error> {
        let (service, store) = Service::new(config, clock).await?;
        let service = Arc::new(service);
        let (stop, stopped) = watch::channel(None);
        let (alive, ended) = mpsc::channel(1);
        let mut server = Self {
            smtp: Vec::new(),
            pop3s: Vec::new(),
            https: Vec::new(),
            http: Vec::new(),
            service: service.clone(),
            stop,
            ended,
            patience: service.config.limits.shutdown(),
        };
        let shared = |protocol| {
            let limits = &service.config.limits;
            let connections = Shares::new(limits.connections, limits.connections_per_address);
            let stop = Stop(stopped.clone());
            (protocol, service.clone(), connections, stop, alive.clone())
        };
        let smtp = shared(Protocol::Smtp);
        for address in &service.config.listen.smtp {
            server.smtp.push(listen(*address, smtp.clone()).await?);
        }
        let pop3s = shared(Protocol::Pop3s);
        for address in &service.config.listen.pop3s {
            server.pop3s.push(listen(*address, pop3s.clone()).await?);
        }
        server.listen_web(&store, shared).await?;
        let domains = service.config.outbound.domains;
        let work = sweep(store, domains, service.clock.clone(), Stop(stopped.clone()));
        tokio::spawn(work);
        let told = second_factor::tell(
            service.notices.clone(),
            Stop(stopped.clone()),
            alive.clone(),
        );
        tokio::spawn(told);
        if let Some(alerts) = &service.breach_alerts {
            let stop = Stop(stopped.clone());
            tokio::spawn(breach_alerts::work(alerts.clone(), stop, alive.clone()));
        }
        let work = receipts::work(service.receipts.clone(), Stop(stopped.clone()), alive);
        tokio::spawn(work);
        tokio::spawn(renew(service.clone(), Stop(stopped.clone())));
        if service.directory.look_up(&Recipient::Postmaster, 0).await == Lookup::Unknown {
            warn!("nobody gets the mail for postmaster, which RFC 5321 §4.5.1 asks for");
        }
        Ok(server)
    }

    /// The SMTP addresses, with their real ports.
    pub fn smtp(&self) -> &[SocketAddr] {
        &self.smtp
    }

    /// The POP3S addresses, with their real ports.
    pub fn pop3s(&self) -> &[SocketAddr] {
        &self.pop3s
    }

    /// The HTTPS addresses, with their real ports.
    pub fn https(&self) -> &[SocketAddr] {
        &self.https
    }

    /// The addresses that lead to HTTPS, with their real ports.
    pub fn http(&self) -> &[SocketAddr] {
        &self.http
    }

    /// Who may log in.
    pub(crate) fn logins(&self) -> &Logins {
        &self.service.logins
    }

    /// Listens for the site, if there is one: first its addresses are taken, because links name a port.
    async fn listen_web(
        &mut self,
        store: &Arc<AnyStore>,
        shared: impl Fn(Protocol) -> Shared,
    ) -> Result<(), Error> {
        let service = self.service.clone();
        let mut bound = Vec::new();
        let listen = &service.config.listen;
        for (protocol, addresses, taken) in [
            (Protocol::Https, &listen.https, &mut self.https),
            (Protocol::Http, &listen.http, &mut self.http),
        ] {
            let shared = shared(protocol);
            for address in addresses {
                let (listener, address) = bind(*address).await?;
                taken.push(address);
                bound.push((listener, shared.clone()));
            }
        }
        let Some(first) = self.https.first() else {
            return Ok(());
        };
        let port = service.config.web.port.unwrap_or_else(|| first.port());
        let web = Web::new(&service, port, store.clone())?;
        // Nobody else sets it.
        let _ = service.web.set(Arc::new(web));
        for (listener, shared) in bound {
            tokio::spawn(accept(listener, shared));
        }
        Ok(())
    }

    /// Reads certificate and key again, as on SIGHUP: new connections get the new ones. What cannot
    /// be used changes nothing, and is logged.
    pub async fn reload_certificates(&self) {
        reload(&self.service).await;
    }

    /// Stops accepting, lets what is accepted come to its end, and returns then. What has not ended
    /// after `limits.shutdown_seconds` is broken off, which takes seconds: a client that has not
    /// got its 250 by then will send again.
    pub async fn shut_down(mut self) {
        info!("shutting down");
        let _ = self.stop.send(Some(Instant::now() + self.patience));
        let patience = self.patience + GOODBYE;
        if timeout(patience, self.ended.recv()).await.is_err() {
            warn!("some connections did not end in time");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Smtp,
    Pop3s,
    Https,
    /// Leads to HTTPS.
    Http,
}

type Shared = (Protocol, Arc<Service>, Arc<Shares>, Stop, mpsc::Sender<()>);

async fn listen(address: SocketAddr, shared: Shared) -> Result<SocketAddr, Error> {
    let (listener, address) = bind(address).await?;
    tokio::spawn(accept(listener, shared));
    Ok(address)
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |error| Error::Listen(address, error);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn accept(listener: TcpListener, shared: Shared) {
    let (protocol, service, connections, stop, alive) = shared;
    let mut stopped = stop.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped.requested() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, client) = match accepted {
            Ok((stream, client)) => (stream, client.ip().to_canonical()),
            Err(error) => {
                // No file descriptors left, most likely: some will be closed.
                warn!(%error, "cannot accept");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let mut counted = connections.share(client);
        if !counted.grow_to(1) {
            debug!(client = %Network(client), "too many connections");
            if protocol == Protocol::Smtp {
                turn_away(stream);
            }
            continue;
        }
        let span = debug_span!("connection", ?protocol, client = %Network(client));
        let work = serve(
            protocol,
            service.clone(),
            stream,
            client,
            stop.clone(),
            (counted, alive.clone()),
        );
        tokio::spawn(work.instrument(span));
    }
}

/// A fresh socket has room for a line. One that has not is closed without it.
fn turn_away(stream: TcpStream) {
    // RFC 2034 §4: a greeting has no enhanced code.
    let line = b"421 Too many connections\r\n";
    let told = stream.into_std().and_then(|mut s| s.write_all(line));
    if let Err(error) = told {
        debug!(%error, "turned away without a word");
    }
}

async fn serve(
    protocol: Protocol,
    service: Arc<Service>,
    stream: TcpStream,
    client: IpAddr,
    stop: Stop,
    _held: (Share, mpsc::Sender<()>),
) {
    let _ = stream.set_nodelay(true);
    let ended = match (protocol, service.web.get()) {
        (Protocol::Smtp, _) => smtp::server::serve(&service, stream, client, stop).await,
        (Protocol::Pop3s, _) => pop3::server::serve(&service, stream, client, stop).await,
        (Protocol::Https, Some(web)) => web::serve(web, stream, client, stop).await,
        (Protocol::Http, Some(web)) => web::serve_redirect(web, stream, stop).await,
        // It is set before anything of it is accepted.
        (Protocol::Https | Protocol::Http, None) => Ok(()),
    };
    if let Err(error) = ended {
        debug!(%error, "connection broke");
    }
}

/// Looks for new certificates every hour, and tells of those that near their end once a day.
async fn renew(service: Arc<Service>, mut stop: Stop) {
    for hour in 0_u64.. {
        if hour.is_multiple_of(24) {
            for expiring in service.tls.expiring(service.clock.now()) {
                let (severity, names) = (expiring.severity, expiring.names);
                warn!(?severity, ?names, "a certificate nears its end");
            }
        }
        tokio::select! {
            () = stop.requested() => return,
            () = sleep(Duration::from_secs(3600)) => reload(&service).await,
        }
    }
}

/// Files are read, which blocks.
async fn reload(service: &Arc<Service>) {
    let service = service.clone();
    let work = move || service.tls.reload(service.clock.now());
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(Replaced::Changed)) => info!("new certificates"),
        Ok(Ok(Replaced::Unchanged)) => {}
        Ok(Err(error)) => warn!(error = %Causes(&error), "the old certificates stay"),
        Err(error) => warn!(%error, "the old certificates stay"),
    }
}

/// Clears away what broken-off deliveries of large messages left behind, and what is remembered of
/// domains that nobody has written to for long; ends links whose time has come.
async fn sweep(store: Arc<AnyStore>, domains: u64, clock: Clock, mut stop: Stop) {
    let memory = StoredMemory::new(store.clone(), domains);
    let policies = StoredCache::new(store.clone(), domains);
    let links = Links::new(store.clone());
    loop {
        let more = match store.sweep(clock.now(), 1000).await {
            Ok(swept) => swept.more,
            Err(error) => {
                warn!(error = %Causes(&error), "sweep failed");
                false
            }
        };
        let more_links = match links.sweep(clock.now(), 1000).await {
            Ok(swept) => swept.more,
            Err(error) => {
                warn!(error = %Causes(&error), "sweep of links failed");
                false
            }
        };
        if more || more_links {
            continue;
        }
        let now = clock.now();
        for swept in [memory.sweep(now).await, policies.sweep(now).await] {
            if let Err(error) = swept {
                warn!(error = %Causes(&error), "sweep failed");
            }
        }
        tokio::select! {
            () = stop.requested() => return,
            () = sleep(Duration::from_secs(3600)) => {}
        }
    }
}
