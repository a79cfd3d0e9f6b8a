//! The CPU time of a process and all that it has started, from /proc.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::Outcome;

/// What `root` and its descendants have used so far, those that have ended and were waited for included.
pub(crate) fn of_tree(root: u32) -> Outcome<Duration> {
    let mut parents = HashMap::new();
    let mut ticks = HashMap::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        // A process may end while we look; its parent has its time then.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        if let Some((parent, used)) = parse(&stat) {
            parents.insert(pid, parent);
            ticks.insert(pid, used);
        }
    }
    let descends = |mut pid: u32| loop {
        if pid == root {
            return true;
        }
        match parents.get(&pid) {
            Some(&parent) => pid = parent,
            None => return false,
        }
    };
    let sum: u64 = ticks
        .iter()
        .filter(|(pid, _)| descends(**pid))
        .map(|(_, used)| used)
        .sum();
    Ok(Duration::from_secs_f64(sum as f64 / ticks_per_second()?))
}

/// The parent, and `utime + stime + cutime + cstime`, of one line of /proc/PID/stat (proc(5)).
fn parse(stat: &str) -> Option<(u32, u64)> {
    // The name before it may hold anything, brackets and blanks too.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let parent = fields.get(1)?.parse().ok()?;
    let times = fields.get(11..15)?;
    let used = times
        .iter()
        .map(|t| t.parse::<u64>().ok())
        .sum::<Option<u64>>()?;
    Some((parent, used))
}

fn ticks_per_second() -> Outcome<f64> {
    let out = Command::new("getconf").arg("CLK_TCK").output()?;
    Ok(String::from_utf8(out.stdout)?.trim().parse()?)
}

/// The most memory that this process has held.
pub(crate) fn high_water_mib(pid: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("no VmHWM")?;
    Ok(kib.parse::<u64>()? / 1024)
}
