//! Every test that a table of requirements names exists, and every row says what shows it.

use std::collections::HashSet;

use super::source::Source;

/// The tables, `| 1 | what | where from | state | shown by |`, and their rows, which are numbered without a gap.
const TABLES: &[(&str, usize)] = &[
    ("docs/second-factors.md", 26),
    ("docs/password-policy.md", 28),
];
const STATES: &[&str] = &["tested", "documented", "not yet"];

pub(super) fn check(files: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    let tests = tests(files);
    for (path, rows) in TABLES {
        match files.iter().find(|file| file.path == *path) {
            Some(table) => faults.extend(faults_of(table, *rows, &tests)),
            None => faults.push(format!("{path}: missing")),
        }
    }
    faults
}

fn faults_of(table: &Source, wanted: usize, tests: &HashSet<(String, String)>) -> Vec<String> {
    let (mut faults, mut rows) = (Vec::new(), 0);
    for (at, line) in table.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, number, _, _, state, shown, _] = cells[..] else {
            continue;
        };
        let Ok(number) = number.parse::<usize>() else {
            continue;
        };
        rows += 1;
        if number != rows {
            faults.push(table.fault(at, &format!("row {rows} is called {number}")));
        }
        if !STATES.contains(&state) {
            faults.push(table.fault(at, &format!("a row is one of {STATES:?}, not `{state}`")));
        }
        let named: Vec<_> = named(shown).collect();
        if named.is_empty() && state == "tested" {
            faults.push(table.fault(at, "tested, but no test is named"));
        }
        for (package, test) in named {
            if !tests.contains(&(package.to_owned(), test.to_owned())) {
                faults.push(table.fault(at, &format!("{package} has no test `{test}`")));
            }
        }
    }
    if rows != wanted {
        faults.push(format!("{}: {rows} rows, not {wanted}", table.path));
    }
    faults
}

/// The tests in a cell: `` `package` `test` ``, where further tests of the same package follow. Other words are no code.
fn named(cell: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut package = "";
    cell.split('`').skip(1).step_by(2).filter_map(move |code| {
        if code.contains('_') {
            return Some((package, code));
        }
        package = code;
        None
    })
}

/// Every test of every package: functions below an attribute that ends in `test`, also those of macros of proptest.
fn tests(files: &[Source]) -> HashSet<(String, String)> {
    let mut tests = HashSet::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let mut parts = file.path.split('/');
        let (Some("crates" | "examples"), Some(package)) = (parts.next(), parts.next()) else {
            continue;
        };
        let mut attribute = false;
        for line in file.text.lines().map(str::trim) {
            if line.starts_with("#[") {
                attribute |= is_test(line);
            } else if !line.starts_with("//") && !line.is_empty() {
                let function = line
                    .strip_prefix("async ")
                    .unwrap_or(line)
                    .strip_prefix("fn ");
                if let (true, Some(rest)) = (attribute, function) {
                    let name = rest.split(['(', '<']).next().unwrap_or_default();
                    tests.insert((package.to_owned(), name.to_owned()));
                }
                attribute = false;
            }
        }
    }
    tests
}

/// `#[test]`, `#[tokio::test]`, `#[tokio::test(flavor = …)]`.
fn is_test(attribute: &str) -> bool {
    let inside = attribute.trim_start_matches("#[");
    let path = inside.split(['(', ']']).next().unwrap_or_default();
    path == "test" || path.ends_with("::test")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "#[test]\nfn once_only() {}\n#[tokio::test(flavor = \"x\")]\n#[ignore]\nasync fn of_two() {}\n\
        fn helper_of_both() {}\n// #[test]\nfn not_a_test() {}\n";

    /// Tables of which all rows but the first of the first one are documented.
    fn with(first: &str) -> Vec<String> {
        let mut files = vec![Source::new("crates/a/tests/x.rs", CODE)];
        for (at, (path, rows)) in TABLES.iter().enumerate() {
            let first = if at == 0 {
                first
            } else {
                "| 1 | a | N | documented | here |"
            };
            let mut table =
                format!("| # | what | from | state | shown by |\n|---|---|---|---|---|\n{first}\n");
            for row in 2..=*rows {
                table += &format!("| {row} | a | N | documented | here |\n");
            }
            files.push(Source::new(path, &table));
        }
        check(&files)
    }

    #[test]
    fn a_test_that_is_named_must_exist() {
        assert_eq!(
            with("| 1 | a | N | tested | `a` `once_only` `of_two` |"),
            [""; 0]
        );
        for missing in [
            "`a` `once_upon`",
            "`b` `once_only`",
            "`a` `helper_of_both`",
            "`a` `not_a_test`",
        ] {
            let faults = with(&format!("| 1 | a | N | tested | {missing} |"));
            assert_eq!(faults.len(), 1, "{missing}: {faults:?}");
        }
        // One that went away beside one that is there.
        assert_eq!(
            with("| 1 | a | N | tested | `a` `once_only` `gone_by` |").len(),
            1
        );
    }

    #[test]
    fn a_row_says_what_shows_it() {
        assert_eq!(with("| 1 | a | N | tested | trust us |").len(), 1);
        assert_eq!(with("| 1 | a | N | surely | `a` `once_only` |").len(), 1);
        assert_eq!(with("| 3 | a | N | documented | here |").len(), 1);
        assert_eq!(
            with("").len(),
            TABLES[0].1,
            "each is one too low, and one is missing"
        );
        assert_eq!(check(&[]).len(), TABLES.len());
    }
}
