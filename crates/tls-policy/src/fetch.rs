//! An HTTPS client for MTA-STS policies (RFC 8461 §3.3) and TLS reports (RFC 8460 §5.4), and nothing
//! else: feature `fetch`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::{Arc, Mutex};
//! use std::time::{Instant, SystemTime};
//! use mail_dns::{Name, Resolver};
//! use tls_policy::fetch::Fetcher;
//! use tls_policy::rustls::Profile;
//! use tls_policy::sts::{Cache, Found, NoPolicyHost};
//!
//! async fn find(
//!     fetcher: &Fetcher<impl Resolver>,
//!     cache: &Mutex<Cache>,
//!     domain: &Name,
//!     (now, deadline, random): (SystemTime, Instant, u64),
//! ) -> Result<Found, NoPolicyHost> {
//!     let looked_up = fetcher.find(cache, domain, now, deadline, random).await?;
//!     if let Some(why) = &looked_up.error {
//!         eprintln!("{}: {why}", why.code()); // and count it: why.result_type()
//!     }
//!     Ok(looked_up.found) // for Cache::fact
//! }
//!
//! # let made = rcgen::generate_simple_self_signed(["mta-sts.example.org".to_owned()])?;
//! # let resolver = mail_dns::Zone::new();
//! let mut roots = rustls::RootCertStore::empty(); // those that you trust
//! # roots.add(made.cert.der().clone())?;
//! let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
//! let fetcher = Fetcher::new(resolver, Profile::Normal, provider, Arc::new(roots))?;
//! # let cache = Mutex::new(Cache::new(1));
//! # let domain = "example.org".parse()?;
//! # let (now, deadline) = (SystemTime::UNIX_EPOCH, Instant::now());
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # let found = runtime.block_on(find(&fetcher, &cache, &domain, (now, deadline, 0)))?;
//! # assert_eq!(found, Found::NoRecord(None));
//! # Ok(()) }
//! ```
//!
//! # What it does, and what it does not
//!
//! The host is a stranger's, and the fetcher runs inside your network. So:
//!
//! - Only `https:`, only port 443, only hosts with a name, no credentials in the URI.
//! - The addresses are looked up once, through your resolver, and a connection is made to exactly one
//!   of those that came: what the DNS says a moment later changes nothing. Only
//!   [global](is_global) addresses count; a private one beside them is passed over.
//! - The certificate has to be valid at `now` for the host, by roots that you give, and the connection
//!   is what the [`Profile`] allows. No session is resumed. Revocation is not looked for.
//! - HTTP/1.1, one request to a connection. No redirect is followed: it is an answer, and not 200. No
//!   proxy, no cache, no cookies, nothing of the environment; of header fields only `Host`,
//!   `User-Agent`, `Accept-Encoding: identity`, `Connection: close` and, with a report, its
//!   `Content-Type` and length. A body with a content coding is refused.
//! - [`FetchFailure::TIME`] from the look-up to the last octet, and not beyond your deadline.
//!
//! | limit | |
//! |---|---|
//! | body of a policy | [`MAX_POLICY`](crate::sts::MAX_POLICY): 64 KiB; the octet after that is the last that is read, give or take a buffer of [`MAX_HEAD`] |
//! | status line and header fields | [`MAX_HEAD`]: 16 KiB, [`MAX_FIELDS`]: 100 |
//! | all that comes over a connection | [`MAX_OCTETS`]: 1 MiB, with handshake, interim answers and framing |
//! | addresses that are tried | [`MAX_ADDRESSES`]: 4, each for [`CONNECT_SECONDS`]: 10 |
//!
//! What stays your job: how many fetches run at once; a resolver that is not the stranger's; and a
//! firewall, if hosts of your own have global addresses that strangers must not make you talk to.
//! Behind NAT64 only hosts with addresses of IPv6 are reached, because those of NAT64 hide ones of
//! IPv4.
//!
//! [`Profile`]: crate::rustls::Profile

mod address;
mod error;
mod exchange;
mod front;
mod meter;
mod target;

pub use address::{LoopbackForTests, MAX_ADDRESSES, is_global};
pub use error::{CertificateFault, FetchError, RequestFault};
pub use front::LookedUp;

use crate::rustls::{Lacking, Profile, client, clients, x509::View};
use crate::sts::FetchFailure;
use ::rustls::{
    ClientConfig, RootCertStore, client::Resumption, crypto::CryptoProvider, pki_types::UnixTime,
    time_provider::TimeProvider,
};
use address::Reach;
use exchange::{Line, Sent};
use futures_util::future::join;
use http::{HeaderMap, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use mail_dns::{Query, RecordType, Resolver};
use std::{
    io::ErrorKind,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use target::Target;
use tokio::{
    net::TcpStream,
    time::{timeout, timeout_at},
};

/// Most octets of status line and header fields.
pub const MAX_HEAD: usize = 16 * 1024;

/// Most header fields.
pub const MAX_FIELDS: usize = 100;

/// Most octets that come over a connection, TLS and all.
pub const MAX_OCTETS: usize = 1024 * 1024;

/// Seconds that one address has to accept the connection.
pub const CONNECT_SECONDS: u64 = 10;

/// The client. See the [module](self) for what it does and what it does not.
///
/// It wants a tokio runtime with I/O and time. To be made once and kept.
#[derive(Clone, Debug)]
pub struct Fetcher<R> {
    resolver: R,
    config: ClientConfig,
    wildcards: Wildcards,
    reach: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wildcards {
    Accepted,
    Refused,
}

impl<R> Fetcher<R> {
    /// A client that asks this resolver, speaks what the profile allows, and trusts these roots.
    ///
    /// # Errors
    /// The provider lacks what the profile wants, or there is no root.
    pub fn new(
        resolver: R,
        profile: Profile,
        provider: Arc<CryptoProvider>,
        roots: Arc<RootCertStore>,
    ) -> Result<Self, Lacking> {
        let verifier = clients::webpki(Arc::clone(&provider), roots)?;
        let sessions = Resumption::disabled();
        let mut config = client::config(profile, &provider, verifier, sessions)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            resolver,
            config,
            wildcards: Wildcards::Accepted,
            reach: Reach::Global,
        })
    }

    /// Refuses certificates that have a name with a wildcard, as BSI TR-03108 (2.0, 08-R) recommends,
    /// other than RFC 8461 §3.3 has it. Many policy hosts have such a certificate.
    #[must_use]
    pub fn without_wildcards(self) -> Self {
        let wildcards = Wildcards::Refused;
        Self { wildcards, ..self }
    }

    /// For tests: only loopback addresses are reached, at another port.
    #[must_use]
    pub fn reaching(self, loopback: LoopbackForTests) -> Self {
        let reach = Reach::Loopback(loopback);
        Self { reach, ..self }
    }
}

impl<R: Resolver> Fetcher<R> {
    /// Fetches what a [`Discovery`](crate::sts::Discovery) [needs](crate::sts::Need::Http). Whether
    /// the answer is a policy is the discovery's to say; of answers with another status than 200 the
    /// body is not read, and empty here.
    ///
    /// `now` is the time at which the certificate has to be valid.
    ///
    /// # Errors
    /// As [`FetchError`].
    pub async fn policy(
        &self,
        request: &Request<()>,
        now: SystemTime,
        deadline: Instant,
    ) -> Result<Response<Vec<u8>>, FetchError> {
        if request.method() != Method::GET {
            return Err(RequestFault::Method.into());
        }
        only(request.headers(), None)?;
        let target = Target::of(request.uri())?;
        self.exchange(&target, Sent::Get, now, deadline).await
    }

    /// Takes a report to its [`Destination`](crate::tlsrpt::Destination), as
    /// [`post`](crate::tlsrpt::post) made it. What the status means says
    /// [`posted`](crate::tlsrpt::posted), and what an error means [`FetchError::tried`]. The body of
    /// the answer is not read. The certificate has to be valid (RFC 8460 §3 would allow to deliver
    /// regardless).
    ///
    /// # Errors
    /// As [`FetchError`].
    pub async fn post(
        &self,
        request: Request<Vec<u8>>,
        now: SystemTime,
        deadline: Instant,
    ) -> Result<StatusCode, FetchError> {
        if request.method() != Method::POST {
            return Err(RequestFault::Method.into());
        }
        only(request.headers(), Some(CONTENT_TYPE.as_str()))?;
        let target = Target::of(request.uri())?;
        let media_type = request.headers().get(CONTENT_TYPE).cloned();
        let body = request.into_body();
        let sent = Sent::Post { media_type, body };
        let answer = self.exchange(&target, sent, now, deadline).await?;
        Ok(answer.status())
    }

    async fn exchange(
        &self,
        target: &Target,
        sent: Sent,
        now: SystemTime,
        deadline: Instant,
    ) -> Result<Response<Vec<u8>>, FetchError> {
        let work = async {
            let addresses = self.addresses(target, now, deadline).await?;
            let stream = connect(&addresses).await?;
            let line = Line::secure(stream, self.config_at(now), target).await?;
            if self.wildcards == Wildcards::Refused && has_wildcard(&line) {
                return Err(FetchError::Certificate(CertificateFault::Wildcard));
            }
            line.exchange(target, sent).await
        };
        let limited = timeout(FetchFailure::TIME, work);
        match timeout_at(deadline.into(), limited).await {
            Ok(Ok(answer)) => answer,
            _ => Err(FetchError::Timeout),
        }
    }

    /// Both questions at once, and each once.
    async fn addresses(
        &self,
        target: &Target,
        now: SystemTime,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>, FetchError> {
        let [v6, v4] = [RecordType::Aaaa, RecordType::A]
            .map(|record_type| Query::new(target.name.clone(), record_type));
        let ask = |query| self.resolver.resolve(query, now, deadline);
        let (v6, v4) = join(ask(&v6), ask(&v4)).await;
        address::choose(&v6, &v4, self.reach)
    }

    fn config_at(&self, now: SystemTime) -> Arc<ClientConfig> {
        let mut config = self.config.clone();
        config.time_provider = Arc::new(At(now));
        Arc::new(config)
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, FetchError> {
    let mut why = ErrorKind::AddrNotAvailable;
    for address in addresses {
        let limit = Duration::from_secs(CONNECT_SECONDS);
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => why = error.kind(),
            Err(_) => why = ErrorKind::TimedOut,
        }
    }
    Err(FetchError::Connect(why))
}

/// What cannot be read has no names without wildcards.
fn has_wildcard(line: &Line) -> bool {
    let names = line.certificate().and_then(|own| View::read(own)?.names());
    !names.is_some_and(|names| names.iter().all(|name| !name.contains('*')))
}

/// No field but this one.
fn only(fields: &HeaderMap, field: Option<&str>) -> Result<(), RequestFault> {
    match fields.keys().all(|name| Some(name.as_str()) == field) {
        true => Ok(()),
        false => Err(RequestFault::Field),
    }
}

/// The time at which certificates have to be valid.
#[derive(Debug)]
struct At(SystemTime);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        let since = self.0.duration_since(UNIX_EPOCH).ok()?;
        Some(UnixTime::since_unix_epoch(since))
    }
}
