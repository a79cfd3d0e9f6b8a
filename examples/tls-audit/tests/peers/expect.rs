//! What a server is expected to show, as people wrote it down in `tests/data/expected.toml`.

use std::collections::BTreeMap;

use serde_json::Value;
use tls_audit::Service;
use tls_policy::audit::{Date, Facts, RULE_SETS, RuleSet, Subject, audit};

use crate::world::HOST;

const FILE: &str = include_str!("../data/expected.toml");

/// Asserts that the facts of a service are as expected: each that is listed, and the evidence apart.
pub(crate) fn expect(name: &str, service: &Service) {
    let all: BTreeMap<String, toml::Table> = toml::from_str(FILE).unwrap();
    let rows = all
        .get(name)
        .unwrap_or_else(|| panic!("{name} is not in the file"));
    let facts = serde_json::to_value(&service.facts).unwrap();
    let mut wrong = Vec::new();
    for (path, expected) in rows {
        let expected = serde_json::to_value(expected).unwrap();
        let found = match path.strip_prefix("row ") {
            Some(rule) => row(service, rule),
            None => fact(&facts, path),
        };
        if found != expected {
            wrong.push(format!("{path}: expected {expected}, found {found}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{name}, {:?}:\n{}",
        service.facts.protocol,
        wrong.join("\n")
    );
    assert!(!rows.is_empty(), "{name}: nothing is expected");
}

/// The verdict of a rule, `SET@EDITION RULE`, on the host with this service alone.
fn row(service: &Service, rule: &str) -> Value {
    let (set, rule) = rule.split_once(' ').unwrap();
    let named = |known: &&&RuleSet| format!("{}@{}", known.id, known.edition) == set;
    let set = RULE_SETS
        .iter()
        .find(named)
        .unwrap_or_else(|| panic!("no set {set}"));
    let mut facts = Facts::of_host(Subject::Remote, HOST);
    facts.services.push(service.facts.clone());
    let report = audit(&facts, &[set], Date::new(2026, 11, 27).unwrap());
    let row = report
        .row(set, rule)
        .unwrap_or_else(|| panic!("no rule {rule}"));
    row.verdict().code().into()
}

/// A value that is known; `unknown: CAUSE` of one that is not; `nothing` of one that is not there.
fn fact(facts: &Value, path: &str) -> Value {
    let mut at = facts.clone();
    for step in path.split('.') {
        at = match step.parse::<usize>() {
            Ok(index) => at.get(index).cloned(),
            Err(_) => at.get(step).cloned(),
        }
        .unwrap_or_else(|| "nothing".into());
        if let Some(known) = at.get("known") {
            at = known.get("value").cloned().unwrap_or(Value::Null);
        } else if let Some(unknown) = at.get("unknown") {
            return format!("unknown: {}", unknown["cause"].as_str().unwrap()).into();
        }
    }
    at
}
