//! What a server is expected to show, as people wrote it down in `tests/data/expected.toml`.

use std::collections::BTreeMap;

use serde_json::Value;
use tls_audit::Service;

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
        let found = fact(&facts, path);
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
