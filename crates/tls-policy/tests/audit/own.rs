//! This crate's own configurations, held against the rules: what rustls cannot do has a row.

use crate::support::{TODAY, good, run};
use tls_policy::{
    audit::{
        ClientFacts, Facts, Finding, Report, Row, TR_02102_2_2026_01, TR_03116_4_2025, TlsFacts,
        Verdict,
    },
    rustls::Profile,
};

fn facts(profile: Profile) -> Facts {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.kx_groups = rustls::crypto::aws_lc_rs::ALL_KX_GROUPS.to_vec();
    let mut facts = good();
    let server = TlsFacts::of_profile(profile, &provider).unwrap();
    for service in &mut facts.services {
        // What hangs on the certificate stays as it is.
        let (twelve, thirteen) = (
            service.tls.signatures12.clone(),
            service.tls.signatures13.clone(),
        );
        let stapled = service.tls.ocsp_stapled.clone();
        service.tls = server.clone();
        (service.tls.signatures12, service.tls.signatures13) = (twelve, thirteen);
        service.tls.ocsp_stapled = stapled;
    }
    let revocation = facts.own.client.checks_revocation.clone();
    facts.own.client = ClientFacts::of_profile(profile, &provider).unwrap();
    facts.own.client.checks_revocation = revocation;
    facts
}

fn not_met(report: &Report) -> Vec<&str> {
    let sets = [&TR_02102_2_2026_01, &TR_03116_4_2025];
    let ours = |row: &&Row| sets.iter().any(|set| std::ptr::eq(row.set, *set));
    let rows = report.rows.iter().filter(ours);
    let rows = rows.filter(|row| row.verdict() == Verdict::NotMet);
    rows.map(|row| row.rule.id).collect()
}

fn worst<'a>(report: &'a Report, rule: &str) -> &'a Finding {
    let row = report.row(&TR_03116_4_2025, rule).unwrap();
    &row.findings()[0]
}

#[test]
fn the_bsi_profile_deviates_where_rustls_does_and_nowhere_else() {
    let report = run(&facts(Profile::Bsi), TODAY);
    assert_eq!(
        not_met(&report),
        ["2.2.2-curves", "2.3.3-curves", "2.3.4.2-client"]
    );
    assert_eq!(
        worst(&report, "2.2.2-curves").evidence,
        "without brainpoolP256r1"
    );
    assert_eq!(
        worst(&report, "2.3.3-curves").evidence,
        "without brainpoolP256r1tls13"
    );
    assert_eq!(
        worst(&report, "2.3.4.2-client").evidence,
        "rustls never sends it"
    );
    // And so what rests on them is not met either.
    let rests = report
        .rows
        .iter()
        .find(|row| row.rule.id == "TR-03108-01-M")
        .unwrap();
    assert_eq!(rests.verdict(), Verdict::NotMet);
    assert_eq!(
        rests.findings()[0].evidence,
        "2.2.2-curves: without brainpoolP256r1"
    );
    // The groups that are announced are there.
    let announced = report.row(&TR_02102_2_2026_01, "hybrid-announced").unwrap();
    assert_eq!(announced.reason().code(), "announced.offered");
}

#[test]
fn the_normal_profile_is_not_that_of_bsi() {
    let report = run(&facts(Profile::Normal), TODAY);
    let not_met = not_met(&report);
    for rule in [
        "suites-1.2",
        "suites-1.3",
        "groups-1.2",
        "groups-1.3",
        "client-signatures",
    ] {
        assert!(not_met.contains(&rule), "{rule}: {not_met:?}");
    }
    // internet.nl has nothing against it.
    let internet_nl = report
        .rows
        .iter()
        .filter(|row| row.set.id == "INTERNET_NL_MAIL");
    let mut bad = internet_nl.filter(|row| row.verdict() == Verdict::NotMet);
    assert!(bad.next().is_none());
}

/// If rustls learns one of them, the deviation goes: it is read and not claimed.
#[test]
fn the_deviation_is_read_from_the_provider() {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = TlsFacts::of_profile(Profile::Bsi, &provider).unwrap();
    assert_eq!(tls.groups12.get().unwrap().accepted, [23, 24]);
    let mut facts = facts(Profile::Bsi);
    for service in &mut facts.services {
        service.tls.groups12 = tls.groups12.clone().map(|mut offers| {
            offers.accepted.push(26);
            offers
        });
    }
    assert!(!not_met(&run(&facts, TODAY)).contains(&"2.2.2-curves"));
}
