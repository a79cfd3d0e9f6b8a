//! The adapter to hickory: the only module that names it.

use crate::{Answer, Failure, Mx, Name, Query, Record, RecordType, Resolver, Security, Txt, Zone};
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
    collections::HashSet,
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
/// - Aliases are followed up to [`Zone::MAX_ALIASES`], through as many answers as it takes.
/// - DNSSEC status is [`Security::Unknown`]: nobody checked.
/// - The deadline is kept even if every server is silent.
#[derive(Clone)]
pub struct Hickory {
    // Below hickory's `Resolver`, which has a clock and a cache of its own, makes up answers for
    // `localhost`, `invalid` and 127.0.0.0/8, and says "no data" of an endless chain of aliases.
    servers: RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>,
    request: DnsRequestOptions,
}

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
        let server = |address: &SocketAddr| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            let connections = connections.map(|mut connection| {
                connection.port = address.port();
                connection
            });
            NameServerConfig::new(address.ip(), true, connections.into())
        };
        Self::new(
            servers.iter().map(server).collect(),
            ResolverOpts::default(),
        )
    }

    fn new(servers: Vec<NameServerConfig>, options: ResolverOpts) -> Result<Self, HickoryError> {
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
        Ok(Self {
            servers: RetryDnsHandle::new(pool, attempts),
            request,
        })
    }

    async fn chase(&self, query: &Query) -> Answer {
        // RFC 7686 §2: "Resolvers MUST either respond […] or respond with NXDOMAIN": the name of a
        // hidden service is not to be told to a DNS server.
        if query.name.labels().last() == Some(b"onion") {
            return Answer::nx_domain(Security::Unknown, Duration::ZERO);
        }
        let mut chase = Chase {
            name: query.name.clone(),
            record_type: query.record_type,
            aliases: 0,
            ttl: Duration::MAX,
        };
        loop {
            let next = match self.ask(&chase.name, chase.record_type).await {
                Ok(response) => chase.follow(&response),
                Err(error) => Err(chase.ended(&error)),
            };
            if let Err(answer) = next {
                return answer;
            }
        }
    }

    async fn ask(&self, name: &Name, record_type: RecordType) -> Result<DnsResponse, NetError> {
        let mut absolute = rr::Name::from_labels(name.labels())?;
        absolute.set_fqdn(true);
        let query = op::Query::query(absolute, to_hickory(record_type));
        self.servers
            .lookup(query, self.request)
            .first_answer()
            .await
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

/// The way from the name that was asked for to the one that holds the records.
struct Chase {
    name: Name,
    record_type: RecordType,
    aliases: usize,
    /// The smallest on the way.
    ttl: Duration,
}

impl Chase {
    /// Goes as far as this response leads; `Ok` means that the name reached is to be asked next.
    fn follow(&mut self, response: &DnsResponse) -> Result<(), Answer> {
        let failure = |failure| Err(Answer::failure(failure));
        let gone = match response.response_code {
            ResponseCode::NoError => false,
            ResponseCode::NXDomain => true,
            _ => return failure(Failure::ServerFailure),
        };
        let mut moved = false;
        loop {
            let here: Vec<_> = response
                .answers
                .iter()
                .filter(|record| is_same(&record.name, &self.name))
                .collect();
            let mut records = Vec::new();
            for record in &here {
                if record.record_type() == to_hickory(self.record_type) {
                    let Some(known) = from_hickory(&record.data) else {
                        return failure(Failure::Malformed);
                    };
                    self.ttl = self.ttl.min(ttl(record.ttl));
                    records.push(known);
                }
            }
            if !records.is_empty() {
                // RFC 2181 §5: a set of records holds no record twice. To SPF and DMARC two records
                // are worse than one.
                let mut seen = HashSet::new();
                records.retain(|record| seen.insert(record.clone()));
                return Err(Answer::records(records, Security::Unknown, self.ttl));
            }
            let alias = here.iter().find_map(|record| match &record.data {
                rr::RData::CNAME(target) => Some((target, record.ttl)),
                _ => None,
            });
            let Some((target, alias_ttl)) = alias else {
                break;
            };
            self.aliases += 1;
            // RFC 1034 §3.6.2: "CNAME chains should be followed and CNAME loops signalled as an error"
            if self.aliases > Zone::MAX_ALIASES {
                return failure(Failure::ServerFailure);
            }
            let Some(target) = name_of(target) else {
                return failure(Failure::Malformed);
            };
            (self.name, self.ttl) = (target, self.ttl.min(ttl(alias_ttl)));
            moved = true;
        }
        let soa = response.negative_ttl();
        if !moved {
            // Neither of the name nor of an alias of it, yet an answer: of something else.
            failure(Failure::Malformed)
        } else if gone {
            // RFC 6604 §3: the response code belongs to the last name of the chain.
            Err(self.nothing(ResponseCode::NXDomain, soa))
        } else if soa.is_some() {
            // RFC 2308 §2.2: an SOA record tells "no data" from a chain that goes on elsewhere.
            Err(self.nothing(ResponseCode::NoError, soa))
        } else {
            Ok(())
        }
    }

    /// The answer where there is no response with records.
    fn ended(&self, error: &NetError) -> Answer {
        let failure = match error {
            // RFC 2308 §2.2: name servers without an SOA record are a referral: this server does
            // not ask others, and does not know.
            NetError::Dns(DnsError::NoRecordsFound(no))
                if no.response_code == ResponseCode::NoError
                    && no.soa.is_none()
                    && no.ns.is_some() =>
            {
                Failure::Refused
            }
            NetError::Dns(DnsError::NoRecordsFound(no)) => {
                return self.nothing(no.response_code, no.negative_ttl);
            }
            NetError::Dns(DnsError::ResponseCode(code)) => match code {
                ResponseCode::Refused
                | ResponseCode::NotImp
                | ResponseCode::NotAuth
                | ResponseCode::FormErr => Failure::Refused,
                _ => Failure::ServerFailure,
            },
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

    /// RFC 2308 §5: without an SOA record a negative answer is not to be kept.
    fn nothing(&self, code: ResponseCode, soa: Option<u32>) -> Answer {
        let ttl = self.ttl.min(ttl(soa.unwrap_or(0)));
        match code {
            ResponseCode::NXDomain => Answer::nx_domain(Security::Unknown, ttl),
            ResponseCode::NoError => Answer::no_data(Security::Unknown, ttl),
            _ => Answer::failure(Failure::ServerFailure),
        }
    }
}

/// RFC 2181 §8: a TTL with the highest bit set counts as zero.
fn ttl(seconds: u32) -> Duration {
    let seconds = i32::try_from(seconds).map_or(0, i32::unsigned_abs);
    Duration::from_secs(seconds.into())
}

fn name_of(name: &rr::Name) -> Option<Name> {
    Name::from_labels(name.iter()).ok()
}

fn is_same(theirs: &rr::Name, ours: &Name) -> bool {
    let same = |(a, b): (&[u8], &[u8])| a.eq_ignore_ascii_case(b);
    theirs.iter().len() == ours.labels().count() && theirs.iter().zip(ours.labels()).all(same)
}

fn to_hickory(record_type: RecordType) -> rr::RecordType {
    match record_type {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
        RecordType::Mx => rr::RecordType::MX,
        RecordType::Txt => rr::RecordType::TXT,
        RecordType::Ptr => rr::RecordType::PTR,
        RecordType::Cname => rr::RecordType::CNAME,
    }
}

fn from_hickory(data: &rr::RData) -> Option<Record> {
    Some(match data {
        rr::RData::A(address) => Record::A(address.0),
        rr::RData::AAAA(address) => Record::Aaaa(address.0),
        rr::RData::MX(mx) => Record::Mx(Mx {
            preference: mx.preference,
            exchange: name_of(&mx.exchange)?,
        }),
        rr::RData::TXT(txt) => Record::Txt(Txt::new(txt.txt_data.iter().map(|c| &**c))),
        rr::RData::PTR(host) => Record::Ptr(name_of(host)?),
        rr::RData::CNAME(target) => Record::Cname(name_of(target)?),
        _ => return None,
    })
}
