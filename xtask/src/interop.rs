//! The tests against real peers: an ignored test whose name starts `interop_PEER_` runs when PEER is here.

use crate::run::{Absent, Cmd, Outcome};
use crate::suite::{self, Ran, Runner, Which};
use crate::{debian13, site, tools, workspace};

/// A foreign program (or a right on this machine) that tests need.
#[derive(Debug)]
pub(crate) struct Peer {
    /// As in `interop_NAME_what_is_shown`.
    pub(crate) name: &'static str,
    debian: &'static [&'static str],
    /// Succeeds exactly if the peer is usable.
    probe: &'static [&'static str],
    /// How the names of tests start that are so quick that `cargo xtask test` runs them, too.
    quick: &'static [&'static str],
}

pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "strace",
        debian: &["strace"],
        probe: &["strace", "-f", "-o", "/dev/null", "true"],
        quick: &[],
    },
    Peer {
        name: "tmpfs",
        debian: &["mount", "util-linux"],
        probe: &["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"],
        quick: &[],
    },
    Peer {
        name: "swaks",
        debian: &["swaks", "libnet-ssleay-perl", "libio-socket-ssl-perl"],
        probe: &["sh", "-c", "swaks --version && perl -MIO::Socket::SSL -e 1"],
        quick: &[],
    },
    Peer {
        name: "curl",
        debian: &["curl"],
        probe: &["sh", "-c", "curl --version | grep -w pop3s"],
        quick: &[],
    },
    Peer {
        name: "poplib",
        debian: &["python3"],
        probe: &["python3", "-c", "import poplib, ssl"],
        quick: &[],
    },
    Peer {
        name: "openssl",
        debian: &["openssl"],
        probe: &["openssl", "version"],
        quick: &[],
    },
    Peer {
        name: "sslscan",
        debian: &["sslscan", "openssl"],
        probe: &["sh", "-c", "sslscan --version && openssl version"],
        quick: &[],
    },
    Peer {
        // The page of a sealed message, in a real browser that Node.js drives.
        name: "chromium",
        debian: &["chromium", "libnss3-tools", "fonts-dejavu-core"],
        probe: &[
            "sh",
            "-c",
            "chromium --version && command -v certutil && node --version && npm --version",
        ],
        quick: &[],
    },
    Peer {
        // No program: storms of `kill -9` against our own, which take minutes.
        name: "kill",
        debian: &[],
        probe: &["true"],
        quick: &[],
    },
    Peer {
        name: "postfix",
        debian: &["postfix", "sslscan", "openssl"],
        probe: &[
            "sh",
            "-c",
            "PATH=$PATH:/usr/sbin; command -v postfix && command -v smtp-source && sslscan --version && openssl version",
        ],
        quick: &[],
    },
    Peer {
        // IMAP and POP3, in TLS and with STARTTLS.
        name: "dovecot",
        debian: &["dovecot-imapd", "dovecot-pop3d", "sslscan", "openssl"],
        probe: &[
            "sh",
            "-c",
            "PATH=$PATH:/usr/sbin; command -v dovecot && test -x /usr/lib/dovecot/imap-login && test -x /usr/lib/dovecot/pop3-login && sslscan --version && openssl version",
        ],
        quick: &[],
    },
    Peer {
        name: "nginx",
        debian: &["nginx-light", "sslscan", "openssl"],
        probe: &[
            "sh",
            "-c",
            "PATH=$PATH:/usr/sbin; command -v nginx && sslscan --version && openssl version",
        ],
        quick: &[],
    },
    Peer {
        // Real zones: BIND signs and serves them, unbound validates.
        name: "dnssec",
        debian: &["bind9", "bind9-utils", "unbound"],
        probe: &[
            "sh",
            "-c",
            "PATH=$PATH:/usr/sbin; command -v named && command -v dnssec-signzone && command -v unbound",
        ],
        quick: &[],
    },
    Peer {
        // Postfix with DANE over such zones. Its resolver is in a mount namespace of its own.
        name: "dane",
        debian: &[
            "postfix",
            "bind9",
            "bind9-utils",
            "unbound",
            "mount",
            "util-linux",
        ],
        probe: &[
            "sh",
            "-c",
            "PATH=$PATH:/usr/sbin; command -v postfix && command -v named && command -v dnssec-signzone && command -v unbound && unshare -m sh -c 'mount --bind /etc/hosts /etc/resolv.conf'",
        ],
        quick: &[],
    },
    Peer {
        name: "postgres",
        debian: &["postgresql", "util-linux"],
        // Debian keeps the server's programs out of the path. `setpriv` is there because root may not run a server.
        probe: &[
            "sh",
            "-c",
            "setpriv --version && for bin in /usr/lib/postgresql/*/bin; do \"$bin/postgres\" --version && exit 0; done; exit 1",
        ],
        quick: &[
            "interop_postgres_conformance",
            "interop_postgres_one_round_trip_per_commit",
            "interop_postgres_a_server_that_is_away_is_a_temporary_error",
            "interop_postgres_schemas_of_others_are_refused",
            "interop_postgres_a_dropped_future_does_not_cancel_its_commit",
            "interop_postgres_an_answer_that_is_lost_is_asked_for_again",
            "interop_postgres_mutation_what_another_try_cannot_help",
            "interop_postgres_tls_is_verified",
        ],
    },
    Peer {
        name: "sqlite3",
        debian: &["sqlite3"],
        probe: &["sqlite3", "--version"],
        quick: &[],
    },
    Peer {
        name: "dkimpy",
        debian: &["python3-dkim", "python3-nacl"],
        // Debian's own Python sees Debian's modules; another one that comes first in the PATH does not.
        probe: &["/usr/bin/python3", "-c", "import dkim, nacl.signing"],
        quick: &[],
    },
    Peer {
        // By npm, with a lock file: `NPM`.
        name: "openpgpjs",
        debian: &[],
        // The version that is locked, and Node that runs it.
        probe: &[
            "node",
            "-e",
            "const at = process.cwd() + '/peers/openpgpjs/'; process.exit(require(at + 'package.json').dependencies.openpgp === require(at + 'node_modules/openpgp/package.json').version ? 0 : 1)",
        ],
        quick: &[],
    },
    Peer {
        name: "gpg",
        // With its client of the Web Key Directory, and curl, which fetches what gpg imports.
        debian: &["gnupg", "gpg-wks-client", "curl"],
        probe: &[
            "sh",
            "-c",
            "gpg --version && curl --version && test -x \"$(gpgconf --list-dirs libexecdir)/gpg-wks-client\"",
        ],
        quick: &[],
    },
    Peer {
        // Python's email package, with GnuPG beside it.
        name: "pymail",
        debian: &["python3", "gnupg"],
        probe: &[
            "sh",
            "-c",
            "gpg --version && /usr/bin/python3 -c 'import email.policy'",
        ],
        quick: &[],
    },
    Peer {
        // On a terminal that `script` makes; it asks GnuPG through its library.
        name: "neomutt",
        debian: &["neomutt", "gnupg", "bsdutils"],
        probe: &[
            "sh",
            "-c",
            "neomutt -v | grep +gpgme && gpg --version && command -v script",
        ],
        quick: &[],
    },
    Peer {
        name: "sq",
        debian: &["sq"],
        probe: &["sq", "--version"],
        quick: &[],
    },
    Peer {
        // The first that knows RFC 9580: `UNPACKED`.
        name: "sq13",
        debian: &[],
        probe: &["sh", ".tools/debian13/sq", "version"],
        quick: &[],
    },
    Peer {
        name: "rsop",
        debian: &[],
        probe: &["sh", ".tools/debian13/rsop", "version"],
        quick: &[],
    },
    Peer {
        // The first with post-quantum keys: `REGISTRY`.
        name: "rsop12",
        debian: &[],
        probe: &[".tools/rsop12/bin/rsop", "version"],
        quick: &[],
    },
    Peer {
        name: "sqop",
        debian: &["sqop"],
        probe: &["sqop", "version"],
        quick: &[],
    },
    Peer {
        name: "gosop",
        debian: &["gosop"],
        probe: &["gosop", "version"],
        quick: &[],
    },
    Peer {
        // With the machine of Java.
        name: "pgpainless",
        debian: &["pgpainless-cli"],
        probe: &["pgpainless-cli", "version"],
        quick: &[],
    },
    Peer {
        name: "rnp",
        debian: &["rnp"],
        probe: &["rnp", "--version"],
        quick: &[],
    },
    Peer {
        name: "oathtool",
        debian: &["oathtool"],
        probe: &["oathtool", "--version"],
        quick: &[],
    },
    Peer {
        // Reads QR codes in pictures.
        name: "zbar",
        debian: &["zbar-tools"],
        probe: &["zbarimg", "--version"],
        quick: &[],
    },
    Peer {
        // Signs the first page of a corpus.
        name: "minisign",
        debian: &["minisign"],
        probe: &["minisign", "-v"],
        quick: &[],
    },
    Peer {
        // Reads a corpus by what its specification says, with nothing of ours.
        name: "python",
        debian: &["python3"],
        probe: &["/usr/bin/python3", "--version"],
        quick: &[],
    },
];

/// Peers that run only where they are named, as in `cargo xtask deep`: large or slow to install, and what they show changes
/// rarely.
const DEEP: &[&str] = &["rsop12", "sqop", "gosop", "pgpainless", "rnp"];

/// Peers that cargo installs from the Rust registry: package and version of each.
const REGISTRY: &[(&str, &str, &str)] = &[("rsop12", "rsop", "0.12.0")];

/// Peers that are programs of Debian 13: the package of each.
const UNPACKED: &[(&str, &str)] = &[("sq13", "sq"), ("rsop", "rsop")];

/// Peers of npm: the folder of each has a `package.json` and a `package-lock.json`.
const NPM: &[(&str, &str)] = &[("openpgpjs", "peers/openpgpjs")];

/// Installs these peers, where it may.
pub(crate) fn install(names: &[&str]) -> Outcome {
    for peer in PEERS.iter().filter(|peer| names.contains(&peer.name)) {
        ready(peer)?;
    }
    Ok(())
}

/// Runs the tests of the named peers, or of all but those of `DEEP`.
pub(crate) fn run(names: &[String], absent: Absent) -> Outcome {
    if let Some(name) = names.iter().find(|n| PEERS.iter().all(|p| p.name != **n)) {
        let known: Vec<_> = PEERS.iter().map(|p| p.name).collect();
        return Err(format!("no such peer: {name} (known: {})", known.join(", ")).into());
    }
    let wanted = |peer: &&Peer| match names.is_empty() {
        true => !DEEP.contains(&peer.name),
        false => names.iter().any(|n| n == peer.name),
    };
    let readied: Vec<(&Peer, Outcome)> = PEERS
        .iter()
        .filter(wanted)
        .map(|peer| (peer, ready(peer)))
        .collect();
    let usable = readied.iter().filter(|(_, outcome)| outcome.is_ok());
    let starts: Vec<String> = usable.map(|(peer, _)| start(peer)).collect();

    let (mut ran, mut result) = (Vec::new(), Ok(()));
    if !starts.is_empty() {
        tools::compiler()?;
        if starts.iter().any(|start| start == "interop_chromium_") {
            site::run()?;
            site::packages()?;
        }
        let runner = Runner::new(&workspace::packages()?, absent)?;
        let teed = runner.run(Which::Ignored(&starts))?;
        (ran, result) = (suite::results(&teed.text), teed.result);
    }

    println!("\n== peers");
    let mut faults = Vec::new();
    for (peer, outcome) in &readied {
        let missing = outcome.as_ref().err().map(ToString::to_string);
        let line = line(peer, missing.as_deref(), &[&start(peer)], &ran);
        println!("{}", line.text());
        faults.extend(line.fault(absent));
    }
    result?;
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults.join("; ").into()),
    }
}

/// The quick tests, each on a peer of its own, as `cargo xtask test` runs them; what it says of each peer goes into
/// `lines`. With words, those that have one of them in their name. Nothing is installed but in CI.
pub(crate) fn quick(words: &[String], absent: Absent, lines: &mut String) -> Outcome {
    let chosen = |start: &&&str| words.is_empty() || words.iter().any(|w| start.contains(&**w));
    let mut outcome = Ok(());
    for peer in PEERS {
        let starts: Vec<&str> = peer.quick.iter().filter(chosen).copied().collect();
        if starts.is_empty() {
            continue;
        }
        let ready = match absent {
            Absent::Fails => ready(peer),
            Absent::Told if probe(peer).succeeds() => Ok(()),
            Absent::Told => Err(format!(
                "`cargo xtask interop {}` installs it where it may",
                peer.name
            )
            .into()),
        };
        let missing = ready.err().map(|error| error.to_string());
        let mut ran = Vec::new();
        if missing.is_none() {
            let starts: Vec<String> = starts.iter().map(|&start| start.into()).collect();
            let runner = Runner::new(&workspace::packages()?, absent)?;
            let teed = runner.run(Which::Ignored(&starts))?;
            ran = suite::results(&teed.text);
            outcome = outcome.and_then(|()| Ok(teed.result?));
        }
        let line = line(peer, missing.as_deref(), &starts, &ran);
        lines.push_str(line.text());
        lines.push('\n');
        if let Some(fault) = line.fault(absent) {
            outcome = outcome.and_then(|()| Err(fault.into()));
        }
    }
    outcome
}

/// Whether a peer is here; it is installed where it may.
pub(crate) fn usable(name: &str) -> Outcome {
    let peer = PEERS.iter().find(|peer| peer.name == name);
    ready(peer.ok_or_else(|| format!("no such peer: {name}"))?)
}

/// How the names of a peer's tests start.
fn start(peer: &Peer) -> String {
    format!("interop_{}_", peer.name)
}

fn probe(peer: &Peer) -> Cmd {
    let (program, args) = peer.probe.split_first().unwrap_or((&"true", &[]));
    Cmd::new(*program).args(args.iter().copied())
}

/// Installs what is missing, where it may.
fn ready(peer: &Peer) -> Outcome {
    let probe = probe(peer);
    if !probe.succeeds() {
        tools::debian(peer.debian)?;
        for (_, folder) in NPM.iter().filter(|(name, _)| *name == peer.name) {
            // What is in the lock file, checked by its hashes, and no scripts of it are run.
            Cmd::new("npm")
                .args([
                    "ci",
                    "--ignore-scripts",
                    "--no-audit",
                    "--no-fund",
                    "--prefix",
                ])
                .arg(*folder)
                .run()?;
        }
        for (name, package, version) in REGISTRY.iter().filter(|(name, ..)| *name == peer.name) {
            let root = format!(".tools/{name}");
            let built = workspace::root().join(&root).join("target");
            Cmd::cargo("install")
                .args([*package, "--version", *version, "--locked"])
                .args(["--root", &*root])
                .env("CARGO_TARGET_DIR", built.display().to_string())
                .run()?;
            std::fs::remove_dir_all(built)?;
        }
        for (_, package) in UNPACKED.iter().filter(|(name, _)| *name == peer.name) {
            debian13::unpack(package)?;
        }
        probe.output()?;
    }
    Ok(())
}

/// What the list at the end says of a peer.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Passed(String),
    Failed(String),
    NotRun(String),
}

impl Line {
    fn text(&self) -> &str {
        match self {
            Self::Passed(text) | Self::Failed(text) | Self::NotRun(text) => text,
        }
    }

    /// What is wrong, if anything.
    fn fault(self, absent: Absent) -> Option<String> {
        match self {
            Self::Passed(_) => None,
            Self::NotRun(_) if absent == Absent::Told => None,
            Self::Failed(text) | Self::NotRun(text) => Some(text),
        }
    }
}

/// The line of a peer whose tests' names start like this: with each of these starts, one or more.
fn line(peer: &Peer, missing: Option<&str>, starts: &[&str], ran: &[Ran]) -> Line {
    let name = peer.name;
    if let Some(why) = missing {
        return Line::NotRun(format!("not run: {name} ({})", why.trim()));
    }
    let has = |ran: &&Ran, start: &str| {
        let function = ran.name.rsplit("::").next();
        function.is_some_and(|f| f.starts_with(start))
    };
    // A peer that nothing talks to proves nothing.
    if let Some(idle) = starts.iter().find(|s| !ran.iter().any(|r| has(&r, s))) {
        return Line::NotRun(format!("not run: {name} (no test {idle}... ran)"));
    }
    let own = ran.iter().filter(|r| starts.iter().any(|s| has(r, s)));
    let (passed, failed): (Vec<&Ran>, Vec<&Ran>) = own.partition(|ran| ran.passed);
    match failed.is_empty() {
        true => Line::Passed(format!("{name}: passed ({} tests)", passed.len())),
        false => {
            let failed: Vec<&str> = failed.iter().map(|ran| ran.name.as_str()).collect();
            Line::Failed(format!("{name}: failed ({})", failed.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(name: &str, passed: bool) -> Ran {
        let name = name.into();
        Ran { name, passed }
    }

    #[test]
    fn a_peer_passes_only_with_tests_that_ran_and_passed() {
        let peer = &PEERS[0];
        let good = ran("sync::interop_strace_order", true);
        let bad = ran("interop_strace_batch", false);
        let other = ran("interop_swaks_tls", true);
        let of = |missing, ran: &[Ran]| line(peer, missing, &["interop_strace_"], ran);
        let all = [good.clone(), other.clone()];
        assert!(matches!(of(None, &all), Line::Passed(t) if t == "strace: passed (1 tests)"));
        assert!(matches!(of(None, &[good.clone(), bad]), Line::Failed(_)));
        assert!(matches!(of(None, &[other]), Line::NotRun(_)));
        assert!(matches!(of(Some("no apt"), &[good]), Line::NotRun(_)));
        // Of quick tests, each that is listed must have run.
        let listed = ["interop_strace_order", "interop_strace_sync"];
        assert!(matches!(line(peer, None, &listed, &all), Line::NotRun(_)));
        let all = [all[0].clone(), ran("interop_strace_sync_twice", true)];
        assert!(matches!(line(peer, None, &listed, &all), Line::Passed(_)));
    }

    #[test]
    fn what_did_not_run_is_a_fault_only_where_all_must() {
        let line = || Line::NotRun("no apt".into());
        assert_eq!(line().fault(Absent::Told), None);
        assert!(line().fault(Absent::Fails).is_some());
        assert!(Line::Failed("x".into()).fault(Absent::Told).is_some());
    }

    #[test]
    fn quick_tests_are_tests_of_their_peer_and_words_choose_among_them() {
        for peer in PEERS {
            assert!(peer.quick.iter().all(|q| q.starts_with(&start(peer))));
        }
        assert!(PEERS.iter().any(|peer| !peer.quick.is_empty()));
        let mut lines = String::new();
        quick(&["no_such_test".into()], Absent::Fails, &mut lines).unwrap();
        assert_eq!(lines, "");
    }

    #[test]
    fn what_npm_installs_is_a_peer_with_a_lock_file() {
        for (name, folder) in NPM {
            assert!(PEERS.iter().any(|peer| peer.name == *name));
            let lock = workspace::root().join(folder).join("package-lock.json");
            assert!(
                std::fs::read_to_string(lock)
                    .unwrap()
                    .contains("\"integrity\": \"sha512-")
            );
        }
    }

    #[test]
    fn what_is_left_to_deep_or_comes_from_the_registry_is_a_peer() {
        let known = |name: &str| PEERS.iter().any(|peer| peer.name == name);
        assert!(DEEP.iter().all(|name| known(name)));
        for (name, package, _) in REGISTRY {
            let peer = PEERS.iter().find(|peer| peer.name == *name).unwrap();
            assert_eq!(peer.probe[0], format!(".tools/{name}/bin/{package}"));
            // It is built for many minutes.
            assert!(DEEP.contains(name));
        }
    }

    #[test]
    fn what_is_unpacked_is_a_peer() {
        for (name, package) in UNPACKED {
            let peer = PEERS.iter().find(|peer| peer.name == *name).unwrap();
            assert_eq!(peer.probe[1], format!(".tools/debian13/{package}"));
        }
    }

    #[test]
    fn an_unknown_peer_is_refused() {
        assert!(run(&["sendmail".into()], Absent::Told).is_err());
    }
}
