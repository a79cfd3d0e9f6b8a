//! The page for people.

use std::fmt::Write;
use tls_policy::audit::{RULE_SETS, Reason, RuleSet};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit-rules.md");

/// `LETTERLOCK_BLESS=1 cargo test -p tls-policy --features audit --test audit` writes the page.
#[test]
fn the_page_is_what_the_rules_say() {
    let page = page();
    if std::env::var_os("LETTERLOCK_BLESS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        written == page,
        "{PAGE} is out of date: LETTERLOCK_BLESS=1 writes it"
    );
}

fn page() -> String {
    let mut page = String::from(
        "# The rules of an audit\n\n\
         Every rule of `tls_policy::audit`, written by its tests (`LETTERLOCK_BLESS=1 cargo test -p tls-policy --features\n\
         audit --test audit`), and what is left out of each set. Paraphrased; the text that counts is the publisher's.\n\
         Conformity with BSI's guidelines is declared by the operator, on his own responsibility; no report here stands\n\
         for it.\n\n\
         *Scope*: remote rules are judged of anybody, own rules only of one's own service, attested rules by somebody's\n\
         word. *Known*: primary is from the publisher's text, secondary from what others write of it.\n",
    );
    for set in RULE_SETS {
        section(&mut page, set);
    }
    page.push_str("\n## Reasons\n\n| code | |\n|---|---|\n");
    for reason in Reason::ALL {
        writeln!(page, "| `{}` | {} |", reason.code(), reason.text()).unwrap();
    }
    page
}

fn section(page: &mut String, set: &RuleSet) {
    writeln!(page, "\n## `{}` {}\n", set.id, set.edition).unwrap();
    write!(page, "{}; issued {}", set.title, set.issued).unwrap();
    match set.from {
        Some(from) => write!(page, ", counts from {from}").unwrap(),
        None => write!(page, ", counts from a day that is not known").unwrap(),
    }
    if let Some((by, since)) = set.replaced {
        write!(page, ", replaced by {by} from {since}").unwrap();
    }
    let on = set.depends.iter();
    let on: Vec<_> = on.map(|on| format!("`{}` {}", on.id, on.edition)).collect();
    match on.is_empty() {
        true => page.push_str(".\n"),
        false => writeln!(page, "; rests on {}.", on.join(" and ")).unwrap(),
    }
    page.push_str("\n| rule | wants | level | scope | source | known | if not |\n|---|---|---|---|---|---|---|\n");
    for rule in set.rules {
        let (level, scope) = (rule.level.word(), rule.scope.word());
        let from = rule
            .from
            .map(|from| format!(" (from {from})"))
            .unwrap_or_default();
        let (id, title, source) = (rule.id, rule.title, rule.source);
        let (known, remedy) = (rule.certainty.word(), rule.remedy);
        writeln!(
            page,
            "| `{id}` | {title}{from} | {level} | {scope} | {source} | {known} | {remedy} |"
        )
        .unwrap();
    }
    page.push_str("\nLeft out:\n\n");
    for out in set.left_out {
        writeln!(page, "- {}: {}", out.what, out.why).unwrap();
    }
}
