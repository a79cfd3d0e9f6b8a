//! The legal feature sets: each must compile by itself.

use crate::backends;
use crate::run::{Cmd, Outcome};
use crate::workspace::Package;

/// Checks each set of each library that is published.
pub(crate) fn run(packages: &[Package]) -> Outcome {
    for package in packages.iter().filter(|p| p.published) {
        for set in &package.feature_sets {
            // Those of another backend are built with its tests, in a folder of its own.
            if !backends::is_foreign(package, set) {
                check(package, set).run()?;
            }
        }
        if !package.feature_sets.iter().any(Vec::is_empty) {
            refuses_none(package)?;
        }
    }
    Ok(())
}

/// Where a feature must be chosen, choosing none is refused with words that name the remedy.
fn refuses_none(package: &Package) -> Outcome {
    let none = check(package, &[]);
    let said = none.output().err().map(|e| e.to_string());
    match said {
        Some(said)
            if package
                .feature_sets
                .iter()
                .flatten()
                .any(|f| said.contains(f.as_str())) =>
        {
            Ok(())
        }
        Some(said) => Err(format!("{said}\n{none}: no compile_error! names a feature").into()),
        None => Err(format!("compiles, though {} needs a feature: {none}", package.name).into()),
    }
}

fn check(package: &Package, features: &[String]) -> Cmd {
    let cmd = Cmd::cargo("check").args(["--quiet", "-p", &package.name, "--no-default-features"]);
    match features {
        [] => cmd,
        some => cmd.args(["--features".into(), some.join(",")]),
    }
}
