//! Programs of Debian 13 on whatever Debian this is: apt and dpkg unpack them into `.tools/debian13`, with all libraries
//! that they need, down to that of C. Nothing is installed, nothing of the system changes, and nobody has to be root.

use std::fs;
use std::path::Path;

use crate::run::{Cmd, Outcome};
use crate::workspace;

const RELEASE: &str = "trixie";
const FOLDER: &str = ".tools/debian13";
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Unpacks a package with a program of its name: `sh .tools/debian13/NAME` runs it.
pub(crate) fn unpack(package: &str) -> Outcome {
    let folder = workspace::root().join(FOLDER);
    for part in ["state/lists/partial", "cache/archives/partial", "root"] {
        fs::create_dir_all(folder.join(part))?;
    }
    // As if nothing were installed, so that all that is needed comes.
    fs::write(folder.join("state/status"), "")?;
    let targets = Cmd::new("apt-get").args(["indextargets", "--format", "$(REPO_URI)"]);
    let targets = targets.arg("Created-By: Packages").output()?;
    let mirror = mirror(&targets).ok_or("apt has no mirror of Debian")?;
    let source = format!("deb [signed-by={KEYS}] {mirror} {RELEASE} main\n");
    fs::write(folder.join("sources.list"), source)?;
    apt(&folder, &["update"])?;
    apt(&folder, &["install", "--download-only", package])?;
    for archive in fs::read_dir(folder.join("cache/archives"))? {
        let archive = archive?.path();
        if archive.extension().is_some_and(|is| is == "deb") {
            let (archive, root) = (archive.display(), folder.join("root"));
            Cmd::new("dpkg")
                .args(["-x".into(), archive.to_string()])
                .arg(root.display().to_string())
                .run()?;
        }
    }
    Ok(fs::write(folder.join(package), runs(package))?)
}

/// The mirror from which this machine has Debian itself.
fn mirror(targets: &str) -> Option<&str> {
    let mut uris = targets.lines().map(|uri| uri.trim_end_matches('/'));
    uris.find(|uri| uri.ends_with("/debian"))
}

fn apt(folder: &Path, args: &[&str]) -> Outcome {
    let at = |what: &str, part: &str| format!("-oDir::{what}={}", folder.join(part).display());
    Cmd::new("apt-get")
        .args(["-y", "-qq", "--no-install-recommends"])
        .args([at("State", "state"), at("State::status", "state/status")])
        .args([at("Cache", "cache"), at("Etc::sourcelist", "sources.list")])
        .args(["-oDir::Etc::sourceparts=/dev/null"])
        .args(["-oDir::Etc::preferencesparts=/dev/null"])
        // Root may download here as root, and nobody else needs a lock.
        .args(["-oAPT::Sandbox::User=root", "-oDebug::NoLocking=true"])
        .args(["-oAcquire::Languages=none"])
        .args(args.iter().copied())
        .run()
}

/// The program's own loader finds its own libraries.
fn runs(program: &str) -> String {
    format!(
        "root=$(dirname \"$0\")/root\n\
         for loader in \"$root\"/usr/lib/*-linux-gnu*/ld-linux-*.so.*; do\n  \
           exec \"$loader\" --library-path \"${{loader%/*}}\" \"$root/usr/bin/{program}\" \"$@\"\n\
         done\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_itself_comes_from_the_mirror_of_this_machine() {
        let targets =
            "https://a.example/security/\nhttps://b.example/debian/\nhttps://c.example/debian/\n";
        assert_eq!(mirror(targets), Some("https://b.example/debian"));
        assert_eq!(mirror("https://a.example/ubuntu/\n"), None);
    }

    #[test]
    fn a_program_runs_with_its_own_loader() {
        let folder = std::env::temp_dir().join(format!("debian13-{}", std::process::id()));
        let libraries = folder.join("root/usr/lib/any-linux-gnu");
        fs::create_dir_all(&libraries).unwrap();
        // In place of a loader: what it is asked to do.
        let loader = libraries.join("ld-linux-any.so.2");
        std::os::unix::fs::symlink("/bin/echo", &loader).unwrap();
        fs::write(folder.join("it"), runs("it")).unwrap();
        let script = folder.join("it").display().to_string();
        let said = Cmd::new("sh").args([&*script, "a b", "c"]).output();
        fs::remove_dir_all(&folder).unwrap();
        let said = said.unwrap();
        let (libraries, root) = (libraries.display(), folder.join("root"));
        let wanted = format!(
            "--library-path {libraries} {}/usr/bin/it a b c",
            root.display()
        );
        assert_eq!(said.trim(), wanted);
    }
}
