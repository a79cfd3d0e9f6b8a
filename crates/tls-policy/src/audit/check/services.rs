//! What services there are, versions, and what is on or off.

use super::{Case, Flag, On, Version, case::Judged};
use crate::audit::{Cause, Finding, Protocol, Reason, Seen, ServiceFacts, TlsFacts, Verdict};

pub(super) fn starttls(case: &Case<'_>, on: On) -> Vec<Finding> {
    case.each_service(on, |service, place| {
        if !service.protocol.begins_in_the_clear() {
            return Err(Finding::not_applicable(place, Reason::NoSuch));
        }
        wanted(place, &service.starttls, true)
    })
}

/// A fact that is to be so or not.
pub(super) fn wanted(place: &str, fact: &Seen<bool>, wanted: bool) -> Judged {
    let is = *Finding::need(place, fact)?;
    Ok(match is == wanted {
        true => Finding::met(place, Reason::AsRequired, fact.note()),
        false if wanted => Finding::not_met(place, Reason::Missing, fact.note()),
        false => Finding::not_met(place, Reason::Contrary, fact.note()),
    })
}

pub(super) fn exist(case: &Case<'_>, protocols: &[Protocol]) -> Vec<Finding> {
    let each = protocols.iter();
    each.map(|protocol| exists(case, *protocol, |_| Ok(true)))
        .collect()
}

pub(super) fn exist_with_starttls(case: &Case<'_>, protocols: &[Protocol]) -> Vec<Finding> {
    let each = protocols.iter();
    let starttls = |service: &ServiceFacts| match &service.starttls {
        Seen::Known { value, .. } => Ok(*value),
        Seen::Unknown { cause, detail } => Err((*cause, detail.clone())),
    };
    each.map(|protocol| exists(case, *protocol, starttls))
        .collect()
}

/// Whether one of the services of that protocol is there and as it should be.
fn exists(
    case: &Case<'_>,
    protocol: Protocol,
    good: impl Fn(&ServiceFacts) -> Result<bool, (Cause, String)>,
) -> Finding {
    let name = protocol.name();
    let mut unknown = None;
    let mut seen = false;
    for service in case.services(|of| of == protocol) {
        seen = true;
        let place = format!("{}:{}", service.host, service.port);
        match &service.reachable {
            Seen::Unknown { cause, detail } => {
                unknown = Some(Finding::unknown(&place, *cause, detail));
            }
            Seen::Known { value: false, .. } => {}
            Seen::Known { value: true, .. } => match good(service) {
                Ok(true) => return Finding::met(&place, Reason::AsRequired, name),
                Ok(false) => {}
                Err((cause, detail)) => {
                    unknown = Some(Finding::unknown(&place, cause, &detail));
                }
            },
        }
    }
    match (unknown, seen) {
        (Some(unknown), _) => unknown,
        (None, false) if case.facts.domain.is_none() => {
            Finding::not_applicable(case.name(), Reason::NoDomain)
        }
        (None, false) => Finding::unknown(case.name(), Cause::NotExamined, name),
        (None, true) => Finding::not_met(case.name(), Reason::Missing, name),
    }
}

pub(super) fn versions(case: &Case<'_>, on: On, tls12_until: Option<u16>) -> Vec<Finding> {
    case.each_tls(on, |service, place| {
        let tls = &service.tls;
        let old = [
            ("SSL 2.0", &tls.ssl2),
            ("SSL 3.0", &tls.ssl3),
            ("TLS 1.0", &tls.tls10),
            ("TLS 1.1", &tls.tls11),
        ];
        let offered = old.iter().filter(|(_, seen)| seen.get() == Some(&true));
        let offered: Vec<_> = offered.map(|(name, _)| *name).collect();
        if !offered.is_empty() {
            let offered = offered.join(", ");
            // The highest version that both have is taken (RFC 8446 §4.1.3 guards that), so a lower one
            // is always of low priority, if there is a higher one.
            return match case.tolerant && service.protocol == Protocol::Smtp {
                true => match is_modern(tls, place)? {
                    true => Ok(Finding::met(place, Reason::UnlistedLast, &offered)),
                    false => Ok(Finding::not_met(place, Reason::LowVersion, &offered)),
                },
                false => Ok(Finding::not_met(place, Reason::OldVersion, &offered)),
            };
        }
        for (_, seen) in old {
            Finding::need(place, seen)?;
        }
        let Some(until) = tls12_until.filter(|until| case.today.year() > *until) else {
            return Ok(Finding::met(
                place,
                Reason::AsRequired,
                "nothing below TLS 1.2",
            ));
        };
        Ok(match Finding::need(place, &tls.tls12)? {
            true => {
                let evidence = format!("TLS 1.2, listed to the end of {until}");
                Finding::not_met(place, Reason::ListingEnded, &evidence)
            }
            false => Finding::met(place, Reason::AsRequired, "nothing below TLS 1.3"),
        })
    })
}

pub(super) fn modern(case: &Case<'_>, on: On) -> Vec<Finding> {
    case.each_tls(on, |service, place| {
        Ok(match is_modern(&service.tls, place)? {
            true => Finding::met(place, Reason::AsRequired, ""),
            false => Finding::not_met(place, Reason::LowVersion, "neither TLS 1.2 nor 1.3"),
        })
    })
}

fn is_modern(tls: &TlsFacts, place: &str) -> Result<bool, Finding> {
    let both = [&tls.tls13, &tls.tls12];
    if both.iter().any(|seen| seen.get() == Some(&true)) {
        return Ok(true);
    }
    for seen in both {
        Finding::need(place, seen)?;
    }
    Ok(false)
}

pub(super) fn flag(case: &Case<'_>, on: On, flag: Flag) -> Vec<Finding> {
    case.each_tls(on, |service, place| {
        speaks(&service.tls, flag.version, place)?;
        wanted(place, (flag.of)(&service.tls), flag.wanted)
    })
}

/// That the version is offered.
pub(super) fn speaks(tls: &TlsFacts, version: Version, place: &str) -> Result<(), Finding> {
    let seen = match version {
        Version::Any => return Ok(()),
        Version::Tls12 => &tls.tls12,
        Version::Tls13 => &tls.tls13,
    };
    match Finding::need(place, seen)? {
        true => Ok(()),
        false => Err(Finding::not_applicable(place, Reason::NoVersion)),
    }
}

/// Facts that cannot be so together.
pub(super) fn contradiction(place: &str, what: &str) -> Finding {
    Finding::of(place, Verdict::Unknown, Reason::Contradiction, what)
}
