//! An HTTPS client for [`Http`], for those who have none: feature `fetch`.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use breach_check::fetch::Fetcher;
//! use breach_check::ranges::{Base, Client};
//!
//! let mut roots = rustls::RootCertStore::empty(); // those that you trust
//! # let made = rcgen::generate_simple_self_signed(["ranges.example.org".to_owned()])?;
//! # roots.add(made.cert.der().clone())?;
//! let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
//! let fetcher = Fetcher::new(provider, Arc::new(roots))?;
//! let client = Client::new(fetcher, Base::new("https://ranges.example.org")?, "example-mail")?;
//! # drop(client);
//! # Ok(()) }
//! ```
//!
//! # What it does, and what it does not
//!
//! - Only `https:`, but to a server of your own on this machine ([`Fetcher::loopback_without_tls`]). TLS 1.2 or 1.3 by the
//!   provider and the roots that you give, or by your configuration; the certificate has to be valid.
//! - HTTP/2 or HTTP/1.1, as the server chooses (ALPN). Connections are kept and used again; what was sent over one that
//!   the server had closed meanwhile is sent once more over a new one.
//! - The request as it is, and `Host`: no other header field. No redirect is followed, nothing is decoded, no cookie, no
//!   proxy, no cache, nothing of the environment.
//! - [`End`](crate::End) says by what the end of the body was known. A stream that was reset, a chunk or octets that are
//!   missing, and a connection that broke are [faults](crate::HttpFault).
//!
//! | limit | default |
//! |---|---|
//! | from the look-up of the name to the last octet | [`Limits::time`]: 30 s |
//! | of the body | the caller's, for each request |
//! | status line and header fields | [`MAX_HEAD`]: 16 KiB, [`MAX_FIELDS`]: 100 |
//! | connections that are kept idle, for each server | [`Limits::idle`]: 64 |
//! | servers to which connections are kept | [`MAX_SERVERS`]: 16 |
//!
//! It wants a tokio runtime with I/O and time, in which it starts a task for each connection. A future that is dropped
//! ends its request.

mod exchange;
mod pool;
mod target;

use std::sync::Arc;
use std::time::Duration;

use ::rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};
use tokio::time::timeout;

use crate::{Answer, Http, HttpFault};
use exchange::Tried;
use pool::Pool;
use target::{Reach, Target};

/// Most octets of status line and header fields.
pub const MAX_HEAD: usize = 16 * 1024;

/// Most header fields.
pub const MAX_FIELDS: usize = 100;

/// Most servers to which connections are kept; those of others are closed after each request.
pub const MAX_SERVERS: usize = 16;

/// Bounds on what a server can take.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the look-up of the server's name to the last octet of the body. Default 30 s.
    pub time: Duration,
    /// Most connections that are kept idle, for each server. Default 64.
    pub idle: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let (time, idle) = (Duration::from_secs(30), 64);
        Self { time, idle }
    }
}

/// The provider has none of the protocol versions, or they do not fit together.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider of cryptography cannot speak TLS 1.2 and 1.3")]
pub struct Unfit;

/// The client. See the [module](self) for what it does and what it does not. To be made once and kept.
#[derive(Debug)]
pub struct Fetcher {
    reach: Reach,
    limits: Limits,
    pool: Pool,
}

impl Fetcher {
    /// A client that trusts these roots.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn new(provider: Arc<CryptoProvider>, roots: Arc<RootCertStore>) -> Result<Self, Unfit> {
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions();
        let config = config.map_err(|_| Unfit)?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Self::with_config(config))
    }

    /// A client with this configuration of TLS; but which protocols it speaks, it sets itself.
    #[must_use]
    pub fn with_config(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::reaching(Reach::Tls(Arc::new(config)))
    }

    /// Without TLS, HTTP/1.1, to `http:` and loopback addresses (127.0.0.0/8 and ::1, as numbers) **only**: for a server of
    /// your own on this machine, and for tests. Whatever is asked of another is [refused](HttpFault::Refused).
    #[must_use]
    pub fn loopback_without_tls() -> Self {
        Self::reaching(Reach::LoopbackWithoutTls)
    }

    fn reaching(reach: Reach) -> Self {
        let limits = Limits::default();
        let pool = Pool::default();
        Self {
            reach,
            limits,
            pool,
        }
    }

    /// With these limits.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    async fn exchange(
        &self,
        request: http::Request<()>,
        limit: usize,
    ) -> Result<Answer, HttpFault> {
        let target = Target::of(request.uri(), &self.reach)?;
        if request.headers().contains_key(http::header::HOST) {
            return Err(HttpFault::Refused);
        }
        let (line, is_used) = self.pool.line(&target, &self.reach).await?;
        let tried = line.exchange(&request, &target, limit).await;
        let tried = match tried {
            // RFC 9110 §9.2.2: "Idempotent methods are distinguished because the request can be repeated automatically".
            Tried::Lost if is_used && request.method().is_idempotent() => {
                let line = self.pool.fresh(&target, &self.reach).await?;
                line.exchange(&request, &target, limit).await
            }
            tried => tried,
        };
        match tried {
            Tried::Answered(answer, line) => {
                if let Some(line) = line {
                    self.pool.put(&target, line, self.limits.idle);
                }
                Ok(answer)
            }
            Tried::Lost => Err(HttpFault::Unreachable),
            Tried::Failed(fault) => Err(fault),
        }
    }
}

impl Http for Fetcher {
    async fn send(&self, request: http::Request<()>, limit: usize) -> Result<Answer, HttpFault> {
        let work = self.exchange(request, limit);
        match timeout(self.limits.time, work).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpFault::TimedOut),
        }
    }
}
