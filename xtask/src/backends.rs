//! Backends of OpenPGP, of which a build has one at most: which one this machine can build, and the tests of the others, each
//! in a target directory of its own.

use std::sync::OnceLock;

use crate::run::{Cmd, Outcome};
use crate::workspace::{self, Package};
use crate::{suite, tools};

/// A choice of cryptography, and what it needs of the system.
struct Backend {
    feature: &'static str,
    debian: &'static [&'static str],
    /// Succeeds exactly if it can be built.
    probe: &'static str,
}

/// The best first.
const BACKENDS: &[Backend] = &[
    Backend {
        feature: "crypto-openssl",
        debian: &["libssl-dev", "pkg-config", "libclang-dev"],
        probe: "pkg-config --exists openssl && ls /usr/lib/llvm-*/lib/libclang*.so*",
    },
    Backend {
        feature: "crypto-nettle",
        debian: &["nettle-dev", "pkg-config", "libclang-dev"],
        probe: "pkg-config --exists nettle hogweed && ls /usr/lib/llvm-*/lib/libclang*.so*",
    },
    // Needs nothing.
    Backend {
        feature: "crypto-rust",
        debian: &[],
        probe: "true",
    },
];

/// What builds when nobody chooses, in this order.
const CHOICE: [&str; 2] = ["crypto-openssl", "crypto-rust"];

/// The tests with keys of a real GnuPG, which each backend takes otherwise; a package may have none. What others have signed
/// on a key is no matter of the backend, and makes the slowest of them.
const WITH_GPG: &[&str] = &[
    "--run-ignored",
    "only",
    "--no-tests",
    "pass",
    "-E",
    "binary(/^gpg/) & test(/(^|::)interop_gpg_/) - test(/signatures_of_others/)",
];

/// The backend that this machine builds: the system's library where it is or may be installed, else the one in Rust, and
/// then it is said.
pub(crate) fn chosen() -> &'static str {
    static CHOSEN: OnceLock<&str> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let [first, fallback] = CHOICE;
        match ready(first) {
            Ok(()) => first,
            Err(why) => {
                println!("OpenPGP is built with {fallback}, not {first}: {why}");
                fallback
            }
        }
    })
}

/// Tests each package that has backends with this one, and with keys of a real GnuPG, of which each backend lacks others.
pub(crate) fn test(packages: &[Package], feature: &str) -> Outcome {
    ready(feature)?;
    if !Cmd::new("gpg").args(["--version"]).succeeds() {
        tools::debian(&["gnupg"])?;
    }
    let nextest = tools::in_path("cargo-nextest").map_or_else(
        || tools::tool("cargo-nextest"),
        |found| Ok(found.display().to_string()),
    )?;
    let own = packages.iter().filter(|p| p.published && has(p, feature));
    for package in own {
        for which in [&[][..], WITH_GPG] {
            let cmd = in_its_folder(Cmd::new(&nextest), feature)
                .args(["nextest", "run", "-p", &package.name, "--features"])
                .arg(package.widest_with(feature).join(","))
                .args(which.iter().copied());
            let teed = cmd.tee()?;
            println!("{}: {}", package.name, suite::summary(&teed.text).trim());
            teed.result?;
        }
    }
    Ok(())
}

/// A command for the build with this backend: in the usual folder if it is the chosen one.
pub(crate) fn with(cmd: Cmd, feature: &str) -> Outcome<Cmd> {
    ready(feature)?;
    Ok(match feature == chosen() {
        true => cmd,
        false => in_its_folder(cmd, feature),
    })
}

/// Those that CI tests beside the chosen one, and with it only the packages that are about them.
pub(crate) fn others() -> impl Iterator<Item = &'static str> {
    let features = BACKENDS.iter().map(|backend| backend.feature);
    features.filter(|feature| *feature != chosen())
}

/// Whether a set of features has a backend that is not the chosen one.
pub(crate) fn is_foreign(package: &Package, set: &[String]) -> bool {
    let foreign = |f: &String| package.backends.contains(f) && f != chosen();
    set.iter().any(foreign)
}

fn has(package: &Package, feature: &str) -> bool {
    package.backends.iter().any(|f| f == feature)
}

/// What comes out for one backend stays apart from what comes out for another; what they have in common, which cargo tells
/// apart by features, is built once.
fn in_its_folder(cmd: Cmd, feature: &str) -> Cmd {
    let folder = workspace::target().join(format!("backend-{feature}"));
    cmd.env("CARGO_TARGET_DIR", folder.display().to_string())
        .env(
            "CARGO_BUILD_BUILD_DIR",
            workspace::target().display().to_string(),
        )
}

fn ready(feature: &str) -> Outcome {
    let backend = BACKENDS.iter().find(|b| b.feature == feature);
    let backend = backend.ok_or_else(|| format!("no such backend: {feature}"))?;
    let probe = Cmd::new("sh").args(["-c", backend.probe]);
    if !probe.succeeds() {
        tools::debian(backend.debian)?;
        probe.output()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_that_a_package_names_is_known_and_no_set_has_two() {
        let packages = workspace::packages().unwrap();
        let with: Vec<_> = packages.iter().filter(|p| !p.backends.is_empty()).collect();
        assert!(with.iter().any(|p| p.name == "pgp-keystore"));
        for package in with {
            let known = |f: &String| BACKENDS.iter().any(|b| b.feature == f);
            assert!(package.backends.iter().all(known), "{}", package.name);
            for set in &package.feature_sets {
                let of = set.iter().filter(|f| package.backends.contains(f)).count();
                assert!(of <= 1, "{}: {set:?}", package.name);
            }
        }
        assert!(
            CHOICE
                .iter()
                .all(|c| BACKENDS.iter().any(|b| b.feature == *c))
        );
    }

    #[test]
    fn a_backend_is_built_in_a_folder_of_its_own() {
        let cmd = in_its_folder(Cmd::new("cargo"), "crypto-rust").to_string();
        assert!(cmd.contains("backend-crypto-rust"), "{cmd}");
    }
}
