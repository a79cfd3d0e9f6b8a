//! Rows that are each a process of its own, so that nobody has seen the keys before.

use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use crate::inputs::Inputs;
use crate::{Faults, Measured, Row, account, ours, print, promised, rpgp, sequoia, tell};

pub(crate) const CHILD: &str = "--child";
const COLD: [&str; 2] = ["import", "first"];
/// The cold rows that Callgrind counts.
const COUNTED: [&str; 2] = ["sequoia, index", "pgp-keystore, into an account"];

fn rows(kind: &str, inputs: &Rc<Inputs>) -> Vec<Row> {
    match kind {
        "import" => [
            sequoia::import(inputs),
            ours::import(inputs),
            account::import(inputs),
            rpgp::import(inputs),
        ]
        .into_iter()
        .flatten()
        .collect(),
        "first" => [sequoia::first(inputs), ours::first(inputs)]
            .into_iter()
            .flatten()
            .collect(),
        // For Callgrind: what the process has been for is in one row.
        _ => crate::of_messages(kind, inputs),
    }
}

/// Runs one row once, and prints the seconds.
pub(crate) fn child(args: &[String]) {
    let [kind, number, folder, ..] = args else {
        panic!("--child KIND ROW FOLDER")
    };
    let inputs = Rc::new(Inputs::load(Path::new(folder)));
    let number: usize = number.parse().unwrap();
    let mut row = rows(kind, &inputs).swap_remove(number);
    if !COLD.contains(&kind.as_str()) {
        (row.run)();
    }
    println!("seconds {}", row.time());
}

pub(crate) fn table(what: &str, kind: &str, inputs: &Rc<Inputs>, rounds: usize) -> Measured {
    let folder = tempfile::tempdir().unwrap();
    inputs.save(folder.path());
    let names: Vec<_> = rows(kind, inputs).iter().map(|row| row.name).collect();
    let mut best = vec![f64::MAX; names.len()];
    for _ in 0..rounds {
        for (number, best) in best.iter_mut().enumerate() {
            let child = Command::new(std::env::current_exe().unwrap())
                .args([CHILD, kind, &number.to_string()])
                .arg(folder.path())
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&child.stdout).into_owned();
            let seconds = text.lines().find_map(|line| line.strip_prefix("seconds "));
            let Some(seconds) = seconds else {
                panic!(
                    "{}: {}",
                    names[number],
                    String::from_utf8_lossy(&child.stderr)
                )
            };
            *best = best.min(seconds.parse().unwrap());
        }
    }
    print(what, names.into_iter().zip(best).collect())
}

/// What Callgrind counts in one run after another one, for each thing.
pub(crate) fn instructions(what: &str, inputs: &Rc<Inputs>, faults: &mut Faults) {
    let folder = tempfile::tempdir().unwrap();
    inputs.save(folder.path());
    let mut counted = Vec::new();
    let is_cold = COLD.contains(&what);
    for (number, row) in rows(what, inputs).iter().enumerate() {
        // To verify 2,000 certificates would take half an hour.
        if is_cold && !COUNTED.contains(&row.name) {
            continue;
        }
        let told = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg("--toggle-collect=*Row*time*")
            .arg(std::env::current_exe().unwrap())
            .args([CHILD, what, &number.to_string()])
            .arg(folder.path())
            .output();
        let told = match told {
            Ok(told) => String::from_utf8_lossy(&told.stderr).into_owned(),
            Err(why) => return println!("not run: instructions ({why})\n"),
        };
        let count = told
            .lines()
            .find_map(|line| line.split_once("Collected : "));
        let count: f64 = count.unwrap().1.trim().parse().unwrap();
        counted.push((row.name, count / row.things as f64 * 1e-6));
    }
    println!("| {what} | thousand instructions |\n|-|-:|");
    for (name, count) in &counted {
        println!("| {name} | {:.0} |", count * 1e3);
    }
    let counted = Measured(counted);
    match is_cold {
        true => tell(&counted, COUNTED[1], COUNTED[0]),
        false => promised(&counted, None, faults),
    }
    println!();
}
