//! `tests/data/audit.toml` says what every rule comes to where all is well, and which rules change,
//! and how, where something is not. What it does not name stays as it was.

use crate::support::{TODAY, forget, from_json, good, put, run, set, to_json};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tls_policy::audit::{RULE_SETS, Reason, Report, Scope};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectations {
    /// Where all is well a rule is met, unless it is here.
    good: BTreeMap<String, String>,
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "today")]
    today: String,
    /// Facts that are otherwise.
    #[serde(default)]
    set: BTreeMap<String, Value>,
    /// Facts that are not known.
    #[serde(default)]
    unknown: BTreeMap<String, String>,
    /// What is no fact.
    #[serde(default)]
    put: BTreeMap<String, Value>,
    /// What the rules that change come to: verdict, reason, and cause if a fact is not known. `SET *` is
    /// for the rules of a set that are not named.
    then: BTreeMap<String, String>,
}

fn today() -> String {
    TODAY.into()
}

fn expectations() -> Expectations {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/audit.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

type Outcome = BTreeMap<String, String>;

fn outcome(report: &Report) -> Outcome {
    let rows = report.rows.iter().map(|row| {
        let (verdict, reason) = (row.verdict().code(), row.reason().code());
        let cause = row.findings()[0].cause;
        let cause = cause.map(|cause| format!(" {cause}")).unwrap_or_default();
        let rule = format!("{}@{} {}", row.set.id, row.set.edition, row.rule.id);
        (rule, format!("{verdict} {reason}{cause}"))
    });
    rows.collect()
}

impl Case {
    fn outcome(&self) -> Outcome {
        let mut facts = to_json(&good());
        for (path, to) in &self.put {
            // TOML has no null.
            let to = if to == "@none" { &Value::Null } else { to };
            put(&mut facts, path, to.clone());
        }
        for (path, to) in &self.set {
            set(&mut facts, path, to.clone());
        }
        for (path, cause) in &self.unknown {
            forget(&mut facts, path, cause);
        }
        outcome(&run(&from_json(facts), &self.today))
    }
}

impl Case {
    /// As before, but for what the case says: of a rule, or of the other rules of a set.
    fn expected(&self, before: &Outcome) -> Outcome {
        let known = |name: &String| match name.strip_suffix(" *") {
            Some(set) => before.keys().any(|rule| rule.starts_with(set)),
            None => before.contains_key(name),
        };
        assert!(self.then.keys().all(known), "no such rule: {}", self.name);
        let of = |rule: &String, was: &String| {
            let set = rule.split(' ').next().unwrap();
            let then = self
                .then
                .get(rule)
                .or_else(|| self.then.get(&format!("{set} *")));
            (rule.clone(), then.unwrap_or(was).clone())
        };
        before.iter().map(|(rule, was)| of(rule, was)).collect()
    }
}

/// What differs, as the file would have it.
fn difference(from: &Outcome, to: &Outcome) -> Outcome {
    let changed = to
        .iter()
        .filter(|(rule, outcome)| from.get(*rule) != Some(*outcome));
    changed
        .map(|(rule, outcome)| (rule.clone(), outcome.clone()))
        .collect()
}

fn printed(outcome: &Outcome) -> String {
    let lines = outcome
        .iter()
        .map(|(rule, outcome)| format!("\"{rule}\" = \"{outcome}\"\n"));
    lines.collect()
}

#[test]
fn where_all_is_well_every_rule_says_so() {
    let (found, wanted) = (outcome(&run(&good(), TODAY)), expectations().good);
    let is_met = |outcome: &str| outcome.starts_with("met ");
    let odd = found.iter().filter(|(_, outcome)| !is_met(outcome));
    let odd: Outcome = odd
        .map(|(rule, outcome)| (rule.clone(), outcome.clone()))
        .collect();
    assert!(odd == wanted, "{}", printed(&odd));
}

/// What a case says comes out of it; what it says could not come out of other facts; and together
/// they break every rule that facts can break, and give every reason.
#[test]
fn what_changes_is_what_was_expected_to_change() {
    let before = outcome(&run(&good(), TODAY));
    let (mut wrong, mut seen) = (String::new(), BTreeSet::new());
    let mut given: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut give = |outcome: Outcome| {
        for (rule, outcome) in outcome {
            given.entry(rule).or_default().insert(outcome);
        }
    };
    for case in expectations().case {
        let (found, expected) = (case.outcome(), case.expected(&before));
        // An expectation that could not fail would be one whose facts change nothing.
        if found != expected || expected == before {
            let changed = difference(&before, &found);
            wrong.push_str(&format!("# {}\n{}\n", case.name, printed(&changed)));
        }
        let facts = format!("{:?}", (&case.today, &case.set, &case.unknown, &case.put));
        assert!(seen.insert(facts), "twice: {}", case.name);
        give(found);
    }
    assert!(wrong.is_empty(), "{wrong}");
    give(before);
    all_is_said(&given);
}

fn all_is_said(given: &BTreeMap<String, BTreeSet<String>>) {
    let mut odd = Vec::new();
    for set in RULE_SETS {
        for rule in set.rules {
            let name = format!("{}@{} {}", set.id, set.edition, rule.id);
            let fails = given[&name]
                .iter()
                .any(|outcome| outcome.starts_with("not-met "));
            // Somebody's word is missing, and never wrong; what is announced is no duty.
            let can_fail = rule.scope != Scope::Attested && rule.id != "hybrid-announced";
            if fails != can_fail {
                odd.push(name);
            }
        }
    }
    assert!(odd.is_empty(), "{odd:#?}");
    let reasons = given
        .values()
        .flatten()
        .filter_map(|outcome| outcome.split(' ').nth(1));
    let reasons: BTreeSet<_> = reasons.collect();
    let missing = Reason::ALL.iter().map(|reason| reason.code());
    let missing: Vec<_> = missing.filter(|code| !reasons.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
