//! Costs: microseconds of the fastest of many rounds, and instructions by Callgrind.

use std::{
    process::Command,
    time::{Duration, Instant},
};

pub(crate) fn row(
    library: &str,
    micros: f64,
    instructions: Option<u64>,
    base: Option<u64>,
) -> String {
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    let ratio = instructions.zip(base);
    let ratio = ratio.map(|(own, base)| format!("{:.4}", own as f64 / base as f64));
    let instructions = text(instructions.map(|count| count.to_string()));
    format!(
        "| {library} | {micros:.2} | {instructions} | {} |\n",
        text(ratio)
    )
}

/// This program, doing something so many times.
pub(crate) fn own(name: &str, times: u32) -> Vec<String> {
    let program = std::env::current_exe().unwrap().display().to_string();
    vec![program, "--count".into(), name.into(), times.to_string()]
}

/// Instructions of one. Making the keys costs a run more or less by chance: what is cheap is done often, so that it
/// does not matter.
pub(crate) fn count(command: impl Fn(u32) -> Vec<String>) -> u64 {
    match difference(&command, 55) {
        ..100_000 => difference(&command, 20_000),
        dear => dear,
    }
}

/// Instructions of one, by the difference of two runs.
fn difference(command: &impl Fn(u32) -> Vec<String>, many: u32) -> u64 {
    const FEW: u32 = 5;
    let [few, all] = [FEW, many].map(|times| {
        let said = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .args(command(times))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        let counted = said.lines().find_map(|line| line.split_once("Collected :"));
        let counted = counted.and_then(|(_, number)| number.trim().parse::<u64>().ok());
        counted.unwrap_or_else(|| panic!("Callgrind gave no count: {said}"))
    });
    all.saturating_sub(few) / u64::from(many - FEW)
}

/// Microseconds of the fastest round.
pub(crate) fn fastest(run: &mut dyn FnMut()) -> f64 {
    const ALL: Duration = Duration::from_millis(1500);
    const ROUND: Duration = Duration::from_micros(300);
    run();
    let start = Instant::now();
    run();
    let once = start.elapsed().max(Duration::from_nanos(50));
    let calls = (ROUND.as_nanos() / once.as_nanos()).clamp(1, 10_000) as u32;
    let (mut best, start) = (f64::MAX, Instant::now());
    while start.elapsed() < ALL {
        let start = Instant::now();
        (0..calls).for_each(|_| run());
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    best
}
