//! Instruction counts: what Callgrind counts in our hot functions, beside the committed baseline.
//!
//! `counts NAME N` runs one function N times. The difference of two runs is free of start-up and set-up, and on one
//! machine it is the same every time. Callgrind shows the program no newer instructions than AVX2, so machines agree.

use std::collections::BTreeMap;
use std::fs;

use toml::{Table, Value};

use crate::run::{Absent, Cmd, Outcome};
use crate::{tools, workspace};

/// A change by more than this share of the baseline is a change.
const TOLERANCE: f64 = 0.02;
const BASELINE: &str = "benches/counts.toml";
const FEW: u64 = 10;
const MANY: u64 = 110;

type Counts = BTreeMap<String, u64>;

/// Prints old, new and ratio of each; `--bless` makes the new ones the baseline.
pub(crate) fn run(args: &[String], absent: Absent) -> Outcome {
    if tools::in_path("valgrind").is_none()
        && let Err(why) = tools::debian(&["valgrind"])
    {
        return absent.report(format!("not run: instruction counts ({why})"));
    }
    let program = build()?;
    let mut new = Counts::new();
    for name in Cmd::new(&program).output()?.lines() {
        let few = instructions(&program, name, FEW)?;
        let many = instructions(&program, name, MANY)?;
        let per_run = many.saturating_sub(few) / (MANY - FEW);
        println!("{name}: {per_run}");
        new.insert(name.into(), per_run);
    }
    let path = workspace::root().join(BASELINE);
    if args.iter().any(|arg| arg == "--bless") {
        return Ok(fs::write(path, page(&new)?)?);
    }
    let old = read(&fs::read_to_string(path)?)?;
    let (table, faults) = compare(&old, &new);
    print!("{table}");
    match faults.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{}\nif that is meant:\n  cargo xtask bench --counts --bless",
            faults.join("\n")
        )
        .into()),
    }
}

/// What is counted. As with [`fuzz::build`](crate::fuzz::build), cargo is heard only on failure.
pub(crate) fn build() -> Outcome<String> {
    let cmd = Cmd::cargo("build").args(["--release", "-p", "counts"]);
    cmd.patient().said()?;
    let program = workspace::target().join("release/counts");
    Ok(program.display().to_string())
}

fn instructions(program: &str, name: &str, times: u64) -> Outcome<u64> {
    let cmd = Cmd::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args([program, name, &times.to_string()]);
    let said = cmd.said()?;
    collected(&said).ok_or_else(|| format!("Callgrind gave no count:\n  {cmd}\n{said}").into())
}

fn collected(said: &str) -> Option<u64> {
    let mut counts = said
        .lines()
        .filter_map(|line| line.split_once("Collected :"));
    counts.next()?.1.trim().parse().ok()
}

fn read(baseline: &str) -> Outcome<Counts> {
    let table: Table = baseline.parse()?;
    let counts = table.get("counts").and_then(Value::as_table);
    let counts = counts.ok_or("the baseline has no [counts]")?;
    let number = |v: &Value| v.as_integer().and_then(|v| u64::try_from(v).ok());
    let counts = counts
        .iter()
        .filter_map(|(k, v)| Some((k.clone(), number(v)?)));
    Ok(counts.collect())
}

/// The table, and what is wrong: grown, without a baseline, or gone.
fn compare(old: &Counts, new: &Counts) -> (String, Vec<String>) {
    let mut table = format!("{:>12} {:>12} {:>7}  function\n", "old", "new", "ratio");
    let mut faults = Vec::new();
    for (name, new) in new {
        let Some(old) = old.get(name) else {
            table += &format!("{:>12} {new:>12} {:>7}  {name}\n", "-", "-");
            faults.push(format!("{name}: has no baseline"));
            continue;
        };
        #[allow(clippy::cast_precision_loss)] // counts are far below 2^52
        let ratio = *new as f64 / (*old).max(1) as f64;
        table += &format!("{old:>12} {new:>12} {ratio:>7.3}  {name}\n");
        if ratio > 1.0 + TOLERANCE {
            faults.push(format!("{name}: {ratio:.3} times the baseline"));
        } else if ratio < 1.0 - TOLERANCE {
            // Not a fault, but a later loss of it would go unseen.
            table += &format!("{:34}  better: bless it\n", "");
        }
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        faults.push(format!("{name}: in the baseline, but no longer measured"));
    }
    (table, faults)
}

fn page(counts: &Counts) -> Outcome<String> {
    let rustc = Cmd::new("rustc").arg("--version").output()?;
    let mut text = format!(
        "# Instructions per call, by Callgrind: `cargo xtask bench --counts --bless` writes this file.\n\
         toolchain = \"{}\"\n\n[counts]\n",
        rustc.trim()
    );
    for (name, count) in counts {
        text += &format!("\"{name}\" = {count}\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(&str, u64)]) -> Counts {
        of.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect()
    }

    #[test]
    fn growth_a_new_name_and_a_lost_name_are_faults() {
        let old = counts(&[
            ("same", 1000),
            ("grown", 1000),
            ("better", 1000),
            ("gone", 1),
        ]);
        let new = counts(&[("same", 1020), ("grown", 1021), ("better", 900), ("new", 1)]);
        let (table, faults) = compare(&old, &new);
        let faulty: Vec<_> = faults.iter().filter_map(|f| f.split(':').next()).collect();
        assert_eq!(faulty, ["grown", "new", "gone"]);
        assert!(table.contains("bless"), "{table}");
    }

    #[test]
    fn callgrinds_count_is_read() {
        let said = "==1== \n==1== Collected : 123456\n==1== \n";
        assert_eq!(collected(said), Some(123_456));
        assert_eq!(collected("==1== Events : Ir"), None);
    }

    #[test]
    fn a_page_reads_back() {
        let counts = counts(&[("a/b c", 3)]);
        assert_eq!(read(&page(&counts).unwrap()).unwrap(), counts);
    }

    #[test]
    fn a_damaged_baseline_is_an_error() {
        assert!(read("nothing = 1").is_err());
    }
}
