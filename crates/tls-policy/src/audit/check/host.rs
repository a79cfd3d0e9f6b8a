//! MX hosts and name servers: signatures, TLSA, CAA, IPv6, the RPKI.

use super::{
    Case, Hosts, Reach, Tlsas, Zone,
    case::{Judged, settle},
    services::{contradiction, wanted},
};
use crate::audit::{
    Dnssec, Finding, HostFacts, Published, Reason, Seen, Tlsa, Verdict, facts::Roa,
};
use std::net::IpAddr;

pub(super) fn dnssec(case: &Case<'_>, zone: Zone) -> Vec<Finding> {
    match zone {
        Zone::Domain => case.domain(|domain, place| secure(place, &domain.dnssec)),
        Zone::MxSet => case.domain(|domain, place| secure(place, &domain.mx_dnssec)),
        Zone::MxHosts => case.each_host(|host, place| secure(place, &host.dnssec)),
    }
}

fn secure(place: &str, seen: &Seen<Dnssec>) -> Judged {
    Ok(match Finding::need(place, seen)? {
        Dnssec::Secure => Finding::met(place, Reason::AsRequired, seen.note()),
        Dnssec::Insecure => Finding::not_met(place, Reason::DnssecInsecure, seen.note()),
        Dnssec::Bogus => Finding::not_met(place, Reason::DnssecBogus, seen.note()),
    })
}

pub(super) fn tlsa(case: &Case<'_>, rule: Tlsas) -> Vec<Finding> {
    case.each_host(|host, place| records(host, place, rule))
}

fn records(host: &HostFacts, place: &str, rule: Tlsas) -> Judged {
    let records = Finding::need(place, &host.tlsa)?;
    let of = |usage: u8| {
        let usable = records.iter().filter(|record| record.usable);
        usable.filter(|record| record.usage == usage).count()
    };
    let text = |record: &Tlsa| {
        let (usage, selector, matching) = (record.usage, record.selector, record.matching);
        format!("{usage} {selector} {matching}")
    };
    let shown = records.iter().take(6).map(text).collect::<Vec<_>>();
    let shown = shown.join(", ");
    if records.is_empty() {
        return match rule {
            Tlsas::Usable => Ok(Finding::not_met(place, Reason::Absent, host.tlsa.note())),
            _ => Err(Finding::not_applicable(place, Reason::NoSuch)),
        };
    }
    let either = |good: bool, reason: Reason| match good {
        true => Finding::met(place, Reason::AsRequired, &shown),
        false => Finding::not_met(place, reason, &shown),
    };
    match rule {
        Tlsas::Usable => match Finding::need(place, &host.tlsa_dnssec)? {
            Dnssec::Insecure => Ok(Finding::not_met(place, Reason::TlsaUnsigned, &shown)),
            Dnssec::Bogus => Ok(Finding::not_met(place, Reason::DnssecBogus, &shown)),
            Dnssec::Secure => {
                let usable = records.iter().any(|record| record.usable);
                Ok(either(usable, Reason::TlsaUnusable))
            }
        },
        Tlsas::Matching => {
            let matches = *Finding::need(place, &host.tlsa_matches)?;
            Ok(either(matches, Reason::TlsaMismatch))
        }
        Tlsas::Usages => {
            let legal = records.iter().all(|record| matches!(record.usage, 2 | 3));
            Ok(either(legal, Reason::Kind))
        }
        Tlsas::Rollover => {
            let ready = of(3) >= 2 || (of(3) >= 1 && of(2) >= 1);
            Ok(either(ready, Reason::Missing))
        }
        Tlsas::EndEntityAndAuthority => Ok(either(of(3) >= 1 && of(2) >= 1, Reason::Missing)),
        Tlsas::Ttl { least, most } => {
            let ttl = *Finding::need(place, &host.tlsa_ttl)?;
            let evidence = format!("{ttl} s");
            Ok(match ttl {
                ttl if ttl > most => Finding::not_met(place, Reason::TooLong, &evidence),
                ttl if ttl < least => Finding::not_met(place, Reason::TooShort, &evidence),
                _ => Finding::met(place, Reason::AsRequired, &evidence),
            })
        }
    }
}

pub(super) fn caa(case: &Case<'_>) -> Vec<Finding> {
    case.each_host(|host, place| {
        Ok(match Finding::need(place, &host.caa)? {
            Published::Absent => Finding::not_met(place, Reason::Absent, host.caa.note()),
            Published::Broken(why) => Finding::not_met(place, Reason::Broken, why),
            Published::Valid(records) => {
                let issue = records
                    .iter()
                    .find(|caa| caa.tag.eq_ignore_ascii_case("issue"));
                match issue {
                    Some(issue) => Finding::met(place, Reason::AsRequired, &issue.value),
                    None => Finding::not_met(place, Reason::Missing, "no issue tag"),
                }
            }
        })
    })
}

pub(super) fn reach(case: &Case<'_>, hosts: Hosts, rule: Reach) -> Vec<Finding> {
    match hosts {
        Hosts::Mx => case.each_host(|host, place| {
            let (addresses, answers) = (&host.addresses, &host.answers_ipv6);
            one(place, rule, addresses, answers, &host.roa)
        }),
        Hosts::NameServers => name_servers(case, rule),
    }
}

fn one(
    place: &str,
    rule: Reach,
    addresses: &Seen<Vec<IpAddr>>,
    answers: &Seen<bool>,
    roa: &Seen<Roa>,
) -> Judged {
    match rule {
        Reach::HasIpv6 => Ok(match has_ipv6(place, addresses)? {
            true => Finding::met(place, Reason::AsRequired, ""),
            false => Finding::not_met(place, Reason::Missing, "no AAAA record"),
        }),
        Reach::AnswersIpv6 => match has_ipv6(place, addresses)? {
            true => wanted(place, answers, true),
            false => Err(Finding::not_applicable(place, Reason::NoSuch)),
        },
        Reach::RoaExists | Reach::RoaValid => {
            let seen = *Finding::need(place, roa)?;
            Ok(match (rule.judge_roa(seen), seen) {
                (true, _) => Finding::met(place, Reason::AsRequired, roa.note()),
                (false, Roa::Invalid) => Finding::not_met(place, Reason::Broken, roa.note()),
                (false, _) => Finding::not_met(place, Reason::Absent, roa.note()),
            })
        }
    }
}

fn has_ipv6(place: &str, addresses: &Seen<Vec<IpAddr>>) -> Result<bool, Finding> {
    let addresses = Finding::need(place, addresses)?;
    Ok(addresses.iter().any(IpAddr::is_ipv6))
}

/// Two of them are enough for IPv6; for routes each counts.
fn name_servers(case: &Case<'_>, rule: Reach) -> Vec<Finding> {
    case.domain(|domain, place| {
        let servers = Finding::need(place, &domain.name_servers)?;
        if servers.is_empty() {
            return Err(contradiction(place, "a domain without name servers"));
        }
        let each = servers.iter().map(|server| {
            let (addresses, answers) = (&server.addresses, &server.answers_ipv6);
            settle(one(&server.name, rule, addresses, answers, &server.roa))
        });
        let mut each: Vec<Finding> = each.collect();
        each.sort_by_key(|finding| finding.verdict);
        let worst = each.len().saturating_sub(1);
        let met = |finding: &&Finding| finding.verdict == Verdict::Met;
        let good = each.iter().filter(met).count();
        let open = |finding: &&Finding| finding.verdict == Verdict::Unknown;
        match rule {
            Reach::RoaExists | Reach::RoaValid => each
                .get(worst)
                .cloned()
                .ok_or_else(|| contradiction(place, "a domain without name servers")),
            _ if good >= 2 => {
                let evidence = format!("{good} of {} name servers", each.len());
                Ok(Finding::met(place, Reason::AsRequired, &evidence))
            }
            _ => match each.iter().find(open) {
                Some(unknown) => Err(unknown.clone()),
                None => {
                    let evidence = format!("{good} of {} name servers, two are needed", each.len());
                    Ok(Finding::not_met(place, Reason::Missing, &evidence))
                }
            },
        }
    })
}
