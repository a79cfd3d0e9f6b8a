//! What the DNS and the policy host say of a mail domain.

use std::sync::Arc;
use std::time::Instant;

use mail_dns::{Failure, Name, NameError, Outcome, Record, RecordType};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use tls_policy::audit::{Cause, DomainFacts, Mx, MxName, PolicyBody, Seen};
use tls_policy::fetch::{CertificateFault, FetchError, Fetcher, LoopbackForTests};
use tls_policy::rustls::Profile;
use tls_policy::sts::{Discovery, Need};

use crate::dns::{Dns, unknown};
use crate::{dmarc, spf};

/// Who fetches the policy of MTA-STS, and from where.
#[derive(Debug)]
pub struct Policies {
    /// Whom the policy host's certificate has to be from.
    pub roots: Arc<RootCertStore>,
    /// For tests: only loopback is reached.
    pub loopback: Option<LoopbackForTests>,
    /// When a fetch has to be done.
    pub deadline: Instant,
}

/// The facts of a domain; what nobody could ask is "not examined".
pub async fn domain(dns: &Dns, name: &Name, policies: &Policies) -> DomainFacts {
    let mut facts = DomainFacts::default();
    let answer = dns.ask(name, RecordType::Mx).await;
    facts.dnssec = dns.dnssec(&answer).noting("of the answer about MX records");
    facts.mx_dnssec = dns.dnssec(&answer);
    facts.mx = match answer.outcome() {
        Outcome::Failure(why) => unknown(*why),
        Outcome::NxDomain => Seen::known(Mx::None).noting("no such domain"),
        Outcome::NoData => match dns.addresses(name).await {
            Ok(addresses) if addresses.is_empty() => Seen::known(Mx::None),
            Ok(_) => Seen::known(Mx::Implicit),
            Err(why) => unknown(why),
        },
        Outcome::Records(records) => Seen::known(mx(records)),
    };
    facts.sts_record = texts(dns, name, "_mta-sts").await;
    (facts.sts_policy, facts.sts_wildcard) = policy(dns, name, policies).await;
    facts.tlsrpt_record = texts(dns, name, "_smtp._tls").await;
    facts.spf = spf::published(dns, name).await;
    facts.dmarc = dmarc::published(dns, name).await;
    facts.dkim_node = match below(name, "_domainkey") {
        Err(_) => Seen::known(false).noting("the name would be too long"),
        Ok(node) => match dns.ask(&node, RecordType::Txt).await.outcome() {
            Outcome::Failure(why) => unknown(*why),
            Outcome::NxDomain => Seen::known(false).noting("no such name"),
            // RFC 8020: something is there, or below.
            Outcome::NoData | Outcome::Records(_) => Seen::known(true),
        },
    };
    facts
}

/// RFC 5321 §5.1, RFC 7505 §3.
fn mx(records: &[Record]) -> Mx {
    let mut hosts: Vec<MxName> = records
        .iter()
        .filter_map(|record| match record {
            Record::Mx(mx) if !mx.exchange.is_root() => {
                Some(MxName::new(mx.preference, mx.exchange.to_string()))
            }
            _ => None,
        })
        .collect();
    hosts.sort_by_key(|mx| mx.preference);
    match hosts.is_empty() {
        true => Mx::Null,
        false => Mx::Hosts(hosts),
    }
}

pub(crate) fn below(name: &Name, labels: &str) -> Result<Name, NameError> {
    name.prefixed(labels)
}

async fn texts(dns: &Dns, name: &Name, labels: &str) -> Seen<Vec<String>> {
    let Ok(name) = below(name, labels) else {
        return Seen::known(Vec::new()).noting("the name would be too long");
    };
    match dns.texts(&name).await {
        Ok(texts) => Seen::known(texts).noting(name.to_string()),
        Err(why) => unknown(why),
    }
}

/// RFC 8461 §3.3: the policy, and whether its host has it only by a wildcard.
async fn policy(dns: &Dns, name: &Name, policies: &Policies) -> (Seen<PolicyBody>, Seen<bool>) {
    let nobody = || (Seen::default(), Seen::default());
    let Ok(mut discovery) = Discovery::new(name) else {
        return nobody();
    };
    let Need::Dns(query) = discovery.need() else {
        return nobody();
    };
    let answer = dns.ask(&query.name.clone(), RecordType::Txt).await;
    discovery.dns(&answer);
    let Need::Http(request) = discovery.need() else {
        let none = || "no record that says that there is one";
        return (
            Seen::unknown(Cause::NotExamined).noting(none()),
            Seen::unknown(Cause::NotExamined).noting(none()),
        );
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let roots = Arc::clone(&policies.roots);
    let fetcher = Fetcher::new(dns.source(), Profile::Normal, provider, roots);
    let Ok(mut fetcher) = fetcher else {
        let none = "no authorities are known here";
        return (
            Seen::unknown(Cause::NotExamined).noting(none),
            Seen::unknown(Cause::NotExamined).noting(none),
        );
    };
    if let Some(loopback) = policies.loopback {
        fetcher = fetcher.reaching(loopback);
    }
    let strict = fetcher.clone().without_wildcards();
    let first = strict.policy(request, dns.now, policies.deadline).await;
    let (fetched, wildcard) = match first {
        Err(FetchError::Certificate(CertificateFault::Wildcard)) => {
            let again = fetcher.policy(request, dns.now, policies.deadline).await;
            (again, Seen::known(true))
        }
        Ok(response) => (Ok(response), Seen::known(false)),
        Err(why) => {
            let cause = cause(&why);
            (Err(why), Seen::unknown(cause))
        }
    };
    let body = match fetched {
        Ok(response) if response.status() == 200 => {
            let media = response.headers().get("content-type");
            let media = media.and_then(|value| value.to_str().ok());
            let media = media.unwrap_or_default().to_ascii_lowercase();
            let plain = media
                .split(';')
                .next()
                .is_some_and(|m| m.trim() == "text/plain");
            match plain {
                true => {
                    let text = String::from_utf8_lossy(response.body()).into_owned();
                    Seen::known(PolicyBody::Text(text))
                }
                false => Seen::known(PolicyBody::Refused("not text/plain".into())),
            }
        }
        Ok(response) => Seen::known(PolicyBody::Refused(format!("status {}", response.status()))),
        Err(why @ (FetchError::Certificate(_) | FetchError::TooLong)) => {
            Seen::known(PolicyBody::Refused(why.to_string()))
        }
        Err(why) => Seen::unknown(cause(&why)).noting(why.to_string()),
    };
    (body, wildcard)
}

fn cause(why: &FetchError) -> Cause {
    match why {
        FetchError::Timeout | FetchError::LookUp(Failure::Timeout) => Cause::TimeOut,
        FetchError::LookUp(_) => Cause::ServFail,
        FetchError::NoAddress | FetchError::NotGlobal(_) => Cause::Unreachable,
        FetchError::Connect(std::io::ErrorKind::ConnectionRefused) => Cause::Refused,
        FetchError::Connect(_) => Cause::Unreachable,
        _ => Cause::Disconnected,
    }
}
