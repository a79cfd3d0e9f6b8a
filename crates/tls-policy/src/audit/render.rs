use super::{Date, Finding, Report, Row, RuleSet, Subject, Verdict};
use serde_json::{Value, json};
use std::fmt;

/// Findings of a row that people are shown.
const SHOWN: usize = 8;

/// For people: set by set, the worst first, with a remedy for what is not met.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = match self.subject {
            Subject::Own => "our own service",
            Subject::Remote => "as seen from the network",
        };
        let name = Finding::not_applicable(&self.name, super::Reason::NoSuch).place;
        writeln!(f, "{name} ({own}), {}", self.today)?;
        for set in &self.sets {
            writeln!(f)?;
            heading(f, set, self.today)?;
            let rows = self.rows.iter();
            let mut rows: Vec<&Row> = rows.filter(|row| std::ptr::eq(row.set, *set)).collect();
            rows.sort_by_key(|row| (std::cmp::Reverse(row.verdict()), row.rule.level));
            let counts = Verdict::ALL.iter().rev().map(|verdict| {
                let count = rows.iter().filter(|row| row.verdict() == *verdict).count();
                format!("{count} {}", word(*verdict))
            });
            writeln!(f, "{}", counts.collect::<Vec<_>>().join(", "))?;
            let shown = rows.iter();
            for row in shown.filter(|row| row.verdict() != Verdict::NotApplicable) {
                write_row(f, row)?;
            }
        }
        Ok(())
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable => "not applicable",
        Verdict::NotMet => "not met",
        other => other.code(),
    }
}

fn heading(f: &mut fmt::Formatter<'_>, set: &RuleSet, today: Date) -> fmt::Result {
    write!(f, "{}, {} ({})", set.title, set.edition, set.issued)?;
    if !set.has_begun(today) {
        write!(f, ", not in force yet")?;
    }
    match set.replaced {
        Some((by, since)) if since <= today => writeln!(f, ", replaced by {by}"),
        _ => writeln!(f),
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, row: &Row) -> fmt::Result {
    let (rule, verdict) = (row.rule, row.verdict());
    let (id, title) = (rule.id, rule.title);
    let level = rule.level.word();
    writeln!(f, "  {:<9} {level:<6} {id}: {title}", word(verdict))?;
    let worst = row.findings().iter().filter(|f| f.verdict == verdict);
    let more = worst.clone().count().saturating_sub(SHOWN);
    for finding in worst.take(SHOWN) {
        write!(f, "            {}: {}", finding.place, finding.reason)?;
        if let Some(cause) = finding.cause {
            write!(f, ", {cause}")?;
        }
        match finding.evidence.as_str() {
            "" => writeln!(f)?,
            evidence => writeln!(f, " [{evidence}]")?,
        }
    }
    if more > 0 {
        writeln!(f, "            and {more} more")?;
    }
    match verdict {
        Verdict::NotMet => writeln!(f, "            do: {} ({})", rule.remedy, rule.source),
        _ => Ok(()),
    }
}

impl Report {
    /// For programs. Members are only added; codes do not change their meaning.
    pub fn to_json(&self) -> Value {
        let sets = self.sets.iter().map(|set| set_json(set, self.today));
        let counts = Verdict::ALL.iter().map(|verdict| {
            let count = self.count(*verdict);
            (verdict.code().to_owned(), Value::from(count))
        });
        json!({
            "name": self.name,
            "subject": match self.subject { Subject::Own => "own", Subject::Remote => "remote" },
            "today": self.today.to_string(),
            "sets": sets.collect::<Vec<_>>(),
            "counts": Value::Object(counts.collect()),
            "rows": self.rows.iter().map(row_json).collect::<Vec<_>>(),
        })
    }
}

fn set_json(set: &RuleSet, today: Date) -> Value {
    let depends = set
        .depends
        .iter()
        .map(|on| format!("{}@{}", on.id, on.edition));
    let left_out = set.left_out.iter();
    let left_out = left_out.map(|out| json!({ "what": out.what, "why": out.why }));
    json!({
        "id": set.id,
        "edition": set.edition,
        "title": set.title,
        "issued": set.issued,
        "counts": set.counts_on(today),
        "replaced-by": set.replaced.map(|(by, _)| by),
        "depends": depends.collect::<Vec<_>>(),
        "left-out": left_out.collect::<Vec<_>>(),
    })
}

fn row_json(row: &Row) -> Value {
    let rule = row.rule;
    let findings = row.findings().iter().map(|finding| {
        json!({
            "place": finding.place,
            "verdict": finding.verdict.code(),
            "reason": finding.reason.code(),
            "cause": finding.cause.map(|cause| cause.code()),
            "evidence": finding.evidence,
        })
    });
    json!({
        "set": row.set.id,
        "edition": row.set.edition,
        "rule": rule.id,
        "title": rule.title,
        "level": rule.level.word(),
        "scope": rule.scope.word(),
        "certainty": rule.certainty.word(),
        "verdict": row.verdict().code(),
        "reason": row.reason().code(),
        "findings": findings.collect::<Vec<_>>(),
        "remedy": rule.remedy,
        "source": rule.source,
    })
}
