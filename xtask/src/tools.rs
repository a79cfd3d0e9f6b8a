//! The tools that are not part of Rust: pinned wheels in `.tools/`, and Debian's packages.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::run::{Cmd, Outcome};
use crate::workspace;

/// The path of a tool that `xtask/tools.txt` pins, installed at its first use. Where the wheel cannot be had, a tool
/// of that name in the `PATH` stands in.
pub(crate) fn tool(name: &str) -> Outcome<String> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| install().map_err(|e| e.to_string()));
    let own = folder().join("bin").join(name);
    match (installed, in_path(name)) {
        (Ok(()), _) if own.exists() => Ok(own.display().to_string()),
        (_, Some(found)) => Ok(found.display().to_string()),
        (Err(why), None) => Err(format!("{name} cannot be had here: {why}").into()),
        (Ok(()), None) => Err(format!("xtask/tools.txt has no {name}").into()),
    }
}

/// The program of this name, as the shell would find it.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        // Debian keeps servers where an ordinary user's PATH does not look.
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// Installs Debian packages, where that is ours to do: as root, with apt.
pub(crate) fn debian(packages: &[&str]) -> Outcome {
    static UPDATED: OnceLock<bool> = OnceLock::new();
    if packages.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install {}", packages.join(" "));
    if in_path("apt-get").is_none() || !is_root() {
        return Err(format!("install it as root: {by_hand}").into());
    }
    UPDATED.get_or_init(|| Cmd::new("apt-get").args(["update", "-qq"]).succeeds());
    if packages.contains(&"postfix") {
        // Else its installation asks which kind of mail server this shall be.
        let answer = "postfix postfix/main_mailer_type select No configuration";
        let pipe = format!("echo {answer} | debconf-set-selections");
        Cmd::new("sh").args(["-c", &pipe]).run()?;
    }
    Cmd::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages.iter().copied())
        .env("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

/// What a build of ours needs beside Rust.
pub(crate) fn compiler() -> Outcome {
    let found = ["cc", "gcc", "clang"]
        .iter()
        .any(|cc| in_path(cc).is_some());
    if found || debian(&["gcc", "libc6-dev"]).is_ok() {
        return Ok(());
    }
    Err("a C compiler is missing (SQLite and AWS-LC are C); as root: apt-get install gcc".into())
}

pub(crate) fn is_root() -> bool {
    let id = Cmd::new("id").arg("-u").output();
    id.is_ok_and(|id| id.trim() == "0")
}

fn install() -> Outcome {
    let wanted = fs::read_to_string(workspace::root().join("xtask/tools.txt"))?;
    let stamp = folder().join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    if in_path("python3").is_none() {
        return Err("python3 is missing".into());
    }
    let folder = folder().display().to_string();
    Cmd::new("python3").args(["-m", "venv", &folder]).run()?;
    Cmd::new(format!("{folder}/bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(["--only-binary", ":all:", "--require-hashes"])
        .args(["-r", "xtask/tools.txt"])
        .run()?;
    Ok(fs::write(stamp, wanted)?)
}

fn folder() -> PathBuf {
    workspace::root().join(".tools")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_as_the_shell_finds_it() {
        assert!(in_path("sh").is_some());
        assert!(in_path("no-such-program-anywhere").is_none());
    }

    #[test]
    fn every_tool_is_pinned_by_version_and_hash() {
        let text = include_str!("../tools.txt");
        let logical = text.replace("\\\n", " ");
        let pins: Vec<&str> = logical.lines().filter(|l| !l.starts_with('#')).collect();
        assert!(!pins.is_empty());
        for pin in pins {
            assert!(
                pin.contains("==") && pin.contains("--hash=sha256:"),
                "{pin}"
            );
        }
    }
}
