//! What takes long: its dated result goes to docs/deep.md.

use std::fs;
use std::time::{Duration, Instant};

use crate::run::{Absent, Cmd, Outcome};
use crate::suite::{Runner, Which};
use crate::{fuzz, workspace};

const CASES: &str = "20000";

/// Fuzzes each target for ten minutes (`--minutes N`) and runs every property many times.
pub(crate) fn run(args: &[String]) -> Outcome {
    let minutes: u64 = match args.iter().position(|arg| arg == "--minutes") {
        Some(at) => args
            .get(at + 1)
            .ok_or("--minutes wants a number")?
            .parse()?,
        None => 10,
    };
    let packages = workspace::packages()?;
    let start = Instant::now();
    fuzz::build()?;
    fuzz::smoke(minutes * 60)?;
    let fuzzed = start.elapsed();
    let start = Instant::now();
    let runner = Runner::new(&packages, Absent::from_env())?.env("PROPTEST_CASES", CASES.into());
    runner.run(Which::Plain(&[]))?.result?;
    record(minutes, fuzzed, start.elapsed())
}

fn record(minutes: u64, fuzzed: Duration, tested: Duration) -> Outcome {
    let day = Cmd::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
    let rustc = Cmd::new("rustc").arg("--version").output()?;
    let commit = Cmd::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .output()?;
    let text = format!(
        "# Deep runs\n\nWritten by `cargo xtask deep`.\n\n\
         - day: {}\n- commit: {}\n- compiler: {}\n\
         - fuzzing: {minutes} minutes a target, no finding ({:.0} s in all)\n\
         - every property with {CASES} cases: no finding ({:.0} s in all)\n",
        day.trim(),
        commit.trim(),
        rustc.trim(),
        fuzzed.as_secs_f64(),
        tested.as_secs_f64(),
    );
    Ok(fs::write(workspace::root().join("docs/deep.md"), text)?)
}
