//! internet.nl's classes: good, sufficient, to be phased out, insufficient.

use super::{
    Case, Graded, On, Version, What,
    lists::{complete, ordered},
    services::speaks,
};
use crate::audit::{
    Finding, Offers, Reason, TlsFacts, Verdict,
    codes::{Registry, suite_name},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Good,
    Sufficient,
    PhaseOut,
    Insufficient,
}

const GOOD_SUITES: [u16; 2] = [0x1302, 0x1303];
const SUFFICIENT_SUITES: [u16; 10] = [
    0x1301, 0x1304, 0xC02B, 0xC02C, 0xC02F, 0xC030, 0xC0AC, 0xC0AD, 0xCCA8, 0xCCA9,
];

pub(super) fn graded(case: &Case<'_>, graded: Graded) -> Vec<Finding> {
    match graded {
        Graded::Suites => case.each_tls(On::Mx, |service, place| suites(&service.tls, place)),
        Graded::SuiteOrder => case.each_tls(On::Mx, |service, place| order(&service.tls, place)),
        Graded::KeyExchange => {
            case.each_tls(On::Mx, |service, place| key_exchange(&service.tls, place))
        }
        Graded::KeyExchangeHash => {
            case.each_tls(On::Mx, |service, place| hash(&service.tls, place))
        }
    }
}

fn suite(code: u16) -> Grade {
    if GOOD_SUITES.contains(&code) {
        return Grade::Good;
    }
    if SUFFICIENT_SUITES.contains(&code) {
        return Grade::Sufficient;
    }
    let name = suite_name(code).unwrap_or_default();
    let kept = ["TLS_ECDHE_ECDSA_", "TLS_ECDHE_RSA_", "TLS_DHE_RSA_"];
    let ciphers = ["_AES_", "_CAMELLIA_", "_ARIA_", "_CHACHA20_"];
    let ends = ["_SHA256", "_SHA384", "_CCM"];
    let late = kept.iter().any(|begin| name.starts_with(begin))
        && ciphers.iter().any(|cipher| name.contains(cipher))
        && ends.iter().any(|end| name.ends_with(end));
    match late {
        true => Grade::PhaseOut,
        false => Grade::Insufficient,
    }
}

fn group(code: u16) -> Grade {
    match code {
        // ML-KEM with a classical group.
        4587..=4589 => Grade::Good,
        // P-256, P-384, P-521, brainpool, X25519, X448.
        23..=33 => Grade::Sufficient,
        // P-224, and ffdhe3072 and longer.
        21 | 257..=260 => Grade::PhaseOut,
        _ => Grade::Insufficient,
    }
}

fn judge(place: &str, offers: &[(&Offers, Registry)], grade: impl Fn(u16) -> Grade) -> Finding {
    let of = |wanted: Grade| {
        let mut names = Vec::new();
        for (offers, registry) in offers {
            let found: Vec<u16> = offers
                .accepted
                .iter()
                .copied()
                .filter(|c| grade(*c) == wanted)
                .collect();
            if !found.is_empty() {
                names.push(registry.names(found));
            }
        }
        names.join(", ")
    };
    let (bad, late) = (of(Grade::Insufficient), of(Grade::PhaseOut));
    if !bad.is_empty() {
        return Finding::not_met(place, Reason::Unlisted, &bad);
    }
    for (offers, _) in offers {
        if let Err(finding) = complete(place, offers) {
            return finding;
        }
    }
    match late.is_empty() {
        true => Finding::met(place, Reason::Listed, ""),
        false => Finding::met(place, Reason::PhaseOut, &late),
    }
}

/// The lists of both versions; an error if one is needed and not known.
fn both<'a>(
    tls: &'a TlsFacts,
    place: &str,
    old: What,
    new: What,
) -> Result<Vec<(&'a Offers, Registry)>, Finding> {
    let mut offers = Vec::new();
    for what in [old, new] {
        match what.need(tls, place) {
            Ok(found) => offers.push((found, what.registry())),
            // A version that is not offered has nothing to judge.
            Err(finding) if finding.reason == Reason::NoVersion => {}
            Err(finding) if finding.reason == Reason::NoSuch => {}
            Err(finding) => return Err(finding),
        }
    }
    match offers.is_empty() {
        true => Err(Finding::not_applicable(place, Reason::NoVersion)),
        false => Ok(offers),
    }
}

fn suites(tls: &TlsFacts, place: &str) -> Result<Finding, Finding> {
    let offers = both(tls, place, What::Suites12, What::Suites13)?;
    Ok(judge(place, &offers, suite))
}

/// Only of consequence where something is to be phased out, which TLS 1.3 has nothing of.
fn order(tls: &TlsFacts, place: &str) -> Result<Finding, Finding> {
    let offers = What::Suites12.need(tls, place)?;
    let late = |code| suite(code) >= Grade::PhaseOut;
    ordered(place, offers, &tls.order, late, |code| !late(code))
}

fn key_exchange(tls: &TlsFacts, place: &str) -> Result<Finding, Finding> {
    let offers = both(tls, place, What::Groups12, What::Groups13);
    let (offers, none) = match offers {
        Ok(offers) => (offers, false),
        Err(finding) if finding.reason == Reason::NoVersion => (Vec::new(), true),
        Err(finding) => return Err(finding),
    };
    let finding = judge(place, &offers, group);
    if finding.verdict != Verdict::Met {
        return Ok(finding);
    }
    // DHE of TLS 1.2 whose prime is not one of RFC 7919 is not among the groups.
    if speaks(tls, Version::Tls12, place).is_err_and(|finding| finding.cause.is_none()) {
        return match none {
            true => Err(Finding::not_applicable(place, Reason::NoVersion)),
            false => Ok(finding),
        };
    }
    let bits = Finding::need(place, &tls.dhe_bits)?;
    if bits.is_empty() {
        return match none {
            true => Err(Finding::not_applicable(place, Reason::NoSuch)),
            false => Ok(finding),
        };
    }
    let known = Finding::need(place, &tls.groups12)?;
    let named = known.accepted.iter().any(|code| matches!(code, 257..=260));
    match bits.iter().all(|bits| *bits >= 3072) && named {
        true => Ok(finding),
        false => {
            let short = bits.iter().min().copied().unwrap_or_default();
            let evidence = format!("DHE with {short} bits, not with ffdhe3072 or longer");
            Ok(Finding::not_met(place, Reason::Unlisted, &evidence))
        }
    }
}

fn hash(tls: &TlsFacts, place: &str) -> Result<Finding, Finding> {
    let offers = What::Signatures12.need(tls, place)?;
    Ok(judge(
        place,
        &[(offers, Registry::Schemes)],
        |code| match code >> 8 {
            // The hash is the first octet of the schemes that TLS 1.2 began with (RFC 5246 §7.4.1.4.1).
            0x01 | 0x02 => Grade::Insufficient,
            0x03 => Grade::PhaseOut,
            _ => Grade::Good,
        },
    ))
}
