//! The public suites: read from a folder, never copied into the project.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Absent, Outcome};
use crate::suite::{Runner, Which};
use crate::{tools, workspace};

/// A suite, and the test program (`crates/*/tests/NAME.rs`) that prints `NAME: passed of total` for it.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    file: &'static str,
    cases: usize,
    of: &'static str,
}

pub(crate) const SUITES: &[Suite] = &[
    Suite {
        name: "openspf",
        file: "openspf/rfc7208-tests.yml",
        cases: 203,
        of: "SPF, RFC 7208 (rfc7208-tests.yml, openspf.org)",
    },
    Suite {
        name: "openssl_dane",
        file: "openssl-dane/danetest.in",
        cases: 55,
        of: "DANE, RFC 6698 and 7671 (danetest.in and dane-cross.in, OpenSSL)",
    },
];

/// Reads the suites in `--vectors DIR`, `LETTERLOCK_VECTORS` or beside the workspace.
pub(crate) fn run(args: &[String], absent: Absent) -> Outcome {
    let folder = folder(args)?;
    let mut table = Vec::new();
    let mut faults = Vec::new();
    for suite in SUITES {
        let row = match passed(suite, &folder, absent) {
            Ok(Some(passed)) if passed == suite.cases => format!("{passed} of {passed}"),
            Ok(Some(passed)) => {
                faults.push(format!("{}: {passed} of {}", suite.name, suite.cases));
                format!("{passed} of {}", suite.cases)
            }
            Ok(None) => {
                let missing = folder.join(suite.file);
                absent.report(format!(
                    "not run: {} (no {})",
                    suite.name,
                    missing.display()
                ))?;
                "not run".into()
            }
            Err(failure) => {
                faults.push(failure.to_string());
                "failed".into()
            }
        };
        table.push((suite, row));
    }
    println!("\n== suites");
    for (suite, row) in &table {
        println!("{:12} {row}", suite.name);
    }
    if !faults.is_empty() {
        return Err(faults.join("\n").into());
    }
    let all_ran = table.iter().all(|(_, row)| row != "not run");
    if all_ran && args.iter().any(|arg| arg == "--write") {
        fs::write(workspace::root().join("docs/conformance.md"), page(&table))?;
    }
    Ok(())
}

fn folder(args: &[String]) -> Outcome<PathBuf> {
    let given = match args.iter().position(|arg| arg == "--vectors") {
        Some(at) => Some(args.get(at + 1).ok_or("--vectors wants a folder")?.into()),
        None => std::env::var_os("LETTERLOCK_VECTORS").map(PathBuf::from),
    };
    let folder = given.unwrap_or_else(|| workspace::root().join("../shared/vectors"));
    Ok(folder.canonicalize().unwrap_or(folder))
}

/// How many cases passed; `None` if the suite is not there.
fn passed(suite: &Suite, folder: &Path, absent: Absent) -> Outcome<Option<usize>> {
    if !folder.join(suite.file).is_file() {
        return Ok(None);
    }
    tools::compiler()?;
    let runner = Runner::new(&workspace::packages()?, absent)?
        .env("LETTERLOCK_VECTORS", folder.display().to_string());
    let teed = runner.run(Which::Program(suite.name))?;
    match count(&teed.text, suite.name) {
        Some(count) => Ok(Some(count)),
        None => {
            teed.result?;
            Err(format!("{0} printed no line `{0}: N of M`", suite.name).into())
        }
    }
}

fn count(text: &str, suite: &str) -> Option<usize> {
    let mut counts = text.lines().filter_map(|line| {
        let rest = line.trim().strip_prefix(suite)?.strip_prefix(": ")?;
        let (passed, total) = rest.split_once(" of ")?;
        total.trim().parse::<usize>().ok()?;
        passed.parse().ok()
    });
    counts.next()
}

fn page(table: &[(&Suite, String)]) -> String {
    let mut text = String::from(
        "# Conformance\n\nWritten by `cargo xtask conformance --write`; CI runs the same suites on every change.\n\n\
         | suite | of | passed |\n|---|---|---|\n",
    );
    for (suite, row) in table {
        text.push_str(&format!("| {} | {} | {row} |\n", suite.name, suite.of));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_and_a_missing_one_is_no_pass() {
        assert_eq!(count("x\nopenspf: 203 of 203\n", "openspf"), Some(203));
        assert_eq!(count("openspf: 202 of 203", "openspf"), Some(202));
        assert_eq!(count("openspf: all well", "openspf"), None);
        assert_eq!(count("test openspf ... ok", "openspf"), None);
    }

    #[test]
    fn a_missing_suite_fails_only_where_all_must_run() {
        let nowhere = ["--vectors".to_owned(), "/nonexistent".to_owned()];
        assert!(run(&nowhere, Absent::Told).is_ok());
        assert!(run(&nowhere, Absent::Fails).is_err());
    }
}
