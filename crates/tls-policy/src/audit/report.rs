use super::{Cause, Date, Reason, Rule, RuleSet, Seen, Subject};
use std::cmp::Reverse;

/// What an audit found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// What was audited.
    pub name: String,
    /// Whose it is.
    pub subject: Subject,
    /// The day that the rules were held to.
    pub today: Date,
    /// The sets, in the order in which they were given.
    pub sets: Vec<&'static RuleSet>,
    /// One row for each rule, set by set.
    pub rows: Vec<Row>,
}

/// What a rule comes to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// The set.
    pub set: &'static RuleSet,
    /// The rule.
    pub rule: &'static Rule,
    /// At each place where there was something to judge, the worst first. Never empty.
    findings: Vec<Finding>,
}

/// What a rule comes to at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// A domain, a host, or a host and port.
    pub place: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// If a fact is not known: why not.
    pub cause: Option<Cause>,
    /// What was seen, or what went wrong; may be empty. At most [`MAX_EVIDENCE`](super::MAX_EVIDENCE) octets of ASCII.
    pub evidence: String,
}

/// What a rule comes to. Ordered from good to bad: of several places the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_enums)] // There is no further way for a rule to end.
pub enum Verdict {
    /// There is nothing for the rule to judge, or it cannot be judged of others.
    NotApplicable,
    /// It is so.
    Met,
    /// Somebody stands for it.
    Attested,
    /// The rule, or what it lists, is announced and does not count yet.
    Announced,
    /// A fact that decides it is not known.
    Unknown,
    /// It is not so.
    NotMet,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NotApplicable,
        Self::Met,
        Self::Attested,
        Self::Announced,
        Self::Unknown,
        Self::NotMet,
    ];

    /// A stable word for it: `not-met`.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Met => "met",
            Self::Attested => "attested",
            Self::Announced => "announced",
            Self::Unknown => "unknown",
            Self::NotMet => "not-met",
        }
    }
}

impl Report {
    /// How many rows have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        let mut with = self.rows.iter();
        with.by_ref().filter(|row| row.verdict() == verdict).count()
    }

    /// The row of a rule.
    pub fn row(&self, set: &RuleSet, rule: &str) -> Option<&Row> {
        let mut rows = self.rows.iter();
        rows.find(|row| std::ptr::eq(row.set, set) && row.rule.id == rule)
    }
}

impl Row {
    pub(super) fn new(
        set: &'static RuleSet,
        rule: &'static Rule,
        mut findings: Vec<Finding>,
        name: &str,
    ) -> Self {
        if findings.is_empty() {
            findings.push(Finding::not_applicable(name, Reason::NoSuch));
        }
        findings.sort_by_key(|finding| Reverse((finding.verdict, finding.reason)));
        Self {
            set,
            rule,
            findings,
        }
    }

    /// What it comes to, at the worst place.
    pub fn verdict(&self) -> Verdict {
        let worst = self.findings.first();
        worst.map_or(Verdict::Unknown, |finding| finding.verdict)
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        let worst = self.findings.first();
        worst.map_or(Reason::NotKnown, |finding| finding.reason)
    }

    /// At each place, the worst first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl Finding {
    fn new(place: &str, verdict: Verdict, reason: Reason, evidence: &str) -> Self {
        Self {
            place: clip(place),
            verdict,
            reason,
            cause: None,
            evidence: clip(evidence),
        }
    }

    pub(super) fn met(place: &str, reason: Reason, evidence: &str) -> Self {
        Self::new(place, Verdict::Met, reason, evidence)
    }

    pub(super) fn not_met(place: &str, reason: Reason, evidence: &str) -> Self {
        Self::new(place, Verdict::NotMet, reason, evidence)
    }

    pub(super) fn not_applicable(place: &str, reason: Reason) -> Self {
        Self::new(place, Verdict::NotApplicable, reason, "")
    }

    pub(super) fn of(place: &str, verdict: Verdict, reason: Reason, evidence: &str) -> Self {
        Self::new(place, verdict, reason, evidence)
    }

    pub(super) fn unknown(place: &str, cause: Cause, detail: &str) -> Self {
        Self {
            cause: Some(cause),
            ..Self::new(place, Verdict::Unknown, Reason::NotKnown, detail)
        }
    }

    /// Within the limits again, after something was put to it.
    pub(super) fn clipped(self) -> Self {
        let evidence = clip(&self.evidence);
        Self { evidence, ..self }
    }

    /// The value, or the finding that it is not known.
    pub(super) fn need<'a, T>(place: &str, seen: &'a Seen<T>) -> Result<&'a T, Self> {
        match seen {
            Seen::Known { value, .. } => Ok(value),
            Seen::Unknown { cause, detail } => Err(Self::unknown(place, *cause, detail)),
        }
    }
}

/// Printable ASCII, the rest escaped, and no more of it than a report shows.
fn clip(text: &str) -> String {
    let is_plain = |octet: u8| (b' '..=b'~').contains(&octet);
    if text.len() <= super::MAX_EVIDENCE && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    let mut out = String::new();
    for char in text.chars() {
        let piece = match char {
            ' '..='~' => char.to_string(),
            _ => char.escape_default().to_string(),
        };
        if out.len() + piece.len() > super::MAX_EVIDENCE {
            break;
        }
        out.push_str(&piece);
    }
    out
}
