//! What the plan makes of servers: all that they have, and nothing that they have not, whatever goes wrong.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use tls_policy::audit::{Cause, Offers, Order, Seen};
use tls_policy::probe::{
    Alert, Authentication, Failure, Findings, KeyExchange, Outcome, Plan, Suite, Version,
};

use crate::sim::{Prefers, Refusal, Sim};

const CURVES: [u16; 6] = [29, 23, 24, 26, 25, 13];
const GROUPS: [u16; 6] = [0x11EC, 29, 23, 24, 31, 257];
const SCHEMES: [u16; 6] = [0x0804, 0x0403, 0x0401, 0x0201, 0x0501, 0x0603];

fn versions() -> impl Strategy<Value = Vec<Version>> {
    subsequence(Version::ALL.to_vec(), 1..=5)
}

fn suites() -> impl Strategy<Value = Vec<u16>> {
    let all: Vec<u16> = Suite::all().map(Suite::code).collect();
    let modern: Vec<u16> = vec![0x1301, 0x1302, 0xC02B, 0xC02F, 0x002F, 0x0033, 0xC013];
    // Shuffled, because the server's own order is none that we know.
    (subsequence(all, 0..12), subsequence(modern, 1..=7))
        .prop_map(|(a, b)| {
            let mut all: Vec<u16> = a.into_iter().chain(b).collect();
            all.sort_unstable();
            all.dedup();
            all
        })
        .prop_shuffle()
}

fn servers() -> impl Strategy<Value = Sim> {
    let prefers = prop_oneof![Just(Prefers::Its), Just(Prefers::Clients)];
    let refusal = prop_oneof![
        Just(Refusal::Alert(40)),
        Just(Refusal::Alert(70)),
        Just(Refusal::Alert(80)),
        Just(Refusal::Close)
    ];
    let lists = (
        subsequence(CURVES.to_vec(), 1..=6).prop_shuffle(),
        subsequence(GROUPS.to_vec(), 1..=6).prop_shuffle(),
        subsequence(SCHEMES.to_vec(), 1..=6).prop_shuffle(),
        subsequence(vec![22, 23, 0xFF01, 15, 4, 35], 0..=6),
    );
    let bound = prop_oneof![
        Just(None),
        prop::sample::select(CURVES.to_vec()).prop_map(Some)
    ];
    (
        versions(),
        suites(),
        lists,
        prefers,
        refusal,
        bound,
        any::<[bool; 2]>(),
    )
        .prop_map(
            |(
                versions,
                suites,
                (curves, groups, schemes, extensions),
                prefers,
                refusal,
                bound,
                [compresses, ssl2],
            )| {
                Sim {
                    versions,
                    suites,
                    certificate_curve: bound.filter(|curve| curves.contains(curve)),
                    curves,
                    groups,
                    schemes,
                    prefers,
                    refusal,
                    prime_bits: 1024,
                    extensions,
                    compresses,
                    ssl2,
                }
            },
        )
}

/// What a server has, worked out from how it is made: versions that have a suite, and their suites.
fn has(sim: &Sim, version: Version) -> BTreeSet<u16> {
    let there = sim.versions.contains(&version);
    // SSL 3.0 has no extension to name a curve with.
    let curve =
        |suite: Suite| version > Version::Ssl30 || suite.key_exchange() != Some(KeyExchange::Ecdhe);
    let fits = |code: &&u16| {
        let suite = Suite::new(**code);
        there && suite.fits(version) && curve(suite)
    };
    sim.suites.iter().filter(fits).copied().collect()
}

fn accepted(offers: &Seen<Offers>) -> BTreeSet<u16> {
    let list = offers.get().map(|offers| offers.accepted.clone());
    list.unwrap_or_default().into_iter().collect()
}

fn is_closed(offers: &Seen<Offers>) -> bool {
    offers.get().is_some_and(|offers| offers.open.is_none())
}

/// The safety of it: what is said to be there is there, and what is said not to be there is not.
fn is_sound(sim: &Sim, findings: &Findings) -> Result<(), TestCaseError> {
    let facts = findings.facts();
    for version in Version::ALL {
        let truth = has(sim, version);
        match findings.version(version).get() {
            Some(true) => prop_assert!(!truth.is_empty(), "{version} is not there"),
            Some(false) => prop_assert!(truth.is_empty(), "{version} is there"),
            None => {}
        }
        let found = accepted(findings.suites(version));
        prop_assert!(found.is_subset(&truth), "{version}: {found:?}");
        if is_closed(findings.suites(version)) {
            prop_assert_eq!(&found, &truth, "{}", version);
        }
    }
    let old = [Version::Tls12, Version::Tls11, Version::Tls10];
    let old = old
        .into_iter()
        .find(|version| !has(sim, *version).is_empty());
    let ecdhe = |code: &u16| Suite::new(*code).key_exchange() == Some(KeyExchange::Ecdhe);
    let curves: BTreeSet<u16> = match old.is_some_and(|v| has(sim, v).iter().any(ecdhe)) {
        true => sim.curves.iter().copied().filter(|c| *c <= 30).collect(),
        false => BTreeSet::new(),
    };
    let found = accepted(&facts.groups12);
    prop_assert!(found.is_subset(&sim.curves.iter().copied().collect()));
    if is_closed(&facts.groups12) {
        prop_assert_eq!(&found, &curves, "curves");
    }
    let groups: BTreeSet<u16> = match has(sim, Version::Tls13).is_empty() {
        true => BTreeSet::new(),
        false => sim.groups.iter().copied().collect(),
    };
    let found = accepted(&facts.groups13);
    prop_assert!(found.is_subset(&groups));
    if is_closed(&facts.groups13) {
        prop_assert_eq!(&found, &groups, "groups");
    }
    let found = accepted(&facts.signatures12);
    prop_assert!(found.is_subset(&sim.schemes.iter().copied().collect()));
    let signs = has(sim, Version::Tls12);
    let signs = signs
        .iter()
        .any(|code| crate::sim::signs(Suite::new(*code), Version::Tls12));
    if is_closed(&facts.signatures12) && signs {
        prop_assert_eq!(&found, &sim.schemes.iter().copied().collect(), "schemes");
    }
    for (fact, code) in [
        (&facts.heartbeat, 15),
        (&facts.truncated_hmac, 4),
        (&facts.encrypt_then_mac, 22),
    ] {
        if let (Some(fact), Some(_)) = (fact.get(), old) {
            prop_assert_eq!(*fact, sim.extensions.contains(&code), "extension {}", code);
        }
    }
    if let (Some(compresses), Some(_)) = (facts.compression.get(), old) {
        prop_assert_eq!(*compresses, sim.compresses);
    }
    match (facts.order.get(), sim.prefers) {
        (Some(Order::Server), Prefers::Clients) | (Some(Order::Client), Prefers::Its) => {
            // Where both orders are the same, both explain what is chosen.
            prop_assert!(old.is_some_and(|v| has(sim, v).len() > 1));
        }
        _ => {}
    }
    if let Some(ssl2) = facts.ssl2.get() {
        prop_assert_eq!(*ssl2, sim.ssl2);
    }
    if let Some(bits) = facts.dhe_bits.get() {
        prop_assert!(bits.iter().all(|bits| *bits == sim.prime_bits));
    }
    Ok(())
}

/// A server whose only trouble is that it may be asked: everything must be known.
fn is_complete(sim: &Sim, findings: &Findings) -> Result<(), TestCaseError> {
    if Version::ALL
        .iter()
        .all(|version| has(sim, *version).is_empty())
    {
        return Ok(());
    }
    for version in Version::ALL {
        prop_assert!(
            findings.version(version).get().is_some(),
            "{version}: {:?}",
            findings.version(version)
        );
        prop_assert!(
            is_closed(findings.suites(version)),
            "{version}: {:?}",
            findings.suites(version)
        );
    }
    prop_assert!(
        is_closed(&findings.facts().groups13),
        "{:?}",
        findings.facts().groups13
    );
    prop_assert!(
        is_closed(&findings.facts().signatures12),
        "{:?}",
        findings.facts().signatures12
    );
    prop_assert!(findings.facts().dhe_bits.get().is_some());
    prop_assert!(findings.connections() < Plan::DEFAULT_BUDGET);
    Ok(())
}

/// A server that can agree to every suite that it has: the curves of its ECDHE fit its certificate.
fn is_whole(sim: &Sim) -> bool {
    let dated = |code: &u16| {
        let suite = Suite::new(*code);
        !matches!(suite.key_exchange(), Some(KeyExchange::RsaExport))
            && suite.authentication() != Some(Authentication::Dss)
    };
    sim.suites.iter().all(dated) && sim.curves.iter().all(|curve| *curve <= 30)
}

fn run(sim: &Sim, mut meddle: impl FnMut(usize, Outcome) -> Outcome) -> Findings {
    let mut number = 0;
    Plan::new("mx.example.org").run(|hello| {
        number += 1;
        meddle(number, sim.answer(hello))
    })
}

fn failures() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![
        Outcome::Failed(Failure::Timeout),
        Outcome::Failed(Failure::Refused),
        Outcome::Failed(Failure::Broken),
        Outcome::Failed(Failure::Closed),
        Outcome::Failed(Failure::RateLimited),
        Outcome::Failed(Failure::Dialogue),
        Outcome::Alert(Alert::INTERNAL_ERROR),
        Outcome::Alert(Alert::new(112)),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn everything_is_found_and_nothing_else(sim in servers()) {
        let findings = run(&sim, |_, outcome| outcome);
        is_sound(&sim, &findings)?;
        if is_whole(&sim) {
            is_complete(&sim, &findings)?;
        }
    }

    /// One failure anywhere, and the claims that are left still hold.
    #[test]
    fn a_failure_never_becomes_an_absence(sim in servers(), at in any::<Index>(), failure in failures()) {
        let calm = run(&sim, |_, outcome| outcome).connections();
        let at = at.index(calm) + 1;
        let findings = run(&sim, |number, outcome| if number == at { failure.clone() } else { outcome });
        is_sound(&sim, &findings)?;
    }

    /// From some moment on the server refuses everybody, in whatever way.
    #[test]
    fn a_server_that_has_had_enough_proves_nothing(
        sim in servers(), at in any::<Index>(), code in prop::sample::select(vec![40_u8, 70, 71, 80])
    ) {
        let calm = run(&sim, |_, outcome| outcome).connections();
        let at = at.index(calm) + 1;
        for had_enough in [Outcome::Alert(Alert::new(code)), Outcome::Failed(Failure::Closed)] {
            let meddle = |number, outcome| if number >= at { had_enough.clone() } else { outcome };
            is_sound(&sim, &run(&sim, meddle))?;
        }
    }

    /// With fewer connections less is known, and nothing wrong.
    #[test]
    fn the_budget_is_kept_and_what_is_open_is_said_to_be(sim in servers(), budget in 0_usize..60) {
        let mut connections = 0;
        let plan = Plan::new("mx.example.org").with_budget(budget);
        let findings = plan.run(|hello| {
            connections += 1;
            sim.answer(hello)
        });
        prop_assert!(connections <= budget);
        prop_assert_eq!(findings.connections(), connections);
        is_sound(&sim, &findings)?;
        for version in Version::ALL {
            if let Seen::Unknown { cause, .. } = findings.version(version) {
                prop_assert!([Cause::BudgetSpent, Cause::Disconnected].contains(cause), "{cause}");
            }
        }
    }
}

fn plain() -> Sim {
    Sim {
        versions: vec![Version::Tls12, Version::Tls13],
        suites: vec![0x1301, 0xC02F, 0xC030, 0x0033],
        curves: vec![29, 23],
        groups: vec![29, 23],
        schemes: vec![0x0804, 0x0401],
        prefers: Prefers::Its,
        refusal: Refusal::Alert(40),
        certificate_curve: None,
        prime_bits: 1024,
        extensions: vec![22, 23, 0xFF01],
        compresses: false,
        ssl2: false,
    }
}

#[test]
fn a_plain_server_is_known_as_it_is() {
    let findings = run(&plain(), |_, outcome| outcome);
    let facts = findings.facts();
    assert_eq!(facts.ssl2.get(), Some(&false));
    assert_eq!(facts.tls10.get(), Some(&false));
    assert_eq!(facts.tls12.get(), Some(&true));
    assert_eq!(
        facts.suites12.get().unwrap().accepted,
        [0xC02F, 0xC030, 0x0033]
    );
    assert_eq!(facts.order.get(), Some(&Order::Server));
    assert_eq!(facts.dhe_bits.get(), Some(&vec![1024]));
    assert_eq!(facts.encrypt_then_mac.get(), Some(&true));
    assert_eq!(facts.compression.get(), Some(&false));
    assert_eq!(findings.refuses_fallback().get(), Some(&true));
    assert!(findings.connections() < 45, "{}", findings.connections());
}

/// RFC 8422 §5.1: what is refused without the certificate's curve is found beside it, and known to be all
/// where the server goes by the client's order; however it refuses.
#[test]
fn curves_of_a_server_that_wants_its_certificates_are_found_beside_it() {
    for refusal in [Refusal::Alert(40), Refusal::Close] {
        let sim = Sim {
            suites: vec![0xC02B, 0xC02C],
            curves: vec![29, 24, 23],
            schemes: vec![0x0403],
            certificate_curve: Some(23),
            prefers: Prefers::Clients,
            refusal,
            ..plain()
        };
        let findings = run(&sim, |_, outcome| outcome);
        let curves = &findings.facts().groups12;
        assert_eq!(accepted(curves), [23, 24, 29].into(), "{refusal:?}");
        assert!(is_closed(curves), "{refusal:?}: {curves:?}");
        // Of the server's own order nobody can say the same.
        let sim = Sim {
            prefers: Prefers::Its,
            ..sim
        };
        let findings = run(&sim, |_, outcome| outcome);
        let curves = findings.facts().groups12.get().unwrap();
        assert_eq!(curves.open, Some(Cause::NotVisible), "{curves:?}");
    }
}

/// The mutation of `a_server_that_has_had_enough_proves_nothing`: whoever takes every alert for an
/// absence, without an answer after it, would have been wrong about this server.
#[test]
fn mutation_alerts_alone_would_have_denied_what_is_there() {
    let sim = plain();
    let mut denied = Vec::new();
    let findings = Plan::new("mx.example.org").run(|hello| {
        let truth = sim.answer(hello);
        if hello.version() == Version::Tls12 && matches!(truth, Outcome::Answered(_)) {
            // Never again, from TLS 1.2 on.
            denied.push(hello.version());
        }
        match denied.is_empty() {
            true => truth,
            false => Outcome::Alert(Alert::HANDSHAKE_FAILURE),
        }
    });
    assert!(!denied.is_empty());
    assert_eq!(
        findings.facts().tls12.get(),
        None,
        "{:?}",
        findings.facts().tls12
    );
    assert_eq!(findings.facts().tls12.cause(), Some(Cause::Disconnected));
}

/// A server that closes where it means no is understood, and only because it does so to nothing at all.
#[test]
fn mutation_a_close_is_a_refusal_only_of_a_server_that_refuses_so() {
    let sim = Sim {
        refusal: Refusal::Close,
        ..plain()
    };
    let findings = run(&sim, |_, outcome| outcome);
    assert_eq!(findings.facts().tls10.get(), Some(&false));
    // The same server behind something that closes some connections, and says no by an alert otherwise.
    let sim = plain();
    let findings = Plan::new("mx.example.org").run(|hello| match hello.version() {
        Version::Tls10 | Version::Tls11 => Outcome::Failed(Failure::Closed),
        _ => sim.answer(hello),
    });
    assert_eq!(findings.facts().tls10.get(), None);
    assert_eq!(findings.facts().tls10.cause(), Some(Cause::Disconnected));
    assert_eq!(findings.facts().tls12.get(), Some(&true));
}

#[test]
fn every_failure_has_its_cause() {
    for (failure, cause) in [
        (Failure::Timeout, Cause::TimeOut),
        (Failure::Refused, Cause::Refused),
        (Failure::RateLimited, Cause::RateLimited),
        (Failure::Unreachable, Cause::Unreachable),
        (Failure::Closed, Cause::Disconnected),
        (Failure::Broken, Cause::Disconnected),
        (Failure::Dialogue, Cause::Disconnected),
    ] {
        let findings = Plan::new("mx.example.org").run(|_| Outcome::Failed(failure));
        let facts = findings.facts();
        for fact in [
            &facts.tls10,
            &facts.tls13,
            &facts.compression,
            &facts.heartbeat,
        ] {
            assert_eq!(fact.cause(), Some(cause), "{failure}");
        }
        assert_eq!(facts.suites12.cause(), Some(cause), "{failure}");
        assert_eq!(facts.groups13.cause(), Some(cause), "{failure}");
        assert_eq!(facts.dhe_bits.cause(), Some(cause), "{failure}");
        assert!(findings.connections() <= Plan::MAX_CLOSED);
    }
}
