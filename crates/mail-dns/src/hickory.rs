//! The adapter to hickory that asks and does not validate. Only the modules whose names begin so
//! name it.

use crate::hickory_chase::{Chase, is_hidden, to_hickory};
use crate::{Answer, Failure, Name, Query, RecordType, Resolver, Security};
use hickory_resolver::{
    NameServerPool, PoolContext, TlsConfig,
    config::{ConnectionConfig, NameServerConfig, ResolverOpts},
    net::{
        DnsError, NetError,
        runtime::TokioRuntimeProvider,
        xfer::{DnsHandle, FirstAnswer, RetryDnsHandle},
    },
    proto::{
        op::{self, DnsRequestOptions, DnsResponse, ResponseCode},
        rr,
    },
    system_conf::read_system_conf,
};
use std::{
    error::Error,
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::time::timeout_at;

/// Asks recursive resolvers over UDP, and over TCP where an answer does not fit.
///
/// Needs a tokio runtime with I/O and time. Cloning is cheap, and clones share their connections;
/// equal questions that are under way at the same time go out once. It keeps no answers: put it
/// into [`Cached`](crate::Cached).
///
/// - Names are asked as they are: no search list, no `/etc/hosts`, no mDNS. Only what lies in
///   `onion` is never asked, as RFC 7686 §2 demands: it does not exist.
/// - Aliases are followed up to [`Zone::MAX_ALIASES`](crate::Zone::MAX_ALIASES), through as many answers
///   as it takes.
/// - DNSSEC status is [`Security::Unknown`]: nobody checked.
/// - The deadline is kept even if every server is silent.
#[derive(Clone)]
pub struct Hickory {
    // Below hickory's `Resolver`, which has a clock and a cache of its own, makes up answers for
    // `localhost`, `invalid` and 127.0.0.0/8, and says "no data" of an endless chain of aliases.
    servers: Servers,
    request: DnsRequestOptions,
}

/// Asks again where one is silent, and another one.
pub(crate) type Servers = RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>;

/// Why there is no resolver.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum HickoryError {
    /// The system's settings (on Unix `/etc/resolv.conf`) could not be read, or name no server.
    #[error("cannot read the system's resolver settings")]
    System(#[source] Box<dyn Error + Send + Sync>),
    /// No server was given.
    #[error("no DNS server given")]
    NoServers,
    /// TLS, which is set up although no server is asked by it, could not be.
    #[error("cannot set up TLS")]
    Tls(#[source] Box<dyn Error + Send + Sync>),
}

impl HickoryError {
    /// Whether a later try may help: the system's settings may be there by then.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::System(_))
    }
}

impl Hickory {
    /// Asks the servers in the system's settings, with their `timeout` and `attempts`.
    ///
    /// # Errors
    /// [`HickoryError`].
    pub fn system() -> Result<Self, HickoryError> {
        let (config, options) =
            read_system_conf().map_err(|error| HickoryError::System(error.into()))?;
        Self::new(config.name_servers, options)
    }

    /// Asks these servers.
    ///
    /// # Errors
    /// [`HickoryError`].
    pub fn with_servers(servers: &[SocketAddr]) -> Result<Self, HickoryError> {
        Self::new(at(servers), ResolverOpts::default())
    }

    fn new(servers: Vec<NameServerConfig>, options: ResolverOpts) -> Result<Self, HickoryError> {
        let (servers, request) = connect(servers, options)?;
        Ok(Self { servers, request })
    }

    async fn chase(&self, query: &Query) -> Answer {
        if is_hidden(&query.name) {
            return Answer::nx_domain(Security::Unknown, Duration::ZERO);
        }
        let mut chase = Chase::new(query);
        loop {
            let next = match ask(&self.servers, self.request, &chase.name, chase.record_type).await
            {
                Ok(response) => chase.follow(&response, |_| Some(Security::Unknown)),
                Err(error) => Err(ended(&chase, &error)),
            };
            if let Err(answer) = next {
                return answer;
            }
        }
    }
}

impl Resolver for Hickory {
    async fn resolve(&self, query: &Query, _now: SystemTime, deadline: Instant) -> Answer {
        let answer = timeout_at(deadline.into(), self.chase(query)).await;
        answer.unwrap_or_else(|_| Answer::failure(Failure::Timeout))
    }
}

impl fmt::Debug for Hickory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hickory")
    }
}

/// Trusts nobody. No server is asked over TLS, but if another crate turns hickory's TLS on, its
/// own set-up fails on a machine without a certificate store.
fn no_tls() -> Result<TlsConfig, HickoryError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HickoryError::Tls(error.into()))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(TlsConfig { config })
}

/// Servers at these addresses, over UDP and TCP.
pub(crate) fn at(addresses: &[SocketAddr]) -> Vec<NameServerConfig> {
    let server = |address: &SocketAddr| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        let connections = connections.map(|mut connection| {
            connection.port = address.port();
            connection
        });
        NameServerConfig::new(address.ip(), true, connections.into())
    };
    addresses.iter().map(server).collect()
}

pub(crate) fn connect(
    servers: Vec<NameServerConfig>,
    options: ResolverOpts,
) -> Result<(Servers, DnsRequestOptions), HickoryError> {
    if servers.is_empty() {
        return Err(HickoryError::NoServers);
    }
    // RFC 6891 §6.2.5: a DKIM key hardly fits into the 512 octets that go without.
    let mut request = DnsRequestOptions::default();
    request.use_edns = true;
    request.edns_payload_len = options.edns_payload_len;
    let attempts = options.attempts;
    let context = Arc::new(PoolContext::new(options, no_tls()?));
    let pool = NameServerPool::from_config(servers, context, TokioRuntimeProvider::default());
    Ok((RetryDnsHandle::new(pool, attempts), request))
}

pub(crate) async fn ask<H: DnsHandle>(
    servers: &H,
    request: DnsRequestOptions,
    name: &Name,
    record_type: RecordType,
) -> Result<DnsResponse, NetError> {
    let mut absolute = rr::Name::from_labels(name.labels())?;
    absolute.set_fqdn(true);
    let query = op::Query::query(absolute, to_hickory(record_type));
    servers.lookup(query, request).first_answer().await
}

/// The answer where there is no response with records.
pub(crate) fn ended(chase: &Chase, error: &NetError) -> Answer {
    let failure = match error {
        // RFC 2308 §2.2: name servers without an SOA record are a referral: this server does
        // not ask others, and does not know.
        NetError::Dns(DnsError::NoRecordsFound(no))
            if no.response_code == ResponseCode::NoError && no.soa.is_none() && no.ns.is_some() =>
        {
            Failure::Refused
        }
        NetError::Dns(DnsError::NoRecordsFound(no)) => {
            return chase.nothing(no.response_code, no.negative_ttl, Some(Security::Unknown));
        }
        NetError::Dns(DnsError::ResponseCode(code)) => Chase::refused(*code),
        NetError::Dns(_) => Failure::ServerFailure,
        NetError::Timeout => Failure::Timeout,
        NetError::Proto(_)
        | NetError::Truncated
        | NetError::QueryCaseMismatch
        | NetError::ForeignClassRecord { .. } => Failure::Malformed,
        _ => Failure::Network,
    };
    Answer::failure(failure)
}
