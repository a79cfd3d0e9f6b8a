//! Every RFC that the code cites is in docs/rfc.toml, and what that file calls implemented is cited.

use toml::{Table, Value};

use super::source::Source;

const INDEX: &str = "docs/rfc.toml";
const STATES: &[&str] = &["implemented", "partial", "planned"];

pub(super) fn check(files: &[Source]) -> Vec<String> {
    let Some(index) = files.iter().find(|f| f.path == INDEX) else {
        return vec![format!("{INDEX}: missing")];
    };
    let table: Table = match index.text.parse() {
        Ok(table) => table,
        Err(error) => return vec![format!("{INDEX}: {error}")],
    };
    let mut faults = Vec::new();
    let rust: Vec<&Source> = files
        .iter()
        .filter(|f| f.is_rust() && !f.path.starts_with("xtask/"))
        .collect();
    for file in &rust {
        for (at, line) in file.lines() {
            for number in cited(line) {
                if !table.contains_key(number) {
                    faults.push(file.fault(at, &format!("RFC {number} is not in {INDEX}")));
                }
            }
        }
    }
    for (number, entry) in &table {
        faults.extend(entry_faults(number, entry, &rust));
    }
    faults
}

fn entry_faults(number: &str, entry: &Value, rust: &[&Source]) -> Vec<String> {
    let field = |name| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let (status, module) = (field("status"), field("module"));
    let mut faults = Vec::new();
    if field("title").is_empty() || !STATES.contains(&status) {
        faults.push(format!(
            "{INDEX}: {number} wants a title and a status of {STATES:?}"
        ));
    }
    let cites = |file: &&&Source| {
        let inside = module.split(", ").any(|m| file.path.starts_with(m));
        inside && file.text.lines().flat_map(cited).any(|n| n == number)
    };
    if status != "planned" && !rust.iter().any(|file| cites(&file)) {
        let what = format!("{INDEX}: {number} is {status}, but nothing in `{module}` cites it");
        faults.push(what);
    }
    faults
}

/// The numbers in `RFC NNNN`.
fn cited(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("RFC ").filter_map(|(at, word)| {
        let rest = &line[at + word.len()..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest.get(..end)
            .filter(|number| (3..=5).contains(&number.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(index: &str, code: &str) -> Vec<String> {
        check(&[
            Source::new(INDEX, index),
            Source::new("crates/msg-validate/src/spf.rs", code),
        ])
    }

    const SPF: &str =
        "[7208]\ntitle = \"SPF\"\nstatus = \"implemented\"\nmodule = \"crates/msg-validate\"\n";

    #[test]
    fn a_citation_must_be_indexed() {
        assert!(with(SPF, "// RFC 7208 §4.6.4: \"…\"").is_empty());
        assert_eq!(with(SPF, "// RFC 7208 §4, RFC 9999 §1").len(), 1);
    }

    #[test]
    fn implemented_without_a_citation_is_a_fault() {
        assert_eq!(with(SPF, "// nothing").len(), 1);
        let planned = SPF.replace("implemented", "planned");
        assert!(with(&planned, "// nothing").is_empty());
    }

    #[test]
    fn an_unknown_status_or_no_index_is_a_fault() {
        let odd = SPF.replace("implemented", "done");
        assert_eq!(with(&odd, "// RFC 7208 §1").len(), 1);
        assert_eq!(check(&[]).len(), 1);
    }
}
