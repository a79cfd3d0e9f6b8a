//! Every test that needs nothing foreign, and the quick ones on a PostgreSQL server of their own.

use crate::run::{Absent, Cmd, Outcome};
use crate::suite::{self, Runner, Which};
use crate::{interop, site, tools, workspace};

/// Unit, property and integration tests, then the examples in the documentation.
pub(crate) fn run(filter: &[String]) -> Outcome {
    let mut summary = String::new();
    let tested = tests(filter, Absent::from_env(), &mut summary);
    let documented = match filter {
        [] => doctests(),
        _ => Ok(()),
    };
    println!("\n{summary}");
    tested.and(documented)
}

/// The tests proper; what sums them up goes into `summary`, which wants to be the last lines of all: first what was not
/// run, or on what.
pub(crate) fn tests(filter: &[String], absent: Absent, summary: &mut String) -> Outcome {
    tools::compiler()?;
    site::run()?;
    if filter.is_empty() {
        site::tests()?;
    }
    let runner = Runner::new(&workspace::packages()?, absent)?;
    let teed = runner.run(Which::Plain(filter))?;
    let sum = suite::summary(&teed.text);
    let quick = interop::quick(filter, absent, summary);
    summary.push_str(&sum);
    teed.result?;
    quick
}

pub(crate) fn doctests() -> Outcome {
    let packages = workspace::packages()?;
    Cmd::cargo("test")
        .args(["--doc", "--quiet"])
        .args(workspace::everything(&packages))
        .run()
}
