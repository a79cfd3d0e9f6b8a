//! The tests against real peers: an ignored test whose name starts `interop_PEER_` runs when PEER is here.

use crate::run::{Absent, Cmd, Outcome};
use crate::suite::{self, Ran, Runner, Which};
use crate::{tools, workspace};

/// A foreign program (or a right on this machine) that tests need.
#[derive(Debug)]
pub(crate) struct Peer {
    /// As in `interop_NAME_what_is_shown`.
    pub(crate) name: &'static str,
    debian: &'static [&'static str],
    /// Succeeds exactly if the peer is usable.
    probe: &'static [&'static str],
}

pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "strace",
        debian: &["strace"],
        probe: &["strace", "-f", "-o", "/dev/null", "true"],
    },
    Peer {
        name: "tmpfs",
        debian: &["mount", "util-linux"],
        probe: &["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"],
    },
    Peer {
        name: "swaks",
        debian: &["swaks", "libnet-ssleay-perl", "libio-socket-ssl-perl"],
        probe: &["sh", "-c", "swaks --version && perl -MIO::Socket::SSL -e 1"],
    },
    Peer {
        name: "curl",
        debian: &["curl"],
        probe: &["sh", "-c", "curl --version | grep -w pop3s"],
    },
    Peer {
        name: "poplib",
        debian: &["python3"],
        probe: &["python3", "-c", "import poplib, ssl"],
    },
    Peer {
        name: "openssl",
        debian: &["openssl"],
        probe: &["openssl", "version"],
    },
    Peer {
        // No program: storms of `kill -9` against our own, which take minutes.
        name: "kill",
        debian: &[],
        probe: &["true"],
    },
    Peer {
        name: "postfix",
        debian: &["postfix"],
        probe: &[
            "sh",
            "-c",
            "PATH=$PATH:/usr/sbin; command -v postfix smtp-source",
        ],
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
    },
    Peer {
        name: "sqlite3",
        debian: &["sqlite3"],
        probe: &["sqlite3", "--version"],
    },
    Peer {
        name: "dkimpy",
        debian: &["python3-dkim", "python3-nacl"],
        // Debian's own Python sees Debian's modules; another one that comes first in the PATH does not.
        probe: &["/usr/bin/python3", "-c", "import dkim, nacl.signing"],
    },
];

/// Runs the tests of the named peers, or of all.
pub(crate) fn run(names: &[String], absent: Absent) -> Outcome {
    if let Some(name) = names.iter().find(|n| PEERS.iter().all(|p| p.name != **n)) {
        let known: Vec<_> = PEERS.iter().map(|p| p.name).collect();
        return Err(format!("no such peer: {name} (known: {})", known.join(", ")).into());
    }
    let wanted = |peer: &&Peer| names.is_empty() || names.iter().any(|n| n == peer.name);
    let readied: Vec<(&Peer, Outcome)> = PEERS
        .iter()
        .filter(wanted)
        .map(|peer| (peer, ready(peer)))
        .collect();
    let starts: Vec<String> = readied
        .iter()
        .filter(|(_, outcome)| outcome.is_ok())
        .map(|(peer, _)| format!("interop_{}_", peer.name))
        .collect();

    let (mut ran, mut result) = (Vec::new(), Ok(()));
    if !starts.is_empty() {
        tools::compiler()?;
        let runner = Runner::new(&workspace::packages()?, absent)?;
        let teed = runner.run(Which::Ignored(&starts))?;
        (ran, result) = (suite::results(&teed.text), teed.result);
    }

    println!("\n== peers");
    let mut faults = Vec::new();
    for (peer, outcome) in &readied {
        let missing = outcome.as_ref().err().map(ToString::to_string);
        let line = line(peer, missing.as_deref(), &ran);
        println!("{}", line.text());
        match line {
            Line::Passed(_) => {}
            Line::Failed(text) => faults.push(text),
            Line::NotRun(text) if absent == Absent::Fails => faults.push(text),
            Line::NotRun(_) => {}
        }
    }
    result?;
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults.join("; ").into()),
    }
}

/// Installs what is missing, where it may.
fn ready(peer: &Peer) -> Outcome {
    let [program, args @ ..] = peer.probe else {
        return Ok(());
    };
    let probe = Cmd::new(*program).args(args.iter().copied());
    if !probe.succeeds() {
        tools::debian(peer.debian)?;
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
}

fn line(peer: &Peer, missing: Option<&str>, ran: &[Ran]) -> Line {
    let name = peer.name;
    if let Some(why) = missing {
        return Line::NotRun(format!("not run: {name} ({})", why.trim()));
    }
    let start = format!("interop_{name}_");
    let function = |ran: &&Ran| {
        let function = ran.name.rsplit("::").next();
        function.is_some_and(|f| f.starts_with(&start))
    };
    let own: Vec<&Ran> = ran.iter().filter(function).collect();
    let failed: Vec<&str> = own
        .iter()
        .filter(|ran| !ran.passed)
        .map(|ran| ran.name.as_str())
        .collect();
    if own.is_empty() {
        // A peer that nothing talks to proves nothing.
        Line::NotRun(format!("not run: {name} (no test of it ran)"))
    } else if failed.is_empty() {
        Line::Passed(format!("{name}: passed ({} tests)", own.len()))
    } else {
        Line::Failed(format!("{name}: failed ({})", failed.join(", ")))
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
        let of = |missing, ran: &[Ran]| line(peer, missing, ran);
        let all = [good.clone(), other.clone()];
        assert!(matches!(of(None, &all), Line::Passed(t) if t == "strace: passed (1 tests)"));
        assert!(matches!(of(None, &[good.clone(), bad]), Line::Failed(_)));
        assert!(matches!(of(None, &[other]), Line::NotRun(_)));
        assert!(matches!(of(Some("no apt"), &[good]), Line::NotRun(_)));
    }

    #[test]
    fn an_unknown_peer_is_refused() {
        assert!(run(&["sendmail".into()], Absent::Told).is_err());
    }
}
