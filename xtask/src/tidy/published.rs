//! What every published crate carries.

use super::source::Source;
use crate::workspace::Package;

const CARRIES: &[&str] = &["README.md", "CHANGELOG.md"];

pub(super) fn check(packages: &[Package], files: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in packages.iter().filter(|p| p.published) {
        for name in CARRIES {
            let path = package.dir.join(name).display().to_string();
            if !files
                .iter()
                .any(|f| f.path == path && !f.text.trim().is_empty())
            {
                faults.push(format!("{path}: missing"));
            }
        }
        if !package.widest().is_empty() && !package.docs_rs {
            let manifest = package.dir.join("Cargo.toml");
            faults.push(format!(
                "{}: wants [package.metadata.docs.rs], or its features stay undocumented",
                manifest.display()
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_that_docs_rs_does_not_show_are_a_fault() {
        let with = |docs_rs| Package {
            dir: "crates/a".into(),
            published: true,
            feature_sets: vec![vec![], vec!["x".into()]],
            docs_rs,
            ..Package::default()
        };
        let files = ["README.md", "CHANGELOG.md"];
        let files = files.map(|name| Source::new(&format!("crates/a/{name}"), "# a"));
        assert!(check(&[with(true)], &files).is_empty());
        assert_eq!(check(&[with(false)], &files).len(), 1);
    }

    #[test]
    fn a_crate_without_a_changelog_is_a_fault() {
        let package = Package {
            dir: "crates/a".into(),
            published: true,
            ..Package::default()
        };
        let readme = Source::new("crates/a/README.md", "# a");
        let log = Source::new("crates/a/CHANGELOG.md", "# Changes");
        let both = [readme.clone(), log];
        assert!(check(std::slice::from_ref(&package), &both).is_empty());
        assert_eq!(check(&[package], &[readme]).len(), 1);
    }
}
