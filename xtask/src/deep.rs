//! What takes long: its dated result goes to docs/deep.md.

use std::fs;
use std::time::Instant;

use crate::run::{Absent, Cmd, Outcome};
use crate::suite::{self, Runner, Which};
use crate::{bench, fuzz, openpgp, workspace};

const CASES: &str = "20000";

/// Its name, and what it does; fuzzing is for so many minutes.
type Part = (&'static str, fn(u64) -> Outcome);

/// The parts, in their order: all of them, or those that are named.
const PARTS: [Part; 5] = [
    ("tests", tests),
    ("long", |_| long()),
    ("openpgp", |_| openpgp::run()),
    ("certificates", |_| certificates()),
    ("corpus", |_| corpus()),
];

/// `deep [PART...] [--minutes N]`.
pub(crate) fn run(args: &[String]) -> Outcome {
    let (mut named, mut minutes) = (Vec::new(), 10);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--minutes" => minutes = args.next().ok_or("--minutes wants a number")?.parse()?,
            part if PARTS.iter().any(|(known, _)| *known == part) => named.push(part),
            other => {
                let known = PARTS.map(|(known, _)| known).join(", ");
                return Err(format!("no such part: {other} (known: {known})").into());
            }
        }
    }
    let wanted = PARTS
        .iter()
        .filter(|(part, _)| named.is_empty() || named.contains(part));
    for (_, part) in wanted {
        part(minutes)?;
    }
    Ok(())
}

/// Fuzzes each target for so many minutes, and tries every property with many cases.
fn tests(minutes: u64) -> Outcome {
    let packages = workspace::packages()?;
    let start = Instant::now();
    fuzz::build()?;
    fuzz::smoke(minutes * 60)?;
    let fuzzed = start.elapsed();
    let start = Instant::now();
    let runner = Runner::new(&packages, Absent::from_env())?.env("PROPTEST_CASES", CASES.into());
    runner.run(Which::Plain(&[]))?.result?;
    let text = format!(
        "{}- fuzzing: {minutes} minutes a target, no finding ({:.0} s in all)\n\
         - every property with {CASES} cases: no finding ({:.0} s in all)\n",
        when()?,
        fuzzed.as_secs_f64(),
        start.elapsed().as_secs_f64(),
    );
    write("fuzzing and properties", &text)
}

/// The tests that take minutes.
fn long() -> Outcome {
    let runner = Runner::new(&workspace::packages()?, Absent::from_env())?;
    let teed = runner.run(Which::Ignored(&["deep_".into()]))?;
    let ran = suite::results(&teed.text);
    teed.result?;
    let names = ran.iter().map(|ran| format!("- passed: `{}`\n", ran.name));
    let text = format!(
        "{}- command: `cargo xtask deep long`\n\n{}",
        when()?,
        names.collect::<String>()
    );
    write("tests that take minutes", &text)
}

/// Looks up among a million certificates. Takes a quarter of an hour, and 4 GiB where temporary files are.
fn certificates() -> Outcome {
    let bench = ["pgp-keystore-scale".to_owned(), "--full".to_owned()];
    let teed = bench::command(&bench)?.tee()?;
    teed.result?;
    let told = teed.text.lines().map(|line| line.trim_end_matches('\r'));
    // Cargo's own lines come before the program's.
    let told = told.skip_while(|line| !line.contains("certificates in"));
    let told: Vec<&str> = told.collect();
    let text = format!(
        "{}- command: `cargo xtask deep certificates`\n\n{}\n",
        when()?,
        told.join("\n").trim_end()
    );
    write("pgp-keystore, a million certificates", &text)
}

/// Looks up among 200 million hashes. Takes 7 GiB where temporary files are, and 2 GiB of memory.
fn corpus() -> Outcome {
    let bench = ["breach-check".to_owned(), "--full".to_owned()];
    let teed = bench::command(&bench)?.tee()?;
    teed.result?;
    let told = teed.text.lines().map(|line| line.trim_end_matches('\r'));
    let told = told.skip_while(|line| !line.contains(" entries; "));
    let text = format!(
        "{}- command: `cargo xtask deep corpus`\n\n{}\n",
        when()?,
        told.collect::<Vec<_>>().join("\n").trim_end()
    );
    write("breach-check, 200 million hashes", &text)
}

fn when() -> Outcome<String> {
    let day = Cmd::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
    let rustc = Cmd::new("rustc").arg("--version").output()?;
    let commit = Cmd::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .output()?;
    let (day, commit, rustc) = (day.trim(), commit.trim(), rustc.trim());
    Ok(format!(
        "- day: {day}\n- commit: {commit}\n- compiler: {rustc}\n"
    ))
}

/// Puts a part in the place of the one with its heading; the others stay.
fn write(heading: &str, text: &str) -> Outcome {
    let file = workspace::root().join("docs/deep.md");
    let before = fs::read_to_string(&file).unwrap_or_default();
    Ok(fs::write(file, with_part(&before, heading, text))?)
}

fn with_part(page: &str, heading: &str, text: &str) -> String {
    let head = "# Deep runs\n\nWhat takes long; `cargo xtask deep` writes it.\n";
    let mut parts = page.split("\n## ");
    let first = parts.next().filter(|first| first.starts_with("# "));
    let mut page = first.map_or(head, |first| first).trim_end().to_owned();
    let mut parts: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('\n')).collect();
    match parts.iter_mut().find(|(known, _)| *known == heading) {
        Some((_, old)) => *old = text,
        None => parts.push((heading, text)),
    }
    for (heading, text) in parts {
        page += &format!("\n\n## {heading}\n\n{}", text.trim());
    }
    page + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_put_in_the_place_of_its_last_run() {
        let one = with_part("", "one", "- first\n");
        let both = with_part(&one, "two", "- second\n");
        assert!(both.ends_with("## one\n\n- first\n\n## two\n\n- second\n"));
        let again = with_part(&both, "one", "- third\n");
        assert!(again.ends_with("## one\n\n- third\n\n## two\n\n- second\n"));
        assert_eq!(again.matches("# Deep runs").count(), 1);
        assert_eq!(with_part(&again, "one", "- third\n"), again);
    }
}
