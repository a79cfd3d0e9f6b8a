//! What the DNS says of the MX hosts of a domain, and whether DANE fits what they show.

use std::time::SystemTime;

use dane_tlsa::{
    Class, Crypto, HostLookup, InsecureMx, Lookup, Matcher, Protocol, References, Tlsa, Walk,
};
use mail_dns::{Name, Outcome, Record, RecordType, Security};
use rustls_pki_types::CertificateDer;
use tls_policy::audit::{self, Cause, Chain, HostFacts, Seen};

use crate::dns::{Dns, unknown};

/// The MX hosts of a domain, best first, with what DANE says of each.
pub async fn hosts(dns: &Dns, domain: &Name) -> Vec<HostLookup> {
    let walk = Walk::mail(domain.clone()).with_insecure_mx(InsecureMx::Ask);
    walk.run(dns.source(), dns.now, dns.deadline).await.hosts
}

/// The facts of one of them. `chains` are what it showed on port 25, if it was asked.
pub async fn host(
    dns: &Dns,
    looked_up: &HostLookup,
    chains: &Seen<Vec<Chain>>,
    now: SystemTime,
) -> HostFacts {
    let mut facts = HostFacts::new(looked_up.host.to_string());
    let mut security: Option<Security> = None;
    for step in &looked_up.steps {
        let address = [RecordType::A, RecordType::Aaaa].contains(&step.query.record_type);
        if !address {
            continue;
        }
        match step.answer.outcome() {
            Outcome::Failure(why) => {
                facts.dnssec = unknown(*why);
                facts.addresses = unknown(*why);
            }
            _ => {
                let this = step.answer.security();
                security = Some(security.map_or(this, |other| other.weaker(this)));
            }
        }
    }
    if let Some(security) = security
        && facts
            .dnssec
            .cause()
            .is_none_or(|cause| cause == Cause::NotExamined)
    {
        facts.dnssec = dns.status(security);
        facts.addresses = Seen::known(looked_up.addresses.clone());
    }
    records(dns, looked_up, &mut facts).await;
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

/// The records at the host's TLSA base domain.
async fn records(dns: &Dns, looked_up: &HostLookup, facts: &mut HostFacts) {
    let base = looked_up.base.as_ref().unwrap_or(&looked_up.host);
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
