//! One service: what is spoken before TLS, the probe's plan, chains, and for HTTPS a header field.

use std::sync::Arc;
use std::time::SystemTime;

use rustls_pki_types::{CertificateDer, ServerName};
use tls_policy::audit::{Cause, Chain, Offers, Protocol, Seen, ServiceFacts};
use tls_policy::probe::{Failure, Findings, Plan};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::chain::{Roots, Sight, Witness};
use crate::net::{Begun, Net, Target, failure};

/// What was found out about one service.
#[derive(Debug)]
pub struct Service {
    /// For the rules.
    pub facts: ServiceFacts,
    /// More than the rules ask for; nothing if there was no TLS to probe.
    pub findings: Option<Findings>,
}

/// Whole handshakes for one service: one for each signature scheme that it has, and one more.
const MAX_HANDSHAKES: usize = 8;

/// Octets of an answer that are read: a header section, or a greeting.
const MAX_ANSWER: usize = 32 * 1024;

/// Examines a service, with at most so many connections for the probe's plan and ten more.
pub async fn examine(
    net: &Net,
    target: &Target,
    budget: usize,
    roots: &Roots,
    now: SystemTime,
) -> Service {
    let mut facts = ServiceFacts::new(target.host.clone(), target.protocol);
    facts.port = target.address.port();
    if target.protocol.begins_in_the_clear() {
        match net.within(net.begin(target)).await {
            Ok(begun) => {
                facts.reachable = Seen::known(true);
                let offered = matches!(begun, Begun::Tls(_));
                facts.starttls = Seen::known(offered);
                if !offered {
                    return Service {
                        facts,
                        findings: None,
                    };
                }
            }
            Err(why) => {
                facts.reachable = Seen::unknown(why.cause()).noting(why.to_string());
                facts.starttls = Seen::unknown(why.cause()).noting(why.to_string());
                return Service {
                    facts,
                    findings: None,
                };
            }
        }
    }
    let mut plan = Plan::new(&target.host).with_budget(budget);
    while let Some(hello) = plan.next_hello() {
        let outcome = net.probe(target, hello).await;
        plan.answer(outcome);
    }
    let findings = plan.finish();
    facts.tls = findings.facts().clone();
    if !target.protocol.begins_in_the_clear() {
        let tls = &facts.tls;
        let versions = [&tls.ssl3, &tls.tls10, &tls.tls11, &tls.tls12, &tls.tls13];
        facts.reachable = match versions.iter().any(|version| version.get().is_some()) {
            true => Seen::known(true),
            false => {
                let cause = tls.tls12.cause().unwrap_or_default();
                Seen::unknown(cause).noting(tls.tls12.note())
            }
        };
    }
    let mut chains: Vec<Vec<CertificateDer<'static>>> = findings
        .chains()
        .iter()
        .map(|chain| chain.iter().cloned().map(CertificateDer::from).collect())
        .collect();
    whole(net, target, &mut facts, &mut chains).await;
    let judged: Vec<Chain> = chains
        .iter()
        .map(|chain| roots.judge(chain, &target.host, now))
        .collect();
    facts.chains = match judged.is_empty() {
        true => Seen::unknown(facts.tls.tls12.cause().unwrap_or(Cause::NotExamined)),
        false => Seen::known(judged),
    };
    Service {
        facts,
        findings: Some(findings),
    }
}

/// What is seen in whole handshakes of TLS 1.3: one for each signature scheme, until there is none.
async fn whole(
    net: &Net,
    target: &Target,
    facts: &mut ServiceFacts,
    chains: &mut Vec<Vec<CertificateDer<'static>>>,
) {
    let mut schemes = Witness::schemes();
    let (mut used, mut first): (Vec<u16>, Option<Sight>) = (Vec::new(), None);
    let mut end = Cause::NotExamined;
    for _ in 0..MAX_HANDSHAKES {
        if facts.tls.tls13.get() != Some(&true) || schemes.is_empty() {
            break;
        }
        let witness = Witness::new(schemes.clone());
        let answer = match net.within(handshake(net, target, &witness)).await {
            Ok(answer) => answer,
            Err(why) => {
                if first.is_none() {
                    end = why.cause();
                }
                break;
            }
        };
        let sight = witness.sight();
        let Some(scheme) = sight.scheme else { break };
        used.push(u16::from(scheme));
        schemes.retain(|other| *other != scheme);
        if target.protocol == Protocol::Https && first.is_none() {
            facts.hsts = hsts(&answer);
        }
        if !chains.contains(&sight.chain) {
            chains.push(sight.chain.clone());
        }
        first.get_or_insert(sight);
    }
    let Some(sight) = first else {
        if facts.tls.tls13.get() == Some(&true) {
            facts.tls.signatures13 = Seen::unknown(end);
        }
        return;
    };
    // rustls cannot offer all that there are, so that the list never is at its end.
    facts.tls.signatures13 = Seen::known(Offers::partly(used, Cause::NotExamined));
    facts.tls.early_data = match sight.early_data {
        Some(most) => Seen::known(most > 0).noting(format!("a ticket allows {most} octets")),
        None => Seen::known(false).noting("no ticket"),
    };
    if facts.tls.ocsp_stapled.get().is_none() {
        facts.tls.ocsp_stapled = Seen::known(sight.stapled).noting("TLS 1.3");
    }
}

/// One handshake, a harmless command, and the answer to it, before which tickets come.
async fn handshake(net: &Net, target: &Target, witness: &Arc<Witness>) -> Result<Vec<u8>, Failure> {
    let stream = match net.begin(target).await? {
        Begun::Tls(stream) => stream,
        Begun::Plain => return Err(Failure::Dialogue),
    };
    let config = witness.config().map_err(|_| Failure::Dialogue)?;
    let name = ServerName::try_from(target.host.clone()).map_err(|_| Failure::Dialogue)?;
    let connector = TlsConnector::from(Arc::new(config));
    let connected = connector.connect(name, stream).await;
    let mut stream = connected.map_err(|why| failure(&why))?;
    let command = match target.protocol {
        Protocol::Https => format!(
            "GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: tls-audit\r\nConnection: close\r\n\r\n",
            target.host
        ),
        Protocol::Imap | Protocol::Imaps => "c LOGOUT\r\n".into(),
        _ => "QUIT\r\n".into(),
    };
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    // A server that has said enough is not asked for more.
    if stream.write_all(command.as_bytes()).await.is_ok() {
        while answer.len() < MAX_ANSWER && !is_whole(target.protocol, &answer) {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => answer.extend(buffer.get(..count).unwrap_or_default()),
                _ => break,
            }
        }
    }
    Ok(answer)
}

fn is_whole(protocol: Protocol, answer: &[u8]) -> bool {
    let end: &[u8] = match protocol {
        Protocol::Https => b"\r\n\r\n",
        _ => b"\r\n",
    };
    answer.windows(end.len()).any(|window| window == end)
}

/// The first field of its name (RFC 6797 §8.1).
fn hsts(answer: &[u8]) -> Seen<Option<String>> {
    let head = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .and_then(|at| answer.get(..at));
    let Some(head) = head.filter(|head| head.starts_with(b"HTTP/1.")) else {
        return Seen::unknown(Cause::Disconnected).noting("no whole answer of HTTP/1.1");
    };
    let field = head
        .split(|octet| *octet == b'\n')
        .filter_map(|line| {
            let at = line.iter().position(|octet| *octet == b':')?;
            let (name, value) = line.split_at_checked(at)?;
            let value = value.get(1..)?.trim_ascii();
            name.eq_ignore_ascii_case(b"strict-transport-security")
                .then(|| String::from_utf8_lossy(value).into_owned())
        })
        .next();
    Seen::known(field).noting("GET /")
}
