//! The pages of the mail service: fetched and bundled by npm, into the target folder, where its build script finds them.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::run::{Cmd, Outcome};
use crate::tools;
use crate::workspace;

/// The folder of the pages' sources.
const SOURCES: &str = "examples/mail-service/web";
/// What the pages take from elsewhere in this repository.
const SHARED: [&str; 2] = ["crates/symmetric-seal/js", "crates/twofactor/js"];
/// In the built folder: of what it was built.
const STAMP: &str = "built-from";

/// Builds the pages, unless they are built already of what is there now.
pub(crate) fn run() -> Outcome {
    let out = workspace::target().join("site");
    let [seal, passkey] = SHARED;
    let wanted = stamp(&[SOURCES, seal, passkey])?;
    if fs::read_to_string(out.join(STAMP)).is_ok_and(|built| built == wanted) {
        return Ok(());
    }
    packages()?;
    Cmd::new("node")
        .arg(format!("{SOURCES}/build.js"))
        .arg(out.display().to_string())
        .run()?;
    fs::write(out.join(STAMP), wanted)?;
    Ok(())
}

/// The tests of the pages' modules.
pub(crate) fn tests() -> Outcome {
    packages()?;
    Cmd::new("npm").args(["--prefix", SOURCES, "test"]).run()
}

/// Installs exactly what the lock file names, each archive by its hash; no script of a package runs.
pub(crate) fn packages() -> Outcome {
    node()?;
    let modules = workspace::root().join(SOURCES).join("node_modules");
    let lock = fs::read_to_string(workspace::root().join(SOURCES).join("package-lock.json"))?;
    let installed = modules.join(".letterlock-lock");
    if fs::read_to_string(&installed).is_ok_and(|of| of == lock) {
        return Ok(());
    }
    Cmd::new("npm")
        .args([
            "--prefix",
            SOURCES,
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ])
        .run()?;
    fs::write(installed, lock)?;
    Ok(())
}

fn node() -> Outcome {
    match (tools::in_path("node"), tools::in_path("npm")) {
        (Some(_), Some(_)) => Ok(()),
        _ => Err(
            "Node.js with npm is missing (Debian: nodejs npm): the pages are built with it".into(),
        ),
    }
}

/// Names and content of all files of these folders, but for what npm has put there.
fn stamp(folders: &[&str]) -> Outcome<String> {
    let mut files = Vec::new();
    for folder in folders {
        collect(&workspace::root().join(folder), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}\n", hasher.finish()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true if entry.file_name() == "node_modules" => {}
            true => collect(&entry.path(), files)?,
            false => files.push(entry.path()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_source_is_noticed() {
        let folder = workspace::target().join("site-stamp-test");
        fs::create_dir_all(folder.join("node_modules")).unwrap();
        let of = || stamp(&[folder.to_str().unwrap()]).unwrap();
        fs::write(folder.join("a.js"), "1").unwrap();
        let first = of();
        fs::write(folder.join("node_modules/b.js"), "1").unwrap();
        assert_eq!(of(), first);
        fs::write(folder.join("a.js"), "2").unwrap();
        assert_ne!(of(), first);
        fs::remove_dir_all(folder).unwrap();
    }
}
