//! All that has to pass before a change lands, each step though another failed.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use crate::run::{Absent, Cmd, Outcome, Steps};
use crate::workspace::Package;
use crate::{backends, conformance, counts, features, fuzz, interop, test, tidy, tools, workspace};

/// The fuzzing time of each target.
const SMOKE_SECONDS: u64 = 5;

/// Runs it all. Nothing may be "not run" here, CI or not.
pub(crate) fn run() -> Outcome {
    let absent = Absent::Fails;
    tools::compiler()?;
    let packages = workspace::packages()?;
    let mut steps = Steps::default();
    let mut summary = String::new();

    steps.step("lock file", || {
        let cmd = Cmd::cargo("metadata").args(["--locked", "--format-version", "1"]);
        cmd.output().map(drop)
    });
    steps.step("fmt", || Cmd::cargo("fmt").args(["--all", "--check"]).run());
    steps.step("tidy", || tidy::rules(&packages));
    steps.step("typos", || Cmd::new(tools::tool("typos")?).run());
    steps.step("licences, bans, sources", licences);
    steps.step("unused dependencies", || {
        Cmd::new(tools::tool("cargo-shear")?).arg("shear").run()
    });
    for package in &packages {
        steps.step(&format!("clippy {}", package.name), || clippy(package));
    }
    steps.step("tests", || test::tests(&[], absent, &mut summary));
    for backend in backends::others() {
        steps.step(&format!("tests on {backend}"), || {
            backends::test(&packages, backend)
        });
    }
    steps.step("doctests", test::doctests);
    steps.step("documentation", || documentation(&packages));
    steps.step("conformance", || conformance::run(&[], absent));
    // The peers mostly wait, so what the last steps need is built beside them: in profiles, and so directories, of its own.
    thread::scope(|scope| {
        let built = scope.spawn(|| {
            let counts = counts::build().map(drop);
            let fuzz = fuzz::build();
            [counts, fuzz].map(|outcome| outcome.map_err(|e| e.to_string()))
        });
        steps.step("interop", || interop::run(&[], absent));
        steps.step("optimised builds", || {
            let outcomes = built.join().map_err(|_| "the builder panicked")?;
            outcomes
                .into_iter()
                .collect::<Result<(), String>>()
                .map_err(Into::into)
        });
    });
    steps.step("legal feature sets", || features::run(&packages));
    steps.step("packages", || package(&packages));
    steps.step("instruction counts", || counts::run(&[], absent));
    steps.step("fuzz smoke", || fuzz::smoke(SMOKE_SECONDS));

    let outcome = steps.finish();
    if let Err(failures) = &outcome {
        println!("\n{failures}");
    }
    // The runner's own summary comes last, after all else is told.
    println!("\n{summary}");
    outcome.map_err(|_| "some step failed: see the summary above".into())
}

/// One package at a time, lest the features of another hide an error.
fn clippy(package: &Package) -> Outcome {
    let cmd = Cmd::cargo("clippy").args(["--quiet", "-p", &package.name, "--all-targets"]);
    cmd.args(package.select())
        .args(["--", "-D", "warnings"])
        .run()
}

fn documentation(packages: &[Package]) -> Outcome {
    Cmd::cargo("doc")
        .args(["--no-deps", "--quiet"])
        .args(workspace::everything(packages))
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

fn licences() -> Outcome {
    Cmd::cargo("fetch").arg("--quiet").run()?;
    Cmd::new(tools::tool("cargo-deny")?)
        .args(["--log-level", "error", "check"])
        .args(["licenses", "bans", "sources"])
        .run()
}

/// Packs and builds what is published, siblings found by version as a user finds them.
fn package(packages: &[Package]) -> Outcome {
    forget_packed(packages)?;
    let unpublished = packages.iter().filter(|p| !p.published);
    let cmd = Cmd::cargo("package")
        .args(["--workspace", "--quiet"])
        .args(unpublished.flat_map(|p| ["--exclude", &p.name]));
    // CI packs exactly what is committed.
    match Absent::from_env() {
        Absent::Fails => cmd.run(),
        Absent::Told => cmd.arg("--allow-dirty").run(),
    }
}

/// To cargo a version never changes once it is unpacked and built; ours does, until it is published. So what it has of
/// an earlier run goes: the sources, under registries that have no host because they are folders, and what says that
/// they were built.
fn forget_packed(packages: &[Package]) -> Outcome {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")));
    let sources = home.map(|home| home.join("registry/src"));
    let folders = entries(sources.as_deref())
        .filter(|registry| name(registry).starts_with('-'))
        .chain([workspace::target().join("debug/.fingerprint")]);
    for folder in folders {
        for packed in entries(Some(&folder)) {
            let ours = |p: &Package| {
                let rest = name(&packed).strip_prefix(&p.name);
                rest.is_some_and(|rest| rest.starts_with('-'))
            };
            if packages.iter().filter(|p| p.published).any(ours) {
                fs::remove_dir_all(&packed)?;
            }
        }
    }
    Ok(())
}

/// What a folder holds; nothing if there is none.
fn entries(folder: Option<&Path>) -> impl Iterator<Item = PathBuf> {
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok());
    entries.into_iter().flatten().flatten().map(|e| e.path())
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|n| n.to_str())
        .unwrap_or_default()
}
