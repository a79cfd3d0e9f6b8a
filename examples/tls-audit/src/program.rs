//! From a name to facts, and from facts to a report.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mail_dns::{AdStub, Cached, Name, ZoneFile};
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tls_policy::audit::Level;
use tls_policy::audit::{
    self, Date, DomainFacts, Facts, Mx, Protocol, Seen, ServiceFacts, Subject, Verdict,
};
use tls_policy::fetch::LoopbackForTests;

use crate::arguments::{Arguments, Asked};
use crate::chain::Roots;
use crate::dns::{Dns, Source, Validates, unknown};
use crate::domain::{Policies, domain};
use crate::host::{MAX_HOSTS, host, looked_up};
use crate::net::{Net, Target};
use crate::service::examine;

/// Why there is no report: a mistake of whoever asked, or a file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl std::error::Error for Error {}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long the DNS may take in all.
const DNS_TIME: Duration = Duration::from_secs(60);

/// What to print, and the exit status.
///
/// # Errors
/// [`Error`], which is status 2.
pub async fn run(
    arguments: &Arguments,
    now: SystemTime,
    instant: Instant,
) -> Result<(String, u8), Error> {
    let today = Date::of(now);
    let sets = arguments.rule_sets(today).map_err(Error)?;
    let facts = match &arguments.facts_from {
        Some(path) => facts_from(path)?,
        None => gather(arguments, now, instant).await?,
    };
    if arguments.facts {
        let text = serde_json::to_string_pretty(&facts).map_err(|why| Error(why.to_string()))?;
        return Ok((text + "\n", 0));
    }
    let report = audit::audit(&facts, &sets, today);
    let text = match arguments.json {
        true => format!("{:#}\n", report.to_json()),
        false => report.to_string(),
    };
    let required = report
        .rows
        .iter()
        .filter(|row| row.rule.level == Level::Must);
    let failed = required.clone().any(|row| row.verdict() == Verdict::NotMet);
    Ok((text, u8::from(failed)))
}

fn facts_from(path: &Path) -> Result<Facts, Error> {
    serde_json::from_slice(&read(path)?).map_err(|why| told(path, why))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|why| told(path, why))
}

fn told(path: &Path, why: impl std::fmt::Display) -> Error {
    Error(format!("{}: {why}", path.display()))
}

/// Asks whoever has to be asked.
///
/// # Errors
/// [`Error`]. That somebody does not answer is none.
pub async fn gather(
    arguments: &Arguments,
    now: SystemTime,
    instant: Instant,
) -> Result<Facts, Error> {
    let authorities = authorities(arguments)?;
    let roots = Roots::new(authorities.iter().cloned());
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(authorities);
    let dns = dns(arguments, now, instant).await?;
    let pause = Duration::from_millis(arguments.pause);
    let net = Net::new(Duration::from_secs(arguments.timeout), pause);
    let policies = Policies {
        roots: Arc::new(store),
        loopback: arguments.policy_port_on_loopback.map(LoopbackForTests::new),
        deadline: deadline(instant),
    };
    let subject = match arguments.own {
        Some(_) => Subject::Own,
        None => Subject::Remote,
    };
    let ask = Ask {
        arguments,
        net: &net,
        dns: &dns,
        roots: &roots,
        now,
    };
    let literal: Option<IpAddr> = arguments.name.parse().ok();
    let mut facts = match (literal, Name::from_unicode(&arguments.name)) {
        (Some(address), _) => {
            let mut facts = Facts::of_host(subject, arguments.name.clone());
            ask.services(&mut facts, &arguments.name, Ok(vec![address]))
                .await;
            facts
        }
        (None, Err(why)) => return Err(Error(format!("{}: {why}", arguments.name))),
        (None, Ok(name)) => {
            let about = domain(&dns, &name, &policies).await;
            match about.mx.get() {
                // A domain that takes no mail is one that says so.
                Some(Mx::Implicit | Mx::None) => ask.host(subject, &name).await,
                _ => ask.domain(subject, &name, about).await,
            }
        }
    };
    if let Some(path) = &arguments.own {
        let own = facts_from(path)?;
        (facts.own, facts.attestations) = (own.own, own.attestations);
    }
    Ok(facts)
}

fn deadline(instant: Instant) -> Instant {
    instant.checked_add(DNS_TIME).unwrap_or(instant)
}

fn authorities(arguments: &Arguments) -> Result<Vec<CertificateDer<'static>>, Error> {
    let Some(path) = &arguments.roots else {
        return Ok(rustls_native_certs::load_native_certs().certs);
    };
    let octets = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&octets).collect();
    certificates.map_err(|why| told(path, why))
}

async fn dns(arguments: &Arguments, now: SystemTime, instant: Instant) -> Result<Dns, Error> {
    let deadline = deadline(instant);
    if let Some(path) = &arguments.zone {
        let zone = ZoneFile::parse(&read(path)?).map_err(|why| told(path, why))?;
        let zone = zone.into_zone();
        // What stands in a file has no status but the one that somebody gives it.
        let (source, validates) = match arguments.zone_is_signed {
            true => (Source::Signed(zone), Validates::Yes),
            false => (Source::Zone(zone), Validates::No),
        };
        return Ok(Dns::new(source, validates, now, deadline));
    }
    let stub = AdStub::new(arguments.resolver).map_err(|why| Error(why.to_string()))?;
    let validates = match stub.is_validating(deadline).await {
        Ok(true) => Validates::Yes,
        Ok(false) | Err(_) => Validates::No,
    };
    let source = Source::Stub(Box::new(Cached::new(stub)));
    Ok(Dns::new(source, validates, now, deadline))
}

/// The hosts of the MX set, best first, or the domain itself.
fn mail_hosts(facts: &Facts, name: &Name) -> Vec<Name> {
    let mx = facts.domain.as_ref().and_then(|domain| domain.mx.get());
    match mx {
        Some(Mx::Hosts(hosts)) => {
            let names = hosts.iter().filter_map(|mx| mx.host.parse().ok());
            names.take(MAX_HOSTS).collect()
        }
        Some(Mx::Implicit) => vec![name.clone()],
        _ => Vec::new(),
    }
}

/// A service whose address nobody knows.
fn unasked(name: &str, asked: Asked, why: mail_dns::Failure) -> ServiceFacts {
    let mut service = ServiceFacts::new(name, asked.protocol);
    service.port = asked.port;
    service.reachable = unknown(why);
    service
}

struct Ask<'a> {
    arguments: &'a Arguments,
    net: &'a Net,
    dns: &'a Dns,
    roots: &'a Roots,
    now: SystemTime,
}

impl Ask<'_> {
    async fn host(&self, subject: Subject, name: &Name) -> Facts {
        let mut facts = Facts::of_host(subject, name.to_string());
        let addresses = self.dns.addresses(name).await;
        self.services(&mut facts, &name.to_string(), addresses)
            .await;
        facts
    }

    async fn domain(&self, subject: Subject, name: &Name, about: DomainFacts) -> Facts {
        let mut facts = Facts::of_domain(subject, name.to_string());
        facts.domain = Some(about);
        let found = looked_up(self.dns, name).await;
        for host_name in mail_hosts(&facts, name) {
            let dane = found.iter().find(|found| found.host == host_name);
            let asked = Asked {
                protocol: Protocol::Smtp,
                port: self.arguments.mx_port,
            };
            let service = match self.dns.addresses(&host_name).await {
                Ok(addresses) => {
                    let address = addresses.first().copied();
                    self.service(&host_name.to_string(), asked, address).await
                }
                Err(why) => unasked(&host_name.to_string(), asked, why),
            };
            let about = host(self.dns, &host_name, dane, &service.chains, self.now).await;
            facts.hosts.push(about);
            facts.services.push(service);
        }
        if !self.arguments.services.is_empty() {
            let addresses = self.dns.addresses(name).await;
            self.services(&mut facts, &name.to_string(), addresses)
                .await;
        }
        facts
    }

    async fn services(
        &self,
        facts: &mut Facts,
        name: &str,
        addresses: Result<Vec<IpAddr>, mail_dns::Failure>,
    ) {
        let every = Protocol::ALL.map(|protocol| Asked {
            protocol,
            port: protocol.port(),
        });
        let asked = match self.arguments.services.as_slice() {
            [] => every.as_slice(),
            some => some,
        };
        for asked in asked {
            let service = match &addresses {
                Ok(addresses) => self.service(name, *asked, addresses.first().copied()).await,
                Err(why) => unasked(name, *asked, *why),
            };
            facts.services.push(service);
        }
    }

    async fn service(&self, name: &str, asked: Asked, address: Option<IpAddr>) -> ServiceFacts {
        let Some(address) = self.arguments.address.or(address) else {
            let mut service = ServiceFacts::new(name, asked.protocol);
            service.port = asked.port;
            service.reachable =
                Seen::unknown(audit::Cause::Unreachable).noting("the host has no address");
            return service;
        };
        let target = Target {
            host: name.into(),
            protocol: asked.protocol,
            address: SocketAddr::new(address, asked.port),
        };
        let budget = self.arguments.budget;
        examine(self.net, &target, budget, self.roots, self.now)
            .await
            .facts
    }
}
