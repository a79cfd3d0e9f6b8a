//! Fuzzing on stable Rust: the targets live in `fuzz/`, a workspace of its own.

use std::fs;
use std::sync::Mutex;
use std::thread;

use toml::Table;

use crate::run::{Cmd, Outcome};
use crate::{tools, workspace};

/// Builds every target. What cargo says is shown only on failure, since others may be at work beside it.
pub(crate) fn build() -> Outcome {
    fuzz("build")?.patient().said().map(drop)
}

/// Fuzzes each target for so many seconds, from its seeds: as many at a time as there are processors, since each uses one.
pub(crate) fn smoke(seconds: u64) -> Outcome {
    let targets = targets(&fs::read_to_string(
        workspace::root().join("fuzz/Cargo.toml"),
    )?)?;
    if targets.is_empty() {
        return Err("fuzz/Cargo.toml names no target".into());
    }
    let queue = Mutex::new(targets.into_iter());
    let next = || queue.lock().ok()?.next();
    let faults = Mutex::new(Vec::new());
    let work = || {
        while let Some(target) = next() {
            match try_out(&target, seconds) {
                Ok(runs) => println!("{target}: {runs} runs, no finding"),
                Err(fault) => {
                    println!("{target}: failed");
                    faults
                        .lock()
                        .into_iter()
                        .for_each(|mut all| all.push(fault.to_string()));
                }
            }
        }
    };
    let workers = thread::available_parallelism()?.get();
    thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let faults = faults
        .into_inner()
        .map_err(|_| "a target was not told of")?;
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults.join("\n").into()),
    }
}

/// How many inputs were tried without a finding.
fn try_out(target: &str, seconds: u64) -> Outcome<String> {
    let corpus = format!("fuzz/corpus/{target}");
    let seeds = format!("fuzz/seeds/{target}");
    fs::create_dir_all(workspace::root().join(&corpus))?;
    let mut cmd = fuzz("run")?.args([target, &corpus]);
    if workspace::root().join(&seeds).is_dir() {
        cmd = cmd.arg(seeds);
    }
    let time = format!("-max_total_time={seconds}");
    let cmd = cmd.args(["--", &time, "-timeout=20", "-print_final_stats=1"]);
    println!("$ {cmd}");
    Ok(runs(&cmd.said()?).to_owned())
}

/// Sanitizers want a nightly compiler; safe Rust gains little by them.
fn fuzz(subcommand: &str) -> Outcome<Cmd> {
    tools::compiler()?;
    if tools::in_path("c++").is_none() {
        tools::debian(&["g++"])?;
    }
    let cargo_fuzz = tools::tool("cargo-fuzz")?;
    let args = ["fuzz", subcommand, "--sanitizer", "none"];
    Ok(Cmd::new(cargo_fuzz).args(args))
}

/// How many inputs libFuzzer tried.
fn runs(said: &str) -> &str {
    let mut counts = said
        .lines()
        .filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    counts.next().map_or("no", str::trim)
}

/// The targets that the manifest of `fuzz/` names.
pub(crate) fn targets(manifest: &str) -> Outcome<Vec<String>> {
    let manifest: Table = manifest.parse()?;
    let bins = manifest.get("bin").and_then(|bins| bins.as_array());
    let names = bins
        .into_iter()
        .flatten()
        .filter_map(|bin| bin.get("name")?.as_str());
    Ok(names.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_tried_is_told() {
        assert_eq!(
            runs("x\nstat::number_of_executed_units: 430280\n"),
            "430280"
        );
        assert_eq!(runs("crashed"), "no");
    }
}
