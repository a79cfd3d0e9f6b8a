//! All the facts that there are.
#![allow(dead_code, clippy::unwrap_used)] // each test program uses a part of it

use tls_policy::{DaneFact, Facts, Floor, MemoryFact, MxFact, Rule, StsFact, Wish};

pub(crate) const MX: [MxFact; 3] = [MxFact::Secure, MxFact::Insecure, MxFact::Failed];
pub(crate) const DANE: [DaneFact; 5] = [
    DaneFact::Usable,
    DaneFact::Unusable,
    DaneFact::SecureDenial,
    DaneFact::Insecure,
    DaneFact::Failed,
];
pub(crate) const STS: [StsFact; 7] = [
    StsFact::Enforce,
    StsFact::EnforceMismatch,
    StsFact::Testing,
    StsFact::Withdrawn,
    StsFact::None,
    StsFact::Failed,
    StsFact::Unreadable,
];
pub(crate) const MEMORY: [MemoryFact; 4] = [
    MemoryFact::Nothing,
    MemoryFact::Encrypted,
    MemoryFact::Verified,
    MemoryFact::Unreadable,
];
pub(crate) const WISH: [Wish; 3] = [Wish::Default, Wish::RequireTls, Wish::TlsRequiredNo];
pub(crate) const FLOOR: [Floor; 3] = [Floor::Opportunistic, Floor::Encrypted, Floor::Verified];

pub(crate) const DOMAIN: &str = "example.org";
/// One host within the domain, one elsewhere.
pub(crate) const HOSTS: [&str; 2] = ["mx.example.org", "mx.example.net"];

pub(crate) fn rules() -> impl Iterator<Item = Option<Rule>> + Clone {
    std::iter::once(None).chain(Rule::ALL.into_iter().map(Some))
}

pub(crate) fn all() -> impl Iterator<Item = (Facts<'static>, Floor)> {
    FLOOR
        .into_iter()
        .flat_map(|floor| facts().map(move |facts| (facts, floor)))
}

pub(crate) fn facts() -> impl Iterator<Item = Facts<'static>> {
    MX.into_iter()
        .flat_map(|mx| HOSTS.map(|host| Facts::new(DOMAIN, host, mx)))
        .flat_map(|facts| DANE.map(|dane| facts.dane(dane)))
        .flat_map(|facts| STS.map(|sts| facts.sts(sts)))
        .flat_map(|facts| MEMORY.map(|memory| facts.memory(memory)))
        .flat_map(|facts| WISH.map(|wish| facts.wish(wish)))
        .flat_map(|facts| rules().map(move |rule| facts.rule(rule)))
}

/// Words for the facts, as in the table and in the file of expectations.
pub(crate) fn word(fact: impl std::fmt::Debug) -> String {
    let mut word = String::new();
    for letter in format!("{fact:?}").chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.extend(letter.to_lowercase());
    }
    word
}

pub(crate) fn rule_word(rule: Option<Rule>) -> String {
    rule.map_or_else(|| "-".into(), |rule| rule.to_string())
}
