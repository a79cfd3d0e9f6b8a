//! Records and a chain out of any octets: lint never panics, an error of it means exactly that the matcher does not
//! say "match", and a rollover from there is safe to plan and ends where nothing is left to do.
//!
//! The input is a list of parts, each two octets of length and its content: records first, as many as the first octet
//! says, then certificates.
#![no_main]

use dane_tlsa::{
    Crypto, Identity, LintOptions, Matcher, Published, References, RolloverStep, RrSet, Severity,
    Tlsa, lint_with, rollover,
};
use libfuzzer_sys::fuzz_target;
use std::time::{Duration, SystemTime};

fuzz_target!(|data: &[u8]| {
    let Some((&count, mut rest)) = data.split_first() else {
        return;
    };
    let mut parts = Vec::new();
    while let Some((&[high, low], after)) = rest.split_first_chunk() {
        let length = usize::from(high) << 8 | usize::from(low);
        let (part, after) = after.split_at(length.min(after.len()));
        parts.push(part);
        rest = after;
    }
    let (records, chain) = parts.split_at(usize::from(count).min(parts.len()));
    let records: Vec<Tlsa> = records
        .iter()
        .filter_map(|part| Tlsa::from_rdata(part).ok())
        .collect();
    let chain: Vec<_> = chain.iter().take(16).map(|part| (*part).into()).collect();
    let (crypto, now) = (
        Crypto::aws_lc_rs(),
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000),
    );
    let Ok(names) = References::new(["mx.example.org"]) else {
        return;
    };
    let mut options = LintOptions::default();
    options.names = Some(names.clone());

    let findings = lint_with(&records, &chain, now, &crypto, &options);
    for finding in &findings {
        assert!(finding.record().is_none_or(|at| at < records.len()));
        assert!(finding.depth().is_none_or(|at| at < chain.len()));
        assert!(finding.to_string().contains(finding.code().as_str()));
    }
    if records.len() <= dane_tlsa::LINT_MAX_RECORDS {
        let usable = RrSet::new(records.clone())
            .assume_secure()
            .usable_for_smtp();
        let matched = usable
            .zip(chain.split_first())
            .is_some_and(|(usable, (own, others))| {
                Matcher::new(usable, names, crypto)
                    .check(own, others, now)
                    .is_match()
            });
        let errors = findings
            .iter()
            .filter(|f| f.severity() == Severity::Error)
            .count();
        assert_eq!(errors, usize::from(!matched), "{findings:?}");
    }

    // From the first certificate to the last one, whatever is published.
    let (Some(first), Some(last)) = (chain.first(), chain.last()) else {
        return;
    };
    let (Ok(current), Ok(next)) = (
        Identity::from_chain([first.clone()]),
        Identity::from_chain([last.clone()]),
    ) else {
        return;
    };
    let Ok(plan) = rollover(
        &Published::settled(records.clone(), 60),
        &current,
        &next,
        &crypto,
    ) else {
        return;
    };
    let mut zone = records;
    let (mut published, mut waited) = (false, false);
    for step in &plan {
        match step {
            RolloverStep::Records(change) => {
                zone.retain(|record| !change.remove().contains(record));
                zone.extend(change.add().iter().cloned());
                (published, waited) = (true, false);
            }
            RolloverStep::Wait { .. } => waited = true,
            // What has just been published is in no cache yet.
            RolloverStep::Switch => assert!(waited || !published, "{plan:?}"),
            _ => {}
        }
    }
    assert!(
        zone.iter().any(|record| next.is_named_by(record, &crypto)),
        "{plan:?}"
    );
    for record in &zone {
        assert!(next.is_named_by(record, &crypto), "{record} is left over");
    }
    let published = Published::settled(zone, 60);
    assert_eq!(
        rollover(&published, &next, &next, &crypto),
        Ok(Vec::new()),
        "something is left to do"
    );
});
