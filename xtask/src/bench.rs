//! Benchmarks beside peers, and instruction counts beside a baseline.

use crate::run::{Absent, Cmd, Outcome};
use crate::workspace::Package;
use crate::{counts, tools, workspace};

/// What a bench needs beside Rust, as Debian's packages. Without it, its part is told to be "not run".
const NEEDS: &[(&str, &[&str])] = &[
    ("dane_tlsa", &["libssl-dev", "valgrind"]),
    ("tls_policy", &["valgrind"]),
    ("pgp_keystore", &["gnupg", "valgrind"]),
    ("symmetric_seal", &["gnupg"]),
];

/// `bench`, `bench NAME [-- ARGS]` or `bench --counts [--bless]`.
pub(crate) fn run(args: &[String], absent: Absent) -> Outcome {
    tools::compiler()?;
    let packages = workspace::packages()?;
    let (name, rest) = match args {
        [] => return all(&packages).try_for_each(|cmd| cmd.run()),
        [first, rest @ ..] => (first.as_str(), rest),
    };
    match name {
        "--counts" => counts::run(rest, absent),
        name => {
            let bench = named(&packages, name, rest)?;
            needs(name);
            bench.run()
        }
    }
}

/// The command of a bench, by its name and with what it is given.
pub(crate) fn command(args: &[String]) -> Outcome<Cmd> {
    let (name, rest) = args.split_first().ok_or("which bench?")?;
    named(&workspace::packages()?, name, rest)
}

/// Installs what a bench needs, where it may.
fn needs(name: &str) {
    let name = name.replace('-', "_");
    let of = |(bench, _): &&(&str, &[&str])| *bench == name;
    for (_, debian) in NEEDS.iter().filter(of) {
        if let Err(why) = tools::debian(debian) {
            println!("not installed: {} ({why})", debian.join(", "));
        }
    }
}

/// The benches of each package that has some.
fn all(packages: &[Package]) -> impl Iterator<Item = Cmd> {
    packages.iter().filter_map(|package| {
        let benches = package.targets.iter().filter(|(kind, _)| kind == "bench");
        let benches: Vec<_> = benches.flat_map(|(_, name)| ["--bench", name]).collect();
        let cmd = Cmd::cargo("bench").args(["-p", &package.name]);
        (!benches.is_empty()).then(|| featured(cmd, package).args(benches))
    })
}

/// A criterion bench by its crate's name, or a measuring program of the service: `examples/bench_NAME.rs`.
fn named(packages: &[Package], name: &str, args: &[String]) -> Outcome<Cmd> {
    let name = name.replace('-', "_");
    let args = args.iter().filter(|arg| *arg != "--").cloned();
    let with = |kind, target: &str| packages.iter().find(|p| p.has_target(kind, target));
    if let Some(package) = with("bench", &name) {
        let cmd = featured(Cmd::cargo("bench").args(["-p", &package.name]), package);
        return Ok(cmd.args(["--bench", &name, "--"]).args(args));
    }
    let program = format!("bench_{name}");
    if let Some(package) = with("example", &program) {
        let cmd = Cmd::cargo("run").args(["--release", "-p", &package.name]);
        return Ok(featured(cmd, package)
            .args(["--example", &program, "--"])
            .args(args));
    }
    Err(format!("no bench named {name}").into())
}

fn featured(cmd: Cmd, package: &Package) -> Cmd {
    cmd.args(package.select())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages() -> Vec<Package> {
        let package = |name: &str, kind: &str, target: &str| Package {
            name: name.into(),
            targets: vec![(kind.into(), target.into())],
            ..Package::default()
        };
        vec![
            package("benches", "bench", "mail_dns"),
            package("mail-service", "example", "bench_smtp"),
        ]
    }

    #[test]
    fn what_is_needed_is_needed_by_a_bench() {
        let packages = workspace::packages().unwrap();
        let known =
            |(name, _): &(&str, &[&str])| packages.iter().any(|p| p.has_target("bench", name));
        assert!(NEEDS.iter().all(known));
    }

    #[test]
    fn none_named_is_all() {
        let all: Vec<_> = all(&packages()).map(|cmd| cmd.to_string()).collect();
        assert_eq!(all, ["cargo bench -p benches --bench mail_dns"]);
    }

    #[test]
    fn a_bench_is_found_by_its_crates_name_or_its_program() {
        let found = |name| named(&packages(), name, &["--".into(), "x".into()]);
        let shown = |name| found(name).map(|c| c.to_string()).unwrap_or_default();
        assert_eq!(
            shown("mail-dns"),
            "cargo bench -p benches --bench mail_dns -- x"
        );
        let smtp = "cargo run --release -p mail-service --example bench_smtp -- x";
        assert_eq!(shown("smtp"), smtp);
        assert!(found("nothing").is_err());
    }
}
