//! Facts from JSON, or certificates and numbers from octets: an audit ends, in printable text, and what
//! is taken away never makes a rule met.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_policy::audit::{
    Cause, Chain, Date, Facts, Mx, MxName, Offers, PolicyBody, Protocol, RULE_SETS, Seen,
    ServiceFacts, Subject, Verdict, audit,
};

fuzz_target!(|data: &[u8]| {
    let facts = serde_json::from_slice(data).unwrap_or_else(|_| from_octets(data));
    let year = 2020 + data.first().map_or(0, |octet| u16::from(octet % 20));
    let Some(today) = Date::new(year, 6, 30) else {
        return;
    };
    let report = audit(&facts, &RULE_SETS, today);
    let text = report.to_string();
    assert!(
        text.bytes()
            .all(|o| o == b'\n' || (b' '..=b'~').contains(&o))
    );
    assert_eq!(
        report.to_json()["rows"].as_array().map(Vec::len),
        Some(report.rows.len())
    );
    // Printed and read again, they are the same.
    let json = serde_json::to_vec(&facts).unwrap();
    assert_eq!(serde_json::from_slice::<Facts>(&json).unwrap(), facts);

    // One service after the other falls silent.
    for at in 0..facts.services.len().min(4) {
        let mut less = facts.clone();
        less.services[at].reachable = Seen::unknown(Cause::TimeOut);
        less.services[at].tls = Default::default();
        less.services[at].chains = Seen::unknown(Cause::TimeOut);
        let after = audit(&less, &RULE_SETS, today);
        for (before, after) in report.rows.iter().zip(&after.rows) {
            let (was, is) = (before.verdict(), after.verdict());
            assert!(
                is == was || is == Verdict::Unknown,
                "{}: {was:?} {is:?}",
                before.rule.id
            );
        }
    }
});

fn from_octets(data: &[u8]) -> Facts {
    let (numbers, der) = data.split_at(data.len().min(16));
    let codes: Vec<u16> = numbers
        .chunks_exact(2)
        .map(|two| u16::from_be_bytes([two[0], two[1]]))
        .collect();
    let text = String::from_utf8_lossy(der).into_owned();
    let mut smtp = ServiceFacts::new("mx.example.org", Protocol::Smtp);
    smtp.reachable = Seen::known(true);
    smtp.starttls = Seen::known(true);
    smtp.tls.tls12 = Seen::known(true);
    smtp.tls.tls13 = Seen::known(true);
    smtp.tls.suites12 = Seen::known(Offers::all(codes.clone()));
    smtp.tls.groups13 = Seen::known(Offers::partly(codes.clone(), Cause::BudgetSpent));
    smtp.tls.signatures12 = Seen::known(Offers::all(codes.clone()));
    smtp.tls.dhe_bits = Seen::known(codes);
    let chain = Chain::new(vec![der.to_vec().into(), der.to_vec().into()]);
    smtp.chains = Seen::known(vec![chain]);
    let mut facts = Facts::of_domain(Subject::Own, "example.org");
    facts.services.push(smtp);
    if let Some(domain) = &mut facts.domain {
        domain.mx = Seen::known(Mx::Hosts(vec![MxName::new(10, "mx.example.org")]));
        domain.sts_record = Seen::known(vec!["v=STSv1; id=1;".into()]);
        domain.sts_policy = Seen::known(PolicyBody::Text(text.clone()));
        domain.tlsrpt_record = Seen::known(vec![text]);
    }
    facts
}
