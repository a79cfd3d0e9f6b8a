//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;
use tls_policy::audit::{Date, Protocol, RULE_SETS, RuleSet, rule_sets_on};
use tls_policy::probe::Plan;

/// Probes the TLS and the DNS of a mail domain or a host, and holds them against dated rule sets.
///
/// It connects to the MX hosts of the domain on port 25, or to the services of the host, and to nobody
/// else but the DNS resolver and the domain's MTA-STS policy host.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "tls-audit",
    version,
    after_help = "Exit status: 0 every required rule that could be judged is met, 1 one is not, 2 nothing could be judged."
)]
pub struct Arguments {
    /// A mail domain if it has MX records, otherwise a host: a name, or an address.
    pub name: String,
    /// A report for programs.
    #[arg(long)]
    pub json: bool,
    /// The facts in JSON, unjudged: what `--facts-from` reads.
    #[arg(long, conflicts_with = "json")]
    pub facts: bool,
    /// Judges facts that were gathered before; nobody is connected to.
    #[arg(long, value_name = "FILE")]
    pub facts_from: Option<PathBuf>,
    /// A validating resolver on this machine.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:53")]
    pub resolver: SocketAddr,
    /// Asks this zone, in JSON, and no resolver; for checks without a network.
    #[arg(long, value_name = "FILE")]
    pub zone: Option<PathBuf>,
    /// Takes that zone for signed.
    #[arg(long, requires = "zone")]
    pub zone_is_signed: bool,
    /// A service of the host, or of the domain besides its MX hosts: `imaps`, `smtp:2525`. Can be given
    /// several times. Without it a host is asked for all that there are.
    #[arg(long = "service", value_name = "PROTOCOL[:PORT]")]
    pub services: Vec<Asked>,
    /// Connects to this address, whatever the DNS says.
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<IpAddr>,
    /// The port of MX hosts.
    #[arg(long, value_name = "PORT", default_value_t = 25)]
    pub mx_port: u16,
    /// Rule sets, such as `TR_03108@2.0,TR_03182`. Default: those that count today.
    #[arg(long = "set", value_name = "SET[@EDITION]", value_delimiter = ',')]
    pub sets: Vec<String>,
    /// Authorities in PEM, instead of those of this machine.
    #[arg(long, value_name = "FILE")]
    pub roots: Option<PathBuf>,
    /// The service is our own: how it is configured, and what people attest, as `own` and
    /// `attestations` of the facts in JSON.
    #[arg(long, value_name = "FILE")]
    pub own: Option<PathBuf>,
    /// Connections of the probe to each service.
    #[arg(long, value_name = "CONNECTIONS", default_value_t = Plan::DEFAULT_BUDGET)]
    pub budget: usize,
    /// Milliseconds between two connections.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 100)]
    pub pause: u64,
    /// Seconds that one connection may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub timeout: u64,
    /// For tests: the policy host of MTA-STS is reached on loopback alone, at this port.
    #[arg(long, value_name = "PORT")]
    pub policy_port_on_loopback: Option<u16>,
}

/// A service that somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is spoken there.
    pub protocol: Protocol,
    /// Where.
    pub port: u16,
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        };
        let known = || Protocol::ALL.map(Protocol::name).join(", ");
        let protocol = Protocol::ALL.into_iter().find(|p| p.name() == name);
        let protocol = protocol.ok_or_else(|| format!("no such protocol; known: {}", known()))?;
        let port = match port {
            None => protocol.port(),
            Some(port) => port.parse().map_err(|_| format!("{port} is no port"))?,
        };
        Ok(Self { protocol, port })
    }
}

impl Arguments {
    /// The rule sets that were asked for, or those that count on this day.
    ///
    /// # Errors
    /// A text with the sets that there are.
    pub fn rule_sets(&self, today: Date) -> Result<Vec<&'static RuleSet>, String> {
        if self.sets.is_empty() {
            return Ok(rule_sets_on(today));
        }
        let mut chosen = Vec::new();
        for text in &self.sets {
            let (id, edition) = match text.split_once('@') {
                Some((id, edition)) => (id, Some(edition)),
                None => (text.as_str(), None),
            };
            let fits = |set: &&RuleSet| {
                set.id == id && edition.map_or_else(|| set.counts_on(today), |e| e == set.edition)
            };
            match RULE_SETS.iter().copied().find(fits) {
                Some(set) => chosen.push(set),
                None => {
                    let all = RULE_SETS.map(|set| format!("{}@{}", set.id, set.edition));
                    return Err(format!("no set {text}; there are {}", all.join(", ")));
                }
            }
        }
        Ok(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_named_with_a_port_or_without() {
        let asked = |text: &str| text.parse::<Asked>().map(|a| (a.protocol, a.port));
        assert_eq!(asked("imaps"), Ok((Protocol::Imaps, 993)));
        assert_eq!(asked("smtp:2525"), Ok((Protocol::Smtp, 2525)));
        for wrong in ["", "ftp", "smtp:", "smtp:x", "smtp:70000"] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sets_are_chosen_by_edition_or_by_day() {
        let sets = |text: &str| {
            let arguments = Arguments::parse_from(["tls-audit", "--set", text, "a.test"]);
            let sets = arguments.rule_sets(Date::new(2026, 11, 27).unwrap());
            sets.map(|sets| {
                sets.iter()
                    .map(|s| format!("{}@{}", s.id, s.edition))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(
            sets("TR_03108@1.0.2,TR_03182").unwrap(),
            ["TR_03108@1.0.2", "TR_03182@1.0"]
        );
        assert_eq!(sets("TR_03108").unwrap(), ["TR_03108@2.0"]);
        assert!(sets("TR_99999").is_err() && sets("TR_03108@9").is_err());
    }
}
