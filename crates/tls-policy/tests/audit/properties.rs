//! To know less never makes anything better, nor worse.

use crate::support::{TODAY, forget, from_json, good, known, put, run, set, to_json};
use proptest::prelude::*;
use serde_json::{Value, json};
use tls_policy::audit::{Cause, Facts, Protocol, Report, Subject, Verdict};

/// What was said before, and what is said now that a fact is gone.
type Change = (String, Verdict, Verdict, Option<Cause>);

fn changes(before: &Report, after: &Report) -> Vec<Change> {
    let both = before.rows.iter().zip(&after.rows);
    let changed = both.filter(|(b, a)| b.verdict() != a.verdict());
    let changed = changed.map(|(before, after)| {
        let cause = after.findings()[0].cause;
        (
            before.rule.id.to_owned(),
            before.verdict(),
            after.verdict(),
            cause,
        )
    });
    changed.collect()
}

/// Changes that no missing fact may make. Somebody's word may take its place where the rule says so.
fn wrong(changes: &[Change], cause: Cause) -> Vec<&Change> {
    let legal = |change: &&Change| match change {
        (_, _, Verdict::Unknown, Some(why)) => *why != cause,
        (_, _, Verdict::Attested, _) => false,
        _ => true,
    };
    changes.iter().filter(legal).collect()
}

/// Facts in various states: all well, and in some way wrong.
fn states() -> Vec<Value> {
    let mut less = good();
    // These have every kind of fact.
    less.services
        .retain(|s| matches!(s.protocol, Protocol::Submission) || s.host.starts_with("mx"));
    let good = to_json(&less);
    let mut states = vec![good.clone()];
    let mut with = |changes: &[(&str, Value)]| {
        let mut facts = good.clone();
        for (path, to) in changes {
            set(&mut facts, path, to.clone());
        }
        states.push(facts);
    };
    let offers = |codes: &[u16]| json!({ "accepted": codes });
    with(&[
        ("/services/*/tls/tls10", json!(true)),
        (
            "/services/*/tls/suites12",
            offers(&[0xC02B, 0xC013, 0x0033, 0xCCA8, 0x000A]),
        ),
        ("/services/*/tls/suites13", offers(&[0x1301, 0x1303])),
        ("/services/*/tls/groups13", offers(&[4588, 29, 23])),
        ("/services/*/tls/groups12", offers(&[29, 23, 257])),
        ("/services/*/tls/dhe_bits", json!([2048])),
        ("/services/*/chains", json!("@chain:rsa-2048")),
    ]);
    with(&[
        ("/services/*/tls/tls13", json!(false)),
        ("/services/1/starttls", json!(false)),
        ("/services/2/reachable", json!(false)),
        ("/hosts/0/tlsa", json!([])),
        ("/hosts/1/tlsa_dnssec", json!("insecure")),
        (
            "/domain/tlsrpt_record",
            json!(["v=TLSRPTv1; rua=https://example.org/"]),
        ),
        ("/domain/sts_record", json!([])),
        ("/domain/srv", json!([])),
        ("/own/obeys_dmarc", json!(false)),
    ]);
    with(&[
        ("/domain/mx", json!("null")),
        ("/domain/sends", json!(false)),
        ("/services/*/tls/tls12", json!(false)),
        ("/services/*/chains", json!("@chain:self-signed")),
    ]);
    states
}

/// For each fact that is known: its path, and what changes if it is not known for some cause.
fn without(states: &[Value], today: &str) -> Vec<(String, Cause, Vec<Change>)> {
    let mut all = Vec::new();
    for state in states {
        let before = run(&from_json(state.clone()), today);
        // The second MX host has what the first one has, but for what a state changes.
        let paths = known(state).into_iter();
        let paths =
            paths.filter(|p| !p.starts_with("/services/1/tls/") && p != "/services/1/chains");
        for (at, path) in paths.enumerate() {
            let cause = Cause::ALL[at % Cause::ALL.len()];
            let mut less = state.clone();
            forget(&mut less, &path, cause.code());
            let changes = changes(&before, &run(&from_json(less), today));
            all.push((path, cause, changes));
        }
    }
    all
}

fn violations(all: &[(String, Cause, Vec<Change>)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, cause, changes) in all {
        let odd = wrong(changes, *cause).into_iter();
        found.extend(odd.map(|change| format!("{path} {cause}: {change:?}")));
    }
    found
}

#[test]
fn a_fact_that_is_taken_away_leaves_the_verdict_or_makes_it_unknown() {
    let states = states();
    let mut all = without(&states, TODAY);
    all.extend(without(&states[1..2], "2033-01-01"));
    let found = violations(&all);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_rule_that_passes_what_it_does_not_know_is_noticed() {
    let all = without(&states()[..1], TODAY);
    let twisted = |twist: &dyn Fn(&mut Change)| {
        let mut all = all.clone();
        let changes = all.iter_mut().flat_map(|(_, _, changes)| changes);
        changes.for_each(twist);
        violations(&all)
    };
    assert!(twisted(&|_| {}).is_empty());
    for passed in [Verdict::Met, Verdict::NotMet, Verdict::NotApplicable] {
        assert!(
            !twisted(&|(_, _, after, _)| *after = passed).is_empty(),
            "{passed:?}"
        );
    }
    // And one that forgets why.
    assert!(!twisted(&|(_, _, _, cause)| *cause = None).is_empty());
}

/// Each rule that is met, or not met, hangs on some fact.
#[test]
fn no_verdict_comes_from_nothing() {
    let facts = to_json(&good());
    let mut nothing = facts.clone();
    for path in known(&facts) {
        // One within another is gone with it.
        if nothing.pointer(&path).is_some() {
            forget(&mut nothing, &path, "time-out");
        }
    }
    let (before, after) = (
        run(&from_json(facts), TODAY),
        run(&from_json(nothing), TODAY),
    );
    for (before, after) in before.rows.iter().zip(&after.rows) {
        let (id, was, is) = (before.rule.id, before.verdict(), after.verdict());
        match was {
            Verdict::Met | Verdict::NotMet => assert_eq!(is, Verdict::Unknown, "{id}"),
            _ => assert!(is != Verdict::Met && is != Verdict::NotMet, "{id}: {is:?}"),
        }
    }
    // Nothing at all was ever looked at.
    let empty = Facts::of_domain(Subject::Remote, "example.org");
    let report = run(&empty, TODAY);
    assert_eq!(
        (report.count(Verdict::Met), report.count(Verdict::NotMet)),
        (0, 0)
    );
    assert!(report.count(Verdict::Unknown) > 50);
}

/// Questions that were cut short: what was agreed to still counts, what was not asked does not.
#[test]
fn a_list_that_is_cut_short_is_never_met_for_what_it_lacks() {
    for state in states() {
        let before = run(&from_json(state.clone()), TODAY);
        for path in known(&state) {
            let inside = format!("{path}/known/value");
            let is_list = state
                .pointer(&inside)
                .is_some_and(|v| v.get("accepted").is_some());
            if !is_list {
                continue;
            }
            let mut less = state.clone();
            let mut list = less.pointer(&inside).unwrap().clone();
            list["open"] = json!("budget-spent");
            put(&mut less, &inside, list);
            let changes = changes(&before, &run(&from_json(less), TODAY));
            let odd = wrong(&changes, Cause::BudgetSpent);
            assert!(odd.is_empty(), "{path}: {odd:?}");
        }
    }
}

/// Of several MX hosts the worst counts, and one that nobody examined is not good.
#[test]
fn the_worst_mx_counts() {
    let mut facts = to_json(&good());
    set(&mut facts, "/services/1/tls/tls11", json!(true));
    let verdict = |facts: &Value| {
        let report = run(&from_json(facts.clone()), TODAY);
        let mut rows = report.rows.iter();
        let row = rows.find(|row| row.rule.id == "tls-version").unwrap();
        (
            row.verdict(),
            row.findings().len(),
            row.findings()[0].place.clone(),
        )
    };
    assert_eq!(
        verdict(&facts),
        (Verdict::NotMet, 2, "mx2.example.org:25".into())
    );
    facts["services"].as_array_mut().unwrap().remove(1);
    assert_eq!(
        verdict(&facts),
        (Verdict::Unknown, 2, "mx2.example.org:25".into())
    );
    // Nor is a set that nobody knows.
    let mut unknown = facts.clone();
    forget(&mut unknown, "/domain/mx", "serv-fail");
    assert_eq!(
        verdict(&unknown),
        (Verdict::Unknown, 1, "example.org".into())
    );
    // The mutation: without the second host in the set, all is well.
    let one = json!({ "hosts": [{ "preference": 10, "host": "MX1.example.org." }] });
    set(&mut facts, "/domain/mx", one);
    assert_eq!(verdict(&facts).0, Verdict::Met);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the certificates, names and numbers.
    #[test]
    fn no_facts_make_it_panic(
        der in proptest::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..2000,
        flip in any::<u8>(),
        codes in proptest::collection::vec(any::<u16>(), 0..20),
        text in ".{0,40}",
        year in 1970_u16..9999,
    ) {
        let mut facts = good();
        facts.services.truncate(3);
        let chains = std::mem::take(&mut facts.services[0].chains);
        facts.services[0].chains = chains.map(|mut chains| {
            let mut bytes = chains[0].certificates[0].as_ref().to_vec();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            chains[0].certificates[0] = bytes.into();
            chains[0].certificates.push(der.clone().into());
            chains
        });
        let mut json = to_json(&facts);
        set(&mut json, "/services/1/tls/suites12", json!({ "accepted": codes }));
        set(&mut json, "/services/1/tls/groups13", json!({ "accepted": codes, "open": "time-out" }));
        set(&mut json, "/domain/sts_record", json!([format!("v=STSv1{text}")]));
        set(&mut json, "/domain/sts_policy", json!({ "text": text }));
        set(&mut json, "/domain/tlsrpt_record", json!([format!("v=TLSRPTv1;{text}")]));
        put(&mut json, "/name", json!(text));
        let report = run(&from_json(json), &format!("{year}-01-31"));
        let text = report.to_string();
        prop_assert!(text.bytes().all(|o| o == b'\n' || (b' '..=b'~').contains(&o)));
        prop_assert!(report.to_json().is_object());
    }
}
