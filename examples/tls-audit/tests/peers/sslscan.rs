//! The oracle: what `sslscan` finds, and how it differs from what the probe finds.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use tls_audit::{Service, Target};
use tls_policy::audit::{Offers, Protocol, Seen};
use tls_policy::probe::Version;

use crate::world::HOST;

/// What one of the two found that the other did not, and why that is right. Each must be found.
pub(crate) type Difference = (Side, &'static str, &'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Ours,
    Sslscans,
}

/// Asserts that both found the same versions, suites of each, groups of each and signature schemes.
pub(crate) fn compare(target: &Target, service: &Service, differences: &[Difference]) {
    let (ours, theirs) = (ours(service), scan(target));
    let mut found: BTreeSet<(Side, String)> = BTreeSet::new();
    found.extend(
        ours.difference(&theirs)
            .map(|line| (Side::Ours, line.clone())),
    );
    found.extend(
        theirs
            .difference(&ours)
            .map(|line| (Side::Sslscans, line.clone())),
    );
    let expected: BTreeMap<(Side, String), &str> = differences
        .iter()
        .map(|(side, line, why)| ((*side, line.to_string()), *why))
        .collect();
    let expected: BTreeSet<(Side, String)> = expected.into_keys().collect();
    assert_eq!(found, expected, "{target:?}");
    // Two that found nothing agree about nothing.
    assert!(ours.len() > 3, "{ours:?}");
}

fn ours(service: &Service) -> BTreeSet<String> {
    let findings = service.findings.as_ref().unwrap();
    let mut lines = BTreeSet::new();
    for version in Version::ALL {
        if *findings
            .version(version)
            .get()
            .unwrap_or_else(|| panic!("{findings:?}"))
        {
            lines.insert(version.to_string());
        }
        lines.extend(listed(
            findings.suites(version),
            &format!("{version} suite"),
        ));
    }
    let facts = findings.facts();
    lines.extend(listed(&facts.groups13, "TLS 1.3 group"));
    lines.extend(listed(&facts.groups12, "TLS 1.2 group"));
    lines.extend(listed(&facts.signatures12, "TLS 1.2 signature"));
    lines
}

/// Nothing may be open.
fn listed(offers: &Seen<Offers>, what: &str) -> Vec<String> {
    let known = offers.get().unwrap_or_else(|| panic!("{what}: {offers:?}"));
    assert_eq!(known.open, None, "{what}: {offers:?}");
    let line = |code: &u16| format!("{what} 0x{code:04X}");
    known.accepted.iter().map(line).collect()
}

fn scan(target: &Target) -> BTreeSet<String> {
    let mut command = Command::new("sslscan");
    command.args(["--xml=-", "--show-sigs", "--no-heartbleed", "--no-colour"]);
    command.arg(format!("--sni-name={HOST}"));
    match target.protocol {
        Protocol::Smtp | Protocol::Submission => drop(command.arg("--starttls-smtp")),
        Protocol::Imap => drop(command.arg("--starttls-imap")),
        Protocol::Pop3 => drop(command.arg("--starttls-pop3")),
        _ => {}
    }
    let out = command.arg(target.address.to_string()).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}");
    let lines = text.lines().filter_map(line).collect();
    assert!(text.contains("</ssltest>"), "{text}");
    lines
}

/// An element a line.
fn line(text: &str) -> Option<String> {
    let text = text.trim();
    let version = |name: &str| {
        attribute(text, name)?
            .strip_prefix("TLSv")
            .map(String::from)
    };
    let code = || {
        let code = attribute(text, "id")?;
        u16::from_str_radix(code.strip_prefix("0x")?, 16).ok()
    };
    let kind = match text.split(' ').next()? {
        "<protocol" => {
            let enabled = attribute(text, "enabled")? == "1";
            let ssl = attribute(text, "type")? == "ssl";
            let version = match (ssl, attribute(text, "version")?) {
                (true, "3") => "SSL 3.0".into(),
                (true, other) => format!("SSL {other}"),
                (false, other) => format!("TLS {other}"),
            };
            return enabled.then_some(version);
        }
        "<cipher" => "suite",
        "<group" => "group",
        "<connection-signature-algorithm" => "signature",
        _ => return None,
    };
    let version = version("sslversion")?;
    if kind == "signature" && version == "1.3" {
        return None;
    }
    Some(format!("TLS {version} {kind} 0x{:04X}", code()?))
}

fn attribute<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}
