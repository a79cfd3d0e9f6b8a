//! What a mail domain publishes: MTA-STS, TLSRPT, SPF, DKIM, DMARC, where users find its services.

use super::{Case, Dkim, Dmarc, Spf, TlsRpt, services::contradiction};
use crate::{
    audit::{
        DkimKind, DmarcFacts, DmarcPolicy, DomainFacts, Finding, Mx, PolicyBody, Published, Reason,
        Seen, SpfAll, SpfFacts,
    },
    sts::{Mode, Policy, Record},
    tlsrpt::TlsRptRecord,
};

/// Hosts of an MX set that a policy is compared with.
const MAX_HOSTS: usize = 1000;

pub(super) fn sts(case: &Case<'_>) -> Vec<Finding> {
    case.domain(|domain, place| {
        let hosts = case.mx()?;
        let records = Finding::need(place, &domain.sts_record)?;
        // RFC 8461 §3.1: records that do not begin with the version are none; one must be left.
        let of_sts = |text: &&String| text.starts_with("v=STSv1");
        let records: Vec<_> = records.iter().filter(of_sts).collect();
        let record = match records.as_slice() {
            [] => {
                return Ok(Finding::not_met(
                    place,
                    Reason::Absent,
                    domain.sts_record.note(),
                ));
            }
            [record] => *record,
            _ => return Ok(Finding::not_met(place, Reason::Broken, "several records")),
        };
        if let Err(error) = Record::from_octets(record.as_bytes()) {
            return Ok(Finding::not_met(place, Reason::Broken, &error.to_string()));
        }
        let policy = match Finding::need(place, &domain.sts_policy)? {
            PolicyBody::Refused(why) => return Ok(Finding::not_met(place, Reason::Broken, why)),
            PolicyBody::Text(text) => Policy::from_octets(text.as_bytes()),
        };
        let policy = match policy {
            Ok(policy) => policy,
            Err(error) => return Ok(Finding::not_met(place, Reason::Broken, &error.to_string())),
        };
        let evidence = match policy.mode() {
            Mode::Enforce => "mode: enforce",
            Mode::Testing => return Ok(Finding::not_met(place, Reason::Weak, "mode: testing")),
            Mode::None => return Ok(Finding::not_met(place, Reason::Weak, "mode: none")),
        };
        let mut hosts = hosts.into_iter().take(MAX_HOSTS);
        Ok(match hosts.find(|host| !policy.names(host)) {
            None => Finding::met(place, Reason::AsRequired, evidence),
            Some(host) => {
                let evidence = format!("the policy does not name {host}");
                Finding::not_met(place, Reason::Broken, &evidence)
            }
        })
    })
}

pub(super) fn tlsrpt(case: &Case<'_>, rule: TlsRpt) -> Vec<Finding> {
    case.domain(|domain, place| {
        case.mx()?;
        let found = tlsrpt_record(domain, place)?;
        let record = match (found, rule) {
            (Ok(record), _) => record,
            (Err(finding), TlsRpt::Exists) => return Ok(finding),
            // The rule that it exists says so.
            (Err(_), _) => return Err(Finding::not_applicable(place, Reason::NoSuch)),
        };
        let uris: Vec<&str> = record.destinations().iter().map(|to| to.uri()).collect();
        let with = |scheme: &str| {
            let is = |uri: &&&str| {
                uri.get(..scheme.len())
                    .is_some_and(|s| s.eq_ignore_ascii_case(scheme))
            };
            uris.iter().find(is).copied()
        };
        Ok(match rule {
            TlsRpt::Exists => Finding::met(place, Reason::AsRequired, &uris.join(",")),
            TlsRpt::Mailto => match with("mailto:") {
                Some(uri) => Finding::met(place, Reason::AsRequired, uri),
                None => Finding::not_met(place, Reason::NoMailReports, &uris.join(",")),
            },
            TlsRpt::NoHttps => match with("https:") {
                Some(uri) => Finding::not_met(place, Reason::HttpsReports, uri),
                None => Finding::met(place, Reason::AsRequired, &uris.join(",")),
            },
            TlsRpt::MailboxNotForced => {
                if with("mailto:").is_none() {
                    return Err(Finding::not_applicable(place, Reason::NoSuch));
                }
                return super::services::wanted(place, &domain.tlsrpt_mailbox_forced, false);
            }
        })
    })
}

/// The record, or what is wrong with it; an error if it is not known.
fn tlsrpt_record(
    domain: &DomainFacts,
    place: &str,
) -> Result<Result<TlsRptRecord, Finding>, Finding> {
    let records = Finding::need(place, &domain.tlsrpt_record)?;
    // RFC 8460 §3: "Records that do not begin with "v=TLSRPTv1;" are discarded"; one must be left.
    let of_rpt = |text: &&String| text.starts_with("v=TLSRPTv1;");
    let records: Vec<_> = records.iter().filter(of_rpt).collect();
    Ok(match records.as_slice() {
        [] => Err(Finding::not_met(
            place,
            Reason::Absent,
            domain.tlsrpt_record.note(),
        )),
        [record] => TlsRptRecord::from_octets(record.as_bytes())
            .map_err(|error| Finding::not_met(place, Reason::Broken, &error.to_string())),
        _ => Err(Finding::not_met(place, Reason::Broken, "several records")),
    })
}

/// What is published, or why the rule ends here: `exists` is the rule that says whether it is.
fn published<'a, T>(
    place: &str,
    seen: &'a Seen<Published<T>>,
    exists: bool,
) -> Result<&'a T, Finding> {
    match (Finding::need(place, seen)?, exists) {
        (Published::Valid(value), _) => Ok(value),
        (_, false) => Err(Finding::not_applicable(place, Reason::NoSuch)),
        (Published::Absent, true) => Err(Finding::not_met(place, Reason::Absent, seen.note())),
        (Published::Broken(why), true) => Err(Finding::not_met(place, Reason::Broken, why)),
    }
}

pub(super) fn spf(case: &Case<'_>, rule: Spf) -> Vec<Finding> {
    case.domain(|domain, place| {
        let exists = matches!(rule, Spf::Exists);
        let spf = published(place, &domain.spf, exists)?;
        let either = |good: bool, reason: Reason, evidence: &str| match good {
            true => Finding::met(place, Reason::AsRequired, evidence),
            false => Finding::not_met(place, reason, evidence),
        };
        Ok(match rule {
            Spf::Exists => Finding::met(place, Reason::AsRequired, domain.spf.note()),
            Spf::Closed => {
                let closed = matches!(spf.all, SpfAll::Fail | SpfAll::SoftFail);
                either(closed, Reason::Weak, all_text(spf.all))
            }
            Spf::NothingAfterAll => either(!spf.after_all, Reason::Contrary, ""),
            Spf::FewLookups => {
                let evidence = format!("{} look-ups", spf.lookups);
                either(spf.lookups <= 10, Reason::TooLong, &evidence)
            }
        })
    })
}

fn all_text(all: SpfAll) -> &'static str {
    match all {
        SpfAll::Fail => "-all",
        SpfAll::SoftFail => "~all",
        SpfAll::Neutral => "?all",
        SpfAll::Pass => "+all",
        SpfAll::Missing => "no all",
    }
}

pub(super) fn dkim(case: &Case<'_>, rule: Dkim) -> Vec<Finding> {
    case.domain(|domain, place| {
        if !*Finding::need(place, &domain.sends)? {
            return Err(Finding::not_applicable(place, Reason::NotSending));
        }
        if matches!(rule, Dkim::Node) {
            return super::services::wanted(place, &domain.dkim_node, true);
        }
        let keys = Finding::need(place, &domain.dkim_keys)?;
        let live = keys.iter().filter(|key| key.kind != DkimKind::Revoked);
        let live: Vec<_> = live.collect();
        if live.is_empty() {
            // Whoever sends may sign with selectors that nobody told us.
            return Err(contradiction(place, "no key of any selector that is known"));
        }
        let rsa = live.iter().filter_map(|key| match key.kind {
            DkimKind::Rsa(bits) => Some((bits, &key.selector)),
            _ => None,
        });
        match rule {
            Dkim::Node | Dkim::Both => {
                let has_ed25519 = live.iter().any(|key| key.kind == DkimKind::Ed25519);
                Ok(match (rsa.count(), has_ed25519) {
                    (1.., true) => Finding::met(place, Reason::AsRequired, "RSA and Ed25519"),
                    (1.., false) => Finding::not_met(place, Reason::Missing, "without Ed25519"),
                    (0, _) => Finding::not_met(place, Reason::Missing, "without RSA"),
                })
            }
            Dkim::RsaBits { least, most } => {
                let (mut bad, mut any) = (None, false);
                for (bits, selector) in rsa {
                    any = true;
                    match bits {
                        bits if bits < least => bad = Some((Reason::TooShort, bits, selector)),
                        bits if bits > most => bad = Some((Reason::TooLong, bits, selector)),
                        _ => {}
                    }
                }
                match (bad, any) {
                    (Some((reason, bits, selector)), _) => {
                        let evidence = format!("{bits} bits at {selector}");
                        Ok(Finding::not_met(place, reason, &evidence))
                    }
                    (None, true) => Ok(Finding::met(place, Reason::AsRequired, "")),
                    (None, false) => Err(Finding::not_applicable(place, Reason::NoSuch)),
                }
            }
            Dkim::Age(most) => {
                let mut unknown = None;
                for key in live {
                    let since = match Finding::need(place, &key.since) {
                        Ok(since) => since,
                        Err(finding) => {
                            unknown = Some(finding);
                            continue;
                        }
                    };
                    if case.today.days() - since.days() > most {
                        let evidence = format!("{} in use since {since}", key.selector);
                        return Ok(Finding::not_met(place, Reason::TooLong, &evidence));
                    }
                }
                unknown.map_or_else(|| Ok(Finding::met(place, Reason::AsRequired, "")), Err)
            }
        }
    })
}

pub(super) fn dmarc(case: &Case<'_>, rule: Dmarc) -> Vec<Finding> {
    case.domain(|domain, place| {
        let exists = matches!(rule, Dmarc::Exists);
        let dmarc = published(place, &domain.dmarc, exists)?;
        let either = |good: bool, reason: Reason, evidence: &str| match good {
            true => Finding::met(place, Reason::AsRequired, evidence),
            false => Finding::not_met(place, reason, evidence),
        };
        let text = policies(dmarc);
        Ok(match rule {
            Dmarc::Exists => Finding::met(place, Reason::AsRequired, &text),
            Dmarc::Protects => {
                let weakest = effective(dmarc.policy, dmarc.testing).min(effective(
                    dmarc.subdomains.unwrap_or(dmarc.policy),
                    dmarc.testing,
                ));
                either(weakest >= DmarcPolicy::Quarantine, Reason::Weak, &text)
            }
            Dmarc::Rejects => {
                let rejects = effective(dmarc.policy, dmarc.testing) == DmarcPolicy::Reject;
                either(rejects, Reason::Weak, &text)
            }
            Dmarc::Strict => either(dmarc.strict_spf && dmarc.strict_dkim, Reason::Weak, ""),
            Dmarc::Reports => either(!dmarc.rua.is_empty(), Reason::Missing, &dmarc.rua.join(",")),
            Dmarc::NoFailureReports => either(
                dmarc.ruf.is_empty(),
                Reason::FailureReports,
                &dmarc.ruf.join(","),
            ),
            Dmarc::ExternalAgrees => {
                return super::services::wanted(place, &dmarc.external_agrees, true);
            }
        })
    })
}

/// RFC 9989 §4.7: with `t=y` the next weaker policy is applied.
fn effective(policy: DmarcPolicy, testing: bool) -> DmarcPolicy {
    match (policy, testing) {
        (policy, false) => policy,
        (DmarcPolicy::Reject, true) => DmarcPolicy::Quarantine,
        (_, true) => DmarcPolicy::None,
    }
}

fn policies(dmarc: &DmarcFacts) -> String {
    let word = |policy| match policy {
        DmarcPolicy::None => "none",
        DmarcPolicy::Quarantine => "quarantine",
        DmarcPolicy::Reject => "reject",
    };
    let mut text = format!("p={}", word(dmarc.policy));
    if let Some(subdomains) = dmarc.subdomains {
        text.push_str(&format!("; sp={}", word(subdomains)));
    }
    if dmarc.testing {
        text.push_str("; t=y");
    }
    text
}

pub(super) fn unused(case: &Case<'_>) -> Vec<Finding> {
    case.domain(|domain, place| {
        let mx = Finding::need(place, &domain.mx)?;
        if matches!(mx, Mx::Hosts(_)) || *Finding::need(place, &domain.sends)? {
            return Err(Finding::not_applicable(place, Reason::Sends));
        }
        let lacks = |what: &str| Ok(Finding::not_met(place, Reason::Missing, what));
        if *mx != Mx::Null {
            return lacks("no Null MX (RFC 7505)");
        }
        match Finding::need(place, &domain.spf)? {
            Published::Valid(SpfFacts { nobody: true, .. }) => {}
            _ => return lacks("no SPF record that allows nobody"),
        }
        match Finding::need(place, &domain.dmarc)? {
            Published::Valid(dmarc)
                if effective(dmarc.policy, dmarc.testing) == DmarcPolicy::Reject
                    && !dmarc.rua.is_empty() => {}
            _ => return lacks("no DMARC record with p=reject and rua"),
        }
        Ok(Finding::met(
            place,
            Reason::AsRequired,
            "Null MX, SPF, DMARC",
        ))
    })
}

pub(super) fn encouraged(case: &Case<'_>) -> Vec<Finding> {
    const SERVICES: [&str; 3] = ["_submissions", "_imaps", "_pop3s"];
    case.domain(|domain, place| {
        if domain.autoconfig.get() == Some(&true) {
            return Ok(Finding::met(place, Reason::AsRequired, "autoconfig"));
        }
        if domain.autodiscover.get() == Some(&true) {
            return Ok(Finding::met(place, Reason::AsRequired, "Autodiscover"));
        }
        let records = domain.srv.get().into_iter().flatten();
        // RFC 2782: a target of "." says that the service is not there.
        let mut records = records.filter(|srv| srv.target != ".");
        let found = records.find(|srv| {
            let mut known = SERVICES.iter();
            known.any(|service| srv.service.eq_ignore_ascii_case(service))
        });
        if let Some(srv) = found {
            let evidence = format!("SRV {} {}:{}", srv.service, srv.target, srv.port);
            return Ok(Finding::met(place, Reason::AsRequired, &evidence));
        }
        Finding::need(place, &domain.srv)?;
        Finding::need(place, &domain.autoconfig)?;
        Finding::need(place, &domain.autodiscover)?;
        let evidence = "neither SRV nor autoconfig nor Autodiscover";
        Ok(Finding::not_met(place, Reason::Missing, evidence))
    })
}
