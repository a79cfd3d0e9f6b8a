//! The rules of the house that no compiler knows. Each rule is a pure function with a bad sample that it must refuse.

mod backends;
mod edges;
mod ignored;
mod lengths;
mod logins;
mod paths;
mod published;
mod readmes;
mod requirements;
mod rfcs;
mod source;
mod targets;

use std::fs;

use crate::run::Outcome;
use crate::workspace::Package;
use crate::{features, workspace};

/// The rules, and that each legal set of features compiles.
pub(crate) fn run() -> Outcome {
    let packages = workspace::packages()?;
    rules(&packages)?;
    features::run(&packages)
}

/// Prints every fault as `file:line: what`; there must be none.
pub(crate) fn rules(packages: &[Package]) -> Outcome {
    let files = source::all()?;
    let mut faults = edges::check(packages);
    faults.extend(backends::check(&files));
    faults.extend(rfcs::check(&files));
    faults.extend(lengths::check(&files));
    faults.extend(readmes::check(packages, &files));
    faults.extend(published::check(packages, &files));
    faults.extend(ignored::check(&files));
    faults.extend(paths::check(&files));
    faults.extend(logins::check(&files));
    faults.extend(requirements::check(&files));
    faults.extend(targets::check(&files, has_seeds));
    for long in lengths::warnings(&files) {
        println!("note: {long}");
    }
    for fault in &faults {
        println!("{fault}");
    }
    match faults.len() {
        0 => Ok(()),
        1 => Err("1 rule of the house is broken".into()),
        n => Err(format!("{n} rules of the house are broken").into()),
    }
}

/// Seeds are octets, not text, so they are no [`source::Source`].
fn has_seeds(target: &str) -> bool {
    let folder = workspace::root().join("fuzz/seeds").join(target);
    fs::read_dir(folder).is_ok_and(|seeds| seeds.count() > 0)
}
