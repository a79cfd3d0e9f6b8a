//! Suites, groups and signature schemes, held against lists.

use super::{
    Amount, Case, List, On, Version, What,
    case::{Judged, settle},
    services::{contradiction, speaks, wanted},
};
use crate::audit::{
    Finding, Offers, Order, Protocol, Reason, Seen, ServiceFacts, TlsFacts, Verdict,
    codes::{Registry, suite_name},
};

impl What {
    pub(super) fn of(self, tls: &TlsFacts) -> &Seen<Offers> {
        match self {
            Self::Suites12 => &tls.suites12,
            Self::Suites13 => &tls.suites13,
            Self::Groups12 => &tls.groups12,
            Self::Groups13 => &tls.groups13,
            Self::Signatures12 => &tls.signatures12,
            Self::Signatures13 => &tls.signatures13,
        }
    }

    pub(super) fn registry(self) -> Registry {
        match self {
            Self::Suites12 | Self::Suites13 => Registry::Suites,
            Self::Groups12 | Self::Groups13 => Registry::Groups,
            Self::Signatures12 | Self::Signatures13 => Registry::Schemes,
        }
    }

    fn version(self) -> Version {
        match self {
            Self::Suites12 | Self::Groups12 | Self::Signatures12 => Version::Tls12,
            Self::Suites13 | Self::Groups13 | Self::Signatures13 => Version::Tls13,
        }
    }

    fn order(self, tls: &TlsFacts) -> &Seen<Order> {
        match self.registry() {
            Registry::Suites => &tls.order,
            _ => &tls.group_order,
        }
    }

    /// What the server agrees to, if it speaks the version and agrees to anything.
    pub(super) fn need<'a>(self, tls: &'a TlsFacts, place: &str) -> Result<&'a Offers, Finding> {
        speaks(tls, self.version(), place)?;
        let offers = Finding::need(place, self.of(tls))?;
        if !offers.accepted.is_empty() || offers.open.is_some() {
            return Ok(offers);
        }
        Err(match self.registry() {
            // A version without a suite cannot be spoken.
            Registry::Suites => contradiction(place, "a version is offered, and no suite of it"),
            // No ECDHE, or no signature by the server: suites are judged by other rules.
            _ => Finding::not_applicable(place, Reason::NoSuch),
        })
    }
}

/// How what is offered stands to a list.
pub(super) struct Sorted {
    pub(super) unlisted: Vec<u16>,
    ended: Vec<u16>,
    ending: Option<u16>,
}

impl Sorted {
    pub(super) fn new(accepted: &[u16], list: List, year: u16) -> Self {
        let (mut unlisted, mut ended) = (Vec::new(), Vec::new());
        let mut ending: Option<u16> = None;
        for code in accepted {
            let part = list.iter().find(|part| part.codes.contains(code));
            match part.map(|part| part.until) {
                None => unlisted.push(*code),
                Some(Some(until)) if year > until => ended.push(*code),
                Some(Some(until)) => ending = Some(ending.map_or(until, |e| e.min(until))),
                Some(None) => {}
            }
        }
        Self {
            unlisted,
            ended,
            ending,
        }
    }

    fn is_bad(&self, code: u16) -> bool {
        self.unlisted.contains(&code) || self.ended.contains(&code)
    }

    fn fault(&self, place: &str, registry: Registry) -> Option<Finding> {
        if !self.unlisted.is_empty() {
            let names = registry.names(self.unlisted.iter().copied());
            return Some(Finding::not_met(place, Reason::Unlisted, &names));
        }
        let names = registry.names(self.ended.iter().copied());
        let ended = !self.ended.is_empty();
        ended.then(|| Finding::not_met(place, Reason::ListingEnded, &names))
    }

    fn met(&self, place: &str, offers: &Offers, registry: Registry) -> Finding {
        let names = registry.names(offers.accepted.iter().copied());
        match self.ending {
            None => Finding::met(place, Reason::Listed, &names),
            Some(until) => {
                let evidence = format!("{names}; some to the end of {until}");
                Finding::met(place, Reason::ListedUntil, &evidence)
            }
        }
    }
}

/// Offers against a list, whoever made them.
pub(super) fn against(
    place: &str,
    offers: &Offers,
    list: List,
    registry: Registry,
    year: u16,
) -> Judged {
    let sorted = Sorted::new(&offers.accepted, list, year);
    if let Some(fault) = sorted.fault(place, registry) {
        return Ok(fault);
    }
    complete(place, offers)?;
    Ok(sorted.met(place, offers, registry))
}

pub(super) fn complete(place: &str, offers: &Offers) -> Result<(), Finding> {
    match offers.open {
        Some(cause) => Err(Finding::unknown(place, cause, "not all was asked")),
        None => Ok(()),
    }
}

pub(super) fn listed(case: &Case<'_>, on: On, lists: &'static [(What, List)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (what, list) in lists {
        findings.extend(case.each_tls(on, |service, place| {
            let offers = what.need(&service.tls, place)?;
            match case.tolerant && service.protocol == Protocol::Smtp && is_ranked(*what) {
                true => tolerated(case, service, place, *what, list),
                false => against(place, offers, list, what.registry(), case.today.year()),
            }
        }));
    }
    findings
}

fn is_ranked(what: What) -> bool {
    what.registry() != Registry::Schemes
}

/// TR-03108 4.3.2: what is not listed has to come last, by the server's own order.
fn tolerated(
    case: &Case<'_>,
    service: &ServiceFacts,
    place: &str,
    what: What,
    list: List,
) -> Judged {
    let offers = what.need(&service.tls, place)?;
    let (accepted, registry) = (&offers.accepted, what.registry());
    let sorted = Sorted::new(accepted, list, case.today.year());
    let Some(fault) = sorted.fault(place, registry) else {
        complete(place, offers)?;
        return Ok(sorted.met(place, offers, registry));
    };
    let bad = |code: &&u16| sorted.is_bad(**code);
    if accepted.iter().all(|code| bad(&code)) {
        complete(place, offers)?;
        return Ok(fault);
    }
    let order = Finding::need(place, what.order(&service.tls))?;
    let (early, late) = (Reason::UnlistedEarly, Reason::UnlistedLast);
    let names = registry.names(accepted.iter().copied().filter(|code| sorted.is_bad(*code)));
    let first = accepted.iter().position(|code| bad(&code));
    let last = accepted.iter().rposition(|code| !bad(&code));
    Ok(match (order, first, last) {
        (Order::Client, ..) => {
            let evidence = format!("{names}; the client's order decides");
            Finding::not_met(place, early, &evidence)
        }
        (Order::Server, Some(first), Some(last)) if first < last => {
            Finding::not_met(place, early, &names)
        }
        (Order::Server, ..) => {
            complete(place, offers)?;
            Finding::met(place, late, &names)
        }
    })
}

pub(super) fn offered(
    case: &Case<'_>,
    on: On,
    what: What,
    codes: &[u16],
    amount: Amount,
) -> Vec<Finding> {
    case.each_tls(on, |service, place| {
        let registry = what.registry();
        let offers = match registry {
            Registry::Suites => what.need(&service.tls, place)?,
            // None at all is too few, as well.
            _ => {
                speaks(&service.tls, what.version(), place)?;
                Finding::need(place, what.of(&service.tls))?
            }
        };
        let missing = codes.iter().copied();
        let missing: Vec<u16> = missing.filter(|c| !offers.accepted.contains(c)).collect();
        let enough = match amount {
            Amount::Any => missing.len() < codes.len(),
            Amount::All => missing.is_empty(),
        };
        if enough {
            let there = codes.iter().copied().filter(|c| !missing.contains(c));
            return Ok(Finding::met(
                place,
                Reason::AsRequired,
                &registry.names(there),
            ));
        }
        complete(place, offers)?;
        let evidence = format!("without {}", registry.names(missing));
        Ok(Finding::not_met(place, Reason::Missing, &evidence))
    })
}

pub(super) fn after(
    case: &Case<'_>,
    on: On,
    what: What,
    later: &[u16],
    earlier: &[u16],
) -> Vec<Finding> {
    case.each_tls(on, |service, place| {
        let offers = what.need(&service.tls, place)?;
        ordered(
            place,
            offers,
            what.order(&service.tls),
            |code| later.contains(&code),
            |code| earlier.contains(&code),
        )
    })
}

/// That no code of one kind comes before one of the other, by the server's own order.
pub(super) fn ordered(
    place: &str,
    offers: &Offers,
    order: &Seen<Order>,
    later: impl Fn(u16) -> bool,
    earlier: impl Fn(u16) -> bool,
) -> Judged {
    complete(place, offers)?;
    let accepted = &offers.accepted;
    let first = accepted.iter().position(|code| later(*code));
    let last = accepted.iter().rposition(|code| earlier(*code));
    let (Some(first), Some(last)) = (first, last) else {
        return Err(Finding::not_applicable(place, Reason::NoSuch));
    };
    let evidence = Registry::Suites.names(accepted.iter().copied().filter(|code| later(*code)));
    Ok(match Finding::need(place, order)? {
        Order::Server if first > last => Finding::met(place, Reason::AsRequired, &evidence),
        Order::Server => Finding::not_met(place, Reason::UnlistedEarly, &evidence),
        Order::Client => {
            let evidence = format!("{evidence}; the client's order decides");
            Finding::not_met(place, Reason::UnlistedEarly, &evidence)
        }
    })
}

pub(super) fn announced(case: &Case<'_>, on: On, codes: &[u16]) -> Vec<Finding> {
    case.each_tls(on, |service, place| {
        let offers = What::Groups13.need(&service.tls, place)?;
        let there = codes
            .iter()
            .copied()
            .filter(|c| offers.accepted.contains(c));
        let there: Vec<u16> = there.collect();
        if !there.is_empty() {
            let (verdict, why) = (Verdict::Announced, Reason::AnnouncedOffered);
            return Ok(Finding::of(
                place,
                verdict,
                why,
                &Registry::Groups.names(there),
            ));
        }
        complete(place, offers)?;
        let evidence = format!("without {}", Registry::Groups.names(codes.iter().copied()));
        let (verdict, why) = (Verdict::Announced, Reason::AnnouncedAbsent);
        Ok(Finding::of(place, verdict, why, &evidence))
    })
}

pub(super) fn cbc_with_etm(case: &Case<'_>, on: On) -> Vec<Finding> {
    case.each_tls(on, |service, place| {
        let offers = What::Suites12.need(&service.tls, place)?;
        let is_cbc = |code: u16| suite_name(code).is_some_and(|name| name.contains("_CBC_"));
        if offers.accepted.iter().any(|code| is_cbc(*code)) {
            return wanted(place, &service.tls.encrypt_then_mac, true);
        }
        complete(place, offers)?;
        Err(Finding::not_applicable(place, Reason::NoSuch))
    })
}

/// Whether the keys of a session are lost with it, whoever gets the server's key later.
fn has_forward_secrecy(code: u16) -> bool {
    let name = suite_name(code).unwrap_or_default();
    name.starts_with("TLS_ECDHE_") || name.starts_with("TLS_DHE_")
}

pub(super) fn forward_secrecy_first(case: &Case<'_>, on: On) -> Vec<Finding> {
    case.each_tls(on, |service, place| {
        let offers = What::Suites12.need(&service.tls, place)?;
        forward_secrecy(place, offers, &service.tls.order)
    })
}

pub(super) fn forward_secrecy(place: &str, offers: &Offers, order: &Seen<Order>) -> Judged {
    let accepted = offers.accepted.iter().copied();
    let without: Vec<u16> = accepted.filter(|c| !has_forward_secrecy(*c)).collect();
    if without.len() == offers.accepted.len() {
        complete(place, offers)?;
        let evidence = Registry::Suites.names(without);
        return Ok(Finding::not_met(place, Reason::Missing, &evidence));
    }
    if without.is_empty() {
        complete(place, offers)?;
        return Ok(Finding::met(
            place,
            Reason::AsRequired,
            "no suite without it",
        ));
    }
    let later = |code| !has_forward_secrecy(code);
    ordered(place, offers, order, later, has_forward_secrecy)
}

pub(super) fn dhe_bits(case: &Case<'_>, on: On, least: u16) -> Vec<Finding> {
    case.each_tls(on, |service, place| {
        let bits = Finding::need(place, &service.tls.dhe_bits)?;
        settle_bits(place, bits, least)
    })
}

fn settle_bits(place: &str, bits: &[u16], least: u16) -> Judged {
    let Some(shortest) = bits.iter().min() else {
        return Err(Finding::not_applicable(place, Reason::NoSuch));
    };
    let evidence = format!("DHE with {shortest} bits");
    Ok(match *shortest >= least {
        true => Finding::met(place, Reason::AsRequired, &evidence),
        false => Finding::not_met(place, Reason::TooShort, &evidence),
    })
}

/// So that a list of our own client is judged as a server's is.
pub(super) fn own_list(
    place: &str,
    seen: &Seen<Offers>,
    judge: impl Fn(&Offers) -> Judged,
) -> Finding {
    settle(Finding::need(place, seen).and_then(|offers| {
        match offers.accepted.is_empty() && offers.open.is_none() {
            true => Err(Finding::not_applicable(place, Reason::NoSuch)),
            false => judge(offers),
        }
    }))
}
