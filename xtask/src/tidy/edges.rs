//! Who may know whom: two foundations, and protocol crates that never know each other.

use crate::workspace::Package;

/// The crates under `crates/` and the siblings that each may name.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("record-store", &[]),
    ("mail-dns", &[]),
    ("msg-validate", &["mail-dns"]),
    ("dane-tlsa", &["mail-dns"]),
    ("tls-policy", &["mail-dns", "record-store"]),
    ("pgp-keystore", &["record-store"]),
    ("symmetric-seal", &["record-store"]),
    ("twofactor", &["record-store"]),
    ("breach-check", &["record-store"]),
];

/// Programs that compose the crates; no crate may name one.
const LEAVES: &[&str] = &[
    "mail-service",
    "tls-audit",
    "benches",
    "breach-check-bench",
    "counts",
    "peers",
    "xtask",
];

pub(super) fn check(packages: &[Package]) -> Vec<String> {
    packages.iter().flat_map(faults).collect()
}

fn faults(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let file = package.dir.join("Cargo.toml");
    let file = file.display();
    if LEAVES.contains(&name) {
        let leaf = |sibling: &&String| LEAVES.contains(&sibling.as_str());
        let known = package.siblings.iter().filter(leaf);
        return known
            .map(|sibling| format!("{file}: names {sibling}, which nothing may know"))
            .collect();
    }
    let Some((_, allowed)) = MAY_KNOW.iter().find(|(known, _)| *known == name) else {
        return vec![format!(
            "{file}: tidy/edges.rs does not say whom {name} may know"
        )];
    };
    package
        .siblings
        .iter()
        .filter(|sibling| !allowed.contains(&sibling.as_str()))
        .map(|sibling| format!("{file}: {name} may not know {sibling}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, sibling: &str) -> Package {
        Package {
            name: name.into(),
            siblings: vec![sibling.into()],
            ..Package::default()
        }
    }

    #[test]
    fn a_foundation_may_be_known_and_a_protocol_may_not() {
        assert!(check(&[package("msg-validate", "mail-dns")]).is_empty());
        assert!(check(&[package("mail-service", "msg-validate")]).is_empty());
        assert_eq!(check(&[package("mail-dns", "msg-validate")]).len(), 1);
        assert_eq!(check(&[package("record-store", "mail-dns")]).len(), 1);
        assert_eq!(check(&[package("mail-dns", "benches")]).len(), 1);
        assert_eq!(check(&[package("benches", "mail-service")]).len(), 1);
    }

    #[test]
    fn a_crate_that_the_table_forgot_is_a_fault() {
        assert_eq!(check(&[package("new-crate", "mail-dns")]).len(), 1);
    }
}
