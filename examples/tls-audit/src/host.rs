//! What the DNS says of the MX hosts of a domain, and whether DANE fits what they show.

use std::net::IpAddr;
use std::time::SystemTime;

use dane_tlsa::{
    Class, Crypto, HostLookup, InsecureMx, Lookup, Matcher, Protocol, References, Tlsa, Walk,
};
use mail_dns::{Name, Outcome, Record, RecordType, Security};
use rustls_pki_types::CertificateDer;
use tls_policy::audit::{self, Cause, Chain, HostFacts, Seen};

use crate::dns::{Dns, unknown};

/// MX hosts that are looked at: those that are best. The others are not examined.
pub const MAX_HOSTS: usize = 10;

/// What DANE says of the MX hosts of a domain. Where the DNS is not validated, that is nothing.
pub async fn looked_up(dns: &Dns, domain: &Name) -> Vec<HostLookup> {
    let walk = Walk::mail(domain.clone()).with_insecure_mx(InsecureMx::Ask);
    walk.run(dns.source(), dns.now, dns.deadline).await.hosts
}

/// The facts of a host. `chains` are what it showed on port 25, if it was asked.
pub async fn host(
    dns: &Dns,
    name: &Name,
    looked_up: Option<&HostLookup>,
    chains: &Seen<Vec<Chain>>,
    now: SystemTime,
) -> HostFacts {
    let mut facts = HostFacts::new(name.to_string());
    addresses(dns, name, &mut facts).await;
    let base = looked_up.and_then(|found| found.base.as_ref());
    records(dns, base.unwrap_or(name), &mut facts).await;
    let Some(looked_up) = looked_up else {
        return facts;
    };
    if let Lookup::Secure(set) = &looked_up.lookup {
        facts.tlsa_matches = match (set.usable_for_smtp(), chains.get()) {
            (None, _) => Seen::known(false).noting("none of the records is usable"),
            (_, None) => Seen::unknown(chains.cause().unwrap_or_default()).noting(chains.note()),
            (Some(usable), Some(chains)) => match References::from_names(&looked_up.names) {
                Err(why) => Seen::unknown(Cause::NotExamined).noting(why.to_string()),
                Ok(names) => {
                    let matcher = Matcher::new(usable, names, Crypto::aws_lc_rs());
                    matches(&matcher, chains, now)
                }
            },
        };
    }
    facts
}

async fn addresses(dns: &Dns, name: &Name, facts: &mut HostFacts) {
    let (mut security, mut all) = (Security::Secure, Vec::new());
    for record_type in [RecordType::A, RecordType::Aaaa] {
        let answer = dns.ask(name, record_type).await;
        if let Outcome::Failure(why) = answer.outcome() {
            facts.dnssec = unknown(*why);
            facts.addresses = unknown(*why);
            return;
        }
        security = security.weaker(answer.security());
        all.extend(answer.iter().filter_map(|record| match record {
            Record::A(v4) => Some(IpAddr::V4(*v4)),
            Record::Aaaa(v6) => Some(IpAddr::V6(*v6)),
            _ => None,
        }));
    }
    facts.dnssec = dns.status(security);
    facts.addresses = Seen::known(all);
}

/// The records at a TLSA base domain.
async fn records(dns: &Dns, base: &Name, facts: &mut HostFacts) {
    let Ok(name) = base.prefixed("_25._tcp") else {
        return;
    };
    let answer = dns.ask(&name, RecordType::Tlsa).await;
    facts.tlsa_dnssec = dns.dnssec(&answer);
    if let Outcome::Failure(why) = answer.outcome() {
        facts.tlsa = unknown(*why);
        return;
    }
    let tlsa = |record: &Record| match record {
        Record::Tlsa(octets) => Some(record_of(octets)),
        _ => None,
    };
    facts.tlsa = Seen::known(answer.iter().filter_map(tlsa).collect()).noting(name.to_string());
    if matches!(answer.outcome(), Outcome::Records(_)) {
        let seconds = u32::try_from(answer.ttl().as_secs()).unwrap_or(u32::MAX);
        facts.tlsa_ttl = Seen::known(seconds).noting("as the resolver has it");
    }
}

/// One that is malformed has the numbers that it has, and is not usable.
fn record_of(octets: &[u8]) -> audit::Tlsa {
    let number = |at: usize| octets.get(at).copied().unwrap_or_default();
    let record = Tlsa::from_rdata(octets);
    let usable = record.is_ok_and(|record| record.usability(Protocol::Smtp).is_ok());
    audit::Tlsa::new(number(0), number(1), number(2), usable)
}

fn matches(matcher: &Matcher, chains: &[Chain], now: SystemTime) -> Seen<bool> {
    let mut last = Seen::unknown(Cause::NotExamined).noting("it showed no chain");
    for chain in chains {
        let mut certificates = chain
            .certificates
            .iter()
            .map(|der| CertificateDer::from(der.as_ref().to_vec()));
        let Some(end_entity) = certificates.next() else {
            continue;
        };
        let rest: Vec<_> = certificates.collect();
        let verdict = matcher.check(&end_entity, &rest, now);
        last = Seen::known(verdict.class() == Class::Match).noting(verdict.reason().code());
        // A sender may get any of them: the worst counts.
        if verdict.class() != Class::Match {
            break;
        }
    }
    last
}
