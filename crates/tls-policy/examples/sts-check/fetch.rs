//! What a sender finds, over the network.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mail_dns::{Hickory, Name};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use tls_policy::fetch::Fetcher;
use tls_policy::rustls::Profile;
use tls_policy::sts::{Discovery, Found, Policy, Trouble};

use crate::Wildcards;

/// What is said of the record and of the way to the policy, and the policy.
pub(crate) type Report = (Vec<(bool, String)>, Option<Policy>);

/// Asks the system's resolver, or another one, and trusts the system's authorities.
#[allow(clippy::disallowed_methods)] // a program has a clock
pub(crate) fn fetch(
    domain: &str,
    server: Option<&str>,
    wildcards: Wildcards,
) -> Result<Report, String> {
    let domain: Name = domain.parse().map_err(|why| format!("{domain}: {why}"))?;
    let server: Option<SocketAddr> = match server.map(str::parse).transpose() {
        Ok(server) => server,
        Err(_) => return Err("--dns wants ADDRESS:PORT".into()),
    };
    let resolver = match server {
        Some(server) => Hickory::with_servers(&[server]),
        None => Hickory::system(),
    };
    let resolver = resolver.map_err(|why| why.to_string())?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(default_provider());
    let fetcher = Fetcher::new(resolver, Profile::Normal, provider, Arc::new(roots));
    let fetcher = fetcher.map_err(|why| why.to_string())?;
    let fetcher = match wildcards {
        Wildcards::Refused => fetcher.without_wildcards(),
        Wildcards::Accepted => fetcher,
    };
    let Ok(discovery) = Discovery::new(&domain) else {
        return Err(format!("{domain}: no policy host can have this name"));
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| why.to_string())?;
    let (now, deadline) = (SystemTime::now(), Instant::now() + Duration::from_secs(90));
    let (found, error) = runtime.block_on(fetcher.run(discovery, now, deadline));
    let mut said = Vec::new();
    let policy = match found {
        Found::NoRecord(None) => {
            said.push((
                false,
                "record: none, or several; senders see no policy".into(),
            ));
            None
        }
        Found::NoRecord(Some(why)) => {
            said.push((false, format!("record: {why}; senders see no policy")));
            None
        }
        Found::Trouble { id, trouble } => {
            said.extend(id.map(|id| (true, format!("record: policy {id}"))));
            let why = match (trouble, error) {
                (Trouble::Fetch(_), Some(why)) => format!("{why} ({})", why.code()),
                (trouble, _) => trouble.to_string(),
            };
            said.push((false, format!("policy: {why}; senders see none")));
            None
        }
        Found::Policy { id, policy } => {
            said.push((true, format!("record: policy {id}")));
            Some(policy)
        }
        Found::Unchanged => None,
    };
    Ok((said, policy))
}
