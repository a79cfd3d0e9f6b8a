//! Every decision there is, beside what `tests/data/decisions.toml` expects; and the table for people.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{DANE, DOMAIN, FLOOR, HOSTS, MEMORY, MX, STS, WISH, all, rule_word, rules, word};
use serde::Deserialize;
use std::fmt::Write;
use tls_policy::{
    Action, Attempt, Decision, Facts, Floor, MemoryFact, MxFact, Next, Reason, Rule, Wish, decide,
};

#[derive(Deserialize)]
struct Expectations {
    row: Vec<Row>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    rfc: String,
    mx: Option<Vec<String>>,
    dane: Option<Vec<String>>,
    sts: Option<Vec<String>>,
    memory: Option<Vec<String>>,
    wish: Option<Vec<String>>,
    rule: Option<Vec<String>>,
    floor: Option<Vec<String>>,
    then: String,
    code: String,
}

/// A set of facts in words, and what was decided for it.
struct Case {
    words: [String; 7],
    then: String,
    code: &'static str,
}

fn cases() -> Vec<Case> {
    let case = |(facts, floor): (Facts<'static>, Floor)| {
        let decision = decide(&facts, floor);
        Case {
            words: [
                word(facts.mx_set),
                word(facts.dane),
                word(facts.sts),
                word(facts.memory),
                word(facts.wish),
                rule_word(facts.rule),
                word(floor),
            ],
            then: then(&facts, &decision),
            code: decision.reason().code(),
        }
    };
    all().map(case).collect()
}

impl Row {
    fn fits(&self, case: &Case) -> bool {
        let wanted = [
            &self.mx,
            &self.dane,
            &self.sts,
            &self.memory,
            &self.wish,
            &self.rule,
            &self.floor,
        ];
        let is = |(wanted, word): (&Option<Vec<String>>, &String)| {
            wanted.as_ref().is_none_or(|words| words.contains(word))
        };
        wanted.into_iter().zip(&case.words).all(is)
    }

    fn agrees(&self, case: &Case) -> bool {
        self.then == case.then && self.code == case.code
    }

    /// No word that no fact has: it would fit nothing, and nobody would see.
    fn is_spelled(&self) -> bool {
        let all = |wanted: &Option<Vec<String>>, known: Vec<String>| {
            wanted.iter().flatten().all(|word| known.contains(word))
        };
        all(&self.mx, MX.map(word).into())
            && all(&self.dane, DANE.map(word).into())
            && all(&self.sts, STS.map(word).into())
            && all(&self.memory, MEMORY.map(word).into())
            && all(&self.wish, WISH.map(word).into())
            && all(&self.rule, rules().map(rule_word).collect())
            && all(&self.floor, FLOOR.map(word).into())
    }
}

fn expectations() -> Vec<Row> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/decisions.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let rows: Expectations = toml::from_str(&text).unwrap();
    rows.row
}

/// The action, with words for names.
fn then(facts: &Facts<'_>, decision: &Decision<'_>) -> String {
    let Action::WebPki { names } = decision.action() else {
        return decision.action().to_string();
    };
    let names: Vec<&str> = names.iter().collect();
    // Where the host lies within the domain both are its own; elsewhere only the domain is.
    let own = match facts.mx == HOSTS[0] {
        true => vec![facts.mx, DOMAIN],
        false => vec![DOMAIN],
    };
    match names {
        names if names == own => "webpki own".into(),
        names if names == [facts.mx] => "webpki mx".into(),
        names => format!("webpki {names:?}"),
    }
}

/// For every set of facts the first row that fits.
fn deciding(rows: &[Row], cases: &[Case]) -> Vec<Option<usize>> {
    let first = |case| rows.iter().position(|row| row.fits(case));
    cases.iter().map(first).collect()
}

#[test]
fn every_decision_is_the_expected_one() {
    let (rows, cases) = (expectations(), cases());
    let odd: Vec<_> = rows.iter().filter(|row| !row.is_spelled()).collect();
    assert!(odd.is_empty(), "{odd:?}");
    let deciding = deciding(&rows, &cases);
    for (case, row) in cases.iter().zip(&deciding) {
        let row = row.map(|at| &rows[at]).expect("no row fits");
        let (words, then, code) = (&case.words, &case.then, case.code);
        assert!(
            row.agrees(case),
            "{}: {then} ({code}) for {words:?}",
            row.rfc
        );
    }
    // Each row decides something, and says something that is not said elsewhere: a row that is left
    // out, or says something else, is noticed.
    for (at, row) in rows.iter().enumerate() {
        let mut decides = cases
            .iter()
            .zip(&deciding)
            .filter(|(_, by)| **by == Some(at));
        assert!(decides.next().is_some(), "decides nothing: {}", row.rfc);
    }
}

#[test]
fn an_expectation_that_is_wrong_or_missing_is_noticed() {
    let (rows, cases) = (expectations(), cases());
    let by = deciding(&rows, &cases);
    let notices = |rows: &[Row], at: usize, from: usize| {
        let decided = cases.iter().zip(&by).filter(|(_, by)| **by == Some(at));
        let mut decided = decided.map(|(case, _)| case);
        decided.any(|case| {
            let row = rows[from..].iter().find(|row| row.fits(case));
            row.is_none_or(|row| !row.agrees(case))
        })
    };
    for (at, row) in rows.iter().enumerate() {
        assert!(!notices(&rows, at, at), "{}", row.rfc);
        assert!(notices(&rows, at, at + 1), "not needed: {}", row.rfc);
    }
}

#[test]
fn every_reason_is_given_somewhere() {
    let mut given: Vec<Reason> = all().map(|(f, floor)| decide(&f, floor).reason()).collect();
    given.sort();
    given.dedup();
    assert_eq!(given, Reason::ALL);
}

#[test]
fn a_decision_is_told_in_a_sentence() {
    let facts = Facts::new(DOMAIN, "mx.example.org", MxFact::Insecure)
        .dane(tls_policy::DaneFact::Insecure)
        .sts(tls_policy::StsFact::None)
        .memory(MemoryFact::Nothing);
    let decision = decide(&facts, Floor::Verified);
    assert_eq!(
        decision.to_string(),
        "webpki for mx.example.org or example.org (floor.verified-domain): the sender demands a verified \
         peer; only a certificate for the domain's own name proves it"
    );
    let forgotten = Facts::new(DOMAIN, "mx.example.org", MxFact::Secure);
    assert_eq!(
        decide(&forgotten, Floor::Opportunistic).reason(),
        Reason::DaneFailed
    );
}

// The table for people.

const TABLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/tls-policy-decisions.md"
);

/// `LETTERLOCK_BLESS=1 cargo test -p tls-policy --test decisions` writes the page.
#[test]
fn the_page_is_what_the_code_decides() {
    let page = page();
    if std::env::var_os("LETTERLOCK_BLESS").is_some() {
        std::fs::write(TABLE, &page).unwrap();
    }
    let written = std::fs::read_to_string(TABLE).unwrap_or_default();
    assert!(
        written == page,
        "{TABLE} is out of date: LETTERLOCK_BLESS=1 writes it"
    );
}

/// Values of one fact, and the rows that are the same for all of them.
type Lines = Vec<(Vec<String>, String)>;

/// The facts in the order in which the page divides them, each as the words for its values.
fn columns() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("Message", WISH.map(word).into()),
        ("local rule", rules().map(rule_word).collect()),
        ("floor", FLOOR.map(word).into()),
        ("DANE", DANE.map(word).into()),
        ("MX set", MX.map(word).into()),
        ("MTA-STS", STS.map(word).into()),
        ("memory", MEMORY.map(word).into()),
    ]
}

/// How many of them make a section.
const SECTION: usize = 2;

fn outcome(at: &[usize]) -> String {
    let rules: Vec<Option<Rule>> = rules().collect();
    let facts = Facts::new(DOMAIN, HOSTS[1], MX[at[4]])
        .wish(WISH[at[0]])
        .rule(rules[at[1]])
        .dane(DANE[at[3]])
        .sts(STS[at[5]])
        .memory(MEMORY[at[6]]);
    let decision = decide(&facts, FLOOR[at[2]]);
    let follows = |attempt| follows(decision.after(attempt));
    let after = match (decision.action(), facts.wish) {
        (Action::NextMx { .. } | Action::Refuse(_), _) => String::new(),
        (_, Wish::RequireTls) => Attempt::ALL.map(follows).join(" / "),
        _ => [
            Attempt::NoStartTls,
            Attempt::HandshakeFailed,
            Attempt::NotAuthenticated,
        ]
        .map(follows)
        .join(" / "),
    };
    let (then, code) = (then(&facts, &decision), decision.reason().code());
    format!("{then} | `{code}` | {after}")
}

fn follows(next: Next) -> String {
    match next {
        Next::GoOn => "go on".into(),
        Next::ClearAnew => "clear anew".into(),
        Next::NextMx { last } => last.to_string(),
    }
}

/// The rows below a choice of the first facts; values that change nothing are put together.
fn lines(columns: &[(&str, Vec<String>)], at: &mut Vec<usize>) -> Lines {
    let Some((_, words)) = columns.get(at.len()) else {
        return vec![(Vec::new(), outcome(at))];
    };
    let mut groups: Vec<(Vec<&str>, Lines)> = Vec::new();
    for (value, word) in words.iter().enumerate() {
        at.push(value);
        let below = lines(columns, at);
        at.pop();
        match groups.iter_mut().find(|(_, same)| *same == below) {
            Some((words, _)) => words.push(word),
            None => groups.push((vec![word], below)),
        }
    }
    let mut all = Lines::new();
    for (group, below) in groups {
        let cell = match group.len() == words.len() {
            true => "any".into(),
            false => group.join(", "),
        };
        for (mut cells, outcome) in below {
            cells.insert(0, cell.clone());
            all.push((cells, outcome));
        }
    }
    all
}

fn page() -> String {
    let columns = columns();
    let lines = lines(&columns, &mut Vec::new());
    let mut page = String::from(
        "# What tls-policy decides\n\n\
         Every decision of `tls_policy::decide`, written by its tests (`LETTERLOCK_BLESS=1 cargo test -p tls-policy --test\n\
         decisions`), which also compare each with expectations that were written by hand\n\
         (`crates/tls-policy/tests/data/decisions.toml`). A row holds for all the values that it names, and exactly one row\n\
         for each set of facts.\n\n\
         *webpki mx* wants a certificate for the MX host, *webpki own* one for the recipient domain, or for the MX host if\n\
         that lies within the domain. The last column says what follows if the server offers no STARTTLS / the handshake\n\
         fails / the certificate is not the one that was wanted / REQUIRETLS is not offered: *go on* on the same connection,\n\
         *clear anew* on a new one without TLS, or the next MX host and, after the last, what stands there.\n\n\
         Somebody is told (`Decision::alarms`) with `memory.drop`; and, if the memory is encrypted or verified, with\n\
         `sts.failed`, `sts.mx-mismatch`, `rule.dane-only`, `rule.sts`, and whenever TLS falls short of what was decided\n\
         (`Decision::alarms_after`).\n",
    );
    let (sections, table) = columns.split_at(SECTION);
    let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
    let names = names.join(" | ");
    let mut before = &[][..];
    for (cells, outcome) in &lines {
        let (section, cells) = cells.split_at(SECTION);
        if section != before {
            before = section;
            let named = sections.iter().zip(section);
            let named = named.map(|((name, _), cell)| format!("{name}: {cell}"));
            let named = named.collect::<Vec<_>>().join("; ");
            write!(page, "\n## {named}\n\n").unwrap();
            writeln!(page, "| {names} | then | reason | if it falls short |").unwrap();
            writeln!(page, "|{}", "---|".repeat(table.len() + 3)).unwrap();
        }
        writeln!(page, "| {} | {outcome} |", cells.join(" | ")).unwrap();
    }
    page += "\n## Reasons\n\n| code | sentence |\n|---|---|\n";
    for reason in Reason::ALL {
        writeln!(page, "| `{}` | {reason} |", reason.code()).unwrap();
    }
    for attempt in Attempt::ALL {
        writeln!(page, "| `{}` | {attempt} |", attempt.code()).unwrap();
    }
    page
}

#[test]
fn who_is_told_is_as_the_page_says() {
    let mismatch = [
        "sts.failed",
        "sts.mx-mismatch",
        "rule.dane-only",
        "rule.sts",
    ];
    for (facts, floor) in all() {
        let decision = decide(&facts, floor);
        let code = decision.reason().code();
        let known = matches!(facts.memory, MemoryFact::Encrypted | MemoryFact::Verified);
        let told = code == "memory.drop" || known && mismatch.contains(&code);
        assert_eq!(decision.alarms(), told, "{facts:?}");
        let connects = !matches!(
            decision.action(),
            Action::NextMx { .. } | Action::Refuse(_) | Action::Clear | Action::Opportunistic
        );
        let told = known && connects;
        assert_eq!(
            decision.alarms_after(Attempt::NoStartTls),
            told,
            "{facts:?}"
        );
    }
}
