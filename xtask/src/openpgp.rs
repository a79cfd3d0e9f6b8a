//! OpenPGP beside all its peers, on each backend that `peers` has: `peers/tests/pgp_keystore`, and its dated result,
//! docs/openpgp-interop.md.

use std::fmt::Write;
use std::fs;

use crate::run::{Absent, Cmd, Outcome};
use crate::{backends, interop, tools, workspace};

/// Those of the table in their order; the last is our own.
const PEERS: [&str; 9] = [
    "gpg",
    "sqop",
    "gosop",
    "pgpainless",
    "rnp",
    "rsop",
    "rsop12",
    "openpgpjs",
    "sop",
];
const BACKENDS: [&str; 2] = ["crypto-openssl", "crypto-rust"];
const OPERATIONS: [&str; 6] = ["import", "export", "encrypt", "decrypt", "sign", "verify"];

const HEAD: &str = "\
# OpenPGP beside other implementations

Written by `cargo xtask deep openpgp`. What is expected to fail stands in `peers/tests/pgp_keystore/expected.toml`; the run fails
if anything else does, or if anything of that works. CI runs gpg, OpenPGP.js, rsop of Debian 13 and our own `sop`.

Each peer gets a key of ours of each profile, and does six things with it:

- import: it reads the key and gives its certificate, with all components;
- export: it generates a key of its own, of that kind, which we take, sign and decrypt with;
- encrypt: it encrypts to our certificate and signs, and we open and verify it, and not once it is damaged;
- decrypt: it opens and verifies what we encrypted and signed, and not once it is damaged;
- sign: it signs, and we verify it, and call it altered over other content;
- verify: it verifies what we signed, and refuses other content.

`sop` is our example of that name as a program; `rsop12` comes from the Rust registry, OpenPGP.js from npm, `rsop` from Debian 13,
the others from Debian 12.
";

pub(crate) fn run() -> Outcome {
    tools::compiler()?;
    interop::install(&PEERS)?;
    let folder = workspace::target().join("openpgp-matrix");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let nextest = match Absent::from_env() {
        Absent::Fails => tools::tool("cargo-nextest")?,
        Absent::Told => tools::in_path("cargo-nextest").map_or_else(
            || tools::tool("cargo-nextest"),
            |found| Ok(found.display().to_string()),
        )?,
    };
    for backend in BACKENDS {
        backends::with(Cmd::new(&nextest), backend)?
            .args(["nextest", "run", "-p", "peers", "--features", backend])
            .args(["--test", "pgp_keystore", "--run-ignored", "all"])
            .env("OPENPGP_MATRIX", folder.display().to_string())
            .run()?;
    }
    let mut text = HEAD.to_owned();
    let day = Cmd::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
    let commit = Cmd::new("git").args(["rev-parse", "--short", "HEAD"]);
    let (commit, rustc) = (commit.output()?, Cmd::new("rustc").arg("--version"));
    writeln!(
        text,
        "\n- day: {}\n- commit: {}\n- compiler: {}",
        day.trim(),
        commit.trim(),
        rustc.output()?.trim()
    )?;
    for backend in BACKENDS {
        let reports = PEERS.iter().map(|peer| {
            let file = folder.join(format!("{backend}-{peer}.tsv"));
            fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
        });
        let reports = reports.collect::<Result<Vec<String>, _>>()?;
        text.push_str(&section(backend, &reports)?);
    }
    Ok(fs::write(
        workspace::root().join("docs/openpgp-interop.md"),
        text,
    )?)
}

/// What one backend did, of the lines that each peer's test wrote.
fn section(backend: &str, reports: &[String]) -> Outcome<String> {
    let (mut rows, mut versions) = (String::new(), Vec::new());
    let (mut reasons, mut absent) = (Vec::new(), None);
    let mut library = "";
    for report in reports {
        let mut peer = "";
        // The profile, and its cells in the order of the operations.
        let mut cells: Vec<(&str, [String; 6])> = Vec::new();
        for line in report.lines() {
            match line.split('\t').collect::<Vec<_>>()[..] {
                ["peer", name, version, by] => {
                    (peer, library) = (name, by);
                    versions.push(format!("{name}: {version}"));
                }
                ["absent", profile, why] => {
                    absent = Some((profile, why));
                }
                ["row", profile, operation, word, why] => {
                    let at = OPERATIONS.iter().position(|known| *known == operation);
                    let at = at.ok_or_else(|| format!("no such operation: {operation}"))?;
                    if cells.last().is_none_or(|(known, _)| *known != profile) {
                        cells.push((profile, Default::default()));
                    }
                    let cell = match word {
                        "works" => "yes".to_owned(),
                        _ => format!("no [{}]", number(&mut reasons, why)),
                    };
                    if let Some((_, cells)) = cells.last_mut() {
                        cells[at] = cell;
                    }
                }
                _ => return Err(format!("not understood: {line}").into()),
            }
        }
        for (profile, cells) in cells {
            writeln!(rows, "| {peer} | {profile} | {} |", cells.join(" | "))?;
        }
    }
    let mut text = format!("\n## {backend} ({library})\n\n");
    writeln!(text, "Versions: {}.\n", versions.join(", "))?;
    if let Some((profile, why)) = absent {
        writeln!(text, "No rows of {profile}: {why}.\n")?;
    }
    writeln!(text, "| peer | key | {} |", OPERATIONS.join(" | "))?;
    writeln!(text, "|---|---|---|---|---|---|---|---|\n{rows}")?;
    for (at, why) in reasons.iter().enumerate() {
        writeln!(text, "{}. {why}", at + 1)?;
    }
    Ok(text)
}

/// Of a reason, as the list below the table has it.
fn number<'a>(reasons: &mut Vec<&'a str>, why: &'a str) -> usize {
    match reasons.iter().position(|known| *known == why) {
        Some(at) => at + 1,
        None => {
            reasons.push(why);
            reasons.len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_all_rows_and_each_reason_once() {
        let rows = |word: &str, why: &str| -> String {
            let row = |operation| format!("row\tmodern\t{operation}\t{word}\t{why}\n");
            OPERATIONS.iter().map(row).collect()
        };
        let good = format!("peer\ta\tA 1.0\tOpenSSL 3\n{}", rows("works", ""));
        let absent = "absent\tpost-quantum\tnot in this build\n";
        let bad = format!(
            "peer\tb\tB 2.0\tOpenSSL 3\n{}{absent}",
            rows("fails", "old")
        );
        let text = section("crypto-openssl", &[good, bad]).unwrap();
        assert!(text.contains("## crypto-openssl (OpenSSL 3)"), "{text}");
        assert!(text.contains("| a | modern | yes | yes | yes | yes | yes | yes |"));
        assert!(text.contains("| b | modern | no [1] | no [1] | no [1] |"));
        assert!(text.contains("No rows of post-quantum: not in this build."));
        assert!(text.ends_with("\n1. old\n"), "{text}");
        assert!(section("crypto-rust", &["what?".into()]).is_err());
    }
}
